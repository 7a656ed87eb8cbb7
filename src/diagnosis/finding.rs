//! A cause seen on one connection, with the packets that prove it.

use std::borrow::Cow;
use std::fmt;

use crate::base::{FrameRef, Micros};

use super::{Edge, Effect, Inner};

/// What is said of a connection. Most of it is the same for all of them, and many are held at once.
pub type Text = Cow<'static, str>;

/// How much the captured bytes prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// One of several explanations.
    Possible,
    /// The bytes admit one ordinary explanation.
    Likely,
    /// The bytes prove it.
    Certain,
}

impl Confidence {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One frame, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The packet.
    pub frame: FrameRef,
    /// What it shows. Bytes from the wire are escaped by whoever renders it.
    pub note: Text,
}

/// A cause that might be suspected, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledOut {
    /// Its identifier.
    pub cause: &'static str,
    /// Why not, with a frame.
    pub why: Text,
}

/// What a cause's predicate found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where the edge met the fault: what comes first decides between two findings.
    pub at: FrameRef,
    /// How much the bytes prove.
    pub confidence: Confidence,
    /// What happened, with this connection's own values.
    pub message: Text,
    /// The packets that prove it, in the order in which they tell the story.
    pub evidence: Vec<Evidence>,
    /// What to do, most specific first. Where it is empty the cause's page is all there is to say.
    pub fix: Vec<Text>,
    /// How long the edge waited before it gave up, where that may be a time limit: many waits of one length are one.
    pub waited: Option<Micros>,
    /// What failed behind it: filled in when all of the capture was seen.
    pub inner: Vec<Inner>,
    /// What it is not.
    pub ruled_out: Vec<RuledOut>,
    /// The exchange within the connection.
    pub exchange: Option<u64>,
    /// In place of what the cause says the viewer saw.
    pub edge: Option<Edge>,
    /// In place of what the cause does to the verdict.
    pub effect: Option<Effect>,
    /// What the capture does not let anybody tell, where that is the finding.
    pub blocks: Option<Text>,
}

impl Finding {
    /// A finding met at `at`, with what happened in this connection's own values.
    #[must_use]
    pub fn new(at: FrameRef, confidence: Confidence, message: impl Into<Text>) -> Finding {
        Finding {
            at,
            confidence,
            message: message.into(),
            evidence: Vec::new(),
            fix: Vec::new(),
            waited: None,
            inner: Vec::new(),
            ruled_out: Vec::new(),
            exchange: None,
            edge: None,
            effect: None,
            blocks: None,
        }
    }

    /// Adds a frame and what it shows.
    #[must_use]
    pub fn evidence(mut self, frame: FrameRef, note: impl Into<Text>) -> Finding {
        if self.evidence.is_empty() {
            // Many findings are held, and a list that grows takes room for four.
            self.evidence = Vec::with_capacity(2);
        }
        self.evidence.push(Evidence { frame, note: note.into() });
        self
    }

    /// Adds a frame where there is one.
    #[must_use]
    pub fn evidence_if(self, frame: Option<FrameRef>, note: impl Into<Text>) -> Finding {
        match frame {
            Some(frame) => self.evidence(frame, note),
            None => self,
        }
    }

    /// Adds something to do.
    #[must_use]
    pub fn fix(mut self, step: impl Into<Text>) -> Finding {
        push_exact(&mut self.fix, step.into());
        self
    }

    /// Adds something to do where it applies.
    #[must_use]
    pub fn fix_if(self, applies: bool, step: impl Into<Text>) -> Finding {
        if applies { self.fix(step) } else { self }
    }

    /// Says how long the edge waited before it gave up, if it did.
    #[must_use]
    pub fn waited(mut self, wait: Option<Micros>) -> Finding {
        self.waited = wait;
        self
    }

    /// Adds a cause that it is not, and why.
    #[must_use]
    pub fn rules_out(mut self, cause: &'static str, why: impl Into<Text>) -> Finding {
        push_exact(&mut self.ruled_out, RuledOut { cause, why: why.into() });
        self
    }

    /// Names the exchange.
    #[must_use]
    pub fn exchange(mut self, index: u64) -> Finding {
        self.exchange = Some(index);
        self
    }

    /// Says what the viewer saw, in place of what the cause says.
    #[must_use]
    pub fn edge(mut self, edge: Edge) -> Finding {
        self.edge = Some(edge);
        self
    }

    /// Says what the capture does not let anybody tell.
    #[must_use]
    pub fn blocks(mut self, what: impl Into<Text>) -> Finding {
        self.blocks = Some(what.into());
        self
    }

    /// Says what this finding does to the verdict, in place of what the cause says.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Finding {
        self.effect = Some(effect);
        self
    }
}

/// Adds one to what mostly remains the only one of its list, and is held: no room is made for more.
pub(super) fn push_exact<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        *list = vec![item];
    } else {
        list.reserve_exact(1);
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    #[test]
    fn a_sentence_that_is_always_the_same_is_not_copied() {
        let frame = FrameRef::new(0, 1, Timestamp(0), 0);
        let finding = Finding::new(frame, Confidence::Certain, "It failed.").fix("Mend it.").evidence(frame, "a SYN");
        assert!(matches!(finding.fix.as_slice(), [Text::Borrowed(_)]));
        assert!(matches!(finding.evidence.as_slice(), [Evidence { note: Text::Borrowed(_), .. }]));
    }
}
