//! Attempts at one viewer's request: CloudFront repeats what it may, and who saw no error should not be counted as one
//! who did.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};

use crate::base::{Endpoint, FrameRef};
use crate::diagnosis::{Cause, Diagnosis, Outcome};
use crate::observation::{Connection, Role};

/// Failed requests told apart; the attempts at further ones are not joined.
const MAX_REQUESTS: usize = 10_000;

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
    /// Where the last attempt that failed ended.
    ended: FrameRef,
    answered: bool,
}

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

/// The failed requests so far. Its size is bounded by [`MAX_REQUESTS`].
#[derive(Debug, Default)]
pub(super) struct Retries {
    requests: HashMap<Key, Attempts, RandomState>,
    /// Connections that were a further attempt at a request, by whether they are the edge's, and by cause.
    repeats: BTreeMap<(bool, &'static str), u64>,
}

impl Retries {
    /// Notes one connection; they must come in the order in which they ended, for a later attempt begins after that.
    pub(super) fn note(&mut self, c: &Connection, d: &Diagnosis) {
        if !self.requests.is_empty() {
            self.note_answers(c);
        }
        let failed = d.verdict.outcome == Outcome::Failed;
        let Some(id) = failed.then(|| c.failing_request_id()).flatten() else { return };
        let asked = c.exchanges().filter_map(|e| e.request).find(|request| request.cf_id == Some(id));
        let began = asked.map_or(c.first, |request| request.frame);
        let ended = c.closer().map_or(c.last, |end| end.frame);
        if let Some(attempts) = self.requests.get_mut(&Asked(c.role, c.server, id)) {
            let again = began > attempts.ended;
            attempts.failed += u64::from(again);
            attempts.ended = attempts.ended.max(ended);
            if let (true, Some(cause)) = (again, d.verdict.cause) {
                *self.repeats.entry((c.role == Role::Edge, cause.id())).or_default() += 1;
            }
        } else if self.requests.len() < MAX_REQUESTS {
            self.requests.insert((c.role, c.server, id.into()), Attempts { failed: 1, ended, answered: false });
        }
    }

    fn note_answers(&mut self, c: &Connection) {
        for exchange in c.exchanges() {
            let (Some(request), Some(response)) = (exchange.request, exchange.response) else { continue };
            let asked = request.cf_id.map(|id| Asked(c.role, c.server, id));
            let Some(attempts) = asked.and_then(|asked| self.requests.get_mut(&asked)) else { continue };
            let good = response.complete && (200..ERROR).contains(&response.status);
            attempts.answered |= good && request.frame > attempts.ended;
        }
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
