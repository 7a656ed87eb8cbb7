//! What became of a connection.

use crate::observation::{Connection, Signs};

use super::delivery::{Delivery, delivery};
use super::finding::push_exact;
use super::limit::{doubt_clock, limits};
use super::rank::rank;
use super::{Catalogue, Cause, Confidence, Edge, Effect, Finding, Limit, Stage, Text};

/// What became of a connection, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The edge got what it asked for, or did not ask.
    Ok,
    /// The edge could not get a usable response.
    Failed,
    /// The capture cannot tell.
    Inconclusive,
}

impl Outcome {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::Inconclusive => "inconclusive",
        }
    }
}

/// The one finding that explains a connection, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In one word.
    pub outcome: Outcome,
    /// The cause, where one is named.
    pub cause: Option<&'static Cause>,
    /// How much the bytes prove.
    pub confidence: Option<Confidence>,
    /// What the viewer and the access log most probably saw.
    pub edge: Edge,
    /// In a sentence, where it is not the finding's message that says it.
    pub reason: Option<Text>,
    /// Limits of the capture that apply to the connection, and what each keeps from being said.
    pub limits: Vec<Limit>,
}

impl Verdict {
    /// The stage at which it failed.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.cause.map(Cause::stage)
    }
}

/// A verdict with everything that was found, what explains it first.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// What became of the connection.
    pub verdict: Verdict,
    /// The cause named by the verdict first, then the others by rank.
    pub findings: Vec<(&'static Cause, Finding)>,
}

/// Judges one finished connection by a catalogue.
#[must_use]
pub fn diagnose(connection: &Connection, catalogue: &Catalogue) -> Diagnosis {
    let signs = Signs::of(connection);
    debug_assert_eq!(found_in_vain(connection, catalogue, signs), None, "connection {}, {signs:?}", connection.id);
    let mut findings = Vec::new();
    for cause in catalogue.called_for(signs) {
        let Some(finding) = (cause.detect)(connection) else { continue };
        push_exact(&mut findings, (cause, finding));
    }
    for (cause, finding) in &mut findings {
        doubt_clock(connection, cause, finding);
    }
    rank(&mut findings);
    let limits = limits(connection, &findings);
    let verdict = Verdict { limits, ..judge(connection, signs, &mut findings) };
    Diagnosis { verdict, findings }
}

/// A cause that would be found although no sign calls for it: there is none.
fn found_in_vain(connection: &Connection, catalogue: &Catalogue, signs: Signs) -> Option<&'static Cause> {
    let mut spared = catalogue.iter().copied().filter(|cause| !signs.show_any(cause.needs));
    spared.find(|cause| (cause.detect)(connection).is_some())
}

fn judge(connection: &Connection, signs: Signs, findings: &mut [(&'static Cause, Finding)]) -> Verdict {
    if let Some(i) = first_with(findings, Effect::Failed) {
        return by_finding(Outcome::Failed, findings, i);
    }
    let open = match delivery(connection, signs) {
        Delivery::Complete => None,
        Delivery::Unexplained(reason) => Some(reason),
    };
    match (first_with(findings, Effect::Inconclusive), open) {
        (Some(i), Some(_)) => by_finding(Outcome::Inconclusive, findings, i),
        (None, Some(reason)) => Verdict { reason: Some(reason), ..without_cause(Outcome::Inconclusive) },
        (_, None) => without_cause(Outcome::Ok),
    }
}

const fn without_cause(outcome: Outcome) -> Verdict {
    Verdict { outcome, cause: None, confidence: None, edge: Edge::UNKNOWN, reason: None, limits: Vec::new() }
}

fn first_with(findings: &[(&'static Cause, Finding)], effect: Effect) -> Option<usize> {
    findings.iter().position(|(cause, f)| f.effect.unwrap_or(cause.effect) == effect)
}

/// Makes the `i`th finding the verdict, and moves it to the front.
fn by_finding(outcome: Outcome, findings: &mut [(&'static Cause, Finding)], i: usize) -> Verdict {
    if let Some(upto) = findings.get_mut(..=i) {
        upto.rotate_right(1);
    }
    let first = findings.first();
    Verdict {
        cause: first.map(|(cause, _)| *cause),
        confidence: first.map(|(_, f)| f.confidence),
        edge: first.map(|(cause, f)| f.edge.unwrap_or(cause.edge)).unwrap_or_default(),
        ..without_cause(outcome)
    }
}
