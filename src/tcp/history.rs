//! Zeek's `history`: a connection's life in letters.

use std::fmt;

use crate::base::{PerSide, Side};

/// Letters kept of one connection. Zeek keeps all; past this many nothing new is learned.
const MAX_HISTORY: usize = 32;

/// The letters of Zeek's `history`: upper case for the originator, lower case for the responder.
///
/// `S` SYN, `H` SYN-ACK, `A` pure ACK, `D` payload, `F` FIN, `R` RST, `I` inconsistent flags (SYN with FIN or RST):
/// the first of its kind by that side. `T` retransmission, `W` window of 0, `G` gap: the first, tenth,
/// hundredth, … of its kind. `^` in front: the capture's first packet came from the responder.
#[derive(Debug, Clone, Copy, Default)]
pub struct History {
    letters: [u8; MAX_HISTORY],
    len: u8,
    seen: PerSide<u16>,
    flipped: bool,
}

impl History {
    /// Notes a kind of packet, once per side.
    #[inline]
    pub fn once(&mut self, side: Side, letter: u8) {
        let bit = 1u16 << (letter.wrapping_sub(b'A') & 15);
        let seen = &mut self.seen[side];
        if *seen & bit == 0 {
            *seen |= bit;
            self.push(side, letter);
        }
    }

    /// Notes an event that is shown at each power of ten; `count` includes this one.
    #[inline]
    pub fn counted(&mut self, side: Side, letter: u8, count: u32) {
        if count.checked_ilog10().is_some_and(|exponent| 10u32.pow(exponent) == count) {
            self.push(side, letter);
        }
    }

    /// Exchanges originator and responder.
    pub fn flip(&mut self) {
        self.flipped = !self.flipped;
        self.seen.swap();
        for letter in &mut self.letters {
            *letter ^= if letter.is_ascii_alphabetic() { 0x20 } else { 0 };
        }
    }

    fn push(&mut self, side: Side, letter: u8) {
        if let Some(place) = self.letters.get_mut(usize::from(self.len)) {
            *place = if side == Side::Client { letter } else { letter.to_ascii_lowercase() };
            self.len += 1;
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flipped {
            f.write_str("^")?;
        }
        let letters = self.letters.get(..usize::from(self.len)).unwrap_or_default();
        letters.iter().try_for_each(|&b| fmt::Write::write_char(f, char::from(b)))
    }
}
