//! SARIF 2.1.0, for pipelines: one result for each cause, one rule for each cause that has a result.
//!
//! Invariant: what is kept until the end is bounded by the catalogue, whatever the number of connections.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::example::{Example, bounded};
use super::groups::{Group, Groups, Heading, Roles};
use super::layout::count;
use super::{Capture, CauseCount, NameTrouble, Probed, Renderer, Summary, json};
use crate::base::CaptureIndex;
use crate::diagnosis::{Cause, Diagnosis, Outcome};
use crate::observation::Connection;

/// Problems told of one capture.
const MAX_PROBLEMS: usize = 100;

/// The SARIF log. It is written when everything is known.
pub struct Sarif<W> {
    out: W,
    kept: Roles<Example>,
    probed: Option<Probed>,
}

impl<W: Write> Sarif<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Sarif<W> {
        Sarif { out, kept: Roles::default(), probed: None }
    }
}

impl<W: Write> Renderer for Sarif<W> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        self.kept.add(connection, diagnosis, Example::of);
        Ok(())
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        self.probed = Some(probed.clone());
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let groups = self.kept.counted(summary.edge_only);
        json::document(&mut self.out, &log(captures, summary, &groups, self.probed.as_ref()))
    }
}

fn log(captures: &[Capture], summary: &Summary, groups: &Groups<Example>, probed: Option<&Probed>) -> Value {
    // One cause may have failed one connection and left another one undecided.
    let mut causes: Vec<&Cause> = Vec::new();
    for told in &summary.causes {
        if !causes.contains(&told.cause) {
            causes.push(told.cause);
        }
    }
    let trouble = probed.and_then(|probed| probed.trouble.as_ref());
    causes.extend(trouble.map(|trouble| trouble.cause));
    let index = |cause: &Cause| causes.iter().position(|c| *c == cause);
    let told = summary.causes.iter().filter_map(|told| {
        let group = groups.of(told.outcome, told.cause.id())?;
        Some(result(told, group, index(told.cause)?, captures))
    });
    let unexplained = groups.groups.iter().filter_map(|(heading, group)| match heading {
        Heading::Reason(reason) => Some(unexplained(reason, group, captures)),
        Heading::Cause(..) => None,
    });
    let unnamed = trouble.and_then(|trouble| Some(of_a_name(trouble, index(trouble.cause)?, &probed?.host)));
    let results: Vec<_> = told.chain(unexplained).chain(unnamed).collect();
    let notes: Vec<_> = captures.iter().zip(0..).flat_map(|(c, i)| notifications(c, i, captures)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "why502",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": causes.iter().map(|cause| rule(cause)).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notes}],
            "artifacts": captures.iter().map(|c| json!({"location": {"uri": uri(&c.path)}})).collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "headline": bounded(&summary.headline),
                "connections": summary.counts.connections,
                "failed": summary.counts.failed,
                "inconclusive": summary.counts.inconclusive,
                "ok": summary.counts.ok,
            },
        }],
    })
}

fn rule(cause: &Cause) -> Value {
    json!({
        "id": cause.id(),
        "shortDescription": {"text": cause.title()},
        "fullDescription": {"text": words(&cause.section("What happened"))},
        "help": {"text": cause.section("How to fix"), "markdown": cause.section("How to fix")},
        "properties": {"tags": [cause.stage().as_str()]},
    })
}

/// Lines as one.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn result(told: &CauseCount, group: &Group<Example>, index: usize, captures: &[Capture]) -> Value {
    let best = group.examples.first();
    let message = best.map(|e| e.message.as_str()).unwrap_or_default();
    let mut result = outcome(told.outcome);
    let more = json!({
        "ruleId": told.cause.id(),
        "ruleIndex": index,
        "message": {"text": format!("{}: {message}", count(told.connections, "connection"))},
        "occurrenceCount": told.connections,
        "locations": best.map(|e| place(e, captures)).into_iter().collect::<Vec<_>>(),
        "relatedLocations": best.map(|e| evidence(e, captures)).unwrap_or_default(),
        "partialFingerprints": {"causeAndServer/v1": format!("{}@{}", told.cause.id(), best.map(|e| e.server.to_string()).unwrap_or_default())},
        "properties": {
            "confidence": best.and_then(|e| e.confidence).map(|c| c.as_str()),
            "edgeStatus": told.edge.status,
            "edgeDetail": told.edge.detail,
            "firstTime": told.first_time.to_string(),
            "lastTime": told.last_time.to_string(),
            "example": told.example,
            "fix": best.map(|e| e.fix.clone()).unwrap_or_default(),
            "wiresharkFilter": best.map(|e| e.filter.as_str()),
        },
    });
    join(&mut result, more);
    result
}

/// A name that a probe could not find, or not as CloudFront would.
fn of_a_name(trouble: &NameTrouble, index: usize, host: &str) -> Value {
    let mut result = outcome(Outcome::Failed);
    let more = json!({
        "ruleId": trouble.cause.id(),
        "ruleIndex": index,
        "message": {"text": bounded(&trouble.message)},
        "locations": [{"logicalLocations": [{"name": bounded(host), "kind": "resource"}]}],
        "partialFingerprints": {"causeAndServer/v1": format!("{}@{}", trouble.cause.id(), bounded(host))},
        "properties": {"confidence": trouble.confidence.as_str(), "fix": trouble.fix},
    });
    join(&mut result, more);
    result
}

/// Connections of which the capture does not tell, and that no cause explains.
fn unexplained(reason: &str, group: &Group<Example>, captures: &[Capture]) -> Value {
    let mut result = outcome(Outcome::Inconclusive);
    let best = group.examples.first();
    let more = json!({
        "ruleId": "inconclusive",
        "message": {"text": format!("{}: {reason}", count(group.connections, "connection"))},
        "occurrenceCount": group.connections,
        "locations": best.map(|e| place(e, captures)).into_iter().collect::<Vec<_>>(),
    });
    join(&mut result, more);
    result
}

/// What the standard calls an outcome (sections 3.27.9 and 3.27.10).
fn outcome(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Failed => json!({"kind": "fail", "level": "error"}),
        Outcome::Inconclusive => json!({"kind": "open", "level": "none"}),
        Outcome::Ok => json!({"kind": "pass", "level": "none"}),
    }
}

fn join(one: &mut Value, other: Value) {
    if let (Value::Object(one), Value::Object(other)) = (one, other) {
        one.extend(other);
    }
}

fn artifact(capture: CaptureIndex, captures: &[Capture]) -> Value {
    let path = captures.get(usize::from(capture)).map(|c| c.path.as_str()).unwrap_or_default();
    json!({"artifactLocation": {"uri": uri(path), "index": capture}})
}

fn place(e: &Example, captures: &[Capture]) -> Value {
    json!({
        "physicalLocation": artifact(e.frames.0.capture(), captures),
        "logicalLocations": [{"name": e.server.to_string(), "kind": "resource"}],
        "message": {"text": e.title},
    })
}

/// The packets that prove it.
fn evidence(e: &Example, captures: &[Capture]) -> Vec<Value> {
    let proof = e.timeline.rows.iter().filter(|row| row.is_proof()).enumerate();
    let location = |(i, row): (usize, &super::timeline::Row)| {
        let notes: Vec<_> = row.lines().into_iter().map(|(text, _)| text).collect();
        json!({
            "id": i,
            "physicalLocation": artifact(row.frame.capture(), captures),
            "message": {"text": format!("frame {}: {}", row.frame.frame, notes.join("; "))},
            "properties": {"frame": row.frame.frame, "time": row.frame.time.to_string()},
        })
    };
    proof.map(location).collect()
}

/// What limits the conclusions from a capture.
fn notifications(c: &Capture, index: CaptureIndex, captures: &[Capture]) -> Vec<Value> {
    let read = c.info.problems.iter().map(|p| (p.kind.as_str(), p.count, &p.detail));
    let met = c.problems.iter().map(|p| (&*p.kind, p.count, &p.detail));
    let told = |(kind, n, detail): (&str, u64, &String)| {
        json!({
            "descriptor": {"id": kind},
            "level": "warning",
            "message": {"text": format!("{kind} ({n}): {}", bounded(detail))},
            "locations": [{"physicalLocation": artifact(index, captures)}],
        })
    };
    read.chain(met).take(MAX_PROBLEMS).map(told).collect()
}

/// A path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        for (path, reference) in [
            ("a/b.pcap", "a/b.pcap"),
            ("/tmp/a b.pcap", "file:///tmp/a%20b.pcap"),
            ("javascript:x", "javascript%3Ax"),
            ("\u{e9}", "%C3%A9"),
        ] {
            assert_eq!(uri(path), reference);
        }
    }
}
