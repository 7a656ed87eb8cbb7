//! Which stretch of time the captures show.

use crate::base::{Micros, Timestamp};
use crate::correlate::Known;
use crate::report::Capture;

/// Files that follow each other within this time are one capture that was cut into files.
const APART: Micros = Micros::from_secs(5);

/// From the first to the last packet of files that follow each other; `incomplete` where packets are missing.
pub(super) fn known(captures: &[Capture], incomplete: bool) -> Known {
    let span = |c: &Capture| c.info.first_time.zip(c.info.last_time);
    let mut each: Vec<(Timestamp, Timestamp)> = captures.iter().filter_map(span).collect();
    each.sort_unstable();
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (first, last) in each {
        match spans.last_mut().filter(|(_, end)| first.since(*end) < APART) {
            Some((_, end)) => *end = (*end).max(last),
            None => spans.push((first, last)),
        }
    }
    Known { spans, incomplete }
}
