//! One packet of which fragments are missing.

use super::{Fragment, Whole};
use crate::base::Timestamp;
use crate::link::Encapsulation;

/// Bytes of a packet: what its length field can say, which counts the header of IPv4 but not that of IPv6.
pub(super) const MAX_DATAGRAM: u32 = 65_535;

/// Pieces of a packet: the largest one over links of 576 bytes, the least that every host takes (RFC 791 section 3.1).
const MAX_PIECES: usize = 128;

/// Some bytes of a packet's payload.
#[derive(Debug)]
struct Piece {
    offset: u32,
    /// Length on the wire; more than `bytes` where the snap length cut it.
    len: u32,
    bytes: Box<[u8]>,
}

impl Piece {
    const fn end(&self) -> u32 {
        self.offset + self.len
    }

    /// Whether `bytes`, which begin at `offset`, are others where both were captured.
    fn differs(&self, offset: u32, bytes: &[u8]) -> bool {
        let from = self.offset.max(offset);
        let to = (self.offset + self.bytes.len() as u32).min(offset + bytes.len() as u32);
        from < to && slice(&self.bytes, self.offset, from, to) != slice(bytes, offset, from, to)
    }
}

/// A packet in progress.
#[derive(Debug)]
pub(super) struct Partial {
    /// Rising with each packet.
    pub(super) birth: u64,
    /// When the first of its fragments came.
    pub(super) since: Timestamp,
    /// Fragments that came, repeated ones too.
    pub(super) fragments: u64,
    /// Bytes kept.
    pub(super) bytes: usize,
    /// That of the first fragment, once it came, with what it says the packet carries.
    header: Box<[u8]>,
    protocol: u8,
    /// By offset, without overlap.
    pieces: Vec<Piece>,
    /// The sum of their lengths.
    covered: u32,
    /// Length of the payload, once the last fragment came.
    total: Option<u32>,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is kept, or adds nothing new.
    Yes,
    /// It says something else than earlier ones: they stay.
    Conflict,
    /// There are too many pieces.
    Full,
}

impl Partial {
    pub(super) fn new(birth: u64, since: Timestamp) -> Self {
        Partial {
            birth,
            since,
            fragments: 0,
            bytes: 0,
            header: Box::default(),
            protocol: 0,
            pieces: Vec::new(),
            covered: 0,
            total: None,
        }
    }

    /// Keeps what of a fragment is not there yet.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>) -> Stored {
        self.fragments += 1;
        if self.pieces.len() >= MAX_PIECES {
            return Stored::Full;
        }
        if !self.agrees_on_the_end(fragment) {
            return Stored::Conflict;
        }
        if fragment.is_last {
            self.total = Some(fragment.end());
        }
        if fragment.offset == 0 && self.header.is_empty() {
            self.header = fragment.header.into();
            self.protocol = fragment.protocol;
        }
        let (offset, bytes) = (u32::from(fragment.offset), fragment.payload.bytes);
        let differs = self.pieces.iter().any(|piece| piece.differs(offset, bytes));
        self.fill(offset, fragment.end(), bytes);
        if differs { Stored::Conflict } else { Stored::Yes }
    }

    /// Whether a fragment says nothing that is not known, and nothing else.
    pub(super) fn repeats(&self, fragment: &Fragment<'_>) -> bool {
        let (offset, bytes) = (u32::from(fragment.offset), fragment.payload.bytes);
        self.is_whole()
            && self.agrees_on_the_end(fragment)
            && !self.pieces.iter().any(|piece| piece.differs(offset, bytes))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.total == Some(self.covered)
    }

    /// The packet, if it is not larger than its length field can say.
    pub(super) fn whole(&self, around: Encapsulation) -> Option<Whole> {
        let total = self.total?;
        let mut bytes = Vec::with_capacity(self.header.len() + self.bytes);
        bytes.extend_from_slice(&self.header);
        let wire_len = bytes.len() as u32 + total;
        let length = |len: u32| u16::try_from(len).ok().map(u16::to_be_bytes);
        match bytes.as_mut_slice() {
            [first, _, l1, l2, _, _, f1, f2, ..] if *first >> 4 == 4 => {
                [*l1, *l2] = length(wire_len)?;
                // "Don't fragment" and the reserved bit stay.
                (*f1, *f2) = (*f1 & 0xc0, 0);
            }
            [_, _, _, _, l1, l2, next, ..] => {
                [*l1, *l2] = length(total)?;
                *next = self.protocol;
            }
            _ => return None,
        }
        for piece in &self.pieces {
            bytes.extend_from_slice(&piece.bytes);
            if piece.bytes.len() < piece.len as usize {
                break;
            }
        }
        Some(Whole { bytes, wire_len, around })
    }

    fn agrees_on_the_end(&self, fragment: &Fragment<'_>) -> bool {
        let end = fragment.end();
        match self.total {
            Some(total) if fragment.is_last => end == total,
            Some(total) => end <= total,
            None => !fragment.is_last || self.pieces.last().is_none_or(|piece| piece.end() <= end),
        }
    }

    /// Keeps of `bytes`, which stand for `offset..end`, those that lie between the pieces.
    fn fill(&mut self, offset: u32, end: u32, bytes: &[u8]) {
        let mut at = offset;
        let mut i = self.pieces.partition_point(|piece| piece.end() <= offset);
        while at < end {
            let (free_until, next_at) = match self.pieces.get(i) {
                Some(piece) if piece.offset < end => (piece.offset, piece.end()),
                _ => (end, end),
            };
            if at < free_until {
                let piece =
                    Piece { offset: at, len: free_until - at, bytes: slice(bytes, offset, at, free_until).into() };
                self.bytes += piece.bytes.len();
                self.covered += piece.len;
                self.pieces.insert(i, piece);
                i += 1;
            }
            at = at.max(next_at);
            i += 1;
        }
    }
}

/// The part of `bytes`, which begin at `base`, that lies within `from..to`.
fn slice(bytes: &[u8], base: u32, from: u32, to: u32) -> &[u8] {
    let index = |at: u32| (at.saturating_sub(base) as usize).min(bytes.len());
    bytes.get(index(from)..index(to)).unwrap_or_default()
}
