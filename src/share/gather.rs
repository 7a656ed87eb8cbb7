//! What the analysis said, as far as it is compared, told or looked for again.

use std::collections::BTreeMap;
use std::io;

use crate::base::{Endpoint, FrameRef};
use crate::causes::{CATALOGUE, by_id};
use crate::diagnosis::{Confidence, Diagnosis, Outcome};
use crate::observation::Connection;
use crate::report::{Capture, Renderer, Summary};

/// Connections of one shared capture; of further ones it is said how many they are.
pub(super) const MAX_CONNECTIONS: usize = 100_000;

/// Ids of requests kept of one connection.
const MAX_IDS: usize = 4;

/// A verdict without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Brief {
    pub(super) outcome: Outcome,
    pub(super) cause: Option<&'static str>,
    pub(super) confidence: Option<Confidence>,
}

impl Brief {
    pub(super) fn of(diagnosis: &Diagnosis) -> Brief {
        let verdict = &diagnosis.verdict;
        Brief { outcome: verdict.outcome, cause: verdict.cause.map(|cause| cause.id()), confidence: verdict.confidence }
    }

    /// `tls.certificate-expired, certain`.
    pub(super) fn words(&self) -> String {
        let cause = self.cause.unwrap_or(self.outcome.as_str());
        self.confidence.map_or_else(|| cause.to_owned(), |confidence| format!("{cause}, {confidence}"))
    }
}

/// A packet, and what it shows.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) frame: FrameRef,
    pub(super) cause: &'static str,
    pub(super) confidence: Confidence,
    pub(super) note: String,
}

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) first: FrameRef,
    pub(super) last: FrameRef,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    /// By the connection alone.
    pub(super) alone: Brief,
    /// In the light of all others.
    pub(super) last_word: Brief,
    /// Keys opened it.
    pub(super) decrypted: bool,
    pub(super) edge_status: Option<u16>,
    /// X-Amz-Cf-Id of its requests, the first few.
    pub(super) ids: Vec<String>,
    pub(super) sni: Option<String>,
    pub(super) host: Option<String>,
    pub(super) message: String,
    pub(super) ruled_out: Vec<(&'static str, String)>,
    pub(super) proofs: Vec<Proof>,
}

/// Keeps what it is told.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Also connections that did not fail.
    pub(super) all: bool,
    pub(super) told: Vec<Told>,
    /// Where each of them is, by its number.
    places: BTreeMap<u64, usize>,
    /// For which there was no room.
    pub(super) more: u64,
    pub(super) captures: Vec<Capture>,
    pub(super) summary: Option<Summary>,
}

impl Gather {
    pub(super) fn new(all: bool) -> Gather {
        Gather { all, ..Gather::default() }
    }
}

fn told(c: &Connection, d: &Diagnosis) -> Told {
    let brief = Brief::of(d);
    let main = d.findings.first().filter(|_| d.verdict.cause.is_some());
    let asked = || c.exchanges().filter_map(|exchange| exchange.request);
    Told {
        id: c.id,
        first: c.first,
        last: c.last,
        client: c.client,
        server: c.server,
        alone: brief,
        last_word: brief,
        decrypted: c.tls.as_ref().is_some_and(|tls| tls.decrypted),
        edge_status: d.verdict.edge.status,
        ids: asked().filter_map(|asked| asked.cf_id.map(str::to_owned)).take(MAX_IDS).collect(),
        sni: c.sni().map(str::to_owned),
        host: asked().find_map(|asked| asked.host.map(str::to_owned)),
        message: main.map(|(_, finding)| finding.message.to_string()).unwrap_or_default(),
        ruled_out: main.iter().flat_map(|(_, f)| &f.ruled_out).map(|r| (r.cause, r.why.to_string())).collect(),
        proofs: proofs(d),
    }
}

fn proofs(d: &Diagnosis) -> Vec<Proof> {
    let proof = |(cause, finding): &(&'static crate::diagnosis::Cause, crate::diagnosis::Finding)| {
        let (cause, confidence) = (cause.id(), finding.confidence);
        let told = finding.evidence.iter().map(|e| (e.frame, e.note.to_string())).collect::<Vec<_>>();
        told.into_iter().map(move |(frame, note)| Proof { frame, cause, confidence, note }).collect::<Vec<_>>()
    };
    d.findings.iter().flat_map(proof).collect()
}

impl Renderer for Gather {
    fn wants_first_verdicts(&self) -> bool {
        true
    }

    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        if !self.all && d.verdict.outcome != Outcome::Failed {
            return Ok(());
        }
        if self.told.len() >= MAX_CONNECTIONS {
            self.more += 1;
            return Ok(());
        }
        self.places.insert(c.id, self.told.len());
        self.told.push(told(c, d));
        Ok(())
    }

    fn refined(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        if let Some(known) = self.places.get(&c.id).and_then(|place| self.told.get_mut(*place)) {
            *known = Told { alone: known.alone, ..told(c, d) };
        }
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.captures = captures.to_vec();
        self.summary = Some(summary.clone());
        Ok(())
    }
}

/// Where a cause stands in the catalogue, for lists.
pub(super) fn position(id: Option<&str>) -> usize {
    id.and_then(by_id).map_or(usize::MAX, |cause| CATALOGUE.position(cause))
}
