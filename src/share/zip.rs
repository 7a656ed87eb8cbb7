//! A zip file (PKWARE's APPNOTE 6.3, sections 4.3 and 4.4): compressed files under plain names, as they are written.
//!
//! Written here and not by the crate `zip`, which could: of that only the writing of a stream would be used, while its
//! version 9.8 brings a reader of archives, and a dozen crates into the lock file of a program that is often run as root.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Sizes and offsets are said in 32 bits.
const MAX_SIZE: u64 = u32::MAX as u64;

/// Sizes and the checksum follow the data; names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
const DEFLATE: u16 = 8;
/// Made on Unix, readable by whoever may read the file itself.
const MADE_BY: u16 = 3 << 8 | 20;
const NEEDED: u16 = 20;
/// 1980-01-01, the earliest date that there is: when it was written is nobody's business.
const DATE: u16 = 1 << 5 | 1;

struct Entry {
    name: &'static str,
    at: u64,
    crc: u32,
    packed: u64,
    size: u64,
}

/// A zip file in the making.
pub(super) struct Zip<'o> {
    out: Counted<'o>,
    entries: Vec<Entry>,
}

/// What is written, and how much.
struct Counted<'o> {
    out: &'o mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<'o> Zip<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Zip<'o> {
        Zip { out: Counted { out, bytes: 0 }, entries: Vec::new() }
    }

    /// Adds a file, which `fill` writes. The name is one of this program's own.
    pub(super) fn file(
        &mut self,
        name: &'static str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let at = self.out.bytes;
        let mut head = 0x0403_4b50_u32.to_le_bytes().to_vec();
        words(&mut head, &[NEEDED, FLAGS, DEFLATE, 0, DATE]);
        head.extend([0; 12]);
        words(&mut head, &[length(name), 0]);
        head.extend(name.bytes());
        self.out.write_all(&head)?;
        let begin = self.out.bytes;
        let (crc, size) = {
            let out = DeflateEncoder::new(&mut self.out, Compression::default());
            let mut data = Checked { out, crc: Crc::new(), size: 0 };
            fill(&mut data)?;
            data.out.try_finish()?;
            (data.crc.sum(), data.size)
        };
        let packed = self.out.bytes - begin;
        if size.max(packed).max(self.out.bytes) > MAX_SIZE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 4 GiB do not fit into it"));
        }
        let mut tail = 0x0807_4b50_u32.to_le_bytes().to_vec();
        longs(&mut tail, &[crc, packed as u32, size as u32]);
        self.out.write_all(&tail)?;
        self.entries.push(Entry { name, at, crc, packed, size });
        Ok(())
    }

    /// Ends it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let begin = self.out.bytes;
        for entry in &self.entries {
            let mut head = 0x0201_4b50_u32.to_le_bytes().to_vec();
            words(&mut head, &[MADE_BY, NEEDED, FLAGS, DEFLATE, 0, DATE]);
            longs(&mut head, &[entry.crc, entry.packed as u32, entry.size as u32]);
            words(&mut head, &[length(entry.name), 0, 0, 0, 0]);
            // A plain file, rw-r--r--.
            longs(&mut head, &[0o100_644 << 16, entry.at as u32]);
            head.extend(entry.name.bytes());
            self.out.write_all(&head)?;
        }
        let size = self.out.bytes - begin;
        let count = self.entries.len() as u16;
        let mut end = 0x0605_4b50_u32.to_le_bytes().to_vec();
        words(&mut end, &[0, 0, count, count]);
        longs(&mut end, &[size as u32, begin as u32]);
        words(&mut end, &[0]);
        self.out.write_all(&end)?;
        self.out.flush()
    }
}

/// Counts and sums what goes through.
struct Checked<W: Write> {
    out: W,
    crc: Crc,
    size: u64,
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.crc.update(bytes.get(..n).unwrap_or_default());
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn words(out: &mut Vec<u8>, words: &[u16]) {
    words.iter().for_each(|word| out.extend(word.to_le_bytes()));
}

fn longs(out: &mut Vec<u8>, longs: &[u32]) {
    longs.iter().for_each(|long| out.extend(long.to_le_bytes()));
}

fn length(name: &str) -> u16 {
    name.len() as u16
}
