//! How long things took, over any number of them: counts in buckets that grow with the duration.
//!
//! ```text
//! microseconds   0 1 2 … 63 | 64 65 … 127 | 128 130 … 254 | 256 260 … 508 | …
//! one bucket for each     1 |           1 |             2 |             4 | …
//! ```
//! Each doubling has the same number of buckets, so that the middle of a bucket is within [`ERROR_PERCENT`] of every
//! duration in it. All is integers: two halves added up say the same as the whole, on any machine.

use super::Micros;

/// Buckets of each doubling, as a power of two.
const PRECISION: u32 = 6;

/// Buckets of each doubling.
const BUCKETS: u64 = 1 << PRECISION;

/// The most buckets that durations of 63 bits can fill; real ones fill a few hundred.
const MAX_BUCKETS: u16 = (64 - PRECISION as u16) << PRECISION;

/// A quantile is at most so far from the true one, in percent of it.
pub const ERROR_PERCENT: f64 = 0.8;

/// The buckets of one doubling.
type Counts = [u64; BUCKETS as usize];

/// Durations, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Those of each doubling, up to the last one that is not empty: durations of one kind fill few, and a connection that
    /// is kept alive has three such lists.
    doublings: Vec<Option<Box<Counts>>>,
    count: u64,
    sum: u64,
    shortest: Micros,
    longest: Micros,
}

impl Default for Histogram {
    fn default() -> Histogram {
        let (shortest, longest) = (Micros(i64::MAX), Micros(i64::MIN));
        Histogram { doublings: Vec::new(), count: 0, sum: 0, shortest, longest }
    }
}

impl Histogram {
    /// Counts one. A negative duration is that of a clock that was set, and says nothing.
    pub fn add(&mut self, duration: Micros) {
        let Ok(us) = u64::try_from(duration.0) else { return };
        let bucket = usize::from(bucket(us));
        let within = bucket % BUCKETS as usize;
        if let Some(n) = self.doubling(bucket >> PRECISION).and_then(|counts| counts.get_mut(within)) {
            *n += 1;
        }
        self.shortest = self.shortest.min(duration);
        self.longest = self.longest.max(duration);
        self.count += 1;
        self.sum = self.sum.saturating_add(us);
    }

    /// Counts all that another one has counted.
    pub fn absorb(&mut self, other: &Histogram) {
        for (at, theirs) in other.doublings.iter().enumerate() {
            if let Some(theirs) = theirs
                && let Some(ours) = self.doubling(at)
            {
                ours.iter_mut().zip(&**theirs).for_each(|(ours, theirs)| *ours += theirs);
            }
        }
        self.shortest = self.shortest.min(other.shortest);
        self.longest = self.longest.max(other.longest);
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// The buckets of a doubling, to be written to.
    fn doubling(&mut self, at: usize) -> Option<&mut Counts> {
        if !matches!(self.doublings.get(at), Some(Some(_))) {
            self.begin_doubling(at);
        }
        self.doublings.get_mut(at)?.as_deref_mut()
    }

    #[cold]
    fn begin_doubling(&mut self, at: usize) {
        if self.doublings.len() <= at {
            self.doublings.resize_with(at + 1, || None);
        }
        if let Some(new) = self.doublings.get_mut(at) {
            *new = Some(Box::new([0; BUCKETS as usize]));
        }
    }

    /// All buckets from the first on that have anything in them.
    fn filled(&self) -> impl Iterator<Item = (u16, u64)> {
        let starts = (0..).step_by(BUCKETS as usize);
        let doublings = starts.zip(&self.doublings).filter_map(|(start, counts)| Some((start, counts.as_ref()?)));
        doublings.flat_map(|(start, counts)| (start..).zip(counts.iter().copied())).filter(|(_, n)| *n > 0)
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, exactly, in microseconds.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many did not exceed this duration, within [`ERROR_PERCENT`] of it.
    #[must_use]
    pub fn at_most(&self, duration: Micros) -> u64 {
        let Ok(us) = u64::try_from(duration.0) else { return 0 };
        let last = bucket(us);
        self.filled().take_while(|(bucket, _)| *bucket <= last).map(|(_, n)| n).sum()
    }

    /// The shortest and the longest, exactly.
    #[must_use]
    pub fn range(&self) -> Option<(Micros, Micros)> {
        (self.count > 0).then_some((self.shortest, self.longest))
    }

    /// The duration that `percent` of them do not exceed, by nearest rank, within [`ERROR_PERCENT`].
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Micros> {
        let (min, max) = self.range()?;
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = |&(_, n): &(u16, u64)| {
            seen += u128::from(n);
            seen >= rank
        };
        let found = self.filled().find(reached).map_or(max, |(b, _)| middle(b));
        Some(found.clamp(min, max))
    }
}

/// The bucket of a duration.
fn bucket(us: u64) -> u16 {
    let doublings = (us | 1).ilog2().saturating_sub(PRECISION);
    // What is left are the bits down to the precision, of which the first is set but in the first doubling.
    ((doublings << PRECISION) as u16 + (us >> doublings) as u16).min(MAX_BUCKETS)
}

/// The middle of a bucket.
fn middle(bucket: u16) -> Micros {
    let (bucket, last_exact) = (u64::from(bucket), 2 * BUCKETS - 1);
    if bucket <= last_exact {
        return Micros(bucket as i64);
    }
    let doublings = bucket / BUCKETS - 1;
    let first = (bucket - doublings * BUCKETS) << doublings;
    Micros(i64::try_from(first + ((1 << doublings) - 1) / 2).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_up_to_a_duration_are_counted() {
        let mut h = Histogram::default();
        [5, 10, 1_000, 50_000, 3_000_000].into_iter().for_each(|us| h.add(Micros(us)));
        for (us, n) in [(-1, 0), (0, 0), (5, 1), (999, 2), (1_010, 3), (1_000_000, 4), (i64::MAX, 5)] {
            assert_eq!(h.at_most(Micros(us)), n, "{us}");
        }
        assert_eq!((h.sum(), h.count()), (3_051_015, 5));
    }

    /// Durations of every size, without chance.
    fn durations() -> impl Iterator<Item = i64> {
        (0..5_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (20 + n % 43)) as i64)
    }

    #[test]
    fn quantiles_are_within_the_stated_error() {
        let mut all: Vec<_> = durations().collect();
        let mut histogram = Histogram::default();
        all.iter().for_each(|&us| histogram.add(Micros(us)));
        all.sort_unstable();
        for percent in [1, 10, 50, 90, 99, 100] {
            let exact = all[(all.len() * usize::from(percent)).div_ceil(100) - 1];
            let told = histogram.percentile(percent).unwrap().0;
            let error = (told - exact).abs() as f64;
            assert!(error <= exact as f64 * ERROR_PERCENT / 100.0, "p{percent}: {told} for {exact}");
        }
        assert_eq!(histogram.range(), Some((Micros(all[0]), Micros(all[all.len() - 1]))));
    }

    #[test]
    fn halves_add_up_to_the_whole() {
        let (mut whole, mut even, mut odd) = (Histogram::default(), Histogram::default(), Histogram::default());
        for (n, us) in durations().enumerate() {
            whole.add(Micros(us));
            if n % 2 == 0 { &mut even } else { &mut odd }.add(Micros(us));
        }
        odd.absorb(&even);
        odd.absorb(&Histogram::default());
        assert_eq!(odd, whole);
    }

    #[test]
    fn room_is_taken_where_durations_are() {
        let mut histogram = Histogram::default();
        [3_000_000, 3_100_000, 90].into_iter().for_each(|us| histogram.add(Micros(us)));
        assert_eq!(histogram.doublings.iter().flatten().count(), 2);
        assert_eq!(histogram.filled().map(|(_, n)| n).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn a_clock_that_was_set_is_not_counted() {
        let mut histogram = Histogram::default();
        histogram.add(Micros(-1));
        assert_eq!((histogram.count(), histogram.range(), histogram.percentile(50)), (0, None, None));
        histogram.add(Micros(i64::MAX));
        assert_eq!(histogram.percentile(50), Some(Micros(i64::MAX)));
        assert!(histogram.filled().all(|(bucket, _)| bucket <= MAX_BUCKETS));
    }
}
