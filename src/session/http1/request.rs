//! A request: what CloudFront asked, and how it introduced itself.

use super::detect::{KNOWN, MAX_METHOD, is_known, method};
use super::fault::{Fault, FaultKind, record};
use super::field::{Field, Shared, Word, has_token, is_blank, keep, share, text, trim};
use super::framing::Framing;
use super::line::{Line, MAX_LINE};
use super::reader::Message;
use super::scan::{first_below, token_len};
use super::transcript::Connection;
use super::upgrade::WebSocket;
use crate::base::{Blank, FrameRef, PROBE_ID, Seldom};

/// Bytes kept of a request target. CloudFront's longest URL is 8,192; this is enough to know it again.
pub const MAX_TARGET: usize = 2_048;

/// Bytes kept of what stands in the place of a version.
pub(super) const MAX_VERSION: usize = 16;

/// The versions that are in use, HTTP/1.1 [first](Word::FIRST), and none.
pub(super) const VERSIONS: [&str; 3] = ["HTTP/1.1", "HTTP/1.0", ""];

/// One request, as far as it was seen (RFC 9112 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The frame of its first byte; its time is the time of the request.
    pub frame: FrameRef,
    method: Word,
    version: Word,
    /// The target, as sent: the first [`MAX_TARGET`] bytes.
    pub target: Box<str>,
    /// The target was longer than what is kept or was captured.
    pub target_truncated: bool,
    /// The first Host.
    pub host: Option<Shared>,
    /// X-Amz-Cf-Id: CloudFront's name for the request.
    pub cf_id: Option<Box<str>>,
    /// Via names CloudFront.
    pub via_cloudfront: bool,
    /// Who User-Agent says it is.
    pub user_agent: UserAgent,
    /// What Connection says.
    pub connection: Connection,
    /// The connection is to be closed after this exchange (RFC 9112 section 9.6): `close`, or HTTP/1.0 without
    /// `keep-alive`.
    pub wants_close: bool,
    /// Expect: 100-continue.
    pub expect_continue: bool,
    /// Bytes of the head, with its request line and the empty line that ends it.
    pub header_bytes: u64,
    /// The head was seen to its end.
    pub head_complete: bool,
    /// All of it was sent, and seen or counted.
    pub complete: bool,
    /// Some of its bytes are not in the capture.
    pub gaps: bool,
    /// What few requests have.
    pub extra: Seldom<RequestExtra>,
}

/// What few requests have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestExtra {
    /// A method that is not one of those everybody knows.
    method: Option<Box<str>>,
    /// A version that is not one of those in use.
    version: Option<Box<str>>,
    /// The frame that completed the head, where that is not its first.
    head_frame: Option<FrameRef>,
    /// The frame of its last byte so far, where that is not its first.
    last_frame: Option<FrameRef>,
    /// How the end of the body is found, once the head is complete.
    framing: Framing,
    /// Bytes of content; the framing of chunks is not counted.
    pub body_bytes: u64,
    /// The first Upgrade.
    pub upgrade: Option<Box<str>>,
    /// What it says in `Sec-WebSocket-*`, where it has any such field.
    pub websocket: Option<Box<WebSocket>>,
    /// The first thing that is wrong with it.
    pub fault: Option<Box<Fault>>,
    /// What else is wrong or odd: at most [`MAX_NOTES`](super::MAX_NOTES).
    pub notes: Vec<Fault>,
}

impl RequestExtra {
    const fn none() -> Self {
        Self {
            method: None,
            version: None,
            head_frame: None,
            last_frame: None,
            framing: Framing::NoBody,
            body_bytes: 0,
            upgrade: None,
            websocket: None,
            fault: None,
            notes: Vec::new(),
        }
    }
}

impl Default for RequestExtra {
    fn default() -> Self {
        Self::none()
    }
}

impl Blank for RequestExtra {
    const BLANK: &'static Self = &Self::none();
}

/// Who sent the request, by its User-Agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UserAgent {
    /// There is none, or it was not seen.
    #[default]
    Absent,
    /// `Amazon CloudFront`.
    CloudFront,
    /// The health check of an AWS load balancer: `ELB-HealthChecker/2.0`.
    ElbHealthChecker,
    /// Another known health check (Route 53, Kubernetes, Google Cloud, Consul).
    OtherHealthChecker,
    /// Anything else.
    Other,
}

impl Request {
    /// A request of which nothing is known but that it begins in `frame`.
    #[must_use]
    pub fn new(frame: FrameRef) -> Self {
        Self {
            frame,
            method: Word::default(),
            version: Word::default(),
            target: Box::default(),
            target_truncated: false,
            host: None,
            cf_id: None,
            via_cloudfront: false,
            user_agent: UserAgent::Absent,
            connection: Connection::default(),
            wants_close: false,
            expect_continue: false,
            header_bytes: 0,
            head_complete: false,
            complete: false,
            gaps: false,
            extra: Seldom::default(),
        }
    }

    /// Reads the request line that `bytes` begin with, and moves past it; `None` where it is not whole, or anything about it
    /// is odd, for which [`read`](Self::read) is there.
    #[inline]
    pub(super) fn at_once(bytes: &mut &[u8], first: FrameRef) -> Option<Self> {
        const VERSION: &[u8] = b" HTTP/1.1\r\n";
        let len = token_len(bytes.get(..=MAX_METHOD).unwrap_or(bytes));
        let (method, rest) = bytes.split_at_checked(len).filter(|_| (1..=MAX_METHOD).contains(&len))?;
        let (b' ', rest) = rest.split_first()? else { return None };
        // What ends the target is nearly always the first byte that none may have.
        let (target, rest) = rest.split_at_checked(first_below::<0x21>(rest)?)?;
        let rest = rest.strip_prefix(VERSION)?;
        if target.is_empty() || bytes.len() - rest.len() > MAX_LINE {
            return None;
        }
        *bytes = rest;
        let mut request = Self::new(first);
        request.set_method(method);
        request.version = Word::FIRST;
        request.set_target(target);
        Some(request)
    }

    /// Reads a request line; `None` where it is not one of HTTP/1.
    pub(super) fn read(line: &Line<'_>, first: FrameRef, frame: FrameRef) -> Option<Self> {
        let mut request = match Self::begun(line.text, first) {
            Some(request) => request,
            None if is_known(line.text) => Self::of_method(line.text, first),
            None => return None,
        };
        let rest = line.text.get(request.method().len()..)?;
        if line.cut {
            let known = is_known(request.method().as_bytes());
            return known.then(|| Self::partial(line.text, first).unwrap_or(request));
        }
        let line_end = rest.trim_ascii_end();
        let (target, version) = split_version(line_end);
        if is_other_protocol(version) || (version.is_empty() && !is_known(request.method().as_bytes())) {
            return None;
        }
        request.version = Word::of(version, &VERSIONS, MAX_VERSION, |other| request.extra.version = Some(other));
        request.set_target(trim(target));
        let mut fault = |kind| request.record(Fault::new(kind, frame, 0, line.text));
        if !is_http1(version) || !is_target(trim(target)) {
            fault(FaultKind::MalformedRequestLine);
        } else if line_end.len() != trim(target).len() + version.len() + 2 {
            fault(FaultKind::OddWhitespace);
        }
        if line.bare_lf {
            fault(FaultKind::BareLf);
        }
        Some(request)
    }

    /// What is certain of a request line that was not seen to its end.
    pub(super) fn partial(line: &[u8], frame: FrameRef) -> Option<Self> {
        let mut request = Self::begun(line, frame)?;
        let rest = trim(line.get(request.method().len()..)?);
        request.set_target(rest.split(|b| is_blank(*b)).next().unwrap_or_default());
        request.target_truncated |= !rest.iter().any(|b| is_blank(*b));
        Some(request)
    }

    /// A request line that begins with a method, and nothing of what is behind that.
    fn begun(line: &[u8], frame: FrameRef) -> Option<Self> {
        let method = method(line).filter(|m| m.len() < line.len())?;
        Some(Self::of_method(method, frame))
    }

    fn of_method(method: &[u8], frame: FrameRef) -> Self {
        let mut request = Self::new(frame);
        request.set_method(method);
        request
    }

    #[inline]
    fn set_method(&mut self, method: &[u8]) {
        self.method = Word::of(method, &KNOWN, MAX_METHOD, |other| self.extra.method = Some(other));
    }

    fn set_target(&mut self, target: &[u8]) {
        self.target = text(target, MAX_TARGET).into_boxed_str();
        self.target_truncated |= target.len() > MAX_TARGET;
    }

    /// Memory that it takes beside itself, in bytes.
    pub(super) fn held(&self) -> usize {
        let texts = [self.host.as_deref(), self.cf_id.as_deref(), self.extra.upgrade.as_deref()];
        let texts = texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        self.target.len() + texts + self.extra.held() + self.faults().count() * size_of::<Fault>()
    }

    /// The method, as sent; any token (RFC 9110 section 9.1).
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.among(&KNOWN).or(self.extra.method.as_deref()).unwrap_or_default()
    }

    /// `HTTP/1.1` or `HTTP/1.0`; empty where there is none, or the request line was not seen to its end.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.among(&VERSIONS).or(self.extra.version.as_deref()).unwrap_or_default()
    }

    /// The frame that completed the head.
    #[must_use]
    pub fn head_frame(&self) -> Option<FrameRef> {
        self.head_complete.then(|| self.extra.head_frame.unwrap_or(self.frame))
    }

    /// The frame of its last byte so far.
    #[must_use]
    pub fn last_frame(&self) -> FrameRef {
        self.extra.last_frame.unwrap_or(self.frame)
    }

    /// How the end of the body is found.
    #[must_use]
    pub fn framing(&self) -> Framing {
        if self.head_complete { self.extra.framing } else { Framing::Unknown }
    }

    /// Its head ends in `frame`; how the end of its body is found.
    pub(super) fn end_head_in(&mut self, frame: FrameRef, framing: Framing) {
        self.head_complete = true;
        if frame != self.frame {
            self.extra.head_frame = Some(frame);
        }
        if framing != self.framing() {
            self.extra.framing = framing;
        }
    }

    /// What is wrong with it, and what else is odd.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.extra.fault.as_deref().into_iter().chain(&self.extra.notes)
    }

    /// Whether it asks for a WebSocket (RFC 6455 section 4.1).
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        self.extra.upgrade.as_ref().is_some_and(|upgrade| has_token(upgrade.as_bytes(), "websocket"))
    }

    /// Whether CloudFront's own headers are in it.
    #[must_use]
    pub fn is_from_cloudfront(&self) -> bool {
        !self.is_a_probes() && (self.cf_id.is_some() || self.via_cloudfront || self.user_agent == UserAgent::CloudFront)
    }

    /// Whether `why502 probe` sent it.
    pub(super) fn is_a_probes(&self) -> bool {
        self.cf_id.as_deref().is_some_and(|id| id.starts_with(PROBE_ID))
    }

    /// Whether a health checker sent it: it says so, or it is what HAProxy sends by default (`option httpchk`), which
    /// nobody else does.
    pub(super) fn is_health_check(&self) -> bool {
        match self.user_agent {
            UserAgent::ElbHealthChecker | UserAgent::OtherHealthChecker => true,
            UserAgent::Absent => {
                let nameless = self.head_complete && self.host.is_none();
                nameless && self.is_http10() && self.method() == "OPTIONS" && &*self.target == "/"
            }
            UserAgent::CloudFront | UserAgent::Other => false,
        }
    }

    pub(super) fn is_http10(&self) -> bool {
        self.version == Word::SECOND
    }
}

impl Message for Request {
    #[inline]
    fn field(&mut self, field: &Field<'_>, repeated: &mut Option<Shared>) {
        let value = field.value;
        match field.name.len() {
            3 if field.is(b"via") => self.via_cloudfront |= names_cloudfront(value),
            4 if field.is(b"host") => share(&mut self.host, repeated, value),
            10 if field.is(b"connection") => self.connection.read(value),
            10 if field.is(b"user-agent") => self.user_agent = UserAgent::read(value),
            11 if field.is(b"x-amz-cf-id") => keep(&mut self.cf_id, value),
            6 if field.is(b"expect") => self.expect_continue |= has_token(value, "100-continue"),
            7 if field.is(b"upgrade") => keep(&mut self.extra.upgrade, value),
            17..=24 if WebSocket::is_one(field) => self.extra.websocket.get_or_insert_default().read(field),
            _ => {}
        }
    }

    fn record(&mut self, fault: Fault) {
        let extra = &mut *self.extra;
        record(&mut extra.fault, &mut extra.notes, fault);
    }

    fn head_bytes(&mut self, bytes: u64, frame: FrameRef) {
        self.header_bytes = bytes;
        self.touched(frame);
    }

    fn content(&mut self, bytes: &[u8], frame: FrameRef) {
        self.extra.body_bytes += bytes.len() as u64;
        self.touched(frame);
    }

    fn unseen(&mut self, content: u64, frame: FrameRef) {
        self.gaps = true;
        if content > 0 {
            self.extra.body_bytes += content;
            self.touched(frame);
        }
    }

    fn recorded(&mut self, kind: FaultKind) -> Option<&mut Fault> {
        let extra = self.extra.written()?;
        extra.fault.as_deref_mut().into_iter().chain(&mut extra.notes).find(|f| f.kind == kind)
    }

    #[inline]
    fn touched(&mut self, frame: FrameRef) {
        if frame != self.last_frame() {
            self.extra.last_frame = Some(frame);
        }
    }
}

impl UserAgent {
    fn read(value: &[u8]) -> Self {
        let others: [&[u8]; 4] =
            [b"Amazon-Route53-Health-Check-Service", b"kube-probe/", b"GoogleHC/", b"Consul Health Check"];
        // A pattern would be looked at byte by byte.
        if value == b"Amazon CloudFront" {
            Self::CloudFront
        } else if value.starts_with(b"ELB-HealthChecker/") {
            Self::ElbHealthChecker
        } else if others.iter().any(|other| value.starts_with(other)) {
            Self::OtherHealthChecker
        } else {
            Self::Other
        }
    }
}

/// Whether a Via has the comment that CloudFront adds, nearly always at its end.
fn names_cloudfront(via: &[u8]) -> bool {
    const COMMENT: &[u8] = b"(CloudFront)";
    via.ends_with(COMMENT) || via.windows(COMMENT.len()).any(|part| part == COMMENT)
}

/// Target and version: the last word is the version, if there is one before it.
fn split_version(rest: &[u8]) -> (&[u8], &[u8]) {
    let Some(at) =
        rest.iter().rposition(|b| is_blank(*b)).filter(|at| !trim(rest.get(..*at).unwrap_or_default()).is_empty())
    else {
        return (rest, &[]);
    };
    let (target, version) = rest.split_at_checked(at).unwrap_or_default();
    if version.get(1..).is_some_and(|v| v.starts_with(b"HTTP/") || is_other_protocol(v)) {
        (target, trim(version))
    } else {
        (rest, &[])
    }
}

/// `NAME/1.0` of RTSP, SIP and the like, or HTTP/2 and later.
pub(super) fn is_other_protocol(word: &[u8]) -> bool {
    match word.iter().position(|b| *b == b'/').and_then(|at| word.split_at_checked(at)) {
        Some((b"HTTP", number)) => matches!(number, [b'/', b'2'..=b'9', ..]),
        Some((name, [b'/', major, ..])) => {
            major.is_ascii_digit() && !name.is_empty() && name.iter().all(u8::is_ascii_uppercase)
        }
        _ => false,
    }
}

/// `HTTP/1.` and a digit: what is newer than 1.1 is read as 1.1 (RFC 9110 section 2.5).
pub(super) fn is_http1(version: &[u8]) -> bool {
    matches!(version, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit())
}

fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().all(|b| *b > b' ' && *b != 0x7f)
}
