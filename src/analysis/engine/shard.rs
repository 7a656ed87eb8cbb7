//! A share of the connections, with all that depends on how many there are: which packets belong together depends on
//! their four-tuple alone, so that shares may be followed side by side and say what they would say one after the other.

use crate::base::Timestamp;
use crate::flow::{FlowKey, Slot, Table};
use crate::observation::Ended;

use super::super::attempt::Flow;
use super::gone::Gone;

/// A connection that has left.
pub(super) type Left = crate::flow::Left<FlowKey, Flow>;

/// Shares that the connections are divided into, however many threads there are.
pub(in crate::analysis) const SHARDS: usize = 8;

/// With more open connections of one shard than this, one that ended makes room soon.
const MAX_LINGERING: usize = 32;

/// Among the connections that one packet ends, those whose deadline has come stand in the order of their shards, and the
/// one whose place the packet takes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::analysis) struct Place(pub(super) usize);

impl Place {
    pub(in crate::analysis) const FIRST: Place = Place(0);
    pub(in crate::analysis) const BEHIND: Place = Place(SHARDS);
    /// Where the connection begins that a packet opens.
    pub(in crate::analysis) const OPENED: Place = Place(SHARDS + 1);
    /// Those that are put away for the memory that this one takes.
    pub(in crate::analysis) const RELIEVED: Place = Place(SHARDS + 2);
}

/// Which shards an engine follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) struct Part {
    /// Which of the parts it is, from 0.
    pub index: usize,
    /// A bit for each shard: it is asked for every packet.
    shards: u32,
}

impl Part {
    /// All of them.
    pub(in crate::analysis) const ALL: Part = Part { index: 0, shards: (1 << SHARDS) - 1 };

    /// Parts of these numbers of shards; what is beyond [`SHARDS`] is left out.
    pub(in crate::analysis) fn of_sizes(sizes: impl IntoIterator<Item = usize>) -> Vec<Part> {
        let mut left = 0..SHARDS;
        let shards = |size| left.by_ref().take(size).fold(0, |shards, shard| shards | 1 << shard);
        sizes.into_iter().map(shards).enumerate().map(|(index, shards)| Part { index, shards }).collect()
    }

    /// Whether other engines follow other connections.
    pub(in crate::analysis) const fn is_one_of_several(self) -> bool {
        self.shards != Part::ALL.shards
    }

    /// How many shards it has.
    #[cfg(test)]
    pub(in crate::analysis) const fn len(self) -> usize {
        self.shards.count_ones() as usize
    }

    /// The shard of a connection, one of so many, which is 1 or [`SHARDS`]; `None` where another engine follows it.
    #[inline]
    pub(super) fn shard(self, key: &FlowKey, shards: usize) -> Option<usize> {
        const { assert!(SHARDS.is_power_of_two() && SHARDS <= 32) };
        let shard = key.spread() as usize & shards.wrapping_sub(1) & (SHARDS - 1);
        (self.shards >> shard & 1 == 1).then_some(shard)
    }
}

/// The open connections of a share, and those that were.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) table: Table<FlowKey, Flow>,
    /// Memory that bytes out of order take.
    pub(super) held: usize,
    /// Memory that what the sides of its connections said takes.
    pub(super) kept: usize,
    /// Connections that were put away early, while packets of theirs may still come.
    pub(super) gone: Gone,
}

impl Shard {
    /// Whether there are so many that those which ended are not kept for long.
    #[inline]
    pub(super) fn is_crowded(&self) -> bool {
        self.table.len() > MAX_LINGERING
    }

    /// Takes out the next one whose deadline has come.
    #[inline]
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<(Left, Ended)> {
        let left = self.table.expire(now)?;
        self.forget(&left.value);
        let Some(open) = left.value.open().filter(|open| open.is_over()) else { return Some((left, Ended::Idle)) };
        if open.was_hurried() {
            self.gone.bury(left.key, open.begun(), now);
        }
        Some((left, Ended::Closed))
    }

    /// Takes one out that is over, whenever its deadline is.
    pub(super) fn put_away(&mut self, slot: Slot, now: Timestamp) -> Option<Left> {
        let left = self.remove(slot)?;
        if let Some(open) = left.value.open() {
            self.gone.bury(left.key, open.begun(), now);
        }
        Some(left)
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Left> {
        let left = self.table.remove(slot)?;
        self.forget(&left.value);
        Some(left)
    }

    /// Takes the least useful one out.
    pub(super) fn evict(&mut self) -> Option<Left> {
        let left = self.table.evict()?;
        self.forget(&left.value);
        Some(left)
    }

    /// One that was taken out takes no memory any more.
    fn forget(&mut self, flow: &Flow) {
        let Some(open) = flow.open() else { return };
        self.held = self.held.saturating_sub(open.held());
        self.kept = self.kept.saturating_sub(open.kept());
    }
}
