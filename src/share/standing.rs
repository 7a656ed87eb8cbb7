//! Connections in which something stands that was removed, there or elsewhere, and that are left out for it.
//!
//! What a connection keeps on purpose excuses the same in all others, but only while that connection is written itself.
//! Whoever is left out may so take the excuse of others with it, and those that of further ones. All packets are looked
//! through once, and each excuse is counted by the texts that give it.
//!
//! Invariant: `count` of a value is how often it stands in the texts of connections that are written, as the longest value
//! there, plus how many values that begin with it have a count of their own; at 0 nothing excuses it.

use std::collections::{BTreeMap, HashSet};

use foldhash::fast::RandomState;

use super::document::Document;
use super::removed::{Removed, Sorted};

/// Why a connection is left out.
const STANDS: &str = "a value that is removed stands in what stays of it";

/// Excused values and the connections in which they stand: pairs of them, of which each takes ten bytes.
const MAX_WATCHED: usize = 8_000_000;

/// Which connections stand on the excuses of which.
#[derive(Debug)]
pub(super) struct Standing {
    /// By value.
    count: Vec<u32>,
    /// Values and connections in which they stand, in order.
    watched: Vec<(u32, u32)>,
    /// Connections and the texts that they keep, in order.
    held: Vec<(u32, u32)>,
    /// By text: how many connections that are written keep it.
    holders: Vec<u32>,
    /// Connections that are not written.
    gone: HashSet<u32, RandomState>,
    /// Connections to be left out, whose texts are not taken back yet.
    found: Vec<u32>,
}

impl Standing {
    /// Looks through what is written as it is.
    pub(super) fn new(document: &Document, removed: &Removed) -> Standing {
        let (sorted, kept) = (removed.sorted(), removed.kept());
        let mut held: Vec<_> = kept.held().collect();
        held.sort_unstable();
        let gone: HashSet<u32, _> = document.store.left_out.keys().copied().collect();
        let mut holders = vec![0_u32; kept.len()];
        for (_, text) in held.iter().filter(|(connection, _)| !gone.contains(connection)) {
            if let Some(holders) = holders.get_mut(*text as usize) {
                *holders += 1;
            }
        }
        let (count, watched, found) = (vec![0; sorted.len()], Vec::new(), Vec::new());
        let mut standing = Standing { count, watched, held, holders, gone, found };
        for (number, _) in (0..).zip(&standing.holders).filter(|(_, holders)| **holders > 0) {
            for value in sorted.within(kept.text(number)) {
                excuse(&mut standing.count, sorted, value);
            }
        }
        standing.look(document, sorted);
        standing
    }

    /// Notes in which connections what stands that is excused, and finds those in which there is something else.
    fn look(&mut self, document: &Document, sorted: &Sorted) {
        let mut watched: HashSet<(u32, u32), RandomState> = HashSet::default();
        let mut found: HashSet<u32, RandomState> = HashSet::default();
        let mut look = |connection: u32, bytes: &[u8]| {
            if found.contains(&connection) {
                return;
            }
            let stands = sorted.within(bytes).any(|value| {
                let excused = self.count.get(value).is_some_and(|count| *count > 0);
                let pair = (value as u32, connection);
                if excused && (watched.len() < MAX_WATCHED || watched.contains(&pair)) {
                    watched.insert(pair);
                    return false;
                }
                true
            });
            if stands {
                found.insert(connection);
            }
        };
        document.each_written(&mut look);
        self.watched = watched.into_iter().collect();
        self.watched.sort_unstable();
        self.found = found.into_iter().collect();
    }

    /// Those that must be left out, given that these are left out beside those before.
    pub(super) fn without(
        &mut self,
        removed: &Removed,
        left_out: impl IntoIterator<Item = u32>,
    ) -> BTreeMap<u32, &'static str> {
        let (sorted, kept) = (removed.sorted(), removed.kept());
        let mut more = BTreeMap::new();
        for connection in left_out {
            self.put_away(connection, sorted, |text| kept.text(text));
        }
        while let Some(connection) = self.found.pop() {
            if self.put_away(connection, sorted, |text| kept.text(text)) {
                more.insert(connection, STANDS);
            }
        }
        more
    }

    /// Takes back what a connection excuses; those that stood on it are found. Not if that was done before.
    fn put_away<'k>(&mut self, connection: u32, sorted: &Sorted, text: impl Fn(u32) -> &'k [u8]) -> bool {
        if !self.gone.insert(connection) {
            return false;
        }
        for (_, number) in of(&self.held, connection) {
            let Some(holders) = self.holders.get_mut(*number as usize) else { continue };
            *holders = holders.saturating_sub(1);
            if *holders > 0 {
                continue;
            }
            for value in sorted.within(text(*number)) {
                let mut next = Some(value);
                while let Some(value) = next {
                    next = None;
                    let Some(count) = self.count.get_mut(value).filter(|count| **count > 0) else { break };
                    *count -= 1;
                    if *count == 0 {
                        self.found.extend(of(&self.watched, value as u32).iter().map(|(_, connection)| connection));
                        next = sorted.begins_with(value);
                    }
                }
            }
        }
        true
    }
}

/// Counts a value that stands in a text, and the values that it begins with where it is the first to do so.
fn excuse(count: &mut [u32], sorted: &Sorted, value: usize) {
    let mut next = Some(value);
    while let Some((value, count)) = next.and_then(|value| Some((value, count.get_mut(value)?))) {
        *count += 1;
        next = if *count == 1 { sorted.begins_with(value) } else { None };
    }
}

/// The pairs that begin with a number, of those in order.
fn of(pairs: &[(u32, u32)], first: u32) -> &[(u32, u32)] {
    let from = pairs.partition_point(|pair| pair.0 < first);
    let rest = pairs.get(from..).unwrap_or_default();
    rest.get(..rest.partition_point(|pair| pair.0 == first)).unwrap_or_default()
}
