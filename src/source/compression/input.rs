//! What is compressed, between its reader and the decoders.

use super::MAGIC_LEN;
use std::io::{self, Read};

/// Bytes that are read at once: a block of a Zstandard frame fits in, and a decoder takes it where it lies.
const ROOM: usize = 256 * 1024;

/// What is compressed; remembers why it gave no more.
pub(super) struct Input {
    read: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// First byte that was not taken yet.
    start: usize,
    /// One past the last byte that was read.
    end: usize,
    /// More was asked for than there was.
    ended: bool,
    failed: Option<io::Error>,
}

impl Input {
    pub(super) fn new(read: Box<dyn Read + Send>) -> Self {
        Self { read, bytes: vec![0; ROOM], start: 0, end: 0, ended: false, failed: None }
    }

    /// Whether the end was met.
    pub(super) const fn is_over(&self) -> bool {
        self.ended
    }

    /// The next `n` bytes, without taking them; fewer at the end of the input, and never more than there is room for.
    pub(super) fn look(&mut self, n: usize) -> io::Result<&[u8]> {
        let n = n.min(ROOM);
        if ROOM - self.start < n {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < n {
            match self.read.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.end = self.end.saturating_add(read).min(ROOM),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.failed = Some(error);
                    return Err(kind.into());
                }
            }
        }
        Ok(self.bytes.get(self.start..self.end.min(self.start + n)).unwrap_or_default())
    }

    /// Takes bytes that were looked at.
    pub(super) fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n).min(self.end);
    }

    /// The next frame's magic number, without taking it; `None` at the end of the input.
    pub(super) fn magic(&mut self) -> io::Result<Option<u32>> {
        match *self.look(MAGIC_LEN)? {
            [] => Ok(None),
            [a, b, c, d] => Ok(Some(u32::from_le_bytes([a, b, c, d]))),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Steps over a skippable frame that was looked at.
    pub(super) fn skip(&mut self) -> io::Result<()> {
        let mut head = [0; 2 * MAGIC_LEN];
        self.read_exact(&mut head)?;
        let len = head.last_chunk().map_or(0, |len| u64::from(u32::from_le_bytes(*len)));
        let skipped = io::copy(&mut self.by_ref().take(len), &mut io::sink())?;
        if skipped < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// What `error` of a decoder comes from: the end of the input, its reader, or damage.
    pub(super) fn blame(&mut self, error: io::Error) -> io::Error {
        match self.failed.take() {
            Some(failed) => failed,
            None if self.ended => io::ErrorKind::UnexpectedEof.into(),
            None => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.look(1)?;
        let n = self.bytes.get(self.start..self.end).unwrap_or_default().read(buf)?;
        self.consume(n);
        Ok(n)
    }
}
