//! A response: what the origin answered, and what is wrong with it.

use super::fault::{Fault, FaultKind, record};
use super::field::{Field, MAX_VALUE, Shared, Word, has_token, is_blank, keep, share, trim};
use super::framing::{CHUNKED, Declared, Framing};
use super::line::{Line, MAX_LINE};
use super::reader::Message;
use super::request::{MAX_VERSION, VERSIONS, is_http1};
use super::scan::first_below;
use super::transcript::Connection;
use crate::base::{Blank, FrameRef, Seldom};

/// Content kept of a response that is an error: a person, or a cause, must recognise whose page it is.
pub const MAX_BODY_EXCERPT: usize = 512;

/// The status from which on content is kept.
pub const EXCERPT_FROM_STATUS: u16 = 400;

/// First bytes of content that are kept, to be held against Content-Encoding: the longest magic number of a coding.
pub const BODY_START: usize = 4;

/// Bytes kept of a reason phrase.
pub const MAX_REASON: usize = 128;

/// The most frequent reason phrases.
const REASONS: [&str; 9] = [
    "OK",
    "",
    "Not Modified",
    "Found",
    "Not Found",
    "Moved Permanently",
    "Partial Content",
    "No Content",
    "Bad Gateway",
];

/// The codings that are in use (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
const CODINGS: [&str; 4] = ["gzip", "br", "deflate", "zstd"];

/// One final response, as far as it was seen (RFC 9112 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The frame of its first byte.
    pub frame: FrameRef,
    /// The frame of its last byte so far.
    pub last_frame: FrameRef,
    /// The status code; 0 where none could be read, because the status line is malformed or was cut too early.
    pub status: u16,
    reason: Word,
    version: Word,
    content_encoding: Word,
    /// The first Server.
    pub server: Option<Shared>,
    /// What Connection says.
    pub connection: Connection,
    /// The connection is to be closed after this response (RFC 9112 section 9.6): `close`, or HTTP/1.0 without
    /// `keep-alive`.
    pub wants_close: bool,
    /// Bytes of the head, with its status line and the empty line that ends it.
    pub header_bytes: u64,
    /// Bytes of content; the framing of chunks is not counted.
    pub body_bytes: u64,
    /// The first bytes of content, zeros where there are none.
    pub body_start: [u8; BODY_START],
    /// How the end of the body is found.
    pub framing: Framing,
    /// The head was seen to its end.
    pub head_complete: bool,
    /// All of it was sent, and seen or counted.
    pub complete: bool,
    /// Some of its bytes are not in the capture.
    pub gaps: bool,
    /// The `timeout` of Keep-Alive, in seconds: how long the origin keeps an idle connection, by its own word.
    pub keep_alive_timeout: Option<u32>,
    /// What few responses have.
    pub extra: Seldom<ResponseExtra>,
}

/// What few responses have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseExtra {
    /// A reason phrase, version and Content-Encoding that are none of the frequent ones.
    reason: Option<Box<str>>,
    version: Option<Box<str>>,
    content_encoding: Option<Box<str>>,
    /// The frame that completed the head, where that is not its first.
    head_frame: Option<FrameRef>,
    /// A Content-Length that does not say where the body ends.
    content_length: Option<u64>,
    /// A Transfer-Encoding that is not what everybody sends, or does not say where the body ends.
    transfer_encoding: Option<Box<str>>,
    /// The first Content-Range.
    pub content_range: Option<Box<str>>,
    /// Upgrade names WebSocket.
    pub websocket: bool,
    /// The first Sec-WebSocket-Accept.
    pub websocket_accept: Option<Box<str>>,
    /// The first thing that is wrong with it.
    pub fault: Option<Box<Fault>>,
    /// What else is wrong or odd: at most [`MAX_NOTES`](super::MAX_NOTES).
    pub notes: Vec<Fault>,
    /// The first [`MAX_BODY_EXCERPT`] bytes of content, if the status is at least [`EXCERPT_FROM_STATUS`].
    pub body_excerpt: Vec<u8>,
}

impl ResponseExtra {
    const fn none() -> Self {
        Self {
            reason: None,
            version: None,
            content_encoding: None,
            head_frame: None,
            content_length: None,
            transfer_encoding: None,
            content_range: None,
            websocket: false,
            websocket_accept: None,
            fault: None,
            notes: Vec::new(),
            body_excerpt: Vec::new(),
        }
    }
}

impl Default for ResponseExtra {
    fn default() -> Self {
        Self::none()
    }
}

impl Blank for ResponseExtra {
    const BLANK: &'static Self = &Self::none();
}

impl Response {
    /// A response of which nothing is known but that it begins in `frame`.
    #[must_use]
    pub fn new(frame: FrameRef) -> Self {
        Self {
            frame,
            last_frame: frame,
            status: 0,
            reason: Word::default(),
            version: Word::default(),
            content_encoding: Word::default(),
            server: None,
            connection: Connection::default(),
            wants_close: false,
            header_bytes: 0,
            body_bytes: 0,
            body_start: [0; BODY_START],
            framing: Framing::Unknown,
            head_complete: false,
            complete: false,
            gaps: false,
            keep_alive_timeout: None,
            extra: Seldom::default(),
        }
    }

    /// Reads the status line that `bytes` begin with, and moves past it; `None` where it is not whole, or anything about it
    /// is odd, for which [`read`](Self::read) is there.
    #[inline]
    pub(super) fn at_once(bytes: &mut &[u8], first: FrameRef) -> Option<Self> {
        let [a, b, c, b' ', rest @ ..] = bytes.strip_prefix(b"HTTP/1.1 ")? else { return None };
        // What ends the line is nearly always the first byte that no reason may have.
        let (reason, rest) = rest.split_at_checked(first_below::<0x20>(rest)?)?;
        let [b'\r', b'\n', rest @ ..] = rest else { return None };
        if matches!(reason, [b' ', ..]) || bytes.len() - rest.len() > MAX_LINE {
            return None;
        }
        let mut response = Self::new(first);
        response.status = status(&[*a, *b, *c])?;
        *bytes = rest;
        response.version = Word::FIRST;
        response.set_reason(trim(reason));
        Some(response)
    }

    /// Reads a line that begins with `HTTP`, in whatever case, as a status line.
    pub(super) fn read(line: &Line<'_>, first: FrameRef, frame: FrameRef) -> Self {
        let mut response = Self::new(first);
        let kind = response.status_line(line.text);
        if let Some(kind) = kind {
            response.record(Fault::new(kind, frame, 0, line.text));
        }
        if line.bare_lf {
            response.record(Fault::new(FaultKind::BareLf, frame, 0, line.text));
        }
        response
    }

    /// What is certain of a status line that was not seen to its end: a status is, once something follows it.
    pub(super) fn partial(line: &[u8], frame: FrameRef) -> Self {
        let mut response = Self::new(frame);
        if let Some((version, [a, b, c, b' ', ..])) = words(line)
            && is_http1(version)
        {
            response.set_version(version);
            response.status = status(&[*a, *b, *c]).unwrap_or(0);
        }
        response
    }

    fn status_line(&mut self, line: &[u8]) -> Option<FaultKind> {
        let Some((version, rest)) = words(line) else { return Some(FaultKind::MalformedStatusLine) };
        self.set_version(version);
        let after_version = line.len() - version.len() - rest.len();
        let end = rest.iter().position(|b| is_blank(*b)).unwrap_or(rest.len());
        let (code, reason) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        self.set_reason(trim(reason));
        match status(code).filter(|_| is_http1(version)) {
            None => return Some(FaultKind::MalformedStatusLine),
            Some(status) => self.status = status,
        }
        if reason.iter().any(|&b| super::field::is_forbidden(b)) {
            return Some(FaultKind::MalformedStatusLine);
        }
        let odd = after_version > 1 || matches!(reason, [b'\t', ..] | [b' ', b' ' | b'\t', ..]);
        odd.then_some(FaultKind::OddWhitespace)
    }

    fn set_version(&mut self, version: &[u8]) {
        self.version = Word::of(version, &VERSIONS, MAX_VERSION, |other| self.extra.version = Some(other));
    }

    #[inline]
    fn set_reason(&mut self, reason: &[u8]) {
        self.reason = Word::of(reason, &REASONS, MAX_REASON, |other| self.extra.reason = Some(other));
    }

    /// Memory that it takes beside itself, in bytes.
    pub(super) fn held(&self) -> usize {
        let extra = &*self.extra;
        let texts = [
            self.server.as_deref(),
            extra.reason.as_deref(),
            extra.content_encoding.as_deref(),
            extra.transfer_encoding.as_deref(),
            extra.content_range.as_deref(),
            extra.websocket_accept.as_deref(),
        ];
        let texts = texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        texts + extra.body_excerpt.len() + self.extra.held() + self.faults().count() * size_of::<Fault>()
    }

    /// The reason phrase, often empty: the first [`MAX_REASON`] bytes.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason.among(&REASONS).or(self.extra.reason.as_deref()).unwrap_or_default()
    }

    /// `HTTP/1.1`, `HTTP/1.0`, or what stands there instead; empty where there is none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.version.among(&VERSIONS).or(self.extra.version.as_deref()).unwrap_or_default()
    }

    /// The frame that completed the head.
    #[must_use]
    pub fn head_frame(&self) -> Option<FrameRef> {
        self.head_complete.then(|| self.extra.head_frame.unwrap_or(self.frame))
    }

    /// A well-formed Content-Length; of several that differ, the first.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            _ => self.extra.content_length,
        }
    }

    /// Transfer-Encoding, as sent; several joined by `, `.
    #[must_use]
    pub fn transfer_encoding(&self) -> Option<&str> {
        let chunked = || (self.framing == Framing::Chunked).then_some(CHUNKED);
        self.extra.transfer_encoding.as_deref().or_else(chunked)
    }

    /// The first Content-Encoding.
    #[must_use]
    pub fn content_encoding(&self) -> Option<&str> {
        self.content_encoding.among(&CODINGS).or(self.extra.content_encoding.as_deref())
    }

    /// Its head ends in `frame`.
    pub(super) fn end_head_in(&mut self, frame: FrameRef) {
        self.head_complete = true;
        if frame != self.frame {
            self.extra.head_frame = Some(frame);
        }
    }

    /// How its body ends, and what its head says of that besides.
    pub(super) fn set_framing(&mut self, framing: Framing, declared: &Declared) {
        self.framing = framing;
        let length = declared.content_length();
        if self.content_length() != length {
            self.extra.content_length = length;
        }
        let coding = declared.transfer_encoding();
        if self.transfer_encoding() != coding.as_deref() {
            self.extra.transfer_encoding = coding.map(Box::from);
        }
    }

    /// What is wrong with it, and what else is odd.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.extra.fault.as_deref().into_iter().chain(&self.extra.notes)
    }

    pub(super) fn is_http10(&self) -> bool {
        self.version == Word::SECOND
    }

    /// 1xx, which announces and does not answer; 101 does (RFC 9110 section 15.2).
    pub(super) const fn is_interim(&self) -> bool {
        self.status >= 100 && self.status < 200 && self.status != 101
    }

    #[inline(never)]
    fn keep_excerpt(&mut self, bytes: &[u8]) {
        let excerpt = &mut self.extra.body_excerpt;
        let room = MAX_BODY_EXCERPT.saturating_sub(excerpt.len());
        excerpt.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    #[inline(never)]
    fn keep_start(&mut self, bytes: &[u8]) {
        let known = usize::try_from(self.body_bytes).unwrap_or(BODY_START);
        for (slot, byte) in self.body_start.iter_mut().skip(known).zip(bytes) {
            *slot = *byte;
        }
    }

    /// The fields that few responses have, apart: the others want no room on the stack.
    #[inline(never)]
    fn seldom_field(&mut self, field: &Field<'_>) {
        let value = field.value;
        match field.name.len() {
            7 if field.is(b"upgrade") => self.extra.websocket |= has_token(value, "websocket"),
            10 if field.is(b"keep-alive") => self.keep_alive(value),
            13 if field.is(b"content-range") => keep(&mut self.extra.content_range, value),
            16 if field.is(b"content-encoding") && self.content_encoding().is_none() => {
                let other = |other| self.extra.content_encoding = Some(other);
                self.content_encoding = Word::of(value, &CODINGS, MAX_VALUE, other);
            }
            20 if field.is(b"sec-websocket-accept") => keep(&mut self.extra.websocket_accept, value),
            _ => {}
        }
    }

    fn keep_alive(&mut self, value: &[u8]) {
        for member in super::field::members(value) {
            let Some((name, number)) = std::str::from_utf8(member).ok().and_then(|m| m.split_once('=')) else {
                continue;
            };
            if name.trim().eq_ignore_ascii_case("timeout") {
                self.keep_alive_timeout = number.trim().parse().ok();
            }
        }
    }
}

impl Message for Response {
    #[inline]
    fn field(&mut self, field: &Field<'_>, repeated: &mut Option<Shared>) {
        match field.name.len() {
            6 if field.is(b"server") => share(&mut self.server, repeated, field.value),
            10 if field.is(b"connection") => self.connection.read(field.value),
            7 | 10 | 13 | 16 | 20 => self.seldom_field(field),
            _ => {}
        }
    }

    fn record(&mut self, fault: Fault) {
        let extra = &mut *self.extra;
        record(&mut extra.fault, &mut extra.notes, fault);
    }

    fn head_bytes(&mut self, bytes: u64, frame: FrameRef) {
        (self.header_bytes, self.last_frame) = (bytes, frame);
    }

    #[inline]
    fn content(&mut self, bytes: &[u8], frame: FrameRef) {
        if self.body_bytes < BODY_START as u64 && !self.gaps {
            self.keep_start(bytes);
        }
        self.body_bytes += bytes.len() as u64;
        self.last_frame = frame;
        if self.status >= EXCERPT_FROM_STATUS && !self.gaps {
            self.keep_excerpt(bytes);
        }
    }

    fn unseen(&mut self, content: u64, frame: FrameRef) {
        self.body_bytes += content;
        self.gaps = true;
        if content > 0 {
            self.last_frame = frame;
        }
    }

    fn recorded(&mut self, kind: FaultKind) -> Option<&mut Fault> {
        let extra = self.extra.written()?;
        extra.fault.as_deref_mut().into_iter().chain(&mut extra.notes).find(|f| f.kind == kind)
    }

    fn touched(&mut self, frame: FrameRef) {
        self.last_frame = frame;
    }
}

/// The first word of a line, and the rest from the second word on.
fn words(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = line.split_at_checked(line.iter().position(|b| is_blank(*b))?)?;
    let start = rest.iter().position(|b| !is_blank(*b)).unwrap_or(rest.len());
    rest.get(start..).map(|rest| (first, rest))
}

/// Three digits; what is not below 100 is a status, also the classes that nobody has defined.
fn status(code: &[u8]) -> Option<u16> {
    match code {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}
