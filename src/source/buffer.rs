//! One reused buffer between the reader and the records: read once, front to back.

use std::io::{self, Read};
use std::ops::Range;

/// What one `read` asks for, in bytes. Fits the L2 cache; 64 KiB to 1 MiB measure alike.
const READ_SIZE: usize = 256 * 1024;

/// Why the bytes asked for are not there.
#[derive(Debug)]
pub(super) enum Short {
    /// The input ended; so many bytes are left.
    Ended(usize),
    /// The reader failed.
    Failed(io::Error),
    /// Nothing more is to be read now.
    Held,
}

/// Bytes read ahead of the record at hand.
pub(super) struct Buffer {
    read: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// First byte not yet consumed.
    start: usize,
    /// One past the last byte read.
    end: usize,
    /// Offset in the input of `start`.
    position: u64,
    /// What was read stays where it is, and nothing more is read.
    held: bool,
}

impl Buffer {
    pub(super) fn new(read: Box<dyn Read + Send>) -> Self {
        Self { read, bytes: vec![0; READ_SIZE], start: 0, end: 0, position: 0, held: false }
    }

    /// Lets go of the reader and of the memory; the position stays.
    pub(super) fn close(&mut self) {
        (self.read, self.bytes) = (Box::new(io::empty()), Vec::new());
        (self.start, self.end) = (0, 0);
    }

    /// While it is held, [`Buffer::fill`] gives only what was read, and all that was consumed since stays in place.
    pub(super) const fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Offset in the input of the next byte to be consumed.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// What was read and not yet consumed.
    pub(super) fn ahead(&self) -> &[u8] {
        self.slice(self.start..self.end)
    }

    /// Everything not yet consumed, and after it the rest of the input.
    pub(super) fn into_reader(self) -> Box<dyn Read + Send> {
        let ahead = self.ahead().to_vec();
        Box::new(io::Cursor::new(ahead).chain(self.read))
    }

    /// At least `n` bytes from the position on, without consuming them. The caller bounds `n`.
    #[inline]
    pub(super) fn fill(&mut self, n: usize) -> Result<&[u8], Short> {
        if self.end - self.start < n {
            self.read_until(n)?;
        }
        Ok(self.ahead())
    }

    /// Steps over `n` bytes that [`Buffer::fill`] gave, and says where they are until the next `fill`.
    #[inline]
    pub(super) fn consume(&mut self, n: usize) -> Range<usize> {
        let from = self.start;
        self.start = from.saturating_add(n).min(self.end);
        self.position += (self.start - from) as u64;
        from..self.start
    }

    /// The bytes of a range that lies within what was read.
    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Reads until `n` bytes are ahead. Asks for no more than the reader has at hand, so that a pipe is not
    /// waited for; grows as bytes arrive, so that a length in a header alone allocates nothing.
    #[cold]
    fn read_until(&mut self, n: usize) -> Result<(), Short> {
        if self.held {
            return Err(Short::Held);
        }
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < n {
            if self.end == self.bytes.len() {
                self.bytes.resize((self.bytes.len() * 2).min(n.max(READ_SIZE)), 0);
            }
            match self.read.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Err(Short::Ended(self.end)),
                Ok(read) => self.end = self.end.saturating_add(read).min(self.bytes.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Short::Failed(error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `step` bytes a time.
    struct Trickle(io::Cursor<Vec<u8>>, usize);
    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(self.1);
            self.0.read(&mut buf[..n])
        }
    }

    #[test]
    fn records_of_every_size_come_out_whole() {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 251) as u8).collect();
        for step in [1, 1000, READ_SIZE] {
            let mut buffer = Buffer::new(Box::new(Trickle(io::Cursor::new(bytes.clone()), step)));
            let mut at = 0;
            for n in [1, 16, 300_000, READ_SIZE, 5, 700_000] {
                assert!(buffer.fill(n).unwrap().len() >= n);
                let range = buffer.consume(n);
                assert_eq!(buffer.slice(range), &bytes[at..at + n]);
                at += n;
                assert_eq!(buffer.position(), at as u64);
            }
        }
    }

    #[test]
    fn a_length_alone_allocates_nothing() {
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(vec![1, 2, 3])));
        assert!(matches!(buffer.fill(1 << 24), Err(Short::Ended(3))));
        assert_eq!(buffer.bytes.len(), READ_SIZE);
        assert_eq!(buffer.ahead(), [1, 2, 3]);
    }
}
