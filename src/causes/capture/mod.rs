//! The capture itself limits what can be said.

super::area! {
    one_sided,
    lost_packets,
    snap_length,
    mid_stream,
    still_open,
    no_edge_traffic,
}

use crate::base::{FrameRef, Side};
use crate::observation::Connection;
use crate::observation::http1::Exchange;
use crate::observation::http2;

/// The end of the connection that sends on this side, as a message names it.
fn who(side: Side) -> &'static str {
    if side == Side::Client { "the edge" } else { "the origin" }
}

/// Whether bytes of this side are missing where a message is not understood without them.
fn is_blind(c: &Connection, side: Side) -> bool {
    let http = c.http.as_ref().map(|http| {
        // A hole before the first byte that was seen is not known to belong to a message.
        let whole = |e: &Exchange| match side {
            Side::Server => e.response.as_ref().is_some_and(|r| r.complete),
            Side::Client => e.request.as_ref().is_some_and(|r| r.complete),
        };
        http.lost[side] || !http.exchanges.iter().all(whole)
    });
    let http2 = c.http2.as_ref().map(|http| {
        let whole = |e: &http2::Exchange| e.is_whole(side) && !e.lost[side];
        http.lost[side] || !http.exchanges.iter().all(whole)
    });
    let http = http.or(http2);
    let tls = c.tls.as_ref().map(|tls| tls.lost[side]);
    // With no protocol known the missing bytes are those that would have told it.
    http.or(tls).is_none() || http == Some(true) || tls == Some(true)
}

/// What cannot be told of a connection with holes on this side.
fn blocked(c: &Connection, side: Side) -> &'static str {
    match (side, c.shows_http(), c.tls.is_some()) {
        (Side::Server, true, _) => "whether and how every request was answered",
        (Side::Client, true, _) => "what was asked",
        (Side::Server, _, true) => "how the origin answered the handshake",
        (Side::Client, _, true) if c.sni().is_none() => "what the edge asked for in the handshake, and how it went on",
        (Side::Client, _, true) => "how the edge went on with the handshake",
        _ => "which protocol was spoken",
    }
}

/// A packet that this side sent.
fn some_packet(c: &Connection, side: Side) -> FrameRef {
    c.tcp.last_packet[side].unwrap_or(c.last)
}
