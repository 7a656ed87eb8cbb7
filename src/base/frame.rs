//! Which packet: what every piece of evidence cites.

use super::Timestamp;

/// Index into the report's list of captures.
pub type CaptureIndex = u16;

/// One captured packet.
///
/// Ordered by arrival over the whole input, so that "before" and "after" are those of the capture and not of
/// a clock that may have been set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRef {
    /// Position among all packets of all captures, in the order in which they were analysed, from 0.
    pub order: u64,
    /// 1-based number of the packet within its capture, as Wireshark shows it.
    pub frame: u64,
    /// When the packet was captured.
    pub time: Timestamp,
    /// The capture it is in.
    pub capture: CaptureIndex,
}

impl FrameRef {
    /// Microseconds from `earlier` to this frame; negative where the clock was set back.
    #[must_use]
    pub fn since(&self, earlier: FrameRef) -> super::Micros {
        self.time.since(earlier.time)
    }
}
