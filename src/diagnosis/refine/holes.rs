//! What a capture lacks: a silence proves nothing where packets are missing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use foldhash::HashSet;

use crate::base::{CaptureIndex, Side};
use crate::diagnosis::{Confidence, Diagnosis, Limit};
use crate::observation::Connection;

/// Packets that are known to be missing, by capture: as the captures themselves say it.
pub type Drops = BTreeMap<CaptureIndex, u64>;

/// Servers that are remembered.
const MAX_SERVERS: usize = 10_000;

/// What the connections of each capture show of its holes.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// Bytes that the numbers of other packets cover and that no packet carries, by capture.
    not_captured: BTreeMap<CaptureIndex, u64>,
    /// Servers of which some packet was captured.
    heard: HashSet<IpAddr>,
}

impl Holes {
    /// Remembers what a connection shows of its capture.
    pub(super) fn note(&mut self, c: &Connection) {
        if c.tcp.heard(Side::Server) && self.heard.len() < MAX_SERVERS {
            self.heard.insert(c.server.ip);
        }
        // What is not captured of a side that was not captured at all was not lost, but left out.
        let not_captured = c.tcp.odd.not_captured.client + c.tcp.odd.not_captured.server;
        if not_captured > 0 && !c.is_one_sided() {
            *self.not_captured.entry(c.first.capture()).or_default() += not_captured;
        }
    }

    /// Says what keeps a silence from being proved, and lowers a verdict that rests on it. Says whether anything does.
    pub(super) fn doubt_silence(&self, c: &Connection, d: &mut Diagnosis, drops: &Drops) -> bool {
        let Some(what) = d.verdict.cause.and_then(|cause| cause.rests_on.silence()) else { return false };
        let deaf = !c.tcp.heard(Side::Server) && !self.heard.contains(&c.server.ip);
        let deaf = deaf.then(|| ("capture.one-sided", "no packet that this host sent was captured".to_owned()));
        let missing: Vec<_> = self.lost(c, drops).into_iter().chain(deaf).collect();
        for (limit, why) in &missing {
            d.verdict.limits.push(Limit { limit, blocks: format!("{what} ({why})").into() });
        }
        if let (Some((_, why)), Some((_, finding))) = (missing.first(), d.findings.first_mut())
            && finding.confidence > Confidence::Likely
        {
            finding.confidence = Confidence::Likely;
            d.verdict.confidence = Some(Confidence::Likely);
            finding.message.to_mut().push_str(&format!(" Not certain: {why}."));
        }
        !missing.is_empty()
    }

    /// What the captures in which this connection lies lack.
    fn lost(&self, c: &Connection, drops: &Drops) -> Option<(&'static str, String)> {
        let captures = c.first.capture()..=c.last.capture().max(c.first.capture());
        let sum = |of: &BTreeMap<CaptureIndex, u64>| of.range(captures.clone()).map(|(_, n)| n).sum::<u64>();
        let why = match (sum(drops), sum(&self.not_captured)) {
            (0, 0) => return None,
            (0, bytes) => format!("the capture lacks {bytes} bytes that the numbers of other packets cover"),
            (packets, _) => format!("the capture lost {packets} packets"),
        };
        Some(("frames-dropped", why))
    }
}
