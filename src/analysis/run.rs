//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::CaptureIndex;
use crate::causes::CATALOGUE;
use crate::diagnosis::refine::Ledger;
use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Capture, CaptureProblem, Renderer, Summary, Tally};
use crate::source::Source;

use super::filter::Filter;
use super::{Engine, Noticed, Options};

/// Connections held for the second step; past that they are written as they stand (ruling 23).
const MAX_HELD: usize = 100_000;

/// Why an analysis could not be brought to its end.
#[derive(Debug)]
pub enum Failure {
    /// The report could not be written.
    Output(io::Error),
    /// The filter is no pcap-filter expression, or this build has no libpcap.
    Filter(String),
    /// The capture has no frame of this number.
    NoFrame {
        /// The number.
        frame: u64,
        /// How many there are.
        frames: u64,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Output(e) => write!(f, "cannot write the report: {e}"),
            Failure::Filter(why) => f.write_str(why),
            Failure::NoFrame { frame, frames } => {
                write!(
                    f,
                    "there is no frame {frame}: the capture has {frames} packet{}",
                    if *frames == 1 { "" } else { "s" }
                )
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Output(e)
    }
}

/// Reads the captures one after the other and writes one report of all.
///
/// `progress` is told the bytes read so far of the capture in hand, from time to time.
///
/// # Errors
/// [`Failure`]; damage within a capture is no failure but a problem in the report.
pub fn run(
    sources: Vec<(String, Source)>,
    options: &Options,
    renderer: &mut dyn Renderer,
    mut progress: impl FnMut(usize, u64),
) -> Result<Summary, Failure> {
    let mut engine = Engine::new(options);
    let mut desk = Desk::new(options, renderer);
    let mut captures = Vec::with_capacity(sources.len());
    for (i, (path, mut source)) in sources.into_iter().enumerate() {
        read(&mut engine, &mut desk, (i, &mut source), options, &mut progress)?;
        captures.push(Capture { path, info: source.info().clone(), problems: Vec::new() });
    }
    let noticed = engine.finish(|c| desk.take(c))?;
    let (summary, unrefined) = desk.finish()?;
    if let Some(capture) = captures.first_mut() {
        capture.problems = problems(&noticed, unrefined);
    }
    renderer.finish(&captures, &summary)?;
    Ok(summary)
}

/// How many packets pass between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 16;

fn read(
    engine: &mut Engine<'_>,
    desk: &mut Desk<'_>,
    (i, source): (usize, &mut Source),
    options: &Options,
    progress: &mut impl FnMut(usize, u64),
) -> Result<(), Failure> {
    let index = CaptureIndex::try_from(i).unwrap_or(CaptureIndex::MAX);
    let mut filter = Filter::new(options.filter.as_deref())?;
    let mut packets = 0u64;
    while let Some(packet) = source.next_packet() {
        if filter.passes(&packet)? {
            engine.packet(index, &packet, |c| desk.take(c))?;
        }
        packets += 1;
        if packets.is_multiple_of(PROGRESS_EVERY) {
            progress(i, source.info().bytes);
        }
    }
    Ok(())
}

/// Judges connections as they come and passes them on when their verdict stands.
pub(super) struct Desk<'r> {
    renderer: &'r mut dyn Renderer,
    tally: Tally,
    ledger: Ledger,
    held: Vec<(Connection, Diagnosis)>,
    unrefined: u64,
}

impl<'r> Desk<'r> {
    pub(super) fn new(options: &Options, renderer: &'r mut dyn Renderer) -> Desk<'r> {
        Desk {
            renderer,
            tally: Tally::new(options.all_roles),
            ledger: Ledger::default(),
            held: Vec::new(),
            unrefined: 0,
        }
    }

    pub(super) fn take(&mut self, connection: Connection) -> Result<(), Failure> {
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

    pub(super) fn finish(mut self) -> Result<(Summary, u64), Failure> {
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

/// What limits the conclusions, in the report's words.
fn problems(noticed: &Noticed, unrefined: u64) -> Vec<CaptureProblem> {
    let undecodable = match &noticed.first_undecodable {
        Some((frame, why)) => format!("packets that could not be decoded, the first in frame {frame}: {why}"),
        None => String::new(),
    };
    let all = [
        ("undecodable-frames", noticed.undecodable, undecodable),
        (
            "fragments-not-reassembled",
            noticed.fragments,
            "IP fragments of which others are missing; what they carry was not looked at".to_owned(),
        ),
        (
            "conflicting-fragments",
            noticed.conflicting_fragments,
            "IP fragments that differ from earlier ones where they overlap; the earlier ones were taken".to_owned(),
        ),
        (
            "duplicate-frames",
            noticed.duplicates,
            "packets that were captured more than once (`-i any`, a mirror port); counted, but not as retransmissions"
                .to_owned(),
        ),
        (
            "one-sided",
            noticed.one_sided,
            "connections of which only one direction was captured; capture on the interface that carries both"
                .to_owned(),
        ),
        (
            "connections-evicted",
            noticed.evicted,
            "connections put away early because the table of open connections was full; raise --max-connections"
                .to_owned(),
        ),
        (
            "reassembly-limited",
            noticed.reassembly_limited,
            "connections with more bytes out of order than are kept; holes in them were given up early".to_owned(),
        ),
        (
            "verdicts-not-refined",
            unrefined,
            "verdicts written without the second look that compares connections with each other".to_owned(),
        ),
    ];
    let met = all.into_iter().filter(|&(_, count, _)| count > 0);
    met.map(|(kind, count, detail)| CaptureProblem { kind, count, detail }).collect()
}
