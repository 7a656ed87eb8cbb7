//! Reading bytes that a stranger chose: an inner length can never escape its outer one.

use std::fmt;

/// Fewer bytes were there than a field needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Bytes that the field needs.
    pub needed: usize,
    /// Bytes that were left.
    pub available: usize,
    /// Offset of the field from the start of the outermost cursor, in bytes.
    pub offset: usize,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes needed at offset {}, {} available", self.needed, self.offset, self.available)
    }
}

impl std::error::Error for Short {}

/// A position in a slice of bytes. Numbers are read in network order.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Bytes not yet read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes were read, counted from the start of the outermost cursor.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether all was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left; nothing is read then.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Short> {
        match self.rest.split_at_checked(n) {
            Some((head, tail)) => {
                self.rest = tail;
                self.offset += n;
                Ok(head)
            }
            None => Err(Short { needed: n, available: self.rest.len(), offset: self.offset }),
        }
    }

    /// A cursor over the next `n` bytes, which this one steps over.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    #[inline]
    pub fn sub(&mut self, n: usize) -> Result<Cursor<'a>, Short> {
        let offset = self.offset;
        self.take(n).map(|rest| Cursor { rest, offset })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let (offset, available) = (self.offset, self.rest.len());
        self.take(N)?.try_into().map_err(|_| Short { needed: N, available, offset })
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Short`] at the end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, Short> {
        self.array::<1>().map(|[b]| b)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, as TLS writes the length of a handshake message.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    #[inline]
    pub fn u24(&mut self) -> Result<u32, Short> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`Short`] where fewer are left.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_length_cannot_escape() {
        let mut outer = Cursor::new(&[0, 2, 0xaa, 0xbb, 0xcc]);
        let len = outer.u16().unwrap();
        let mut inner = outer.sub(usize::from(len)).unwrap();
        assert_eq!(inner.u16(), Ok(0xaabb));
        assert_eq!(inner.u8(), Err(Short { needed: 1, available: 0, offset: 4 }));
        assert_eq!(outer.u8(), Ok(0xcc));
        assert!(outer.is_empty());
    }

    #[test]
    fn nothing_is_read_where_too_little_is_left() {
        let mut c = Cursor::new(&[1, 2]);
        assert_eq!(c.u24(), Err(Short { needed: 3, available: 2, offset: 0 }));
        assert_eq!(c.u16(), Ok(0x0102));
    }
}
