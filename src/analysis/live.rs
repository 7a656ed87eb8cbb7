//! An analysis that goes on until it is told to stop: of interfaces instead of files.
//!
//! Invariant: packets go through the same engine as those of files. What is added is a clock that also runs when no
//! packet comes: what has ended is told at once, and what is open is looked at as if the capture ended now.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime};

use crate::base::{CaptureIndex, Micros, Timestamp};
use crate::diagnosis::{Cause, Diagnosis, Finding, Outcome};
use crate::observation::Connection;
use crate::report::{Renderer, Summary};
use crate::source::live::{Change, Live};

use super::desk::{Desk, Done, Listener};
use super::engine::Swept;
use super::ring::Ring;
use super::run::{captured, drops};
use super::{Engine, Failure, Options};

/// Between two sweeps over what is open.
const SWEEP: Duration = Duration::from_millis(200);

/// Between two words about how it goes.
const TURN: Duration = Duration::from_secs(1);

/// Packets taken before it is asked whether to stop.
const BATCH: usize = 4_096;

/// Packets come at most so long after their time: the kernel gathers them, and several interfaces take turns.
const ON_THEIR_WAY: Micros = Micros::from_millis(100);

/// A clock that goes by so much faster or slower than time was set.
const SET: Duration = Duration::from_millis(300);

/// A verdict waits so long for others that may change it.
const SECOND_LOOK_AFTER: Micros = Micros::from_secs(60);

/// When an analysis of interfaces ends.
#[derive(Clone, Copy)]
pub struct Until<'s> {
    /// After so long.
    pub duration: Option<Duration>,
    /// After so many packets.
    pub count: Option<u64>,
    /// When this is readable, which interrupts a wait.
    pub stop: Option<BorrowedFd<'s>>,
    /// When this says so.
    pub stopped: &'s dyn Fn() -> bool,
}

/// Why an analysis of interfaces ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As it was to.
    AsAsked,
    /// No interface was left.
    NoInterface,
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Packets so far.
    pub packets: u64,
    /// Packets that were dropped so far.
    pub dropped: u64,
    /// Connections that are open now.
    pub open: usize,
}

/// Who is told of what happens, while it happens.
pub trait Watcher: Listener {
    /// Once in a second.
    ///
    /// # Errors
    /// That it is to end.
    fn turn(&mut self, status: &Status) -> io::Result<()>;

    /// Packets are about to be taken: what is to be known before.
    fn before_packets(&mut self) {}

    /// The packets of so many connections that failed were not saved: too many failed at once.
    fn not_saved(&mut self, connections: u64);

    /// Packets cannot be kept any more.
    fn not_kept(&mut self, why: &io::Error);

    /// Something happened to the interface of this name.
    fn changed(&mut self, interface: &str, change: &Change);
}

/// Watches interfaces and writes one report.
///
/// # Errors
/// [`Failure`]; what goes wrong with an interface is no failure but a problem in the report.
pub fn live(
    (live, ring): (Live, Option<Ring>),
    until: &Until<'_>,
    options: &Options,
    renderer: &mut dyn Renderer,
    watcher: &mut dyn Watcher,
) -> Result<(Summary, Ended), Failure> {
    let mut watch = Watch {
        live,
        engine: Engine::new(options),
        desk: Desk::new(options, Some(now()), renderer),
        watcher,
        ring,
        packets: 0,
        dropped: 0,
    };
    let ended = watch.until(until)?;
    let Watch { live, engine, mut desk, watcher, mut ring, .. } = watch;
    let noticed = engine.finish(|c| desk.take_and_tell(c, Some(&mut Ears { watcher, ring: &mut ring })))?;
    if let Some(n @ 1..) = ring.as_ref().map(Ring::not_saved) {
        watcher.not_saved(n);
    }
    let infos = live.finish();
    let drops = drops(infos.iter().map(|(_, info)| info));
    let Done { summary, limited, .. } = desk.finish(&drops)?;
    renderer.finish(&captured(infos, &noticed, &limited), &summary)?;
    Ok((summary, ended))
}

/// What packets go through.
struct Watch<'r, 'w> {
    live: Live,
    engine: Engine<'r>,
    desk: Desk<'r>,
    watcher: &'w mut dyn Watcher,
    ring: Option<Ring>,
    packets: u64,
    dropped: u64,
}

impl Watch<'_, '_> {
    /// Takes what comes until it is to end, and what had come by then.
    fn until(&mut self, until: &Until<'_>) -> Result<Ended, Failure> {
        let began = Instant::now();
        let (mut swept, mut turned) = (began, began);
        let mut clock = Wall::new();
        loop {
            self.watcher.before_packets();
            if let Some(set) = clock.set() {
                self.clock_set(set)?;
            }
            let up_to = now();
            let drained = self.take(until.count)?;
            if drained {
                let time = Timestamp(up_to.0.saturating_sub(ON_THEIR_WAY.0 * 1_000));
                let Self { engine, desk, watcher, ring, .. } = self;
                engine.tick(time, |c| desk.take_and_tell(c, Some(&mut Ears { watcher: *watcher, ring })))?;
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.sweep(up_to)?;
            }
            if turned.elapsed() >= TURN {
                turned = Instant::now();
                self.turn()?;
            }
            self.tell_changes();
            if until.count.is_some_and(|count| self.packets >= count) {
                return Ok(Ended::AsAsked);
            }
            if (until.stopped)() || until.duration.is_some_and(|duration| began.elapsed() >= duration) {
                self.take_rest(until.count)?;
                return Ok(Ended::AsAsked);
            }
            if self.live.is_over() {
                return Ok(Ended::NoInterface);
            }
            if drained {
                let left = until.duration.map_or(SWEEP, |duration| duration.saturating_sub(began.elapsed()));
                self.live.wait(until.stop, SWEEP.saturating_sub(swept.elapsed()).min(left));
            }
        }
    }

    /// Takes packets that have come, up to so many in all. Says whether all that have come are taken.
    fn take(&mut self, at_most: Option<u64>) -> Result<bool, Failure> {
        let Self { live, engine, desk, watcher, ring, packets, .. } = self;
        for _ in 0..BATCH {
            if at_most.is_some_and(|count| *packets >= count) {
                return Ok(true);
            }
            let Some((i, packet)) = live.next_packet() else { return Ok(true) };
            *packets += 1;
            let index = CaptureIndex::try_from(i).unwrap_or(CaptureIndex::MAX);
            if let Some(kept) = ring
                && let Err(e) = kept.keep(i, &packet)
            {
                *ring = None;
                watcher.not_kept(&e);
            }
            engine.packet(index, &packet, |c| desk.take_and_tell(c, Some(&mut Ears { watcher: *watcher, ring })))?;
        }
        Ok(false)
    }

    /// What came before the end was asked for belongs to the report; it is waited for only shortly.
    fn take_rest(&mut self, at_most: Option<u64>) -> Result<(), Failure> {
        let end = Instant::now() + TURN;
        std::thread::sleep(Duration::from_millis(50));
        while !self.take(at_most)? && Instant::now() < end {}
        let Self { engine, desk, watcher, ring, .. } = self;
        engine.tick(now(), |c| desk.take_and_tell(c, Some(&mut Ears { watcher: *watcher, ring })))
    }

    /// Packets that were stamped before and after take a while to come apart: those that would seem to come from the future
    /// are taken by the clock of their time.
    fn clock_set(&mut self, set: Set) -> Result<(), Failure> {
        if set == Set::Back {
            std::thread::sleep(Duration::from_millis(50));
            while !self.take(None)? {}
        }
        self.engine.clock_set(now());
        Ok(())
    }

    fn sweep(&mut self, time: Timestamp) -> Result<(), Failure> {
        let Self { engine, desk, watcher, ring, .. } = self;
        let mut ears = Ears { watcher: *watcher, ring };
        engine.sweep(|swept| match swept {
            Swept::Open(c) => desk.look(c, &mut ears),
            Swept::Over(c) => desk.take_and_tell(c, Some(&mut ears)),
        })?;
        let before = Timestamp(time.0.saturating_sub(SECOND_LOOK_AFTER.0 * 1_000));
        desk.settle(before)
    }

    fn turn(&mut self) -> Result<(), Failure> {
        self.dropped = self.live.count_drops();
        self.desk.know_drops(drops(self.live.infos()));
        let status = Status { packets: self.packets, dropped: self.dropped, open: self.engine.open_connections() };
        Ok(self.watcher.turn(&status)?)
    }

    fn tell_changes(&mut self) {
        for (name, change) in self.live.changes() {
            self.watcher.changed(&name, &change);
        }
    }
}

/// Who hears of verdicts: the watcher, and the ring that keeps the packets of what failed.
struct Ears<'e> {
    watcher: &'e mut dyn Watcher,
    ring: &'e mut Option<Ring>,
}

impl Ears<'_> {
    fn save(&mut self, c: &Connection, d: &Diagnosis) {
        let Some(cause) = d.verdict.cause.filter(|_| d.verdict.outcome == Outcome::Failed) else { return };
        if let Some(ring) = self.ring
            && let Err(e) = ring.save(c, cause)
        {
            *self.ring = None;
            self.watcher.not_kept(&e);
        }
    }
}

impl Listener for Ears<'_> {
    fn failing(&mut self, c: &Connection, d: &Diagnosis) {
        self.save(c, d);
        self.watcher.failing(c, d);
    }

    fn found(&mut self, c: &Connection, found: (&'static Cause, &Finding)) {
        self.watcher.found(c, found);
    }

    fn judged(&mut self, c: &Connection, d: &Diagnosis, told: bool) {
        self.save(c, d);
        self.watcher.judged(c, d, told);
    }
}

/// Which way a clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Back,
    On,
}

/// Watches the clock that packets are stamped by: it may be set, and a machine that was suspended sees it jump.
struct Wall {
    last: (Instant, SystemTime),
}

impl Wall {
    fn new() -> Wall {
        Wall { last: (Instant::now(), SystemTime::now()) }
    }

    /// Whether the clock was set since this was last asked.
    fn set(&mut self) -> Option<Set> {
        let (then, wall) = std::mem::replace(&mut self.last, (Instant::now(), SystemTime::now()));
        set(wall + self.last.0.duration_since(then), self.last.1)
    }
}

/// Whether a clock that should say this and says that was set.
fn set(expected: SystemTime, says: SystemTime) -> Option<Set> {
    match says.duration_since(expected) {
        Ok(on) if on > SET => Some(Set::On),
        Err(back) if back.duration() > SET => Some(Set::Back),
        _ => None,
    }
}

/// The time of the clock that packets are stamped by.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        for (says, told) in [
            (10_000, None),
            (10_250, None),
            (9_750, None),
            (15_000, Some(Set::On)),
            (5_000, Some(Set::Back)),
            (4_000_000, Some(Set::On)),
        ] {
            assert_eq!(set(at(10_000), at(says)), told, "{says}");
        }
    }
}
