//! What went back and forth behind the keys, as far as types and lengths of records tell.

use crate::base::FrameRef;
use crate::session::tls;

use super::Connection;

/// The last thing that the client asked behind the keys: its last record of application data that is neither part of
/// its handshake nor of the length of an alert.
#[must_use]
pub fn asked(tls: &tls::Transcript) -> Option<FrameRef> {
    if tls.is_tls13() { tls.tls13.last_asked } else { tls.encrypted.client.last_application }
}

/// The last thing that the server sent behind the keys after its handshake: an answer or, in TLS 1.3, a ticket, which
/// looks the same.
#[must_use]
pub fn answered(tls: &tls::Transcript) -> Option<FrameRef> {
    if tls.is_tls13() {
        tls.tls13.server_application.and(tls.encrypted.server.last_application)
    } else {
        tls.encrypted.server.last_application
    }
}

/// Whether HTTP/2 may be spoken behind the keys: it was agreed on, or offered where the answer is hidden. Its ends say
/// more than requests and responses: acknowledgements, windows, farewells.
#[must_use]
pub fn may_be_http2(tls: &tls::Transcript) -> bool {
    let offered = tls.client_hello.as_ref().is_some_and(|hello| hello.alpn.iter().any(|name| name == "h2"));
    match &tls.server_hello {
        Some(hello) if !tls.is_tls13() => hello.alpn.as_deref() == Some("h2"),
        _ => offered,
    }
}

/// Whether all that the server sent behind the keys may be its handshake and its tickets: in TLS 1.3, or where the
/// ServerHello that would tell is missing, as long as every record of it is listed and keys opened none.
#[must_use]
pub fn may_be_tickets(c: &Connection, tls: &tls::Transcript) -> bool {
    let server = &tls.encrypted.server;
    let untold = tls.server_hello.is_none() && (tls.client_hello.is_some() || c.has_beginning());
    !tls.tls13.told && (tls.is_tls13() || untold) && server.application <= server.first.len() as u64
}
