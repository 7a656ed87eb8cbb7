//! The head of a frame (RFC 9113 section 4.1).

use std::fmt;

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

/// The nine bytes in front of each payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) len: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// The stream; 0 is the connection. The reserved bit is left out.
    pub(super) stream: u32,
}

impl Kind {
    /// Section 6.1.
    pub const DATA: Kind = Kind(0);
    /// Section 6.2.
    pub const HEADERS: Kind = Kind(1);
    /// Section 6.3.
    pub const PRIORITY: Kind = Kind(2);
    /// Section 6.4.
    pub const RST_STREAM: Kind = Kind(3);
    /// Section 6.5.
    pub const SETTINGS: Kind = Kind(4);
    /// Section 6.6.
    pub const PUSH_PROMISE: Kind = Kind(5);
    /// Section 6.7.
    pub const PING: Kind = Kind(6);
    /// Section 6.8.
    pub const GOAWAY: Kind = Kind(7);
    /// Section 6.9.
    pub const WINDOW_UPDATE: Kind = Kind(8);
    /// Section 6.10.
    pub const CONTINUATION: Kind = Kind(9);

    /// The name, for a type that RFC 9113 knows.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "DATA",
            1 => "HEADERS",
            2 => "PRIORITY",
            3 => "RST_STREAM",
            4 => "SETTINGS",
            5 => "PUSH_PROMISE",
            6 => "PING",
            7 => "GOAWAY",
            8 => "WINDOW_UPDATE",
            9 => "CONTINUATION",
            _ => return None,
        })
    }

    /// Whether frames of this type carry a part of a header block.
    pub(super) const fn has_block(self) -> bool {
        matches!(self, Kind::HEADERS | Kind::PUSH_PROMISE | Kind::CONTINUATION)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {:#04x}", self.0),
        }
    }
}

impl Header {
    pub(super) const LEN: usize = 9;

    pub(super) const END_STREAM: u8 = 1;
    pub(super) const ACK: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;
    pub(super) const PADDED: u8 = 8;
    pub(super) const PRIORITY: u8 = 0x20;

    pub(super) const fn read(bytes: [u8; Header::LEN]) -> Header {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        Header {
            len: u32::from_be_bytes([0, a, b, c]),
            kind: Kind(kind),
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }

    pub(super) const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The four bytes of a number at the beginning.
pub(super) fn number(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().copied().map(u32::from_be_bytes)
}
