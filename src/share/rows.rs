//! Rows of access logs that belong to what failed, without what is nobody's business in them.

use std::collections::BTreeMap;
use std::io;

use serde_json::json;

use crate::correlate::{Answer, Answered, Joined, Row};
use crate::diagnosis::Diagnosis;
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary, document};

use super::Shared;
use super::gather::Gather;
use super::plan::{Rules, addresses, target};

/// Passes everything on, and keeps what the logs add.
pub(super) struct Rows<'g> {
    gather: &'g mut Gather,
    pub(super) joined: Joined,
}

impl<'g> Rows<'g> {
    pub(super) fn new(gather: &'g mut Gather) -> Rows<'g> {
        Rows { gather, joined: Joined::default() }
    }
}

impl Renderer for Rows<'_> {
    fn wants_first_verdicts(&self) -> bool {
        self.gather.wants_first_verdicts()
    }

    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        self.gather.connection(c, d)
    }

    fn refined(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        self.gather.refined(c, d)
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        self.joined = logs.clone();
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.gather.finish(captures, summary)
    }
}

/// The rows of errors, one JSON document a line, as harmless as every report.
pub(super) fn told(shared: &Shared) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let frames = frames(shared);
    for answered in &shared.joined.rows {
        document(&mut out, &row(answered, shared, &frames))?;
    }
    shared.rules.blank(&mut out);
    Ok(out)
}

/// Where the edges are that the rows tell of.
pub(super) fn locations(joined: &Joined) -> Vec<String> {
    let rows = joined.rows.iter().filter_map(|answered| answered.row.more.as_ref()?.location.as_deref());
    rows.map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Fields by name: whatever else the log has is not told, client addresses, cookies and user agents among it.
fn row(answered: &Answered, shared: &Shared, frames: &BTreeMap<u64, (u64, u64)>) -> serde_json::Value {
    let Row { vantage, time, taken, status, method, target, id, more, .. } = &answered.row;
    let (answer, connections) = match &answered.answer {
        Answer::Joined(joined) => ("joined", joined.seen.iter().map(|seen| seen.connection).collect()),
        Answer::NeverReached(_) => ("never-reached", Vec::new()),
        Answer::NotCovered => ("not-covered", Vec::new()),
        Answer::Undecided(_, connections) => ("undecided", connections.clone()),
    };
    let frames: Vec<_> = connections.iter().filter_map(|id| frames.get(id)).collect();
    let more = more.as_deref();
    let text = |text: Option<&str>| text.map(|text| lossy(addresses(text.as_bytes(), &shared.rules)));
    json!({
        "log": vantage.as_str(),
        "time": time.to_string(),
        "taken_us": taken.map(|taken| taken.0),
        "status": status,
        "method": method,
        "target": lossy(self::target(target.as_bytes(), &shared.rules)),
        "request_id": id,
        "host": text(more.and_then(|m| m.host.as_deref())),
        "origin": text(more.and_then(|m| m.origin.as_deref())),
        "edge_location": more.and_then(|m| m.location.as_deref()),
        "result": more.and_then(|m| m.result.as_deref()),
        "detail": more.and_then(|m| m.detail.as_deref()),
        "error_reason": more.and_then(|m| m.error_reason.as_deref()),
        "target_status": more.and_then(|m| m.target_status),
        "answer": answer,
        "frames": frames,
    })
}

/// First and last frame of each connection in the document, by its number in the original.
fn frames(shared: &Shared) -> BTreeMap<u64, (u64, u64)> {
    let id = |number: usize| Some(shared.original.told.get(number)?.id);
    // Of several with one number, the first one stands.
    let seen = shared.seen.iter().rev();
    seen.filter_map(|(number, seen)| Some((id(*number)?, (seen.first.frame, seen.last.frame)))).collect()
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Notes what is removed of the rows, to be looked for.
pub(super) fn removed(joined: &Joined, rules: &Rules, mut each: impl FnMut(&[u8])) {
    for answered in &joined.rows {
        let raw = answered.row.target.as_bytes();
        let written = target(raw, rules);
        if let Some(from) = raw.iter().zip(&written).position(|(a, b)| a != b) {
            each(raw.get(from..).unwrap_or_default());
        }
    }
}
