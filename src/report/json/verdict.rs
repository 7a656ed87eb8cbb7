//! Verdicts and findings.

use serde::Serialize;

use super::shown::{End, Shown, Time};
use crate::diagnosis::{self, Cause, Text};
use crate::observation;
use crate::report::wireshark;

/// What became of a connection.
#[derive(Serialize)]
pub(super) struct Verdict<'a> {
    outcome: &'static str,
    stage: Option<&'static str>,
    cause: Option<&'a str>,
    confidence: Option<&'static str>,
    edge_status: Option<u16>,
    edge_detail: Option<&'static str>,
    reason: Option<&'a str>,
    limits: Vec<Limit<'a>>,
}

/// What the capture keeps from being said.
#[derive(Serialize)]
struct Limit<'a> {
    limit: &'static str,
    blocks: &'a str,
}

impl<'a> Verdict<'a> {
    pub(super) fn of(v: &'a diagnosis::Verdict) -> Verdict<'a> {
        Verdict {
            outcome: v.outcome.as_str(),
            stage: v.stage().map(diagnosis::Stage::as_str),
            cause: v.cause.map(Cause::id),
            confidence: v.confidence.map(diagnosis::Confidence::as_str),
            edge_status: v.edge.status,
            edge_detail: v.edge.detail,
            reason: v.reason.as_deref(),
            limits: v.limits.iter().map(|l| Limit { limit: l.limit, blocks: &l.blocks }).collect(),
        }
    }
}

/// A cause seen on a connection.
#[derive(Serialize)]
pub(in crate::report) struct Finding<'a> {
    cause: &'a str,
    stage: &'static str,
    confidence: &'static str,
    exchange: Option<u64>,
    message: &'a str,
    evidence: Vec<Evidence<'a>>,
    fix: &'a [Text],
    inner: Vec<Inner<'a>>,
    ruled_out: Vec<RuledOut<'a>>,
    wireshark_filter: Shown<wireshark::Frames<'a>>,
    wireshark_capture: u16,
}

#[derive(Serialize)]
struct Evidence<'a> {
    capture: u16,
    frame: u64,
    time: Time,
    note: &'a str,
}

/// A connection of the host's own that failed behind this one.
#[derive(Serialize)]
struct Inner<'a> {
    connection: u64,
    server: End,
    cause: &'a str,
    confidence: &'static str,
    tie: &'static str,
    message: &'a str,
    evidence: Vec<Evidence<'a>>,
}

#[derive(Serialize)]
struct RuledOut<'a> {
    cause: &'static str,
    why: &'a str,
}

impl<'a> Evidence<'a> {
    fn list(evidence: &'a [diagnosis::Evidence]) -> Vec<Evidence<'a>> {
        let of = |e: &'a diagnosis::Evidence| Evidence {
            capture: e.frame.capture(),
            frame: e.frame.frame,
            time: Shown(e.frame.time),
            note: &e.note,
        };
        evidence.iter().map(of).collect()
    }
}

impl<'a> Inner<'a> {
    fn of(inner: &'a diagnosis::Inner) -> Inner<'a> {
        Inner {
            connection: inner.connection,
            server: inner.server.into(),
            cause: inner.cause.id(),
            confidence: inner.confidence.as_str(),
            tie: inner.tie.as_str(),
            message: &inner.message,
            evidence: Evidence::list(&inner.evidence),
        }
    }
}

impl<'a> Finding<'a> {
    /// All findings of a connection.
    pub(super) fn list(d: &'a diagnosis::Diagnosis, c: &observation::Connection) -> Vec<Finding<'a>> {
        d.findings.iter().map(|(cause, f)| Finding::of(cause, f, c)).collect()
    }

    /// One finding.
    pub(super) fn of(cause: &'static Cause, f: &'a diagnosis::Finding, c: &observation::Connection) -> Finding<'a> {
        let frames = wireshark::Frames::of(f, c.first.capture());
        Finding {
            cause: cause.id(),
            stage: cause.stage().as_str(),
            confidence: f.confidence.as_str(),
            exchange: f.exchange,
            message: &f.message,
            evidence: Evidence::list(&f.evidence),
            fix: &f.fix,
            inner: f.inner.iter().map(Inner::of).collect(),
            ruled_out: f.ruled_out.iter().map(|r| RuledOut { cause: r.cause, why: &r.why }).collect(),
            wireshark_capture: frames.capture(),
            wireshark_filter: Shown(frames),
        }
    }
}
