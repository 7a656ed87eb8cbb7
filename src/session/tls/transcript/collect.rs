//! How a transcript is filled.

use super::super::alert::Alert;
use super::super::certificate::{self, Certificate, MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES};
use super::super::client_hello::ClientHello;
use super::super::fault::{Fault, FaultKind};
use super::super::handshake::{HandshakeType, Message};
use super::super::record::{ContentType, RecordHeader};
use super::super::server_hello;
use super::{MAX_ALERTS, MAX_MESSAGES, MAX_STAPLE, MessageSeen, Transcript};
use crate::base::{FrameRef, Short, Side};

impl Transcript {
    /// A record begins; `frame` has the last byte of its header.
    pub(in super::super) fn count_record(&mut self, from: Side, frame: FrameRef) {
        let records = &mut self.records[from];
        records.count += 1;
        records.first.get_or_insert(frame);
        records.last = Some(frame);
    }

    /// Whether what `from` sends encrypted is early data.
    pub(in super::super) fn expects_early_data(&self, from: Side) -> bool {
        let offered = self.client_hello.as_ref().is_some_and(|hello| hello.early_data);
        from == Side::Client && offered && self.server_hello.is_none()
    }

    /// What the length of an encrypted record tells, in TLS 1.3.
    pub(in super::super) fn mark_by_length(&mut self, from: Side, header: RecordHeader, frame: FrameRef) {
        if header.content_type == ContentType::APPLICATION_DATA
            && let Some(hello) = self.server_hello.as_ref().filter(|hello| hello.is_tls13())
        {
            let early_data = self.client_hello.as_ref().is_some_and(|hello| hello.early_data);
            self.tls13.record(from, header.len, hello.cipher, early_data, frame);
        }
    }

    pub(in super::super) fn alert(&mut self, alert: Alert) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push(alert);
        } else {
            self.alerts_unlisted += 1;
        }
    }

    /// Keeps a fault if it is the first, and says whether it is.
    pub(in super::super) fn fault(&mut self, fault: Fault) -> bool {
        let is_first = self.fault.is_none();
        self.fault.get_or_insert_with(|| Box::new(fault));
        is_first
    }

    /// A handshake message in clear; `record_version` is that of the record which completes it.
    pub(in super::super) fn handshake_message(&mut self, from: Side, message: Message<'_>, record_version: u16) {
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(MessageSeen { frame: message.frame, from, kind: message.kind });
        } else {
            self.messages_unlisted += 1;
        }
        if let Err(short) = self.read_message(from, message, record_version) {
            let kind = FaultKind::MalformedHandshake { message: message.kind, short };
            let header = message.header();
            let mut fault = Fault::new(message.frame, from, message.offset, kind, &header);
            fault.extend(message.body);
            self.fault(fault);
        }
    }

    /// The record that completes the messages of `from` after the first `listed` ones is whole with `frame`.
    pub(in super::super) fn complete_with(&mut self, from: Side, listed: usize, frame: FrameRef) {
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
    #[cold]
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
                let empty = self.empty_certificate.written().and_then(|empty| empty[from].as_mut());
                sent.chain(empty).collect()
            }
            HandshakeType::CERTIFICATE_STATUS => {
                self.ocsp_staple.as_mut().map(|staple| &mut staple.0).into_iter().collect()
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
                    self.ocsp_staple.get_or_insert_with(|| Box::new((m.frame, response.into())));
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
    pub(in super::super) fn client_hello(&mut self, hello: ClientHello) {
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

    pub(super) fn certificates(&mut self, from: Side, frame: FrameRef, all: &[&[u8]]) {
        if all.is_empty() {
            self.empty_certificate[from].get_or_insert(frame);
        }
        let mut kept = self.certificate_bytes;
        for der in all {
            kept += der.len();
            if self.certificates.len() < MAX_CERTIFICATES && kept <= MAX_CERTIFICATE_BYTES {
                self.certificate_bytes += der.len();
                self.certificates.push(Certificate::new(frame, from, der));
            } else {
                self.certificates_unlisted += 1;
            }
        }
    }
}
