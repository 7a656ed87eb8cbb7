//! The answer for a program: `schemas/why.v1.json`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Answer, Cited};
use crate::report::json::document;
use crate::report::json::shown::{End, Shown, Time};

/// The name of the schema: it changes when a field is renamed, removed or changes meaning.
pub const SCHEMA: &str = "why502.why.v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    path: &'a str,
    frame: u64,
    time: Time,
    captured_bytes: usize,
    bytes: u32,
    layer: &'static str,
    detail: String,
    segment: Option<Segment>,
    marks: Vec<&'static str>,
    connection: Option<Connection<'a>>,
    evidence: Vec<Evidence<'a>>,
    nearest: Nearest<'a>,
    why_not: Option<String>,
    headline: String,
}

#[derive(Serialize)]
struct Segment {
    source: End,
    destination: End,
    flags: String,
    payload_bytes: u32,
}

#[derive(Serialize)]
struct Connection<'a> {
    id: u64,
    role: &'static str,
    from: Option<String>,
    first_frame: u64,
    last_frame: u64,
    carried: &'a [String],
    outcome: &'static str,
    cause: Option<&'static str>,
    confidence: Option<&'static str>,
    reason: Option<&'a str>,
    wireshark_conversation: &'a str,
}

#[derive(Serialize)]
struct Evidence<'a> {
    cause: &'static str,
    confidence: &'static str,
    verdict: bool,
    frame: u64,
    note: &'a str,
}

#[derive(Serialize)]
struct Nearest<'a> {
    before: Option<Evidence<'a>>,
    after: Option<Evidence<'a>>,
}

impl<'a> Evidence<'a> {
    fn of(e: &'a Cited) -> Evidence<'a> {
        let confidence = e.confidence.as_str();
        Evidence { cause: e.cause, confidence, verdict: e.is_verdict, frame: e.frame, note: &e.note }
    }
}

/// Writes the answer.
///
/// # Errors
/// What the output said.
pub fn json(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let (w, c) = (&answer.watched, answer.connection.as_ref());
    let [before, after] = c.map(|c| c.near.each_ref().map(|e| e.as_ref().map(Evidence::of))).unwrap_or_default();
    let value = Document {
        schema: SCHEMA,
        path: &w.path,
        frame: w.frame,
        time: Shown(w.time),
        captured_bytes: w.captured,
        bytes: w.length,
        layer: w.layer.as_str(),
        detail: w.layer.to_string(),
        segment: w.layer.segment().map(|s| Segment {
            source: s.source.into(),
            destination: s.destination.into(),
            flags: s.flags.to_string(),
            payload_bytes: s.payload,
        }),
        marks: w.marks.iter().map(|m| m.as_str()).collect(),
        connection: c.map(|c| Connection {
            id: c.id,
            role: c.role,
            from: c.from.map(|side| side.to_string()),
            first_frame: c.frames.0,
            last_frame: c.frames.1,
            carried: &c.carried,
            outcome: c.outcome.as_str(),
            cause: c.cause,
            confidence: c.confidence.map(|c| c.as_str()),
            reason: c.reason.as_deref(),
            wireshark_conversation: &c.conversation,
        }),
        evidence: c.iter().flat_map(|c| &c.cited).map(Evidence::of).collect(),
        nearest: Nearest { before, after },
        why_not: answer.why_not(),
        headline: answer.headline(),
    };
    document(out, &value)
}
