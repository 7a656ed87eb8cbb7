//! One row of a log: what all formats have in common.

use std::net::IpAddr;

use crate::base::{Endpoint, Micros, Timestamp};

/// Bytes kept of a target: as many as are kept of one in the capture.
pub(super) const MAX_TARGET: usize = 2_048;

/// Bytes kept of every other value.
const MAX_VALUE: usize = 256;

/// Who wrote a log: it says what its times mean, and how a row comes to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vantage {
    /// CloudFront.
    Edge,
    /// A load balancer.
    LoadBalancer,
    /// The web server on this host.
    Host,
}

impl Vantage {
    /// All of them.
    pub const ALL: [Vantage; 3] = [Vantage::Edge, Vantage::LoadBalancer, Vantage::Host];

    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Vantage::Edge => "cloudfront",
            Vantage::LoadBalancer => "load-balancer",
            Vantage::Host => "host",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Vantage::Edge => "CloudFront",
            Vantage::LoadBalancer => "the load balancer",
            Vantage::Host => "this host's web server",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// One request, as its row tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Index into the list of logs.
    pub log: usize,
    /// 1-based line of the file, after decompression.
    pub line: u64,
    /// Who wrote it.
    pub vantage: Vantage,
    /// When the answer was over, by the log's clock. Apache writes when the request came.
    pub time: Timestamp,
    /// The row was written within so long after `time`.
    pub grain: Micros,
    /// How long the request took.
    pub taken: Option<Micros>,
    /// The status that the client of the log's writer saw; 0 where it saw none.
    pub status: u16,
    /// The method; empty where the row has none.
    pub method: Box<str>,
    /// The path, and the query where the row has it there: as on the wire, the first `MAX_TARGET` bytes.
    pub target: Box<str>,
    /// `x-edge-request-id`.
    pub id: Option<Box<str>>,
    /// Who sent the request to the log's writer, where that is a peer of this host's.
    pub peer: Option<IpAddr>,
    /// Where the log's writer sent the request.
    pub to: Target,
    /// What only a row of an error is kept for.
    pub more: Option<Box<More>>,
}

/// Where a load balancer sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// The row does not say.
    #[default]
    Untold,
    /// Nowhere.
    None,
    /// To this address.
    Is(Endpoint),
}

/// What explains an error; empty is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct More {
    /// The Host that the viewer asked for.
    pub host: Option<Box<str>>,
    /// `x-edge-result-type`.
    pub result: Option<Box<str>>,
    /// `x-edge-detailed-result-type`.
    pub detail: Option<Box<str>>,
    /// `r-host`: the origin that was asked last.
    pub origin: Option<Box<str>>,
    /// `sr-reason`: why that one was chosen.
    pub reason: Option<Box<str>>,
    /// `x-edge-location`.
    pub location: Option<Box<str>>,
    /// The status that a load balancer got from its target.
    pub target_status: Option<u16>,
    /// A load balancer's `request_`, `target_` and `response_processing_time`: which of them is -1.
    pub not_reached: [bool; 3],
    /// A load balancer's `error_reason`.
    pub error_reason: Option<Box<str>>,
}

impl Row {
    /// A row of which only the place is known.
    pub(super) fn new(time: Timestamp, grain: Micros, status: u16) -> Row {
        Row {
            log: 0,
            line: 0,
            vantage: Vantage::Edge,
            time,
            grain,
            taken: None,
            status,
            method: Box::default(),
            target: Box::default(),
            id: None,
            peer: None,
            to: Target::Untold,
            more: None,
        }
    }

    /// Whether it tells of an error: a 5xx, a result of CloudFront's that is one behind a custom page, or a status of the
    /// load balancer's own.
    #[must_use]
    pub fn is_error(&self) -> bool {
        let own = self.vantage == Vantage::LoadBalancer && (460..=464).contains(&self.status);
        let by_result = || self.more.as_deref().and_then(|m| m.result.as_deref()).is_some_and(is_error_result);
        self.is_server_error() || own || self.status >= 200 && self.status < 400 && by_result()
    }

    /// Whether the client of the log's writer saw a 5xx.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        (500..=599).contains(&self.status)
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(&self.target)
    }

    /// What is known of an error.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.more.as_deref()?.detail.as_deref()
    }
}

/// A result that is neither a hit nor a miss: CloudFront made an error, also where a custom page hides it.
fn is_error_result(result: &str) -> bool {
    matches!(result, "Error" | "LimitExceeded" | "CapacityExceeded") || result.ends_with("ExecutionError")
}

/// A target without its query, and without scheme and host.
pub(super) fn path_of(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        _ => path,
    }
}

/// The beginning of a value, within its bound.
pub(super) fn keep(text: &str, max: usize) -> Box<str> {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= max).last().unwrap_or(0);
    text.get(..end).unwrap_or_default().into()
}

/// A value, unless it is the sign for none.
pub(super) fn value(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && text != "-").then(|| keep(text, MAX_VALUE))
}

/// Whether a text has the form of CloudFront's request identifiers: 56 characters of URL-safe base64 that end in `==`.
pub(super) fn is_request_id(text: &str) -> bool {
    let body = text.strip_suffix("==").unwrap_or_default();
    body.len() == 54 && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
