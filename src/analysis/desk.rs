//! Where connections are judged as they come, and passed on when their verdict stands.

use crate::base::Timestamp;
use crate::causes::CATALOGUE;
use crate::correlate::Watched;
use crate::diagnosis::refine::{Drops, Ledger};
use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Renderer, Summary, Tally};

use super::{Failure, Options, Selection};

/// Connections held for the second step; past that they are written as they stand (ruling 23).
const MAX_HELD: usize = 100_000;

/// Exchanges of connections that are held: one may take 2 KB, and a connection keeps some hundred.
const MAX_HELD_EXCHANGES: usize = 200_000;

/// Judges connections as they come and passes them on when their verdict stands.
pub(super) struct Desk<'r> {
    renderer: &'r mut dyn Renderer,
    /// What is told, where that is not everything.
    selection: Option<Selection>,
    tally: Tally,
    ledger: Ledger,
    held: Vec<(Box<Connection>, Diagnosis)>,
    held_exchanges: usize,
    limited: Limited,
    /// What access logs are compared with, where there are any.
    watched: Option<Watched>,
}

/// What comes of all connections.
pub(super) struct Done {
    pub(super) summary: Summary,
    pub(super) limited: Limited,
    pub(super) watched: Option<Watched>,
}

/// What the second step had to do without.
#[derive(Debug, Default)]
pub(super) struct Limited {
    /// Verdicts that could not wait for it.
    pub(super) unrefined: u64,
    /// Failures behind the origin that could not be remembered.
    pub(super) inner: u64,
}

impl<'r> Desk<'r> {
    /// Begins; `first` is the time of the first packet, where that is known before it is read.
    pub(super) fn new(options: &Options, first: Option<Timestamp>, renderer: &'r mut dyn Renderer) -> Desk<'r> {
        let mut selection = Some(options.selection.clone()).filter(|wish| !wish.is_everything());
        if let (Some(selection), Some(first)) = (&mut selection, first) {
            selection.resolve(first);
        }
        Desk {
            renderer,
            tally: Tally::new(options.all_roles).of_selected(selection.is_some()),
            selection,
            ledger: Ledger::default(),
            held: Vec::new(),
            held_exchanges: 0,
            limited: Limited::default(),
            watched: None,
        }
    }

    /// Keeps what access logs are compared with, if there are `any`.
    pub(super) fn watching(self, any: bool) -> Desk<'r> {
        Desk { watched: any.then(Watched::default), ..self }
    }

    /// Judges a connection that is over.
    pub(super) fn take(&mut self, connection: Box<Connection>) -> Result<(), Failure> {
        let diagnosis = diagnose(&connection, &CATALOGUE);
        self.ledger.note(&connection, &diagnosis);
        if self.selection.as_ref().is_some_and(|selection| !selection.has(&connection)) {
            self.tally.leave_out(&connection);
            self.watch(&connection, &diagnosis);
            return Ok(());
        }
        self.tally.note(&connection, &diagnosis);
        if Ledger::may_change(&diagnosis) {
            let exchanges = connection.exchanges().count();
            if self.held.len() < MAX_HELD && self.held_exchanges + exchanges <= MAX_HELD_EXCHANGES {
                self.held_exchanges += exchanges;
                if self.renderer.wants_first_verdicts() && self.wants(&diagnosis) {
                    self.renderer.connection(&connection, &diagnosis)?;
                }
                self.held.push((connection, diagnosis));
                return Ok(());
            }
            self.limited.unrefined += 1;
        }
        self.watch(&connection, &diagnosis);
        if self.wants(&diagnosis) {
            self.tally.add(&connection, &diagnosis, position);
            self.renderer.connection(&connection, &diagnosis)?;
        } else {
            self.tally.leave_out(&connection);
        }
        Ok(())
    }

    /// Remembers a connection whose verdict stands.
    fn watch(&mut self, connection: &Connection, diagnosis: &Diagnosis) {
        if let Some(watched) = &mut self.watched {
            watched.note(connection, diagnosis);
        }
    }

    /// Whether the causes of a connection are among those that were asked for.
    fn wants(&self, diagnosis: &Diagnosis) -> bool {
        self.selection.as_ref().is_none_or(|selection| selection.has_cause(diagnosis))
    }

    /// Takes the second step, now that nothing more will come.
    pub(super) fn finish(mut self, drops: &Drops) -> Result<Done, Failure> {
        self.limited.inner = self.ledger.not_kept();
        for (connection, mut diagnosis) in std::mem::take(&mut self.held) {
            let written = self.renderer.wants_first_verdicts() && self.wants(&diagnosis);
            let changed = self.ledger.refine(&connection, &mut diagnosis, drops, &CATALOGUE);
            self.watch(&connection, &diagnosis);
            // The second step may bring the cause that was asked for, or take it away.
            let wanted = self.wants(&diagnosis);
            if wanted {
                self.tally.add(&connection, &diagnosis, position);
            } else {
                self.tally.leave_out(&connection);
            }
            match (written, changed) {
                (false, _) if wanted => self.renderer.connection(&connection, &diagnosis)?,
                (true, true) => self.renderer.refined(&connection, &diagnosis)?,
                (false | true, _) => {}
            }
        }
        Ok(Done { summary: self.tally.summary(), limited: self.limited, watched: self.watched })
    }
}

/// Where a cause stands in the catalogue.
fn position(cause: &Cause) -> usize {
    CATALOGUE.iter().position(|c| *c == cause).unwrap_or(usize::MAX)
}
