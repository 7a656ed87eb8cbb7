//! The second step (ruling 23): what only the whole capture can tell.
//!
//! It may raise or lower a confidence, name what failed behind an error that the origin itself told, and see a forwarded
//! Host header in a name that the origin does not have, and nothing else, from tables with a bound. What it may do to a
//! finding is said beside its cause, in [`SecondLook`].

mod behind;
mod holes;
mod learned;
mod look;
mod waits;
mod works;

pub use behind::{Inner, Tie};
pub use holes::Drops;
pub use learned::Learned;
pub use look::{Accepted, SecondLook, Turn};

use crate::observation::Connection;

use super::{Cause, Confidence, Diagnosis, Evidence, Outcome};
use behind::Failures;
use holes::Holes;
use waits::Waits;
use works::Works;

/// What is remembered of all connections.
#[derive(Debug, Default)]
pub struct Ledger {
    works: Works,
    waits: Waits,
    failures: Failures,
    holes: Holes,
}

impl Ledger {
    /// Whether the second step may change this diagnosis, so that it must wait for the end of the capture.
    #[must_use]
    pub fn may_change(d: &Diagnosis) -> bool {
        let verdict = d.verdict.cause;
        // A silence that proves nothing by itself needs no doubt.
        let certain = d.verdict.confidence == Some(Confidence::Certain);
        let may_fall = certain && verdict.is_some_and(|cause| cause.rests_on.silence().is_some());
        let mut ranked = d.findings.iter().enumerate();
        may_fall
            || ranked.any(|(i, (cause, finding))| {
                let is_verdict = i == 0 && verdict.is_some();
                let may_rise = finding.confidence < Confidence::Certain && cause.second_look.may_raise(is_verdict);
                may_rise || cause.second_look.may_change_certain(is_verdict)
            })
    }

    /// Failures of the host's own connections that could not be remembered.
    #[must_use]
    pub fn not_kept(&self) -> u64 {
        self.failures.not_kept()
    }

    /// Remembers what a connection may tell of others.
    pub fn note(&mut self, c: &Connection, d: &Diagnosis) {
        if d.verdict.outcome == Outcome::Ok {
            self.works.note(c);
        }
        self.waits.note(c, d);
        self.failures.note(c, d);
        self.holes.note(c);
    }

    /// Looks at a diagnosis again in the light of the whole capture. Says whether it changed.
    pub fn refine(&self, c: &Connection, d: &mut Diagnosis, drops: &Drops, catalogue: &[&'static Cause]) -> bool {
        let named = self.failures.name(c, d);
        let turned = self.turn(c, d, catalogue);
        let hinted = self.hint(c, d);
        let raised = self.raise(c, d);
        let lowered = self.lower(c, d);
        let doubted = self.holes.doubt_silence(c, d, drops);
        named || turned || hinted || raised || lowered || doubted
    }

    /// Makes of the verdict another one, where a connection with another name tells that it is.
    fn turn(&self, c: &Connection, d: &mut Diagnosis, catalogue: &[&'static Cause]) -> bool {
        let Some((cause, finding)) = d.findings.first_mut().filter(|_| d.verdict.cause.is_some()) else { return false };
        let SecondLook::TurnedByOtherName(turn) = cause.second_look else { return false };
        let other = self.works.other_name(c).filter(|_| self.works.same_name(c).is_none());
        let told = other.and_then(|other| (turn.told)(c, finding, &other));
        let (Some(told), Some(into)) = (told, catalogue.iter().find(|cause| cause.id() == turn.into)) else {
            return false;
        };
        d.verdict.cause = Some(into);
        d.verdict.confidence = Some(told.confidence);
        d.verdict.edge = told.edge.unwrap_or(into.edge);
        d.findings.insert(0, (into, told));
        d.findings.retain(|(cause, _)| !into.supersedes.contains(&cause.id()));
        true
    }

    /// Adds that another name works, where the certificate that was shown for this one cannot be seen.
    fn hint(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let Some((cause, finding)) = d.findings.first_mut().filter(|_| d.verdict.cause.is_some()) else { return false };
        let applies = cause.second_look == SecondLook::SameNameWorks && finding.confidence < Confidence::Certain;
        let other = self.works.other_name(c).filter(|_| applies && self.works.same_name(c).is_none());
        let Some(other) = other else { return false };
        let note = format!(
            "with \"{}\" a connection works (from frame {}): is this name the viewer's, forwarded as Host?",
            other.name,
            other.from.named()
        );
        finding.evidence.push(Evidence { frame: finding.at, note: note.into() });
        true
    }

    /// Raises what other connections make likely.
    fn raise(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let mut raised = false;
        for (i, (cause, finding)) in d.findings.iter_mut().enumerate() {
            let is_verdict = i == 0 && d.verdict.cause.is_some();
            if finding.confidence >= Confidence::Likely || !cause.second_look.may_raise(is_verdict) {
                continue;
            }
            let told = match cause.second_look {
                SecondLook::RecurringWait => self.waits.recurring(c, finding),
                look => self.works.elsewhere(c, look),
            };
            let Some(note) = told else { continue };
            finding.confidence = Confidence::Likely;
            finding.evidence.push(Evidence { frame: finding.at, note: note.into() });
            if is_verdict {
                d.verdict.confidence = Some(Confidence::Likely);
            }
            raised = true;
        }
        raised
    }

    /// Lowers the verdict where other connections speak against it.
    fn lower(&self, c: &Connection, d: &mut Diagnosis) -> bool {
        let Some((cause, finding)) = d.findings.first_mut().filter(|_| d.verdict.cause.is_some()) else { return false };
        let may_fall = finding.confidence < Confidence::Certain || cause.second_look.may_change_certain(true);
        let told = self.works.in_spite_of(c, cause.second_look).filter(|_| may_fall);
        let Some(note) = told else { return false };
        finding.confidence = Confidence::Possible;
        finding.evidence.push(Evidence { frame: finding.at, note: note.into() });
        d.verdict.confidence = Some(Confidence::Possible);
        true
    }
}
