//! Exchanges, whichever version of HTTP carried them: what causes that speak of a request and its answer need.

use crate::base::{FrameRef, Micros};
use crate::session::{http1, http2};

use super::Connection;

/// A request and its final response; either may be missing.
#[derive(Debug, Clone, Copy)]
pub struct Exchanged<'c> {
    /// Its number within the connection, from 0.
    pub index: u64,
    /// The stream, in HTTP/2.
    pub stream: Option<u32>,
    /// What was asked.
    pub request: Option<Asked<'c>>,
    /// What was answered.
    pub response: Option<Answer<'c>>,
    /// How long the connection had been idle when the request came, where that is known.
    pub idle_before: Option<Micros>,
}

/// A request, as far as a message names it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'c> {
    /// Its first byte.
    pub frame: FrameRef,
    /// Its last byte so far.
    pub last: FrameRef,
    /// The method.
    pub method: &'c str,
    /// The target, or `:path`.
    pub target: &'c str,
    /// Host, or `:authority`.
    pub host: Option<&'c str>,
    /// X-Amz-Cf-Id.
    pub cf_id: Option<&'c str>,
}

/// A response, as far as its head and the first bytes of its body tell.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'c> {
    /// Its first byte.
    pub frame: FrameRef,
    /// The status; 0 where none could be read.
    pub status: u16,
    /// All of it was sent.
    pub complete: bool,
    /// The reason phrase, which HTTP/2 does not have.
    pub reason: &'c str,
    /// Server.
    pub server: Option<&'c str>,
    /// The first bytes of an error's body.
    pub body_excerpt: &'c [u8],
}

impl<'c> Exchanged<'c> {
    // Inlined, what a walk does not look at is not put together.
    #[inline(always)]
    fn http1(e: &'c http1::Exchange) -> Exchanged<'c> {
        let request = e.request.as_ref().map(|r| Asked {
            frame: r.frame,
            last: r.last_frame(),
            method: r.method(),
            target: &r.target,
            host: r.host.as_deref(),
            cf_id: r.cf_id.as_deref(),
        });
        let response = e.response.as_ref().map(|r| Answer {
            frame: r.frame,
            status: r.status,
            complete: r.complete,
            reason: r.reason(),
            server: r.server.as_deref(),
            body_excerpt: &r.extra.body_excerpt,
        });
        Exchanged { index: e.index, stream: None, request, response, idle_before: e.idle_before() }
    }

    fn http2(e: &'c http2::Exchange) -> Exchanged<'c> {
        let request = e.request.as_ref().filter(|_| !e.pushed).map(|r| Asked {
            frame: r.frame,
            last: r.last_frame,
            method: &r.method,
            target: &r.path,
            host: r.authority.as_deref(),
            cf_id: r.cf_id.as_deref(),
        });
        let response = e.response.as_ref().map(|r| Answer {
            frame: r.frame,
            status: r.status,
            complete: r.complete,
            reason: "",
            server: r.server.as_deref(),
            body_excerpt: &r.body_excerpt,
        });
        Exchanged { index: e.index, stream: Some(e.stream), request, response, idle_before: None }
    }

    /// From the first byte of the request to the first byte of the response.
    #[must_use]
    pub fn first_byte(&self) -> Option<Micros> {
        Some(self.response?.frame.since(self.request?.frame))
    }
}

impl Connection {
    /// All exchanges that were kept.
    pub fn exchanges(&self) -> impl DoubleEndedIterator<Item = Exchanged<'_>> {
        let http1 = self.http.iter().flat_map(|http| &http.exchanges).map(Exchanged::http1);
        http1.chain(self.http2.iter().flat_map(|http| &http.exchanges).map(Exchanged::http2))
    }

    /// How many exchanges there were.
    #[must_use]
    pub fn exchanges_total(&self) -> u64 {
        self.http.as_ref().map_or(0, |http| http.total) + self.http2.as_ref().map_or(0, |http| http.total)
    }

    /// The exchange with this number.
    #[must_use]
    pub fn exchange(&self, index: u64) -> Option<Exchanged<'_>> {
        self.exchanges().find(|e| e.index == index)
    }

    /// The first exchange whose response has this status.
    #[must_use]
    pub fn answered_with(&self, status: u16) -> Option<(Exchanged<'_>, Answer<'_>)> {
        self.exchanges().find_map(|e| Some((e, e.response.filter(|r| r.status == status && self.is_asked_for(&e, r))?)))
    }

    /// Whether a response answers something. Where its request is not in the capture, it may be one that nobody asked
    /// for if it began in the packet in which the response before it began.
    fn is_asked_for(&self, exchange: &Exchanged<'_>, response: &Answer<'_>) -> bool {
        let before = exchange.index.checked_sub(1).and_then(|index| self.exchange(index)?.response);
        exchange.request.is_some() || before.is_none_or(|before| before.frame < response.frame)
    }
}
