//! When a packet was captured, and how long something took.

use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00Z, as a capture's clock said. Good from 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// A duration in microseconds; negative where a clock was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Timestamp {
    /// Microseconds from `earlier` to this time.
    #[must_use]
    #[inline]
    pub const fn since(self, earlier: Timestamp) -> Micros {
        Micros(self.0.saturating_sub(earlier.0) / 1_000)
    }

    /// This time, `by` later.
    #[must_use]
    #[inline]
    pub const fn plus(self, by: Micros) -> Timestamp {
        Timestamp(self.0.saturating_add(by.0.saturating_mul(1_000)))
    }

    /// Reads RFC 3339; `None` where it is none, or lies outside of the range.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let time: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Timestamp)
    }

    /// The UTC time of day with microseconds, as `14:03:07.123456`: for lists of packets of one day.
    #[must_use]
    pub fn time_of_day(self) -> String {
        jiff::fmt::strtime::format("%H:%M:%S%.6f", &self.civil()).unwrap_or_default()
    }

    /// `2026-11-21 18:06 UTC`: for dates far from the capture.
    #[must_use]
    pub fn to_the_minute(self) -> String {
        jiff::fmt::strtime::format("%Y-%m-%d %H:%M UTC", &self.civil()).unwrap_or_default()
    }

    fn civil(self) -> jiff::Zoned {
        // An i64 of nanoseconds is always within jiff's range (years -9999 to 9999).
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC)
    }
}

/// RFC 3339 in UTC with nine digits of the second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default();
        write!(f, "{t:.9}")
    }
}

impl Micros {
    /// `n` whole seconds.
    #[must_use]
    pub const fn from_secs(n: i64) -> Micros {
        Micros(n.saturating_mul(1_000_000))
    }

    /// `n` milliseconds.
    #[must_use]
    pub const fn from_millis(n: i64) -> Micros {
        Micros(n.saturating_mul(1_000))
    }

    /// Whether a wait has the length of a configured time limit, which is one second or more, and whole.
    ///
    /// Timers run late, when the machine is busy or the timer is coarse, and hardly ever early; the clock of a capture is
    /// exact to some microseconds. What makes a wait look short is the way to where the capture was taken: the packet
    /// that set the timer may have been slower on it than the one that ended the wait.
    #[must_use]
    pub fn is_near_whole_seconds(self) -> bool {
        const SECOND: i64 = 1_000_000;
        const EARLY: i64 = 50_000;
        const LATE: i64 = 250_000;
        let early = self.0.saturating_add(EARLY);
        early >= SECOND && early.rem_euclid(SECOND) <= EARLY + LATE
    }

    /// In seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Micros {
    /// Writes it in tenths of a unit, each so long. Most messages have one, and floating point takes a thousand
    /// instructions, as several numbers in one format do.
    fn tenths(self, f: &mut fmt::Formatter<'_>, tenth: u64, unit: &str) -> fmt::Result {
        const TENTHS: [&str; 10] = [".0", ".1", ".2", ".3", ".4", ".5", ".6", ".7", ".8", ".9"];
        let all = (self.0.unsigned_abs() + tenth / 2) / tenth;
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{}", all / 10)?;
        f.write_str(TENTHS.get((all % 10) as usize).copied().unwrap_or_default())?;
        f.write_str(unit)
    }
}

/// In the unit a person would use: `850 us`, `12.3 ms`, `30.0 s`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.unsigned_abs() {
            0..1_000 => write!(f, "{} us", self.0),
            1_000..1_000_000 => self.tenths(f, 100, " ms"),
            1_000_000..600_000_000 => self.tenths(f, 100_000, " s"),
            _ => write!(f, "{:.0} min", self.as_secs_f64() / 60.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_rfc_3339() {
        assert_eq!(Timestamp(1_700_000_000_000_000_123).to_string(), "2023-11-14T22:13:20.000000123Z");
        assert_eq!(Timestamp(1_700_000_000_123_456_789).time_of_day(), "22:13:20.123456");
        assert_eq!(Timestamp(1_700_000_000_123_456_789).to_the_minute(), "2023-11-14 22:13 UTC");
        assert_eq!(Timestamp::parse("2023-11-14T22:13:20.000000123Z"), Some(Timestamp(1_700_000_000_000_000_123)));
        assert_eq!((Timestamp::parse("yesterday"), Timestamp::parse("9999-01-01T00:00:00Z")), (None, None));
        assert_eq!(Timestamp(i64::MIN).to_string().len(), Timestamp(0).to_string().len());
    }

    #[test]
    fn time_limits_are_whole_seconds() {
        for (ms, near) in [
            (-1_000, false),
            (0, false),
            (100, false),
            (900, false),
            (949, false),
            (950, true),
            (1_000, true),
            (1_250, true),
            (1_251, false),
            (5_242, true),
            (5_400, false),
            (9_900, false),
            (9_960, true),
            (10_180, true),
            (30_400, false),
        ] {
            assert_eq!(Micros::from_millis(ms).is_near_whole_seconds(), near, "{ms}");
        }
        assert!(!Micros(i64::MIN).is_near_whole_seconds());
    }

    #[test]
    fn durations_read_as_a_person_would_say_them() {
        for (us, text) in [
            (850, "850 us"),
            (1_000, "1.0 ms"),
            (12_340, "12.3 ms"),
            (12_350, "12.4 ms"),
            (999_949, "999.9 ms"),
            (999_950, "1000.0 ms"),
            (-12_360, "-12.4 ms"),
            (30_000_000, "30.0 s"),
            (599_999_999, "600.0 s"),
            (900_000_000, "15 min"),
        ] {
            assert_eq!(Micros(us).to_string(), text);
        }
        // The same as by floating point, but for what lies in the middle between two.
        for us in (1_000..600_000_000).step_by(7_919) {
            let (unit, name) = if us < 1_000_000 { (1e3, "ms") } else { (1e6, "s") };
            if us % (unit as i64 / 10) != unit as i64 / 20 {
                assert_eq!(Micros(us).to_string(), format!("{:.1} {name}", us as f64 / unit));
            }
        }
    }
}
