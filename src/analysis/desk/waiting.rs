//! A desk that does not wait for the end of the input: interfaces are watched for days.

use crate::base::Timestamp;
use crate::causes::CATALOGUE;
use crate::diagnosis::refine::Drops;
use crate::diagnosis::{Confidence, Outcome, diagnose};
use crate::observation::Connection;

use super::super::Failure;
use super::{Desk, Listener, told};

/// Connections held for the second step while the input goes on: those of a minute at 170 failures in a second.
const MAX_WAITING: usize = 10_000;

impl Desk<'_> {
    /// Looks at a connection that is open, and tells of it if it has failed already. What is only possible may yet be
    /// taken back by what comes, and waits for the end.
    pub(in super::super) fn look(
        &mut self,
        connection: &Connection,
        listener: &mut dyn Listener,
    ) -> Result<(), Failure> {
        if self.selection.as_ref().is_some_and(|selection| !selection.has(connection)) {
            return Ok(());
        }
        let mut diagnosis = diagnose(connection, &CATALOGUE);
        if diagnosis.verdict.outcome != Outcome::Failed || !self.wants(&diagnosis) {
            return Ok(());
        }
        self.ledger.refine(connection, &mut diagnosis, &self.drops, &CATALOGUE);
        let verdict = &diagnosis.verdict;
        if verdict.outcome != Outcome::Failed || verdict.confidence.is_none_or(|c| c < Confidence::Likely) {
            return Ok(());
        }
        listener.failing(connection, &diagnosis);
        for (cause, finding) in told::worth(&diagnosis) {
            if self.told.is_new(connection.id, cause) {
                listener.found(connection, (cause, finding));
                if self.renderer.wants_first_verdicts() {
                    self.renderer.found(connection, (cause, finding))?;
                }
            }
        }
        Ok(())
    }

    /// What was lost so far.
    pub(in super::super) fn know_drops(&mut self, drops: Drops) {
        self.drops = drops;
    }

    /// Takes the second step for those that were put away before this time, and for the earliest of more than are held
    /// while the input goes on.
    pub(in super::super) fn settle(&mut self, before: Timestamp) -> Result<(), Failure> {
        let drops = std::mem::take(&mut self.drops);
        while self.held.len() > MAX_WAITING || self.held.front().is_some_and(|(c, _)| c.watched_until < before) {
            let Some((connection, diagnosis)) = self.held.pop_front() else { break };
            self.held_exchanges = self.held_exchanges.saturating_sub(connection.exchanges().count());
            self.second(&connection, diagnosis, &drops)?;
        }
        self.drops = drops;
        Ok(())
    }
}
