//! How long the steps of a connection took.
//!
//! ```text
//! edge:    SYN           ACK  ClientHello                  Finished   request            request   FIN
//!           |             |        |                           |         |                  |       |
//! origin:   |   SYN-ACK   |        |   ServerHello ... flight   |         |  response ...    |  ...  |
//!           | host | network | edge |  host  |  host   |  edge  |         | first |     idle         idle
//!           |             |        |        TLS handshake       |         | byte  |
//! ```
//! Whose time a step is, is said for a capture taken at the origin: there the network is in what the edge takes.
//! A step of which an end is not in the capture, or that a clock which was set makes negative, has no duration.

use crate::base::{FrameRef, Histogram, Micros, Side};
use crate::session::tls::{ContentType, Transcript};

use super::{Connection, encrypted};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From the first SYN to the first SYN-ACK: the host's own time.
    SynAck,
    /// From the only SYN-ACK to the ACK: the network's round trip. Where the SYN-ACK was sent again it cannot be told
    /// which one the ACK answers (RFC 6298 section 3).
    NetworkRtt,
    /// From the ACK to the first byte of the ClientHello: the edge's time.
    ClientHello,
    /// From the ClientHello to the ServerHello or HelloRetryRequest: the host's time.
    ServerHello,
    /// From the ServerHello to the end of the origin's flight: the host's time, and the network's where the flight is
    /// larger than the congestion window.
    ServerFlight,
    /// From the end of the origin's flight to what the edge sends next: its verdict on the certificate, and one
    /// network round trip.
    ClientFlight,
    /// From the first byte of the ClientHello to the end of the handshake.
    TlsHandshake,
    /// From the first byte of a request to the first byte of its final response.
    FirstByte,
    /// From the first byte of a request to the last byte of its response.
    Exchange,
    /// From the end of a response to the next request.
    IdleBeforeRequest,
    /// From the end of the last response to the FIN, RST or closing alert that ended the connection.
    IdleBeforeClose,
}

impl Step {
    /// All steps, in the order in which they come.
    pub const ALL: [Step; 11] = [
        Step::SynAck,
        Step::NetworkRtt,
        Step::ClientHello,
        Step::ServerHello,
        Step::ServerFlight,
        Step::ClientFlight,
        Step::TlsHandshake,
        Step::FirstByte,
        Step::Exchange,
        Step::IdleBeforeRequest,
        Step::IdleBeforeClose,
    ];

    /// The name in the report; durations in microseconds have `_us` behind it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::SynAck => "syn_ack",
            Step::NetworkRtt => "network_rtt",
            Step::ClientHello => "client_hello",
            Step::ServerHello => "server_hello",
            Step::ServerFlight => "server_flight",
            Step::ClientFlight => "client_flight",
            Step::TlsHandshake => "tls_handshake",
            Step::FirstByte => "first_byte",
            Step::Exchange => "exchange",
            Step::IdleBeforeRequest => "idle_before_request",
            Step::IdleBeforeClose => "idle_before_close",
        }
    }
}

/// The durations of many connections, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timings([Histogram; Step::ALL.len()]);

impl Timings {
    /// Adds every step of a connection, and of all its exchanges.
    pub fn add(&mut self, c: &Connection) {
        let [
            syn_ack,
            network_rtt,
            client_hello,
            server_hello,
            server_flight,
            client_flight,
            tls_handshake,
            first_byte,
            exchange,
            idle_before,
            idle_before_close,
        ] = &mut self.0;
        let add = |histogram: &mut Histogram, step| c.took(step).into_iter().for_each(|took| histogram.add(took));
        add(syn_ack, Step::SynAck);
        add(network_rtt, Step::NetworkRtt);
        add(idle_before_close, Step::IdleBeforeClose);
        if c.tls.is_some() {
            add(client_hello, Step::ClientHello);
            add(server_hello, Step::ServerHello);
            let (origins, edges) = c.flights();
            origins.into_iter().for_each(|took| server_flight.add(took));
            edges.into_iter().for_each(|took| client_flight.add(took));
            add(tls_handshake, Step::TlsHandshake);
        }
        if let Some(http) = &c.http2 {
            for e in &http.exchanges {
                e.first_byte().into_iter().for_each(|took| first_byte.add(took));
                e.duration().into_iter().for_each(|took| exchange.add(took));
            }
            if let Some(unlisted) = &http.unlisted {
                first_byte.absorb(&unlisted.first_byte);
                exchange.absorb(&unlisted.duration);
            }
        } else if let Some(http) = &c.http {
            for e in http.exchanges.iter() {
                e.first_byte().into_iter().for_each(|took| first_byte.add(took));
                e.duration().into_iter().for_each(|took| exchange.add(took));
                e.idle_before().into_iter().for_each(|took| idle_before.add(took));
            }
            if let Some(unlisted) = &http.unlisted {
                first_byte.absorb(&unlisted.first_byte);
                exchange.absorb(&unlisted.duration);
                idle_before.absorb(&unlisted.idle_before);
            }
        }
    }

    /// Adds how long a step took.
    pub fn note(&mut self, step: Step, took: Micros) {
        let at = Step::ALL.iter().position(|known| *known == step);
        at.and_then(|at| self.0.get_mut(at)).into_iter().for_each(|histogram| histogram.add(took));
    }

    /// Adds what others were counted in.
    pub fn absorb(&mut self, other: &Timings) {
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            ours.absorb(theirs);
        }
    }

    /// Each step with its durations.
    pub fn steps(&self) -> impl Iterator<Item = (Step, &Histogram)> {
        Step::ALL.into_iter().zip(&self.0)
    }
}

impl Connection {
    /// How long a step took that a connection has once; `None` for those of an exchange.
    #[must_use]
    pub fn took(&self, step: Step) -> Option<Micros> {
        let tls = self.tls.as_deref();
        let hello = tls.and_then(|t| t.client_hello.as_ref());
        match step {
            Step::SynAck => between(self.tcp.syn, self.tcp.syn_ack),
            Step::NetworkRtt => between(self.tcp.syn_ack.filter(|_| self.tcp.syn_acks == 1), self.tcp.established),
            Step::ClientHello => between(self.tcp.established, hello.map(|h| h.first_frame)),
            Step::ServerHello => between(hello.map(|h| h.frame), tls.and_then(first_hello)),
            Step::ServerFlight => self.flights().0,
            Step::ClientFlight => self.flights().1,
            Step::TlsHandshake => between(hello.map(|h| h.first_frame), tls?.handshake_done()),
            Step::IdleBeforeClose => {
                let end = self.certain_end()?.frame;
                let closing = |a: FrameRef| tls.and_then(|t| closing_alert(t, a)).map_or(end, |alert| alert.min(end));
                self.last_response().and_then(|answer| between(Some(answer), Some(closing(answer))))
            }
            Step::FirstByte | Step::Exchange | Step::IdleBeforeRequest => None,
        }
    }

    /// How long the origin's first flight took, and how long the edge took to answer it.
    fn flights(&self) -> (Option<Micros>, Option<Micros>) {
        let hello = self.tls.as_ref().and_then(|tls| tls.server_hello.as_ref()).map(|h| h.frame);
        let next = self.edge_went_on();
        let ended = self.flight_ended(next);
        (between(hello, ended), between(ended, next))
    }

    /// Where the origin's first flight ended: before the edge went on, here, if it did.
    fn flight_ended(&self, next: Option<FrameRef>) -> Option<FrameRef> {
        let tls = self.tls.as_ref()?;
        let Some(next) = next else { return self.server_flight() };
        let before = |frame: &FrameRef| *frame < next;
        if !tls.is_tls13() {
            // An abbreviated handshake ends with the origin's Finished (RFC 5246 section 7.3).
            return tls.server_hello_done().or(tls.encrypted.server.first_handshake).filter(before);
        }
        let records = tls.encrypted.server.first.iter().rev();
        let complete = records.filter(|r| r.complete && r.content_type == ContentType::APPLICATION_DATA);
        complete.map(|r| r.frame).find(before)
    }

    /// The end of the last response, if nothing was asked after it.
    fn last_response(&self) -> Option<FrameRef> {
        if let Some(http) = &self.http2 {
            // Streams overlap: nothing was asked after the last response where all have one.
            let ends = http.exchanges.iter().map(|e| e.response.as_ref().filter(|r| r.complete).map(|r| r.last_frame));
            return ends.collect::<Option<Vec<_>>>()?.into_iter().max();
        }
        if let Some(http) = &self.http {
            let last = http.exchanges.last()?.response.as_ref().filter(|r| r.complete && http.upgraded.is_none())?;
            return Some(last.last_frame);
        }
        // What looks like an answer may be a session ticket.
        let tls = self.tls.as_ref().filter(|tls| self.sees_all() && !encrypted::may_be_tickets(self, tls))?;
        let answer = super::hidden_exchange::last_answer(tls)?;
        encrypted::asked(tls).filter(|asked| *asked < answer).map(|_| answer)
    }
}

/// From one packet to a later one.
fn between(from: Option<FrameRef>, to: Option<FrameRef>) -> Option<Micros> {
    let (from, to) = from.zip(to)?;
    Some(to.since(from)).filter(|took| took.0 >= 0)
}

/// What answers the first ClientHello.
fn first_hello(tls: &Transcript) -> Option<FrameRef> {
    tls.hello_retry_request.or(tls.server_hello.as_ref().map(|h| h.frame))
}

/// The first alert after the last answer: a side announces that it closes.
fn closing_alert(tls: &Transcript, answer: FrameRef) -> Option<FrameRef> {
    let told = tls.alerts.iter().map(|a| a.frame);
    let hidden = [Side::Client, Side::Server].into_iter().filter_map(|side| tls.tls13.alert_sized[side]);
    told.chain(hidden).filter(|alert| *alert > answer).min()
}
