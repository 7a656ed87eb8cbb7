//! What went back and forth behind the keys, as far as types and lengths of records tell.

use crate::base::FrameRef;
use crate::session::tls;

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
