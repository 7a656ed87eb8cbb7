//! What became of a handshake.

use super::alert::Alert;
use super::handshake::HandshakeType;
use super::server_hello::ServerHello;
use super::transcript::Transcript;
use crate::base::{FrameRef, Side};

/// What became of a handshake, as far as the bytes tell. How the connection ended is not considered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handshake {
    /// Both sides finished. In TLS 1.3: application data went both ways after it.
    Complete,
    /// An alert or bytes that are no TLS came before that.
    Failed,
    /// It began, and neither happened.
    Incomplete,
    /// The capture does not show it: TLS 1.3 without application data both ways, holes, or a stream joined later.
    Unknown,
}

impl Transcript {
    /// What became of the handshake.
    #[must_use]
    pub fn handshake(&self) -> Handshake {
        let lost = self.lost.client || self.lost.server;
        if self.handshake_done().is_some() {
            Handshake::Complete
        } else if self.joined_later() {
            Handshake::Unknown
        } else if self.fault.is_some() || self.alerts.iter().any(|a| self.fails(a)) {
            Handshake::Failed
        } else if lost || self.is_half() || self.server_hello.as_ref().is_some_and(ServerHello::is_tls13) {
            Handshake::Unknown
        } else {
            Handshake::Incomplete
        }
    }

    /// Whether an alert shows that the handshake has failed. An encrypted one may as well be the end of a long
    /// connection, unless both sides were seen without holes.
    fn fails(&self, alert: &Alert) -> bool {
        let whole =
            self.client_hello.is_some() && self.server_hello.is_some() && !self.lost.client && !self.lost.server;
        alert.ends_handshake() && (whole || !alert.is_hidden())
    }

    /// The frame with which the handshake was finished.
    ///
    /// Up to TLS 1.2 that of the second encrypted handshake message after ChangeCipherSpec, whichever side sends it;
    /// where a hole may have swallowed it, that of the server's first application data, which comes later only.
    /// In TLS 1.3 that of the client's Finished (of its first application data, where it cannot be told), once the
    /// server has answered application data: before, nobody but the two ends knows. Where keys show both Finished, that
    /// of the client, unless the server refuses it.
    #[must_use]
    pub fn handshake_done(&self) -> Option<FrameRef> {
        let hello = self.server_hello.as_ref()?;
        if hello.is_tls13() {
            if self.tls13.server_application.is_none() && !self.both_finished() {
                return None;
            }
            return self.tls13.client_finished.or(self.tls13.client_application);
        }
        let (client, server) = (&self.encrypted.client, &self.encrypted.server);
        match (client.first_handshake, server.first_handshake) {
            (Some(client), Some(server)) => Some(client.max(server)),
            _ if self.lost.client || self.lost.server => server.first_application.filter(|_| client.application > 0),
            _ => None,
        }
    }

    /// Whether keys show the Finished of both sides, and the server does not refuse what came with the client's.
    fn both_finished(&self) -> bool {
        let (Some(finished), Some(_)) = (self.tls13.client_finished, self.tls13.server_finished) else { return false };
        let refused = |a: &Alert| a.from == Side::Server && a.refuses_client() && a.frame >= finished;
        !self.alerts.iter().any(refused)
    }

    /// Whether an earlier session was taken up again; `None` while that cannot be told.
    ///
    /// TLS 1.3: the server took a pre-shared key. Before: it repeated the client's session id (RFC 5246 section 7.4.1.3,
    /// RFC 5077 section 3.4), or changed keys without having sent the messages of a full handshake.
    #[must_use]
    pub fn resumed(&self) -> Option<bool> {
        let hello = self.server_hello.as_ref()?;
        if hello.is_tls13() {
            return Some(hello.pre_shared_key);
        }
        if hello.session_id_echoed {
            return Some(true);
        }
        let full = [HandshakeType::CERTIFICATE, HandshakeType::SERVER_KEY_EXCHANGE, HandshakeType::SERVER_HELLO_DONE];
        if full.iter().any(|&kind| self.message(Side::Server, kind).is_some()) {
            return Some(false);
        }
        (self.change_cipher_spec.server.is_some() && !self.lost.server).then_some(true)
    }

    /// Whether no hello was seen, yet something that comes after it, or nothing at all.
    fn joined_later(&self) -> bool {
        let encrypted = |side: Side| self.encrypted[side].last.is_some();
        let no_hello = self.client_hello.is_none() && self.server_hello.is_none();
        let nothing = self.records.client.count + self.records.server.count == 0 && self.client_hello_count == 0;
        no_hello && (nothing || encrypted(Side::Client) || encrypted(Side::Server)) && self.fault.is_none()
    }

    /// Whether one side went as far as changing keys and nothing of the other was captured.
    fn is_half(&self) -> bool {
        let alone = |side: Side| self.change_cipher_spec[side].is_some() && self.records[side.peer()].count == 0;
        alone(Side::Client) || alone(Side::Server)
    }
}
