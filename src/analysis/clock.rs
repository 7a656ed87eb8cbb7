//! Time as connections know it: the clock of the capture without its steps.
//!
//! A clock that is set back must not end connections before they began, and one that is set forward, or a capture that
//! stood still (a suspended machine, files with hours between them), must not let them expire: nobody watched.

use crate::base::{CaptureIndex, Micros, Timestamp};

/// Packets of one clock are not further out of order than this.
const DISORDER: Micros = Micros::from_secs(10);

/// As long as the tracker waits for the quietest connection. Where no packet of any connection comes for longer, it
/// cannot be told whether the capture watched.
const STANDSTILL: Micros = Micros::from_secs(900);

/// The latest time of any packet, counted on from the first one.
#[derive(Debug)]
pub(super) struct Clock {
    now: Timestamp,
    /// Nanoseconds that this clock is ahead of the capture's.
    shift: i64,
    capture: CaptureIndex,
    /// How often the clock was set back within one capture.
    pub(super) set_back: u64,
}

impl Clock {
    /// Begins with the first packet.
    pub(super) const fn new() -> Clock {
        Clock { now: Timestamp(i64::MIN), shift: 0, capture: 0, set_back: 0 }
    }

    /// Notes the time of the next packet. A little disorder is usual where several queues feed one capture.
    #[inline]
    pub(super) fn tick(&mut self, time: Timestamp, capture: CaptureIndex) {
        let time_here = Timestamp(time.0.saturating_add(self.shift));
        let passed = time_here.since(self.now);
        if passed > STANDSTILL || passed.0 < -DISORDER.0 {
            self.step(time, capture);
        } else if time_here > self.now {
            self.now = time_here;
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

    #[cold]
    fn step(&mut self, time: Timestamp, capture: CaptureIndex) {
        if self.now == Timestamp(i64::MIN) {
            self.now = time;
        } else if time < Timestamp(self.now.0.saturating_sub(self.shift)) && capture == self.capture {
            self.set_back += 1;
        }
        self.shift = self.now.0.saturating_sub(time.0);
        self.capture = capture;
    }
}
