//! What of a capture was lost, and what to do about it.

use std::fmt;

/// One kind of loss or damage, counted over the capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// How often: packets, blocks or one.
    pub count: u64,
    /// One line: what, where it was first seen (frame, byte offset), what to do.
    pub detail: String,
}

/// What can be wrong with a capture that has a good header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The file ends in the middle of a record. What came before was delivered.
    FileTruncated,
    /// Packets were cut by the snap length when they were captured. The count is of packets.
    FrameTruncated,
    /// The capturing host dropped packets, as the capture itself says. The count is of packets.
    FramesDropped,
    /// A record's length cannot be right; reading stopped there.
    ImpossibleLength,
    /// A block contradicts itself or its section; reading stopped there.
    DamagedBlock,
    /// A section is of a version that is not known; reading stopped there.
    UnknownBlockVersion,
    /// A packet names an interface that its section does not describe; reading stopped there.
    UnknownInterface,
    /// More interfaces than [`MAX_INTERFACES`](super::MAX_INTERFACES) in one section; reading stopped there.
    TooManyInterfaces,
    /// Packets without a time (simple packet blocks): they were given that of the packet before.
    NoTimestamps,
    /// More secrets than [`MAX_SECRETS_BYTES`](super::MAX_SECRETS_BYTES): the rest was not kept.
    SecretsNotKept,
    /// The compressed data is damaged; reading stopped there.
    CompressionDamaged,
    /// The compressed data stands for more than any capture does; reading stopped there.
    DecompressionLimited,
    /// The operating system could not read on.
    ReadFailed,
    /// The header is good and no packet follows.
    NoPackets,
    /// Packets that come before an earlier one in the file. The count is of packets.
    OutOfOrderFrames,
    /// The clock was set back while the capture ran. The count is of such steps.
    ClockStepped,
}

impl ProblemKind {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FileTruncated => "file-truncated",
            Self::FrameTruncated => "frame-truncated",
            Self::FramesDropped => "frames-dropped",
            Self::ImpossibleLength => "impossible-length",
            Self::DamagedBlock => "damaged-block",
            Self::UnknownBlockVersion => "unknown-block-version",
            Self::UnknownInterface => "unknown-interface",
            Self::TooManyInterfaces => "too-many-interfaces",
            Self::NoTimestamps => "no-timestamps",
            Self::SecretsNotKept => "secrets-not-kept",
            Self::CompressionDamaged => "compression-damaged",
            Self::DecompressionLimited => "decompression-limited",
            Self::ReadFailed => "read-failed",
            Self::NoPackets => "no-packets",
            Self::OutOfOrderFrames => "out-of-order-frames",
            Self::ClockStepped => "clock-stepped",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Problem {
    /// A problem seen once, at `offset` bytes into the (uncompressed) capture, where frame `frame` would begin.
    pub(super) fn at(kind: ProblemKind, frame: u64, offset: u64, what: impl fmt::Display, advice: &str) -> Self {
        Self { kind, count: 1, detail: format!("frame {frame}, byte {offset}: {what}; {advice}") }
    }
}
