//! What is wrong with a message, and where.

use crate::base::FrameRef;
use std::fmt;

/// Bytes kept of the place where a message is wrong: enough to recognise a TLS record, an HTTP/2 frame or a
/// banner by its first bytes, and to show a person the offending line.
pub const MAX_EXCERPT: usize = 64;

/// Faults and notes kept beside the first fault of a message: more of them say nothing new.
pub const MAX_NOTES: usize = 4;

/// One thing that is wrong, or odd, in one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub kind: FaultKind,
    /// The frame in which it became visible: for a bad line, the one that completed the line.
    pub frame: FrameRef,
    /// Where, in bytes from the first byte of the message, as they were sent.
    pub offset: u64,
    /// The bytes there: at most [`MAX_EXCERPT`] of them, unescaped.
    pub excerpt: Vec<u8>,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, frame: FrameRef, offset: u64, excerpt: &[u8]) -> Self {
        let excerpt = excerpt.get(..MAX_EXCERPT).unwrap_or(excerpt).to_vec();
        Self { kind, frame, offset, excerpt }
    }

    /// Adds bytes that followed, as long as there is room.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        extend_excerpt(&mut self.excerpt, bytes);
    }
}

pub(super) fn extend_excerpt(excerpt: &mut Vec<u8>, bytes: &[u8]) {
    let room = MAX_EXCERPT.saturating_sub(excerpt.len());
    excerpt.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}

/// Every way in which a message can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Bytes that do not begin with `HTTP` where a response is due (RFC 9112 section 4).
    NoStatusLine,
    /// Not `HTTP/1.x NNN reason` (RFC 9112 section 4), or a status below 100 (RFC 9110 section 15).
    MalformedStatusLine,
    /// Not `method target HTTP/1.x` (RFC 9112 section 3).
    MalformedRequestLine,
    /// A field line that is none, in the head or in the trailers (RFC 9112 section 5).
    MalformedHeader(HeaderDefect),
    /// A response head larger than [`EDGE_HEAD_LIMIT`](super::EDGE_HEAD_LIMIT); it is read on.
    HeadersTooLarge,
    /// Content-Length is not a decimal number that fits (RFC 9110 section 8.6).
    ContentLengthInvalid,
    /// Several Content-Length values that differ (RFC 9112 section 6.3).
    ContentLengthConflict,
    /// Note: the same Content-Length more than once (RFC 9110 section 8.6).
    ContentLengthRepeated,
    /// Content-Length together with Transfer-Encoding (RFC 9112 section 6.1).
    LengthAndChunked,
    /// Transfer-Encoding other than `chunked` alone (RFC 9112 section 6.1).
    TransferEncodingUnsupported,
    /// Note: Transfer-Encoding in an HTTP/1.0 message (RFC 9112 section 6.1).
    TransferEncodingInHttp10,
    /// The framing of a chunked body is broken (RFC 9112 section 7.1).
    MalformedChunk(ChunkDefect),
    /// Bytes after the head of an answer to HEAD, a 204 or a 304 (RFC 9112 section 6.3).
    BodyNotAllowed,
    /// Bytes after the end of a response that begin no other one (RFC 9112 section 9.3).
    ExcessBytes,
    /// A response that no request asked for (RFC 9112 section 9.2).
    UnsolicitedResponse,
    /// A second 100 for one request (RFC 9110 section 15.2.1 knows of one; CloudFront refuses a second).
    RepeatedContinue,
    /// 101 for a request that carried no Upgrade (RFC 9110 section 7.8).
    UnexpectedUpgrade,
    /// A 101 whose Sec-WebSocket-Accept is not the answer to the request's key (RFC 6455 section 4.2.2).
    WebSocketAccept,
    /// The Content-Length of a 206 is not the length of its Content-Range (RFC 9110 section 15.3.7).
    ContentRangeMismatch,
    /// The body does not begin as Content-Encoding says (RFC 9110 section 8.4).
    ContentEncodingMismatch,
    /// Note: a line that ends in LF alone (RFC 9112 section 2.2).
    BareLf,
    /// Note: more, or other, white space than one SP between the words of the first line (RFC 9112 sections 3, 4).
    OddWhitespace,
    /// Note: an empty line before a status line (RFC 9112 section 2.2 allows it before a request line).
    LeadingEmptyLine,
}

/// Why a field line is none (RFC 9112 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderDefect {
    /// There is no colon.
    NoColon,
    /// Nothing before the colon.
    EmptyName,
    /// A byte in the name that no token may have (RFC 9110 section 5.6.2).
    BadName,
    /// White space between name and colon (RFC 9112 section 5.1).
    SpaceBeforeColon,
    /// A control byte in the value (RFC 9110 section 5.5).
    ControlByte,
    /// CR that no LF follows (RFC 9112 section 2.2).
    BareCr,
    /// A line that continues the one before it (obs-fold, RFC 9112 section 5.2).
    Folded,
}

/// What is wrong with the framing of a chunked body (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkDefect {
    /// No hexadecimal number where the size of a chunk is due.
    Size,
    /// A size that does not fit into 64 bits.
    SizeTooLarge,
    /// Something else than an extension after the size, or an extension without end.
    AfterSize,
    /// The data of a chunk is not followed by CRLF.
    NoCrLf,
    /// A line of the framing ends in LF alone; read on.
    BareLf,
}

impl FaultKind {
    /// Whether the RFC lets a recipient go on as if nothing were: worth telling, not a fault.
    #[must_use]
    pub const fn is_note(self) -> bool {
        matches!(
            self,
            Self::ContentLengthRepeated
                | Self::TransferEncodingInHttp10
                | Self::BareLf
                | Self::OddWhitespace
                | Self::LeadingEmptyLine
        )
    }

    /// Where it is written that this is wrong.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::NoStatusLine | Self::MalformedStatusLine => "RFC 9112 section 4",
            Self::MalformedRequestLine | Self::OddWhitespace => "RFC 9112 section 3",
            Self::MalformedHeader(defect) => defect.clause(),
            Self::HeadersTooLarge => "RFC 9110 section 5.4; CloudFront quotas",
            Self::ContentLengthInvalid | Self::ContentLengthRepeated => "RFC 9110 section 8.6",
            Self::ContentLengthConflict | Self::BodyNotAllowed => "RFC 9112 section 6.3",
            Self::LengthAndChunked | Self::TransferEncodingUnsupported | Self::TransferEncodingInHttp10 => {
                "RFC 9112 section 6.1"
            }
            Self::MalformedChunk(_) => "RFC 9112 section 7.1",
            Self::ExcessBytes => "RFC 9112 section 9.3",
            Self::UnsolicitedResponse => "RFC 9112 section 9.2",
            Self::RepeatedContinue => "RFC 9110 section 15.2.1; CloudFront's behaviour for custom origins",
            Self::UnexpectedUpgrade => "RFC 9110 section 7.8",
            Self::WebSocketAccept => "RFC 6455 section 4.2.2",
            Self::ContentRangeMismatch => "RFC 9110 section 15.3.7",
            Self::ContentEncodingMismatch => "RFC 9110 section 8.4",
            Self::BareLf | Self::LeadingEmptyLine => "RFC 9112 section 2.2",
        }
    }
}

impl HeaderDefect {
    const fn clause(self) -> &'static str {
        match self {
            Self::NoColon | Self::EmptyName => "RFC 9112 section 5",
            Self::BadName => "RFC 9110 section 5.6.2",
            Self::SpaceBeforeColon => "RFC 9112 section 5.1",
            Self::ControlByte => "RFC 9110 section 5.5",
            Self::BareCr => "RFC 9112 section 2.2",
            Self::Folded => "RFC 9112 section 5.2",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStatusLine => "no status line",
            Self::MalformedStatusLine => "malformed status line",
            Self::MalformedRequestLine => "malformed request line",
            Self::MalformedHeader(HeaderDefect::NoColon) => "header line without a colon",
            Self::MalformedHeader(HeaderDefect::EmptyName) => "header without a name",
            Self::MalformedHeader(HeaderDefect::BadName) => "bad byte in a header name",
            Self::MalformedHeader(HeaderDefect::SpaceBeforeColon) => "white space before the colon of a header",
            Self::MalformedHeader(HeaderDefect::ControlByte) => "control byte in a header value",
            Self::MalformedHeader(HeaderDefect::BareCr) => "CR without LF in a header",
            Self::MalformedHeader(HeaderDefect::Folded) => "folded header line",
            Self::HeadersTooLarge => "headers larger than CloudFront accepts",
            Self::ContentLengthInvalid => "Content-Length is not a number",
            Self::ContentLengthConflict => "Content-Length values that differ",
            Self::ContentLengthRepeated => "the same Content-Length more than once",
            Self::LengthAndChunked => "Content-Length together with Transfer-Encoding",
            Self::TransferEncodingUnsupported => "a Transfer-Encoding other than chunked",
            Self::TransferEncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            Self::MalformedChunk(ChunkDefect::Size) => "no chunk size where one is due",
            Self::MalformedChunk(ChunkDefect::SizeTooLarge) => "a chunk size beyond 64 bits",
            Self::MalformedChunk(ChunkDefect::AfterSize) => "neither an extension nor a line end after a chunk size",
            Self::MalformedChunk(ChunkDefect::NoCrLf) => "no CRLF after a chunk's data",
            Self::MalformedChunk(ChunkDefect::BareLf) => "LF alone in the chunk framing",
            Self::BodyNotAllowed => "a body where none is allowed",
            Self::ExcessBytes => "bytes after the end of the response",
            Self::UnsolicitedResponse => "a response that no request asked for",
            Self::RepeatedContinue => "a second 100 Continue",
            Self::UnexpectedUpgrade => "101 that was not asked for",
            Self::WebSocketAccept => "101 without the Sec-WebSocket-Accept that answers the request's key",
            Self::ContentRangeMismatch => "a Content-Length that is not the length of the Content-Range",
            Self::ContentEncodingMismatch => "a body that is not what Content-Encoding says",
            Self::BareLf => "lines that end in LF alone",
            Self::OddWhitespace => "odd white space in the first line",
            Self::LeadingEmptyLine => "an empty line before the status line",
        })
    }
}

/// Files `fault` where it belongs: the first real one as the message's fault, notes and further ones (each kind
/// once) among the notes.
pub(super) fn record(first: &mut Option<Box<Fault>>, notes: &mut Vec<Fault>, fault: Fault) {
    if first.is_none() && !fault.kind.is_note() {
        *first = Some(Box::new(fault));
        return;
    }
    let known = notes.iter().chain(first.as_deref()).any(|f| f.kind == fault.kind);
    if !known && notes.len() < MAX_NOTES {
        notes.push(fault);
    }
}
