//! Damage, from a seed: the same everywhere.

/// A small generator of pseudo-random numbers (xorshift64).
pub struct Random(u64);

impl Random {
    /// Begins.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of the first `n` numbers.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n.max(1) as u64) as usize
    }
}

/// Numbers that lengths are set to.
const LENGTHS: [u64; 9] = [0, 1, 7, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff];

/// Flips bits, cuts, splices with `other`, changes lengths: some of it, in one to twelve places.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(12) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(16) {
            0..=4 => bytes[at] ^= 1 << random.below(8),
            5..=7 => bytes[at] = random.number() as u8,
            8..=11 => {
                let (value, width) = (LENGTHS[random.below(LENGTHS.len())], 1 << random.below(3));
                let big = random.below(2) == 0;
                for (i, byte) in bytes.iter_mut().skip(at).take(width).enumerate() {
                    *byte = (value >> (8 * if big { width - 1 - i } else { i })) as u8;
                }
            }
            12 => {
                let end = (at + 1 + random.below(200)).min(bytes.len());
                bytes.drain(at..end);
            }
            13 => {
                let end = (at + 1 + random.below(200)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            14 if !other.is_empty() => {
                let from = random.below(other.len());
                let end = (from + 1 + random.below(2_000)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ if random.below(8) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
}
