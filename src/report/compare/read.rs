//! A JSON report, read back as far as it is compared.
//!
//! Invariant: lists are taken in entry by entry and nothing of an entry is kept that is not compared, so that a report
//! of a million connections takes no more memory than one of ten.

use std::fmt;
use std::io::Read;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};

use super::picture::{Peers, Picture};
use crate::base::{Endpoint, Timestamp};
use crate::observation::Step;
use crate::report::json::timing::Spread;

/// Kinds of causes and problems that are told apart; the catalogue has fewer than 200.
const MAX_KINDS: usize = 1_000;

/// More connections than this were never in one report. The work on each row grows with the root of their number.
const MAX_COUNT: u64 = 1 << 32;

impl Picture {
    /// Reads a report that was made by `--format json`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(path: &str, report: impl Read) -> Result<Picture, String> {
        let document: Document = serde_json::from_reader(report).map_err(|e| format!("no report in JSON: {e}"))?;
        if document.schema != crate::report::SCHEMA {
            return Err(format!("no report of why502: its schema is {:?}", document.schema));
        }
        let s = document.summary;
        if [s.connections, s.failed, s.ok, s.inconclusive].iter().any(|&n| n > MAX_COUNT) {
            return Err("no report of why502: it counts more connections than there can be".to_owned());
        }
        let mut picture = Picture {
            path: path.to_owned(),
            connections: s.connections,
            failed: s.failed,
            ok: s.ok,
            inconclusive: s.inconclusive,
            causes: s.causes.0.0,
            peers: document.connections.0,
            ..document.captures.0
        };
        for step in Step::ALL {
            let told = s.timing.as_ref().and_then(|t| t.get(format!("{}_us", step.as_str())));
            let spread = told.and_then(|v| Spread::deserialize(v).ok());
            if let Some(spread) = spread.filter(|s| [s.min, s.p50, s.p90, s.p99, s.max].iter().all(|&us| us >= 0)) {
                picture.timing.insert(step, spread);
            }
        }
        Ok(picture)
    }
}

#[derive(Deserialize)]
struct Document {
    schema: String,
    summary: Summary,
    captures: Each<Picture>,
    connections: Each<Peers>,
}

#[derive(Deserialize)]
struct Summary {
    connections: u64,
    failed: u64,
    ok: u64,
    inconclusive: u64,
    causes: Each<Causes>,
    /// Reports of the first version have none.
    timing: Option<serde_json::Value>,
}

/// Something that a list is taken into.
trait Gather: Default {
    type Entry: DeserializeOwned;
    fn take(&mut self, entry: Self::Entry);
}

/// A list, taken in.
struct Each<G>(G);

impl<'de, G: Gather> Deserialize<'de> for Each<G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Each<G>, D::Error> {
        struct Entries<G>(PhantomData<G>);
        impl<'de, G: Gather> Visitor<'de> for Entries<G> {
            type Value = Each<G>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Each<G>, A::Error> {
                let mut gathered = G::default();
                while let Some(entry) = entries.next_element()? {
                    gathered.take(entry);
                }
                Ok(Each(gathered))
            }
        }
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

/// Failed connections by cause.
#[derive(Default)]
struct Causes(std::collections::BTreeMap<String, u64>);

#[derive(Deserialize)]
struct Cause {
    cause: String,
    outcome: String,
    connections: u64,
}

impl Gather for Causes {
    type Entry = Cause;

    fn take(&mut self, told: Cause) {
        if told.outcome == "failed" && (self.0.len() < MAX_KINDS || self.0.contains_key(&told.cause)) {
            let n = self.0.entry(told.cause).or_default();
            *n = n.saturating_add(told.connections);
        }
    }
}

#[derive(Deserialize)]
struct Capture {
    frames: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    problems: Each<Problems>,
}

/// Problems of a capture by kind.
#[derive(Default)]
struct Problems(std::collections::BTreeMap<String, u64>);

#[derive(Deserialize)]
struct Problem {
    kind: String,
    count: u64,
}

impl Gather for Problems {
    type Entry = Problem;

    fn take(&mut self, met: Problem) {
        if self.0.len() < MAX_KINDS {
            let n = self.0.entry(met.kind).or_default();
            *n = n.saturating_add(met.count);
        }
    }
}

impl Gather for Picture {
    type Entry = Capture;

    fn take(&mut self, capture: Capture) {
        self.frames = self.frames.saturating_add(capture.frames);
        let time = |text: Option<String>| text.as_deref().and_then(Timestamp::parse);
        self.cover(time(capture.first_time), time(capture.last_time));
        for (kind, count) in capture.problems.0.0 {
            if self.problems.len() < MAX_KINDS {
                let n = self.problems.entry(kind).or_default();
                *n = n.saturating_add(count);
            }
        }
    }
}

#[derive(Deserialize)]
struct Connection {
    server: End,
    role: String,
    edge: Edge,
}

#[derive(Deserialize)]
struct End {
    ip: std::net::IpAddr,
    port: u16,
}

#[derive(Deserialize)]
struct Edge {
    kind: String,
}

impl Gather for Peers {
    type Entry = Connection;

    fn take(&mut self, c: Connection) {
        let server = Endpoint { ip: c.server.ip, port: c.server.port };
        self.add(c.role == "edge", server.to_string(), &c.edge.kind);
    }
}
