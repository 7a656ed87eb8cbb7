//! HTTP exchanges in the light of how the connection ended: which request is owed a response, and who stopped it.
//!
//! ```text
//! request ........ response ............. end of the response
//!    |  unanswered    |      unfinished      |   delivered
//!    +--- end here ---+------ end here ------+--- end here ---
//! ```
//! "End" is the first FIN or RST. Where bytes that would decide are not in the capture, there is no answer.

use crate::base::{FrameRef, Micros, Side};
use crate::session::http1::{ChunkDefect, Exchange, FaultKind, Framing, Request, Response, Transcript};
use crate::session::http2;
use crate::tcp::{Closer, End};

use super::Connection;

/// A client that sends FIN this soon after its request closes its half only, and goes on listening.
const HALF_CLOSE: Micros = Micros::from_millis(10);

/// A request to which no final response had begun when the connection ended.
#[derive(Debug, Clone, Copy)]
pub struct Unanswered<'c> {
    /// The exchange.
    pub exchange: &'c Exchange,
    /// Its request.
    pub request: &'c Request,
    /// What ended the connection.
    pub end: Closer,
}

/// A response that had begun and was not over when the connection ended.
#[derive(Debug, Clone, Copy)]
pub struct Unfinished<'c> {
    /// The exchange.
    pub exchange: &'c Exchange,
    /// Its request.
    pub request: &'c Request,
    /// Its response.
    pub response: &'c Response,
    /// What ended the connection.
    pub end: Closer,
}

impl Unanswered<'_> {
    /// The last thing that either side said in this exchange: the request, or an interim response to it.
    #[must_use]
    pub fn last_word(&self) -> FrameRef {
        let before = |f: &FrameRef| *f < self.end.frame;
        let interim = self.exchange.interim.first.iter().map(|i| i.frame).filter(before).max();
        // What the edge sends after the end was on its way already.
        let counted = self.exchange.lost.client.then_some(self.end.last_data.client).flatten();
        let last = counted.unwrap_or(self.request.last_frame());
        let request = if before(&last) { last.max(self.request.frame) } else { self.request.frame };
        interim.map_or(request, |interim| request.max(interim))
    }

    /// How long it was silent before the connection ended.
    #[must_use]
    pub fn wait(&self) -> Micros {
        self.end.frame.since(self.last_word())
    }

    /// Whether what ended the connection acknowledges no byte of the request: its sender had not received it.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.end.side == Side::Server && self.end.unread && self.end.last_data.client == Some(self.request.frame)
    }

    /// Whether the whole request had been sent, as far as the capture shows: of one that has no body a head is all, and
    /// that is sent in one go.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        let in_one_go = self.exchange.lost.client && has_no_body(self.request.method());
        (self.request.complete || in_one_go) && self.request.last_frame() < self.end.frame
    }
}

impl Unfinished<'_> {
    /// The last packet of the response before the connection ended.
    #[must_use]
    pub fn last_word(&self) -> FrameRef {
        self.end.last_data.server.unwrap_or(self.response.frame).max(self.response.frame)
    }

    /// How long the response stood still before the connection ended.
    #[must_use]
    pub fn stood_still(&self) -> Micros {
        self.end.frame.since(self.last_word())
    }
}

impl Connection {
    /// The request that was on the origin's table, and without a byte of a final response, when the connection ended.
    ///
    /// A response that begins after the edge has gone is none.
    #[must_use]
    pub fn unanswered(&self) -> Option<Unanswered<'_>> {
        let end = self.certain_end()?;
        let exchanges = &self.http.as_ref()?.exchanges;
        let begun = |e: &Exchange| e.response.as_ref().is_some_and(|r| r.frame <= end.frame);
        let owed = exchanges.iter().filter(|e| !begun(e)).find_map(|exchange| {
            let request = exchange.request.as_ref().filter(|r| r.frame < end.frame)?;
            let owed = Unanswered { exchange, request, end };
            if self.crosses(&owed) {
                return None;
            }
            (self.knows_answer(exchange) && self.is_owed(&owed)).then_some(owed)
        })?;
        self.origin_was_silent(&owed).then_some(owed)
    }

    /// Whether it is known when the final response began, if it did: where bytes of the origin are missing it may be
    /// among them, unless they are but the rest of packets that were cut.
    fn knows_answer(&self, exchange: &Exchange) -> bool {
        let begins = exchange.interim.total == 0 && exchange.response.is_some();
        !exchange.lost.server || (begins && self.counts_all())
    }

    /// Whether a request is owed a response that had not begun when the connection ended.
    fn is_owed(&self, owed: &Unanswered<'_>) -> bool {
        let Some(response) = &owed.exchange.response else { return true };
        // What is captured behind a FIN of the same side was sent before it: it was overtaken.
        if owed.end.side == Side::Server && owed.end.how == End::Fin {
            return false;
        }
        let may_be_whole = response.complete || owed.exchange.lost.server;
        // A host whose program has gone answers what comes after its FIN with RST.
        let taken = may_be_whole && self.tcp.unacknowledged(Side::Server) == 0 && self.tcp.end.rst.client.is_none();
        let listens = owed.end.side == Side::Client
            && owed.end.how == End::Fin
            && (owed.wait() < HALF_CLOSE || taken)
            && self.tcp.end.rst.client.is_none_or(|rst| rst > response.last_frame);
        !listens
    }

    /// Whether the origin sent nothing between a request and the end, but interim responses.
    fn origin_was_silent(&self, owed: &Unanswered<'_>) -> bool {
        let apart = |data: FrameRef| data < owed.request.frame || data > owed.end.frame;
        // Where keys opened everything, what the origin sent besides was of TLS: tickets, a farewell.
        let opened = self.tls.as_ref().is_some_and(|tls| {
            let inside = tls.client_hello.as_ref().is_some_and(|hello| hello.frame < owed.request.frame);
            let farewell = tls.alerts.iter().any(|a| a.from == Side::Server && !apart(a.frame));
            tls.decrypted && inside && (owed.end.side == Side::Server || !farewell)
        });
        let silent = opened || owed.exchange.interim.total > 0 || self.tcp.streams.last_data.server.is_none_or(apart);
        self.tcp.heard(Side::Server) && silent && self.knows_its_holes()
    }

    /// Whether bytes of the origin that are missing are known to be missing to whoever read its messages: a hole before
    /// the first byte is not.
    fn knows_its_holes(&self) -> bool {
        let missing = self.tcp.odd.not_captured.server + self.tcp.odd.not_acknowledged.server;
        let told = |http: &Transcript| {
            let within = |e: &Exchange| e.response.as_ref().is_some_and(|r| r.gaps);
            http.lost.server || http.exchanges.iter().any(within)
        };
        missing == 0 || self.http.as_deref().is_some_and(told)
    }

    /// Whether a request was on its way when the origin closed: it comes after the FIN, or the FIN that the host sent on
    /// an idle connection does not acknowledge it.
    fn crosses(&self, owed: &Unanswered<'_>) -> bool {
        let late = owed.request.frame > owed.end.frame;
        owed.end.side == Side::Server && (late || owed.exchange.index > 0 && owed.is_unread())
    }

    /// The request that came when the origin had already closed.
    #[must_use]
    pub fn overtaken(&self) -> Option<Unanswered<'_>> {
        let end = self.closed_by(Side::Server)?;
        let exchanges = &self.http.as_ref()?.exchanges;
        let owed = exchanges.iter().filter(|e| e.response.is_none()).find_map(|exchange| {
            let owed = Unanswered { exchange, request: exchange.request.as_ref()?, end };
            self.crosses(&owed).then_some(owed)
        })?;
        let silent = self.tcp.streams.last_data.server.is_none_or(|data| data < owed.request.frame);
        (silent && !owed.exchange.lost.server && self.knows_its_holes()).then_some(owed)
    }

    /// The response that was cut by the end of the connection, where the capture leaves no doubt about its length.
    #[must_use]
    pub fn unfinished(&self) -> Option<Unfinished<'_>> {
        let end = self.certain_end()?;
        self.http.as_ref()?.exchanges.iter().find_map(|exchange| {
            let request = exchange.request.as_ref()?;
            let response = exchange.response.as_ref().filter(|r| r.frame < end.frame)?;
            let cut = Unfinished { exchange, request, response, end };
            (self.is_cut(&cut) && !exchange.lost.server && has_certain_length(response)).then_some(cut)
        })
    }

    fn is_cut(&self, cut: &Unfinished<'_>) -> bool {
        let gone = |rst: FrameRef| rst < cut.response.last_frame;
        let refused = cut.end.side == Side::Client && self.tcp.end.rst.client.is_some_and(gone);
        !cut.response.complete || refused
    }

    /// The exchange before this one, as far as it was kept.
    #[must_use]
    pub fn exchange_before(&self, exchange: &Exchange) -> Option<&Exchange> {
        let exchanges = &self.http.as_ref()?.exchanges;
        exchanges.iter().find(|e| e.index.checked_add(1) == Some(exchange.index))
    }

    /// How long the connection had been idle when this request came, if it was not the first.
    #[must_use]
    pub fn idle_before(&self, request: &Request, exchange: &Exchange) -> Option<Micros> {
        let response = self.exchange_before(exchange)?.response.as_ref().filter(|r| r.complete)?;
        Some(request.frame.since(response.last_frame))
    }

    /// The `X-Amz-Cf-Id` of the exchange that got no usable response.
    #[must_use]
    pub fn failing_request_id(&self) -> Option<&str> {
        let failing = || {
            let is_error = |e: &&Exchange| e.response.as_ref().is_some_and(|r| r.status == 0 || r.status >= 502);
            self.http.as_ref()?.exchanges.iter().find(is_error)?.request.as_ref()
        };
        if let Some(http) = &self.http2 {
            let owed = self.owed_streams().map(|owed| owed.request).next();
            let error = |e: &&http2::Exchange| e.response.as_ref().is_some_and(|r| r.status >= 502);
            let request = owed.or_else(|| http.exchanges.iter().find(error)?.request.as_ref())?;
            return request.cf_id.as_deref();
        }
        let unanswered = self.unanswered().or_else(|| self.overtaken()).map(|u| u.request);
        let request = unanswered.or_else(|| self.unfinished().map(|u| u.request)).or_else(failing)?;
        request.cf_id.as_deref()
    }
}

/// Whether content of a request with this method means nothing (RFC 9110 sections 9.3.1 and 9.3.2).
fn has_no_body(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// Whether it is beyond doubt where the response ends: no contradiction in its head or its chunks, and no byte missing
/// that was not counted by sequence numbers.
fn has_certain_length(response: &Response) -> bool {
    let doubtful = |kind: FaultKind| {
        matches!(
            kind,
            FaultKind::NoStatusLine
                | FaultKind::MalformedStatusLine
                | FaultKind::ContentLengthInvalid
                | FaultKind::ContentLengthConflict
                | FaultKind::LengthAndChunked
                | FaultKind::TransferEncodingUnsupported
                | FaultKind::MalformedChunk(_)
        ) && kind != FaultKind::MalformedChunk(ChunkDefect::BareLf)
    };
    let counted = !response.gaps || matches!(response.framing, Framing::Length(_));
    counted && !response.faults().any(|f| doubtful(f.kind))
}
