//! The rows of all logs that matter.

use crate::base::{Micros, Timestamp};

use super::log::{Log, Told};
use super::row::Row;

/// Rows of errors kept within the time of the capture.
const MAX_ERRORS: usize = 100_000;

/// Rows of errors kept outside of it: they are only told of.
const MAX_OUTSIDE: usize = 1_000;

/// Rows without an error kept within the time of the capture: they tell of the clocks, and of attempts that went well.
const MAX_OTHERS: usize = 200_000;

/// How far beyond the capture a row may lie and still be about it: clocks differ, and requests take their time.
pub(super) const MARGIN: Micros = Micros::from_secs(600);

/// What was read of all logs.
#[derive(Debug, Default)]
pub struct Gathered {
    /// What is told of each.
    pub logs: Vec<Told>,
    /// The rows that were kept.
    pub rows: Vec<Row>,
    /// Rows of errors outside of the capture's time that were not kept.
    pub outside: u64,
}

impl Gathered {
    /// Reads all logs to their ends, for captures that were taken between these times.
    #[must_use]
    pub fn read(logs: Vec<Log>, spans: &[(Timestamp, Timestamp)]) -> Gathered {
        let near = |row: &Row| {
            let (begin, end) = (row.time.plus(Micros(-row.taken.unwrap_or_default().0)), row.time);
            spans.iter().any(|(first, last)| end.since(*first).0 >= -MARGIN.0 && last.since(begin).0 >= -MARGIN.0)
        };
        let mut gathered = Gathered::default();
        let (mut errors, mut outside, mut others) = (0, 0, 0);
        for (mut log, index) in logs.into_iter().zip(0..) {
            while let Some(mut row) = log.next_row() {
                row.log = index;
                let (kept, max) = match (row.is_error(), near(&row)) {
                    (true, true) => (&mut errors, MAX_ERRORS),
                    (true, false) => (&mut outside, MAX_OUTSIDE),
                    (false, true) => (&mut others, MAX_OTHERS),
                    (false, false) => {
                        log.told.set_aside += 1;
                        continue;
                    }
                };
                if *kept >= max {
                    gathered.outside += u64::from(max == MAX_OUTSIDE);
                    log.told.not_kept += u64::from(max != MAX_OUTSIDE);
                    continue;
                }
                *kept += 1;
                if !row.is_error() {
                    row.more = None;
                }
                gathered.rows.push(row);
            }
            gathered.logs.push(log.told);
        }
        gathered
    }
}
