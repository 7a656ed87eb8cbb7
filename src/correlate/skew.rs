//! How far a log's clock is from the capture's.

use std::collections::HashMap;

use crate::base::{Micros, Timestamp};

use super::By;
use super::row::{Row, Vantage};
use super::seen::{Kind, Seen, path_number};

/// Clocks that are further apart are not set against each other by time alone.
const FARTHEST: Micros = Micros::from_secs(300);

/// Pairs of a row and a request looked at.
const MAX_PAIRS: usize = 500_000;

/// Rows and requests with one method and path: with more of them, any difference could be found.
const ALIKE: usize = 64;

/// How far a log's clock is ahead of the capture's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Whose clock.
    pub vantage: Vantage,
    /// How far it is ahead; `None` where nothing tells.
    pub ahead: Option<Micros>,
    /// By what it is known.
    pub by: Option<By>,
    /// How many rows agree.
    pub rows: usize,
}

impl Skew {
    /// From rows whose requests are known.
    pub(super) fn by_id<'a>(vantage: Vantage, pairs: impl Iterator<Item = (&'a Row, &'a Seen)>) -> Option<Skew> {
        let mut apart: Vec<i64> = pairs.map(|(row, seen)| difference(row, seen)).collect();
        apart.sort_unstable();
        let ahead = *apart.get(apart.len() / 2)?;
        Some(Skew { vantage, ahead: Some(Micros(ahead)), by: Some(By::Id), rows: apart.len() })
    }

    /// From the difference that most rows have to a request of the same method and path.
    pub(super) fn by_time(vantage: Vantage, rows: &[&Row], seen: &[Seen]) -> Skew {
        let unknown = Skew { vantage, ahead: None, by: None, rows: 0 };
        let mut requests: HashMap<(u64, &str), Vec<&Seen>> = HashMap::new();
        for seen in seen.iter().filter(|seen| seen.kind == Kind::Exchange && !seen.target.is_empty()) {
            requests.entry((seen.path, &seen.method)).or_default().push(seen);
        }
        let mut alike: HashMap<(u64, &str), Vec<&Row>> = HashMap::new();
        for row in rows {
            alike.entry((path_number(&row.target), &row.method)).or_default().push(row);
        }
        // Of each difference: whose it is.
        let mut apart: Vec<(i64, usize)> = Vec::new();
        let mut paired = 0;
        for (key, rows) in &alike {
            let Some(requests) = requests.get(key).filter(|found| found.len().max(rows.len()) <= ALIKE) else {
                continue;
            };
            for row in rows {
                let before = apart.len();
                let differences = requests.iter().map(|seen| difference(row, seen));
                apart.extend(differences.filter(|d| d.abs() <= FARTHEST.0).map(|d| (d, paired)));
                paired += usize::from(apart.len() > before);
            }
            if apart.len() > MAX_PAIRS {
                break;
            }
        }
        apart.sort_unstable();
        let coarse = rows.iter().any(|row| row.grain >= Micros::from_secs(1));
        let width = if coarse { 1_200_000 } else { 300_000 };
        match densest(&apart, width) {
            Some((ahead, agree)) if agree >= 3 && agree * 10 >= paired * 3 => {
                Skew { vantage, ahead: Some(Micros(ahead)), by: Some(By::Time), rows: agree }
            }
            _ => unknown,
        }
    }
}

/// How far a row's clock is ahead, by one request: the beginnings are compared where the row tells of its own, as a
/// viewer may take its time over the end.
fn difference(row: &Row, seen: &Seen) -> i64 {
    let middle = row.grain.0 / 2;
    let from = |row_time: Timestamp, seen_time: Timestamp| row_time.since(seen_time).0 + middle;
    match row.taken.filter(|_| row.vantage != Vantage::Host) {
        Some(taken) => from(row.time.plus(Micros(-taken.0)), seen.start),
        None => from(row.time, seen.end),
    }
}

/// The middle of the stretch of this width in which most rows have a difference, and how many have; of equally good
/// ones, that next to zero.
fn densest(apart: &[(i64, usize)], width: i64) -> Option<(i64, usize)> {
    let mut best: Option<(i64, usize)> = None;
    let mut inside: HashMap<usize, usize> = HashMap::new();
    let mut begin = 0;
    for (end, &(last, row)) in apart.iter().enumerate() {
        *inside.entry(row).or_default() += 1;
        while let Some(&(first, gone)) = apart.get(begin).filter(|(first, _)| last - first > width) {
            let _ = first;
            if let Some(n) = inside.get_mut(&gone) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(&gone);
                }
            }
            begin += 1;
        }
        let middle = apart.get(begin + (end - begin) / 2).map_or(last, |(d, _)| *d);
        let better = best.is_none_or(|(ahead, n)| inside.len() > n || inside.len() == n && middle.abs() < ahead.abs());
        if better {
            best = Some((middle, inside.len()));
        }
    }
    best
}
