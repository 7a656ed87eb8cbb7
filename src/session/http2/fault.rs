//! What is wrong with a frame or a message, and where.
//!
//! Only what one direction shows by itself is a fault. What depends on when a side learnt of a frame of its peer's (DATA
//! beyond a window, a stream that was not open) is left to that peer, which says so by GOAWAY or RST_STREAM.

use super::field::FieldDefect;
use super::frame::Kind;
use super::hpack::Defect;
use super::settings;
use crate::base::FrameRef;
use std::fmt;

/// Bytes kept of the place where a direction is wrong.
pub const MAX_EXCERPT: usize = 64;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub kind: FaultKind,
    /// The frame of the capture in which it became visible.
    pub frame: FrameRef,
    /// The stream; 0 is the connection.
    pub stream: u32,
    /// Where the frame of HTTP/2 begins, in bytes from the first that this side sent (as far as captured).
    pub offset: u64,
    /// The bytes there: at most [`MAX_EXCERPT`] of them, unescaped.
    pub excerpt: Vec<u8>,
}

/// Whether a fault ends the connection or the stream alone (RFC 9113 section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A setting that nobody may send.
    Settings,
    /// A frame that ends the connection.
    Frame,
    /// A header block that cannot be decompressed, which ends the connection.
    Compression,
    /// A message, which ends its stream.
    Message,
}

/// Every way in which a direction can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The first frame is none of SETTINGS (section 3.4).
    NoSettings,
    /// A setting with a value that it cannot have (section 6.5.2).
    SettingInvalid {
        /// Which.
        id: u16,
        /// Its value.
        value: u32,
    },
    /// SETTINGS on a stream, of a length that is no multiple of six, or an acknowledgement with a payload.
    SettingsMalformed,
    /// A payload larger than the peer takes (section 4.2).
    FrameTooLarge {
        /// The type.
        kind: Kind,
        /// Bytes of the payload.
        len: u32,
        /// Bytes that the peer takes.
        limit: u32,
    },
    /// A payload of another length than its type has (sections 6.3 to 6.9).
    FrameLength {
        /// The type.
        kind: Kind,
        /// Bytes of the payload.
        len: u32,
    },
    /// A frame of the connection on a stream, or a frame of a stream on the connection.
    FrameStream {
        /// The type.
        kind: Kind,
        /// The stream.
        stream: u32,
    },
    /// Padding that is larger than the payload (section 6.1).
    Padding,
    /// Another frame within a header block, or CONTINUATION without one (section 6.10).
    Interrupted {
        /// The type of the frame that came.
        kind: Kind,
    },
    /// PUSH_PROMISE by a client, or though the client does not take it (section 8.4).
    PushNotAllowed,
    /// WINDOW_UPDATE by nothing (section 6.9).
    WindowIncrementZero,
    /// The header block cannot be decompressed.
    Compression(Defect),
    /// A header field that no message may have.
    Field(FieldDefect),
    /// Content-Length is not the sum of the DATA frames (section 8.1.1).
    ContentLength {
        /// What Content-Length says.
        said: u64,
        /// Bytes of DATA.
        sent: u64,
    },
    /// DATA before the head of a message (section 8.1).
    DataBeforeHeaders,
    /// HEADERS after the head of a response that do not end the stream (section 8.1).
    HeadersInBody,
    /// An interim response that ends the stream (section 8.1).
    InterimEndsStream,
}

impl Fault {
    /// A fault that was met in `frame`.
    pub(super) fn new(kind: FaultKind, frame: FrameRef, stream: u32, offset: u64, bytes: &[u8]) -> Fault {
        let excerpt = bytes.get(..MAX_EXCERPT).unwrap_or(bytes).to_vec();
        Fault { kind, frame, stream, offset, excerpt }
    }
}

impl FaultKind {
    /// What it ends.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            FaultKind::NoSettings | FaultKind::SettingInvalid { .. } | FaultKind::SettingsMalformed => Scope::Settings,
            FaultKind::Compression(_) => Scope::Compression,
            FaultKind::Field(_)
            | FaultKind::ContentLength { .. }
            | FaultKind::DataBeforeHeaders
            | FaultKind::HeadersInBody
            | FaultKind::InterimEndsStream => Scope::Message,
            _ => Scope::Frame,
        }
    }

    /// The section of the standard that says so.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            FaultKind::NoSettings => "RFC 9113 section 3.4",
            FaultKind::SettingInvalid { .. } => "RFC 9113 section 6.5.2",
            FaultKind::SettingsMalformed => "RFC 9113 section 6.5",
            FaultKind::FrameTooLarge { .. } => "RFC 9113 section 4.2",
            FaultKind::FrameLength { .. } | FaultKind::FrameStream { .. } => "RFC 9113 section 6",
            FaultKind::Padding => "RFC 9113 section 6.1",
            FaultKind::Interrupted { .. } => "RFC 9113 section 6.10",
            FaultKind::PushNotAllowed => "RFC 9113 section 8.4",
            FaultKind::WindowIncrementZero => "RFC 9113 section 6.9",
            FaultKind::Compression(defect) => defect.clause(),
            FaultKind::Field(defect) => defect.clause(),
            FaultKind::ContentLength { .. } => "RFC 9113 section 8.1.1",
            FaultKind::DataBeforeHeaders | FaultKind::HeadersInBody | FaultKind::InterimEndsStream => {
                "RFC 9113 section 8.1"
            }
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::NoSettings => f.write_str("the first frame is none of SETTINGS"),
            FaultKind::SettingInvalid { id, value } => match settings::name(*id) {
                Some(name) => write!(f, "{name} of {value}"),
                None => write!(f, "setting {id:#06x} of {value}"),
            },
            FaultKind::SettingsMalformed => f.write_str("a SETTINGS frame of a wrong shape"),
            FaultKind::FrameTooLarge { kind, len, limit } => {
                write!(f, "a frame ({kind}) of {len} bytes, where {limit} are allowed")
            }
            FaultKind::FrameLength { kind, len } => write!(f, "a frame ({kind}) of {len} bytes, which it cannot have"),
            FaultKind::FrameStream { kind, stream } => write!(f, "a frame ({kind}) on stream {stream}"),
            FaultKind::Padding => f.write_str("padding that is larger than its frame"),
            FaultKind::Interrupted { kind } => write!(f, "a frame ({kind}) in the wrong place around a header block"),
            FaultKind::PushNotAllowed => f.write_str("a PUSH_PROMISE that is not allowed"),
            FaultKind::WindowIncrementZero => f.write_str("a WINDOW_UPDATE by nothing"),
            FaultKind::Compression(defect) => write!(f, "a header block that cannot be decompressed: {defect}"),
            FaultKind::Field(defect) => defect.fmt(f),
            FaultKind::ContentLength { said, sent } => {
                write!(f, "content-length {said} and {sent} bytes of DATA")
            }
            FaultKind::DataBeforeHeaders => f.write_str("DATA before the head"),
            FaultKind::HeadersInBody => f.write_str("HEADERS after the head that do not end the stream"),
            FaultKind::InterimEndsStream => f.write_str("an interim response that ends the stream"),
        }
    }
}
