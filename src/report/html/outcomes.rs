//! Connections by outcome, over time and by who opened them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::{Micros, Timestamp};
use crate::diagnosis::Outcome;
use crate::observation::EdgeKind;

/// Stretches of time told apart; with more, all are made longer.
const MAX_STRETCHES: usize = 120;

/// Addresses told apart.
const MAX_PEERS: usize = 4_096;

/// Lengths of a stretch in microseconds. Each is a multiple of the one before, so that shorter ones add up.
const LENGTHS: [i64; 26] = [
    1_000,
    2_000,
    10_000,
    20_000,
    100_000,
    200_000,
    1_000_000,
    2_000_000,
    10_000_000,
    20_000_000,
    60_000_000,
    120_000_000,
    600_000_000,
    1_200_000_000,
    3_600_000_000,
    7_200_000_000,
    21_600_000_000,
    43_200_000_000,
    86_400_000_000,
    172_800_000_000,
    864_000_000_000,
    1_728_000_000_000,
    8_640_000_000_000,
    17_280_000_000_000,
    86_400_000_000_000,
    172_800_000_000_000,
];

/// How many of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::report) struct Outcomes {
    pub(in crate::report) failed: u64,
    pub(in crate::report) inconclusive: u64,
    pub(in crate::report) ok: u64,
}

impl Outcomes {
    pub(in crate::report) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Failed => self.failed += 1,
            Outcome::Inconclusive => self.inconclusive += 1,
            Outcome::Ok => self.ok += 1,
        }
    }

    fn absorb(&mut self, other: Outcomes) {
        self.failed += other.failed;
        self.inconclusive += other.inconclusive;
        self.ok += other.ok;
    }

    pub(in crate::report) fn all(&self) -> u64 {
        self.failed + self.inconclusive + self.ok
    }
}

/// When connections began, by outcome.
#[derive(Debug, Default)]
pub(in crate::report) struct OverTime {
    /// Index into [`LENGTHS`].
    length: usize,
    stretches: BTreeMap<i64, Outcomes>,
}

impl OverTime {
    pub(in crate::report) fn add(&mut self, time: Timestamp, outcome: Outcome) {
        let at = (time.0 / 1_000).div_euclid(self.length());
        self.stretches.entry(at).or_default().add(outcome);
        self.shrink();
    }

    pub(in crate::report) fn absorb(&mut self, mut other: OverTime) {
        while self.length < other.length {
            self.lengthen();
        }
        while other.length < self.length {
            other.lengthen();
        }
        for (at, outcomes) in other.stretches {
            self.stretches.entry(at).or_default().absorb(outcomes);
        }
        self.shrink();
    }

    /// From the first to the last stretch in which a connection began, those without one as well.
    pub(in crate::report) fn stretches(&self) -> Vec<(Timestamp, Outcomes)> {
        let Some((first, last)) = self.span() else { return Vec::new() };
        let begin = |at: i64| Timestamp(at.saturating_mul(self.length()).saturating_mul(1_000));
        (first..=last).map(|at| (begin(at), self.stretches.get(&at).copied().unwrap_or_default())).collect()
    }

    /// How long a stretch is.
    pub(in crate::report) fn each(&self) -> Micros {
        Micros(self.length())
    }

    fn length(&self) -> i64 {
        LENGTHS.get(self.length).copied().unwrap_or(i64::MAX)
    }

    fn span(&self) -> Option<(i64, i64)> {
        Some((*self.stretches.first_key_value()?.0, *self.stretches.last_key_value()?.0))
    }

    fn shrink(&mut self) {
        let too_many = |(first, last): (i64, i64)| last - first >= MAX_STRETCHES as i64;
        while self.span().is_some_and(too_many) && self.length < LENGTHS.len() {
            self.lengthen();
        }
    }

    fn lengthen(&mut self) {
        let before = self.length();
        self.length += 1;
        let factor = self.length() / before.max(1);
        for (at, outcomes) in std::mem::take(&mut self.stretches) {
            self.stretches.entry(at.div_euclid(factor.max(1))).or_default().absorb(outcomes);
        }
    }
}

/// Who opened connections, by outcome.
#[derive(Debug, Default)]
pub(in crate::report) struct Peers {
    peers: BTreeMap<IpAddr, (EdgeKind, Outcomes)>,
    /// Connections of further ones.
    rest: Outcomes,
}

impl Peers {
    pub(in crate::report) fn add(&mut self, ip: IpAddr, kind: EdgeKind, outcome: Outcome) {
        let room = self.peers.len() < MAX_PEERS;
        match self.peers.get_mut(&ip) {
            Some((_, outcomes)) => outcomes.add(outcome),
            None if room => {
                let mut outcomes = Outcomes::default();
                outcomes.add(outcome);
                self.peers.insert(ip, (kind, outcomes));
            }
            None => self.rest.add(outcome),
        }
    }

    pub(in crate::report) fn absorb(&mut self, other: Peers) {
        self.rest.absorb(other.rest);
        for (ip, (kind, theirs)) in other.peers {
            if let Some((_, ours)) = self.peers.get_mut(&ip) {
                ours.absorb(theirs);
            } else if self.peers.len() < MAX_PEERS {
                self.peers.insert(ip, (kind, theirs));
            } else {
                self.rest.absorb(theirs);
            }
        }
    }

    /// Most failures first; then the connections of those for which there was no room.
    pub(in crate::report) fn list(&self) -> (Vec<(IpAddr, EdgeKind, Outcomes)>, Outcomes) {
        let mut list: Vec<_> = self.peers.iter().map(|(ip, (kind, outcomes))| (*ip, *kind, *outcomes)).collect();
        list.sort_by_key(|(ip, _, o)| (std::cmp::Reverse((o.failed, o.inconclusive, o.ok)), *ip));
        (list, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_add_up() {
        for pair in LENGTHS.windows(2) {
            assert_eq!(pair[1] % pair[0], 0);
        }
    }

    #[test]
    fn stretches_grow_with_the_capture_and_lose_nothing() {
        let mut times = OverTime::default();
        for i in 0..10_000i64 {
            times.add(Timestamp(i * 37_000_000), if i % 100 == 0 { Outcome::Failed } else { Outcome::Ok });
            assert!(times.stretches().len() <= MAX_STRETCHES);
        }
        let all = times.stretches();
        assert_eq!(times.each(), Micros::from_secs(10));
        assert_eq!(all.iter().map(|(_, o)| o.failed).sum::<u64>(), 100);
        assert_eq!(all.iter().map(|(_, o)| o.all()).sum::<u64>(), 10_000);
        times.add(Timestamp(i64::MIN), Outcome::Ok);
        times.add(Timestamp(i64::MAX), Outcome::Ok);
        assert!(times.stretches().len() <= MAX_STRETCHES);
    }
}
