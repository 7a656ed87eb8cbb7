//! HTTP/2 to the origin: gRPC, and the targets of load balancers.

super::area! {
    preface_not_answered,
    http1_reply,
    settings_invalid,
    malformed_frame,
    header_compression_error,
    malformed_message,
    goaway,
    stream_reset,
    flow_control_stall,
    response_timeout,
    reset_before_response,
    closed_before_response,
}

use super::timeout::{TIMEOUT, confidence as timeout_confidence};
use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::http2::{ErrorCode, Fault, Request, Scope};
use crate::observation::{Connection, HowEnded, OwedStream, Reaction};

/// A path is shown up to this many characters: a message is one sentence.
const PATH_SHOWN: usize = 80;

/// As many bytes of a fault are shown.
const BYTES_SHOWN: usize = 16;

/// `POST /shop.Cart/Add on stream 3`, as a message names a request.
fn name(request: &Request, stream: u32) -> String {
    let mut path: String = request.path.chars().take(PATH_SHOWN).collect();
    if request.path_truncated || path.len() < request.path.len() {
        path.push_str("...");
    }
    match (request.method.as_str(), path) {
        ("", _) => format!("the request on stream {stream}"),
        (method, path) => format!("{method} {path} on stream {stream}"),
    }
}

/// ` (2 more streams were open)`: the other streams that have the same end.
fn others(c: &Connection, owed: &OwedStream<'_>) -> String {
    let same = |o: &OwedStream<'_>| o.end.frame == owed.end.frame && o.end.side == owed.end.side;
    match c.owed_streams().filter(same).count() {
        0 | 1 => String::new(),
        2 => " (another stream was open)".to_owned(),
        n => format!(" ({} more streams were open)", n - 1),
    }
}

/// The packets that show a request, and what there was of its response.
fn told(owed: &OwedStream<'_>, finding: Finding) -> Finding {
    let asked = name(owed.request, owed.exchange.stream);
    let last = Some(owed.request.last_frame).filter(|last| *last != owed.request.frame && *last < owed.end.frame);
    let finding = finding
        .exchange(owed.exchange.index)
        .evidence(owed.request.frame, format!("the request: {asked}"))
        .evidence_if(last, "the last of the request");
    let Some(response) = owed.response else { return finding };
    let last = Some(response.last_frame).filter(|last| *last != response.frame && *last < owed.end.frame);
    finding
        .evidence(response.frame, format!("the response begins: status {}", response.status))
        .evidence_if(last, format!("the last of it, after {} bytes of DATA", response.body_bytes))
        .edge(Edge::status(response.status).detail("OriginReadError"))
}

/// What there was of the response, in words.
fn progress(owed: &OwedStream<'_>) -> String {
    match owed.response {
        None => "without a byte of a response".to_owned(),
        Some(r) => format!("in the middle of the response ({} bytes of DATA, no END_STREAM)", r.body_bytes),
    }
}

/// What the edge, or a viewer that speaks gRPC, makes of it.
fn grpc_note(request: &Request, finding: Finding) -> Finding {
    finding.fix_if(
        request.is_grpc(),
        "A client of gRPC sees this as UNAVAILABLE or INTERNAL: look for that, and for the deadline of the call, in its log.",
    )
}

/// Streams that were ended by a reset, or by the end of the connection. The origin's end is the first where every byte of
/// both sides is accounted for: an earlier end of the edge's may be among what is not.
fn closed_by(c: &Connection, side: Side, how: crate::observation::End) -> Option<OwedStream<'_>> {
    let is_first = side == Side::Client || c.counts_all();
    c.owed_streams().find(|owed| is_first && owed.end.side == side && owed.end.how == HowEnded::Connection(how))
}

/// A fault of the origin, by what the edge did about it (contract, ruling 22).
fn faulty(c: &Connection, fault: &Fault, message: String) -> Option<Finding> {
    let http = c.http2.as_ref()?;
    let reaction = c.reaction_to(http, fault);
    let (confidence, effect) = match reaction {
        Reaction::Refused(..) => (Confidence::Certain, Effect::Failed),
        Reaction::Closed(_) => (Confidence::Likely, Effect::Failed),
        Reaction::WentOn => (Confidence::Certain, Effect::Note),
        Reaction::Unknown => (Confidence::Possible, Effect::Failed),
    };
    let shown = if fault.excerpt.is_empty() { String::new() } else { format!(": {}", shown(&fault.excerpt)) };
    let finding = Finding::new(fault.frame, confidence, message)
        .effect(effect)
        .evidence_if(http.preface, "the edge's preface of HTTP/2")
        .evidence(fault.frame, format!("{}, at byte {} of what the origin sent{shown}", fault.kind, fault.offset));
    let finding = match http.exchanges.iter().find(|e| e.stream == fault.stream) {
        Some(exchange) => finding.exchange(exchange.index),
        None => finding,
    };
    Some(match reaction {
        Reaction::Refused(frame, code) => finding.evidence(frame, format!("the edge refuses it: {code}")),
        Reaction::Closed(frame) => finding.evidence(frame, "the edge ends the connection"),
        Reaction::WentOn | Reaction::Unknown => finding,
    })
}

/// How a sentence about a fault ends.
fn outcome(c: &Connection, fault: &Fault) -> String {
    let reaction = c.http2.as_ref().map_or(Reaction::Unknown, |http| c.reaction_to(http, fault));
    match reaction {
        Reaction::Refused(_, code) => format!("; the edge refused it with {code}"),
        Reaction::Closed(_) => "; the edge ended the connection".to_owned(),
        Reaction::WentOn => "; the edge took its responses all the same".to_owned(),
        Reaction::Unknown => String::new(),
    }
}

/// The first fault of this kind in the origin's frames.
fn server_fault(c: &Connection, scope: Scope) -> Option<&Fault> {
    c.http2.as_ref()?.fault.server.as_ref().filter(|fault| fault.kind.scope() == scope)
}

/// A few bytes, in hexadecimal.
fn shown(bytes: &[u8]) -> String {
    let shown: Vec<_> = bytes.iter().take(BYTES_SHOWN).map(|byte| format!("{byte:02x}")).collect();
    shown.join(" ")
}

/// What an error code says about who must act.
fn advice(code: ErrorCode) -> &'static str {
    match code.0 {
        1 => {
            "PROTOCOL_ERROR: the origin takes something in the edge's frames or header fields for wrong; its log at this time says what."
        }
        2 => "INTERNAL_ERROR: the program failed while it made the response; its log at this time says why.",
        3 => {
            "FLOW_CONTROL_ERROR: the origin counts the windows in another way; look for a newer version of its HTTP/2 library."
        }
        4 => "SETTINGS_TIMEOUT: the edge did not acknowledge the origin's SETTINGS in time.",
        7 => {
            "REFUSED_STREAM: the origin had not begun with the request, mostly because too many streams are open; raise its limit (nginx `http2_max_concurrent_streams`, HAProxy `tune.h2.max-concurrent-streams`, Node `maxConcurrentStreams`)."
        }
        8 => {
            "CANCEL: the program, or a proxy there, gave the request up; look for its own timeouts, and for what its upstream did."
        }
        9 => {
            "COMPRESSION_ERROR: the origin cannot read the edge's header fields; look for a newer version of its HTTP/2 library."
        }
        11 => {
            "ENHANCE_YOUR_CALM: the origin defends itself against what it takes for abuse (many resets, PINGs, large headers); look for its limits."
        }
        12 => "INADEQUATE_SECURITY: the origin does not speak HTTP/2 with the cipher suite that was agreed on.",
        13 => {
            "HTTP_1_1_REQUIRED: the origin answers this only in HTTP/1.1, mostly because it wants a client certificate by renegotiation."
        }
        _ => "Read the log of the program on this port at this time.",
    }
}
