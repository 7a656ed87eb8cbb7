//! The exchange.

super::area! {
    unexpected_proxy_header,
    plaintext_on_tls_port,
    http2_reply,
    malformed_status_line,
    headers_too_large,
    repeated_continue,
    transfer_encoding_unsupported,
    content_range_mismatch,
    content_length_invalid,
    content_length_conflict,
    length_and_chunked,
    malformed_header,
    malformed_chunk,
    unexpected_upgrade,
    websocket_accept_invalid,
    body_not_allowed,
    excess_bytes,
    unsolicited_response,
    content_encoding_mismatch,
    keep_alive_race,
    request_not_read,
    reset_before_response,
    closed_before_response,
    proxy_header_expected,
    response_timeout,
    edge_abandoned,
    response_stalled,
    reset_in_response,
    closed_in_response,
    encrypted_reset_before_response,
    encrypted_closed_before_response,
    encrypted_response_timeout,
    websocket_closed,
    body_end_unmarked,
}

use super::timeout::{TIMEOUT, confidence as timeout_confidence};
use crate::base::{FrameRef, Side};
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::http1::{Exchange, Framing, Request, Response};
use crate::observation::{Closer, Connection, End, HiddenRequest, Unanswered, Unfinished};

/// A target is shown up to this many characters: a message is one sentence.
const TARGET_SHOWN: usize = 80;

/// `GET /cart`, as a message names a request.
fn name(request: &Request) -> String {
    let mut target: String = request.target.chars().take(TARGET_SHOWN).collect();
    if request.target_truncated || target.len() < request.target.len() {
        target.push_str("...");
    }
    format!("{} {target}", request.method())
}

/// Whether the first bytes of a response that were seen are its first. A hole before them would make its middle look like
/// its beginning; one behind them, where their packet was cut, changes nothing about them.
fn begins_an_answer(c: &Connection, exchange: &Exchange, frame: FrameRef) -> bool {
    if exchange.index > 0 {
        return !exchange.lost.server;
    }
    let whole = c.has_beginning() && c.tcp.odd.not_captured.server == 0 && c.tcp.odd.not_acknowledged.server == 0;
    whole && c.tcp.odd.cut.server.is_none_or(|cut| cut >= frame)
}

/// How sure it is that the origin had not ended the connection before this request: where the first request of a
/// capture is the first thing that is seen, or the end does not acknowledge it, it may have.
fn certain_of(c: &Connection, owed: &Unanswered<'_>) -> Confidence {
    let seen = c.has_beginning() || owed.exchange.index > 0;
    if seen && !owed.is_unread() { Confidence::Certain } else { Confidence::Possible }
}

/// What to add where the origin may never have read the request.
fn told_unread(owed: &Unanswered<'_>) -> &'static str {
    if owed.is_unread() {
        " It did not acknowledge the request, and may have closed without having got it."
    } else {
        ""
    }
}

/// What is missing of a response, in words.
fn missing(response: &Response) -> String {
    match response.framing {
        _ if !response.head_complete => format!("its head breaks off after {} bytes", response.header_bytes),
        Framing::Length(n) => format!("{} of {n} bytes of the body were sent", response.body_bytes),
        Framing::Chunked => format!("{} bytes of the body were sent, the last chunk is missing", response.body_bytes),
        _ => format!(
            "{} bytes of the body were sent, and its end is marked by nothing but the close",
            response.body_bytes
        ),
    }
}

/// What the viewer saw of a response that was cut: its status, unless not even the head was whole.
fn seen_by_viewer(response: &Response) -> Edge {
    let seen = if response.head_complete { Edge::status(response.status) } else { Edge::status(502) };
    seen.detail("OriginReadError")
}

/// How far the request itself had come.
fn progress(owed: &Unanswered<'_>) -> String {
    let request = owed.request;
    match request.framing() {
        _ if owed.is_asked() || owed.exchange.lost.client => String::new(),
        _ if !request.head_complete => " (its head was not whole yet)".to_owned(),
        Framing::Length(n) => format!(" ({} of {n} bytes of its body were sent)", request.extra.body_bytes),
        _ => " (its body was not whole yet)".to_owned(),
    }
}

/// The packets that show a request without a response.
fn told_request(owed: &Unanswered<'_>, finding: Finding) -> Finding {
    let first = owed.request.frame;
    let last = Some(owed.last_word()).filter(|last| *last != first);
    let interim = owed.exchange.interim.first.first().map(|i| (i.frame, i.status));
    let finding = finding.exchange(owed.exchange.index).evidence(first, format!("the request: {}", name(owed.request)));
    let (finding, last) = match interim {
        Some((frame, status)) => {
            let announced = format!("{status}, which announces a response and is none");
            (finding.evidence(frame, announced), last.filter(|last| *last > frame))
        }
        None => (finding, last),
    };
    finding.evidence_if(last, "the last of the request's bytes")
}

/// What speaks for or against an idle timeout as the reason of an end without response.
fn told_reuse(c: &Connection, owed: &Unanswered<'_>, finding: Finding) -> Finding {
    match c.idle_before(owed.request, owed.exchange) {
        None if owed.exchange.index == 0 && c.has_beginning() && !owed.is_unread() => {
            finding.rules_out("http.keep-alive-race", "it was the first request of the connection")
        }
        // What came before was not kept or is not over, or the end and the request crossed: nothing rules it out.
        None => finding,
        Some(idle) if idle < TIMEOUT => {
            finding.rules_out("http.keep-alive-race", format!("the connection had been idle for {idle} only"))
        }
        Some(idle) => finding.fix(format!(
            "The connection had been idle for {idle}: if that is the origin's keep-alive timeout, raise it above the edge's."
        )),
    }
}

/// The packets that show a response that was cut, and what the viewer saw of it.
fn told_cut(cut: &Unfinished<'_>, finding: Finding) -> Finding {
    let last = Some(cut.last_word()).filter(|last| *last != cut.response.frame);
    finding
        .exchange(cut.exchange.index)
        .edge(seen_by_viewer(cut.response))
        .evidence(cut.request.frame, format!("the request: {}", name(cut.request)))
        .evidence(cut.response.frame, format!("the response begins: status {}", cut.response.status))
        .evidence_if(last, "its last byte")
}

/// The request inside of TLS in place of whose answer the origin ended the connection in this way. An edge that has said
/// that it leaves is no more owed one.
fn stopped_by_origin(c: &Connection, how: End) -> Option<HiddenRequest> {
    let ended = |end: Closer| end.side == Side::Server && end.how == how && !c.edge_bade_farewell(end.frame);
    c.unanswered_encrypted().filter(|request| ended(request.end))
}

/// How sure it is that what the records show is a request without an answer.
fn encrypted_confidence(request: &HiddenRequest) -> Confidence {
    match request.answered_before {
        _ if request.is_unread() => Confidence::Possible,
        Some(_) => Confidence::Possible,
        None if request.by_type => Confidence::Certain,
        None => Confidence::Likely,
    }
}

/// The packets that show a request inside of TLS.
fn told_encrypted(request: &HiddenRequest, finding: Finding) -> Finding {
    let last = Some(request.last).filter(|last| *last != request.sent);
    let doubt = request.is_unread().then_some(request.end.frame);
    finding
        .evidence_if(request.answered_before, "the origin's last application data")
        .evidence(request.sent, "application data from the edge: its request")
        .evidence_if(last, "the last of it")
        .evidence_if(doubt, "it does not acknowledge the request: the origin may have ended it without having got that")
}
