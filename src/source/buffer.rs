//! One reused buffer between the reader and the records: read once, front to back.

use super::ahead::Ahead;
use std::io::{self, Read};
use std::ops::Range;

/// What one `read` asks for, in bytes. Fits the L2 cache; 64 KiB to 1 MiB measure alike.
pub(super) const READ_SIZE: usize = 256 * 1024;

/// Room in front of what is read, for the beginning of a record whose end is in it: the longest packet that an interface
/// with large offloads gives.
pub(super) const FRONT: usize = 64 * 1024;

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

/// Where the bytes come from.
enum Input {
    Direct(Box<dyn Read + Send>),
    Ahead(Ahead),
}

/// Bytes read ahead of the record at hand.
pub(super) struct Buffer {
    input: Input,
    bytes: Vec<u8>,
    /// First byte not yet consumed.
    start: usize,
    /// One past the last byte read.
    end: usize,
    /// Bytes read: the offset in the input of `end`.
    read: u64,
    /// What was read stays where it is, and nothing more is read.
    held: bool,
}

impl Buffer {
    pub(super) fn new(read: Box<dyn Read + Send>) -> Self {
        Self::of(Input::Direct(read))
    }

    /// What a thread reads ahead.
    pub(super) fn ahead_of(ahead: Ahead) -> Self {
        Self::of(Input::Ahead(ahead))
    }

    fn of(input: Input) -> Self {
        Self { input, bytes: vec![0; FRONT + READ_SIZE], start: FRONT, end: FRONT, read: 0, held: false }
    }

    /// Goes on with a thread that reads ahead, where the input is long.
    pub(super) fn read_ahead(&mut self) {
        self.input = match std::mem::replace(&mut self.input, Input::Direct(Box::new(io::empty()))) {
            Input::Direct(read) => Input::Ahead(Ahead::new(read)),
            ahead => ahead,
        };
    }

    /// Lets go of the reader and of the memory; the position stays.
    pub(super) fn close(&mut self) {
        self.read = self.position();
        (self.input, self.bytes) = (Input::Direct(Box::new(io::empty())), Vec::new());
        (self.start, self.end) = (0, 0);
    }

    /// While it is held, [`Buffer::fill`] gives only what was read, and all that was consumed since stays in place.
    pub(super) const fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Offset in the input of the next byte to be consumed.
    pub(super) const fn position(&self) -> u64 {
        self.read - (self.end - self.start) as u64
    }

    /// What was read and not yet consumed.
    pub(super) fn ahead(&self) -> &[u8] {
        self.slice(self.start..self.end)
    }

    /// Everything not yet consumed, and after it the rest of the input.
    pub(super) fn into_reader(self) -> Box<dyn Read + Send> {
        let ahead = self.ahead().to_vec();
        let ahead = io::Cursor::new(ahead);
        match self.input {
            Input::Direct(read) => Box::new(ahead.chain(read)),
            Input::Ahead(read) => Box::new(ahead.chain(read)),
        }
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
        self.start += n.min(self.end - from);
        from..self.start
    }

    /// Steps over the next `n` bytes, and says where they are; `None` where they were not all read.
    #[inline]
    pub(super) fn take(&mut self, n: usize) -> Option<Range<usize>> {
        (n <= self.end - self.start).then(|| self.consume(n))
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
        if let Input::Ahead(ahead) = &mut self.input
            && let Some(range) = ahead.swap(&mut self.bytes, self.start..self.end)
        {
            self.read += (range.len() - (self.end - self.start)) as u64;
            (self.start, self.end) = (range.start, range.end);
        } else {
            self.make_room();
        }
        while self.end - self.start < n {
            if self.end == self.bytes.len() {
                let needed = self.start + n.max(READ_SIZE);
                self.bytes.resize((self.bytes.len() * 2).min(needed), 0);
            }
            let room = self.bytes.get_mut(self.end..).unwrap_or_default();
            let read = match &mut self.input {
                Input::Direct(read) => read.read(room),
                Input::Ahead(ahead) => ahead.read(room),
            };
            match read {
                Ok(0) => return Err(Short::Ended(self.end - self.start)),
                Ok(read) => {
                    let read = read.min(self.bytes.len() - self.end);
                    self.end += read;
                    self.read += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Short::Failed(error)),
            }
        }
        Ok(())
    }

    /// Moves what is left to the front, so that the next read is as long as every other.
    fn make_room(&mut self) {
        let left = self.end - self.start;
        let to = FRONT.saturating_sub(left);
        self.bytes.copy_within(self.start..self.end, to);
        (self.start, self.end) = (to, to + left);
        // What has grown for a long record need not stay.
        if left <= FRONT && self.bytes.len() > FRONT + READ_SIZE {
            self.bytes.truncate(FRONT + READ_SIZE);
        }
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
        let bytes: Vec<u8> = (0..6_000_000_u32).map(|i| (i % 251) as u8).collect();
        const ALL: &[usize] = &[1, 16, 300_000, READ_SIZE, 5, 700_000];
        const SMALL: &[usize] = &[16, 1_460];
        for (step, ahead, sizes) in [
            (1, false, ALL),
            (1000, false, ALL),
            (READ_SIZE, false, ALL),
            (1000, true, ALL),
            (READ_SIZE, true, ALL),
            (READ_SIZE, true, SMALL),
        ] {
            let mut buffer = Buffer::new(Box::new(Trickle(io::Cursor::new(bytes.clone()), step)));
            if ahead {
                buffer.read_ahead();
            }
            let mut at = 0;
            for &n in sizes.iter().cycle() {
                let Some(record) = bytes.get(at..at + n) else { break };
                assert!(buffer.fill(n).unwrap().len() >= n);
                let range = buffer.consume(n);
                assert_eq!(buffer.slice(range), record, "{step} {ahead}");
                at += n;
                assert_eq!(buffer.position(), at as u64);
            }
            let left = bytes.len() - at;
            assert!(matches!(buffer.fill(left + 1), Err(Short::Ended(ahead)) if ahead == left), "{step} {ahead}");
        }
    }

    #[test]
    fn a_length_alone_allocates_nothing() {
        let mut buffer = Buffer::new(Box::new(io::Cursor::new(vec![1, 2, 3])));
        assert!(matches!(buffer.fill(1 << 24), Err(Short::Ended(3))));
        assert_eq!(buffer.bytes.len(), FRONT + READ_SIZE);
        assert_eq!(buffer.ahead(), [1, 2, 3]);
    }
}
