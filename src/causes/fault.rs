//! What the causes about malformed responses share: how the edge's behaviour decides (contract, rulings 5 and 22), and
//! how a fault is shown.

use std::fmt::Write as _;

use crate::base::FrameRef;
use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::http1::{Exchange, Fault, FaultKind, Response, Transcript};
use crate::observation::{Aftermath, Connection};

/// Bytes of the faulty place that are shown: enough for a name, a size line or the first bytes of a body.
const SHOWN: usize = 24;

/// Characters of a target that are shown.
const TARGET_SHOWN: usize = 80;

/// What is known of CloudFront's behaviour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Its documentation says that it refuses this.
    Refused,
    /// Its documentation says that it does not support this, and not what it does then.
    Unsupported,
    /// Nothing is documented; that it refuses this is plausible.
    Plausible,
    /// Nothing is documented; recipients usually take it, or the response was over before.
    Harmless,
}

impl Known {
    /// What a finding is, by what the edge did.
    const fn judge(self, after: Aftermath) -> (Effect, Confidence) {
        use Confidence::{Certain, Likely, Possible};
        match (after, self) {
            (Aftermath::NotCaptured, _) => (Effect::Inconclusive, Possible),
            (Aftermath::Left(_), Known::Refused) => (Effect::Failed, Certain),
            (Aftermath::Left(_), Known::Unsupported | Known::Plausible) => (Effect::Failed, Likely),
            (Aftermath::Left(_), Known::Harmless) => (Effect::Failed, Possible),
            (Aftermath::ClosedIdle(_) | Aftermath::NotShown, Known::Refused) => (Effect::Failed, Likely),
            (Aftermath::NotShown, Known::Unsupported | Known::Plausible) => (Effect::Failed, Possible),
            (Aftermath::WentOn(_), _)
            | (Aftermath::ClosedIdle(_), Known::Unsupported | Known::Plausible)
            | (Aftermath::ClosedIdle(_) | Aftermath::NotShown, Known::Harmless) => (Effect::Note, Certain),
        }
    }

    const fn says(self) -> &'static str {
        match self {
            Known::Refused => "CloudFront is documented to refuse this",
            Known::Unsupported => "CloudFront is documented not to support this",
            Known::Plausible => "What CloudFront does with this is not documented; that it refuses is plausible",
            Known::Harmless => "What CloudFront does with this is not documented",
        }
    }
}

/// A fault, and where it was found.
pub(super) struct Found<'c> {
    pub(super) exchange: &'c Exchange,
    pub(super) fault: Fault,
    pub(super) known: Known,
    /// What is wrong, as the end of `answered GET / with …`.
    pub(super) what: String,
}

/// The HTTP of a connection whose messages are surely told apart: from its beginning, and with nothing missing.
pub(super) fn whole(c: &Connection) -> Option<&Transcript> {
    let http = c.http.as_ref()?;
    (c.has_beginning() && !http.lost.client && !http.lost.server).then_some(http)
}

/// The faults of this kind in responses, each with its exchange.
pub(super) fn of_responses(
    c: &Connection,
    is: impl Fn(FaultKind) -> Option<Known> + Copy,
) -> impl Iterator<Item = Found<'_>> {
    let exchanges = whole(c).into_iter().flat_map(|http| &http.exchanges).filter(|e| e.request.is_some());
    exchanges.flat_map(move |exchange| {
        let response = exchange.response.iter().flat_map(|r| r.faults());
        // What is wrong with an interim response lies with the exchange.
        response.chain(exchange.interim.fault.as_deref()).filter_map(move |fault| {
            let known = is(fault.kind)?;
            Some(Found { exchange, fault: fault.clone(), known, what: fault.kind.to_string() })
        })
    })
}

/// The finding about the first fault that made the connection fail, else about the first. An edge that went on after a
/// fault once takes it: how the connection ends then says nothing about another one of the kind.
pub(super) fn tell<'c>(
    c: &'c Connection,
    found: impl Iterator<Item = Found<'c>>,
    refused_as: impl Fn(&Response) -> Edge,
) -> Option<Finding> {
    let (mut first, mut taken) = (None, Vec::new());
    for found in found {
        let after = c.aftermath(found.exchange, found.fault.frame);
        if matches!(after, Aftermath::WentOn(_)) && !taken.contains(&found.fault.kind) {
            taken.push(found.fault.kind);
        }
        let finding = told(c, &found, after, &refused_as);
        if finding.effect == Some(Effect::Failed) && !taken.contains(&found.fault.kind) {
            return Some(finding);
        }
        first = first.or(Some(finding));
    }
    first
}

fn told(c: &Connection, found: &Found<'_>, after: Aftermath, refused_as: impl Fn(&Response) -> Edge) -> Finding {
    let (exchange, fault) = (found.exchange, &found.fault);
    let (effect, confidence) = found.known.judge(after);
    let asked = exchange.request.as_ref().map_or_else(|| "a request".to_owned(), |r| name(r.method(), &r.target));
    let message = format!(
        "{} answered {asked} with {} ({}). {}; {}.",
        c.server,
        found.what,
        fault.kind.clause(),
        found.known.says(),
        told_after(after)
    );
    let edge = match effect {
        Effect::Failed => exchange.response.as_ref().map_or(Edge::status(502), refused_as),
        Effect::Inconclusive | Effect::Note => Edge::UNKNOWN,
    };
    let response = exchange.response.as_ref().map(|r| r.frame).filter(|frame| *frame < fault.frame);
    Finding::new(fault.frame, confidence, message)
        .effect(effect)
        .edge(edge)
        .exchange(exchange.index)
        .evidence_if(exchange.request.as_ref().map(|r| r.frame), format!("the request: {asked}"))
        .evidence_if(response, "the response begins")
        .evidence(fault.frame, place(fault))
        .evidence_if(frame_of(after), told_after(after))
}

fn name(method: &str, target: &str) -> String {
    let shown: String = target.chars().take(TARGET_SHOWN).collect();
    let more = if shown.len() < target.len() { "..." } else { "" };
    format!("{method} {shown}{more}")
}

/// Where in the message, and the bytes there, as text and in hex.
fn place(fault: &Fault) -> String {
    let bytes = fault.excerpt.get(..SHOWN).unwrap_or(&fault.excerpt);
    let mut text = format!("{}, at byte {} of the message", fault.kind, fault.offset);
    if bytes.is_empty() {
        return text;
    }
    let more = if bytes.len() < fault.excerpt.len() { " ..." } else { "" };
    let _ = write!(text, ": \"{}\"{more} (", String::from_utf8_lossy(bytes));
    for (n, byte) in bytes.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if n == 0 { "" } else { " " });
    }
    text + more + ")"
}

const fn frame_of(after: Aftermath) -> Option<FrameRef> {
    match after {
        Aftermath::WentOn(frame) | Aftermath::ClosedIdle(frame) | Aftermath::Left(frame) => Some(frame),
        Aftermath::NotShown | Aftermath::NotCaptured => None,
    }
}

const fn told_after(after: Aftermath) -> &'static str {
    match after {
        Aftermath::WentOn(_) => "the edge went on using the connection",
        Aftermath::ClosedIdle(_) => "the edge took all of it and closed when idle",
        Aftermath::Left(_) => "the edge ended the connection at once",
        Aftermath::NotShown => "whether the edge took it is not shown: the connection ended without its choice",
        Aftermath::NotCaptured => "what the edge did then is not in the capture",
    }
}

/// What the viewer sees of a response whose head the edge refuses.
pub(super) const fn refused_head(_: &Response) -> Edge {
    Edge::status(502).detail("OriginInvalidResponseError")
}

/// What the viewer sees where the fault comes after a good head.
pub(super) const fn refused_body(response: &Response) -> Edge {
    Edge::status(response.status).detail("OriginReadError")
}

/// What the viewer sees where the response was whole before.
pub(super) const fn after_the_end(response: &Response) -> Edge {
    Edge::status(response.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    #[test]
    fn the_edge_decides_where_nothing_is_documented() {
        let frame = FrameRef::new(0, 1, Timestamp(0), 0);
        for (after, plausible, refused) in [
            (Aftermath::WentOn(frame), Effect::Note, Effect::Note),
            (Aftermath::ClosedIdle(frame), Effect::Note, Effect::Failed),
            (Aftermath::Left(frame), Effect::Failed, Effect::Failed),
            (Aftermath::NotShown, Effect::Failed, Effect::Failed),
            (Aftermath::NotCaptured, Effect::Inconclusive, Effect::Inconclusive),
        ] {
            assert_eq!((Known::Plausible.judge(after).0, Known::Refused.judge(after).0), (plausible, refused));
        }
    }
}
