//! Captured bytes that know how many more there were on the wire.

use super::{Encapsulation, IpFrame, Undecodable};

/// What is left of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    /// What was captured.
    pub(crate) bytes: &'a [u8],
    /// How many bytes were on the wire; fewer than were captured where a length field says so.
    pub(crate) wire_len: u32,
}

impl<'a> Span<'a> {
    /// The first `N` bytes, and what follows them.
    #[inline]
    pub(crate) fn head<const N: usize>(self) -> Result<([u8; N], Self), Undecodable> {
        match self.bytes.split_first_chunk::<N>() {
            Some((head, bytes)) => Ok((*head, Self { bytes, wire_len: self.wire_len.saturating_sub(N as u32) })),
            None => Err(self.missing(N)),
        }
    }

    /// What follows the first `n` bytes.
    #[inline]
    pub(crate) fn skip(self, n: usize) -> Result<Self, Undecodable> {
        match self.bytes.get(n..) {
            Some(bytes) => Ok(Self { bytes, wire_len: self.wire_len.saturating_sub(n as u32) }),
            None => Err(self.missing(n)),
        }
    }

    /// Only the first `len` bytes: what follows is padding.
    #[inline]
    pub(crate) fn limit(self, len: u32) -> Self {
        Self { bytes: self.bytes.get(..len as usize).unwrap_or(self.bytes), wire_len: len }
    }

    /// Why `n` bytes are not there.
    #[cold]
    pub(crate) const fn missing(self, n: usize) -> Undecodable {
        if self.wire_len as usize >= n { Undecodable::SnapLength } else { Undecodable::TooShort }
    }

    /// This is an IP packet.
    #[inline]
    pub(crate) const fn ip(self, encapsulation: Encapsulation) -> IpFrame<'a> {
        IpFrame { bytes: self.bytes, wire_len: self.wire_len, encapsulation }
    }
}
