//! What was removed, to be looked for in what is written.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use foldhash::fast::FixedState;

use super::kept::Kept;
use super::plan::{Note, Planner};

/// Values that are looked for; of further ones it is said how many there are.
const MAX_REMOVED: usize = 500_000;

/// As many first bytes of a value are looked for at once.
const WINDOW: usize = 8;

/// Values that must not be found.
#[derive(Debug, Default)]
pub(super) struct Removed {
    values: HashSet<Rc<[u8]>>,
    /// The same, once they are looked for.
    sorted: OnceCell<Sorted>,
    /// Values for which there was no room.
    pub(super) more: u64,
    /// What was kept on purpose.
    kept: Kept,
    /// Which of the values, in their order, stand in what was kept of the connections that are written.
    excused: Vec<bool>,
    /// Memory that plans take.
    pub(super) planned: usize,
}

/// Values in their order: those that others begin with stand before them.
#[derive(Debug)]
pub(super) struct Sorted {
    values: Vec<Rc<[u8]>>,
    /// The longest other one that each begins with.
    within: Vec<Option<usize>>,
    /// Where those with these first bytes are.
    first: HashMap<[u8; WINDOW], Range<usize>, FixedState>,
}

impl Sorted {
    fn new(values: &HashSet<Rc<[u8]>>) -> Sorted {
        let mut values: Vec<Rc<[u8]>> = values.iter().cloned().collect();
        values.sort_unstable();
        let mut first: HashMap<_, Range<usize>, _> = HashMap::default();
        let mut within = Vec::with_capacity(values.len());
        let mut open: Vec<(usize, &[u8])> = Vec::new();
        for (i, value) in values.iter().enumerate() {
            if let Some(begin) = value.first_chunk::<WINDOW>() {
                first.entry(*begin).or_insert(i..i).end = i + 1;
            }
            while open.pop_if(|(_, other)| !value.starts_with(other)).is_some() {}
            within.push(open.last().map(|(other, _)| *other));
            open.push((i, value));
        }
        Sorted { within, first, values }
    }

    /// The longest one that a text begins with. Where it may stand, so may all others that the text begins with: it begins
    /// with them as well.
    fn longest(&self, text: &[u8]) -> Option<(usize, &[u8])> {
        let range = self.first.get(text.first_chunk::<WINDOW>()?)?;
        let same = self.values.get(range.clone())?;
        // What the text begins with is what the last one before it begins with, or is that.
        let mut at = range.start + same.partition_point(|value| **value <= *text).checked_sub(1)?;
        let nearest = self.values.get(at)?;
        if !text.starts_with(nearest) {
            at = (*self.within.get(at)?)?;
            let common = common(nearest, text);
            while self.values.get(at)?.len() > common {
                at = (*self.within.get(at)?)?;
            }
        }
        Some((at, self.values.get(at)?))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The longest other one that one begins with.
    pub(super) fn begins_with(&self, value: usize) -> Option<usize> {
        self.within.get(value).copied().flatten()
    }

    /// Those that stand in a text: at each of its places the longest one.
    pub(super) fn within(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        (0..text.len()).filter_map(move |at| self.longest(text.get(at..)?).map(|(value, _)| value))
    }
}

/// How many bytes two texts have in common, from their first on.
fn common(one: &[u8], other: &[u8]) -> usize {
    const AT_ONCE: usize = 32;
    let same = one.chunks(AT_ONCE).zip(other.chunks(AT_ONCE)).take_while(|(a, b)| a == b).map(|(a, _)| a.len());
    let whole: usize = same.sum();
    let rest = one.get(whole..).unwrap_or_default().iter().zip(other.get(whole..).unwrap_or_default());
    whole + rest.take_while(|(a, b)| a == b).count()
}

impl Removed {
    /// Takes what the plan of a connection has to tell.
    pub(super) fn take(&mut self, connection: u32, planner: &mut Planner<'_>) {
        planner.notes(|note| match note {
            Note::Removed(value) => self.add(value),
            Note::Kept(value) => self.kept.add(connection, &value),
        });
    }

    fn add(&mut self, value: Box<[u8]>) {
        if value.len() < WINDOW {
            return;
        }
        if self.values.len() >= MAX_REMOVED {
            self.more += 1;
            return;
        }
        self.sorted.take();
        if !self.values.contains(&*value) {
            self.values.insert(value.into());
        }
    }

    /// Adds something that must not be found either, whatever its length.
    pub(super) fn add_text(&mut self, text: &[u8]) {
        if text.len() >= WINDOW {
            self.add(text.into());
        }
    }

    /// All values in their order.
    pub(super) fn sorted(&self) -> &Sorted {
        self.sorted.get_or_init(|| Sorted::new(&self.values))
    }

    /// What was kept on purpose, by whichever connection.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Excuses what these connections kept on purpose, and nothing else.
    pub(super) fn excuse(&mut self, is_written: impl Fn(u32) -> bool) {
        let sorted = self.sorted();
        let mut excused = vec![false; sorted.len()];
        for text in self.kept.of(is_written) {
            for value in sorted.within(text) {
                // Where one may stand, so may all that it begins with.
                let mut next = Some(value);
                while let Some((value, place)) =
                    next.and_then(|i| Some((i, excused.get_mut(i).filter(|excused| !**excused)?)))
                {
                    *place = true;
                    next = sorted.begins_with(value);
                }
            }
        }
        self.excused = excused;
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The first of them, of at least so many bytes, that stands in a text, and is not [excused](Self::excuse) or a part
    /// of what is `known`.
    pub(super) fn find<'t>(&self, text: &'t [u8], known: &[u8], least: usize) -> Option<&'t [u8]> {
        if self.values.is_empty() {
            return None;
        }
        let sorted = self.sorted();
        (0..text.len()).find_map(|at| {
            let rest = text.get(at..)?;
            let (i, value) = sorted.longest(rest).filter(|(_, value)| value.len() >= least)?;
            let excused = self.excused.get(i).is_some_and(|excused| *excused);
            if excused || memchr::memmem::find(known, value).is_some() { None } else { rest.get(..value.len()) }
        })
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
        removed.kept.add(0, b"www.shop.example");
        removed.kept.add(1, b"session=0123");
        removed.excuse(|connection| connection == 0);
        assert_eq!(removed.len(), 2);
        assert_eq!(removed.find(b"..session=0124 shop.example short", &[], 0), None);
        assert_eq!(removed.find(b"..session=0123..", &[], 0), Some(&b"session=0123"[..]));
        assert_eq!(removed.find(b"..session=0123..", b"a session=0123", 0), None);
        assert_eq!(removed.find(b"..session=0123..", &[], 13), None);
    }

    #[test]
    fn values_that_begin_with_others_are_found() {
        let mut removed = Removed::default();
        for value in [&b"aaaaaaaa"[..], b"aaaaaaaab", b"aaaaaaaabc", b"aaaaaaaac", b"aaaaaaaabcd2"] {
            removed.add_text(value);
            removed.add_text(value);
        }
        assert_eq!(removed.len(), 5);
        for (text, found) in [
            (&b"aaaaaaa"[..], None),
            (b"baaaaaaaad", Some(&b"aaaaaaaa"[..])),
            (b"aaaaaaaabb", Some(b"aaaaaaaab")),
            (b"aaaaaaaabcd1", Some(b"aaaaaaaabc")),
            (b"aaaaaaaabcd3", Some(b"aaaaaaaabc")),
            (b"aaaaaaaa", Some(b"aaaaaaaa")),
        ] {
            assert_eq!(removed.find(text, &[], 0), found, "{text:?}");
        }
        let long = |end: &[u8]| [&[b'x'; 70], end].concat();
        removed.add_text(&[b'x'; 66]);
        removed.add_text(&long(b"y"));
        assert_eq!(removed.find(&long(b"x"), &[], 0), Some(&[b'x'; 66][..]));
        assert_eq!(removed.find(&long(b"y"), &[], 67), Some(&long(b"y")[..]));
        assert_eq!(removed.find(&[b'x'; 65], &[], 0), None);
        // What stands in what was kept, and what that begins with.
        removed.kept.add(0, b"..aaaaaaaabc..");
        removed.excuse(|_| true);
        assert_eq!(removed.find(b"aaaaaaaabcd1 aaaaaaaad", &[], 0), None);
        assert_eq!(removed.find(b"aaaaaaaabcd1 aaaaaaaac", &[], 0), Some(&b"aaaaaaaac"[..]));
        removed.excuse(|_| false);
        assert_eq!(removed.find(b"aaaaaaaabcd1", &[], 0), Some(&b"aaaaaaaabc"[..]));
    }
}
