//! Capture files: pcap and pcapng, from a file or a pipe, as they are or compressed with gzip.
//!
//! A [`Source`] is read once, front to back, through one reused buffer, and lends one packet at a time.
//!
//! Invariant: whatever the input says, no more than [`MAX_BLOCK`] bytes are buffered, and every packet in front
//! of the damage is delivered; the damage itself is a [`Problem`], never a panic and never silence.

mod buffer;
mod error;
mod fields;
#[cfg(feature = "pcap")]
pub mod filter;
mod info;
mod link_type;
mod open;
mod pcap;
mod pcapng;
mod problem;
#[cfg(test)]
mod tests;

pub use error::{Lookalike, OpenError, OpenReason};
pub use info::{Format, Info, Secrets};
pub use link_type::LinkType;
pub use problem::{Problem, ProblemKind};

use crate::base::Timestamp;
use buffer::{Buffer, Short};
use std::io;
use std::ops::Range;

/// The largest packet, in bytes as captured: the limit of tcpdump and Wireshark.
pub const MAX_PACKET: u32 = 262_144;

/// The largest pcapng block, in bytes: the limit of Wireshark. The buffer never grows beyond it.
pub const MAX_BLOCK: u32 = 16 * 1024 * 1024;

/// The most interfaces that one section may describe: a host has a handful, one with containers hundreds.
pub const MAX_INTERFACES: usize = 16_384;

/// The most bytes of decryption secrets that are kept: those of some 20,000 connections.
pub const MAX_SECRETS_BYTES: usize = 16 * 1024 * 1024;

/// One capture being read.
pub struct Source {
    buffer: Buffer,
    records: Records,
    info: Info,
    /// The time of the packet before, for those that have none.
    time: Timestamp,
    ended: bool,
}

/// One captured packet, lent until the next is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// 1-based number, as Wireshark numbers the records of the file.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// What `bytes` begins with.
    pub link_type: LinkType,
    /// What was captured.
    pub bytes: &'a [u8],
    /// Bytes on the wire; never fewer than were captured.
    pub original_len: u32,
}

/// The reader of one format.
enum Records {
    Pcap(pcap::Reader),
    PcapNg(pcapng::Reader),
}

/// Where a packet lies in the buffer, and what its record says of it.
struct Record {
    frame: u64,
    time: Option<Timestamp>,
    link_type: LinkType,
    span: Range<usize>,
    original_len: u32,
}

impl Source {
    /// The next packet. `None` at the end, and where the capture is damaged: [`Info::problems`] says which.
    #[inline]
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        if self.ended {
            return None;
        }
        let next = match &mut self.records {
            Records::Pcap(reader) => reader.next(&mut self.buffer),
            Records::PcapNg(reader) => reader.next(&mut self.buffer, &mut self.info),
        };
        let record = match next {
            Ok(Some(record)) => record,
            Ok(None) => return self.end(None),
            Err(problem) => return self.end(Some(problem)),
        };
        self.info.bytes = self.buffer.position();
        self.info.packet(&record);
        self.time = record.time.unwrap_or(self.time);
        Some(Packet {
            frame: record.frame,
            time: self.time,
            link_type: record.link_type,
            bytes: self.buffer.slice(record.span),
            original_len: record.original_len,
        })
    }

    /// What is known of the capture so far.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    #[cold]
    fn end(&mut self, problem: Option<Problem>) -> Option<Packet<'_>> {
        self.ended = true;
        self.info.bytes = self.buffer.position();
        if let Some(problem) = problem {
            self.info.note(problem.kind, problem.count, || problem.detail);
        }
        if self.info.frames == 0 {
            self.info.note(ProblemKind::NoPackets, 1, || {
                "the capture has a header and no packet; check the interface and the filter of tcpdump".into()
            });
        }
        None
    }
}

/// What it means that the `needed` bytes of the record at the buffer's position are not all there.
#[cold]
fn cut(short: Short, buffer: &Buffer, frame: u64, needed: usize) -> Problem {
    let at = buffer.position();
    match short {
        Short::Ended(available) => Problem::at(
            ProblemKind::FileTruncated,
            frame,
            at,
            format_args!("the file ends within this record, {available} of at least {needed} bytes are there"),
            "all before it was read; stop tcpdump before copying the file, and check the space on the disk",
        ),
        Short::Failed(error) if error.kind() == io::ErrorKind::UnexpectedEof => Problem::at(
            ProblemKind::FileTruncated,
            frame,
            at,
            "the compressed data ends here",
            "all before it was read; copy the file again",
        ),
        Short::Failed(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            let what = format_args!("the compressed data is damaged ({error})");
            Problem::at(ProblemKind::CompressionDamaged, frame, at, what, "all before it was read; copy the file again")
        }
        Short::Failed(error) => {
            Problem::at(ProblemKind::ReadFailed, frame, at, format_args!("reading failed: {error}"), "try again")
        }
    }
}
