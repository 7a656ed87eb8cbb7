//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::CaptureIndex;
use crate::causes::CATALOGUE;
use crate::diagnosis::refine::Ledger;
use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary, Tally};
use crate::source::{Merge, Packet, Source, Turn};

use super::filter::Filter;
use super::problems::problems;
use super::{Engine, Options};

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
    let mut merge = Merge::new(sources.iter_mut().map(|(_, source)| source));
    let mut reading = Reading {
        engine: Engine::new(options),
        desk: Desk::new(options, renderer),
        filter: Filter::new(options.filter.as_deref())?,
        packets: 0,
        progress,
    };
    while let Some(turn) = merge.turn() {
        let Some((_, source)) = sources.get_mut(turn.capture) else { continue };
        if turn.is_last() {
            reading.to_the_end(turn.capture, source)?;
        } else {
            reading.while_earliest(turn, source)?;
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
    /// Reads all that is left of one capture.
    fn to_the_end(&mut self, capture: usize, source: &mut Source) -> Result<(), Failure> {
        let index = index(capture);
        while let Some(packet) = source.next_packet() {
            self.packet(index, &packet)?;
            if self.packets.is_multiple_of(PROGRESS_EVERY) {
                (self.progress)(capture, source.info().bytes);
            }
        }
        Ok(())
    }

    /// Reads one capture as long as its packets come before those of the others.
    fn while_earliest(&mut self, turn: Turn, source: &mut Source) -> Result<(), Failure> {
        let index = index(turn.capture);
        while source.due().is_some_and(|time| turn.includes(time))
            && let Some(packet) = source.next_packet()
        {
            self.packet(index, &packet)?;
            if self.packets.is_multiple_of(PROGRESS_EVERY) {
                (self.progress)(turn.capture, source.info().bytes);
            }
        }
        Ok(())
    }

    #[inline]
    fn packet(&mut self, capture: CaptureIndex, packet: &Packet<'_>) -> Result<(), Failure> {
        self.packets += 1;
        if self.filter.passes(packet)? {
            self.engine.packet(capture, packet, |c| self.desk.take(c))?;
        }
        Ok(())
    }
}

/// More captures than there are numbers for are told as the last one.
fn index(capture: usize) -> CaptureIndex {
    CaptureIndex::try_from(capture).unwrap_or(CaptureIndex::MAX)
}

/// Judges connections as they come and passes them on when their verdict stands.
struct Desk<'r> {
    renderer: &'r mut dyn Renderer,
    tally: Tally,
    ledger: Ledger,
    held: Vec<(Connection, Diagnosis)>,
    unrefined: u64,
}

impl<'r> Desk<'r> {
    fn new(options: &Options, renderer: &'r mut dyn Renderer) -> Desk<'r> {
        Desk {
            renderer,
            tally: Tally::new(options.all_roles),
            ledger: Ledger::default(),
            held: Vec::new(),
            unrefined: 0,
        }
    }

    fn take(&mut self, connection: Connection) -> Result<(), Failure> {
        let diagnosis = diagnose(&connection, &CATALOGUE);
        self.ledger.note(&connection, &diagnosis);
        if Ledger::may_change(&diagnosis) {
            if self.held.len() < MAX_HELD {
                if self.renderer.wants_first_verdicts() {
                    self.renderer.connection(&connection, &diagnosis)?;
                }
                self.held.push((connection, diagnosis));
                return Ok(());
            }
            self.unrefined += 1;
        }
        self.pass(&connection, &diagnosis)
    }

    fn pass(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> Result<(), Failure> {
        self.tally.add(connection, diagnosis, position);
        Ok(self.renderer.connection(connection, diagnosis)?)
    }

    fn finish(mut self) -> Result<(Summary, u64), Failure> {
        let written = self.renderer.wants_first_verdicts();
        for (connection, mut diagnosis) in std::mem::take(&mut self.held) {
            let changed = self.ledger.refine(&connection, &mut diagnosis);
            self.tally.add(&connection, &diagnosis, position);
            match (written, changed) {
                (false, _) => self.renderer.connection(&connection, &diagnosis)?,
                (true, true) => self.renderer.refined(&connection, &diagnosis)?,
                (true, false) => {}
            }
        }
        Ok((self.tally.summary(), self.unrefined))
    }
}

/// Where a cause stands in the catalogue.
fn position(cause: &Cause) -> usize {
    CATALOGUE.iter().position(|c| *c == cause).unwrap_or(usize::MAX)
}
