//! HTTP exchanges.

use serde::Serialize;

use super::connection::side_name;
use super::shown::{Shown, Sides, Time, micros};
use crate::base::{PerSide, Side, escape_bytes};
use crate::observation::{http1, http2};

const HTTP2: &str = "HTTP/2";

#[derive(Serialize)]
pub(in crate::report) struct Exchange<'a> {
    index: u64,
    /// HTTP/1 has no streams.
    stream: Option<u32>,
    request: Option<Request<'a>>,
    interim: Vec<Interim>,
    response: Option<Response<'a>>,
    first_byte_us: Option<i64>,
    duration_us: Option<i64>,
    idle_before_us: Option<i64>,
    /// RST_STREAM: HTTP/1 has none.
    resets: Vec<Reset>,
    faults: Vec<Fault>,
}

/// A stream that was ended by RST_STREAM.
#[derive(Serialize)]
struct Reset {
    from: &'static str,
    frame: u64,
    code: u32,
    code_name: Option<&'static str>,
}

/// What ends a response in HTTP/2.
#[derive(Serialize)]
struct Trailers<'a> {
    frame: u64,
    grpc_status: Option<u32>,
    grpc_message: Option<&'a str>,
}

#[derive(Serialize)]
struct Request<'a> {
    frame: u64,
    time: Time,
    method: Option<&'a str>,
    target: Option<&'a str>,
    version: Option<&'a str>,
    host: Option<&'a str>,
    cf_id: Option<&'a str>,
    header_bytes: u64,
    body_bytes: u64,
    complete: bool,
}

/// A 1xx response.
#[derive(Serialize)]
struct Interim {
    frame: u64,
    status: u16,
}

#[derive(Serialize)]
struct Response<'a> {
    frame: u64,
    time: Time,
    status: u16,
    reason: &'a str,
    version: Option<&'a str>,
    content_length: Option<u64>,
    transfer_encoding: Option<&'a str>,
    server: Option<&'a str>,
    header_bytes: u64,
    body_bytes: u64,
    complete: bool,
    trailers: Option<Trailers<'a>>,
}

/// Something wrong, or odd, in an exchange.
#[derive(Serialize)]
struct Fault {
    frame: u64,
    description: String,
    reference: &'static str,
    excerpt: String,
}

impl<'a> Exchange<'a> {
    pub(super) fn of(e: &'a http1::Exchange) -> Exchange<'a> {
        Exchange {
            index: e.index,
            stream: None,
            request: e.request.as_ref().map(Request::of),
            interim: e.interim.first.iter().map(|i| Interim { frame: i.frame.frame, status: i.status }).collect(),
            // What has no status is no response: `faults` says what it is.
            response: e.response.as_ref().filter(|r| r.status > 0).map(Response::of),
            first_byte_us: micros(e.first_byte()),
            duration_us: micros(e.duration()),
            idle_before_us: micros(e.idle_before()),
            resets: Vec::new(),
            faults: e.faults().map(Fault::of).collect(),
        }
    }

    /// A stream, whose number among the exchanges of the connection is its own.
    pub(super) fn of_stream(e: &'a http2::Exchange) -> Exchange<'a> {
        let resets = [Side::Client, Side::Server].into_iter().filter_map(|side| Some(Reset::of(side, e.reset[side]?)));
        let faults = [&e.fault.server, &e.fault.client].into_iter().flatten();
        Exchange {
            index: e.index,
            stream: Some(e.stream),
            request: e.request.as_ref().map(Request::of_stream),
            interim: e.interim.iter().map(|&(status, frame)| Interim { frame: frame.frame, status }).collect(),
            response: e.response.as_ref().filter(|r| r.status > 0).map(Response::of_stream),
            first_byte_us: micros(e.first_byte()),
            duration_us: micros(e.duration()),
            idle_before_us: None,
            resets: resets.collect(),
            faults: faults.map(Fault::of_stream).collect(),
        }
    }
}

impl Reset {
    fn of(from: Side, reset: http2::Reset) -> Reset {
        let code = reset.code;
        Reset { from: side_name(from), frame: reset.frame.frame, code: code.0, code_name: code.name() }
    }
}

/// `None` where nothing was read.
fn known(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}

impl<'a> Request<'a> {
    fn of(r: &'a http1::Request) -> Request<'a> {
        Request {
            frame: r.frame.frame,
            time: Shown(r.frame.time),
            method: known(r.method()),
            target: known(&r.target),
            version: known(r.version()),
            host: r.host.as_deref(),
            cf_id: r.cf_id.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.extra.body_bytes,
            complete: r.complete,
        }
    }

    fn of_stream(r: &'a http2::Request) -> Request<'a> {
        Request {
            frame: r.frame.frame,
            time: Shown(r.frame.time),
            method: known(&r.method),
            target: known(&r.path),
            version: Some(HTTP2),
            host: r.authority.as_deref(),
            cf_id: r.cf_id.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.body_bytes,
            complete: r.complete,
        }
    }
}

impl<'a> Response<'a> {
    fn of_stream(r: &'a http2::Response) -> Response<'a> {
        Response {
            frame: r.frame.frame,
            time: Shown(r.frame.time),
            status: r.status,
            reason: "",
            version: Some(HTTP2),
            content_length: r.content_length,
            transfer_encoding: None,
            server: r.server.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.body_bytes,
            complete: r.complete,
            trailers: r.trailers.as_ref().map(|t| Trailers {
                frame: t.frame.frame,
                grpc_status: t.grpc_status,
                grpc_message: t.grpc_message.as_deref(),
            }),
        }
    }

    fn of(r: &'a http1::Response) -> Response<'a> {
        Response {
            frame: r.frame.frame,
            time: Shown(r.frame.time),
            status: r.status,
            reason: r.reason(),
            version: known(r.version()),
            content_length: r.content_length(),
            transfer_encoding: r.transfer_encoding(),
            server: r.server.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.body_bytes,
            complete: r.complete,
            trailers: None,
        }
    }
}

impl Fault {
    fn of(f: &http1::Fault) -> Fault {
        Fault {
            frame: f.frame.frame,
            description: f.kind.to_string(),
            reference: f.kind.clause(),
            excerpt: escape_bytes(&f.excerpt),
        }
    }

    fn of_stream(f: &http2::Fault) -> Fault {
        Fault {
            frame: f.frame.frame,
            description: f.kind.to_string(),
            reference: f.kind.clause(),
            excerpt: escape_bytes(&f.excerpt),
        }
    }
}

/// What a connection of HTTP/2 settled, and how it was ended.
#[derive(Serialize)]
pub(super) struct Http2<'a> {
    preface: Option<u64>,
    settings: Sides<Option<u64>>,
    goaway_total: u64,
    goaways: Vec<GoAway<'a>>,
    /// Not everything that this side sent could be read.
    unknown: Sides<bool>,
    faults: Vec<Fault>,
}

#[derive(Serialize)]
struct GoAway<'a> {
    from: &'static str,
    frame: u64,
    last_stream: u32,
    code: u32,
    code_name: Option<&'static str>,
    debug: &'a str,
}

impl<'a> Http2<'a> {
    pub(super) fn of(h: &'a http2::Transcript) -> Http2<'a> {
        let goaway = |g: &'a http2::GoAway| GoAway {
            from: side_name(g.from),
            frame: g.frame.frame,
            last_stream: g.last_stream,
            code: g.code.0,
            code_name: g.code.name(),
            debug: &g.debug,
        };
        let unknown = |side: Side| h.lost[side] || h.unread[side];
        Http2 {
            preface: h.preface.map(|frame| frame.frame),
            settings: h.settings_frame.map(|frame| frame.map(|frame| frame.frame)).into(),
            goaway_total: h.goaways_total,
            goaways: h.goaways.iter().map(goaway).collect(),
            unknown: PerSide { client: unknown(Side::Client), server: unknown(Side::Server) }.into(),
            faults: [&h.fault.server, &h.fault.client].into_iter().flatten().map(Fault::of_stream).collect(),
        }
    }
}
