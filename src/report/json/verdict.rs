//! Verdicts and findings.

use serde::Serialize;

use super::shown::{Shown, Time};
use crate::diagnosis::{self, Cause};
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
        }
    }
}

/// A cause seen on a connection.
#[derive(Serialize)]
pub(super) struct Finding<'a> {
    cause: &'a str,
    stage: &'static str,
    confidence: &'static str,
    exchange: Option<u64>,
    message: &'a str,
    evidence: Vec<Evidence<'a>>,
    fix: &'a [String],
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

#[derive(Serialize)]
struct RuledOut<'a> {
    cause: &'static str,
    why: &'a str,
}

impl<'a> Finding<'a> {
    pub(super) fn of(cause: &'static Cause, f: &'a diagnosis::Finding, c: &observation::Connection) -> Finding<'a> {
        let frames = wireshark::Frames::of(f, c.first.capture);
        let evidence = f.evidence.iter().map(|e| Evidence {
            capture: e.frame.capture,
            frame: e.frame.frame,
            time: Shown(e.frame.time),
            note: &e.note,
        });
        Finding {
            cause: cause.id(),
            stage: cause.stage().as_str(),
            confidence: f.confidence.as_str(),
            exchange: f.exchange,
            message: &f.message,
            evidence: evidence.collect(),
            fix: &f.fix,
            ruled_out: f.ruled_out.iter().map(|r| RuledOut { cause: r.cause, why: &r.why }).collect(),
            wireshark_capture: frames.capture(),
            wireshark_filter: Shown(frames),
        }
    }
}
