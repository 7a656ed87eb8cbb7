//! What was removed, to be looked for in what is written.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use super::plan::{Note, Planner};

/// Values that are looked for; of further ones it is said how many there are.
const MAX_REMOVED: usize = 500_000;

/// Bytes kept of what was kept on purpose.
const MAX_KEPT: usize = 32 << 20;

/// As many first bytes of a value are looked for at once.
const WINDOW: usize = 8;

/// Values that must not be found, by their first bytes.
#[derive(Debug, Default)]
pub(super) struct Removed {
    values: HashMap<[u8; WINDOW], Vec<Box<[u8]>>, FixedState>,
    count: usize,
    /// Values for which there was no room.
    pub(super) more: u64,
    /// What was kept on purpose, one after the other.
    kept: Vec<u8>,
    /// Of which of it there is a copy.
    known: HashSet<u64, FixedState>,
    /// Memory that plans take.
    pub(super) planned: usize,
}

impl Removed {
    /// Takes what a plan has to tell.
    pub(super) fn take(&mut self, planner: &mut Planner<'_>) {
        planner.notes(|note| match note {
            Note::Removed(value) => self.add(value),
            Note::Kept(value) => self.keep(&value),
        });
    }

    fn add(&mut self, value: Box<[u8]>) {
        let Some(first) = value.first_chunk::<WINDOW>().copied() else { return };
        if self.count >= MAX_REMOVED {
            self.more += 1;
            return;
        }
        let same = self.values.entry(first).or_default();
        if !same.contains(&value) {
            same.push(value);
            self.count += 1;
        }
    }

    /// Adds something that must not be found either, whatever its length.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        if text.len() >= WINDOW {
            self.add(text.into());
        }
    }

    fn keep(&mut self, value: &[u8]) {
        // What comes again and again, as certificates do, is kept once.
        if self.kept.len() + value.len() < MAX_KEPT && self.known.insert(FixedState::default().hash_one(value)) {
            self.kept.extend_from_slice(value);
            self.kept.push(0);
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The first of them, of at least so many bytes, that stands in a text, and is no part of what was kept on purpose or
    /// is `known`.
    pub(super) fn find<'t>(&self, text: &'t [u8], known: &[u8], least: usize) -> Option<&'t [u8]> {
        if self.values.is_empty() {
            return None;
        }
        let stands = |within: &[u8], value: &[u8]| memchr::memmem::find(within, value).is_some();
        for (at, window) in text.windows(WINDOW).enumerate() {
            let Some(first) = window.first_chunk::<WINDOW>() else { continue };
            let Some(same) = self.values.get(first) else { continue };
            for value in same.iter().filter(|value| value.len() >= least) {
                let found = text.get(at..at + value.len()).filter(|found| *found == &**value);
                if let Some(found) = found.filter(|found| !stands(&self.kept, found) && !stands(known, found)) {
                    return Some(found);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_found_unless_it_was_kept_as_well() {
        let mut removed = Removed::default();
        for value in [&b"session=0123"[..], b"shop.example", b"short"] {
            removed.add_text(value);
        }
        removed.keep(b"www.shop.example");
        assert_eq!(removed.len(), 2);
        assert_eq!(removed.find(b"..session=0124 shop.example short", &[], 0), None);
        assert_eq!(removed.find(b"..session=0123..", &[], 0), Some(&b"session=0123"[..]));
        assert_eq!(removed.find(b"..session=0123..", b"a session=0123", 0), None);
        assert_eq!(removed.find(b"..session=0123..", &[], 13), None);
    }
}
