//! The captures, and the whole in numbers.

use serde::Serialize;

use super::shown::{Shown, Time, micros};
use super::timing::Quantiles;
use crate::base::Endpoint;
use crate::report;
use crate::source::{Format, LinkType};

/// Which program wrote the report.
#[derive(Serialize)]
pub(in crate::report) struct Generator {
    name: &'static str,
    version: &'static str,
}

/// This program.
pub(in crate::report) const GENERATOR: Generator = Generator { name: "why502", version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
pub(in crate::report) struct Capture<'a> {
    path: &'a str,
    format: Shown<Format>,
    compression: Option<&'static str>,
    link_types: Vec<Shown<LinkType>>,
    snap_length: Option<u32>,
    frames: u64,
    bytes: u64,
    first_time: Option<Time>,
    last_time: Option<Time>,
    synthetic: bool,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    kind: &'a str,
    count: u64,
    detail: &'a str,
}

/// The captures in the order in which they were given.
pub(super) fn list(captures: &[report::Capture]) -> Vec<Capture<'_>> {
    captures.iter().map(Capture::of).collect()
}

impl<'a> Capture<'a> {
    pub(in crate::report) fn of(c: &'a report::Capture) -> Capture<'a> {
        let read = c.info.problems.iter().map(|p| Problem { kind: p.kind.as_str(), count: p.count, detail: &p.detail });
        let met = c.problems.iter().map(|p| Problem { kind: &p.kind, count: p.count, detail: &p.detail });
        Capture {
            path: &c.path,
            format: Shown(c.info.format),
            compression: c.info.compression,
            link_types: c.info.link_types.iter().copied().map(Shown).collect(),
            snap_length: c.info.snap_length,
            frames: c.info.frames,
            bytes: c.info.bytes,
            first_time: c.info.first_time.map(Shown),
            last_time: c.info.last_time.map(Shown),
            synthetic: c.synthetic,
            problems: read.chain(met).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Summary<'a> {
    connections: u64,
    failed: u64,
    ok: u64,
    inconclusive: u64,
    other: Other,
    causes: Vec<CauseCount<'a>>,
    timing: Quantiles<'a>,
    notes: Vec<Note>,
    idle_closes: Vec<IdleCloses<'a>>,
    idle_closes_unlisted: u64,
    near_misses: Vec<NearMiss<'a>>,
    near_misses_unlisted: u64,
    slow_targets: Vec<SlowTarget<'a>>,
    slow_unlisted: u64,
    retries: Retries,
    shared_trait: Option<SharedTrait<'a>>,
    not_selected: Option<u64>,
    headline: &'a str,
}

#[derive(Serialize)]
struct Other {
    connections: u64,
    failed: u64,
}

#[derive(Serialize)]
struct CauseCount<'a> {
    cause: &'a str,
    stage: &'static str,
    outcome: &'static str,
    connections: u64,
    first_time: Time,
    last_time: Time,
    example: u64,
    edge_status: Option<u16>,
}

/// What limits the conclusions from all of it.
#[derive(Serialize)]
struct Note {
    cause: &'static str,
    message: &'static str,
}

/// After how long idle one origin closes.
#[derive(Serialize)]
struct IdleCloses<'a> {
    server: Shown<Endpoint>,
    software: Option<&'a str>,
    keep_alive_timeout: Option<u32>,
    closes: u64,
    at_once: u64,
    at_once_after_requests: Option<u64>,
    at_once_within_us: Option<i64>,
    races: u64,
    typical_us: Option<i64>,
    shortest_us: Option<i64>,
    longest_us: Option<i64>,
    at_risk: bool,
    message: String,
}

impl<'a> IdleCloses<'a> {
    fn of(i: &'a report::IdleCloses) -> IdleCloses<'a> {
        IdleCloses {
            server: Shown(i.server),
            software: i.software.as_deref(),
            keep_alive_timeout: i.announced,
            closes: i.closes,
            at_once: i.at_once,
            at_once_after_requests: i.after_requests,
            at_once_within_us: i.within.map(|time| time.0),
            races: i.races,
            typical_us: micros(i.typical),
            shortest_us: micros(i.range.map(|(shortest, _)| shortest)),
            longest_us: micros(i.range.map(|(_, longest)| longest)),
            at_risk: i.steady,
            message: i.in_words(),
        }
    }
}

/// A certificate that is in order, and will not be or need not be as it is.
#[derive(Serialize)]
struct NearMiss<'a> {
    server: Shown<Endpoint>,
    near_miss: &'static str,
    message: &'a str,
    connections: u64,
}

impl<'a> NearMiss<'a> {
    fn of(n: &'a report::NearMiss) -> NearMiss<'a> {
        NearMiss { server: Shown(n.server), near_miss: n.name, message: &n.message, connections: n.connections }
    }
}

/// A target whose responses were long in coming.
#[derive(Serialize)]
struct SlowTarget<'a> {
    server: Shown<Endpoint>,
    target: &'a str,
    responses: u64,
    unanswered: u64,
    slowest_us: i64,
    connection: u64,
    capture: u16,
    frame: u64,
}

impl<'a> SlowTarget<'a> {
    fn of(s: &'a report::SlowTarget) -> SlowTarget<'a> {
        let (connection, request) = s.example;
        SlowTarget {
            server: Shown(s.server),
            target: &s.target,
            responses: s.responses,
            unanswered: s.unanswered,
            slowest_us: s.slowest.0,
            connection,
            capture: request.capture(),
            frame: request.frame,
        }
    }
}

/// What sets the connections that failed apart from those in order.
#[derive(Serialize)]
struct SharedTrait<'a> {
    r#trait: &'static str,
    value: &'a str,
    failed_with: u64,
    failed: u64,
    ok_with: u64,
    ok: u64,
    comparisons: u64,
    probability: f64,
    message: String,
}

impl<'a> SharedTrait<'a> {
    fn of(s: &'a report::SharedTrait) -> SharedTrait<'a> {
        SharedTrait {
            r#trait: s.name,
            value: &s.value,
            failed_with: s.failed.0,
            failed: s.failed.1,
            ok_with: s.ok.0,
            ok: s.ok.1,
            comparisons: s.comparisons,
            probability: s.probability,
            message: s.in_words(),
        }
    }
}

/// What became of requests that failed.
#[derive(Serialize)]
struct Retries {
    failed: u64,
    tried_again: u64,
    answered: u64,
}

impl<'a> Summary<'a> {
    pub(super) fn of(s: &'a report::Summary) -> Summary<'a> {
        let causes = s.causes.iter().map(|c| CauseCount {
            cause: c.cause.id(),
            stage: c.cause.stage().as_str(),
            outcome: c.outcome.as_str(),
            connections: c.connections,
            first_time: Shown(c.first_time),
            last_time: Shown(c.last_time),
            example: c.example,
            edge_status: c.edge.status,
        });
        let no_edge =
            s.no_edge_traffic.then_some(Note { cause: report::NO_EDGE_TRAFFIC_ID, message: report::NO_EDGE_TRAFFIC });
        Summary {
            connections: s.counts.connections,
            failed: s.counts.failed,
            ok: s.counts.ok,
            inconclusive: s.counts.inconclusive,
            other: Other { connections: s.other.connections, failed: s.other.failed },
            causes: causes.collect(),
            timing: Quantiles(&s.timings),
            notes: no_edge.into_iter().collect(),
            idle_closes: s.idle_closes.iter().map(IdleCloses::of).collect(),
            idle_closes_unlisted: s.idle_closes_unlisted,
            near_misses: s.near_misses.iter().map(NearMiss::of).collect(),
            near_misses_unlisted: s.near_misses_unlisted,
            slow_targets: s.slow_targets.iter().map(SlowTarget::of).collect(),
            slow_unlisted: s.slow_unlisted,
            retries: Retries {
                failed: s.retried.failed,
                tried_again: s.retried.tried_again,
                answered: s.retried.answered,
            },
            shared_trait: s.shared.as_ref().map(SharedTrait::of),
            not_selected: s.not_selected,
            headline: &s.headline,
        }
    }
}
