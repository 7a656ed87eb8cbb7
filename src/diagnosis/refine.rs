//! The second step (ruling 23): what only the whole capture can tell.
//!
//! It may raise or lower a confidence, and name what failed behind an error that the origin itself told, and nothing
//! else, from tables with a bound.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::base::{CaptureIndex, Endpoint, FrameRef, Micros, Side};
use crate::observation::Connection;

use super::behind::{Failures, is_told_by_origin};
use super::{Confidence, Delivery, Diagnosis, Limit, Outcome, delivery};

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

/// Causes whose confidence depends on how connections fare elsewhere that begin without, or with, a PROXY protocol
/// header.
const UNEXPECTED_HEADER: [&str; 2] = ["tls.unexpected-proxy-header", "http.unexpected-proxy-header"];
const EXPECTED_HEADER: [&str; 2] = ["tls.proxy-header-expected", "http.proxy-header-expected"];

/// What is remembered of all connections.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Connections that worked, by server and name asked for.
    worked: BTreeMap<(Endpoint, String), FrameRef>,
    /// Connections that worked, by server and whether they began with a PROXY protocol header.
    introduced: BTreeMap<(Endpoint, bool), FrameRef>,
    /// How often a wait of this length, in units of [`ONE_LENGTH`], ended in a timeout at this server.
    waits: BTreeMap<(IpAddr, i64), u32>,
    /// The host's own connections that failed.
    failures: Failures,
    /// Bytes that were acknowledged and that no packet carries, by capture.
    not_captured: BTreeMap<CaptureIndex, u64>,
    /// Servers of which some packet was captured.
    heard: BTreeSet<IpAddr>,
}

/// Packets that are known to be missing, by capture: as the captures themselves say it.
pub type Drops = BTreeMap<CaptureIndex, u64>;

impl Ledger {
    /// Whether the second step may change this diagnosis, so that it must wait for the end of the capture.
    #[must_use]
    pub fn may_change(d: &Diagnosis) -> bool {
        let told_by_origin = d.findings.iter().any(|(cause, _)| is_told_by_origin(cause));
        told_by_origin || beside(d).is_some() || Ledger::may_change_verdict(d)
    }

    fn may_change_verdict(d: &Diagnosis) -> bool {
        let Some((cause, confidence)) = d.verdict.cause.zip(d.verdict.confidence) else { return false };
        let waits = |id: &str| id == REJECTED || TIMEOUTS.contains(&id) || UNEXPECTED_HEADER.contains(&id);
        match confidence {
            Confidence::Certain => cause.rests_on.silence().is_some(),
            _ => waits(cause.id()),
        }
    }

    /// Failures of the host's own connections that could not be remembered.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.failures.not_kept()
    }

    /// Remembers what a connection may tell of others.
    pub fn note(&mut self, c: &Connection, d: &Diagnosis) {
        self.failures.note(c, d);
        if d.verdict.outcome == Outcome::Ok && self.introduced.len() < MAX_NAMES && c.tcp.first_data.server.is_some() {
            self.introduced.entry((c.server, c.proxy_protocol.is_some())).or_insert(c.first);
        }
        if d.verdict.outcome == Outcome::Ok
            && let Some(sni) = c.sni()
            && delivery(c) == Delivery::Complete
            && (self.worked.len() < MAX_NAMES)
        {
            self.worked.entry((c.server, sni.to_owned())).or_insert(c.first);
        }
        if c.tcp.heard(Side::Server) && self.heard.len() < MAX_NAMES {
            self.heard.insert(c.server.ip);
        }
        // What is not captured of a side that was not captured at all was not lost, but left out.
        let not_captured = c.tcp.not_captured.client + c.tcp.not_captured.server;
        if not_captured > 0 && !c.is_one_sided() {
            *self.not_captured.entry(c.first.capture).or_default() += not_captured;
        }
        if let Some(wait) = wait(c, d)
            && (self.waits.len() < MAX_WAITS || self.waits.contains_key(&(c.server.ip, wait)))
        {
            *self.waits.entry((c.server.ip, wait)).or_default() += 1;
        }
    }

    /// Looks at a diagnosis again in the light of the whole capture. Says whether it changed.
    pub fn refine(&self, c: &Connection, d: &mut Diagnosis, drops: &Drops) -> bool {
        let named = self.failures.name(c, d);
        let raised = self.raise(c, d);
        let beside = self.raise_beside(c, d);
        let doubted = self.doubt_silence(c, d, drops);
        named || raised || beside || doubted
    }

    fn raise(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let raised = if let Some(wait) = wait(c, d) {
            let near = |length| self.waits.get(&(c.server.ip, length)).copied().unwrap_or_default();
            let recurring = near(wait - 1) + near(wait) + near(wait + 1);
            (recurring >= RECURS)
                .then(|| format!("{recurring} waits of this length end this way in the capture: a timer's work"))
        } else {
            self.elsewhere(c, d).or_else(|| self.without_header(c, d))
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

    /// A silence proves nothing where packets are missing.
    fn doubt_silence(&self, c: &Connection, d: &mut Diagnosis, drops: &Drops) -> bool {
        let Some(what) = d.verdict.cause.and_then(|cause| cause.rests_on.silence()) else { return false };
        let deaf = !c.tcp.heard(Side::Server) && !self.heard.contains(&c.server.ip);
        let deaf = deaf.then(|| ("capture.one-sided", "no packet that this host sent was captured".to_owned()));
        let missing: Vec<_> = self.lost(c, drops).into_iter().chain(deaf).collect();
        for (limit, why) in &missing {
            d.verdict.limits.push(Limit { limit, blocks: format!("{what} ({why})") });
        }
        if let (Some((_, why)), Some((_, finding))) = (missing.first(), d.findings.first_mut())
            && finding.confidence > Confidence::Likely
        {
            finding.confidence = Confidence::Likely;
            d.verdict.confidence = Some(Confidence::Likely);
            finding.message += &format!(" Not certain: {why}.");
        }
        !missing.is_empty()
    }

    /// What the captures in which this connection lies lack.
    fn lost(&self, c: &Connection, drops: &Drops) -> Option<(&'static str, String)> {
        let captures = c.first.capture..=c.last.capture.max(c.first.capture);
        let sum = |of: &BTreeMap<CaptureIndex, u64>| of.range(captures.clone()).map(|(_, n)| n).sum::<u64>();
        let why = match (sum(drops), sum(&self.not_captured)) {
            (0, 0) => return None,
            (0, bytes) => format!("the capture lacks {bytes} bytes that other packets acknowledge"),
            (packets, _) => format!("the capture lost {packets} packets"),
        };
        Some(("frames-dropped", why))
    }

    /// Raises a finding beside the verdict: connections that begin with a header work on this port.
    fn raise_beside(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let (Some(at), Some(worked)) = (beside(d), self.introduced.get(&(c.server, true))) else { return false };
        let Some((_, finding)) = d.findings.get_mut(at) else { return false };
        finding.confidence = Confidence::Likely;
        let note = format!("a connection that begins with a PROXY header works here (from frame {})", worked.frame);
        finding.evidence.push(super::Evidence { frame: finding.at, note });
        true
    }

    /// Another connection to the same port that worked without a PROXY protocol header.
    fn without_header(&self, c: &Connection, d: &Diagnosis) -> Option<String> {
        d.verdict.cause.filter(|cause| UNEXPECTED_HEADER.contains(&cause.id()))?;
        let worked = self.introduced.get(&(c.server, false))?;
        Some(format!("a connection without a PROXY header works on this port (from frame {})", worked.frame))
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

/// The finding that a PROXY protocol header is expected, where it is one possibility beside the verdict.
fn beside(d: &Diagnosis) -> Option<usize> {
    let possible = |f: &super::Finding| f.confidence == Confidence::Possible;
    d.findings.iter().position(|(cause, f)| EXPECTED_HEADER.contains(&cause.id()) && possible(f))
}

/// The length of the wait that a timeout's verdict rests on, in units of [`ONE_LENGTH`].
fn wait(c: &Connection, d: &Diagnosis) -> Option<i64> {
    if c.clock_step.is_some() {
        return None;
    }
    d.verdict.cause.filter(|c| TIMEOUTS.contains(&c.id()))?;
    let (_, finding) = d.findings.first()?;
    let (first, last) = (finding.evidence.first()?, finding.evidence.last()?);
    Some((last.frame.since(first.frame).0 + ONE_LENGTH.0 / 2) / ONE_LENGTH.0)
}
