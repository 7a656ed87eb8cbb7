//! What a frame carried of the messages of its connection.

use crate::base::{FrameRef, Side};
use crate::observation::http1::Exchange;
use crate::observation::{Connection, http2, tls};
use crate::report::facts::{name, shown_in};

/// What lies in a frame that `from` sent, as far as it is known.
pub(super) fn carried(c: &Connection, from: Side, frame: u64) -> Vec<String> {
    let mut told: Vec<String> =
        shown_in(c, frame).into_iter().filter(|fact| fact.from == from).map(|fact| fact.text).collect();
    if let Some(tls) = &c.tls
        && told.is_empty()
    {
        told.extend(within_tls(tls, from, frame));
    }
    for exchange in c.http.iter().flat_map(|h| &h.exchanges) {
        match from {
            Side::Client => request(exchange, frame, &mut told),
            Side::Server => response(exchange, frame, &mut told),
        }
    }
    for exchange in c.http2.iter().flat_map(|h| &h.exchanges) {
        stream(exchange, from, frame, &mut told);
    }
    for goaway in c.http2.iter().flat_map(|h| &h.goaways).filter(|g| g.from == from && g.frame.frame == frame) {
        told.push(format!("GOAWAY: {}, last stream {}", goaway.code, goaway.last_stream));
    }
    told
}

/// A stream of HTTP/2: its request and response, as far as they are this side's, and its reset.
fn stream(e: &http2::Exchange, from: Side, frame: u64, told: &mut Vec<String>) {
    let asked_by = if e.pushed { Side::Server } else { Side::Client };
    if let Some(r) = e.request.as_ref().filter(|_| from == asked_by) {
        let what = format!("request {} (stream {}): {} {}", e.index, e.stream, name(&r.method), name(&r.path));
        told.extend(part(what.trim_end(), (r.frame, r.head_frame, r.last_frame), r.complete, frame));
    }
    if let Some(r) = e.response.as_ref().filter(|_| from == Side::Server) {
        let what = format!("response {} (stream {}): status {}", e.index, e.stream, r.status);
        told.extend(part(&what, (r.frame, r.head_frame, r.last_frame), r.complete, frame));
    }
    if let Some(reset) = e.reset[from].filter(|reset| reset.frame.frame == frame) {
        told.push(format!("RST_STREAM on stream {} (request {}): {}", e.stream, e.index, reset.code));
    }
}

/// A part of a message in clear, or something behind the keys.
fn within_tls(tls: &tls::Transcript, from: Side, frame: u64) -> Option<String> {
    let records = &tls.records[from];
    let began = records.first.is_some_and(|first| first.frame <= frame);
    let ended = records.last.is_none_or(|last| last.frame < frame);
    let next = tls.messages.iter().find(|m| m.from == from && m.frame.frame > frame);
    match next {
        Some(message) if began => {
            Some(format!("part of the handshake; {} is complete with frame {}", message.kind, message.frame.frame))
        }
        _ if began && !ended => Some("TLS records".to_owned()),
        _ => None,
    }
}

fn request(e: &Exchange, frame: u64, told: &mut Vec<String>) {
    let Some(r) = &e.request else { return };
    let what = format!("request {}: {} {}", e.index, name(r.method()), name(&r.target));
    told.extend(part(what.trim_end(), (r.frame, r.head_frame(), r.last_frame()), r.complete, frame));
}

fn response(e: &Exchange, frame: u64, told: &mut Vec<String>) {
    for interim in e.interim.first.iter().filter(|i| i.frame.frame == frame) {
        told.push(format!("interim response to request {}: {}", e.index, interim.status));
    }
    let Some(r) = &e.response else { return };
    let what = format!("response {}: status {}", e.index, r.status);
    told.extend(part(&what, (r.frame, r.head_frame(), r.last_frame), r.complete, frame));
}

/// Which part of a message from its first to its last frame lies in one.
fn part(what: &str, at: (FrameRef, Option<FrameRef>, FrameRef), complete: bool, frame: u64) -> Option<String> {
    let (first, head, last) = (at.0.frame, at.1.map(|f| f.frame), at.2.frame);
    if frame < first || frame > last {
        return None;
    }
    let ends = complete && frame == last;
    let place = match head {
        _ if frame == first && ends => "all of",
        _ if frame == first => "begins",
        _ if ends => "ends",
        Some(head) if frame > head => "within the body of",
        _ => "within the head of",
    };
    Some(format!("{place} {what}"))
}
