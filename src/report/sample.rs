//! A bounded number of things out of any number, evenly spread over the order in which they came.

/// The sample. At most twice as many as are wanted are kept: of those that come, every first, second, fourth and so on.
#[derive(Debug)]
pub(super) struct Sample<T> {
    kept: Vec<(u64, T)>,
    seen: u64,
    stride: u64,
    wanted: usize,
}

impl<T> Sample<T> {
    /// Of so many at most.
    pub(super) fn of(wanted: usize) -> Sample<T> {
        Sample { kept: Vec::new(), seen: 0, stride: 1, wanted }
    }

    /// Takes the next thing, which is made only where it is kept.
    pub(super) fn add(&mut self, make: impl FnOnce() -> T) {
        let number = self.seen;
        self.seen += 1;
        if self.kept.len() >= self.wanted * 2 {
            self.stride *= 2;
            self.kept.retain(|(n, _)| n.is_multiple_of(self.stride));
        }
        if number.is_multiple_of(self.stride) {
            self.kept.push((number, make()));
        }
    }

    /// Takes what another one kept.
    pub(super) fn absorb(&mut self, other: Sample<T>) {
        let seen = self.seen + other.seen;
        other.kept.into_iter().for_each(|(_, thing)| self.kept.push((0, thing)));
        self.seen = seen;
    }

    /// What is kept so far.
    #[cfg(feature = "parquet")]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(_, thing)| thing)
    }

    /// The same things as something else.
    #[cfg(feature = "parquet")]
    pub(super) fn map<U>(self, mut make: impl FnMut(T) -> U) -> Sample<U> {
        let Sample { kept, seen, stride, wanted } = self;
        Sample { kept: kept.into_iter().map(|(n, thing)| (n, make(thing))).collect(), seen, stride, wanted }
    }

    /// As many as are wanted, in the order of `key`, and how many there were.
    pub(super) fn into_list<K: Ord>(self, key: impl Fn(&T) -> K) -> (Vec<T>, u64) {
        let mut all: Vec<T> = self.kept.into_iter().map(|(_, thing)| thing).collect();
        all.sort_by_key(key);
        let (have, wanted) = (all.len(), self.wanted);
        let mut at = 0;
        // Bresenham's line: of `have` steps, `wanted` are taken.
        all.retain(|_| {
            at += wanted.min(have);
            let taken = at >= have;
            at -= if taken { have } else { 0 };
            taken
        });
        (all, self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_bounded_and_spread_evenly() {
        for (n, expected) in [(0, 0), (7, 7), (10, 10), (11, 10), (25, 10), (100_000, 10)] {
            let mut sample = Sample::of(10);
            (0..n).for_each(|i| sample.add(|| i));
            assert!(sample.kept.len() <= 20);
            let (list, seen) = sample.into_list(|i| *i);
            assert_eq!((list.len(), seen), (expected, n), "{n}");
            let widest = list.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            assert!(widest <= (n / 10).max(1) * 2, "{n}: {list:?}");
        }
    }
}
