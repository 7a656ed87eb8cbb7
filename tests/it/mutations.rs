//! Captures with damaged bytes: whatever a stranger wrote, the analysis ends, and ends well.
//!
//! The same entry as the fuzz target in `fuzz/`, from seeds, so that every run does the same.

use std::fs;

use crate::common::{analyse, cases};

/// Damaged copies of each capture.
const COPIES: u64 = 150;

/// A small generator of pseudo-random numbers (xorshift64): the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[test]
fn damaged_captures_are_analysed_to_the_end() {
    for (seed, case) in (1u64..).zip(cases()) {
        let whole = fs::read(&case.path).unwrap();
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..COPIES {
            let mut bytes = whole.clone();
            for _ in 0..1 + random.below(24) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes[at] ^= 1 << random.below(8),
                    2 => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
                    _ => {
                        let from = random.below(bytes.len());
                        let len = random.below(64).min(bytes.len() - at.max(from));
                        bytes.copy_within(from..from + len, at);
                    }
                }
            }
            // A damaged file header is no capture; everything else is analysed.
            analyse(&bytes);
        }
    }
}
