//! Reading ahead on a thread of its own: what is costly to read, a compressed or a large input, is ready when it is asked
//! for.
//!
//! ```text
//! reader thread: read -> chunk --full--> consumer: takes it for its buffer, or copies out of it
//!                          ^----spent----/
//! ```
//! The bytes, and the error behind them, are those that the reader gives, in the same order. How many come at once does
//! not depend on which thread was faster: as many as are asked for, fewer only in front of the end or of an error.

use super::buffer::{FRONT, READ_SIZE};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// So many bytes are read in place: a small input is over before a thread would have paid.
const IN_PLACE: u64 = 1024 * 1024;

/// Bytes of one chunk: what the consumer's buffer takes at once.
const CHUNK: usize = READ_SIZE;

/// Chunks that are read and not yet asked for. With two the reader never waits for a consumer that is as fast.
const MAX_CHUNKS: usize = 2;

/// A reader that works ahead of its consumer.
pub(super) struct Ahead {
    state: State,
    /// Given so far.
    given: u64,
}

enum State {
    InPlace(Box<dyn Read + Send>),
    Threaded(Chunks),
    Over,
}

/// Bytes, and what comes behind them.
#[derive(Default)]
struct Chunk {
    /// From [`FRONT`] on: in front of them there is room for what the consumer has left.
    bytes: Vec<u8>,
    /// `None`: another chunk.
    then: Option<io::Result<()>>,
}

/// The consumer's end.
struct Chunks {
    full: Receiver<Chunk>,
    spent: Sender<Vec<u8>>,
    chunk: Chunk,
    /// First byte of the chunk that was not given yet.
    at: usize,
}

impl Ahead {
    pub(super) fn new(read: Box<dyn Read + Send>) -> Self {
        Self { state: State::InPlace(read), given: 0 }
    }

    /// Puts the next chunk behind the bytes that are `left` in `buffer`, by taking the one for the other. Says where
    /// both are now; `None` where that cannot be done, and [`Read::read`] is to be asked.
    pub(super) fn swap(&mut self, buffer: &mut Vec<u8>, left: Range<usize>) -> Option<Range<usize>> {
        let State::Threaded(chunks) = &mut self.state else { return None };
        let end = chunks.swap(buffer, left.clone())?;
        self.given = self.given.saturating_add((end - FRONT) as u64);
        Some(FRONT - left.len()..end)
    }

    /// Goes on with a thread, or in place where none can be had.
    #[cold]
    fn go_ahead(&mut self) {
        let State::InPlace(read) = std::mem::replace(&mut self.state, State::Over) else { return };
        let (to_consumer, full) = sync_channel(MAX_CHUNKS);
        let (spent, to_reader) = channel();
        let (hand_over, handed_over) = channel();
        let named = thread::Builder::new().name("read".to_owned());
        let started = named.spawn(move || {
            if let Ok(read) = handed_over.recv() {
                read_on(read, &to_consumer, &to_reader);
            }
        });
        self.state = match started {
            // The thread has the other end until it is given the reader.
            Ok(_) => match hand_over.send(read) {
                Ok(()) => State::Threaded(Chunks { full, spent, chunk: Chunk::default(), at: 0 }),
                Err(back) => State::InPlace(back.0),
            },
            Err(_) => State::InPlace(read),
        };
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given >= IN_PLACE && matches!(self.state, State::InPlace(_)) {
            self.go_ahead();
        }
        let given = match &mut self.state {
            State::InPlace(read) => read.read(buf)?,
            State::Threaded(chunks) => chunks.read(buf)?,
            State::Over => 0,
        };
        self.given = self.given.saturating_add(given as u64);
        Ok(given)
    }
}

impl Chunks {
    /// Takes the next chunk.
    fn next(&mut self) {
        let stopped = || Chunk { bytes: Vec::new(), then: Some(Err(io::Error::other("the reader stopped"))) };
        let spent = std::mem::replace(&mut self.chunk, self.full.recv().unwrap_or_else(|_| stopped()));
        self.at = FRONT;
        // A reader that has ended wants no more of them.
        let _ = self.spent.send(spent.bytes);
    }

    fn swap(&mut self, buffer: &mut Vec<u8>, left: Range<usize>) -> Option<usize> {
        if left.len() > FRONT || self.at < self.chunk.bytes.len() || self.chunk.then.is_some() {
            return None;
        }
        self.next();
        let end = self.chunk.bytes.len();
        if end <= FRONT {
            return None;
        }
        let room = self.chunk.bytes.get_mut(FRONT - left.len()..FRONT)?;
        room.copy_from_slice(buffer.get(left)?);
        std::mem::swap(buffer, &mut self.chunk.bytes);
        self.at = self.chunk.bytes.len();
        Some(end)
    }
}

impl Read for Chunks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        while given < buf.len() {
            let mut rest = self.chunk.bytes.get(self.at..).unwrap_or_default();
            match (rest.is_empty(), &mut self.chunk.then) {
                (false, _) => {
                    let n = rest.read(buf.get_mut(given..).unwrap_or_default())?;
                    self.at += n;
                    given += n;
                }
                (true, None) => self.next(),
                // What is wrong is told once, and not before what came in front of it.
                (true, Some(then)) if given == 0 => return std::mem::replace(then, Ok(())).map(|()| 0),
                (true, Some(_)) => break,
            }
        }
        Ok(given)
    }
}

/// Reads to the end, to the first error, or until nobody listens any more.
fn read_on(mut read: Box<dyn Read + Send>, full: &SyncSender<Chunk>, spent: &Receiver<Vec<u8>>) {
    loop {
        // One that has grown for a long record is not kept.
        let mut bytes = spent.try_recv().ok().filter(|bytes| bytes.len() <= FRONT + CHUNK).unwrap_or_default();
        bytes.resize(FRONT + CHUNK, 0);
        let mut end = FRONT;
        let then = loop {
            match read.read(bytes.get_mut(end..).unwrap_or_default()) {
                Ok(0) if end == bytes.len() => break None,
                Ok(0) => break Some(Ok(())),
                Ok(n) => end = end.saturating_add(n).min(bytes.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Err(error)),
            }
        };
        bytes.truncate(end);
        let is_last = then.is_some();
        if full.send(Chunk { bytes, then }).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `len` bytes in steps of at most 100,000, and is interrupted in their midst, and fails at the end.
    struct Odd {
        at: u64,
        len: u64,
        interrupted: bool,
    }

    impl Read for Odd {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.at >= self.len / 2 && !self.interrupted {
                self.interrupted = true;
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.at == self.len {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "damaged"));
            }
            let n = (self.len - self.at).min(buf.len() as u64).min(100_000);
            for (byte, i) in buf.iter_mut().zip(self.at..self.at + n) {
                *byte = (i % 251) as u8;
            }
            self.at += n;
            Ok(n as usize)
        }
    }

    #[test]
    fn every_byte_comes_in_order_and_then_the_error() {
        for len in [0, 1, IN_PLACE - 1, IN_PLACE, IN_PLACE + 1, 4 * IN_PLACE + 77] {
            let mut ahead = Ahead::new(Box::new(Odd { at: 0, len, interrupted: false }));
            let (mut got, mut buf) = (Vec::new(), vec![0; 70_001]);
            let error = loop {
                match ahead.read(&mut buf) {
                    Ok(n) => got.extend_from_slice(&buf[..n]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break error,
                }
            };
            assert_eq!(got.len() as u64, len);
            assert!(got.iter().zip(0_u64..).all(|(&byte, i)| u64::from(byte) == i % 251), "{len}");
            assert_eq!(error.to_string(), "damaged", "{len}");
            assert_eq!(matches!(ahead.state, State::Threaded(_)), len >= IN_PLACE, "{len}");
        }
    }

    #[test]
    fn the_end_stays_the_end() {
        let len = 3 * IN_PLACE;
        let mut ahead = Ahead::new(Box::new(io::repeat(7).take(len)));
        let mut got = Vec::new();
        assert_eq!(ahead.read_to_end(&mut got).unwrap() as u64, len);
        assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
    }
}
