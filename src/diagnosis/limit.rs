//! What the capture's limits keep a verdict from saying.

use crate::observation::{Connection, Ended};

use super::finding::push_exact;
use super::{Cause, Confidence, Effect, Finding, Text};

/// A limit of the capture that applies to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The cause or the problem of the capture that says more of it.
    pub limit: &'static str,
    /// What cannot be told because of it.
    pub blocks: Text,
}

/// What a finding of a cause rests on, beside the bytes that it cites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestsOn {
    /// Nothing: packets say it, whatever else the capture may lack.
    Bytes,
    /// How long something took. What cannot be told without: "how long the edge waited".
    Duration(&'static str),
    /// A wait in which a packet did not come, so that packets that were lost count, too. What cannot be told without:
    /// "whether the host answered".
    Silence(&'static str),
}

impl RestsOn {
    /// What a clock that cannot be trusted leaves open.
    const fn time(self) -> Option<&'static str> {
        match self {
            RestsOn::Bytes => None,
            RestsOn::Duration(what) | RestsOn::Silence(what) => Some(what),
        }
    }

    /// What packets that are missing leave open.
    pub(super) const fn silence(self) -> Option<&'static str> {
        match self {
            RestsOn::Silence(what) => Some(what),
            RestsOn::Bytes | RestsOn::Duration(_) => None,
        }
    }
}

/// Takes back what a finding says by a clock that was set meanwhile: no duration across that proves a failure.
pub(super) fn doubt_clock(c: &Connection, cause: &Cause, finding: &mut Finding) {
    let (Some(step), Some(what)) = (c.clock_step, cause.rests_on.time()) else { return };
    finding.confidence = Confidence::Possible;
    if finding.effect.unwrap_or(cause.effect) == Effect::Failed {
        finding.effect = Some(Effect::Inconclusive);
    }
    finding.message.to_mut().push_str(&format!(
        " But between its packets the clock of the capture jumps (frame {}), so that {what} cannot be told.",
        step.named()
    ));
}

/// The limits that apply to a connection: those that findings speak of, then the others.
pub(super) fn limits(c: &Connection, findings: &[(&'static Cause, Finding)]) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut apply = |limit, blocks| push_exact(&mut limits, Limit { limit, blocks });
    for (cause, finding) in findings {
        if let Some(blocks) = &finding.blocks {
            apply(cause.id(), blocks.clone());
        }
    }
    if let Some(step) = c.clock_step
        && let Some(what) = findings.iter().find_map(|(cause, _)| cause.rests_on.time())
    {
        apply("clock-stepped", format!("{what} (the clock jumps in frame {})", step.named()).into());
    }
    if c.tcp.end.closer_in_doubt && c.tcp.end.closer.is_some() && !c.is_one_sided() {
        apply("order-in-doubt", "which end closed the connection first".into());
    }
    if c.ended == Ended::Evicted {
        apply("connections-evicted", "how it went on".into());
    }
    if c.tcp.odd.reassembly_limit_reached {
        apply("reassembly-limited", "what lay in holes that were given up early".into());
    }
    limits
}
