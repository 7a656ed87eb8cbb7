//! What access logs add, in sentences: each error that a log tells of, with its connection or with what is left to
//! explain it.

use std::collections::BTreeMap;
use std::fmt;

use super::example::bounded;
use super::layout::{count, shorten};
use crate::base::{Micros, escape};
use crate::correlate::{Answer, Answered, By, Counts, Joined, Kind, Match, Row, Seen, Skew, Told, Vantage, adds};
use crate::diagnosis::{Confidence, Outcome};

/// Columns of a path.
const PATH: usize = 60;

/// Clocks that are this close are told to agree: most logs tell whole seconds.
const AGREE: Micros = Micros::from_millis(750);

/// What a log is, and what is wrong with it.
pub(super) fn about(log: &Told) -> (String, Vec<String>) {
    let compressed = log.compression.map(|name| format!(", {name}")).unwrap_or_default();
    let span = match (log.first_time, log.last_time) {
        (Some(first), Some(last)) => {
            format!(", {first:.19} to {last:.19} UTC", first = stamp(first), last = stamp(last))
        }
        _ => String::new(),
    };
    let errors = if log.server_errors > 0 { format!(", {} of them 5xx", log.server_errors) } else { String::new() };
    let text =
        format!("{}: {}{compressed}, {}{errors}{span}", escape(&log.path), log.format.as_str(), count(log.rows, "row"));
    let mut wrong: Vec<_> = log.problems.iter().map(|p| format!("{}: {}", p.kind, bounded(&p.detail))).collect();
    if log.unparsed > 0 {
        let each: Vec<_> = log.first_unparsed.iter().map(|u| format!("line {}: {}", u.line, bounded(&u.why))).collect();
        let more = if log.unparsed > each.len() as u64 { "; \u{2026}" } else { "" };
        wrong.push(format!("{} could not be read ({}{more})", count(log.unparsed, "line"), each.join("; ")));
    }
    if log.not_kept > 0 {
        wrong.push(format!("{} not compared: there are too many", count(log.not_kept, "row")));
    }
    (text, wrong)
}

/// `2026-01-02 03:04:05`.
pub(super) fn stamp(time: crate::base::Timestamp) -> String {
    time.to_string().replacen('T', " ", 1)
}

pub(super) fn clock(skew: &Skew) -> String {
    let who = match skew.vantage {
        Vantage::Edge => "CloudFront's clock",
        Vantage::LoadBalancer => "The load balancer's clock",
        Vantage::Host => "The clock of this host's log",
    };
    let Some(ahead) = skew.ahead else {
        return format!("{who}: taken for that of the capture; too few rows and requests can be compared.");
    };
    let by = match skew.by {
        Some(By::Id) => "joined by identifier",
        _ => "that fit by path and time",
    };
    let rows = count(skew.rows as u64, "row");
    if ahead.0.abs() <= AGREE.0 {
        return format!("{who} agrees with the capture's ({rows} {by}).");
    }
    let (by_how_much, how) = (Micros(ahead.0.abs()), if ahead.0 > 0 { "ahead of" } else { "behind" });
    format!("{who} is {by_how_much} {how} the capture's ({rows} {by}).")
}

pub(super) fn numbers(c: Counts) -> String {
    let by_time = c.joined.saturating_sub(c.by_id);
    let parts = [
        (c.by_id, "joined by identifier"),
        (by_time, "joined by time"),
        (c.never_reached, "never reached this host"),
        (c.not_covered, "not covered by the capture"),
        (c.undecided, "undecided"),
    ];
    let told: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if told.is_empty() { "No row tells of an error.".to_owned() } else { format!("Of these: {}.", told.join(", ")) }
}

/// What rows are told under, in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Heading {
    Cause(&'static str),
    Answered(u16),
    InOrder,
    Unclear,
    NeverReached,
    Undecided,
    NotCovered,
}

impl fmt::Display for Heading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Heading::Cause(id) => id,
            Heading::Answered(status) => return write!(f, "The origin answered {status}"),
            Heading::InOrder => "In order on the wire: the error arose behind the edge",
            Heading::Unclear => "On connections whose outcome the capture does not tell",
            Heading::NeverReached => "Never reached this host",
            Heading::Undecided => "Undecided",
            Heading::NotCovered => "Not covered by the capture",
        })
    }
}

pub(super) fn grouped(rows: &[Answered]) -> BTreeMap<Heading, Vec<&Answered>> {
    let mut groups: BTreeMap<Heading, Vec<&Answered>> = BTreeMap::new();
    for row in rows {
        groups.entry(heading(&row.answer)).or_default().push(row);
    }
    groups
}

pub(super) fn heading(answer: &Answer) -> Heading {
    match answer {
        Answer::Joined(found) => match found.decisive() {
            Some(Seen { verdict, .. }) if verdict.cause.is_some() => {
                Heading::Cause(verdict.cause.map_or("", |cause| cause.id()))
            }
            Some(seen) if seen.status >= 500 => Heading::Answered(seen.status),
            Some(seen) if seen.verdict.outcome == Outcome::Ok => Heading::InOrder,
            _ => Heading::Unclear,
        },
        Answer::NeverReached(_) => Heading::NeverReached,
        Answer::Undecided(..) => Heading::Undecided,
        Answer::NotCovered => Heading::NotCovered,
    }
}

/// `18:05:56 502 GET /path, x-edge-request-id ... (access.log.gz line 17)`.
pub(super) fn told(joined: &Joined, row: &Row) -> String {
    let time = row.time.to_string();
    let clock = time.get(11..if row.grain < Micros::from_secs(1) { 23 } else { 19 }).unwrap_or_default();
    let path = escape(&row.target);
    let id = row.id.as_deref().map(|id| format!(", x-edge-request-id {}", escape(id))).unwrap_or_default();
    let log = joined.logs.get(row.log).filter(|_| joined.logs.len() > 1);
    let file = log.map(|log| format!("{} ", escape(&log.path))).unwrap_or_default();
    let (status, method) = (row.status, escape(&row.method));
    format!("{clock} {status:03} {method} {}{id} ({file}line\u{a0}{})", shorten(&path, PATH), row.line)
}

pub(super) fn explained(answered: &Answered) -> String {
    let said = match &answered.answer {
        Answer::Joined(found) => joined_with(found),
        Answer::NeverReached(left) => format!("That leaves: {left}"),
        Answer::Undecided(why, connections) if connections.is_empty() => why.clone(),
        Answer::Undecided(why, connections) => {
            let numbers: Vec<_> = connections.iter().map(u64::to_string).collect();
            format!("{why} (connection {})", numbers.join(", "))
        }
        Answer::NotCovered => "The request was under way before the first packet or after the last one".to_owned(),
    };
    let more = adds(&answered.row).map(|more| format!(" The log adds {more}.")).unwrap_or_default();
    format!("{}.{more}", said.trim_end_matches('.'))
}

pub(super) fn joined_with(found: &Match) -> String {
    let Some(seen) = found.decisive() else { return String::new() };
    let verdict = match (seen.verdict.cause, seen.verdict.outcome) {
        (Some(cause), _) => {
            let sure = seen.verdict.confidence.map(Confidence::as_str).unwrap_or_default();
            format!("{} ({sure})", cause.id())
        }
        (None, _) if seen.status >= 500 => format!("the origin answered {}", seen.status),
        (None, Outcome::Ok) => format!("answered {} in order", seen.status),
        (None, _) => "inconclusive".to_owned(),
    };
    let by = match (found.by, found.shared) {
        (By::Id, _) => "by identifier".to_owned(),
        (By::Time, false) if found.alternatives > 0 && found.confidence > Confidence::Possible => {
            format!("by time, {}: {} more fit, all of this cause", found.confidence, found.alternatives)
        }
        (By::Time, false) if found.alternatives > 0 => {
            format!("by time, {}: {} more fit", found.confidence, found.alternatives)
        }
        (By::Time, false) => format!("by time, {}", found.confidence),
        (By::Time, true) => format!("by time, {}: another row has the same exchange", found.confidence),
    };
    let tries =
        if found.attempts > 1 { format!(", the decisive one of {} attempts", found.attempts) } else { String::new() };
    format!("{}: {verdict}{tries}; joined {by}", place(seen))
}

/// `Connection 17, request 2, frames 4 to 9`.
pub(super) fn place(seen: &Seen) -> String {
    let request = seen.exchange.filter(|index| *index > 0 && seen.kind == Kind::Exchange);
    let request = request.map(|index| format!(", request {}", index + 1)).unwrap_or_default();
    let (first, last) = seen.frames;
    format!("Connection\u{a0}{}{request}, frames\u{a0}{first}\u{a0}to\u{a0}{last}", seen.connection)
}

/// A failure that the log shows as fine.
pub(super) fn retried(joined: &Joined, row: &Row, seen: &Seen) -> String {
    format!("{}: {}; the row: {}", place(seen), went_wrong(seen), told(joined, row))
}

/// What stands above failures that no row tells of.
pub(super) fn without_row(joined: &Joined) -> &'static str {
    if joined.limited {
        "Failed here, and found in no row (at most so many: not all rows and requests could be compared with each other)"
    } else {
        "Failed here, and in no row (logs may lack rows, and the edge tries again)"
    }
}

/// A failure that no row tells of.
pub(super) fn unmentioned(seen: &Seen) -> String {
    let asked = if seen.method.is_empty() {
        String::new()
    } else {
        format!(", {} {}", escape(&seen.method), shorten(&escape(&seen.target), PATH))
    };
    format!("{}: {}{asked}", place(seen), went_wrong(seen))
}

fn went_wrong(seen: &Seen) -> &str {
    seen.verdict.cause.map_or("answered with an error", |cause| cause.id())
}
