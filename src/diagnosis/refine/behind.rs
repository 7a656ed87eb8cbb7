//! What failed behind an exchange: where the origin itself answers 50x, and one of its own connections failed while the
//! exchange was open, there lies the real cause (contract, ruling 21).

use std::collections::BTreeMap;

use crate::base::{Endpoint, FrameRef, Micros};
use crate::observation::{Asked, Connection, Exchanged, Role};

use crate::diagnosis::{Cause, Confidence, Diagnosis, Evidence, Finding, Outcome};

use super::SecondLook;

/// Failed connections of the host's own that are remembered.
const MAX_FAILURES: usize = 10_000;
/// Of these, as many are looked at for one exchange, before its response and after.
const MAX_LOOKED: usize = 256;
/// As many are named in one finding: a proxy tries a few upstreams, not dozens.
const MAX_NAMED: usize = 4;
/// A proxy may answer first and then close what it gave up.
const AFTERWARDS: Micros = Micros::from_millis(100);

/// What the exchange and the connection behind it have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// The request: its X-Amz-Cf-Id, or its method and target.
    Request,
    /// Nothing but the time.
    Time,
}

impl Tie {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Tie::Request => "request",
            Tie::Time => "time",
        }
    }
}

/// A connection of the host's own that failed while an exchange was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// Its `id`.
    pub connection: u64,
    /// The upstream.
    pub server: Endpoint,
    /// Its verdict.
    pub cause: &'static Cause,
    /// How sure that is.
    pub confidence: Confidence,
    /// What happened there.
    pub message: String,
    /// The packets of that connection that prove it.
    pub evidence: Vec<Evidence>,
    /// Why it belongs to the exchange.
    pub tie: Tie,
}

impl Inner {
    /// Who did what, with the cause and the packet: `10.0.0.9:80 reset the connection (…, frame 17)`.
    #[must_use]
    pub fn in_short(&self) -> String {
        let frame = self.evidence.last().map(|e| format!(", frame {}", e.frame.named())).unwrap_or_default();
        format!("{} {} ({}{frame})", self.server, self.cause.deed(), self.cause.id())
    }
}

/// One that failed, and what it has to be compared with.
#[derive(Debug)]
struct Failure {
    inner: Inner,
    /// When the host began to ask.
    from: FrameRef,
    asked: Option<Known>,
}

/// A request, as far as it can be known again behind a proxy.
#[derive(Debug)]
struct Known {
    cf_id: Option<String>,
    method: String,
    target: String,
}

/// The host's own connections that failed, by the packet with which they did.
#[derive(Debug, Default)]
pub(super) struct Failures {
    known: BTreeMap<(u64, u64), Failure>,
    not_kept: u64,
}

impl Failures {
    /// Remembers a connection, if it is one of them.
    pub(super) fn note(&mut self, c: &Connection, d: &Diagnosis) {
        if c.role != Role::Inner || d.verdict.outcome != Outcome::Failed {
            return;
        }
        let Some((cause, finding)) = d.findings.first() else { return };
        if self.known.len() >= MAX_FAILURES {
            self.not_kept += 1;
            return;
        }
        let request = exchange(c, finding).and_then(|e| e.request);
        let first = finding.evidence.first().map_or(finding.at, |e| e.frame);
        let end = finding.evidence.last().map_or(finding.at, |e| e.frame);
        let inner = Inner {
            connection: c.id,
            server: c.server,
            cause,
            confidence: finding.confidence,
            message: as_proxy(&finding.message),
            evidence: finding
                .evidence
                .iter()
                .map(|e| Evidence { note: as_proxy(&e.note).into(), ..e.clone() })
                .collect(),
            tie: Tie::Time,
        };
        let failure = Failure { inner, from: request.map_or(first, |r| r.frame), asked: request.map(Known::of) };
        self.known.insert((end.order(), c.id), failure);
    }

    /// Failures that could not be remembered.
    pub(super) fn not_kept(&self) -> u64 {
        self.not_kept
    }

    /// Names in the findings of a connection what failed behind its exchanges. Says whether there is any.
    pub(super) fn name(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let mut named = false;
        for (cause, finding) in &mut d.findings {
            if cause.second_look == SecondLook::FailedBehind
                && let Some(exchange) = exchange(c, finding)
            {
                finding.inner = self.behind(c, &exchange);
                let told: Vec<_> = finding.inner.iter().map(Inner::in_short).collect();
                if !told.is_empty() {
                    let message = finding.message.trim_end_matches('.');
                    finding.message = format!("{message}; behind it {}.", told.join(", ")).into();
                    named = true;
                }
            }
        }
        named
    }

    /// What failed while the exchange was open: of the same request where that is known, the earliest first.
    fn behind(&self, c: &Connection, exchange: &Exchanged<'_>) -> Vec<Inner> {
        let (Some(request), Some(response)) = (exchange.request, exchange.response) else { return Vec::new() };
        let (asked, answered) = (request.frame, response.frame);
        if answered.order() < asked.order() {
            // Captured the wrong way round, or damaged: nothing lies between.
            return Vec::new();
        }
        let before = self.known.range((asked.order(), 0)..(answered.order(), 0)).rev().take(MAX_LOOKED);
        let after = self.known.range((answered.order(), 0)..).take(MAX_LOOKED);
        let after = after.take_while(|(_, f)| f.end().since(answered) <= AFTERWARDS);
        let mut found: Vec<Inner> = before
            .chain(after)
            .filter(|(_, f)| f.inner.connection != c.id && f.from > asked && f.from < answered)
            .filter_map(|(_, f)| Some(Inner { tie: f.tie(request)?, ..f.inner.clone() }))
            .collect();
        found.sort_by_key(|inner| (inner.tie, inner.evidence.last().map(|e| e.frame.order()), inner.connection));
        // What is tied to this request speaks for it; what only happened meanwhile may belong to another.
        let closest = found.first().map(|inner| inner.tie);
        found.retain(|inner| Some(inner.tie) == closest);
        found.truncate(MAX_NAMED);
        found
    }
}

impl Failure {
    fn end(&self) -> FrameRef {
        self.inner.evidence.last().map_or(self.from, |e| e.frame)
    }

    /// What ties it to a request; `None` where it is known to be of another one.
    fn tie(&self, request: Asked<'_>) -> Option<Tie> {
        let Some(asked) = &self.asked else { return Some(Tie::Time) };
        match (&asked.cf_id, &request.cf_id) {
            (Some(a), Some(b)) => (a == *b).then_some(Tie::Request),
            _ if asked.method == request.method && asked.target == request.target => Some(Tie::Request),
            _ => Some(Tie::Time),
        }
    }
}

impl Known {
    fn of(request: Asked<'_>) -> Known {
        let cf_id = request.cf_id.map(str::to_owned);
        Known { cf_id, method: request.method.to_owned(), target: request.target.to_owned() }
    }
}

/// Causes speak of the edge and the origin; here the edge of the connection is the host's own proxy.
fn as_proxy(text: &str) -> String {
    text.replace("the edge", "the proxy").replace("the origin", "the upstream")
}

fn exchange<'c>(c: &'c Connection, finding: &Finding) -> Option<Exchanged<'c>> {
    c.exchange(finding.exchange?)
}
