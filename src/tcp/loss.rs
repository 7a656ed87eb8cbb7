//! Which sizes of packets arrive, and which bytes are sent again and again.

use crate::base::{FrameRef, SeqNumber};

/// Sizes told apart among packets that are under way: the head of a response, its body, the end of a flight.
const SIZES: usize = 4;

/// The first bytes that the peer has not acknowledged, where they were sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// Sequence number of the first of them.
    pub seq: SeqNumber,
    /// How often they were sent again.
    pub times: u32,
    /// Payload in bytes of the shortest packet in which they were sent again.
    pub len: u32,
    /// Where they were first sent again.
    pub first: FrameRef,
    /// Where they were last sent again.
    pub last: FrameRef,
    /// How often the peer has asked for them since: packets without payload that acknowledge what is before them.
    pub asked: u32,
    /// The last packet in which it did.
    pub last_asked: Option<FrameRef>,
}

/// What becomes of the packets that one side sends, by their offsets in its stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses {
    sizes: Sizes,
    stall: Option<Box<Stall>>,
    /// The longest run of bytes that the peer has without those before it.
    pub longest_sack: u32,
}

impl Losses {
    /// Notes a packet with `len` bytes of payload at `start`.
    #[inline]
    pub(super) fn sent(&mut self, start: u64, len: u32) {
        self.sizes.sent(start, len);
    }

    /// Notes that the first bytes not acknowledged were sent again.
    #[cold]
    pub(super) fn sent_again(&mut self, seq: SeqNumber, len: u32, frame: FrameRef) {
        match &mut self.stall {
            Some(stall) => {
                stall.times = stall.times.saturating_add(1);
                stall.len = stall.len.min(len);
                stall.last = frame;
            }
            None => {
                let stall = Stall { seq, times: 1, len, first: frame, last: frame, asked: 0, last_asked: None };
                self.stall = Some(Box::new(stall));
            }
        }
    }

    /// Notes that the peer acknowledged everything before `to`, which is more than before.
    #[inline]
    pub(super) fn acknowledged(&mut self, to: u64) {
        self.sizes.acknowledged(to);
        self.stall = None;
    }

    /// Notes that the peer acknowledged once more what it had acknowledged, in a packet without payload.
    #[inline]
    pub(super) fn asked(&mut self, frame: FrameRef) {
        if let Some(stall) = &mut self.stall {
            stall.asked = stall.asked.saturating_add(1);
            stall.last_asked = Some(frame);
        }
    }

    /// The longest packet of which the peer acknowledged the last byte; of one that it acknowledged in part, that part.
    pub(super) fn largest_acknowledged(&self) -> u32 {
        self.sizes.acknowledged
    }

    /// What was sent again and not acknowledged since.
    pub(super) fn take_stall(&mut self) -> Option<Box<Stall>> {
        self.stall.take()
    }
}

/// The longest packet that was acknowledged. Where it is not sure which one was, it is rather too long than too short:
/// a card that cuts packets up later lets the capture show longer ones than the wire had.
#[derive(Debug, Clone, Default)]
struct Sizes {
    acknowledged: u32,
    /// Start and length of packets that are under way, each longer than the one before and than any acknowledged.
    under_way: [(u64, u32); SIZES],
    count: usize,
    longest: u32,
}

impl Sizes {
    #[inline]
    fn sent(&mut self, start: u64, len: u32) {
        if len > self.longest {
            self.longer(start, len);
        }
    }

    #[cold]
    fn longer(&mut self, start: u64, len: u32) {
        self.longest = len;
        if let Some(free) = self.under_way.get_mut(self.count) {
            *free = (start, len);
            self.count += 1;
        } else if let Some(last) = self.under_way.last_mut() {
            last.1 = len;
        }
    }

    #[inline]
    fn acknowledged(&mut self, to: u64) {
        while let Some(&(start, len)) = self.under_way.first().filter(|first| self.count > 0 && first.0 < to) {
            let part = u32::try_from(to - start).unwrap_or(u32::MAX).min(len);
            self.acknowledged = self.acknowledged.max(part);
            if part < len {
                break;
            }
            self.under_way.rotate_left(1);
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_acknowledged_packet_is_never_told_too_short() {
        // Packets by start and length, then what is acknowledged, and the longest packet of that.
        let small_before_large = [(0, 250), (250, 6), (256, 1_448), (1_704, 1_448)];
        let growing = [(0, 1), (1, 2), (3, 3), (6, 4), (10, 5)];
        for (sent, acknowledged, longest) in [
            (&small_before_large[..], 0, 0),
            (&small_before_large, 250, 250),
            (&small_before_large, 256, 250),
            (&small_before_large, 1_704, 1_448),
            // In one packet as captured, in several on the wire.
            (&[(0, 14_480)], 2_896, 2_896),
            // More sizes than are told apart: the fourth is taken for the fifth.
            (&growing, 6, 3),
            (&growing, 10, 4),
            (&growing, 15, 5),
        ] {
            let mut sizes = Sizes::default();
            sent.iter().for_each(|&(start, len)| sizes.sent(start, len));
            sizes.acknowledged(acknowledged);
            assert_eq!(sizes.acknowledged, longest, "{acknowledged} of {sent:?}");
        }
    }
}
