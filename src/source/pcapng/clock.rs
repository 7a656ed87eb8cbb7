//! What the ticks of an interface's clock mean (options `if_tsresol` and `if_tsoffset`).

use crate::base::Timestamp;

const NANOS: u64 = 1_000_000_000;

/// Resolution and offset of one interface's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    /// Seconds to be added.
    offset: i64,
}

/// How ticks become nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// A tick is so many nanoseconds.
    Times(u64),
    /// So many ticks are a nanosecond.
    Over(u64),
    /// Two to this power of ticks are a second.
    Binary(u8),
}

/// Microseconds since 1970, where the interface does not say otherwise.
impl Default for Clock {
    fn default() -> Self {
        Self { scale: Scale::Times(1_000), offset: 0 }
    }
}

impl Clock {
    /// Takes the value of `if_tsresol`: a negative power of 10, or of 2 where the highest bit is set.
    pub(super) fn resolution(&mut self, value: &[u8]) {
        let Some(&byte) = value.first() else { return };
        self.scale = match byte & 0x7f {
            power if byte & 0x80 != 0 => Scale::Binary(power),
            power @ 0..=9 => Scale::Times(10_u64.pow(9 - u32::from(power))),
            // Beyond 10^28 a whole u64 of ticks is less than a nanosecond.
            power => 10_u64.checked_pow(u32::from(power) - 9).map_or(Scale::Times(0), Scale::Over),
        };
    }

    /// Takes the value of `if_tsoffset`, in seconds.
    pub(super) fn offset(&mut self, value: Option<u64>) {
        self.offset = value.unwrap_or_default() as i64;
    }

    /// The time of a packet. One that does not fit stays at the end of the range.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        let nanos = match self.scale {
            Scale::Times(by) => i128::from(ticks) * i128::from(by),
            Scale::Over(by) => i128::from(ticks / by),
            Scale::Binary(power) => (i128::from(ticks) * i128::from(NANOS)) >> power,
        };
        let nanos = nanos + i128::from(self.offset) * i128::from(NANOS);
        Timestamp(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_every_resolution_become_nanoseconds() {
        for (resolution, offset, ticks, nanos) in [
            (0, 0, 7, 7_000_000_000),
            (3, 0, 1_500, 1_500_000_000),
            (6, 0, 1_500_000, 1_500_000_000),
            (9, 0, 1_500_000_001, 1_500_000_001),
            (12, 0, 1_500_000_000_999, 1_500_000_000),
            (30, 0, u64::MAX, 0),
            (0x80, 0, 3, 3_000_000_000),
            (0x80 | 10, 0, 1_536, 1_500_000_000),
            (0x80 | 32, 0, 3 << 31, 1_500_000_000),
            (0xff, 0, u64::MAX, 0),
            (6, 2, 500_000, 2_500_000_000),
            (6, -2, 500_000, -1_500_000_000),
            (0, 0, u64::MAX, i64::MAX),
            (0, i64::MIN, 0, i64::MIN),
        ] {
            let mut clock = Clock::default();
            clock.resolution(&[resolution]);
            clock.offset(Some(offset as u64));
            assert_eq!(clock.time(ticks), Timestamp(nanos), "{resolution:#x} {offset} {ticks}");
        }
        assert_eq!(Clock::default().time(1), Timestamp(1_000));
    }
}
