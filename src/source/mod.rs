//! Capture files: pcap and pcapng, from a file or a pipe, as they are or compressed with gzip, zstd or lz4.
//!
//! A [`Source`] is read once, front to back, through one reused buffer, and lends one packet at a time. Packets that lie
//! in the buffer together come in the order of their times; [`Merge`] does the same for several captures.
//!
//! Invariant: whatever the input says, no more than [`MAX_BLOCK`] bytes are buffered, and every packet in front
//! of the damage is delivered; the damage itself is a [`Problem`], never a panic and never silence.

mod ahead;
mod buffer;
mod compression;
mod error;
mod fields;
#[cfg(feature = "pcap")]
pub mod filter;
mod info;
mod link_type;
#[cfg(feature = "pcap")]
pub mod live;
mod merge;
mod open;
mod order;
mod pcap;
mod pcapng;
mod positioned;
mod problem;
#[cfg(test)]
mod tests;
pub mod write;

pub use compression::{MAX_WINDOW, decompressed};
pub use error::{Lookalike, OpenError, OpenReason};
pub use info::{Format, Info, Secrets};
pub use link_type::LinkType;
pub use merge::{Merge, Turn};
pub use pcapng::describe::{About, Described, describe};
pub use positioned::{Again, Positioned, SharedFile};
pub use problem::{Problem, ProblemKind};

use crate::base::Timestamp;
use buffer::{Buffer, Short};
use order::Window;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// The largest packet, in bytes as captured: the limit of tcpdump and Wireshark.
pub const MAX_PACKET: u32 = 262_144;

/// The largest pcapng block, in bytes: the limit of Wireshark. The buffer never grows beyond it.
pub const MAX_BLOCK: u32 = 16 * 1024 * 1024;

/// The most interfaces that one section may describe: a host has a handful, one with containers hundreds.
pub const MAX_INTERFACES: usize = 16_384;

/// The most bytes of decryption secrets that are kept: those of some 20,000 connections.
pub const MAX_SECRETS_BYTES: usize = 16 * 1024 * 1024;

/// Opens a capture from its beginning.
pub type Opener = Arc<dyn Fn() -> Result<Source, OpenError> + Send + Sync>;

/// One capture being read.
pub struct Source {
    buffer: Buffer,
    records: Records,
    /// The packets that lie in the buffer, in the order in which they are delivered.
    window: Window,
    info: Info,
    /// The time of the packet before, for those that have none.
    time: Timestamp,
    ended: bool,
    /// Opens it again, where it is a file.
    opener: Option<Opener>,
    /// Makes further readers of it.
    again: Option<Again>,
    /// When the first packet of a file is due that is closed until then.
    asleep: Option<Timestamp>,
    /// A thread reads ahead.
    ahead: bool,
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

/// Why there is no next record.
enum Stop {
    /// It is not in the buffer.
    Held,
    /// The capture is damaged.
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Source {
    /// The next packet: the earliest of those that were read. `None` at the end, and where the capture is damaged:
    /// [`Info::problems`] says which.
    #[inline]
    pub fn next_packet(&mut self) -> Option<Packet<'_>> {
        if self.window.is_empty() {
            self.refill();
        }
        let entry = self.window.pop()?;
        Some(Packet {
            frame: entry.frame,
            time: entry.time,
            link_type: entry.link_type,
            bytes: self.buffer.slice(entry.span()),
            original_len: entry.original_len,
        })
    }

    /// Whether what was read is used up, and the next packet may have to be waited for: a file has what it has.
    #[must_use]
    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.window.is_empty() && self.again.is_none()
    }

    /// When the next packet was captured; `None` where there is none.
    #[inline]
    pub fn due(&mut self) -> Option<Timestamp> {
        if self.asleep.is_some() {
            return self.asleep;
        }
        if self.window.is_empty() {
            self.refill();
        }
        self.window.first_time()
    }

    /// What is known of the capture so far.
    #[must_use]
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Closes a file of which nothing was delivered yet, until its first packet is asked for. What is no file stays
    /// open.
    pub fn rest(&mut self) {
        if self.opener.is_none() || self.asleep.is_some() {
            return;
        }
        self.asleep = self.due();
        if self.asleep.is_some() {
            self.buffer.close();
            self.again = None;
            self.window = Window::default();
            let compression = self.info.compression;
            self.info = Info::new(self.info.format);
            self.info.compression = compression;
        }
    }

    /// The same capture once more, from its beginning. `None` where it is not to be had twice, or costs more to read than
    /// to look into.
    #[must_use]
    pub fn twin(&self) -> Option<Self> {
        if self.info.compression.is_some() {
            return None;
        }
        if self.asleep.is_some() {
            let mut twin = self.opener.as_ref()?().ok()?;
            twin.rest();
            return Some(twin);
        }
        Self::from_readers(Arc::clone(self.again.as_ref()?), "").ok()
    }

    /// Opens a file again that was closed.
    #[cold]
    fn wake(&mut self) {
        self.asleep = None;
        let Some(opener) = &self.opener else { return };
        match opener() {
            Ok(fresh) => {
                let ahead = std::mem::replace(self, fresh).ahead;
                if ahead {
                    self.read_ahead();
                }
            }
            Err(error) => {
                self.ended = true;
                self.info.note(ProblemKind::ReadFailed, 1, || format!("{}; try again", error.reason));
            }
        }
    }

    /// Finds the packets that lie in the buffer. It is read once, when there is none: a pipe is not waited for.
    #[inline(never)]
    fn refill(&mut self) {
        if self.asleep.is_some() {
            self.wake();
        }
        self.window.clear();
        if self.ended {
            self.buffer.close();
            self.again = None;
            return;
        }
        let Self { buffer, records, window, info, time, .. } = self;
        let ended = match records {
            Records::Pcap(reader) => gather(buffer, info, window, time, |buffer, _| reader.next(buffer)),
            Records::PcapNg(reader) => gather(buffer, info, window, time, |buffer, info| reader.next(buffer, info)),
        };
        if let Err(problem) = ended {
            self.end(problem);
        }
        self.buffer.hold(false);
        self.info.bytes = self.buffer.position();
        self.window.sort();
        if self.ended {
            self.window.tell(&mut self.info);
        }
    }

    #[cold]
    fn end(&mut self, problem: Option<Problem>) {
        self.ended = true;
        if let Some(problem) = problem {
            self.info.note(problem.kind, problem.count, || problem.detail);
        }
        if self.info.frames == 0 {
            self.info.note(ProblemKind::NoPackets, 1, || {
                "the capture has a header and no packet; check the interface and the filter of tcpdump".into()
            });
        }
    }
}

/// Adds all whole records in the buffer to the window. An error: the capture ends there, with or without a problem.
#[inline]
fn gather(
    buffer: &mut Buffer,
    info: &mut Info,
    window: &mut Window,
    latest: &mut Timestamp,
    mut next: impl FnMut(&mut Buffer, &mut Info) -> Result<Option<Record>, Stop>,
) -> Result<(), Option<Problem>> {
    let (mut count, mut times) = (0, (Timestamp(i64::MAX), Timestamp(i64::MIN)));
    let ended = loop {
        if window.is_full() {
            break Ok(());
        }
        match next(buffer, info) {
            Ok(Some(record)) => {
                info.packet(&record);
                if let Some(time) = record.time {
                    times = (times.0.min(time), times.1.max(time));
                    *latest = time;
                }
                window.push(&record, *latest);
                buffer.hold(true);
                count += 1;
            }
            Err(Stop::Held) => break Ok(()),
            Ok(None) => break Err(None),
            Err(Stop::Problem(problem)) => break Err(Some(problem)),
        }
    };
    info.packets(count, times);
    ended
}

/// What it means that the `needed` bytes of the record at the buffer's position are not all there.
#[cold]
fn cut(short: Short, buffer: &Buffer, frame: u64, needed: usize) -> Stop {
    let at = buffer.position();
    let problem = match short {
        Short::Held => return Stop::Held,
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
        Short::Failed(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let way = "all before it was read; if this is a capture after all, decompress it first";
            Problem::at(ProblemKind::DecompressionLimited, frame, at, error, way)
        }
        Short::Failed(error) => {
            Problem::at(ProblemKind::ReadFailed, frame, at, format_args!("reading failed: {error}"), "try again")
        }
    };
    Stop::Problem(problem)
}
