//! Several captures as one, in the order of time.

use super::Source;
use crate::base::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Whose packet is next: the earliest, of those of one time the one of the capture that was given first.
#[derive(Debug, Default)]
pub struct Merge {
    /// The captures that have packets left, by the time of their next one.
    waiting: BinaryHeap<Reverse<(Timestamp, usize)>>,
}

/// A capture's turn.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Which capture.
    pub capture: usize,
    /// The next packet of all others.
    other: Option<(Timestamp, usize)>,
}

impl Turn {
    /// Whether it is the turn of this capture to the end.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.other.is_none()
    }

    /// Whether a packet of this capture comes before those of all others.
    #[must_use]
    #[inline]
    pub fn includes(&self, time: Timestamp) -> bool {
        self.other.is_none_or(|other| (time, self.capture) < other)
    }
}

impl Merge {
    /// Of these captures, by their position. A single one is not waited for.
    pub fn new<'s>(sources: impl ExactSizeIterator<Item = &'s mut Source>) -> Merge {
        let several = sources.len() > 1;
        let due = |source: &mut Source| if several { source.due() } else { Some(Timestamp::default()) };
        let waiting = sources.enumerate().filter_map(|(i, source)| due(source).map(|time| Reverse((time, i))));
        Merge { waiting: waiting.collect() }
    }

    /// Whose turn it is; `None` at the end of all.
    pub fn turn(&mut self) -> Option<Turn> {
        let Reverse((_, capture)) = self.waiting.pop()?;
        Some(Turn { capture, other: self.waiting.peek().map(|Reverse(other)| *other) })
    }

    /// Ends a turn: the capture's next packet is due at this time, if there is one.
    pub fn again(&mut self, turn: Turn, due: Option<Timestamp>) {
        self.waiting.extend(due.map(|time| Reverse((time, turn.capture))));
    }
}
