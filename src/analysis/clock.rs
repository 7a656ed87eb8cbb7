//! Time as connections know it: the clock of the capture without its steps.
//!
//! A clock that is set back must not end connections before they began, and one that is set forward, or a capture that
//! stood still (a suspended machine, files with hours between them), must not let them expire: nobody watched.

use std::ops::RangeInclusive;

use crate::base::{Micros, Timestamp};

/// Packets of one clock are not further out of order than this.
const DISORDER: Micros = Micros::from_secs(10);

/// As long as the tracker waits for the quietest connection. Where no packet of any connection comes for longer, it
/// cannot be told whether the capture watched.
const STANDSTILL: Micros = Micros::from_secs(900);

/// Nanoseconds between the latest packet and the next one, by which a clock may have gone on by itself.
const USUAL: RangeInclusive<i64> = -DISORDER.0 * 1_000..=STANDSTILL.0 * 1_000;

/// The latest time of any packet, counted on from the first one.
#[derive(Debug)]
pub(super) struct Clock {
    now: Timestamp,
    /// Nanoseconds that this clock is ahead of the capture's.
    shift: i64,
}

impl Clock {
    /// Begins with the first packet.
    pub(super) const fn new() -> Clock {
        Clock { now: Timestamp(i64::MIN), shift: 0 }
    }

    /// Notes the time of the next packet. A little disorder is usual where several queues feed one capture.
    #[inline]
    pub(super) fn tick(&mut self, time: Timestamp) {
        let time_here = Timestamp(time.0.saturating_add(self.shift));
        if !USUAL.contains(&time_here.0.saturating_sub(self.now.0)) {
            self.step(time);
        } else {
            self.now = self.now.max(time_here);
        }
    }

    /// The time without steps: what deadlines go by.
    #[inline]
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Another number after each step.
    #[inline]
    pub(super) const fn shift(&self) -> i64 {
        self.shift
    }

    /// This time on the capture's clock as it was when the shift was this.
    pub(super) const fn as_of(&self, shift: i64) -> Timestamp {
        Timestamp(self.now.0.saturating_sub(shift))
    }

    /// The capture's clock was set, and says this now. Small steps cannot be told from disorder by packets alone.
    pub(super) fn set(&mut self, time: Timestamp) {
        if self.now != Timestamp(i64::MIN) {
            self.step(time);
        }
    }

    #[cold]
    fn step(&mut self, time: Timestamp) {
        if self.now == Timestamp(i64::MIN) {
            self.now = time;
        }
        self.shift = self.now.0.saturating_sub(time.0);
    }
}
