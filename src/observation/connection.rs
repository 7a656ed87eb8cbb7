//! One finished connection: the sum of what the stages saw.

use crate::base::{Endpoint, FrameRef, Micros, PerSide, Side, Timestamp};
use crate::link::Encapsulation;
use crate::session::{Foreign, http1, http2, proxy, tls, websocket};
use crate::tcp::{Closer, End, Summary};

use super::edge::{Callers, Edge, Role};
use super::trust::Chain;

/// What told the client from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// The SYN, or the SYN-ACK.
    Syn,
    /// The protocol: who sent a ClientHello or a request, or who answered.
    Protocol,
    /// The port numbers: the lower one is taken for the server's.
    Port,
}

/// Why nothing more is heard of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// FIN from both sides, or RST.
    Closed,
    /// No packet for so long that it counts as over.
    Idle,
    /// Another connection took its four-tuple.
    Replaced,
    /// The capture ended.
    CaptureEnd,
    /// The table of open connections was full.
    Evicted,
}

/// Everything that was seen of one connection.
#[derive(Debug)]
pub struct Connection {
    /// 1-based, by first frame.
    pub id: u64,
    /// The edge's end.
    pub client: Endpoint,
    /// The origin's end.
    pub server: Endpoint,
    /// How it is known which end is which.
    pub orientation: Orientation,
    /// Tags and tunnels around the first packet.
    pub encapsulation: Encapsulation,
    /// The first packet.
    pub first: FrameRef,
    /// The last packet.
    pub last: FrameRef,
    /// When the capture last saw any packet of any connection before this one was put away, by the clock of this one's
    /// last packet; time that passed while the capture stood still does not count.
    pub watched_until: Timestamp,
    /// The first packet before which the capture's clock was set, or the capture stood still for long, since the
    /// connection's first: durations across it mean nothing.
    pub clock_step: Option<FrameRef>,
    /// Why nothing more is heard of it.
    pub ended: Ended,
    /// The TCP stage's account.
    pub tcp: Box<Summary>,
    /// The PROXY protocol header before everything else of the client's.
    pub proxy_protocol: Option<Box<proxy::Header>>,
    /// The TLS handshake, where either side spoke TLS.
    pub tls: Option<Box<tls::Transcript>>,
    /// What is to be said of the certificates that the origin sent in clear.
    pub chain: Option<Chain>,
    /// The HTTP/1 exchanges, where either side spoke HTTP/1 in clear.
    pub http: Option<Box<http1::Transcript>>,
    /// The streams of HTTP/2, where either side spoke that in clear.
    pub http2: Option<Box<http2::Transcript>>,
    /// The frames of a WebSocket, in clear.
    pub websocket: Option<Box<websocket::Transcript>>,
    /// The first bytes of a side that spoke none of these.
    pub foreign: PerSide<Option<Box<Foreign>>>,
    /// What it says itself of who calls.
    pub callers: Callers,
    /// Whose client it is.
    pub edge: Edge,
    /// Whose connection it is.
    pub role: Role,
}

impl Connection {
    /// What brought the connection to its end, where something did.
    #[must_use]
    pub fn closer(&self) -> Option<Closer> {
        self.tcp.end.closer
    }

    /// What brought the connection to its end, where the capture leaves no doubt about it.
    #[must_use]
    pub fn certain_end(&self) -> Option<Closer> {
        self.tcp.end.closer.filter(|_| !self.tcp.end.closer_in_doubt)
    }

    /// Where `side` ended the connection, if it was surely the one that did.
    #[must_use]
    pub fn closed_by(&self, side: Side) -> Option<Closer> {
        self.certain_end().filter(|c| c.side == side)
    }

    /// Where `side` ended the connection in this way, if it was surely the one that did.
    #[must_use]
    pub fn ended_with(&self, side: Side, how: End) -> Option<FrameRef> {
        self.closed_by(side).filter(|c| c.how == how).map(|c| c.frame)
    }

    /// Whether the capture ended while the connection was open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended == Ended::CaptureEnd && self.tcp.end.closer.is_none()
    }

    /// Whether the beginning is in the capture.
    #[must_use]
    pub fn has_beginning(&self) -> bool {
        self.tcp.syn.is_some() || self.tcp.syn_ack.is_some()
    }

    /// Whether packets of only one side were captured, although the other side must have sent some.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        let deaf = |side: Side| !self.tcp.heard(side) && self.tcp.heard(side.peer());
        // A SYN without answer is a finding; only an acknowledgement proves that there was another side.
        (deaf(Side::Server) && (self.tcp.acknowledged_blindly(Side::Server) || self.tcp.syns == 0))
            || deaf(Side::Client)
    }

    /// Whether every byte that `side` sent, from the first, is at hand.
    #[must_use]
    pub fn sees_all_of(&self, side: Side) -> bool {
        self.has_beginning() && self.tcp.heard(side) && self.tcp.is_whole(side)
    }

    /// Whether every byte of both sides, from the first, is accounted for, cut by the snap length or not: enough to tell
    /// what TCP did.
    #[must_use]
    pub fn counts_all(&self) -> bool {
        let counts = |side: Side| self.tcp.heard(side) && self.tcp.counts_all(side);
        self.has_beginning() && counts(Side::Client) && counts(Side::Server)
    }

    /// Whether every byte of both sides is at hand.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.sees_all_of(Side::Client) && self.sees_all_of(Side::Server)
    }

    /// How long the capture went on after the connection's last packet.
    #[must_use]
    pub fn watched_after(&self) -> Micros {
        self.watched_until.since(self.last.time)
    }

    /// Whether either side spoke HTTP that could be read, of any version.
    #[must_use]
    pub fn shows_http(&self) -> bool {
        self.http.is_some() || self.http2.is_some()
    }

    /// The name that the client asked for in its ClientHello.
    #[must_use]
    pub fn sni(&self) -> Option<&str> {
        self.tls.as_ref()?.client_hello.as_ref()?.sni.as_deref()
    }
}
