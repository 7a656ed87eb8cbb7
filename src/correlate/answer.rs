//! What is said to a row of a log, and to a failure that no row tells of.

use crate::diagnosis::Confidence;

use super::log::Told;
use super::row::Row;
use super::seen::Seen;
use super::skew::Skew;

/// By what a row was joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// `x-edge-request-id` is the `X-Amz-Cf-Id` of the request.
    Id,
    /// Time, peer, method and path, as far as both sides have them.
    Time,
}

impl By {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            By::Id => "id",
            By::Time => "time",
        }
    }
}

/// What a row is about.
#[derive(Debug, Clone)]
pub struct Match {
    /// By what it is known.
    pub by: By,
    /// How sure it is.
    pub confidence: Confidence,
    /// The attempts at it in the order of time: the first and the last ones.
    pub seen: Vec<Seen>,
    /// How many there are.
    pub attempts: usize,
    /// Further exchanges or connections that fit as well. Where all of them have the cause of this one, that is as sure
    /// as is said, and which of them it was is not.
    pub alternatives: usize,
    /// Another row has the same exchange: one request to the origin served several viewers.
    pub shared: bool,
}

impl Match {
    /// The attempt that decided: the last that failed, else the last.
    #[must_use]
    pub fn decisive(&self) -> Option<&Seen> {
        self.seen.iter().rev().find(|seen| seen.is_failure()).or(self.seen.last())
    }
}

/// What the capture says to a row.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Here it is.
    Joined(Match),
    /// It is not there, and this is what that leaves.
    NeverReached(String),
    /// The capture was not running, as far as its packets tell.
    NotCovered,
    /// It may be there without being seen: why, and on which connections.
    Undecided(String, Vec<u64>),
}

/// A row with its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The row.
    pub row: Row,
    /// The answer.
    pub answer: Answer,
}

/// Rows of errors by answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub errors: u64,
    /// Those with their exchange or connection.
    pub joined: u64,
    /// Of these, those joined by identifier.
    pub by_id: u64,
    /// Those that never reached this host.
    pub never_reached: u64,
    /// Those outside of the capture.
    pub not_covered: u64,
    /// Those of which the capture does not tell.
    pub undecided: u64,
    /// Failures that ended well for the viewer.
    pub retried: u64,
    /// Failures within the time of the logs that no row tells of.
    pub unmentioned: u64,
    /// Failures outside of the time of the logs.
    pub outside_logs: u64,
}

/// A failure that the log shows as fine.
#[derive(Debug, Clone)]
pub struct Retried {
    /// The row, without an error.
    pub row: Row,
    /// The attempt that failed.
    pub seen: Seen,
}

/// Everything that the logs add.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// The logs, as given.
    pub logs: Vec<Told>,
    /// Clocks.
    pub skews: Vec<Skew>,
    /// Numbers.
    pub counts: Counts,
    /// The rows of errors, in the order of time.
    pub rows: Vec<Answered>,
    /// Failures that the logs show as fine.
    pub retried: Vec<Retried>,
    /// Failures that no row tells of.
    pub unmentioned: Vec<Seen>,
    /// Rows and requests could not all be compared with each other: failures that no row tells of may be fewer.
    pub limited: bool,
    /// What of the capture could not be remembered.
    pub not_remembered: u64,
    /// Packets are missing in the capture, or were left out: what is not there may have been.
    pub incomplete: bool,
}

impl Counts {
    pub(super) fn add(&mut self, answer: &Answer) {
        self.errors += 1;
        match answer {
            Answer::Joined(found) => {
                self.joined += 1;
                self.by_id += u64::from(found.by == By::Id);
            }
            Answer::NeverReached(_) => self.never_reached += 1,
            Answer::NotCovered => self.not_covered += 1,
            Answer::Undecided(..) => self.undecided += 1,
        }
    }
}
