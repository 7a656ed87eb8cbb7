//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::{CaptureIndex, Timestamp};
use crate::causes::CATALOGUE;
use crate::diagnosis::refine::Ledger;
use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary, Tally};
use crate::source::{Merge, Source, Turn};

use super::filter::Filter;
use super::problems::problems;
use super::{Engine, Options, Selection};

/// Connections held for the second step; past that they are written as they stand (ruling 23).
const MAX_HELD: usize = 100_000;

/// Why an analysis could not be brought to its end.
#[derive(Debug)]
pub enum Failure {
    /// The report could not be written.
    Output(io::Error),
    /// The filter is no pcap-filter expression, or this build has no libpcap.
    Filter(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Output(e) => write!(f, "cannot write the report: {e}"),
            Failure::Filter(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Output(e)
    }
}

/// Reads the captures, all of them together in the order of time, and writes one report.
///
/// `progress` is told the bytes read so far of the capture in hand, from time to time.
///
/// # Errors
/// [`Failure`]; damage within a capture is no failure but a problem in the report.
pub fn run(
    mut sources: Vec<(String, Source)>,
    options: &Options,
    renderer: &mut dyn Renderer,
    progress: impl FnMut(usize, u64),
) -> Result<Summary, Failure> {
    let dayless = [options.selection.since, options.selection.until].iter().any(Option::is_some);
    // One source is not waited for without need.
    let first = if dayless { sources.iter_mut().filter_map(|(_, source)| source.due()).min() } else { None };
    let mut merge = Merge::new(sources.iter_mut().map(|(_, source)| source));
    let mut reading = Reading {
        engine: Engine::new(options),
        desk: Desk::new(options, first, renderer),
        filter: Filter::new(options.filter.as_deref())?,
        packets: 0,
        progress,
    };
    while let Some(turn) = merge.turn() {
        let Some((_, source)) = sources.get_mut(turn.capture) else { continue };
        reading.take_turn(turn, source)?;
        if !turn.is_last() {
            merge.again(turn, source.due());
        }
    }
    let Reading { engine, mut desk, .. } = reading;
    let noticed = engine.finish(|c| desk.take(c))?;
    let (summary, unrefined) = desk.finish()?;
    let mut problems = problems(&noticed, unrefined, sources.len());
    let captures: Vec<_> = sources
        .into_iter()
        .zip(0..)
        .map(|((path, source), i)| Capture {
            path,
            info: source.info().clone(),
            problems: problems.remove(&i).unwrap_or_default(),
        })
        .collect();
    renderer.finish(&captures, &summary)?;
    Ok(summary)
}

/// How many packets pass between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

/// What packets go through.
struct Reading<'r, P> {
    engine: Engine<'r>,
    desk: Desk<'r>,
    filter: Filter<'r>,
    packets: u64,
    progress: P,
}

impl<P: FnMut(usize, u64)> Reading<'_, P> {
    /// Reads one capture as long as its packets come before those of the others. This is the only place where a packet
    /// goes in, so that its whole way is compiled into one function.
    fn take_turn(&mut self, turn: Turn, source: &mut Source) -> Result<(), Failure> {
        // More captures than there are numbers for are told as the last one.
        let index = CaptureIndex::try_from(turn.capture).unwrap_or(CaptureIndex::MAX);
        while turn.is_last() || source.due().is_some_and(|time| turn.includes(time)) {
            let Some(packet) = source.next_packet() else { break };
            if self.filter.passes(&packet)? {
                self.engine.packet(index, &packet, |c| self.desk.take(c))?;
            }
            self.packets += 1;
            if self.packets.is_multiple_of(PROGRESS_EVERY) {
                (self.progress)(turn.capture, source.info().bytes);
            }
        }
        Ok(())
    }
}

/// Judges connections as they come and passes them on when their verdict stands.
struct Desk<'r> {
    renderer: &'r mut dyn Renderer,
    /// What is told, where that is not everything.
    selection: Option<Selection>,
    tally: Tally,
    ledger: Ledger,
    held: Vec<(Connection, Diagnosis)>,
    unrefined: u64,
}

impl<'r> Desk<'r> {
    fn new(options: &Options, first: Option<Timestamp>, renderer: &'r mut dyn Renderer) -> Desk<'r> {
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
            unrefined: 0,
        }
    }

    fn take(&mut self, connection: Connection) -> Result<(), Failure> {
        let diagnosis = diagnose(&connection, &CATALOGUE);
        self.ledger.note(&connection, &diagnosis);
        if self.selection.as_ref().is_some_and(|selection| !selection.has(&connection)) {
            self.tally.leave_out(&connection);
            return Ok(());
        }
        if Ledger::may_change(&diagnosis) {
            if self.held.len() < MAX_HELD {
                if self.renderer.wants_first_verdicts() && self.wants(&diagnosis) {
                    self.renderer.connection(&connection, &diagnosis)?;
                }
                self.held.push((connection, diagnosis));
                return Ok(());
            }
            self.unrefined += 1;
        }
        if self.wants(&diagnosis) {
            self.tally.add(&connection, &diagnosis, position);
            self.renderer.connection(&connection, &diagnosis)?;
        } else {
            self.tally.leave_out(&connection);
        }
        Ok(())
    }

    /// Whether the causes of a connection are among those that were asked for.
    fn wants(&self, diagnosis: &Diagnosis) -> bool {
        self.selection.as_ref().is_none_or(|selection| selection.has_cause(diagnosis))
    }

    fn finish(mut self) -> Result<(Summary, u64), Failure> {
        for (connection, mut diagnosis) in std::mem::take(&mut self.held) {
            let written = self.renderer.wants_first_verdicts() && self.wants(&diagnosis);
            let changed = self.ledger.refine(&connection, &mut diagnosis);
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
        Ok((self.tally.summary(), self.unrefined))
    }
}

/// Where a cause stands in the catalogue.
fn position(cause: &Cause) -> usize {
    CATALOGUE.iter().position(|c| *c == cause).unwrap_or(usize::MAX)
}
