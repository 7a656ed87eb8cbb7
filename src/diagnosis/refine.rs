//! The second step (ruling 23): what only the whole capture can tell.
//!
//! It may raise or lower a confidence, and nothing else, from tables with a bound.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::{Endpoint, FrameRef, Micros};
use crate::observation::Connection;

use super::{Confidence, Delivery, Diagnosis, Outcome, delivery};

/// Servers and names that are told apart.
const MAX_NAMES: usize = 10_000;
/// Waits of different lengths that are told apart, for one client network each.
const MAX_WAITS: usize = 10_000;
/// Waits that differ by less than this have one length: a timer's, not a coincidence.
const ONE_LENGTH: Micros = Micros::from_millis(100);
/// So many waits of one length are no coincidence.
const RECURS: u32 = 3;

/// The cause whose confidence depends on how the same name fares elsewhere (ruling 17).
const REJECTED: &str = "tls.certificate-rejected";
/// Causes whose confidence depends on whether their wait recurs (ruling 4).
const TIMEOUTS: [&str; 4] =
    ["http.response-timeout", "http.encrypted-response-timeout", "tls.no-server-hello", "tls.handshake-stalled"];

/// What is remembered of all connections.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Connections that worked, by server and name asked for.
    worked: BTreeMap<(Endpoint, String), FrameRef>,
    /// How often a wait of this length, in units of [`ONE_LENGTH`], ended in a timeout at this server.
    waits: BTreeMap<(IpAddr, i64), u32>,
}

impl Ledger {
    /// Whether the second step may change this verdict, so that it must wait for the end of the capture.
    #[must_use]
    pub fn may_change(d: &Diagnosis) -> bool {
        d.verdict.confidence.is_some_and(|c| c < Confidence::Certain)
            && d.verdict.cause.is_some_and(|c| c.id() == REJECTED || TIMEOUTS.contains(&c.id()))
    }

    /// Remembers what a connection may tell of others.
    pub fn note(&mut self, c: &Connection, d: &Diagnosis) {
        if d.verdict.outcome == Outcome::Ok
            && let Some(sni) = c.sni()
            && delivery(c) == Delivery::Complete
            && (self.worked.len() < MAX_NAMES)
        {
            self.worked.entry((c.server, sni.to_owned())).or_insert(c.first);
        }
        if let Some(wait) = wait(d)
            && (self.waits.len() < MAX_WAITS || self.waits.contains_key(&(c.server.ip, wait)))
        {
            *self.waits.entry((c.server.ip, wait)).or_default() += 1;
        }
    }

    /// Looks at a verdict again in the light of the whole capture. Says whether it changed.
    pub fn refine(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let raised = if let Some(wait) = wait(d) {
            let near = |length| self.waits.get(&(c.server.ip, length)).copied().unwrap_or_default();
            let recurring = near(wait - 1) + near(wait) + near(wait + 1);
            (recurring >= RECURS)
                .then(|| format!("{recurring} waits of this length end this way in the capture: a timer's work"))
        } else {
            self.elsewhere(c, d)
        };
        match (raised, d.findings.first_mut()) {
            (Some(note), Some((_, finding))) if finding.confidence < Confidence::Likely => {
                finding.confidence = Confidence::Likely;
                d.verdict.confidence = Some(Confidence::Likely);
                finding.evidence.push(super::Evidence { frame: finding.at, note });
                true
            }
            _ => false,
        }
    }

    /// Another connection with the same name that worked.
    fn elsewhere(&self, c: &Connection, d: &Diagnosis) -> Option<String> {
        if d.verdict.cause.is_none_or(|cause| cause.id() != REJECTED) {
            return None;
        }
        let worked = self.worked.get(&(c.server, c.sni()?.to_owned()))?;
        Some(format!("a connection with the same name works in this capture (from frame {})", worked.frame))
    }
}

/// The length of the wait that a timeout's verdict rests on, in units of [`ONE_LENGTH`].
fn wait(d: &Diagnosis) -> Option<i64> {
    d.verdict.cause.filter(|c| TIMEOUTS.contains(&c.id()))?;
    let (_, finding) = d.findings.first()?;
    let (first, last) = (finding.evidence.first()?, finding.evidence.last()?);
    Some((last.frame.since(first.frame).0 + ONE_LENGTH.0 / 2) / ONE_LENGTH.0)
}
