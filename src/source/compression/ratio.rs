//! How much a compressed byte may stand for.
//!
//! Packets are seldom alike: captures become three to twenty times smaller, those of a flood some fifty times. A file that was
//! made to be a burden becomes a thousand times smaller, or ten thousand.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that one compressed byte may give, over all that was read so far.
const MAX_RATIO: u64 = 500;

/// Bytes that any input may give.
const FREE: u64 = 64 << 20;

/// Counts what is read, for [`bounded`].
pub(super) fn counted(read: Box<dyn Read + Send>) -> (Box<dyn Read + Send>, Arc<AtomicU64>) {
    let taken = Arc::new(AtomicU64::new(0));
    (Box::new(Counted { read, taken: Arc::clone(&taken) }), taken)
}

/// Gives what is decompressed until that is out of all proportion to what was `taken` for it.
pub(super) fn bounded(read: Box<dyn Read + Send>, taken: Arc<AtomicU64>) -> impl Read + Send {
    Bounded { read, taken, given: 0 }
}

struct Counted {
    read: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.read.read(buf)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

struct Bounded {
    read: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    given: u64,
}

impl Read for Bounded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let taken = self.taken.load(Ordering::Relaxed);
        if self.given > FREE && self.given / MAX_RATIO > taken {
            return Err(too_much(self.given, taken));
        }
        let n = self.read.read(buf)?;
        self.given += n as u64;
        Ok(n)
    }
}

/// No capture is compressed so well.
#[cold]
fn too_much(given: u64, taken: u64) -> io::Error {
    let what = format!("{taken} compressed bytes stand for more than {} MiB", given >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_too_much_ends() {
        for (each, ends) in [(FREE / (MAX_RATIO - 1), false), (FREE / (MAX_RATIO * 2), true)] {
            let taken = Arc::new(AtomicU64::new(each));
            let mut read = bounded(Box::new(io::repeat(0)), Arc::clone(&taken));
            let (mut given, mut buf) = (0, vec![0; 1 << 20]);
            let error = loop {
                taken.store(each.max(given * each / FREE), Ordering::Relaxed);
                match read.read(&mut buf) {
                    Ok(n) => given += n as u64,
                    Err(error) => break Some(error),
                }
                if given > 4 * FREE {
                    break None;
                }
            };
            assert_eq!(error.map(|e| e.kind()), ends.then_some(io::ErrorKind::FileTooLarge));
            assert!(given >= FREE);
        }
    }
}
