//! Open connections: found by four-tuple, left by deadline.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;
use why502_memory::prefetch;

use super::deadlines::{Deadlines, Due};
use super::index::Index;
use super::pieces::Pieces;
use crate::base::Timestamp;

/// Where an open connection is kept. Valid until that connection leaves the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// Deadlines that stand for nothing any more, beside as many as there are connections, before they are dropped.
const STALE: usize = 4_096;

/// So many turns before that of a connection, what is kept of it is called for; half as many before it, where it is found.
const AHEAD: usize = 8;

/// A connection. What finds it and says how long it is waited for has a line of a processor's cache for itself, where the
/// key is no longer than that of a connection.
#[repr(C, align(64))]
struct Entry<K, T> {
    key: K,
    id: u64,
    /// When the connection is over unless something more is heard of it.
    deadline: Timestamp,
    /// The earliest deadline that is queued for this connection.
    scheduled: Timestamp,
    value: T,
}

/// A connection that has left the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left<K, T> {
    /// What it was found by.
    pub key: K,
    /// Its number.
    pub id: u64,
    /// What was kept of it.
    pub value: T,
}

/// A bounded table of open connections.
///
/// Deadlines are kept lazily: a later one costs nothing until the earlier one comes up, so that a packet of a busy
/// connection does not touch them at all.
pub struct Table<K, T> {
    index: Index,
    entries: Pieces<Option<Entry<K, T>>>,
    free: Vec<u32>,
    deadlines: Deadlines,
    hasher: RandomState,
}

impl<K: Copy + Eq + Hash, T> Default for Table<K, T> {
    fn default() -> Self {
        Self {
            index: Index::default(),
            entries: Pieces::default(),
            free: Vec::new(),
            deadlines: Deadlines::default(),
            // Seeded by the process: a stranger who chooses addresses cannot choose collisions.
            hasher: RandomState::default(),
        }
    }
}

impl<K: Copy + Eq + Hash, T> Table<K, T> {
    /// How many connections are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.len() == 0
    }

    /// The open connection with this key.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &K) -> Option<Slot> {
        let same = |i: u32| matches!(self.entries.get(i as usize), Some(Some(e)) if e.key == *key);
        self.index.find(self.hash(key), same).map(Slot)
    }

    #[inline]
    fn hash(&self, key: &K) -> u32 {
        let hash = self.hasher.hash_one(key);
        (hash >> 32) as u32 ^ hash as u32
    }

    /// The connection in a slot.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.entries.get_mut(slot.0 as usize)?.as_mut().map(|e| &mut e.value)
    }

    /// The key and the number of the connection in a slot.
    #[must_use]
    pub fn name(&self, slot: Slot) -> Option<(K, u64)> {
        self.entries.get(slot.0 as usize)?.as_ref().map(|e| (e.key, e.id))
    }

    /// All open connections, in no order: where they are kept, their numbers, and what is kept of them.
    pub fn all(&self) -> impl Iterator<Item = (Slot, u64, &T)> {
        let entries = (0..).map(Slot).zip(self.entries.iter());
        entries.filter_map(|(slot, entry)| entry.as_ref().map(|e| (slot, e.id, &e.value)))
    }

    /// Adds a connection under a key that is not in the table. It has no deadline yet; `id` breaks ties of deadlines.
    #[inline]
    pub fn insert(&mut self, key: K, id: u64, value: T) -> Slot {
        let never = Timestamp(i64::MAX);
        let entry = Some(Entry { key, id, deadline: never, scheduled: never, value });
        // Memory runs out far below; behind the last entry there may be room that does not count yet.
        let behind = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let i = self.free.pop().unwrap_or(behind);
        match self.entries.get_mut(i as usize).filter(|_| i < behind) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.index.insert(self.hash(&key), i);
        Slot(i)
    }

    /// Something was heard of a connection: `then` says until when it is waited for more.
    #[inline]
    pub fn hear(&mut self, slot: Slot, then: impl FnOnce(&mut T) -> Timestamp) {
        let Some(Some(entry)) = self.entries.get_mut(slot.0 as usize) else { return };
        entry.deadline = then(&mut entry.value);
        if entry.deadline < entry.scheduled {
            entry.scheduled = entry.deadline;
            self.deadlines.push(Due { deadline: entry.deadline, id: entry.id, slot: slot.0 });
        }
    }

    /// Takes a connection out.
    pub fn remove(&mut self, slot: Slot) -> Option<Left<K, T>> {
        let Entry { key, id, value, .. } = self.entries.get_mut(slot.0 as usize)?.take()?;
        self.index.remove(self.hash(&key), slot.0);
        self.free.push(slot.0);
        if self.deadlines.len() > 2 * self.index.len() + STALE {
            self.tidy();
        }
        Some(Left { key, id, value })
    }

    /// Drops the deadlines of connections that have left: those that end long before theirs are many, and an input may
    /// go on for days.
    #[cold]
    fn tidy(&mut self) {
        let entries = &self.entries;
        self.deadlines.retain(|due| {
            let entry = entries.get(due.slot as usize).and_then(Option::as_ref);
            entry.is_some_and(|e| e.id == due.id && e.scheduled == due.deadline)
        });
    }

    /// Takes out the next connection whose deadline is at or before `now`, earliest first.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) -> Option<Left<K, T>> {
        while let Some(due) = self.deadlines.pop_until(now) {
            self.approach();
            if let Some(slot) = self.truly(due) {
                return self.remove(slot);
            }
        }
        None
    }

    /// Takes out the connection whose deadline is earliest, due or not: the least useful one.
    pub fn evict(&mut self) -> Option<Left<K, T>> {
        while let Some(due) = self.deadlines.pop_first() {
            self.approach();
            if let Some(slot) = self.truly(due) {
                return self.remove(slot);
            }
        }
        None
    }

    /// Calls for the memory of those whose turn is next: nobody looked at it for as long as they were waited for.
    #[inline]
    fn approach(&self) {
        let entry = |ahead| self.entries.get(self.deadlines.coming(ahead)? as usize);
        if let Some(far) = entry(AHEAD) {
            prefetch(far);
        }
        if let Some(Some(next)) = entry(AHEAD / 2) {
            self.index.prefetch(self.hash(&next.key));
        }
    }

    /// The slot of the connection whose deadline this truly is; one with a later deadline is queued again.
    fn truly(&mut self, due: Due) -> Option<Slot> {
        let entry = self.entries.get_mut(due.slot as usize)?.as_mut();
        let entry = entry.filter(|e| e.id == due.id && e.scheduled == due.deadline)?;
        if entry.deadline > due.deadline {
            entry.scheduled = entry.deadline;
            self.deadlines.push(Due { deadline: entry.deadline, ..due });
            return None;
        }
        Some(Slot(due.slot))
    }
}

/// What some tables are left with, now that nothing more will be looked for: all connections in the order of their
/// numbers.
pub struct Leaving<K, T> {
    /// Of each connection its number, its table, and its slot there.
    order: std::vec::IntoIter<(u64, u32, Slot)>,
    tables: Vec<Pieces<Option<Entry<K, T>>>>,
}

impl<K: Copy + Eq + Hash, T> Leaving<K, T> {
    /// Begins with the first of all that are in these tables.
    pub fn of(tables: impl IntoIterator<Item = Table<K, T>>) -> Leaving<K, T> {
        let tables: Vec<_> = tables.into_iter().collect();
        let mut order = Vec::with_capacity(tables.iter().map(Table::len).sum());
        for (at, table) in (0..).zip(&tables) {
            order.extend(table.all().map(|(slot, id, _)| (id, at, slot)));
        }
        order.sort_unstable_by_key(|(id, ..)| *id);
        Leaving { order: order.into_iter(), tables: tables.into_iter().map(|table| table.entries).collect() }
    }
}

impl<K, T> Iterator for Leaving<K, T> {
    type Item = Left<K, T>;

    fn next(&mut self) -> Option<Left<K, T>> {
        if let Some((_, at, slot)) = self.order.as_slice().get(AHEAD) {
            let soon = self.tables.get(*at as usize).and_then(|entries| entries.get(slot.0 as usize));
            soon.into_iter().for_each(prefetch);
        }
        let (_, at, slot) = self.order.next()?;
        let Entry { key, id, value, .. } = self.tables.get_mut(at as usize)?.get_mut(slot.0 as usize)?.take()?;
        Some(Left { key, id, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowKey;

    #[test]
    fn connections_leave_in_the_order_of_their_deadlines() {
        let mut t = Table::default();
        let a = t.insert("a", 1, 'a');
        let b = t.insert("b", 2, 'b');
        let c = t.insert("c", 3, 'c');
        for (slot, deadline) in [(a, 10), (b, 20), (c, 20)] {
            t.hear(slot, |_| Timestamp(deadline));
        }
        t.hear(a, |_| Timestamp(100));
        t.hear(b, |_| Timestamp(15));
        assert_eq!(t.expire(Timestamp(14)), None);
        assert_eq!(t.expire(Timestamp(30)), Some(Left { key: "b", id: 2, value: 'b' }));
        assert_eq!(t.expire(Timestamp(30)), Some(Left { key: "c", id: 3, value: 'c' }));
        assert_eq!(t.expire(Timestamp(30)), None);
        assert_eq!((t.len(), t.find(&"a"), t.find(&"b")), (1, Some(a), None));
        assert_eq!(t.evict(), Some(Left { key: "a", id: 1, value: 'a' }));
        assert_eq!(t.evict(), None);
    }

    #[test]
    fn a_slot_used_again_does_not_inherit_a_deadline() {
        let mut t = Table::default();
        let a = t.insert(1, 1, 'a');
        t.hear(a, |_| Timestamp(10));
        assert_eq!((t.name(a), t.remove(a).map(|left| left.value)), (Some((1, 1)), Some('a')));
        let b = t.insert(1, 2, 'b');
        t.hear(b, |_| Timestamp(50));
        assert_eq!(a, b);
        assert_eq!(t.expire(Timestamp(20)), None);
        assert_eq!(t.expire(Timestamp(50)).map(|left| left.value), Some('b'));
    }

    #[test]
    fn deadlines_of_those_that_left_early_are_forgotten() {
        let mut t = Table::default();
        for id in 0..100_000 {
            let slot = t.insert(id, id, id);
            t.hear(slot, |_| Timestamp(1_000));
            if id % 100 != 0 {
                t.remove(slot);
            }
        }
        assert!(t.deadlines.len() <= 2 * 1_000 + STALE + 1, "{}", t.deadlines.len());
        assert_eq!(std::iter::from_fn(|| t.expire(Timestamp(1_000))).count(), 1_000);
    }

    #[test]
    fn what_is_left_comes_in_the_order_of_its_numbers() {
        // In three tables, each of which got its own in another order.
        let mut tables: [Table<u64, u64>; 3] = Default::default();
        for id in (0..100).rev() {
            tables[id as usize % 3].insert(1_000 + id, id, 2 * id);
        }
        let slot = tables[50 % 3].find(&1_050).unwrap();
        tables[50 % 3].remove(slot);
        let left = Leaving::of(tables);
        let expected = (0..100).filter(|id| *id != 50).map(|id| Left { key: 1_000 + id, id, value: 2 * id });
        assert!(left.eq(expected));
        assert_eq!(Leaving::of([Table::<u64, u64>::default()]).next(), None);
    }

    #[test]
    fn what_finds_a_connection_fills_a_line_of_the_cache() {
        assert_eq!(std::mem::offset_of!(Entry<FlowKey, [u64; 8]>, value), 64);
        assert_eq!(size_of::<Option<Entry<FlowKey, [u64; 8]>>>(), 128);
    }
}
