//! What access logs add.

use serde::Serialize;

use super::shown::{Shown, Time};
use crate::correlate::{self, Answer, By, adds};
use crate::diagnosis::Outcome;

/// Everything, as three members of the document.
pub(super) struct Logs<'a> {
    pub(super) logs: Vec<Log<'a>>,
    pub(super) rows: Vec<Row<'a>>,
    pub(super) summary: Option<Summary>,
}

#[derive(Serialize)]
pub(super) struct Log<'a> {
    path: &'a str,
    format: &'static str,
    compression: Option<&'static str>,
    rows: u64,
    server_errors: u64,
    set_aside: u64,
    not_kept: u64,
    unparsed: u64,
    first_unparsed: Vec<Unparsed<'a>>,
    first_time: Option<Time>,
    last_time: Option<Time>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Unparsed<'a> {
    line: u64,
    why: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    kind: &'static str,
    detail: &'a str,
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    log: usize,
    line: u64,
    time: Time,
    taken_us: Option<i64>,
    status: u16,
    method: Option<&'a str>,
    target: Option<&'a str>,
    host: Option<&'a str>,
    request_id: Option<&'a str>,
    result_type: Option<&'a str>,
    detailed_result_type: Option<&'a str>,
    answer: &'static str,
    joined_by: Option<&'static str>,
    confidence: Option<&'static str>,
    shared: bool,
    attempts: Vec<Attempt>,
    attempts_total: usize,
    alternatives: usize,
    possible_connections: &'a [u64],
    explanation: Option<&'a str>,
    meaning: Option<String>,
}

/// An exchange, or a connection without one.
#[derive(Serialize)]
struct Attempt {
    connection: u64,
    exchange: Option<u64>,
    capture: u16,
    first_frame: u64,
    last_frame: u64,
    status: Option<u16>,
    outcome: &'static str,
    cause: Option<&'static str>,
    confidence: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Summary {
    errors: u64,
    joined: u64,
    joined_by_id: u64,
    never_reached: u64,
    not_covered: u64,
    undecided: u64,
    retried: u64,
    unmentioned: u64,
    unmentioned_at_most: bool,
    outside_logs: u64,
    not_remembered: u64,
    capture_incomplete: bool,
    clocks: Vec<Clock>,
    retries: Vec<Retry>,
    without_row: Vec<Attempt>,
}

/// How far the clock of a log is ahead of the capture's.
#[derive(Serialize)]
struct Clock {
    of: &'static str,
    ahead_us: Option<i64>,
    by: Option<&'static str>,
    rows: usize,
}

#[derive(Serialize)]
struct Retry {
    log: usize,
    line: u64,
    attempt: Attempt,
}

impl<'a> Logs<'a> {
    pub(super) const NONE: Logs<'static> = Logs { logs: Vec::new(), rows: Vec::new(), summary: None };

    pub(super) fn of(joined: &'a correlate::Joined) -> Logs<'a> {
        Logs {
            logs: joined.logs.iter().map(Log::of).collect(),
            rows: joined.rows.iter().map(Row::of).collect(),
            summary: Some(Summary::of(joined)),
        }
    }
}

impl<'a> Log<'a> {
    fn of(log: &'a correlate::Told) -> Log<'a> {
        Log {
            path: &log.path,
            format: log.format.as_str(),
            compression: log.compression,
            rows: log.rows,
            server_errors: log.server_errors,
            set_aside: log.set_aside,
            not_kept: log.not_kept,
            unparsed: log.unparsed,
            first_unparsed: log.first_unparsed.iter().map(|u| Unparsed { line: u.line, why: &u.why }).collect(),
            first_time: log.first_time.map(Shown),
            last_time: log.last_time.map(Shown),
            problems: log.problems.iter().map(|p| Problem { kind: p.kind, detail: &p.detail }).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn of(answered: &'a correlate::Answered) -> Row<'a> {
        let row = &answered.row;
        let more = row.more.as_deref();
        let found = if let Answer::Joined(found) = &answered.answer { Some(found) } else { None };
        let (answer, explanation, possible): (_, Option<&str>, &[u64]) = match &answered.answer {
            Answer::Joined(_) => ("joined", None, &[]),
            Answer::NeverReached(left) => ("never-reached", Some(left), &[]),
            Answer::NotCovered => ("not-covered", None, &[]),
            Answer::Undecided(why, connections) => ("undecided", Some(why), connections),
        };
        Row {
            log: row.log,
            line: row.line,
            time: Shown(row.time),
            taken_us: row.taken.map(|t| t.0),
            status: row.status,
            method: known(&row.method),
            target: known(&row.target),
            host: more.and_then(|m| m.host.as_deref()),
            request_id: row.id.as_deref(),
            result_type: more.and_then(|m| m.result.as_deref()),
            detailed_result_type: row.detail(),
            answer,
            joined_by: found.map(|f| f.by.as_str()),
            confidence: found.map(|f| f.confidence.as_str()),
            shared: found.is_some_and(|f| f.shared),
            attempts: found.into_iter().flat_map(|f| &f.seen).map(Attempt::of).collect(),
            attempts_total: found.map_or(0, |f| f.attempts),
            alternatives: found.map_or(0, |f| f.alternatives),
            possible_connections: possible,
            explanation,
            meaning: adds(row),
        }
    }
}

/// `None` where nothing was read.
fn known(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}

impl Attempt {
    fn of(seen: &correlate::Seen) -> Attempt {
        Attempt {
            connection: seen.connection,
            exchange: seen.exchange,
            capture: seen.capture,
            first_frame: seen.frames.0,
            last_frame: seen.frames.1,
            status: Some(seen.status).filter(|s| *s > 0),
            outcome: Outcome::as_str(seen.verdict.outcome),
            cause: seen.verdict.cause.map(|cause| cause.id()),
            confidence: seen.verdict.confidence.map(crate::diagnosis::Confidence::as_str),
        }
    }
}

impl Summary {
    fn of(joined: &correlate::Joined) -> Summary {
        let c = joined.counts;
        let clock = |skew: &correlate::Skew| Clock {
            of: skew.vantage.as_str(),
            ahead_us: skew.ahead.map(|ahead| ahead.0),
            by: skew.by.map(By::as_str),
            rows: skew.rows,
        };
        let retry = |r: &correlate::Retried| Retry { log: r.row.log, line: r.row.line, attempt: Attempt::of(&r.seen) };
        Summary {
            errors: c.errors,
            joined: c.joined,
            joined_by_id: c.by_id,
            never_reached: c.never_reached,
            not_covered: c.not_covered,
            undecided: c.undecided,
            retried: c.retried,
            unmentioned: c.unmentioned,
            unmentioned_at_most: joined.limited,
            outside_logs: c.outside_logs,
            not_remembered: joined.not_remembered,
            capture_incomplete: joined.incomplete,
            clocks: joined.skews.iter().map(clock).collect(),
            retries: joined.retried.iter().map(retry).collect(),
            without_row: joined.unmentioned.iter().map(Attempt::of).collect(),
        }
    }
}
