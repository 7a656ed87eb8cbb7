//! In which slot a key is kept: to most questions, one line of a processor's cache has the answer.

use why502_memory::prefetch;

/// One key that is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// The hash of the key. Where the place would best be, and how far from there it is, shows by it.
    hash: u32,
    /// One more than the slot: 0 where nothing is.
    after: u32,
}

impl Place {
    const FREE: Place = Place { hash: 0, after: 0 };

    #[inline]
    fn slot(self) -> Option<u32> {
        self.after.checked_sub(1)
    }

    const fn is_free(&self) -> bool {
        self.after == 0
    }
}

/// The fewest places there are, if any: a power of two, as are all their numbers.
const MIN_PLACES: usize = 16;

/// Slots by the hash of what is in them.
///
/// A place is looked for from where its hash says on, until one is free, of which there are at least as many as of those
/// that are taken. What is taken out leaves no gap.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: Vec<Place>,
    taken: usize,
}

impl Index {
    /// How many keys there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// The slot of the key with this hash of which `same` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.best(hash);
        while let Some(place) = self.places.get(at) {
            let slot = place.slot()?;
            if place.hash == hash && same(slot) {
                return Some(slot);
            }
            at = self.next(at);
        }
        None
    }

    /// Adds a key that is not in it. A slot is below `u32::MAX`.
    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        if 2 * (self.taken + 1) > self.places.len() {
            self.grow();
        }
        self.put(Place { hash, after: slot + 1 });
        self.taken += 1;
    }

    /// Takes out the key with this hash that is kept in this slot.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let wanted = Place { hash, after: slot + 1 };
        let mut gap = self.best(hash);
        loop {
            match self.places.get(gap) {
                Some(place) if *place == wanted => break,
                Some(place) if !place.is_free() => gap = self.next(gap),
                _ => return,
            }
        }
        // What comes behind moves up, unless it would stand before the place that is best for it.
        let mut at = self.next(gap);
        while let Some(&place) = self.places.get(at).filter(|place| !place.is_free()) {
            if self.steps(self.best(place.hash), at) >= self.steps(gap, at) {
                self.set(gap, place);
                gap = at;
            }
            at = self.next(at);
        }
        self.set(gap, Place::FREE);
        self.taken -= 1;
    }

    /// Calls for what [`Index::find`] will look at first.
    #[inline]
    pub(super) fn prefetch(&self, hash: u32) {
        self.places.get(self.best(hash)).into_iter().for_each(prefetch);
    }

    #[cold]
    fn grow(&mut self) {
        let more = vec![Place::FREE; (2 * self.places.len()).max(MIN_PLACES)];
        let taken = std::mem::replace(&mut self.places, more);
        taken.into_iter().filter(|place| !place.is_free()).for_each(|place| self.put(place));
    }

    fn put(&mut self, place: Place) {
        let mut at = self.best(place.hash);
        while self.places.get(at).is_some_and(|place| !place.is_free()) {
            at = self.next(at);
        }
        self.set(at, place);
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(there) = self.places.get_mut(at) {
            *there = place;
        }
    }

    #[inline]
    fn best(&self, hash: u32) -> usize {
        hash as usize & self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & self.places.len().wrapping_sub(1)
    }

    /// How far it is from one place forward to another.
    fn steps(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.places.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_in_it_is_found_and_nothing_else() {
        // Hashes that crowd together, wrap around the end, or are the same.
        for (what, spread) in [("apart", 0x9e37_79b9_u32), ("side by side", 1), ("the same", 0), ("far up", 1 << 28)] {
            let hash = |slot: u32| spread.wrapping_mul(slot).wrapping_sub(5);
            let (mut index, mut known, mut state) = (Index::default(), BTreeSet::new(), 7_u32);
            assert_eq!(index.find(hash(1), |_| true), None);
            for _ in 0..6_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let slot = state >> 8 & 127;
                if known.remove(&slot) {
                    index.remove(hash(slot), slot);
                } else {
                    known.insert(slot);
                    index.insert(hash(slot), slot);
                }
                assert_eq!(index.len(), known.len());
                let found = (0..128).filter(|slot| index.find(hash(*slot), |s| s == *slot).is_some());
                assert!(found.eq(known.iter().copied()), "{what}");
            }
            index.remove(hash(500), 500);
            assert_eq!(index.len(), known.len(), "{what}: what is not in it");
        }
    }

    #[test]
    fn half_of_the_places_are_free() {
        let mut index = Index::default();
        for slot in 0..1_000_u32 {
            index.insert(slot.wrapping_mul(0x9e37_79b9), slot);
            assert!(2 * index.len() <= index.places.len() && index.places.len() <= (4 * index.len()).max(MIN_PLACES));
        }
    }
}
