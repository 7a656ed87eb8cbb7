//! What a change mended and what it broke: the answer of `why502 compare`.
//!
//! A cause is counted against the connections of which the capture tells whether they failed. A difference counts as
//! one only where chance would make it in fewer than one of twenty cases; what is seen for the first time is told in
//! any case, with the word that it may be chance.

pub(super) mod chance;
mod coverage;
mod json;
mod picture;
mod read;
mod text;

pub use json::{SCHEMA, json};
pub use picture::{Gatherer, Picture};
pub use text::text;

use std::collections::BTreeSet;

use chance::{LEVEL, Share, probability};

/// Two pictures, and what differs.
#[derive(Debug)]
pub struct Comparison {
    before: Picture,
    after: Picture,
    /// All failures, whatever the cause.
    total: Row,
    /// By cause: what got worse first, then what got better, then the rest.
    rows: Vec<Row>,
    /// What the two cover otherwise.
    differences: Vec<String>,
}

/// One cause, before and after.
#[derive(Debug)]
struct Row {
    /// `None`: any.
    cause: Option<String>,
    before: Share,
    after: Share,
    change: Change,
    probability: f64,
}

/// What became of a cause. Ordered by how much a person wants to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// It was not there before, and chance does not explain that it is now.
    Broken,
    /// More connections fail by it than chance explains.
    Worse,
    /// It was not there before; it may have been missed by chance.
    New,
    /// It is not there any more, and chance does not explain that.
    Mended,
    /// Fewer connections fail by it than chance explains.
    Better,
    /// It is not there any more; it may be missed by chance.
    Gone,
    /// Chance may explain the difference, if there is one.
    Unchanged,
}

impl Change {
    fn of(before: Share, after: Share, probability: f64) -> Change {
        let real = probability < LEVEL;
        match (before.n, after.n) {
            (0, 0) => Change::Unchanged,
            (0, _) if real => Change::Broken,
            (0, _) => Change::New,
            (_, 0) if real => Change::Mended,
            (_, 0) => Change::Gone,
            _ if !real => Change::Unchanged,
            _ if after.rate() > before.rate() => Change::Worse,
            _ => Change::Better,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Change::Broken => "broken",
            Change::Worse => "worse",
            Change::New => "new",
            Change::Mended => "mended",
            Change::Better => "better",
            Change::Gone => "gone",
            Change::Unchanged => "unchanged",
        }
    }

    fn is_for_the_worse(self) -> bool {
        matches!(self, Change::Broken | Change::Worse | Change::New)
    }
}

impl Row {
    fn of(cause: Option<&str>, before: &Picture, after: &Picture) -> Row {
        let (before, after) = (before.share(cause), after.share(cause));
        let probability = probability(before, after);
        let change = Change::of(before, after, probability);
        Row { cause: cause.map(str::to_owned), before, after, change, probability }
    }

    fn name(&self) -> &str {
        self.cause.as_deref().unwrap_or("all failures")
    }

    /// As a part of the headline.
    fn told(&self) -> String {
        let (name, before, after) = (self.name(), counted(self.before), counted(self.after));
        match self.change {
            Change::Broken => format!("broken: {name}, {after}, {before} before"),
            Change::Worse => format!("worse: {name}, {after}, {before} before"),
            Change::New => format!("new: {name}, {after}, {before} before, which may be chance"),
            Change::Mended => format!("mended: {name}, {before} before, {after} after"),
            Change::Better => format!("better: {name}, {before} before, {after} after"),
            Change::Gone => format!("not seen again: {name}, {before} before, {after} after, which may be chance"),
            Change::Unchanged => format!("no change beyond chance: {name}, {before} before, {after} after"),
        }
    }
}

/// `3 of 10`, `none of 12`.
fn counted(share: Share) -> String {
    match share {
        Share { of: 0, .. } => "none to judge".to_owned(),
        Share { n: 0, of } => format!("none of {of}"),
        Share { n, of } => format!("{n} of {of}"),
    }
}

/// Parts of a headline: as much as a person takes in.
const MAX_TOLD: usize = 3;

impl Comparison {
    /// Compares.
    #[must_use]
    pub fn of(before: Picture, after: Picture) -> Comparison {
        let causes: BTreeSet<&str> = before.causes.keys().chain(after.causes.keys()).map(String::as_str).collect();
        let mut rows: Vec<_> = causes.into_iter().map(|cause| Row::of(Some(cause), &before, &after)).collect();
        rows.sort_by_key(|row| (row.change, std::cmp::Reverse(row.before.n.max(row.after.n))));
        let total = Row::of(None, &before, &after);
        let differences = coverage::differences(&before, &after);
        Comparison { before, after, total, rows, differences }
    }

    /// Whether anything broke, got worse, or is seen for the first time.
    #[must_use]
    pub fn got_worse(&self) -> bool {
        self.total.change.is_for_the_worse() || self.rows.iter().any(|row| row.change.is_for_the_worse())
    }

    /// The answer in one sentence.
    fn headline(&self) -> String {
        let mut told: Vec<_> = self.rows.iter().filter(|row| row.change != Change::Unchanged).map(Row::told).collect();
        let more = told.len().saturating_sub(MAX_TOLD);
        told.truncate(MAX_TOLD);
        if more > 0 {
            told.push(format!("{more} more"));
        }
        match (told.is_empty(), self.before.failed + self.after.failed) {
            (false, _) => told.join("; "),
            (true, 0) => "nothing failed, before or after".to_owned(),
            (true, _) => self.total.told(),
        }
    }
}
