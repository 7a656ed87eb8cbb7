//! Responses that were long in coming, by target: where the application waits, and how much of it was the network.

use std::collections::BTreeMap;

use crate::base::{Endpoint, FrameRef, Micros};
use crate::observation::{Asked, Connection, Exchanged};

/// Targets told apart; a host has a handful of slow ones.
const MAX_TARGETS: usize = 256;

/// Characters of a path that are kept.
const MAX_PATH: usize = 120;

/// A response that begins later than this after its request is slow. As long is what the edge's time limits begin with.
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
    /// The longest wait for the first byte.
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
        for exchange in c.exchanges() {
            if let Some((asked, waited, answered)) = slow(c, &exchange) {
                self.note(SlowTarget {
                    server: c.server,
                    target: named(asked.method, asked.target),
                    responses: 1,
                    unanswered: u64::from(!answered),
                    slowest: waited,
                    example: (c.id, asked.frame),
                });
            }
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

/// The request, how long it waited for the first byte of its response, and whether that came, where it was long.
fn slow<'c>(c: &Connection, exchange: &Exchanged<'c>) -> Option<(Asked<'c>, Micros, bool)> {
    let asked = exchange.request.filter(|_| c.clock_step.is_none())?;
    // What comes when the edge has gone is no answer.
    let came = exchange.response.filter(|answer| c.before_end(answer.frame));
    let until = came.map(|answer| answer.frame).or_else(|| Some(c.certain_end()?.frame))?;
    let waited = until.since(asked.frame);
    (waited >= SLOW).then_some((asked, waited, came.is_some()))
}

/// `GET /cart`: a query may hold what is nobody's business, and tells targets apart that are one.
fn named(method: &str, target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let shown: String = path.chars().take(MAX_PATH).collect();
    format!("{method} {shown}")
}
