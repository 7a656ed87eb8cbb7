//! When open connections are over: what is due soon in order, what is due later by the second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pieces::Pieces;
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

/// One that waits in the wheel, and the one behind it.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    deadline: Timestamp,
    id: u64,
    slot: u32,
    /// Where nobody waits it means nothing.
    next: u32,
}

/// Behind the last one.
const NONE: u32 = u32::MAX;

/// Deadlines, earliest first.
///
/// Most deadlines lie far ahead, and most of those stand for nothing by the time that they come up. They wait unsorted in
/// a wheel, a place for each eighth of a second; a place is put in order when its turn has come, all of it at once: mostly
/// it is so already.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// Those of the place that the wheel stands at, the latest first.
    ripe: Vec<Due>,
    /// What was added for that place since, or for one before, and what lies beyond the wheel's reach.
    near: BinaryHeap<Reverse<Due>>,
    /// Who waits first at each place. Few places are taken at once: a list of its own for each would be mostly room.
    wheel: Vec<u32>,
    waiting: Pieces<Waiting>,
    /// The first of `waiting` that nobody has.
    free: u32,
    /// The place that the wheel stands at, counted from the epoch. It stays while any of it is left.
    at: i64,
    /// How many are in the wheel.
    far: usize,
}

impl Default for Deadlines {
    fn default() -> Self {
        let (ripe, near, wheel, waiting) = Default::default();
        Self { ripe, near, wheel, waiting, free: NONE, at: 0, far: 0 }
    }
}

impl Deadlines {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ripe.len() + self.near.len() + self.far
    }

    /// Adds one.
    #[inline]
    pub(super) fn push(&mut self, due: Due) {
        let place = due.deadline.0 >> PLACE_BITS;
        let is_far = place > self.at && place.abs_diff(self.at) < PLACES as u64;
        if !is_far || !self.put(place, due) {
            self.near.push(Reverse(due));
        }
    }

    /// Lets one wait in the wheel, if there is room.
    fn put(&mut self, place: i64, due: Due) -> bool {
        if self.wheel.is_empty() {
            self.wheel.resize(PLACES, NONE);
        }
        let Some(first) = self.wheel.get_mut(index(place)) else { return false };
        let waiting = Waiting { deadline: due.deadline, id: due.id, slot: due.slot, next: *first };
        let at = match self.waiting.get_mut(self.free as usize) {
            Some(free) => {
                let at = std::mem::replace(&mut self.free, free.next);
                *free = waiting;
                at
            }
            None => {
                let Some(at) = u32::try_from(self.waiting.len()).ok().filter(|at| *at != NONE) else { return false };
                self.waiting.push(waiting);
                at
            }
        };
        *first = at;
        self.far += 1;
        true
    }

    /// Takes out the earliest, if it is at or before `now`.
    #[inline]
    pub(super) fn pop_until(&mut self, now: Timestamp) -> Option<Due> {
        let place = now.0 >> PLACE_BITS;
        if place > self.at && self.ripe.is_empty() {
            self.turn_to(place);
        }
        self.pop_if(|due| due.deadline <= now)
    }

    /// Takes out the earliest.
    pub(super) fn pop_first(&mut self) -> Option<Due> {
        if self.ripe.is_empty() && self.far > 0 {
            self.turn_to(i64::MAX);
        }
        self.pop_if(|_| true)
    }

    /// Takes out the earliest of those that are in order, if it is wanted.
    #[inline]
    fn pop_if(&mut self, wanted: impl Fn(&Due) -> bool) -> Option<Due> {
        let near = self.near.peek().map(|Reverse(due)| due);
        let is_ripe = self.ripe.last().is_some_and(|ripe| near.is_none_or(|near| ripe < near));
        let first = if is_ripe { self.ripe.last() } else { near };
        first.filter(|due| wanted(due))?;
        if is_ripe { self.ripe.pop() } else { self.near.pop().map(|Reverse(due)| due) }
    }

    /// The slot of the ripe one behind so many others: what was added late may come between.
    #[inline]
    pub(super) fn coming(&self, ahead: usize) -> Option<u32> {
        let at = self.ripe.len().checked_sub(ahead + 1)?;
        self.ripe.get(at).map(|due| due.slot)
    }

    /// Keeps those for which `stands` holds.
    pub(super) fn retain(&mut self, stands: impl Fn(&Due) -> bool) {
        self.ripe.retain(&stands);
        self.near.retain(|Reverse(due)| stands(due));
        let (wheel, waiting) = (std::mem::take(&mut self.wheel), std::mem::take(&mut self.waiting));
        (self.free, self.far) = (NONE, 0);
        for due in wheel.into_iter().flat_map(|first| listed(&waiting, first)).map(|(_, due)| due).filter(stands) {
            self.push(due);
        }
    }

    /// Turns the wheel to the next place where any wait, but not beyond this one.
    fn turn_to(&mut self, place: i64) {
        while self.at < place && self.far > 0 {
            self.at += 1;
            let Some(taken) = self.wheel.get_mut(index(self.at)).filter(|first| **first != NONE) else { continue };
            let (first, mut last) = (std::mem::replace(taken, NONE), NONE);
            // Who came last waits first.
            self.ripe.extend(listed(&self.waiting, first).map(|(at, due)| {
                last = at;
                due
            }));
            self.ripe.sort_unstable_by(|a, b| b.cmp(a));
            self.far -= self.ripe.len();
            // What is free now goes before what was.
            if let Some(last) = self.waiting.get_mut(last as usize) {
                last.next = std::mem::replace(&mut self.free, first);
            }
            return;
        }
        self.at = self.at.max(place);
    }
}

/// Those that wait at one place, each with where it is.
fn listed(waiting: &Pieces<Waiting>, first: u32) -> impl Iterator<Item = (u32, Due)> {
    let mut next = first;
    std::iter::from_fn(move || {
        let (at, one) = (next, waiting.get(next as usize)?);
        next = one.next;
        Some((at, Due { deadline: one.deadline, id: one.id, slot: one.slot }))
    })
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
    fn those_that_come_take_the_room_of_those_that_went() {
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.pop_until(Timestamp(0)), None);
        for round in 0..20 {
            (0..100).for_each(|id| deadlines.push(due(60 * round + 1 + id % 50, id as u64)));
            assert_eq!((deadlines.far, deadlines.waiting.len()), (100, 100));
            let popped = std::iter::from_fn(|| deadlines.pop_until(Timestamp((60 * round + 59) * 1_000_000_000)));
            assert_eq!(popped.count(), 100);
        }
        assert!(size_of_val(&*deadlines.wheel) <= 32 << 10);
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
