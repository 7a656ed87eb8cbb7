//! When open connections are over: what is due soon in order, what is due later by the second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::base::Timestamp;

/// Nanoseconds of one place in the wheel, as a power of two: 134 ms.
const PLACE_BITS: u32 = 27;

/// Places of the wheel: it reaches 18 minutes ahead, further than any connection is waited for.
const PLACES: usize = 1 << 13;

/// A deadline of the connection in a slot; of two at one time the connection with the lower number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) deadline: Timestamp,
    pub(super) id: u64,
    pub(super) slot: u32,
}

/// Deadlines, earliest first.
///
/// Most deadlines lie far ahead, and most of those stand for nothing by the time that they come up. They wait unsorted in
/// a wheel, a place for each eighth of a second; only what is due next is kept in order, and that is little.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// Before the end of the place that the wheel stands at, and what lies beyond its reach.
    near: BinaryHeap<Reverse<Due>>,
    wheel: Vec<Vec<Due>>,
    /// The place that the wheel stands at, counted from the epoch.
    at: i64,
    /// How many are in the wheel.
    far: usize,
}

impl Deadlines {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.near.len() + self.far
    }

    /// Adds one.
    #[inline]
    pub(super) fn push(&mut self, due: Due) {
        let place = due.deadline.0 >> PLACE_BITS;
        if place > self.at && place.abs_diff(self.at) < PLACES as u64 {
            self.put(place, due);
        } else {
            self.near.push(Reverse(due));
        }
    }

    fn put(&mut self, place: i64, due: Due) {
        if self.wheel.is_empty() {
            self.wheel.resize_with(PLACES, Vec::new);
        }
        if let Some(waiting) = self.wheel.get_mut(index(place)) {
            waiting.push(due);
            self.far += 1;
        }
    }

    /// Takes out the earliest, if it is at or before `now`.
    #[inline]
    pub(super) fn pop_until(&mut self, now: Timestamp) -> Option<Due> {
        let place = now.0 >> PLACE_BITS;
        if place > self.at {
            self.turn_to(place);
        }
        self.near.peek().filter(|Reverse(due)| due.deadline <= now)?;
        self.near.pop().map(|Reverse(due)| due)
    }

    /// Takes out the earliest.
    pub(super) fn pop_first(&mut self) -> Option<Due> {
        while self.far > 0 && self.near.peek().is_none_or(|Reverse(due)| due.deadline.0 >> PLACE_BITS > self.at) {
            self.turn_to(self.at + 1);
        }
        self.near.pop().map(|Reverse(due)| due)
    }

    /// Keeps those for which `stands` holds.
    pub(super) fn retain(&mut self, stands: impl Fn(&Due) -> bool) {
        self.near.retain(|Reverse(due)| stands(due));
        self.far = 0;
        for waiting in &mut self.wheel {
            waiting.retain(&stands);
            waiting.shrink_to(2 * waiting.len());
            self.far += waiting.len();
        }
    }

    /// Turns the wheel: what was far is near.
    fn turn_to(&mut self, place: i64) {
        let mut left = PLACES;
        while self.at < place && self.far > 0 && left > 0 {
            self.at += 1;
            left -= 1;
            let Some(waiting) = self.wheel.get_mut(index(self.at)) else { continue };
            self.far -= waiting.len();
            self.near.extend(std::mem::take(waiting).into_iter().map(Reverse));
        }
        self.at = self.at.max(place);
    }
}

/// Where in the wheel a place is.
const fn index(place: i64) -> usize {
    place.rem_euclid(PLACES as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(seconds: i64, id: u64) -> Due {
        Due { deadline: Timestamp(seconds * 1_000_000_000), id, slot: id as u32 }
    }

    #[test]
    fn the_earliest_comes_first_however_far_ahead() {
        // Within a place, in the wheel, beyond its reach, before the epoch.
        for step in [0, 1, 100, 10_000, 1_000_000] {
            for start in [0, 1_764_000_000, -5_000] {
                let all: Vec<_> = (0..50_u64).map(|i| due(start + step * (i as i64 * 7 % 50), i)).collect();
                let mut sorted = all.clone();
                sorted.sort_unstable();
                let mut deadlines = Deadlines::default();
                assert_eq!(deadlines.pop_until(Timestamp((start - 1) * 1_000_000_000)), None);
                all.iter().for_each(|due| deadlines.push(*due));
                assert_eq!(deadlines.len(), 50);
                let first: Vec<_> = std::iter::from_fn(|| deadlines.pop_first()).collect();
                assert_eq!(first, sorted, "{step} from {start}");
                all.iter().for_each(|due| deadlines.push(*due));
                for now in &sorted {
                    assert_eq!(deadlines.pop_until(now.deadline), Some(*now), "{step} from {start}");
                }
                assert_eq!((deadlines.len(), deadlines.pop_first()), (0, None));
            }
        }
    }

    #[test]
    fn nothing_comes_before_its_time() {
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.pop_until(Timestamp(0)), None);
        deadlines.push(due(10, 1));
        deadlines.push(due(900, 2));
        assert_eq!(deadlines.pop_until(Timestamp(9_999_999_999)), None);
        assert_eq!(deadlines.pop_until(Timestamp(10_000_000_000)), Some(due(10, 1)));
        // The wheel stands at the second one by now, which is not due.
        assert_eq!(deadlines.pop_until(Timestamp(899_999_999_999)), None);
        deadlines.push(due(899, 3));
        assert_eq!(deadlines.pop_first(), Some(due(899, 3)));
        assert_eq!(deadlines.pop_first(), Some(due(900, 2)));
    }

    #[test]
    fn what_stands_for_nothing_is_dropped() {
        let mut deadlines = Deadlines::default();
        (0..1_000).for_each(|id| deadlines.push(due(id as i64, id)));
        deadlines.retain(|due| due.id % 10 == 0);
        assert_eq!(deadlines.len(), 100);
        assert_eq!(std::iter::from_fn(|| deadlines.pop_first()).count(), 100);
    }
}
