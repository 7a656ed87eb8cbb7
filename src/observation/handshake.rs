//! How far a TLS handshake had come when the connection ended: who owed what to whom.
//!
//! ```text
//! edge:    ClientHello                    key exchange, Finished
//! origin:             ServerHello ... flight                    Finished
//!             |            |             |        |
//!             |  answer    |   flight    | silence: the edge has not gone on
//! ```
//! "End" is the first FIN or RST, and order is order in the capture: what comes after the end was on its way already.
//! Where bytes that would decide are not in the capture, there is no answer. A packet that the snap length cut is not a
//! lost one: what its first bytes say stands, and that it came; so each question asks for the bytes that it needs, and
//! only one about a message that did not come asks for all of them.

use crate::base::{FrameRef, Side};
use crate::session::tls::{Alert, ContentType, CutMessage, HandshakeType, MessageSeen, Transcript};
use crate::tcp::Closer;

use super::Connection;

impl Connection {
    /// The TLS of a connection of which every byte is at hand, from the SYN on.
    ///
    /// Only there a missing message says something.
    #[must_use]
    pub fn whole_tls(&self) -> Option<&Transcript> {
        let tls = self.tls.as_ref()?;
        let whole = self.sees_all() && !tls.lost.client && !tls.lost.server;
        whole.then_some(tls)
    }

    /// The TLS of a connection of which every byte is accounted for, from the SYN on, cut by the snap length or not.
    ///
    /// What is read there was said, and in this order. A PROXY protocol header in front asks for all of the bytes: they
    /// tell whether the origin took it.
    #[must_use]
    pub fn tls_from_start(&self) -> Option<&Transcript> {
        let accounted = if self.proxy_protocol.is_some() { self.sees_all() } else { self.counts_all() };
        self.tls.as_deref().filter(|_| accounted)
    }

    /// Whether a frame comes before the connection ended, or ends it.
    #[must_use]
    pub fn before_end(&self, frame: FrameRef) -> bool {
        self.tcp.end.closer.is_none_or(|end| frame <= end.frame)
    }

    /// The origin's first byte, if the edge could still take it.
    #[must_use]
    pub fn first_answer(&self) -> Option<FrameRef> {
        self.tcp.streams.first_data.server.filter(|&data| self.before_end(data))
    }

    /// The first byte of the ClientHello with which the edge began the connection, whether or not its end is there. A
    /// PROXY protocol header before it does not count.
    #[must_use]
    pub fn hello_begins(&self) -> Option<FrameRef> {
        let tls = self.tls_from_start()?;
        let begins = match &tls.client_hello {
            Some(hello) => hello.first_frame,
            None => tls.records.client.first.filter(|_| is_half_a_hello(tls) || cut_hello(tls).is_some())?,
        };
        let reordered = self.tcp.odd.out_of_order.client > 0 || self.tcp.odd.retransmissions.client > 0;
        (self.comes_first(begins) || (reordered && !tls.lost.client)).then_some(begins)
    }

    /// The frame that completes the ClientHello, whether or not all of it was captured.
    #[must_use]
    pub fn hello_ends(&self) -> Option<FrameRef> {
        let tls = self.tls.as_ref()?;
        let whole = tls.client_hello.as_ref().map(|hello| hello.frame);
        whole.or_else(|| cut_hello(tls)?.ended)
    }

    /// The fatal alert with which the origin answered the ClientHello, before it said anything else that counts.
    #[must_use]
    pub fn refusal(&self) -> Option<&Alert> {
        self.hello_begins()?;
        // What is missing of the edge's came before the alert or does not matter any more.
        let tls = self.tls_from_start().filter(|tls| tls.fault.is_none() && !tls.lost.server)?;
        let first = tls.alerts.iter().find(|alert| alert.ends_handshake())?;
        let answered = tls.server_hello.as_ref().is_some_and(|hello| hello.frame <= first.frame);
        let fatal = first.from == Side::Server && first.level == Some(Alert::FATAL);
        (fatal && !answered && self.before_end(first.frame)).then_some(first)
    }

    /// The alert with which a side ended the handshake, before anybody had ended it otherwise or it was finished. It may
    /// be encrypted, up to TLS 1.2.
    #[must_use]
    pub fn handshake_alert(&self, from: Side) -> Option<&Alert> {
        self.hello_begins()?;
        let Some(tls) = self.whole_tls().filter(|tls| tls.fault.is_none()) else {
            // Where messages are missing, a handshake that was refused at once is the one that surely was not finished.
            return self.refusal().filter(|alert| alert.from == from);
        };
        let first = tls.alerts.iter().find(|alert| alert.ends_handshake()).filter(|alert| alert.from == from)?;
        let unfinished = tls.handshake_done().is_none_or(|done| first.frame <= done);
        // The ends of the other side come first where the alert answers them.
        let own = self.tcp.end.closer.is_none_or(|end| end.side == from || first.frame <= end.frame);
        (unfinished && own).then_some(first)
    }

    /// The origin's end of a handshake that it had answered and that neither side had finished or given up before.
    #[must_use]
    pub fn origin_left_handshake(&self) -> Option<Closer> {
        let begins = self.hello_begins()?;
        let end = self.closed_by(Side::Server)?;
        let tls = self.whole_tls().filter(|tls| tls.fault.is_none() && tls.records.server.count > 0)?;
        // In TLS 1.3 the edge's Finished is all that can be seen of the end of the handshake.
        let finished = if tls.is_tls13() { self.edge_went_on() } else { tls.handshake_done() };
        let given_up = tls.alerts.iter().any(|a| a.ends_handshake() && a.frame <= end.frame);
        let hidden_alert = tls.tls13.alert_sized.server.is_some();
        (begins < end.frame && finished.is_none() && !given_up && !hidden_alert).then_some(end)
    }

    /// The version that the origin chose, if the edge had not offered it.
    #[must_use]
    pub fn version_not_offered(&self) -> Option<u16> {
        let tls = self.tls.as_ref()?;
        let (client, server) = (tls.client_hello.as_ref()?, tls.server_hello.as_ref()?);
        let offered = if client.versions.is_empty() {
            // The hello names its highest version only.
            server.version <= client.legacy_version
        } else {
            client.versions.contains(&server.version)
        };
        (!offered).then_some(server.version)
    }

    /// Where the origin's first flight ended, if it reached the edge before the end: with ServerHelloDone up to
    /// TLS 1.2, with the last encrypted record that is no alert in TLS 1.3.
    #[must_use]
    pub fn server_flight(&self) -> Option<FrameRef> {
        let tls = self.tls.as_ref()?;
        if !tls.is_tls13() {
            return tls.server_hello_done().filter(|&done| self.before_end(done));
        }
        let alert = tls.tls13.alert_sized.server;
        let of_flight = |frame: &FrameRef| Some(*frame) != alert && self.before_end(*frame);
        let records = tls.encrypted.server.first.iter().rev();
        let encrypted = records.filter(|r| r.complete && r.content_type == ContentType::APPLICATION_DATA);
        encrypted.map(|r| r.frame).find(of_flight)
    }

    /// The first thing that the edge sends after the origin's flight and would not send had it refused that: a key
    /// exchange, a certificate of its own, anything encrypted but a lone alert.
    #[must_use]
    pub fn edge_went_on(&self) -> Option<FrameRef> {
        let tls = self.tls.as_ref()?;
        let encrypted = &tls.encrypted.client;
        if tls.is_tls13() {
            let lone_alert = encrypted.application == 1 && tls.tls13.alert_sized.client.is_some();
            return encrypted.first_application.filter(|_| !lone_alert);
        }
        let goes_on = |m: &&MessageSeen| {
            let kind = matches!(m.kind, HandshakeType::CERTIFICATE | HandshakeType::CLIENT_KEY_EXCHANGE);
            kind && m.from == Side::Client
        };
        let message = tls.messages.iter().filter(goes_on).map(|m| m.frame).min();
        let keys = tls.change_cipher_spec.client;
        [message, keys, encrypted.first_handshake, encrypted.first_application].iter().flatten().min().copied()
    }

    /// The first alert of a side that ends a handshake, in clear or not.
    #[must_use]
    pub fn ending_alert(&self, from: Side) -> Option<&Alert> {
        self.tls.as_ref()?.alerts.iter().find(|alert| alert.from == from && alert.ends_handshake())
    }
}

/// Whether nothing of a side's TLS is there but the beginning of its first message.
fn is_half_a_hello(tls: &Transcript) -> bool {
    let spoke =
        tls.messages.iter().any(|m| m.from == Side::Client) || tls.alerts.iter().any(|a| a.from == Side::Client);
    let encrypted = tls.encrypted.client.last.is_some() || tls.change_cipher_spec.client.is_some();
    let broken = tls.fault.as_ref().is_some_and(|fault| fault.from == Side::Client);
    !broken && !spoke && !encrypted && !tls.lost.client
}

/// The ClientHello with which the client began, where a hole hid a part of it.
fn cut_hello(tls: &Transcript) -> Option<CutMessage> {
    let spoke_before = tls.messages.iter().any(|m| m.from == Side::Client);
    let is_hello = |cut: &CutMessage| cut.kind == HandshakeType::CLIENT_HELLO && !spoke_before;
    tls.cut_message.client.filter(is_hello)
}
