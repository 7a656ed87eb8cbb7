//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::CaptureIndex;
use crate::correlate::{Gathered, Log, join};
use crate::diagnosis::refine::Drops;
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary};
use crate::source::{Info, Merge, ProblemKind, Source, Turn};

use super::apart;
use super::coverage::known;
use super::desk::{Desk, Done, Limited};
use super::filter::Filter;
use super::problems::problems;
use super::{Engine, Noticed, Options};

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

/// Reads the captures, all of them together in the order of time, and writes one report.
///
/// `progress` is told the bytes read so far of the capture in hand, from time to time.
///
/// # Errors
/// [`Failure`]; damage within a capture is no failure but a problem in the report.
pub fn run(
    sources: Vec<(String, Source)>,
    options: &Options,
    renderer: &mut dyn Renderer,
    progress: impl FnMut(usize, u64),
) -> Result<Summary, Failure> {
    run_with_logs(sources, Vec::new(), options, renderer, progress)
}

/// The same, and joins access logs with it: they are read when the captures are.
///
/// # Errors
/// [`Failure`], as [`run`]; damage within a log is told in the report.
pub fn run_with_logs(
    mut sources: Vec<(String, Source)>,
    logs: Vec<Log>,
    options: &Options,
    renderer: &mut dyn Renderer,
    mut progress: impl FnMut(usize, u64),
) -> Result<Summary, Failure> {
    let dayless = [options.selection.since, options.selection.until].iter().any(Option::is_some);
    // One source is not waited for without need.
    let first = if dayless { sources.iter_mut().filter_map(|(_, source)| source.due()).min() } else { None };
    let mut desk = Desk::new(options, first, renderer).watching(!logs.is_empty());
    let noticed = if options.threads > 2 {
        apart::read(&mut sources, options, &mut |c| desk.take(c), &mut progress)?
    } else {
        read(&mut sources, options, &mut |c| desk.take(c), &mut progress)?
    };
    let drops = drops(sources.iter().map(|(_, source)| source.info()));
    let Done { summary, limited, watched } = desk.finish(&drops)?;
    let sources = sources.into_iter().map(|(path, source)| (path, source.info().clone()));
    let mut captures = captured(sources.collect(), &noticed, &limited);
    if let Some(watched) = watched {
        let known = known(&captures, !drops.is_empty() || options.filter.is_some() || !options.ports.is_empty());
        let gathered = Gathered::read(logs, &known.spans);
        renderer.logs(&join(watched, gathered, &known))?;
    }
    if let Some(probed) = &options.probed {
        captures.iter_mut().for_each(|capture| capture.synthetic = true);
        renderer.probe(probed)?;
    }
    renderer.finish(&captures, &summary)?;
    Ok(summary)
}

/// What takes a connection that is over.
pub(super) type Take<'d> = dyn FnMut(Box<Connection>) -> Result<(), Failure> + 'd;

/// What is told the bytes read of the capture in hand.
pub(super) type Progress<'p> = dyn FnMut(usize, u64) + 'p;

/// Reads all captures, and hands on each connection when it is over.
pub(super) fn read(
    sources: &mut [(String, Source)],
    options: &Options,
    done: &mut Take<'_>,
    progress: &mut Progress<'_>,
) -> Result<Noticed, Failure> {
    let captures = sources.len();
    let mut merge = Merge::new(sources.iter_mut().map(|(_, source)| source));
    let mut reading = Reading {
        engine: Engine::new(options),
        filter: Filter::new(options.filter.as_deref())?,
        packets: 0,
        secrets: vec![0; captures],
        done,
        progress,
    };
    while let Some(turn) = merge.turn() {
        let Some((_, source)) = sources.get_mut(turn.capture) else { continue };
        reading.take_turn(turn, source)?;
        if !turn.is_last() {
            merge.again(turn, source.due());
        }
    }
    let Reading { engine, done, .. } = reading;
    engine.finish(done)
}

/// What is told of each capture.
pub(super) fn captured(captures: Vec<(String, Info)>, noticed: &Noticed, limited: &Limited) -> Vec<Capture> {
    let mut problems = problems(noticed, limited, captures.len());
    let told = captures.into_iter().zip(0..);
    told.map(|((path, info), i)| Capture {
        path,
        info,
        problems: problems.remove(&i).unwrap_or_default(),
        synthetic: false,
    })
    .collect()
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

/// What packets go through.
struct Reading<'r, 'd> {
    engine: Engine<'r>,
    filter: Filter<'r>,
    packets: u64,
    /// Blocks of secrets that were taken of each capture.
    secrets: Vec<usize>,
    done: &'d mut Take<'d>,
    progress: &'d mut Progress<'d>,
}

impl Reading<'_, '_> {
    /// Reads one capture as long as its packets come before those of the others. This is the only place where a packet
    /// goes in, so that its whole way is compiled into one function.
    fn take_turn(&mut self, turn: Turn, source: &mut Source) -> Result<(), Failure> {
        // More captures than there are numbers for are told as the last one.
        let index = CaptureIndex::try_from(turn.capture).unwrap_or(CaptureIndex::MAX);
        let mut known = self.secrets.get(turn.capture).copied().unwrap_or_default();
        while turn.is_last() || source.due().is_some_and(|time| turn.includes(time)) {
            if source.info().secrets.len() > known {
                known = self.engine.learn(&source.info().secrets, known);
            }
            let Some(packet) = source.next_packet() else { break };
            if self.filter.passes(&packet)? {
                self.engine.packet(index, &packet, &mut *self.done)?;
            }
            self.packets += 1;
            if self.packets.is_multiple_of(PROGRESS_EVERY) {
                (self.progress)(turn.capture, source.info().bytes);
            }
        }
        if let Some(taken) = self.secrets.get_mut(turn.capture) {
            *taken = known;
        }
        Ok(())
    }
}
