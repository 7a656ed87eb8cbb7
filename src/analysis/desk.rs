//! Where connections are judged as they come, and passed on when their verdict stands.

mod told;
#[cfg(feature = "pcap")]
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::Timestamp;
use crate::causes::CATALOGUE;
use crate::correlate::Watched;
use crate::diagnosis::refine::{Drops, Learned, Ledger};
use crate::diagnosis::{Cause, Diagnosis, Finding, Outcome, diagnose};
use crate::observation::Connection;
use crate::report::{Renderer, Summary, Tally};

use super::run::{Batch, Over};
use super::{Failure, Options, Selection};
use told::Told;

/// Connections held for the second step; past that they are written as they stand (ruling 23).
const MAX_HELD: usize = 100_000;

/// Exchanges of connections that are held: one may take 2 KB, and a connection keeps some hundred.
const MAX_HELD_EXCHANGES: usize = 200_000;

/// Hears of verdicts the moment that they are known, before the second step.
pub trait Listener {
    /// A connection that is open has failed already, whatever becomes of it. Each time that it is looked at.
    fn failing(&mut self, connection: &Connection, diagnosis: &Diagnosis);

    /// Something was found on a connection that failed: each cause once, as soon as it is known.
    fn found(&mut self, connection: &Connection, found: (&'static Cause, &Finding));

    /// A connection is over. `told`: something was found on it while it was open.
    fn judged(&mut self, connection: &Connection, diagnosis: &Diagnosis, told: bool);
}

/// Judges connections as they come and passes them on when their verdict stands.
pub(super) struct Desk<'r> {
    renderer: &'r mut dyn Renderer,
    /// What was lost so far, where the input goes on and somebody is told at once.
    drops: Drops,
    /// What is told, where that is not everything.
    selection: Option<Selection>,
    /// What was told of connections that are open.
    told: Told,
    tally: Tally,
    ledger: Ledger,
    learned: Arc<[Learned]>,
    held: VecDeque<(Box<Connection>, Diagnosis)>,
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
            drops: Drops::default(),
            tally: Tally::new(options.all_roles).of_selected(selection.is_some()),
            selection,
            told: Told::default(),
            ledger: Ledger::default(),
            learned: Arc::clone(&options.learned),
            held: VecDeque::new(),
            held_exchanges: 0,
            limited: Limited::default(),
            watched: None,
        }
    }

    /// Keeps what access logs are compared with, if there are `any`.
    pub(super) fn watching(self, any: bool) -> Desk<'r> {
        Desk { watched: any.then(Watched::default), ..self }
    }

    /// Judges connections that are over, all of them before they are passed on; puts those that are not held where they
    /// are wanted back.
    pub(super) fn take(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        batch.judge();
        let Batch { over, spent, .. } = batch;
        for over in over.drain(..) {
            let Over { connection, diagnosis: Some(diagnosis), part, .. } = over else { continue };
            let filed = self.file(connection, diagnosis)?;
            if let (Some(spent), Some(connection)) = (spent.as_mut(), filed) {
                spent.push((part, connection));
            }
        }
        Ok(())
    }

    /// Judges a connection that is over, and tells of it.
    pub(super) fn take_and_tell(
        &mut self,
        connection: Box<Connection>,
        listener: Option<&mut dyn Listener>,
    ) -> Result<(), Failure> {
        let diagnosis = diagnose(&connection, &CATALOGUE);
        if let Some(listener) = listener {
            self.tell(&connection, &diagnosis, listener);
        }
        self.file(connection, diagnosis).map(drop)
    }

    /// Passes on a connection with its verdict, or holds it until that stands. Gives it back where it is done with.
    fn file(&mut self, connection: Box<Connection>, diagnosis: Diagnosis) -> Result<Option<Box<Connection>>, Failure> {
        self.ledger.note(&connection, &diagnosis);
        if self.selection.as_ref().is_some_and(|selection| !selection.has(&connection)) {
            self.tally.leave_out(&connection);
            self.watch(&connection, &diagnosis);
            return Ok(Some(connection));
        }
        self.tally.note(&connection, &diagnosis);
        if Ledger::may_change(&diagnosis) {
            let exchanges = connection.exchanges().count();
            if self.held.len() < MAX_HELD && self.held_exchanges + exchanges <= MAX_HELD_EXCHANGES {
                self.held_exchanges += exchanges;
                if self.renderer.wants_first_verdicts() && self.wants(&diagnosis) {
                    self.renderer.connection(&connection, &diagnosis)?;
                }
                self.held.push_back((connection, diagnosis));
                return Ok(None);
            }
            self.limited.unrefined += 1;
        }
        self.watch(&connection, &diagnosis);
        if self.wants(&diagnosis) {
            self.tally.add(&connection, &diagnosis, &CATALOGUE);
            self.renderer.connection(&connection, &diagnosis)?;
        } else {
            self.tally.leave_out(&connection);
        }
        Ok(Some(connection))
    }

    /// Tells of a connection that is over, in the light of what came before it.
    fn tell(&mut self, connection: &Connection, diagnosis: &Diagnosis, listener: &mut dyn Listener) {
        let before = self.told.forget(connection.id);
        if self.selection.as_ref().is_some_and(|selection| !selection.has(connection)) || !self.wants(diagnosis) {
            return;
        }
        let told = before.is_some();
        if diagnosis.verdict.outcome == Outcome::Ok {
            listener.judged(connection, diagnosis, told);
            return;
        }
        let mut diagnosis = diagnosis.clone();
        self.ledger.refine(connection, &mut diagnosis, &self.drops, &CATALOGUE);
        if diagnosis.verdict.outcome == Outcome::Failed {
            told::worth(&diagnosis)
                .filter(|(cause, _)| !before.as_ref().is_some_and(|known| known.contains(cause.id())))
                .for_each(|found| listener.found(connection, found));
        }
        listener.judged(connection, &diagnosis, told);
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
        for (connection, diagnosis) in std::mem::take(&mut self.held) {
            self.second(&connection, diagnosis, drops)?;
        }
        Ok(Done { summary: self.tally.summary(), limited: self.limited, watched: self.watched })
    }

    /// Takes the second step for one connection, and passes it on.
    fn second(&mut self, connection: &Connection, mut diagnosis: Diagnosis, drops: &Drops) -> Result<(), Failure> {
        let written = self.renderer.wants_first_verdicts() && self.wants(&diagnosis);
        let refined = self.ledger.refine(connection, &mut diagnosis, drops, &CATALOGUE);
        let changed = Learned::name(&self.learned, connection, &mut diagnosis) || refined;
        self.watch(connection, &diagnosis);
        // The second step may bring the cause that was asked for, or take it away.
        let wanted = self.wants(&diagnosis);
        if wanted {
            self.tally.add(connection, &diagnosis, &CATALOGUE);
        } else {
            self.tally.leave_out(connection);
        }
        match (written, changed) {
            (false, _) if wanted => self.renderer.connection(connection, &diagnosis)?,
            (true, true) => self.renderer.refined(connection, &diagnosis)?,
            (false | true, _) => {}
        }
        Ok(())
    }
}
