//! What was seen on one connection.

use super::{ErrorCode, Fault, Settings};
use crate::base::{FrameRef, Histogram, Micros, PerSide, Side};

/// 1xx responses kept of one exchange; further ones are counted.
pub const MAX_INTERIM: usize = 8;

/// GOAWAY frames kept of a connection; further ones are counted.
pub const MAX_GOAWAYS: usize = 8;

/// Bytes of DATA kept of a response that is an error: a person, or a cause, must recognise whose page it is.
pub const MAX_BODY_EXCERPT: usize = 512;

/// The status from which on they are kept.
pub(super) const EXCERPT_FROM_STATUS: u16 = 400;

/// The wait for the first byte from which on an exchange is slow.
pub const SLOW: Micros = Micros::from_secs(1);

/// Everything that was seen of HTTP/2 on one connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// Exchanges by stream, in the order in which they began: those that are kept.
    pub exchanges: Vec<Exchange>,
    /// Exchanges seen.
    pub total: u64,
    /// How long those took that are not among `exchanges`.
    pub unlisted: Option<Box<Unlisted>>,
    /// The last byte of the client's preface.
    pub preface: Option<FrameRef>,
    /// The first SETTINGS of this side.
    pub settings_frame: PerSide<Option<FrameRef>>,
    /// What this side settled, as it stood at the end.
    pub settings: PerSide<Settings>,
    /// Frames that this side began.
    pub frames: PerSide<u64>,
    /// GOAWAY frames: the first [`MAX_GOAWAYS`].
    pub goaways: Vec<GoAway>,
    /// How many there were.
    pub goaways_total: u64,
    /// The first thing that is wrong with this side's frames.
    pub fault: PerSide<Option<Fault>>,
    /// Bytes that this side sent are missing, so that nothing is known of what it sent from there on.
    pub lost: PerSide<bool>,
    /// Header blocks of this side could not be read, because of a bound or of bytes that are missing.
    pub unread: PerSide<bool>,
    /// Exchanges that were closed because too many were open.
    pub overflowed: u64,
    /// The window that this side had left for the connection as a whole, at the end.
    pub window: PerSide<i64>,
    /// The first request that carries a header of CloudFront's own.
    pub via_cloudfront: Option<FrameRef>,
    /// The first request of `why502 probe`.
    pub probe: Option<FrameRef>,
    /// The first request, where every one is a health checker's.
    pub health_check: Option<FrameRef>,
}

/// One request and its response; either may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its number within the connection, from 0.
    pub index: u64,
    /// The stream.
    pub stream: u32,
    /// The request; `None` where it is not in the capture.
    pub request: Option<Request>,
    /// It was promised by the origin, not asked for.
    pub pushed: bool,
    /// 1xx responses, the first [`MAX_INTERIM`]: status and first frame.
    pub interim: Vec<(u16, FrameRef)>,
    /// How many there were.
    pub interim_total: u64,
    /// The final response, from its head on.
    pub response: Option<Response>,
    /// The first RST_STREAM of this side.
    pub reset: PerSide<Option<Reset>>,
    /// The first thing that is wrong with the message of this side.
    pub fault: PerSide<Option<Fault>>,
    /// Something of this side's message is not in the capture, or could not be read.
    pub lost: PerSide<bool>,
    /// The window that this side had left on the stream when it was over, and when nothing more was seen.
    pub window: PerSide<i64>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The first byte of its HEADERS.
    pub frame: FrameRef,
    /// What completed its head.
    pub head_frame: Option<FrameRef>,
    /// Its last byte so far.
    pub last_frame: FrameRef,
    /// `:method`; empty where the head could not be read.
    pub method: String,
    /// `:path`: the first [`MAX_PATH`](super::MAX_PATH) bytes.
    pub path: String,
    /// The path was longer.
    pub path_truncated: bool,
    /// `:authority`, or Host.
    pub authority: Option<String>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// X-Amz-Cf-Id.
    pub cf_id: Option<String>,
    /// Bytes of the header block, as sent.
    pub header_bytes: u64,
    /// Bytes of DATA, without padding.
    pub body_bytes: u64,
    /// END_STREAM was seen.
    pub complete: bool,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The first byte of its HEADERS.
    pub frame: FrameRef,
    /// What completed its head.
    pub head_frame: Option<FrameRef>,
    /// Its last byte so far.
    pub last_frame: FrameRef,
    /// `:status`; 0 where none could be read.
    pub status: u16,
    /// Content-Type.
    pub content_type: Option<String>,
    /// Content-Length, where it is a number.
    pub content_length: Option<u64>,
    /// Server.
    pub server: Option<String>,
    /// Via.
    pub via: Option<String>,
    /// Bytes of the header block, as sent.
    pub header_bytes: u64,
    /// Bytes of DATA, without padding.
    pub body_bytes: u64,
    /// The first [`MAX_BODY_EXCERPT`] of them, if the status is 400 or more.
    pub body_excerpt: Vec<u8>,
    /// What came after them; of a response that is nothing but a head that ends the stream, that head.
    pub trailers: Option<Trailers>,
    /// END_STREAM was seen.
    pub complete: bool,
}

/// The fields that end a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailers {
    /// What completed them.
    pub frame: FrameRef,
    /// grpc-status.
    pub grpc_status: Option<u32>,
    /// grpc-message, as sent: the first 256 bytes.
    pub grpc_message: Option<String>,
}

/// A stream that was ended before its time, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Where.
    pub frame: FrameRef,
    /// Why.
    pub code: ErrorCode,
}

/// Announces the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoAway {
    /// Where.
    pub frame: FrameRef,
    /// Who says so.
    pub from: Side,
    /// Streams of the peer beyond this one were not touched.
    pub last_stream: u32,
    /// Why.
    pub code: ErrorCode,
    /// What it adds, as text: the first 256 bytes.
    pub debug: String,
}

/// The times of exchanges that are counted only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unlisted {
    /// [`Exchange::first_byte`].
    pub first_byte: Histogram,
    /// [`Exchange::duration`].
    pub duration: Histogram,
}

impl Exchange {
    /// An exchange of which nothing is known but its stream.
    pub(super) fn new(index: u64, stream: u32) -> Exchange {
        Exchange {
            index,
            stream,
            request: None,
            pushed: false,
            interim: Vec::new(),
            interim_total: 0,
            response: None,
            reset: PerSide::default(),
            fault: PerSide::default(),
            lost: PerSide::default(),
            window: PerSide::default(),
        }
    }

    /// Bytes of the names and values in it.
    pub(super) fn held(&self) -> usize {
        let of = |values: &[&Option<String>]| values.iter().map(|v| v.as_ref().map_or(0, String::len)).sum::<usize>();
        let request = self
            .request
            .as_ref()
            .map_or(0, |r| r.method.len() + r.path.len() + of(&[&r.authority, &r.content_type, &r.cf_id]));
        let response = self.response.as_ref().map_or(0, |r| {
            let message = r.trailers.as_ref().map_or(&None, |trailers| &trailers.grpc_message);
            of(&[&r.content_type, &r.server, &r.via, message])
        });
        request + response
    }

    /// Whether this side's message was sent to its end.
    #[must_use]
    pub fn is_whole(&self, side: Side) -> bool {
        match side {
            Side::Client => self.request.as_ref().is_some_and(|r| r.complete),
            Side::Server => self.response.as_ref().is_some_and(|r| r.complete),
        }
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

    /// grpc-status, where the response has one.
    #[must_use]
    pub fn grpc_status(&self) -> Option<u32> {
        self.response.as_ref()?.trailers.as_ref()?.grpc_status
    }

    /// Whether the exchange is worth keeping when most are only counted.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        let error = self.response.as_ref().is_some_and(|r| r.status >= 500 || r.status == 0);
        let faulty = self.fault.client.is_some() || self.fault.server.is_some();
        let reset = self.reset.client.is_some() || self.reset.server.is_some();
        let grpc = self.grpc_status().is_some_and(|status| status > 0);
        error || faulty || reset || grpc || !self.is_whole(Side::Server)
    }

    /// Whether the first byte took [`SLOW`] or longer.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.first_byte().is_some_and(|wait| wait >= SLOW)
    }
}

impl Request {
    pub(super) fn new(frame: FrameRef) -> Request {
        Request {
            frame,
            head_frame: None,
            last_frame: frame,
            method: String::new(),
            path: String::new(),
            path_truncated: false,
            authority: None,
            content_type: None,
            cf_id: None,
            header_bytes: 0,
            body_bytes: 0,
            complete: false,
        }
    }

    /// Whether it is a call of gRPC.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/grpc"))
    }
}

impl Response {
    pub(super) fn new(frame: FrameRef) -> Response {
        Response {
            frame,
            head_frame: None,
            last_frame: frame,
            status: 0,
            content_type: None,
            content_length: None,
            server: None,
            via: None,
            header_bytes: 0,
            body_bytes: 0,
            body_excerpt: Vec::new(),
            trailers: None,
            complete: false,
        }
    }
}
