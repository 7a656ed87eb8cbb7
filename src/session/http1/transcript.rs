//! What was seen on one connection.

use super::field::members;
use super::{Exchanges, Fault, FaultKind, Request, Response};
use crate::base::{Blank, FrameRef, Histogram, Micros, PerSide, Seldom};
use std::num::NonZeroU64;

/// Exchanges kept from the beginning of a connection.
pub const MAX_FIRST: usize = 64;

/// Exchanges kept from its end.
pub const MAX_LAST: usize = 64;

/// Exchanges kept from between because there is something to say about them.
pub const MAX_NOTABLE: usize = 256;

/// Of these, those that are nothing but slow: an origin may be slow in every answer, and must not crowd out faults.
pub const MAX_SLOW: usize = 64;

/// The wait for the first byte from which on an exchange is slow: what ends sooner is no timeout of an edge.
pub const SLOW: Micros = Micros::from_secs(1);

/// Unsolicited things kept; further ones are counted.
pub const MAX_UNSOLICITED: usize = 8;

/// Interim responses kept of one exchange; further ones are counted.
pub const MAX_INTERIM: usize = 8;

/// Everything that was seen of HTTP/1 on one connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// Exchanges in order: the first [`MAX_FIRST`], the last [`MAX_LAST`], and [`MAX_NOTABLE`] between them.
    pub exchanges: Exchanges,
    /// Exchanges seen.
    pub total: u64,
    /// How long those took that are not among `exchanges`.
    pub unlisted: Option<Box<Unlisted>>,
    /// What the origin sent though no request asked for it: the first [`MAX_UNSOLICITED`].
    pub unsolicited: Vec<Unsolicited>,
    /// How many such things there were.
    pub unsolicited_total: u64,
    /// Where the connection became something else than HTTP/1 (101, or a CONNECT that was granted).
    pub upgraded: Option<FrameRef>,
    /// The first request that carries a header of CloudFront's own.
    pub via_cloudfront: Option<CloudFrontMark>,
    /// The first request of `why502 probe`.
    pub probe: Option<FrameRef>,
    /// The first request, where every one is a health checker's.
    pub health_check: Option<FrameRef>,
    /// Bytes that this side sent are missing where they matter: some of its messages were not read, or not whole.
    pub lost: PerSide<bool>,
    /// The first bytes of this side that are not HTTP/1 where a message should begin.
    pub not_http: PerSide<Option<Foreign>>,
    /// The observer was told that the connection began before the capture.
    pub mid_stream: bool,
}

/// One request and its response; either may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its number within the connection, from 0.
    pub index: u64,
    /// The request; `None` where it was sent before the capture began, is not in it, or cannot be read.
    pub request: Option<Request>,
    /// 1xx responses.
    pub interim: Seldom<Interims>,
    /// The final response, from its first byte on.
    pub response: Option<Response>,
    /// Bytes of this side's message are not in the capture, so that the message may be there though it was not
    /// seen, or not whole.
    pub lost: PerSide<bool>,
    /// One more than the microseconds that the connection had been idle before it.
    idle: Option<NonZeroU64>,
}

/// The times of exchanges that are counted only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unlisted {
    /// [`Exchange::first_byte`].
    pub first_byte: Histogram,
    /// [`Exchange::duration`].
    pub duration: Histogram,
    /// [`Exchange::idle_before`].
    pub idle_before: Histogram,
}

/// The 1xx responses of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interims {
    /// The first [`MAX_INTERIM`].
    pub first: Vec<Interim>,
    /// How many there were.
    pub total: u64,
    /// What is wrong with the exchange and not with one message: a repeated 100, or a fault within a 1xx.
    pub fault: Option<Box<Fault>>,
}

impl Blank for Interims {
    const BLANK: &'static Self = &Self { first: Vec::new(), total: 0, fault: None };
}

/// A response that announces another one (RFC 9110 section 15.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interim {
    /// The status: 100, 102, 103, ...
    pub status: u16,
    /// The frame of its first byte.
    pub frame: FrameRef,
}

/// Something the origin sent though no request asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsolicited {
    /// The frame of its first byte.
    pub frame: FrameRef,
    /// Where, in bytes from the first that the origin sent on this connection (as far as captured).
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// The first of them, at most [`MAX_EXCERPT`](super::MAX_EXCERPT); empty for a response.
    pub excerpt: Vec<u8>,
    /// The response, if it is one; else these are bytes after the end of a response.
    pub response: Option<Box<Response>>,
}

/// Bytes that are not HTTP/1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The frame of the first of them.
    pub frame: FrameRef,
    /// Where, in bytes from the first that this side sent (as far as captured).
    pub offset: u64,
    /// The first of them, at most [`MAX_EXCERPT`](super::MAX_EXCERPT).
    pub excerpt: Vec<u8>,
}

/// A sign of CloudFront.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudFrontMark {
    /// The request's first frame.
    pub frame: FrameRef,
    /// Which header says so; the most telling one.
    pub header: CloudFrontHeader,
}

/// The headers that CloudFront adds to a request, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloudFrontHeader {
    /// `X-Amz-Cf-Id`.
    CfId,
    /// `Via: 1.1 NAME.cloudfront.net (CloudFront)`.
    Via,
    /// `User-Agent: Amazon CloudFront`.
    UserAgent,
}

/// The options of Connection that matter here (RFC 9110 section 7.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Connection {
    /// `close`.
    pub close: bool,
    /// `keep-alive`.
    pub keep_alive: bool,
    /// `upgrade`.
    pub upgrade: bool,
}

impl Connection {
    pub(super) fn read(&mut self, value: &[u8]) {
        match value {
            b"close" => self.close = true,
            b"keep-alive" | b"Keep-Alive" => self.keep_alive = true,
            _ => self.read_list(value),
        }
    }

    fn read_list(&mut self, value: &[u8]) {
        for option in members(value) {
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }

    /// Whether the connection ends after the message (RFC 9112 section 9.3).
    pub(super) const fn wants_close(self, http10: bool) -> bool {
        self.close || (http10 && !self.keep_alive)
    }
}

impl Exchange {
    /// An exchange of which nothing is known yet.
    #[must_use]
    pub fn new(index: u64, request: Option<Request>) -> Self {
        Self {
            index,
            request,
            interim: Seldom::default(),
            response: None,
            lost: PerSide { client: false, server: false },
            idle: None,
        }
    }

    /// Memory that it takes, in bytes.
    pub(super) fn held(&self) -> usize {
        let request = self.request.as_ref().map_or(0, Request::held);
        size_of::<Exchange>() + request + self.response.as_ref().map_or(0, Response::held)
    }

    /// Notes which exchange was the one before.
    pub(super) fn follows(&mut self, previous: &Exchange) {
        let ended = previous.response.as_ref().filter(|r| r.complete).map(|r| r.last_frame);
        let asked = self.request.as_ref().map(|r| r.frame);
        let pair = ended.zip(asked).filter(|(ended, asked)| ended < asked);
        let idle = pair.and_then(|(ended, asked)| u64::try_from(asked.since(ended).0).ok());
        self.idle = idle.and_then(|idle| NonZeroU64::MIN.checked_add(idle));
    }

    /// How long the connection had been idle when the request came: since the last byte of the response before it.
    /// `None` where it is the first, where that response is not complete, and where the request came before its end.
    #[must_use]
    pub fn idle_before(&self) -> Option<Micros> {
        self.idle.and_then(|idle| i64::try_from(idle.get() - 1).ok()).map(Micros)
    }

    /// Request and response were both sent to their ends.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.request.as_ref().is_some_and(|r| r.complete) && self.response.as_ref().is_some_and(|r| r.complete)
    }

    /// From the first byte of the request to the first byte of the final response.
    #[must_use]
    pub fn first_byte(&self) -> Option<Micros> {
        Some(self.response.as_ref()?.frame.since(self.request.as_ref()?.frame))
    }

    /// From the first byte of the request to the last byte of the response, if it is complete.
    #[must_use]
    pub fn duration(&self) -> Option<Micros> {
        let response = self.response.as_ref().filter(|r| r.complete)?;
        Some(response.last_frame.since(self.request.as_ref()?.frame))
    }

    /// Everything wrong or odd in this exchange: its own fault, then the response's, then the request's.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let response = self.response.iter().flat_map(Response::faults);
        let request = self.request.iter().flat_map(Request::faults);
        self.interim.fault.as_deref().into_iter().chain(response).chain(request)
    }

    /// Whether the exchange is worth keeping when most are only counted: a fault, a status of 500 or more, no end.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        let server_error = self.response.as_ref().is_some_and(|r| r.status >= 500);
        server_error || self.faults().next().is_some() || !self.is_complete()
    }

    /// Whether the first byte took [`SLOW`] or longer.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.first_byte().is_some_and(|wait| wait >= SLOW)
    }

    /// Makes a 1xx that stands in the place of the final response what it is.
    pub(super) fn settle_interim(&mut self) {
        let Some(mut response) = self.response.take_if(|r| r.is_interim()) else { return };
        let interim = &mut *self.interim;
        interim.total += 1;
        if interim.first.len() < MAX_INTERIM {
            interim.first.push(Interim { status: response.status, frame: response.frame });
        }
        let repeated = response.status == 100 && interim.first.iter().filter(|i| i.status == 100).count() > 1;
        let repeated = repeated.then(|| Box::new(Fault::new(FaultKind::RepeatedContinue, response.frame, 0, &[])));
        let fault = response.extra.written().and_then(|extra| extra.fault.take());
        interim.fault = interim.fault.take().or(fault).or(repeated);
    }
}

impl Unsolicited {
    /// What it is: [`FaultKind::UnsolicitedResponse`] or [`FaultKind::ExcessBytes`].
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        if self.response.is_some() { FaultKind::UnsolicitedResponse } else { FaultKind::ExcessBytes }
    }

    /// The status of the response, if one could be read. A 408 says that the origin closes an idle connection
    /// (RFC 9110 section 15.5.9) and is ordinary.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|r| r.status).filter(|s| *s > 0)
    }
}

impl Request {
    pub(super) fn cloudfront_mark(&self) -> Option<CloudFrontMark> {
        let header = match () {
            () if self.is_a_probes() => return None,
            () if self.cf_id.is_some() => CloudFrontHeader::CfId,
            () if self.via_cloudfront => CloudFrontHeader::Via,
            () if self.is_from_cloudfront() => CloudFrontHeader::UserAgent,
            () => return None,
        };
        Some(CloudFrontMark { frame: self.frame, header })
    }
}
