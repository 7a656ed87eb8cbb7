//! What the templates are filled in with: texts and numbers, in the order in which they stand on the page.

use std::collections::BTreeMap;

use crate::base::{CaptureIndex, Side};
use crate::correlate::{Answer, Joined};
use crate::diagnosis::Outcome;
use crate::report::example::{Example, bounded};
use crate::report::layout::count;
use crate::report::log_words::{
    Heading, about, clock, explained, grouped, numbers, retried, told, unmentioned, without_row,
};
use crate::report::timeline::Timeline;

use super::rich::{Section, Span};
use super::shown::Shown;

/// Rows of access logs shown of each kind of answer.
const MAX_ROWS: usize = 25;

/// Logs told of one by one.
const MAX_LOGS: usize = 20;

/// Rows of access logs shown with one connection.
const MAX_OWN_ROWS: usize = 3;

/// A silence that is worth a line of its own.
const SILENCE: i64 = 1_000_000;

/// Connections that one cause explains.
#[derive(Debug)]
pub(super) struct CauseView {
    pub(super) id: String,
    /// `bad` or `unsure`.
    pub(super) tone: &'static str,
    pub(super) verdict: &'static str,
    pub(super) title: String,
    pub(super) connections: String,
    /// How sure, what the viewer saw, when.
    pub(super) sure: String,
    pub(super) viewer: String,
    pub(super) when: String,
    pub(super) status: String,
    pub(super) detail: &'static str,
    pub(super) message: Vec<Span>,
    pub(super) fix: Vec<Vec<Span>>,
    pub(super) ruled_out: Vec<(&'static str, String)>,
    pub(super) filter: String,
    pub(super) filter_in: String,
    pub(super) examples: Vec<ExampleView>,
    pub(super) more: u64,
    pub(super) article: Vec<Section>,
}

/// A connection that is shown.
#[derive(Debug)]
pub(super) struct ExampleView {
    pub(super) shown: Shown,
    pub(super) files: String,
    pub(super) left: &'static str,
    pub(super) right: &'static str,
    pub(super) steps: Vec<Step>,
    /// What access logs say of it.
    pub(super) rows: Vec<String>,
}

/// A packet of the ladder.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) number: String,
    pub(super) seconds: String,
    pub(super) side: &'static str,
    /// `right` from the edge, `left` from the origin, `inner` behind it, or nothing.
    pub(super) way: &'static str,
    pub(super) proof: bool,
    pub(super) lines: Vec<(String, bool)>,
    pub(super) skipped: usize,
    /// How long nothing was shown before it, where that was long.
    pub(super) silence: String,
}

/// The packets that matter of one connection.
pub(super) fn steps(timeline: &Timeline) -> Vec<Step> {
    let mut before = None;
    let step = |row| {
        let row: &crate::report::timeline::Row = row;
        let silence = before.replace(row.frame).map(|before| row.frame.since(before)).filter(|gap| gap.0 >= SILENCE);
        Step {
            number: timeline.number(row),
            seconds: timeline.seconds(row),
            side: timeline.side(row),
            way: match row.from {
                _ if row.inner => "inner",
                Some(Side::Client) => "right",
                Some(Side::Server) => "left",
                None => "none",
            },
            proof: row.is_proof(),
            lines: row.lines().into_iter().map(|(text, proof)| (text.to_owned(), proof)).collect(),
            skipped: row.skipped,
            silence: silence.map(|gap| gap.to_string()).unwrap_or_default(),
        }
    };
    timeline.rows.iter().map(step).collect()
}

impl ExampleView {
    pub(super) fn of<'c>(
        shown: Shown,
        logs: Option<&Logs>,
        path: impl Fn(CaptureIndex) -> Option<&'c str>,
    ) -> ExampleView {
        let Example { frames: (first, last), timeline, .. } = &shown.told;
        let file = |capture| path(capture).map_or_else(String::new, |path| format!(" in {}", bounded(path)));
        let files = if first.capture() == last.capture() {
            format!("frames {} to {}{}", first.frame, last.frame, file(first.capture()))
        } else {
            let (from, to) = (file(first.capture()), file(last.capture()));
            format!("frame {}{from} to frame {}{to}", first.frame, last.frame)
        };
        let (left, right) = if timeline.is_edge { ("edge", "origin") } else { ("client", "server") };
        let steps = steps(timeline);
        let rows = logs.map(|logs| logs.of_connection(shown.told.id).to_vec()).unwrap_or_default();
        ExampleView { shown, files, left, right, steps, rows }
    }
}

/// Connections that no cause explains.
#[derive(Debug)]
pub(super) struct ReasonView {
    pub(super) reason: String,
    pub(super) connections: String,
    pub(super) examples: Vec<ExampleView>,
    pub(super) more: u64,
}

/// A host of several.
#[derive(Debug)]
pub(super) struct HostView {
    pub(super) name: String,
    pub(super) failed: u64,
    pub(super) inconclusive: u64,
    pub(super) ok: u64,
    /// Of its connections failed, and failed or inconclusive, in per cent.
    pub(super) parts: (String, String),
    pub(super) causes: String,
    pub(super) differs: bool,
    pub(super) failed_units: u64,
}

/// A capture, and what limits the conclusions from it.
#[derive(Debug)]
pub(super) struct CaptureView {
    pub(super) path: String,
    pub(super) span: String,
    pub(super) how: String,
    pub(super) problems: Vec<(String, u64, Vec<Span>)>,
    pub(super) more: usize,
}

/// Someone who opened connections.
#[derive(Debug)]
pub(super) struct PeerView {
    pub(super) ip: String,
    pub(super) kind: &'static str,
    pub(super) failed: u64,
    pub(super) inconclusive: u64,
    pub(super) ok: u64,
    /// Hundredths of its connections: failed, and those with what is inconclusive.
    pub(super) parts: (String, String, String),
}

/// How long a step took over all connections.
#[derive(Debug)]
pub(super) struct TimingView {
    pub(super) name: &'static str,
    pub(super) of: String,
    pub(super) times: [String; 3],
}

/// What access logs add.
#[derive(Debug)]
pub(super) struct Logs {
    pub(super) errors: String,
    pub(super) logs: Vec<(String, Vec<String>)>,
    pub(super) more: usize,
    pub(super) notes: Vec<String>,
    pub(super) groups: Vec<LogGroup>,
    /// The rows of each connection. Their number is bounded by that of the answers.
    by_connection: BTreeMap<u64, Vec<String>>,
}

/// Rows with one kind of answer.
#[derive(Debug)]
pub(super) struct LogGroup {
    pub(super) heading: String,
    /// The cause on the page that it is about.
    pub(super) cause: Option<&'static str>,
    pub(super) rows: Vec<(String, String)>,
    pub(super) more: usize,
}

impl Logs {
    pub(super) fn of(joined: &Joined) -> Logs {
        let mut notes: Vec<_> = joined.skews.iter().map(clock).collect();
        notes.push(numbers(joined.counts));
        if joined.incomplete && joined.counts.never_reached > 0 {
            notes.push(
                "The capture does not have every packet (--port, --filter, or packets that were dropped): what never \
                 reached this host may have, and not be in it."
                    .to_owned(),
            );
        }
        if joined.counts.outside_logs > 0 {
            notes.push(format!(
                "{} outside of the time of the logs.",
                count(joined.counts.outside_logs, "further failure")
            ));
        }
        if joined.not_remembered > 0 {
            let n = count(joined.not_remembered, "exchange");
            notes.push(format!("{n} of the capture could not be compared: there are too many."));
        }
        let answers = grouped(&joined.rows).into_iter().map(|(heading, rows)| LogGroup {
            cause: if let Heading::Cause(id) = heading { Some(id) } else { None },
            heading: heading.to_string(),
            more: rows.len().saturating_sub(MAX_ROWS),
            rows: rows.iter().take(MAX_ROWS).map(|a| (told(joined, &a.row), explained(a))).collect(),
        });
        let mut groups: Vec<_> = answers.collect();
        groups.extend(LogGroup::beside(
            "Failed here, and fine in the log (the edge tried again)",
            joined.counts.retried,
            joined.retried.iter().map(|r| retried(joined, &r.row, &r.seen)),
        ));
        groups.extend(LogGroup::beside(
            without_row(joined),
            joined.counts.unmentioned,
            joined.unmentioned.iter().map(unmentioned),
        ));
        Logs {
            errors: count(joined.counts.errors, "row"),
            logs: joined.logs.iter().take(MAX_LOGS).map(about).collect(),
            more: joined.logs.len().saturating_sub(MAX_LOGS),
            notes,
            groups,
            by_connection: by_connection(joined),
        }
    }

    /// The rows that a connection is about.
    fn of_connection(&self, id: u64) -> &[String] {
        self.by_connection.get(&id).map(Vec::as_slice).unwrap_or_default()
    }
}

fn by_connection(joined: &Joined) -> BTreeMap<u64, Vec<String>> {
    let mut found: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for answered in &joined.rows {
        let Answer::Joined(matched) = &answered.answer else { continue };
        for seen in &matched.seen {
            let rows = found.entry(seen.connection).or_default();
            if rows.len() < MAX_OWN_ROWS {
                rows.push(told(joined, &answered.row));
            }
        }
    }
    found
}

impl LogGroup {
    fn beside(heading: &str, n: u64, rows: impl Iterator<Item = String>) -> Option<LogGroup> {
        let rows: Vec<_> = rows.take(MAX_ROWS).map(|row| (row, String::new())).collect();
        let more = usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(rows.len());
        (n > 0).then(|| LogGroup { heading: heading.to_owned(), cause: None, rows, more })
    }
}

/// The class and the word for an outcome.
pub(super) const fn word(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Failed => ("bad", "failed"),
        Outcome::Inconclusive => ("unsure", "inconclusive"),
        Outcome::Ok => ("good", "in order"),
    }
}
