//! Places in the list of what was seen, by what a row tells of them: nothing else is walked over.
//!
//! The list is in the order of time, so that a stretch of time is a range of places.

use std::cmp::Ordering;
use std::iter::from_fn;
use std::ops::Range;

use crate::base::Timestamp;

/// Places by a key, those of one key in the order of time.
pub(super) struct Index<K> {
    keys: Vec<K>,
    places: Vec<usize>,
    /// When the last of each entry ended, of each two, of each four, and so on.
    until: Vec<Vec<Timestamp>>,
}

impl<K: Ord + Copy> Index<K> {
    /// Over these entries, of which each ended then.
    pub(super) fn new(mut entries: Vec<(K, usize)>, end: impl Fn(usize) -> Timestamp) -> Index<K> {
        entries.sort_unstable();
        let (keys, places): (Vec<K>, Vec<usize>) = entries.into_iter().unzip();
        let mut until = vec![places.iter().map(|place| end(*place)).collect::<Vec<_>>()];
        while let Some(below) = until.last().filter(|below| below.len() > 1) {
            let above = below.chunks(2).filter_map(|pair| pair.iter().max().copied()).collect();
            until.push(above);
        }
        Index { keys, places, until }
    }

    /// Where the entries of a key are that have a place in this range.
    fn run(&self, key: K, within: &Range<usize>) -> Range<usize> {
        let begin = self.keys.partition_point(|other| *other < key);
        let end = self.keys.partition_point(|other| *other <= key);
        let places = self.places.get(begin..end).unwrap_or_default();
        let place = |limit: usize| begin + places.partition_point(|place| *place < limit);
        place(within.start)..place(within.end)
    }

    /// The places of a key within a range.
    pub(super) fn places(&self, key: K, within: &Range<usize>) -> &[usize] {
        self.places.get(self.run(key, within)).unwrap_or_default()
    }

    /// Those of them that ended at that time or later, the last to begin first.
    pub(super) fn lasting(&self, key: K, within: &Range<usize>, limit: Timestamp) -> impl Iterator<Item = usize> {
        let run = self.run(key, within);
        let mut end = run.end;
        from_fn(move || {
            while end > run.start {
                // The longest stretch up to here that was all over before.
                let is_over = |level: &usize| {
                    let until = self.until.get(*level).and_then(|level_until| level_until.get((end >> level) - 1));
                    1 << level <= end - run.start && until.is_some_and(|until| *until < limit)
                };
                let levels = (end.trailing_zeros() as usize + 1).min(self.until.len());
                match (0..levels).rev().find(is_over) {
                    Some(level) => end -= 1 << level,
                    None => {
                        end -= 1;
                        return self.places.get(end).copied();
                    }
                }
            }
            None
        })
    }
}

/// Places by the end of a path.
pub(super) struct Tails<'w> {
    /// In the order of their letters from the end.
    paths: Vec<&'w str>,
    /// The places of all paths, of two together in the order of time, of four, and so on.
    levels: Vec<Vec<usize>>,
}

impl<'w> Tails<'w> {
    pub(super) fn new(mut entries: Vec<(&'w str, usize)>) -> Tails<'w> {
        entries.sort_by(|(one, _), (other, _)| from_the_end(one, other));
        let (paths, places): (Vec<&str>, Vec<usize>) = entries.into_iter().unzip();
        let mut levels = vec![places];
        let mut size = 2;
        while let Some(below) = levels.last().filter(|below| size <= below.len()) {
            let mut level = below.clone();
            // Of two parts in order each: they are merged.
            level.chunks_mut(size).for_each(<[usize]>::sort);
            levels.push(level);
            size *= 2;
        }
        Tails { paths, levels }
    }

    /// The places within a range whose paths end with this one, in several parts.
    pub(super) fn ending_with(&self, path: &str, within: &Range<usize>) -> Vec<&[usize]> {
        let mut at = self.paths.partition_point(|other| from_the_end(other, path).is_lt());
        let after = self.paths.get(at..).unwrap_or_default();
        let end = at + after.partition_point(|other| other.ends_with(path));
        let mut parts = Vec::new();
        while at < end {
            let level = (at.trailing_zeros().min((end - at).ilog2()) as usize).min(self.levels.len().saturating_sub(1));
            let part = self.levels.get(level).and_then(|places| places.get(at..at + (1 << level))).unwrap_or_default();
            let place = |limit: usize| part.partition_point(|place| *place < limit);
            parts.extend(part.get(place(within.start)..place(within.end)).filter(|part| !part.is_empty()));
            at += 1 << level;
        }
        parts
    }
}

/// Compares paths from their ends.
fn from_the_end(one: &str, other: &str) -> Ordering {
    const BLOCK: usize = 64;
    let blocks = one.as_bytes().rchunks_exact(BLOCK).zip(other.as_bytes().rchunks_exact(BLOCK));
    // Long ones that end alike are told apart in blocks.
    let alike = blocks.take_while(|(one, other)| one == other).count() * BLOCK;
    one.bytes().rev().skip(alike).cmp(other.bytes().rev().skip(alike))
}

#[cfg(test)]
mod tests {
    use super::{Index, Tails};
    use crate::base::Timestamp;

    #[test]
    fn what_lasts_is_found_as_by_walking() {
        let end = |place: usize| Timestamp((place as i64 * 7_919) % 101);
        for n in [0, 1, 2, 3, 63, 64, 65, 200] {
            let index = Index::new((0..n).map(|place| (place % 3, place)).collect(), end);
            for (key, from, to, limit) in [(0, 0, n, 50), (1, 0, n, 95), (2, n / 3, n / 2, 20), (1, 5, 60, 102)] {
                let fits = |place: &usize| place % 3 == key && (from..to).contains(place);
                let all: Vec<usize> = (0..n).filter(fits).collect();
                assert_eq!(index.places(key, &(from..to)), all, "{n} {key}");
                let lasting: Vec<usize> = all.into_iter().rev().filter(|place| end(*place).0 >= limit).collect();
                assert_eq!(index.lasting(key, &(from..to), Timestamp(limit)).collect::<Vec<_>>(), lasting, "{n} {key}");
            }
        }
    }

    #[test]
    fn ends_of_paths_are_found_as_by_walking() {
        let long = "x".repeat(130);
        let mut paths: Vec<String> = (0..150).map(|n| format!("/{}/{}", n % 11, n % 4)).collect();
        paths.extend(["/a", "/b/a", "a", "/", "/b"].map(|path| format!("{path}{long}")));
        for n in [0, 1, 2, 5, 64, paths.len()] {
            let tails = Tails::new(paths.iter().take(n).enumerate().map(|(i, path)| (path.as_str(), i)).collect());
            for path in ["/2", "/7/3", "/nothing", "3", &format!("/a{long}"), &long] {
                for within in [0..n, n / 4..n / 2, 3..4] {
                    let mut found = tails.ending_with(path, &within).concat();
                    found.sort_unstable();
                    let fits = |i: &usize| within.contains(i) && paths[*i].ends_with(path);
                    assert_eq!(found, (0..n).filter(fits).collect::<Vec<_>>(), "{n} {path} {within:?}");
                }
            }
        }
    }
}
