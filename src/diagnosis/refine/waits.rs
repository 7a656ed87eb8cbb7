//! Waits of one length: one may be a coincidence, several are a timer's (ruling 4).

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::Micros;
use crate::diagnosis::{Diagnosis, Finding};
use crate::observation::Connection;

/// Waits of different lengths that are told apart, for one server each.
const MAX_WAITS: usize = 10_000;
/// Waits that differ by less than this have one length.
const ONE_LENGTH: Micros = Micros::from_millis(100);
/// So many waits of one length are no coincidence.
const RECURS: u32 = 3;

/// How often a wait of one length, in units of [`ONE_LENGTH`], ended with the edge's giving up on this server.
#[derive(Debug, Default)]
pub(super) struct Waits(BTreeMap<(IpAddr, i64), u32>);

impl Waits {
    /// Remembers the wait that a verdict rests on.
    pub(super) fn note(&mut self, c: &Connection, d: &Diagnosis) {
        let verdict = d.findings.first().filter(|_| d.verdict.cause.is_some());
        if let Some(length) = verdict.and_then(|(_, finding)| length(c, finding))
            && (self.0.len() < MAX_WAITS || self.0.contains_key(&(c.server.ip, length)))
        {
            *self.0.entry((c.server.ip, length)).or_default() += 1;
        }
    }

    /// How many waits had the length of this one, where they are enough.
    pub(super) fn recurring(&self, c: &Connection, finding: &Finding) -> Option<String> {
        let length = length(c, finding)?;
        let of = |length| self.0.get(&(c.server.ip, length)).copied().unwrap_or_default();
        let recurring = of(length - 1) + of(length) + of(length + 1);
        (recurring >= RECURS)
            .then(|| format!("{recurring} waits of this length end this way in the capture: a timer's work"))
    }
}

/// The length of the wait that a finding tells of, in units of [`ONE_LENGTH`], where the clock can be trusted.
fn length(c: &Connection, finding: &Finding) -> Option<i64> {
    let waited = finding.waited.filter(|_| c.clock_step.is_none())?;
    Some((waited.0 + ONE_LENGTH.0 / 2) / ONE_LENGTH.0)
}
