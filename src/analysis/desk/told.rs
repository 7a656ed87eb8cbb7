//! Which findings were told of connections that are open, so that none is told twice.

use std::collections::{BTreeSet, HashMap};

use crate::diagnosis::{Cause, Confidence, Diagnosis, Effect, Finding};

/// Open connections of which it is remembered what was told: as many as are followed at once, unless somebody wants more.
#[cfg(feature = "pcap")]
const MAX_TOLD: usize = 131_072;

/// The causes that were told of one connection.
pub(super) type Causes = BTreeSet<&'static str>;

/// What was told, by connection.
#[derive(Debug, Default)]
pub(super) struct Told {
    of: HashMap<u64, Causes>,
}

impl Told {
    /// Whether a cause was not told of this connection before; it is from now on.
    #[cfg(feature = "pcap")]
    pub(super) fn is_new(&mut self, connection: u64, cause: &'static Cause) -> bool {
        let full = self.of.len() >= MAX_TOLD && !self.of.contains_key(&connection);
        full || self.of.entry(connection).or_default().insert(cause.id())
    }

    /// Forgets a connection, and says what was told of it.
    pub(super) fn forget(&mut self, connection: u64) -> Option<Causes> {
        self.of.remove(&connection)
    }
}

/// What is told of a connection that failed: what explains the failure, and what is a failure of its own and not merely
/// possible.
pub(super) fn worth(d: &Diagnosis) -> impl Iterator<Item = (&'static Cause, &Finding)> {
    let explained = d.verdict.cause.is_some();
    let found = d.findings.iter().enumerate().filter(move |(i, (cause, finding))| {
        let failed = finding.effect.unwrap_or(cause.effect) == Effect::Failed;
        *i == 0 && explained || failed && finding.confidence >= Confidence::Likely
    });
    found.map(|(_, (cause, finding))| (*cause, finding))
}
