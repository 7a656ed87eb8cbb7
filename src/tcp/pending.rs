//! Segments that came before their turn.

use crate::base::FrameRef;

/// Bytes held for one direction of one connection: more than the window of an ordinary connection that lost a
/// packet, little enough that a thousand hostile connections stay below the memory of a small host.
pub(super) const MAX_PENDING_BYTES: usize = 1 << 20;

/// Segments held for one direction of one connection.
pub(super) const MAX_PENDING_SEGMENTS: usize = 512;

/// A segment that lies beyond a hole.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Offset of the first byte in the stream.
    pub offset: u64,
    /// What was captured.
    pub bytes: Box<[u8]>,
    /// Length on the wire; more than `bytes` where the snap length cut it.
    pub len: u64,
    pub frame: FrameRef,
}

impl Segment {
    pub(super) fn end(&self) -> u64 {
        self.offset + self.len
    }
}

/// Segments beyond the first hole, by offset, without overlap.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    segments: Vec<Segment>,
    bytes: usize,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is kept, or adds nothing new.
    Yes,
    /// It repeats bytes that are kept, with other content: the first copy stays.
    Conflict,
    /// There is no room.
    Full,
}

impl Pending {
    /// Offset of the first byte that is kept.
    pub(super) fn first_offset(&self) -> Option<u64> {
        self.segments.first().map(|s| s.offset)
    }

    /// Memory that the segments take, in bytes.
    #[inline]
    pub(super) fn held(&self) -> usize {
        self.bytes + self.segments.len() * size_of::<Segment>()
    }

    /// Takes out the first segment.
    pub(super) fn pop(&mut self) -> Option<Segment> {
        if self.segments.is_empty() {
            return None;
        }
        let first = self.segments.remove(0);
        self.bytes -= first.bytes.len();
        Some(first)
    }

    /// Keeps what of a segment is not there yet. First copy wins.
    pub(super) fn store(&mut self, offset: u64, bytes: &[u8], len: u64, frame: FrameRef) -> Stored {
        if self.segments.len() >= MAX_PENDING_SEGMENTS || self.bytes + bytes.len() > MAX_PENDING_BYTES {
            return Stored::Full;
        }
        let conflict = self.segments.iter().any(|s| differs(s, offset, bytes));
        let (mut at, end) = (offset, offset + len);
        let mut i = self.segments.partition_point(|s| s.end() <= offset);
        while at < end {
            let (free_until, next_at) = match self.segments.get(i) {
                Some(s) if s.offset < end => (s.offset, s.end()),
                _ => (end, end),
            };
            if at < free_until {
                self.insert(i, at, slice(bytes, offset, at, free_until), free_until - at, frame);
                i += 1;
            }
            at = at.max(next_at);
            i += 1;
        }
        if conflict { Stored::Conflict } else { Stored::Yes }
    }

    fn insert(&mut self, i: usize, offset: u64, bytes: &[u8], len: u64, frame: FrameRef) {
        self.bytes += bytes.len();
        self.segments.insert(i.min(self.segments.len()), Segment { offset, bytes: bytes.into(), len, frame });
    }
}

/// The part of `bytes`, which begin at stream offset `base`, that lies within `from..to`.
pub(super) fn slice(bytes: &[u8], base: u64, from: u64, to: u64) -> &[u8] {
    let index = |at: u64| usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(index(from)..index(to)).unwrap_or_default()
}

fn differs(kept: &Segment, offset: u64, bytes: &[u8]) -> bool {
    let from = kept.offset.max(offset);
    let to = (kept.offset + kept.bytes.len() as u64).min(offset + bytes.len() as u64);
    from < to && slice(&kept.bytes, kept.offset, from, to) != slice(bytes, offset, from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn frame(n: u64) -> FrameRef {
        FrameRef::new(n, n, Timestamp(0), 0)
    }

    fn all(p: &mut Pending) -> Vec<(u64, String)> {
        std::iter::from_fn(|| p.pop()).map(|s| (s.offset, String::from_utf8_lossy(&s.bytes).into_owned())).collect()
    }

    #[test]
    fn overlaps_keep_the_first_copy_and_differences_are_told() {
        let mut p = Pending::default();
        assert_eq!(p.store(10, b"abc", 3, frame(1)), Stored::Yes);
        assert_eq!(p.store(16, b"ghi", 3, frame(2)), Stored::Yes);
        assert_eq!(p.store(8, b"89abcdefgh", 10, frame(3)), Stored::Yes);
        assert_eq!(p.store(11, b"X", 1, frame(4)), Stored::Conflict);
        assert_eq!(all(&mut p), [(8, "89".into()), (10, "abc".into()), (13, "def".into()), (16, "ghi".into())]);
    }

    #[test]
    fn there_is_a_bound() {
        let mut p = Pending::default();
        let big = vec![0u8; MAX_PENDING_BYTES];
        assert_eq!(p.store(1, &big, big.len() as u64, frame(1)), Stored::Yes);
        assert_eq!(p.store(1 + big.len() as u64, b"x", 1, frame(2)), Stored::Full);
    }
}
