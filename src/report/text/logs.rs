//! What access logs add, in text: each error that a log tells of, with its connection or with what is left to explain it.

use std::io::{self, Write};

use crate::correlate::{Answered, Joined, Retried, Told};
use crate::report::layout::{Paint, Tone, count, paragraph};
use crate::report::log_words::{self as words, Heading, clock, explained, grouped, numbers, told};

/// Rows shown of each kind of answer.
const MAX_SHOWN: usize = 3;

/// Logs told of one by one; CloudFront delivers many small files.
const MAX_LOGS: usize = 20;

/// Writes the section.
pub(super) fn section(out: &mut dyn Write, paint: Paint, joined: &Joined) -> io::Result<()> {
    let errors = count(joined.counts.errors, "row");
    let tone = if joined.counts.errors > 0 { Tone::Bad } else { Tone::Good };
    writeln!(out, "\n{}  {errors} of errors", paint.text(tone, "ACCESS LOGS"))?;
    for log in joined.logs.iter().take(MAX_LOGS) {
        about(out, log)?;
    }
    if let Some(more @ 1..) = joined.logs.len().checked_sub(MAX_LOGS) {
        paragraph(out, "  ", &format!("and {}, see --format json", count(more as u64, "more log")))?;
    }
    for skew in &joined.skews {
        paragraph(out, "  ", &clock(skew))?;
    }
    paragraph(out, "  ", &numbers(joined.counts))?;
    if joined.incomplete && joined.counts.never_reached > 0 {
        let text = "Note: the capture does not have every packet (--port, --filter, or packets that were dropped): what \
                    never reached this host may have, and not be in it.";
        paragraph(out, "  ", text)?;
    }
    for (heading, group) in grouped(&joined.rows) {
        self::group(out, joined, &heading, &group)?;
    }
    beside(out, joined)
}

fn about(out: &mut dyn Write, log: &Told) -> io::Result<()> {
    let (text, wrong) = words::about(log);
    paragraph(out, "  ", &text)?;
    wrong.iter().try_for_each(|text| paragraph(out, "    ! ", text))
}

fn group(out: &mut dyn Write, joined: &Joined, heading: &Heading, rows: &[&Answered]) -> io::Result<()> {
    writeln!(out)?;
    paragraph(out, "  ", &format!("{heading}: {}", count(rows.len() as u64, "row")))?;
    for answered in rows.iter().take(MAX_SHOWN) {
        paragraph(out, "    - ", &told(joined, &answered.row))?;
        paragraph(out, "      ", &explained(answered))?;
    }
    let more = rows.len().saturating_sub(MAX_SHOWN);
    if more > 0 {
        writeln!(out, "    and {more} more, see --format json")?;
    }
    Ok(())
}

/// What failed without a viewer noticing, and what no row tells of.
fn beside(out: &mut dyn Write, joined: &Joined) -> io::Result<()> {
    if joined.counts.retried > 0 {
        writeln!(out)?;
        let text = "Failed here, and fine in the log (the edge tried again)";
        paragraph(out, "  ", &format!("{text}: {}", count(joined.counts.retried, "attempt")))?;
        for Retried { row, seen } in joined.retried.iter().take(MAX_SHOWN) {
            paragraph(out, "    - ", &words::retried(joined, row, seen))?;
        }
    }
    if joined.counts.unmentioned > 0 {
        writeln!(out)?;
        let text = words::without_row(joined);
        paragraph(out, "  ", &format!("{text}: {}", count(joined.counts.unmentioned, "failure")))?;
        for seen in joined.unmentioned.iter().take(MAX_SHOWN) {
            paragraph(out, "    - ", &words::unmentioned(seen))?;
        }
    }
    if joined.counts.outside_logs > 0 {
        let n = count(joined.counts.outside_logs, "further failure");
        paragraph(out, "  ", &format!("{n} outside of the time of the logs"))?;
    }
    if joined.not_remembered > 0 {
        let n = count(joined.not_remembered, "exchange");
        paragraph(out, "  ", &format!("{n} of the capture could not be compared: there are too many"))?;
    }
    Ok(())
}
