//! Attempts at one viewer's request: CloudFront repeats what it may, and who saw no error should not be counted as one
//! who did.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::{Equivalent, HashMap};

use crate::base::{Endpoint, FrameRef};
use crate::diagnosis::{Cause, Diagnosis, Outcome};
use crate::observation::{Connection, Role};

/// Failed requests told apart; the attempts at further ones are not joined.
const MAX_REQUESTS: usize = 10_000;

/// Answers that are remembered for requests of which no attempt is known to have failed. Connections are told in nearly the
/// order in which they ended; some that failed are waited for longer than their successors.
const MAX_ANSWERS: usize = 16_384;

/// Statuses from here on are an error that the origin tells: an attempt that got one has failed, too.
const ERROR: u16 = 500;

/// What became of requests that failed, as far as X-Amz-Cf-Id tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// Requests of which an attempt failed.
    pub failed: u64,
    /// Those of them that were tried again.
    pub tried_again: u64,
    /// Those of which a later attempt was answered: their viewers saw no error.
    pub answered: u64,
}

impl Retried {
    /// What that means; `None` where nothing was tried again.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let Retried { failed, tried_again, answered } = *self;
        let (of, was) = match (failed, tried_again) {
            (_, 0) => return None,
            (1, _) => ("1 failed request".to_owned(), "was"),
            (_, 1) => (format!("1 of {failed} failed requests"), "was"),
            _ => (format!("{tried_again} of {failed} failed requests"), "were"),
        };
        let then = match (answered, tried_again) {
            (0, _) => "and failed again".to_owned(),
            (1, 1) => "and answered then: its viewer saw no error".to_owned(),
            (n, all) if n == all => "and all of them were answered then: their viewers saw no error".to_owned(),
            (n, _) => format!("and {n} of them answered then: their viewers saw no error"),
        };
        Some(format!("{of} that X-Amz-Cf-Id tells apart {was} tried again, {then}."))
    }
}

/// The attempts at one request.
#[derive(Debug)]
struct Attempts {
    failed: u64,
    /// Where the first attempt that failed began, and what it failed of.
    began: FrameRef,
    cause: Option<Repeat>,
    /// Where the first and the last attempt that failed ended.
    first_ended: FrameRef,
    ended: FrameRef,
    answered: bool,
}

/// Whether a connection is the edge's, and its cause.
type Repeat = (bool, &'static str);

/// What one end asks of another: the attempts behind a proxy are its own.
type Key = (Role, Endpoint, Box<str>);

/// The same of a connection at hand.
#[derive(Hash)]
struct Asked<'c>(Role, Endpoint, &'c str);

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, (role, server, id): &Key) -> bool {
        (self.0, self.1, self.2) == (*role, *server, id)
    }
}

/// The failed requests so far. Its size is bounded by [`MAX_REQUESTS`] and [`MAX_ANSWERS`].
#[derive(Debug, Default)]
pub(super) struct Retries {
    requests: HashMap<Key, Attempts, RandomState>,
    /// The last answers: hash and position of the request, in the place of that hash. Empty until there is one.
    answers: Box<[(u64, u64)]>,
    /// Connections that were a further attempt at a request.
    repeats: BTreeMap<Repeat, u64>,
}

/// The same in every run: which answers are forgotten must not depend on it.
fn place_of(asked: &Asked<'_>) -> u64 {
    FixedState::default().hash_one(asked)
}

impl Retries {
    /// Notes one connection.
    pub(super) fn note(&mut self, c: &Connection, d: &Diagnosis) {
        self.note_answers(c);
        let failed = d.verdict.outcome == Outcome::Failed;
        let Some(id) = failed.then(|| c.failing_request_id()).flatten() else { return };
        let request = c.exchanges().filter_map(|e| e.request).find(|request| request.cf_id == Some(id));
        let began = request.map_or(c.first, |request| request.frame);
        let ended = c.closer().map_or(c.last, |end| end.frame);
        let cause = d.verdict.cause.map(|cause| (c.role == Role::Edge, cause.id()));
        let asked = Asked(c.role, c.server, id);
        let answered = self.last_answer(&asked).is_some_and(|order| order > ended.order());
        let Some(attempts) = self.requests.get_mut(&asked) else {
            if self.requests.len() < MAX_REQUESTS {
                let attempts = Attempts { failed: 1, began, cause, first_ended: ended, ended, answered };
                self.requests.insert((c.role, c.server, id.into()), attempts);
            }
            return;
        };
        let mut repeat = None;
        if began > attempts.ended {
            (attempts.failed, repeat) = (attempts.failed + 1, cause);
        } else if ended < attempts.began {
            // It was the first one, and what was taken for that came after it.
            (attempts.failed, repeat) = (attempts.failed + 1, attempts.cause);
            (attempts.began, attempts.cause) = (began, cause);
        }
        attempts.first_ended = attempts.first_ended.min(ended);
        attempts.ended = attempts.ended.max(ended);
        attempts.answered |= answered;
        if let Some(repeat) = repeat {
            *self.repeats.entry(repeat).or_default() += 1;
        }
    }

    fn note_answers(&mut self, c: &Connection) {
        for exchange in c.exchanges() {
            let (Some(request), Some(response)) = (exchange.request, exchange.response) else { continue };
            let Some(id) = request.cf_id.filter(|_| response.complete && (200..ERROR).contains(&response.status))
            else {
                continue;
            };
            let asked = Asked(c.role, c.server, id);
            match self.requests.get_mut(&asked) {
                Some(attempts) if request.frame > attempts.first_ended => attempts.answered = true,
                _ => self.remember(&asked, request.frame),
            }
        }
    }

    fn remember(&mut self, asked: &Asked<'_>, request: FrameRef) {
        if self.answers.is_empty() {
            self.answers = vec![(0, 0); MAX_ANSWERS].into();
        }
        let hash = place_of(asked);
        if let Some(place) = self.answers.get_mut(hash as usize % MAX_ANSWERS) {
            *place = (hash, request.order());
        }
    }

    /// The position of the last such request that was answered, as far as that is remembered.
    fn last_answer(&self, asked: &Asked<'_>) -> Option<u64> {
        let hash = place_of(asked);
        let &(known, order) = self.answers.get(hash as usize % MAX_ANSWERS)?;
        (known == hash).then_some(order)
    }

    /// How many connections with this cause were a further attempt at a request.
    pub(super) fn repeats(&self, cause: &Cause, edge_only: bool) -> u64 {
        let of = |edge| self.repeats.get(&(edge, cause.id())).copied().unwrap_or_default();
        of(true) + if edge_only { 0 } else { of(false) }
    }

    /// In numbers.
    pub(super) fn told(&self) -> Retried {
        let count = |is: fn(&Attempts) -> bool| self.requests.values().filter(|&attempts| is(attempts)).count() as u64;
        Retried {
            failed: self.requests.len() as u64,
            tried_again: count(|attempts| attempts.failed > 1 || attempts.answered),
            answered: count(|attempts| attempts.answered),
        }
    }
}
