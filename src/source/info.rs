//! What is known of the capture as a whole.

use super::{LinkType, MAX_SECRETS_BYTES, Problem, ProblemKind, Record};
use crate::base::Timestamp;
use std::fmt;

use zeroize::Zeroizing;

/// How many different link types are remembered: far more than one capture holds.
const MAX_LINK_TYPES: usize = 64;

/// What each kept secrets block is charged beside its bytes, so that empty ones are bounded too.
const SECRETS_OVERHEAD: usize = 64;

/// The file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The classic libpcap format, in any of its variants.
    Pcap,
    /// The pcapng format.
    PcapNg,
    /// No file: an interface that is watched.
    Live,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "pcap",
            Self::PcapNg => "pcapng",
            Self::Live => "live",
        })
    }
}

/// The capture as a whole, as far as it was read.
#[derive(Debug, Clone)]
pub struct Info {
    /// The file format.
    pub format: Format,
    /// The compression around it: `gzip` or nothing.
    pub compression: Option<&'static str>,
    /// Link types of the interfaces that the capture describes, in their order.
    pub link_types: Vec<LinkType>,
    /// The largest snap length, in bytes; `None` where the capture does not limit it.
    pub snap_length: Option<u32>,
    /// Packets delivered.
    pub frames: u64,
    /// Bytes of the capture that were read, after decompression.
    pub bytes: u64,
    /// The earliest time of a packet.
    pub first_time: Option<Timestamp>,
    /// The latest time of a packet.
    pub last_time: Option<Timestamp>,
    /// What was lost: one entry a kind, in the order in which they were met.
    pub problems: Vec<Problem>,
    /// Decryption secrets that the capture carries.
    pub secrets: Vec<Secrets>,
    secrets_bytes: usize,
}

/// The content of one decryption secrets block (draft-ietf-opsawg-pcapng). Never printed.
#[derive(Clone)]
pub struct Secrets {
    /// What the secrets are: `0x544c534b` is a TLS key log.
    pub kind: u32,
    /// The secrets; wiped when they are dropped.
    pub data: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// A TLS key log.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets {{ kind: {:#010x}, {} bytes }}", self.kind, self.data.len())
    }
}

impl Info {
    pub(crate) const fn new(format: Format) -> Self {
        Self {
            format,
            compression: None,
            link_types: Vec::new(),
            snap_length: None,
            frames: 0,
            bytes: 0,
            first_time: None,
            last_time: None,
            problems: Vec::new(),
            secrets: Vec::new(),
            secrets_bytes: 0,
        }
    }

    /// An interface of this link type and snap length (0: unlimited) was described.
    pub(super) fn interface(&mut self, link_type: LinkType, snap_length: u32) {
        if !self.link_types.contains(&link_type) && self.link_types.len() < MAX_LINK_TYPES {
            self.link_types.push(link_type);
        }
        if snap_length > 0 {
            self.snap_length = Some(self.snap_length.map_or(snap_length, |known| known.max(snap_length)));
        }
    }

    /// Notes what is unusual of a packet that is about to be delivered, if anything is.
    #[inline]
    pub(super) fn packet(&mut self, record: &Record) {
        if record.time.is_none() || record.span.len() < record.original_len as usize {
            self.unusual(record);
        }
    }

    /// Counts packets, and the earliest and latest of their times.
    pub(super) fn packets(&mut self, count: u64, (first, last): (Timestamp, Timestamp)) {
        self.frames += count;
        if first <= last {
            self.first_time = Some(self.first_time.map_or(first, |known| known.min(first)));
            self.last_time = Some(self.last_time.map_or(last, |known| known.max(last)));
        }
    }

    #[cold]
    #[inline(never)]
    fn unusual(&mut self, record: &Record) {
        if record.time.is_none() {
            self.note(ProblemKind::NoTimestamps, 1, || {
                format!("frame {}: a packet without a time; capture with tcpdump or dumpcap", record.frame)
            });
        }
        let captured = record.span.len();
        if (captured as u64) < u64::from(record.original_len) {
            self.note(ProblemKind::FrameTruncated, 1, || {
                let (frame, whole) = (record.frame, record.original_len);
                format!("frame {frame}: {captured} of {whole} bytes were captured; capture with `tcpdump -s 0`")
            });
        }
    }

    /// Counts a packet of an interface of which only the beginning was captured.
    #[cfg(feature = "pcap")]
    #[cold]
    pub(super) fn cut_short(&mut self, captured: usize, whole: u32) {
        let frame = self.frames;
        self.note(ProblemKind::FrameTruncated, 1, || {
            format!("frame {frame}: {captured} of {whole} bytes were captured; raise --snap-length")
        });
    }

    /// Adds to the problem of this kind; `detail` is asked for the first time only.
    pub(super) fn note(&mut self, kind: ProblemKind, count: u64, detail: impl FnOnce() -> String) {
        match self.problems.iter_mut().find(|problem| problem.kind == kind) {
            Some(problem) => problem.count = problem.count.saturating_add(count),
            None => self.problems.push(Problem { kind, count, detail: detail() }),
        }
    }

    /// Sets the number of packets that the capturing host is known to have dropped; `told` says at which interface and by
    /// whom, if that is known.
    pub(super) fn dropped(&mut self, total: u64, told: &str) {
        if total == 0 {
            return;
        }
        self.note(ProblemKind::FramesDropped, 0, String::new);
        if let Some(problem) = self.problems.iter_mut().find(|problem| problem.kind == ProblemKind::FramesDropped) {
            problem.count = total;
            let told = if told.is_empty() { String::new() } else { format!(" ({told})") };
            let card =
                if told.contains("by the interface") { "; a longer ring of the card (`ethtool -G`)" } else { "" };
            let buffer = if self.format == Format::Live { "--buffer-size 64MiB" } else { "tcpdump -B 65536" };
            problem.detail = format!(
                "the capturing host dropped {total} packets{told}; capture with a larger buffer (`{buffer}`) or a filter{card}"
            );
        }
    }

    /// Keeps the secrets of one block, within [`MAX_SECRETS_BYTES`].
    pub(super) fn keep(&mut self, kind: u32, data: &[u8]) {
        let charged = self.secrets_bytes.saturating_add(data.len()).saturating_add(SECRETS_OVERHEAD);
        if charged > MAX_SECRETS_BYTES {
            self.note(ProblemKind::SecretsNotKept, 1, || {
                format!(
                    "more than {MAX_SECRETS_BYTES} bytes of decryption secrets; give them as a key log file instead"
                )
            });
            return;
        }
        self.secrets_bytes = charged;
        self.secrets.push(Secrets { kind, data: Zeroizing::new(data.to_vec()) });
    }
}
