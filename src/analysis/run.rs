//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::CaptureIndex;
use crate::causes::CATALOGUE;
use crate::diagnosis::refine::{Drops, Ledger};
use crate::diagnosis::{Cause, Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Capture, CaptureProblem, Renderer, Summary, Tally};
use crate::source::{Info, ProblemKind, Source};

use super::filter::Filter;
use super::{Engine, Noticed, Options};

/// Connections held for the second step; past that they are written as they stand (ruling 23).
const MAX_HELD: usize = 100_000;

/// Exchanges of connections that are held: one may take 2 KB, and a connection keeps some hundred.
const MAX_HELD_EXCHANGES: usize = 200_000;

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
    let (summary, limited) = desk.finish(&drops(captures.iter().map(|c| &c.info)))?;
    if let Some(capture) = captures.first_mut() {
        capture.problems = problems(&noticed, limited);
    }
    renderer.finish(&captures, &summary)?;
    Ok(summary)
}

/// What the captures themselves say that they lack.
pub(super) fn drops<'i>(infos: impl Iterator<Item = &'i Info>) -> Drops {
    let dropped = |info: &Info| {
        let told = info.problems.iter().filter(|p| p.kind == ProblemKind::FramesDropped);
        told.map(|p| p.count).sum::<u64>()
    };
    (0..).zip(infos.map(dropped)).filter(|&(_, count)| count > 0).collect()
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
    held_exchanges: usize,
    limited: Limited,
}

/// What the second step had to do without.
#[derive(Debug, Default)]
pub(super) struct Limited {
    /// Verdicts that could not wait for it.
    unrefined: u64,
    /// Failures behind the origin that could not be remembered.
    inner: u64,
}

impl<'r> Desk<'r> {
    pub(super) fn new(options: &Options, renderer: &'r mut dyn Renderer) -> Desk<'r> {
        Desk {
            renderer,
            tally: Tally::new(options.all_roles),
            ledger: Ledger::default(),
            held: Vec::new(),
            held_exchanges: 0,
            limited: Limited::default(),
        }
    }

    pub(super) fn take(&mut self, connection: Connection) -> Result<(), Failure> {
        let diagnosis = diagnose(&connection, &CATALOGUE);
        self.ledger.note(&connection, &diagnosis);
        if Ledger::may_change(&diagnosis) {
            let exchanges = connection.http.as_ref().map_or(0, |http| http.exchanges.len());
            if self.held.len() < MAX_HELD && self.held_exchanges + exchanges <= MAX_HELD_EXCHANGES {
                self.held_exchanges += exchanges;
                if self.renderer.wants_first_verdicts() {
                    self.renderer.connection(&connection, &diagnosis)?;
                }
                self.held.push((connection, diagnosis));
                return Ok(());
            }
            self.limited.unrefined += 1;
        }
        self.pass(&connection, &diagnosis)
    }

    fn pass(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> Result<(), Failure> {
        self.tally.add(connection, diagnosis, position);
        Ok(self.renderer.connection(connection, diagnosis)?)
    }

    pub(super) fn finish(mut self, drops: &Drops) -> Result<(Summary, Limited), Failure> {
        self.limited.inner = self.ledger.not_kept();
        let written = self.renderer.wants_first_verdicts();
        for (connection, mut diagnosis) in std::mem::take(&mut self.held) {
            let changed = self.ledger.refine(&connection, &mut diagnosis, drops);
            self.tally.add(&connection, &diagnosis, position);
            match (written, changed) {
                (false, _) => self.renderer.connection(&connection, &diagnosis)?,
                (true, true) => self.renderer.refined(&connection, &diagnosis)?,
                (true, false) => {}
            }
        }
        Ok((self.tally.summary(), self.limited))
    }
}

/// Where a cause stands in the catalogue.
fn position(cause: &Cause) -> usize {
    CATALOGUE.iter().position(|c| *c == cause).unwrap_or(usize::MAX)
}

/// What limits the conclusions, in the report's words.
fn problems(noticed: &Noticed, limited: Limited) -> Vec<CaptureProblem> {
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
            "clock-steps",
            noticed.clock_steps,
            "times at which the clock was set back by more than 10 s; no verdict rests on a duration across that"
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
            "roles-limited",
            noticed.hosts_limited,
            "connections to more servers than are remembered; what these connect to counts as the edge's".to_owned(),
        ),
        (
            "verdicts-not-refined",
            limited.unrefined,
            "verdicts written without the second look that compares connections with each other".to_owned(),
        ),
        (
            "inner-failures-limited",
            limited.inner,
            "failed connections from this host to its upstreams that could not be named in what they caused".to_owned(),
        ),
    ];
    let met = all.into_iter().filter(|&(_, count, _)| count > 0);
    met.map(|(kind, count, detail)| CaptureProblem { kind, count, detail }).collect()
}
