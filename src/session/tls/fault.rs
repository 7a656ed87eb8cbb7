//! What was on the wire and should not have been.

use std::fmt;

use super::handshake::HandshakeType;
use crate::base::{FrameRef, Short, Side};

/// Bytes kept of what is wrong: enough to tell another protocol by, and to show.
pub(super) const MAX_EXCERPT: usize = 64;

/// Bytes that are not TLS, or not the TLS that the standard allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The frame that showed it.
    pub frame: FrameRef,
    /// Who sent the bytes.
    pub from: Side,
    /// Where the record or message begins, in bytes of this side's stream since the observer was told of it.
    pub offset: u64,
    /// What it is.
    pub kind: FaultKind,
    /// The bytes from there on, at most 64.
    pub excerpt: Vec<u8>,
}

impl Fault {
    /// A fault whose bytes begin with `start`.
    pub(super) fn new(frame: FrameRef, from: Side, offset: u64, kind: FaultKind, start: &[u8]) -> Fault {
        let mut fault = Fault { frame, from, offset, kind, excerpt: Vec::new() };
        fault.extend(start);
        fault
    }

    /// Bytes that follow those of the excerpt.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_EXCERPT.saturating_sub(self.excerpt.len()).min(bytes.len());
        self.excerpt.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

/// The ways in which bytes fail to be TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// No record begins here: unknown type, or a version that is not 3.x. The rest of this side is not read.
    NotARecord,
    /// The record claims more bytes than any may have (RFC 5246 section 6.2.3). The rest of this side is not read.
    RecordTooLong {
        /// Bytes that the header announces.
        len: u16,
    },
    /// A handshake message that cannot be decoded.
    MalformedHandshake {
        /// Which.
        message: HandshakeType,
        /// The field that does not fit, by its offset in the body of the message.
        short: Short,
    },
    /// A handshake message in clear of a type that nobody has defined.
    UnknownHandshake {
        /// Its type.
        message: HandshakeType,
    },
    /// A handshake message longer than any end accepts; it is stepped over.
    HandshakeTooLong {
        /// Which.
        message: HandshakeType,
        /// Bytes that its header announces.
        len: u32,
    },
    /// The server answers in SSL 2.0. The rest of this side is not read.
    Ssl2,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecord => f.write_str("not a TLS record"),
            Self::RecordTooLong { len } => {
                write!(f, "a record of {len} bytes, {} are allowed", super::record::MAX_RECORD)
            }
            Self::MalformedHandshake { message, short } => write!(f, "{message} cannot be decoded: {short}"),
            Self::UnknownHandshake { message } => write!(f, "{message} is not defined"),
            Self::HandshakeTooLong { message, len } => {
                write!(f, "{message} of {len} bytes, {} are accepted", super::handshake::MAX_MESSAGE)
            }
            Self::Ssl2 => f.write_str("an SSL 2.0 message"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_as_sentences() {
        let short = Short { needed: 2, available: 1, offset: 34 };
        let message = HandshakeType::CLIENT_HELLO;
        assert_eq!(
            FaultKind::MalformedHandshake { message, short }.to_string(),
            "ClientHello cannot be decoded: 2 bytes needed at offset 34, 1 available"
        );
        assert_eq!(FaultKind::RecordTooLong { len: 20_000 }.to_string(), "a record of 20000 bytes, 18432 are allowed");
    }
}
