//! Everything that was seen of TLS on one connection.

use super::alert::Alert;
use super::certificate::{self, Certificate, MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES};
use super::client_hello::ClientHello;
use super::encrypted::EncryptedRecords;
use super::fault::{Fault, FaultKind};
use super::handshake::{HandshakeType, Message};
use super::record::{ContentType, RecordHeader};
use super::server_hello::{self, ServerHello};
use super::tls13::Tls13Marks;
use crate::base::{FrameRef, PerSide, Short, Side};

/// The most handshake messages listed; a handshake in clear has about ten.
pub(super) const MAX_MESSAGES: usize = 48;

/// The most alerts kept; a connection has one or two.
pub(super) const MAX_ALERTS: usize = 16;

/// The most bytes of a stapled OCSP response that are kept; real ones have up to 2 KiB.
pub(super) const MAX_STAPLE: usize = 16 * 1024;

/// A handshake message in clear. Here and elsewhere the frame that completes a message is the one that completes the
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Handshake messages in clear, in the order in which they were complete.
    pub messages: Vec<MessageSeen>,
    /// Messages that did not fit into `messages`.
    pub messages_unlisted: u32,
    /// The first ChangeCipherSpec of each side.
    pub change_cipher_spec: PerSide<Option<FrameRef>>,
    /// The encrypted records of each side.
    pub encrypted: PerSide<EncryptedRecords>,
    /// What the lengths of encrypted records tell, in TLS 1.3.
    pub tls13: Tls13Marks,
    /// The certificates of both sides, in the order in which they were sent.
    pub certificates: Vec<Certificate>,
    /// Certificates that went beyond the bounds of what is kept.
    pub certificates_unlisted: u32,
    /// The Certificate message of a side that has none to show.
    pub empty_certificate: PerSide<Option<FrameRef>>,
    /// The stapled OCSP response, DER, and the frame that completes it.
    pub ocsp_staple: Option<(FrameRef, Box<[u8]>)>,
    /// Alerts of both sides, in order.
    pub alerts: Vec<Alert>,
    /// Alerts that did not fit into `alerts`.
    pub alerts_unlisted: u32,
    /// Whether the server asked for a client certificate in clear; in TLS 1.3 it asks behind the keys.
    pub client_certificate_requested: bool,
    /// How many authorities the CertificateRequest names.
    pub certificate_authorities: usize,
    /// The first thing on the wire that is not TLS as it should be.
    pub fault: Option<Fault>,
    /// Whether a hole in the capture hid something that may matter of this side: part of a message in clear, or where
    /// the next record begins. Holes inside of encrypted records do not count.
    pub lost: PerSide<bool>,
    /// The handshake message that a hole cut first.
    pub cut_message: PerSide<Option<(FrameRef, HandshakeType)>>,
    /// All records of each side.
    pub records: PerSide<RecordCount>,
}

impl Transcript {
    /// Nothing seen.
    pub(super) const EMPTY: Self = Self {
        client_hello: None,
        second_client_hello: None,
        client_hello_count: 0,
        server_hello: None,
        hello_retry_request: None,
        hello_retry_group: None,
        messages: Vec::new(),
        messages_unlisted: 0,
        change_cipher_spec: PerSide { client: None, server: None },
        encrypted: PerSide { client: EncryptedRecords::EMPTY, server: EncryptedRecords::EMPTY },
        tls13: Tls13Marks::EMPTY,
        certificates: Vec::new(),
        certificates_unlisted: 0,
        empty_certificate: PerSide { client: None, server: None },
        ocsp_staple: None,
        alerts: Vec::new(),
        alerts_unlisted: 0,
        client_certificate_requested: false,
        certificate_authorities: 0,
        fault: None,
        lost: PerSide { client: false, server: false },
        cut_message: PerSide { client: None, server: None },
        records: PerSide {
            client: RecordCount { count: 0, first: None, last: None },
            server: RecordCount { count: 0, first: None, last: None },
        },
    };

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

    /// A record begins; `frame` has the last byte of its header.
    pub(super) fn count_record(&mut self, from: Side, frame: FrameRef) {
        let records = &mut self.records[from];
        records.count += 1;
        records.first.get_or_insert(frame);
        records.last = Some(frame);
    }

    /// An encrypted record begins.
    pub(super) fn encrypted_begins(&mut self, from: Side, header: RecordHeader, frame: FrameRef) {
        let early_data = self.client_hello.as_ref().is_some_and(|hello| hello.early_data);
        if from == Side::Client && early_data && self.server_hello.is_none() {
            self.encrypted.client.early_data += 1;
            return;
        }
        self.encrypted[from].begin(header.content_type, header.len, frame);
        if let Some(hello) = &self.server_hello
            && hello.is_tls13()
            && header.content_type == ContentType::APPLICATION_DATA
        {
            self.tls13.record(from, header.len, hello.cipher, early_data, frame);
        }
    }

    pub(super) fn alert(&mut self, alert: Alert) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push(alert);
        } else {
            self.alerts_unlisted += 1;
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// A handshake message in clear; `record_version` is that of the record which completes it.
    pub(super) fn handshake_message(&mut self, from: Side, message: Message<'_>, record_version: u16) {
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(MessageSeen { frame: message.frame, from, kind: message.kind });
        } else {
            self.messages_unlisted += 1;
        }
        if let Err(short) = self.read_message(from, message, record_version) {
            let kind = FaultKind::MalformedHandshake { message: message.kind, short };
            self.fault(Fault { frame: message.frame, from, offset: message.offset, kind });
        }
    }

    /// The record that completes the messages of `from` after the first `listed` ones is whole with `frame`.
    pub(super) fn complete_with(&mut self, from: Side, listed: usize, frame: FrameRef) {
        let mut index = listed;
        while let Some(message) = self.messages.get_mut(index) {
            index += 1;
            let early = message.frame;
            if message.from != from || early == frame {
                continue;
            }
            message.frame = frame;
            let kind = message.kind;
            for cited in self.frames_of(from, kind) {
                if *cited == early {
                    *cited = frame;
                }
            }
        }
    }

    /// Every place that cites a message of `kind` from `from`.
    fn frames_of(&mut self, from: Side, kind: HandshakeType) -> Vec<&mut FrameRef> {
        match kind {
            HandshakeType::CLIENT_HELLO => {
                let first = self.client_hello.as_mut().map(|hello| &mut hello.frame);
                first.into_iter().chain(self.second_client_hello.as_mut()).collect()
            }
            HandshakeType::SERVER_HELLO | HandshakeType::HELLO_RETRY_REQUEST => {
                let hello = self.server_hello.as_mut().map(|hello| &mut hello.frame);
                hello.into_iter().chain(self.hello_retry_request.as_mut()).collect()
            }
            HandshakeType::CERTIFICATE => {
                let sent = self.certificates.iter_mut().filter(|c| c.from == from).map(|c| &mut c.frame);
                sent.chain(self.empty_certificate[from].as_mut()).collect()
            }
            HandshakeType::CERTIFICATE_STATUS => {
                self.ocsp_staple.as_mut().map(|(frame, _)| frame).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn read_message(&mut self, from: Side, m: Message<'_>, record_version: u16) -> Result<(), Short> {
        match (from, m.kind) {
            (Side::Client, HandshakeType::CLIENT_HELLO) => {
                let mut hello = ClientHello::read(m.body, m.frame, m.first_frame)?;
                hello.record_version = record_version;
                self.client_hello(hello);
            }
            (Side::Server, HandshakeType::SERVER_HELLO) => {
                self.server_hello(server_hello::read(m.body, m.frame, m.first_frame)?);
            }
            (Side::Server, HandshakeType::HELLO_RETRY_REQUEST) => {
                self.hello_retry_request.get_or_insert(m.frame);
            }
            (Side::Server, HandshakeType::SERVER_KEY_EXCHANGE) => {
                if let Some(hello) = &mut self.server_hello {
                    hello.group = server_hello::named_curve(hello.cipher, m.body).or(hello.group);
                }
            }
            (_, HandshakeType::CERTIFICATE) => self.certificates(from, m.frame, &certificate::read(m.body)?),
            (Side::Server, HandshakeType::CERTIFICATE_STATUS) => {
                if let Some(response) = certificate::read_status(m.body)?.filter(|r| r.len() <= MAX_STAPLE) {
                    self.ocsp_staple.get_or_insert_with(|| (m.frame, response.into()));
                }
            }
            (Side::Server, HandshakeType::CERTIFICATE_REQUEST) => {
                self.client_certificate_requested = true;
                let tls12 = self.version().is_none_or(|v| v >= 0x0303);
                self.certificate_authorities = certificate::authorities(m.body, tls12)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a ClientHello of whichever format.
    pub(super) fn client_hello(&mut self, hello: ClientHello) {
        self.client_hello_count += 1;
        if self.client_hello.is_none() {
            self.client_hello = Some(hello);
        } else {
            self.second_client_hello.get_or_insert(hello.frame);
        }
    }

    fn server_hello(&mut self, read: server_hello::Read<'_>) {
        let mut hello = read.hello;
        if read.is_retry {
            self.hello_retry_request.get_or_insert(hello.frame);
            self.hello_retry_group = self.hello_retry_group.or(hello.group);
            return;
        }
        hello.hello_retry = self.hello_retry_request.is_some();
        hello.session_id_echoed = self.client_hello.as_ref().is_some_and(|c| c.has_session_id(read.session_id));
        self.server_hello.get_or_insert(hello);
    }

    fn certificates(&mut self, from: Side, frame: FrameRef, all: &[&[u8]]) {
        if all.is_empty() {
            self.empty_certificate[from].get_or_insert(frame);
        }
        let mut kept: usize = self.certificates.iter().map(|c| c.der.len()).sum();
        for der in all {
            kept += der.len();
            if self.certificates.len() < MAX_CERTIFICATES && kept <= MAX_CERTIFICATE_BYTES {
                self.certificates.push(Certificate::new(frame, from, der));
            } else {
                self.certificates_unlisted += 1;
            }
        }
    }
}
