//! Open connections: found by four-tuple, left by deadline.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::base::Timestamp;

/// Where an open connection is kept. Valid until that connection leaves the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// A deadline, and the connection that has it, in one number that sorts as the pair does: the queue compares more than
/// anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    const fn new(deadline: Timestamp, id: u64) -> Due {
        // Times before 1970 are negative, and come first.
        Due(((deadline.0 ^ i64::MIN) as u64 as u128) << 64 | id as u128)
    }

    const fn deadline(self) -> Timestamp {
        Timestamp((self.0 >> 64) as u64 as i64 ^ i64::MIN)
    }

    const fn id(self) -> u64 {
        self.0 as u64
    }
}

/// Entries of the queue that stand for nothing any more, beside as many as there are connections, before it is cleared of
/// them.
const STALE: usize = 4_096;

struct Entry<K, T> {
    key: K,
    id: u64,
    /// When the connection is over unless something more is heard of it.
    deadline: Timestamp,
    /// The earliest entry of the queue that stands for this connection.
    scheduled: Timestamp,
    value: T,
}

/// A bounded table of open connections.
///
/// The queue of deadlines is lazy: a later deadline costs nothing until the earlier one comes up, so that a
/// packet of a busy connection does not touch the queue at all.
pub struct Table<K, T> {
    index: HashTable<u32>,
    entries: Vec<Option<Entry<K, T>>>,
    free: Vec<u32>,
    queue: BinaryHeap<Reverse<(Due, u32)>>,
    hasher: RandomState,
}

impl<K: Copy + Eq + Hash, T> Default for Table<K, T> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
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
        self.index.is_empty()
    }

    /// The open connection with this key.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &K) -> Option<Slot> {
        let hash = self.hasher.hash_one(key);
        let same = |&i: &u32| matches!(self.entries.get(i as usize), Some(Some(e)) if e.key == *key);
        self.index.find(hash, same).map(|&i| Slot(i))
    }

    /// The connection in a slot.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.entries.get_mut(slot.0 as usize)?.as_mut().map(|e| &mut e.value)
    }

    /// All open connections, and where they are kept.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &T)> {
        let numbered = (0..).map(Slot).zip(&self.entries);
        numbered.filter_map(|(slot, entry)| Some((slot, &entry.as_ref()?.value)))
    }

    /// All open connections.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten().map(|e| &e.value)
    }

    /// Adds a connection under a key that is not in the table, over at `deadline`. `id` breaks ties of deadlines.
    pub fn insert(&mut self, key: K, id: u64, deadline: Timestamp, value: T) -> Slot {
        let entry = Some(Entry { key, id, deadline, scheduled: deadline, value });
        let i = match self.free.pop() {
            Some(i) => i,
            None => u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
        };
        match self.entries.get_mut(i as usize) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        let rehash = |&j: &u32| entries.get(j as usize).and_then(Option::as_ref).map_or(0, |e| hasher.hash_one(e.key));
        self.index.insert_unique(hasher.hash_one(key), i, rehash);
        self.queue.push(Reverse((Due::new(deadline, id), i)));
        Slot(i)
    }

    /// Moves the deadline of a connection.
    #[inline]
    pub fn set_deadline(&mut self, slot: Slot, deadline: Timestamp) {
        let Some(Some(entry)) = self.entries.get_mut(slot.0 as usize) else { return };
        entry.deadline = deadline;
        if deadline < entry.scheduled {
            entry.scheduled = deadline;
            self.queue.push(Reverse((Due::new(deadline, entry.id), slot.0)));
        }
    }

    /// Takes a connection out.
    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        let entry = self.entries.get_mut(slot.0 as usize)?.take()?;
        let hash = self.hasher.hash_one(entry.key);
        if let Ok(found) = self.index.find_entry(hash, |&i| i == slot.0) {
            found.remove();
        }
        self.free.push(slot.0);
        if self.queue.len() > 2 * self.index.len() + STALE {
            self.tidy();
        }
        Some(entry.value)
    }

    /// Clears the queue of what stands for connections that have left: those that end long before their deadline are
    /// many, and an input may go on for days.
    #[cold]
    fn tidy(&mut self) {
        let entries = &self.entries;
        let stands = |due: Due, i: u32| {
            let entry = entries.get(i as usize).and_then(Option::as_ref);
            entry.is_some_and(|e| e.id == due.id() && e.scheduled == due.deadline())
        };
        self.queue.retain(|&Reverse((due, i))| stands(due, i));
    }

    /// Takes out the next connection whose deadline is at or before `now`, earliest first.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) -> Option<T> {
        while let Some(&Reverse((due, _))) = self.queue.peek() {
            if due.deadline() > now {
                return None;
            }
            if let Some(slot) = self.pop_true() {
                return self.remove(slot);
            }
        }
        None
    }

    /// Takes out the connection whose deadline is earliest, due or not: the least useful one.
    pub fn evict(&mut self) -> Option<T> {
        while !self.queue.is_empty() {
            if let Some(slot) = self.pop_true() {
                return self.remove(slot);
            }
        }
        None
    }

    /// Takes out all that are left, by `id`.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<K, T> {
        self.index.clear();
        self.free.clear();
        self.queue.clear();
        let mut left: Vec<_> = std::mem::take(&mut self.entries).into_iter().flatten().collect();
        left.sort_unstable_by_key(|e| e.id);
        left.into_iter().map(|e| e.value)
    }

    /// Pops the head of the queue: the slot, if the head stands for a connection whose deadline it truly is;
    /// a connection with a later deadline is queued again.
    fn pop_true(&mut self) -> Option<Slot> {
        let Reverse((due, i)) = self.queue.pop()?;
        let (due, id) = (due.deadline(), due.id());
        let entry = self.entries.get_mut(i as usize)?.as_mut().filter(|e| e.id == id && e.scheduled == due)?;
        if entry.deadline > due {
            entry.scheduled = entry.deadline;
            self.queue.push(Reverse((Due::new(entry.deadline, id), i)));
            return None;
        }
        Some(Slot(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_in_the_order_of_their_deadlines() {
        let mut t = Table::default();
        let a = t.insert("a", 1, Timestamp(10), 'a');
        let b = t.insert("b", 2, Timestamp(20), 'b');
        t.insert("c", 3, Timestamp(20), 'c');
        t.set_deadline(a, Timestamp(100));
        t.set_deadline(b, Timestamp(15));
        assert_eq!(t.expire(Timestamp(14)), None);
        assert_eq!(t.expire(Timestamp(30)), Some('b'));
        assert_eq!(t.expire(Timestamp(30)), Some('c'));
        assert_eq!(t.expire(Timestamp(30)), None);
        assert_eq!((t.len(), t.find(&"a"), t.find(&"b")), (1, Some(a), None));
        assert_eq!(t.evict(), Some('a'));
        assert_eq!(t.evict(), None);
    }

    #[test]
    fn a_slot_used_again_does_not_inherit_a_deadline() {
        let mut t = Table::default();
        let a = t.insert(1, 1, Timestamp(10), 'a');
        assert_eq!(t.remove(a), Some('a'));
        let b = t.insert(1, 2, Timestamp(50), 'b');
        assert_eq!(a, b);
        assert_eq!(t.expire(Timestamp(20)), None);
        assert_eq!(t.expire(Timestamp(50)), Some('b'));
    }

    #[test]
    fn the_queue_forgets_those_that_left_early() {
        let mut t = Table::default();
        for id in 0..100_000 {
            let slot = t.insert(id, id, Timestamp(1_000), id);
            if id % 100 != 0 {
                t.remove(slot);
            }
        }
        assert!(t.queue.len() <= 2 * 1_000 + STALE + 1, "{}", t.queue.len());
        assert_eq!(std::iter::from_fn(|| t.expire(Timestamp(1_000))).count(), 1_000);
    }

    #[test]
    fn what_is_left_comes_by_id() {
        let mut t = Table::default();
        for (key, id) in [(5, 3), (6, 1), (7, 2)] {
            t.insert(key, id, Timestamp(0), id);
        }
        assert_eq!(t.drain().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(t.is_empty());
    }
}
