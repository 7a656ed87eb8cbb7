//! Everything that was seen of TLS on one connection.

mod collect;
mod inside;

use super::alert::Alert;
use super::certificate::Certificate;
use super::client_hello::ClientHello;
use super::encrypted::EncryptedRecords;
use super::fault::Fault;
use super::handshake::HandshakeType;
use super::not_opened::NotOpened;
use super::server_hello::ServerHello;
use super::tls13::Tls13Marks;
use crate::base::{Blank, FrameRef, PerSide, Seldom, Side};

/// The most handshake messages listed; a handshake in clear has about ten.
pub(super) const MAX_MESSAGES: usize = 48;

/// The most alerts kept; a connection has one or two.
pub(super) const MAX_ALERTS: usize = 16;

/// The most bytes of a stapled OCSP response that are kept; real ones have up to 2 KiB.
pub(super) const MAX_STAPLE: usize = 16 * 1024;

/// A handshake message. Here and elsewhere the frame that completes a message is the one that completes the
/// record with its last byte, as no end can act on it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSeen {
    /// The frame that completes it.
    pub frame: FrameRef,
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub kind: HandshakeType,
}

/// A handshake message of which a hole in the capture hid a part. Before it nothing of its side is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutMessage {
    /// The frame that shows the hole.
    pub frame: FrameRef,
    /// What it is.
    pub kind: HandshakeType,
    /// The frame that completes it, as its length tells.
    pub ended: Option<FrameRef>,
}

impl Blank for PerSide<Option<CutMessage>> {
    const BLANK: &'static Self = &Self { client: None, server: None };
}

impl Blank for PerSide<Option<FrameRef>> {
    const BLANK: &'static Self = &Self { client: None, server: None };
}

/// The records of one side, of whatever type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCount {
    /// How many have begun.
    pub count: u64,
    /// The frame with the header of the first.
    pub first: Option<FrameRef>,
    /// The frame with the header of the last.
    pub last: Option<FrameRef>,
}

/// What both ends said in clear, and the shape of the rest. The conclusions from it are
/// [`handshake`](Self::handshake), [`handshake_done`](Self::handshake_done) and [`resumed`](Self::resumed).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// The client's hello; the first, where there are two.
    pub client_hello: Option<ClientHello>,
    /// The frame that completes a second ClientHello, the answer to a HelloRetryRequest.
    pub second_client_hello: Option<FrameRef>,
    /// How many ClientHellos the client sent in clear.
    pub client_hello_count: u32,
    /// The server's hello; that after the HelloRetryRequest, where there is one.
    pub server_hello: Option<ServerHello>,
    /// The frame that completes a HelloRetryRequest.
    pub hello_retry_request: Option<FrameRef>,
    /// The group that the HelloRetryRequest asks for.
    pub hello_retry_group: Option<u16>,
    /// Handshake messages in clear, and in TLS 1.3 those that keys opened, in the order in which they were complete.
    pub messages: Vec<MessageSeen>,
    /// Messages that did not fit into `messages`.
    pub messages_unlisted: u32,
    /// The first ChangeCipherSpec of each side.
    pub change_cipher_spec: PerSide<Option<FrameRef>>,
    /// The encrypted records of each side.
    pub encrypted: PerSide<EncryptedRecords>,
    /// What the lengths of encrypted records tell, in TLS 1.3.
    pub tls13: Seldom<Tls13Marks>,
    /// The certificates of both sides, in the order in which they were sent.
    pub certificates: Vec<Certificate>,
    /// Bytes of those certificates.
    pub(super) certificate_bytes: usize,
    /// Certificates that went beyond the bounds of what is kept.
    pub certificates_unlisted: u32,
    /// The Certificate message of a side that has none to show.
    pub empty_certificate: Seldom<PerSide<Option<FrameRef>>>,
    /// The stapled OCSP response, DER, and the frame that completes it.
    pub ocsp_staple: Option<Box<(FrameRef, Box<[u8]>)>>,
    /// Alerts of both sides, in order.
    pub alerts: Vec<Alert>,
    /// Alerts that did not fit into `alerts`.
    pub alerts_unlisted: u32,
    /// Whether the server asked for a client certificate; in TLS 1.3 it asks behind the keys.
    pub client_certificate_requested: bool,
    /// How many authorities the CertificateRequest names.
    pub certificate_authorities: usize,
    /// The first thing on the wire that is not TLS as it should be.
    pub fault: Option<Box<Fault>>,
    /// Whether a hole in the capture hid something that may matter of this side: part of a message in clear, or where
    /// the next record begins. Holes inside of encrypted records do not count.
    pub lost: PerSide<bool>,
    /// The handshake message that a hole cut first.
    pub cut_message: Seldom<PerSide<Option<CutMessage>>>,
    /// All records of each side.
    pub records: PerSide<RecordCount>,
    /// Whether keys opened every encrypted record that was seen, of which there is at least one.
    pub decrypted: bool,
    /// The first record that was not opened, where there are keys.
    pub not_opened: Option<Box<NotOpened>>,
    /// Whether the server takes the early data that the client offers, as its EncryptedExtensions say.
    pub early_data_accepted: Option<bool>,
}

impl Transcript {
    /// The frame that completes the first message of `kind` from `from`.
    #[must_use]
    pub fn message(&self, from: Side, kind: HandshakeType) -> Option<FrameRef> {
        self.messages.iter().find(|m| m.from == from && m.kind == kind).map(|m| m.frame)
    }

    /// The frame of the ServerHelloDone, which ends the server's flight up to TLS 1.2.
    #[must_use]
    pub fn server_hello_done(&self) -> Option<FrameRef> {
        self.message(Side::Server, HandshakeType::SERVER_HELLO_DONE)
    }

    /// The frame of a CertificateRequest in clear.
    #[must_use]
    pub fn certificate_request(&self) -> Option<FrameRef> {
        self.message(Side::Server, HandshakeType::CERTIFICATE_REQUEST)
    }

    /// The frame of the ClientKeyExchange: the client went on after the server's flight (up to TLS 1.2).
    #[must_use]
    pub fn client_key_exchange(&self) -> Option<FrameRef> {
        self.message(Side::Client, HandshakeType::CLIENT_KEY_EXCHANGE)
    }

    /// The frame of a NewSessionTicket in clear (up to TLS 1.2).
    #[must_use]
    pub fn new_session_ticket(&self) -> Option<FrameRef> {
        self.message(Side::Server, HandshakeType::NEW_SESSION_TICKET)
    }

    /// The frame of a CertificateStatus, the stapled OCSP response (up to TLS 1.2).
    #[must_use]
    pub fn certificate_status(&self) -> Option<FrameRef> {
        self.message(Side::Server, HandshakeType::CERTIFICATE_STATUS)
    }

    /// The version of the connection, once the server has chosen.
    #[must_use]
    pub fn version(&self) -> Option<u16> {
        self.server_hello.as_ref().map(|hello| hello.version)
    }

    /// Whether the server has chosen TLS 1.3, if only by a HelloRetryRequest.
    #[must_use]
    pub fn is_tls13(&self) -> bool {
        self.server_hello.as_ref().map_or(self.hello_retry_request.is_some(), ServerHello::is_tls13)
    }

    /// Whether the server has said which version it is going to be.
    pub(super) fn version_is_known(&self) -> bool {
        self.server_hello.is_some() || self.hello_retry_request.is_some()
    }
}
