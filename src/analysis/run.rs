//! One analysis from the first packet to the last line of the report.

use std::fmt;
use std::io;

use crate::base::CaptureIndex;
use crate::causes::CATALOGUE;
use crate::correlate::{Gathered, Log, join};
use crate::diagnosis::refine::Drops;
use crate::diagnosis::{Diagnosis, diagnose};
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary};
use crate::source::{Info, Merge, ProblemKind, Source, Turn};

use super::apart::{self, Shared};
use super::coverage::known;
use super::desk::{Desk, Done, Limited};
use super::engine::{Opened, Part, Place};
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
    let mut take = |batch: &mut Batch| desk.take(batch);
    let shared = if options.threads > 1 { Shared::out(&sources, options) } else { None };
    if shared.is_none() && options.threads > 1 {
        sources.iter_mut().for_each(|(_, source)| source.read_ahead());
    }
    let noticed = match shared {
        Some(shared) => apart::read(&mut sources, shared, options, &mut take, &mut progress)?,
        None if options.threads > 2 => apart::read(&mut sources, Shared::TO_ONE, options, &mut take, &mut progress)?,
        None => read(&mut sources, options, Part::ALL, &mut take, &mut progress)?,
    };
    let drops = drops(sources.iter().map(|(_, source)| source.info()));
    let Done { mut summary, limited, watched } = desk.finish(&drops)?;
    let sources = sources.into_iter().map(|(path, source)| (path, source.info().clone()));
    let mut captures = captured(sources.collect(), &noticed, &limited);
    if let Some(watched) = watched {
        let known = known(&captures, !drops.is_empty() || options.filter.is_some() || !options.ports.is_empty());
        let gathered = Gathered::read(logs, &known.spans);
        renderer.logs(&join(watched, gathered, &known))?;
    }
    if let Some(probed) = &options.probed {
        captures.iter_mut().for_each(|capture| capture.synthetic = true);
        summary.headline = probed.headline(&summary.headline, summary.counts.connections);
        renderer.probe(probed)?;
    }
    renderer.finish(&captures, &summary)?;
    Ok(summary)
}

/// When something became of a connection: by the position of the packet that told it, by the place among what that one
/// told, and for what the end of the input tells by the position of the connection's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Order {
    pub(super) packet: u64,
    place: Place,
    first: u64,
}

impl Order {
    /// Behind all packets.
    pub(super) const END: Order = Order { packet: u64::MAX, place: Place::BEHIND, first: u64::MAX };

    /// When the connection began that this packet opened.
    pub(super) const fn opened(packet: u64) -> Order {
        Order { packet, place: Place::OPENED, first: 0 }
    }

    /// Before all that this packet tells.
    const fn before(packet: u64) -> Order {
        Order { packet, place: Place::FIRST, first: 0 }
    }
}

/// A connection that is over.
pub(super) struct Over {
    pub(super) order: Order,
    pub(super) connection: Box<Connection>,
    /// The verdict by what is known of the connection, where somebody has looked at it already.
    pub(super) diagnosis: Option<Diagnosis>,
    /// The part that followed it.
    pub(super) part: usize,
    /// How much memory it takes, see [`weight`].
    pub(super) weight: usize,
}

/// What a connection weighs, beside its exchanges of which each weighs 1: some 400 bytes with its texts.
pub(super) const CONNECTION: usize = 8;

/// How much memory a connection takes: from a few KB to some hundred.
pub(super) fn weight(c: &Connection) -> usize {
    let http1 = c.http.as_ref().map_or(0, |http| http.exchanges.len());
    CONNECTION + http1 + c.http2.as_ref().map_or(0, |http| http.exchanges.len())
}

impl Over {
    fn at(order: Order, connection: Box<Connection>, part: Part) -> Over {
        let weight = weight(&connection);
        Over { order, connection, diagnosis: None, part: part.index, weight }
    }

    /// Looks at it, where nobody has.
    pub(super) fn judge(&mut self) {
        if self.diagnosis.is_none() {
            self.diagnosis = Some(diagnose(&self.connection, &CATALOGUE));
        }
    }
}

/// What became of connections, in order.
#[derive(Default)]
pub(super) struct Batch {
    /// Those that were opened, where the register is kept by whoever takes the batch.
    pub(super) opened: Vec<Opened>,
    /// Those that are over.
    pub(super) over: Vec<Over>,
    /// All that was told before this is in this batch, or in one before.
    pub(super) upto: Order,
    /// How much memory what is here takes, see [`weight`].
    pub(super) weight: usize,
    /// Nobody knows when there will be more.
    pub(super) is_urgent: bool,
    /// Those that are done with, each with its part, where somebody wants them back.
    pub(super) spent: Option<Vec<(usize, Box<Connection>)>>,
}

/// Connections that are judged at once: what judges them is as much code as a processor keeps at hand, and so is what
/// follows packets. Few enough for their data to be at hand as well.
const BATCH: usize = 32;

impl Batch {
    /// Adds a connection that is over.
    pub(super) fn push(&mut self, over: Over) {
        self.weight += over.weight;
        self.over.push(over);
    }

    /// Takes what another one holds, which comes after this.
    pub(super) fn append(&mut self, next: &mut Batch) {
        self.opened.append(&mut next.opened);
        self.over.append(&mut next.over);
        self.weight += std::mem::take(&mut next.weight);
        (self.upto, self.is_urgent) = (next.upto, next.is_urgent);
    }

    /// Hands on what is here.
    pub(super) fn hand_to(&mut self, done: &mut Take<'_>) -> Result<(), Failure> {
        done(self)?;
        (self.weight, self.is_urgent) = (0, false);
        Ok(())
    }

    /// Looks at all that nobody has looked at.
    pub(super) fn judge(&mut self) {
        self.over.iter_mut().for_each(Over::judge);
    }

    /// Whether it is to be handed on.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.weight >= BATCH * CONNECTION
    }
}

/// What takes the connections that are over, and leaves the batch empty.
pub(super) type Take<'d> = dyn FnMut(&mut Batch) -> Result<(), Failure> + 'd;

/// What is told the bytes read of the capture in hand.
pub(super) type Progress<'p> = dyn FnMut(usize, u64) + 'p;

/// Reads all captures, and hands on the connections of this part that are over.
pub(super) fn read(
    sources: &mut [(String, Source)],
    options: &Options,
    part: Part,
    done: &mut Take<'_>,
    progress: &mut Progress<'_>,
) -> Result<Noticed, Failure> {
    let captures = sources.len();
    let mut merge = Merge::new(sources.iter_mut().map(|(_, source)| source));
    let mut reading = Reading {
        engine: Engine::of_part(options, part),
        filter: Filter::new(options.filter.as_deref())?,
        packets: 0,
        secrets: vec![0; captures],
        over: Gathering { batch: Batch::default(), part, done },
        progress,
    };
    while let Some(turn) = merge.turn() {
        let Some((_, source)) = sources.get_mut(turn.capture) else { continue };
        reading.take_turn(turn, source)?;
        if !turn.is_last() {
            merge.again(turn, source.due());
        }
    }
    reading.hand_on()?;
    let Reading { engine, mut over, .. } = reading;
    let noticed = engine.finish(|c| {
        let order = Order { first: c.first.order(), ..Order::END };
        over.batch.push(Over::at(order, c, part));
        if over.batch.is_full() { over.batch.hand_to(over.done) } else { Ok(()) }
    })?;
    (over.batch.upto, over.batch.is_urgent) = (Order::END, true);
    over.batch.hand_to(over.done)?;
    Ok(noticed)
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
pub(super) const PROGRESS_EVERY: u64 = 1 << 12;

/// What packets go through.
struct Reading<'r, 'd> {
    engine: Engine<'r>,
    filter: Filter<'r>,
    packets: u64,
    /// Blocks of secrets that were taken of each capture.
    secrets: Vec<usize>,
    over: Gathering<'d>,
    progress: &'d mut Progress<'d>,
}

/// Gathers what is over.
struct Gathering<'d> {
    batch: Batch,
    part: Part,
    done: &'d mut Take<'d>,
}

impl Gathering<'_> {
    fn take(&mut self, order: Order, connection: Box<Connection>) -> Result<(), Failure> {
        self.batch.push(Over::at(order, connection, self.part));
        // What was opened is with the engine, and must come first where others keep the register.
        if self.batch.is_full() && !self.part.is_one_of_several() { self.batch.hand_to(self.done) } else { Ok(()) }
    }
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
                let order = self.engine.order();
                self.engine
                    .follow(index, &packet, |place, c| self.over.take(Order { place, ..Order::before(order) }, c))?;
            }
            self.packets += 1;
            let is_urgent = source.is_waiting();
            if self.over.batch.is_full() || is_urgent {
                self.over.batch.is_urgent = is_urgent;
                self.hand_on()?;
            }
            if self.packets.is_multiple_of(PROGRESS_EVERY) {
                (self.progress)(turn.capture, source.info().bytes);
                if self.over.part.is_one_of_several() {
                    // Others may wait for what comes of these packets, and be it nothing.
                    self.hand_on()?;
                }
            }
        }
        if let Some(taken) = self.secrets.get_mut(turn.capture) {
            *taken = known;
        }
        Ok(())
    }

    /// Hands on what became of connections so far.
    #[inline(never)]
    fn hand_on(&mut self) -> Result<(), Failure> {
        self.over.batch.opened = self.engine.take_opened();
        self.over.batch.weight += self.over.batch.opened.len();
        self.over.batch.upto = Order::before(self.engine.order());
        self.over.batch.hand_to(self.over.done)
    }
}
