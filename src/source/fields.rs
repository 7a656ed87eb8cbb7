//! Numbers in the byte order of the host that wrote the capture.

/// How a capture writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Four numbers in a row: of what is read for every packet.
    #[inline]
    pub(super) fn four(self, bytes: &[u8; 16]) -> [u32; 4] {
        let whole = u128::from_le_bytes(*bytes);
        let words = [whole, whole >> 32, whole >> 64, whole >> 96].map(|word| word as u32);
        if self == ByteOrder::Big { swapped(words) } else { words }
    }
}

/// Few captures come from hosts of that order.
#[cold]
fn swapped(words: [u32; 4]) -> [u32; 4] {
    words.map(u32::swap_bytes)
}

/// Reads one field after the other. `None`: the bytes end first.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    order: ByteOrder,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(super) const fn new(rest: &'a [u8], order: ByteOrder) -> Self {
        Self { rest, order }
    }

    /// What was not yet read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Lets no more than the next `len` bytes be read.
    pub(super) fn truncate(&mut self, len: usize) {
        self.rest = self.rest.get(..len).unwrap_or(self.rest);
    }

    #[inline]
    pub(super) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        let raw = self.array()?;
        Some(if self.order == ByteOrder::Big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        let raw = self.array()?;
        Some(if self.order == ByteOrder::Big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Option<u64> {
        let raw = self.array()?;
        Some(if self.order == ByteOrder::Big { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
    }

    /// The two halves of a pcapng timestamp, which come high word first in either byte order.
    #[inline]
    pub(super) fn ticks(&mut self) -> Option<u64> {
        let (high, low) = (self.u32()?, self.u32()?);
        Some(u64::from(high) << 32 | u64::from(low))
    }
}
