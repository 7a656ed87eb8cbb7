//! One file of the ring.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::base::Timestamp;
use crate::source::{LinkType, MAX_PACKET, Packet, write};

use super::create;

/// The most packets of one file: where each is in memory, that takes 4 MB.
const MAX_PACKETS: usize = 262_144;

/// Bytes gathered before they are written.
const BUFFER: usize = 256 * 1024;

/// A file, and where in it the packets of each connection are.
pub(super) struct Segment {
    path: PathBuf,
    out: BufWriter<File>,
    bytes: u64,
    packets: usize,
    /// The hash of each packet's connection, and where its block begins, where it is searched.
    index: Option<Vec<(u64, u32)>>,
}

impl Segment {
    /// Creates it, for packets of these interfaces; to be `searched` later or not.
    pub(super) fn begin(path: PathBuf, interfaces: &[LinkType], searched: bool) -> io::Result<Segment> {
        let mut out = BufWriter::with_capacity(BUFFER, create(&path)?);
        let bytes = write::begin(&mut out, interfaces)? as u64;
        let index = searched.then(Vec::new);
        Ok(Segment { path, out, bytes, packets: 0, index })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has so many bytes, or as many packets as it may.
    pub(super) fn is_full(&self, bytes: u64) -> bool {
        let most = bytes.min(u64::from(u32::MAX)).saturating_sub(u64::from(MAX_PACKET) + 64);
        self.bytes >= most || self.packets >= MAX_PACKETS
    }

    /// Writes a packet of the interface of this number.
    pub(super) fn push(&mut self, interface: usize, packet: &Packet<'_>, hash: u64) -> io::Result<()> {
        if let Some(index) = &mut self.index {
            index.push((hash, u32::try_from(self.bytes).unwrap_or(u32::MAX)));
        }
        let number = u32::try_from(interface).unwrap_or(u32::MAX);
        self.bytes += write::packet(&mut self.out, number, packet)? as u64;
        self.packets += 1;
        Ok(())
    }

    /// Adds the blocks of the packets with this hash, of this stretch of time.
    pub(super) fn find(
        &mut self,
        hash: u64,
        (from, to): (Timestamp, Timestamp),
        found: &mut Vec<u8>,
    ) -> io::Result<()> {
        let Some(index) = &self.index else { return Ok(()) };
        self.out.flush()?;
        let file = self.out.get_ref();
        for (_, at) in index.iter().filter(|(known, _)| *known == hash) {
            let mut head = [0; 20];
            file.read_exact_at(&mut head, u64::from(*at))?;
            let (time, len) = write::read_head(&head);
            if !(from.0..=to.0).contains(&time) {
                continue;
            }
            let begin = found.len();
            found.resize(begin + len, 0);
            file.read_exact_at(found.get_mut(begin..).unwrap_or_default(), u64::from(*at))?;
        }
        Ok(())
    }

    /// Writes what is left; says how many bytes it has.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.bytes)
    }
}
