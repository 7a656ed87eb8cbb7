//! TCP sequence numbers, which wrap.

use std::fmt;

/// A TCP sequence number: arithmetic modulo 2^32 (RFC 9293 section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// Signed distance from `other` to this number, in bytes: positive where this one is later.
    ///
    /// Right as long as the two are less than 2^31 apart, which every window is (RFC 7323 section 2.3).
    #[must_use]
    #[inline]
    pub const fn distance_from(self, other: SeqNumber) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// The number `n` bytes later.
    #[must_use]
    #[inline]
    pub const fn plus(self, n: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(n))
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_holds_across_the_wrap() {
        let before = SeqNumber(u32::MAX - 9);
        assert_eq!(before.plus(20), SeqNumber(10));
        assert_eq!(before.plus(20).distance_from(before), 20);
        assert_eq!(before.distance_from(before.plus(20)), -20);
    }
}
