//! What the lengths of TLS 1.3 records give away.
//!
//! After the ServerHello every record is of type application_data (RFC 8446 section 5.2). Three lengths are the same
//! for everybody who does not pad: Finished, which is as long as the hash of the suite; the Certificate of a client
//! that has none; and an alert. From them follows where the client's handshake ends and its requests begin:
//!
//! ```text
//! client: [early data] [EndOfEarlyData] [Certificate [CertificateVerify]] Finished | application data ...
//! server: EncryptedExtensions ... Finished [tickets]                               | application data ... or tickets
//! ```
//!
//! Where records are opened by keys, the same marks are set from what is in them.
//!
//! What cannot be told: the server's tickets from short responses, and anything of a peer that pads. A client that
//! sends its flight in one record is followed by counting: it has at most `CLIENT_FLIGHT` records.

use super::record::ContentType;
use crate::base::{Blank, FrameRef, PerSide, Side};

/// Marks in the encrypted part of a TLS 1.3 connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tls13Marks {
    /// The client's record of the length of a Finished: it accepted the server's certificate.
    pub client_finished: Option<FrameRef>,
    /// The client's record of the length of an empty Certificate, before its Finished: a certificate was asked for,
    /// and it has none.
    pub empty_certificate: Option<FrameRef>,
    /// The client's first record after its Finished that is no alert.
    pub client_application: Option<FrameRef>,
    /// The client's last record from [`client_application`](Self::client_application) on that is no alert.
    pub last_asked: Option<FrameRef>,
    /// The server's first record after [`client_application`](Self::client_application) that is no alert: an answer,
    /// or a ticket, which too is sent only to a client that has finished.
    pub server_application: Option<FrameRef>,
    /// The last record of each side, where it has the length of an alert.
    pub alert_sized: PerSide<Option<FrameRef>>,
    /// The record with the server's Finished, where keys show it.
    pub server_finished: Option<FrameRef>,
    /// The marks come from what is in the records, and not from lengths.
    pub told: bool,
    client_records: u8,
}

impl Blank for Tls13Marks {
    const BLANK: &'static Self = &Self::EMPTY;
}

/// What a record turned out to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) content_type: ContentType,
    /// It has a Finished.
    pub(super) finished: bool,
    /// It has a Certificate without a certificate.
    pub(super) empty_certificate: bool,
}

/// EndOfEarlyData, Certificate, CertificateVerify, Finished: the most records before a client's application data.
const CLIENT_FLIGHT: u8 = 4;

/// Type byte of the inner plaintext (RFC 8446 section 5.2).
const INNER_TYPE: u16 = 1;
/// Header of a handshake message.
const HEADER: u16 = 4;
/// A Certificate with no context and no entries (RFC 8446 section 4.4.2).
const EMPTY_CERTIFICATE: u16 = HEADER + 1 + 3;
/// Level and description.
const ALERT: u16 = 2;

impl Tls13Marks {
    const EMPTY: Self = Self {
        client_finished: None,
        empty_certificate: None,
        client_application: None,
        last_asked: None,
        server_application: None,
        alert_sized: PerSide { client: None, server: None },
        server_finished: None,
        told: false,
        client_records: 0,
    };

    /// A record after the ServerHello was opened; `frame` has its header.
    pub(super) fn told(&mut self, from: Side, content: Content, frame: FrameRef) {
        self.told = true;
        let is_alert = content.content_type == ContentType::ALERT;
        self.alert_sized[from] = is_alert.then_some(frame);
        if content.content_type == ContentType::APPLICATION_DATA {
            match from {
                Side::Client => {
                    self.client_application.get_or_insert(frame);
                    self.last_asked = Some(frame);
                }
                Side::Server if self.client_application.is_some() => {
                    self.server_application.get_or_insert(frame);
                }
                Side::Server => {}
            }
        }
        if content.empty_certificate && from == Side::Client {
            self.empty_certificate.get_or_insert(frame);
        }
        if content.finished {
            match from {
                Side::Client => self.client_finished.get_or_insert(frame),
                Side::Server => self.server_finished.get_or_insert(frame),
            };
        }
    }

    /// A record of `len` bytes after the ServerHello, under a suite `cipher`; `frame` has its header.
    pub(super) fn record(&mut self, from: Side, len: u16, cipher: u16, early_data: bool, frame: FrameRef) {
        self.told = false;
        let overhead = INNER_TYPE + tag(cipher);
        let is_alert = len == ALERT + overhead;
        self.alert_sized[from] = is_alert.then_some(frame);
        match from {
            Side::Server if is_alert || self.client_application.is_none() => {}
            Side::Server => {
                self.server_application.get_or_insert(frame);
            }
            Side::Client => self.client_record(len, overhead, finished(cipher), early_data, is_alert, frame),
        }
    }

    fn client_record(
        &mut self,
        len: u16,
        overhead: u16,
        finished: u16,
        early_data: bool,
        is_alert: bool,
        frame: FrameRef,
    ) {
        if is_alert {
            return;
        }
        if self.client_application.is_some() {
            self.last_asked = Some(frame);
            return;
        }
        self.client_records = self.client_records.saturating_add(1);
        // A flight in one record has grown out of the length of a Finished; early data may go on for long.
        let flight_is_over = self.client_records > CLIENT_FLIGHT && !early_data;
        if self.client_finished.is_some() || flight_is_over {
            (self.client_application, self.last_asked) = (Some(frame), Some(frame));
        } else if len == finished + overhead {
            self.client_finished = Some(frame);
        } else if len == EMPTY_CERTIFICATE + overhead {
            self.empty_certificate.get_or_insert(frame);
        } else if len == EMPTY_CERTIFICATE + finished + overhead {
            (self.empty_certificate, self.client_finished) = (Some(frame), Some(frame));
        }
    }
}

/// Length of a Finished message: that of the hash of the suite (RFC 8446 section 4.4.4, RFC 8998 for SM3).
const fn finished(cipher: u16) -> u16 {
    const TLS_AES_256_GCM_SHA384: u16 = 0x1302;
    HEADER + if cipher == TLS_AES_256_GCM_SHA384 { 48 } else { 32 }
}

/// Length of the tag that authenticates a record.
const fn tag(cipher: u16) -> u16 {
    const TLS_AES_128_CCM_8_SHA256: u16 = 0x1305;
    if cipher == TLS_AES_128_CCM_8_SHA256 { 8 } else { 16 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    fn run(cipher: u16, early_data: bool, records: &[(Side, u16)]) -> Tls13Marks {
        let mut marks = Tls13Marks::EMPTY;
        for ((from, len), n) in records.iter().zip(0..) {
            marks.record(*from, *len, cipher, early_data, frame(n));
        }
        marks
    }

    use Side::{Client as C, Server as S};

    #[test]
    fn a_request_and_its_answer_are_seen() {
        let marks = run(0x1301, false, &[(S, 900), (C, 53), (C, 100), (S, 250), (S, 19), (C, 19)]);
        assert_eq!(marks.client_finished, Some(frame(1)));
        assert_eq!((marks.client_application, marks.server_application), (Some(frame(2)), Some(frame(3))));
        assert_eq!(marks.alert_sized, PerSide { client: Some(frame(5)), server: Some(frame(4)) });
    }

    #[test]
    fn a_missing_client_certificate_leaves_its_marks() {
        let marks = run(0x1302, false, &[(S, 900), (C, 25), (C, 69), (C, 100), (S, 19)]);
        assert_eq!((marks.empty_certificate, marks.client_finished), (Some(frame(1)), Some(frame(2))));
        assert_eq!((marks.server_application, marks.alert_sized.server), (None, Some(frame(4))));
        let joined = run(0x1301, false, &[(S, 900), (C, 61)]);
        assert_eq!((joined.empty_certificate, joined.client_finished), (Some(frame(1)), Some(frame(1))));
    }

    #[test]
    fn a_flight_of_unknown_shape_is_over_after_four_records() {
        let marks = run(0x1301, false, &[(C, 2000), (C, 300), (C, 300), (C, 300), (C, 300), (S, 300)]);
        assert_eq!((marks.client_finished, marks.client_application), (None, Some(frame(4))));
        assert_eq!(run(0x1301, true, &[(C, 300); 6]).client_application, None);
    }
}
