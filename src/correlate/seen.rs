//! What the capture shows, in the little that a row of a log can be compared with.

use std::collections::HashMap;

use crate::base::{CaptureIndex, Endpoint, FrameRef, Timestamp};
use crate::diagnosis::{Cause, Confidence, Diagnosis, Outcome};
use crate::observation::http1::{Exchange, Exchanges};
use crate::observation::{Connection, Role};

use super::combined::plain_path;
use super::row::{MAX_TARGET, keep};

/// Exchanges in order that are remembered.
const MAX_FINE: usize = 200_000;

/// Exchanges and connections that are not, remembered.
const MAX_FAILED: usize = 100_000;

/// What it is that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request, with its response or without.
    Exchange,
    /// A connection that ended before any request.
    Attempt,
    /// A connection whose requests are hidden in TLS, or cannot be read.
    Hidden,
    /// A connection with more requests than are kept of one: those in between were answered without a fault.
    Unlisted,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub outcome: Outcome,
    /// The cause, where one is named.
    pub cause: Option<&'static Cause>,
    /// How sure that is.
    pub confidence: Option<Confidence>,
}

/// An exchange, or a connection that failed before one.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// The connection.
    pub connection: u64,
    /// The exchange within it.
    pub exchange: Option<u64>,
    /// The capture and the first and last frame.
    pub capture: CaptureIndex,
    /// See `capture`.
    pub frames: (u64, u64),
    /// When it began.
    pub start: Timestamp,
    /// When it was over.
    pub end: Timestamp,
    /// The edge's end.
    pub client: Endpoint,
    /// This host's end.
    pub server: Endpoint,
    /// Whose connection it is.
    pub role: Role,
    /// `X-Amz-Cf-Id`.
    pub id: Option<Box<str>>,
    /// The method.
    pub method: Box<str>,
    /// The target as sent, the first `MAX_TARGET` bytes.
    pub target: Box<str>,
    /// The status of the response; 0 where there is none.
    pub status: u16,
    /// What became of it.
    pub verdict: Verdict,
    /// The path without any encoding, as a number.
    pub(super) path: u64,
}

impl Seen {
    /// Whether the edge could not have been content with it: it failed, or the origin answered 5xx.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.verdict.outcome == Outcome::Failed || self.status >= 500
    }

    /// Whether it is known to be in order.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.kind == Kind::Exchange && self.verdict.outcome == Outcome::Ok && (100..500).contains(&self.status)
    }
}

/// A path as a number, so that rows and requests are compared at once.
pub(super) fn path_number(target: &str) -> u64 {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(plain_path(target))
}

/// What the capture showed, kept while connections pass.
#[derive(Debug, Default)]
pub struct Watched {
    pub(super) seen: Vec<Seen>,
    fine: usize,
    /// What there was no room for.
    pub(super) not_kept: u64,
}

impl Watched {
    /// Notes a connection whose verdict stands.
    pub fn note(&mut self, c: &Connection, d: &Diagnosis) {
        if matches!(c.role, Role::Inner | Role::HealthCheck) {
            return;
        }
        let Some(http) = c.http.as_ref().filter(|http| !http.exchanges.is_empty()) else {
            self.note_without_http(c, d);
            return;
        };
        for exchange in &http.exchanges {
            self.keep(of_exchange(c, d, exchange));
        }
        if http.total > http.exchanges.len() as u64 {
            let (start, end) = unlisted(c, &http.exchanges);
            self.keep(Seen { start, end, ..of_connection(c, Kind::Unlisted, verdict(d, Outcome::Ok)) });
        }
    }

    fn note_without_http(&mut self, c: &Connection, d: &Diagnosis) {
        let silent = c.tcp.streams.payload_bytes.client == 0 && d.verdict.outcome == Outcome::Ok;
        if silent {
            // A check, or a connection opened in advance: no request was on it.
            return;
        }
        // Where the handshake went through, requests may have passed that cannot be seen.
        let carried = c.tls.as_ref().is_some_and(|tls| {
            tls.encrypted.client.first_application.is_some() || tls.tls13.client_application.is_some()
        });
        let unread = c.tls.is_none() && c.tcp.streams.payload_bytes.client > 0 && d.verdict.outcome != Outcome::Failed;
        // Requests over HTTP/2 are not compared with rows one by one.
        let kind = if carried || unread || c.http2.is_some() { Kind::Hidden } else { Kind::Attempt };
        self.keep(of_connection(c, kind, verdict(d, d.verdict.outcome)));
    }

    fn keep(&mut self, seen: Seen) {
        let fine = seen.is_fine();
        let room = if fine { self.fine < MAX_FINE } else { self.seen.len() - self.fine < MAX_FAILED };
        if room {
            self.fine += usize::from(fine);
            self.seen.push(seen);
        } else {
            self.not_kept += 1;
        }
    }

    /// In the order of time.
    pub(super) fn sort(&mut self) {
        self.seen.sort_by_key(|seen| (seen.start, seen.connection, seen.exchange));
    }

    /// By `X-Amz-Cf-Id`, with room for how many were left out.
    pub(super) fn by_id(&self) -> HashMap<&str, (Vec<usize>, usize)> {
        let mut found: HashMap<&str, (Vec<usize>, usize)> = HashMap::new();
        for (i, seen) in self.seen.iter().enumerate() {
            if let Some(id) = &seen.id {
                found.entry(id).or_default().0.push(i);
            }
        }
        found
    }
}

/// From the first to the last gap in the list of exchanges.
fn unlisted(c: &Connection, exchanges: &Exchanges) -> (Timestamp, Timestamp) {
    let begin = |e: &Exchange| e.request.as_ref().map_or(c.first.time, |r| r.frame.time);
    let pairs = || exchanges.iter().zip(exchanges.iter().skip(1)).filter(|(one, next)| one.index + 1 < next.index);
    let start = pairs().next().map_or(c.first.time, |(one, _)| begin(one));
    (start, pairs().next_back().map_or(c.last.time, |(_, next)| begin(next)))
}

fn verdict(d: &Diagnosis, outcome: Outcome) -> Verdict {
    let named = outcome == d.verdict.outcome;
    Verdict { outcome, cause: d.verdict.cause.filter(|_| named), confidence: d.verdict.confidence.filter(|_| named) }
}

fn of_connection(c: &Connection, kind: Kind, verdict: Verdict) -> Seen {
    Seen {
        kind,
        connection: c.id,
        exchange: None,
        capture: c.first.capture(),
        frames: (c.first.frame, c.last.frame),
        start: c.first.time,
        end: c.last.time,
        client: c.client,
        server: c.server,
        role: c.role,
        id: None,
        method: Box::default(),
        target: Box::default(),
        status: 0,
        verdict,
        path: 0,
    }
}

fn of_exchange(c: &Connection, d: &Diagnosis, exchange: &Exchange) -> Seen {
    let request = exchange.request.as_ref();
    let response = exchange.response.as_ref();
    let first = request.map(|r| r.frame).or(response.map(|r| r.frame)).unwrap_or(c.first);
    let last = last_of(c, exchange, first);
    let outcome = if concerns(c, d, exchange) { d.verdict.outcome } else { Outcome::Ok };
    let target = request.map(|r| &*r.target).unwrap_or_default();
    Seen {
        exchange: Some(exchange.index),
        frames: (first.frame, last.frame),
        capture: first.capture(),
        start: first.time,
        end: last.time,
        id: request.and_then(|r| r.cf_id.as_deref()).map(Into::into),
        method: request.map(|r| r.method()).unwrap_or_default().into(),
        target: keep(target, MAX_TARGET),
        status: response.map_or(0, |r| r.status),
        path: path_number(target),
        ..of_connection(c, Kind::Exchange, verdict(d, outcome))
    }
}

/// The last packet of an exchange: where it has no whole response, the end of the connection.
fn last_of(c: &Connection, exchange: &Exchange, first: FrameRef) -> FrameRef {
    match &exchange.response {
        Some(response) if response.complete => response.last_frame,
        _ => c.closer().map_or(c.last, |closer| closer.frame).max(first),
    }
}

/// Whether the verdict of a connection is about this exchange.
fn concerns(c: &Connection, d: &Diagnosis, exchange: &Exchange) -> bool {
    if d.verdict.outcome == Outcome::Ok {
        return true;
    }
    let named = d.verdict.cause.and(d.findings.first()).and_then(|(_, finding)| finding.exchange);
    let in_order = exchange.is_complete() && exchange.response.as_ref().is_some_and(|r| (100..500).contains(&r.status));
    let only = c.http.as_ref().is_some_and(|http| http.total == 1);
    match named {
        Some(index) => index == exchange.index,
        None => only || !in_order,
    }
}
