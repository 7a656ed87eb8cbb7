//! Which packet: what every piece of evidence cites.

use super::Timestamp;
use std::fmt;
use std::num::NonZeroU64;

/// Index into the report's list of captures.
pub type CaptureIndex = u16;

/// One captured packet.
///
/// Ordered by arrival over the whole input, so that "before" and "after" are those of the capture and not of
/// a clock that may have been set. It is kept dozens of times for every connection, and takes 24 bytes, present or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRef {
    place: Place,
    /// 1-based number of the packet within its capture, as Wireshark shows it.
    pub frame: u64,
    /// When the packet was captured.
    pub time: Timestamp,
}

/// Position among all packets, in the upper 48 bits, and the capture, in the lower 16; and one more, to leave 0 for what
/// is absent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place(NonZeroU64);

impl Place {
    const fn parts(self) -> (u64, CaptureIndex) {
        let both = self.0.get() - 1;
        (both >> CaptureIndex::BITS, both as CaptureIndex)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, capture) = self.parts();
        write!(f, "{order} of all, in capture {capture}")
    }
}

impl FrameRef {
    /// The packet number `frame` of a capture, at this position among all packets of all captures.
    #[must_use]
    #[inline]
    pub const fn new(order: u64, frame: u64, time: Timestamp, capture: CaptureIndex) -> FrameRef {
        let both = order << CaptureIndex::BITS | capture as u64;
        FrameRef { place: Place(NonZeroU64::MIN.saturating_add(both)), frame, time }
    }

    /// Position among all packets of all captures, in the order in which they were analysed, from 0.
    #[must_use]
    #[inline]
    pub const fn order(&self) -> u64 {
        self.place.parts().0
    }

    /// The capture that the packet is in.
    #[must_use]
    #[inline]
    pub const fn capture(&self) -> CaptureIndex {
        self.place.parts().1
    }

    /// Microseconds from `earlier` to this frame; negative where the clock was set back.
    #[must_use]
    pub fn since(&self, earlier: FrameRef) -> super::Micros {
        self.time.since(earlier.time)
    }

    /// Its number for a sentence: `17`, and `2/17` in another capture than the first, counted from 1.
    #[must_use]
    pub fn named(&self) -> Named {
        Named(*self)
    }
}

/// A frame as sentences name it: they are read beside others that cite other captures.
#[derive(Debug, Clone, Copy)]
pub struct Named(FrameRef);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.capture() {
            0 => write!(f, "{}", self.0.frame),
            later => write!(f, "{}/{}", u32::from(later) + 1, self.0.frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_and_sorts_by_arrival() {
        let all = [(0, 0), (0, 1), (1, 0), (2, CaptureIndex::MAX), (3, 7), ((1 << 48) - 1, 0)];
        let frames = all.map(|(order, capture)| FrameRef::new(order, 9 - capture as u64 % 9, Timestamp(-1), capture));
        assert_eq!(frames.map(|f| (f.order(), f.capture())), all);
        assert!(frames.is_sorted());
        assert_eq!((size_of::<FrameRef>(), size_of::<Option<FrameRef>>()), (24, 24));
    }
}
