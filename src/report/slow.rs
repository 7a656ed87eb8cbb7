//! Responses that were long in coming, by target: what the application is slow at.

use std::collections::BTreeMap;

use crate::base::{Endpoint, FrameRef, Micros};
use crate::observation::Connection;

/// Targets told apart; a host has a handful of slow ones.
const MAX_TARGETS: usize = 256;

/// Characters of a path that are kept.
const MAX_PATH: usize = 120;

/// A response that begins later than this after the last byte of its request is slow. As long is what the edge's time limits begin with.
const SLOW: Micros = Micros::from_secs(1);

/// A target that was slow.
#[derive(Debug, Clone)]
pub struct SlowTarget {
    /// Who was asked.
    pub server: Endpoint,
    /// Method and path, without the query.
    pub target: String,
    /// Slow responses, and requests that waited as long in vain.
    pub responses: u64,
    /// Of these, those that never came.
    pub unanswered: u64,
    /// The longest wait for the first byte, from the last one of the request.
    pub slowest: Micros,
    /// The connection on which that was, and the packet of its request.
    pub example: (u64, FrameRef),
}

impl SlowTarget {
    /// What that means.
    #[must_use]
    pub fn in_words(&self) -> String {
        let SlowTarget { server, target, slowest, responses, .. } = self;
        let (connection, request) = (self.example.0, self.example.1.frame);
        let place = format!("connection {connection}, from frame {request}");
        let vain = match self.unanswered {
            0 => String::new(),
            n if n == *responses => ", in vain".to_owned(),
            n => format!(", {n} of them in vain"),
        };
        match responses {
            1 => format!("{target} at {server} waited {slowest} for its first byte{vain} ({place})."),
            n => format!(
                "{target} at {server}: {n} waited a second or more for the first byte{vain}, the longest {slowest} ({place})."
            ),
        }
    }
}

/// The slow targets so far. Its size is bounded by [`MAX_TARGETS`].
#[derive(Debug, Default)]
pub(super) struct SlowTargets {
    targets: BTreeMap<(Endpoint, String), SlowTarget>,
    unlisted: u64,
}

impl SlowTargets {
    /// Notes the slow responses of one connection.
    pub(super) fn add(&mut self, c: &Connection) {
        if c.clock_step.is_some() || !c.counts_all() {
            return;
        }
        let mut all_answered = true;
        for exchange in c.exchanges() {
            // What comes when the edge has gone is no answer.
            let answer = exchange.response.filter(|answer| c.before_end(answer.frame));
            all_answered &= answer.is_some();
            let (Some(asked), Some(answer)) = (exchange.request, answer) else { continue };
            let waited = answer.frame.since(asked.last);
            self.add_wait(c, (asked.method, asked.target, asked.frame), waited, true);
        }
        if all_answered {
            return;
        }
        if let Some(owed) = c.unanswered() {
            let request = owed.request;
            self.add_wait(c, (request.method(), &request.target, request.frame), owed.wait(), false);
        }
        for owed in c.owed_streams().filter(|owed| owed.response.is_none()) {
            let request = owed.request;
            self.add_wait(c, (&request.method, &request.path, request.frame), owed.wait(), false);
        }
    }

    fn add_wait(&mut self, c: &Connection, asked: (&str, &str, FrameRef), waited: Micros, answered: bool) {
        let (method, target, frame) = asked;
        if waited >= SLOW {
            self.note(SlowTarget {
                server: c.server,
                target: named(method, target),
                responses: 1,
                unanswered: u64::from(!answered),
                slowest: waited,
                example: (c.id, frame),
            });
        }
    }

    fn note(&mut self, new: SlowTarget) {
        let key = (new.server, new.target.clone());
        if let Some(known) = self.targets.get_mut(&key) {
            known.responses += new.responses;
            known.unanswered += new.unanswered;
            if new.slowest > known.slowest {
                (known.slowest, known.example) = (new.slowest, new.example);
            }
        } else if self.targets.len() < MAX_TARGETS {
            self.targets.insert(key, new);
        } else {
            self.unlisted += new.responses;
        }
    }

    pub(super) fn absorb(&mut self, other: SlowTargets) {
        self.unlisted += other.unlisted;
        other.targets.into_values().for_each(|target| self.note(target));
    }

    /// All that are told of, the slowest first, and the slow responses of others.
    pub(super) fn into_list(self) -> (Vec<SlowTarget>, u64) {
        let mut targets: Vec<_> = self.targets.into_values().collect();
        targets.sort_by_key(|target| std::cmp::Reverse(target.slowest));
        (targets, self.unlisted)
    }
}

/// `GET /cart`: a query may hold what is nobody's business, and tells targets apart that are one.
fn named(method: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let shown: String = path.chars().take(MAX_PATH).collect();
    format!("{method} {shown}")
}
