//! Both directions together: which response answers which request.

use super::log::Log;
use super::pending::Pending;
use super::reader::{Reader, State};
use super::transcript::{CloudFrontMark, Exchange, Foreign, Transcript, Unsolicited};
use super::{Request, Response};
use crate::base::{FrameRef, PerSide, Side};

/// Requests that wait for their response. A pipelining client that sends more has its oldest exchanges closed as
/// unanswered; their responses, when they come, are exchanges without a request.
pub const MAX_PENDING: usize = 1_024;

/// How a side ended its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// In order.
    Fin,
    /// By reset.
    Rst,
}

/// Reads both directions of one connection as they come, and remembers exchanges.
///
/// Invariant: it stores no body byte but the beginning of an error's, no head but a line that has not ended yet,
/// and its memory does not grow with the length of the connection.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    inner: Box<Inner>,
}

/// Which response is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Target {
    /// That of the oldest pending exchange.
    #[default]
    Front,
    /// One that no request asked for.
    Orphan,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Inner {
    pub(super) client: Reader,
    pub(super) server: Reader,
    /// Exchanges that are not over, oldest first. The client writes to the last, the server to the first. Each stays
    /// where it is until the connection is over: it is large, and goes through several hands.
    pub(super) pending: Pending,
    pub(super) target: Target,
    pub(super) orphan: Option<Box<Response>>,
    /// The exchange that was closed last: bytes may follow that are too many.
    pub(super) last: Option<Box<Exchange>>,
    /// Bytes of the response that ended last, if it answered a request.
    pub(super) ended_at: Option<u64>,
    /// The frame in which bytes after the end of a response began.
    pub(super) stray_since: Option<FrameRef>,
    /// An exchange was opened before the request line was whole.
    pub(super) begun: bool,
    /// Bytes of the targets of pending requests.
    pub(super) asked: usize,
    /// Memory that exchanges take which are over, and what no request asked for, in bytes.
    pub(super) kept: usize,
    /// Exchanges closed by [`MAX_PENDING`] whose responses are still to come.
    pub(super) overflowed: u64,
    pub(super) log: Log,
    pub(super) total: u64,
    pub(super) unsolicited: Vec<Unsolicited>,
    pub(super) unsolicited_total: u64,
    pub(super) upgraded: Option<FrameRef>,
    /// What it became is a WebSocket.
    pub(super) websocket: bool,
    pub(super) via_cloudfront: Option<CloudFrontMark>,
    pub(super) probe: Option<FrameRef>,
    pub(super) health_check: Option<FrameRef>,
    /// A request of somebody else than a health checker was seen.
    pub(super) visited: bool,
    pub(super) not_http: PerSide<Option<Foreign>>,
    mid_stream: bool,
}

impl Observer {
    /// For a connection that was seen from its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For a connection that began before the capture, or of which one direction was not captured: messages are
    /// looked for at the beginnings of segments, and a response without request is an exchange of its own.
    #[must_use]
    pub fn mid_stream() -> Self {
        let mut inner = Inner { mid_stream: true, ..Inner::default() };
        (inner.client.state, inner.server.state) = (State::Adrift, State::Adrift);
        Self { inner: Box::new(inner) }
    }

    /// The next bytes of a direction, in the order of the stream. Requests come from [`Side::Client`]. Gives back those
    /// that are not HTTP/1 any more, because the connection became something else before them.
    pub fn data<'a>(&mut self, from: Side, bytes: &'a [u8], frame: FrameRef) -> &'a [u8] {
        if bytes.is_empty() {
            return bytes;
        }
        match from {
            Side::Client => self.inner.client_data(bytes, frame),
            Side::Server if self.inner.count_body(bytes, frame) => &[],
            Side::Server => self.inner.server_data(bytes, frame),
        }
    }

    /// The next `len` bytes of a direction are not in the capture; the stream goes on after them.
    pub fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        if len == 0 {
            return;
        }
        match from {
            Side::Client => self.inner.client_gap(len, frame),
            Side::Server => self.inner.server_gap(len, frame),
        }
    }

    /// A direction has ended. A FIN completes a body that lasts until the close; nothing else does.
    pub fn end(&mut self, from: Side, frame: FrameRef, how: End) {
        if (from, how) == (Side::Server, End::Fin) {
            self.inner.server_fin(frame);
        }
    }

    /// Requests that have no final response yet, not a byte of it.
    #[must_use]
    pub fn awaiting(&self) -> usize {
        let pending = self.inner.pending.iter();
        pending.filter(|e| e.response.as_ref().is_none_or(Response::is_interim)).count()
    }

    /// Memory that exchanges take, about so many bytes.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        self.inner.kept + self.inner.asked + self.inner.pending.len() * size_of::<Exchange>()
    }

    /// Whether the connection became something else than HTTP/1.
    #[must_use]
    pub fn is_upgraded(&self) -> bool {
        self.inner.upgraded.is_some()
    }

    /// Whether it became a WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.inner.websocket
    }

    /// What was seen so far.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.clone().finish()
    }

    /// What was seen.
    #[must_use]
    pub fn finish(mut self) -> Transcript {
        self.inner.finish()
    }
}

impl Inner {
    /// Adds an exchange to those that are not over.
    pub(super) fn open(&mut self, request: Option<Request>) {
        self.asked += request.as_ref().map_or(0, |request| request.target.len());
        self.pending.push_back(Box::new(Exchange::new(self.total, request)));
        self.total += 1;
        if self.pending.len() > MAX_PENDING {
            self.close_front();
            self.overflowed += 1;
        }
    }

    /// The oldest exchange is over, as it stands.
    pub(super) fn close_front(&mut self) {
        if let Some(mut exchange) = self.pending.pop_front() {
            exchange.settle_interim();
            self.asked = self.asked.saturating_sub(exchange.request.as_ref().map_or(0, |request| request.target.len()));
            self.remember(exchange);
        }
    }

    fn remember(&mut self, mut exchange: Box<Exchange>) {
        if let Some(previous) = &self.last {
            exchange.follows(previous);
        }
        if let Some(request) = &exchange.request {
            self.via_cloudfront = self.via_cloudfront.or_else(|| request.cloudfront_mark());
            self.probe = self.probe.or_else(|| request.is_a_probes().then_some(request.frame));
            let checker = request.is_health_check();
            self.health_check = self.health_check.or(checker.then_some(request.frame));
            self.visited |= !checker;
        }
        self.kept += exchange.held();
        if let Some(counted) = self.last.replace(exchange).and_then(|previous| self.log.push(previous)) {
            self.kept = self.kept.saturating_sub(counted.held());
        }
    }

    /// Everything after a 101 or a CONNECT that was granted is another protocol.
    pub(super) fn become_tunnel(&mut self, frame: FrameRef) {
        self.upgraded = Some(frame);
        (self.client.state, self.server.state) = (State::Tunnel, State::Tunnel);
        self.client.lines.clear();
        self.server.lines.clear();
    }

    fn finish(&mut self) -> Transcript {
        self.salvage_request();
        self.salvage_response();
        self.close_orphan();
        while !self.pending.is_empty() {
            self.close_front();
        }
        if let Some(last) = self.last.take() {
            self.log.push(last);
        }
        let (exchanges, unlisted) = std::mem::take(&mut self.log).into_exchanges();
        Transcript {
            exchanges,
            unlisted,
            total: self.total,
            unsolicited: std::mem::take(&mut self.unsolicited),
            unsolicited_total: self.unsolicited_total,
            upgraded: self.upgraded,
            via_cloudfront: self.via_cloudfront,
            probe: self.probe,
            health_check: self.health_check.filter(|_| !self.visited),
            lost: PerSide { client: self.client.lost, server: self.server.lost },
            not_http: std::mem::take(&mut self.not_http),
            mid_stream: self.mid_stream,
        }
    }
}
