//! HTTP exchanges.

use serde::Serialize;

use super::shown::{Shown, Time, micros};
use crate::base::escape_bytes;
use crate::observation::http1;

#[derive(Serialize)]
pub(super) struct Exchange<'a> {
    index: u64,
    /// HTTP/1 has no streams.
    stream: Option<u32>,
    request: Option<Request<'a>>,
    interim: Vec<Interim>,
    response: Option<Response<'a>>,
    first_byte_us: Option<i64>,
    duration_us: Option<i64>,
    idle_before_us: Option<i64>,
    faults: Vec<Fault>,
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
}

/// Something wrong, or odd, in an exchange.
#[derive(Serialize)]
struct Fault {
    frame: u64,
    description: Shown<http1::FaultKind>,
    reference: &'static str,
    excerpt: String,
}

impl<'a> Exchange<'a> {
    pub(super) fn of(e: &'a http1::Exchange) -> Exchange<'a> {
        Exchange {
            index: e.index,
            stream: None,
            request: e.request.as_ref().map(Request::of),
            interim: e.interim.iter().map(|i| Interim { frame: i.frame.frame, status: i.status }).collect(),
            // What has no status is no response: `faults` says what it is.
            response: e.response.as_ref().filter(|r| r.status > 0).map(Response::of),
            first_byte_us: micros(e.first_byte()),
            duration_us: micros(e.duration()),
            idle_before_us: micros(e.idle_before),
            faults: e.faults().map(Fault::of).collect(),
        }
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
            method: known(&r.method),
            target: known(&r.target),
            version: known(&r.version),
            host: r.host.as_deref(),
            cf_id: r.cf_id.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.body_bytes,
            complete: r.complete,
        }
    }
}

impl<'a> Response<'a> {
    fn of(r: &'a http1::Response) -> Response<'a> {
        Response {
            frame: r.frame.frame,
            time: Shown(r.frame.time),
            status: r.status,
            reason: &r.reason,
            version: known(&r.version),
            content_length: r.content_length,
            transfer_encoding: r.transfer_encoding.as_deref(),
            server: r.server.as_deref(),
            header_bytes: r.header_bytes,
            body_bytes: r.body_bytes,
            complete: r.complete,
        }
    }
}

impl Fault {
    fn of(f: &http1::Fault) -> Fault {
        Fault {
            frame: f.frame.frame,
            description: Shown(f.kind),
            reference: f.kind.clause(),
            excerpt: escape_bytes(&f.excerpt),
        }
    }
}
