//! Times as logs write them.

use jiff::civil;
use jiff::tz::Offset;

use crate::base::{Micros, Timestamp};

/// A time and how much of it is not told: the row was written within so long after it.
pub(super) type Grained = (Timestamp, Micros);

/// `2026-11-28` and `07:45:12`, in UTC.
pub(super) fn date_and_time(date: &str, time: &str) -> Option<Grained> {
    let date: civil::Date = date.parse().ok()?;
    let clock: civil::Time = time.parse().ok()?;
    Some((timestamp(date.to_datetime(clock), Offset::UTC)?, grain(time)))
}

/// RFC 3339, as load balancers write it.
pub(super) fn rfc3339(text: &str) -> Option<Grained> {
    Some((Timestamp::parse(text)?, grain(text)))
}

/// `28/Nov/2026:07:45:12 +0100`, as web servers write it.
pub(super) fn common(text: &str) -> Option<Grained> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (clock, offset) = text.rsplit_once(' ')?;
    let (date, time) = clock.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let date = civil::Date::new(year.parse().ok()?, i8::try_from(month).ok()?, day.parse().ok()?).ok()?;
    let (sign, digits) = offset.split_at_checked(1)?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let within = |text: &str, most: i32| text.parse::<i32>().ok().filter(|n| (0..=most).contains(n));
    let seconds = within(hours, 25)? * 3_600 + within(minutes, 59)? * 60;
    let offset = Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()?;
    Some((timestamp(date.to_datetime(time.parse().ok()?), offset)?, grain(time)))
}

/// Seconds or milliseconds since 1970, with or without a fraction or an exponent.
pub(super) fn epoch(text: &str, in_millis: bool) -> Option<Grained> {
    let number: f64 = text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
    // Twelve digits of seconds are the year 5138: what is larger is told in milliseconds, whatever the field is called.
    let millis = if in_millis || number >= 1e11 { number } else { number * 1e3 };
    let micros = (millis * 1e3).round();
    let fine = in_millis || number >= 1e11 || text.contains('.');
    let time = Timestamp(if micros < 9e15 { micros as i64 } else { return None }.checked_mul(1_000)?);
    Some((time, if fine { Micros::from_millis(1) } else { Micros::from_secs(1) }))
}

/// A number of seconds; `-1`, `-` and the like are none.
pub(super) fn seconds(text: &str) -> Option<Micros> {
    let number: f64 = text.parse().ok().filter(|n: &f64| (0.0..1e9).contains(n))?;
    Some(Micros((number * 1e6).round() as i64))
}

/// What a time without a fraction does not tell.
fn grain(text: &str) -> Micros {
    if text.contains('.') { Micros::from_millis(1) } else { Micros::from_secs(1) }
}

fn timestamp(at: civil::DateTime, offset: Offset) -> Option<Timestamp> {
    i64::try_from(offset.to_timestamp(at).ok()?.as_nanosecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_time_is_read() {
        let said = |read: Option<Grained>| read.map(|(time, grain)| (time.to_string(), grain.0));
        for (read, time, grain) in [
            (date_and_time("2026-01-02", "03:04:05"), "2026-01-02T03:04:05.000000000Z", 1_000_000),
            (rfc3339("2026-01-02T03:04:05.123456Z"), "2026-01-02T03:04:05.123456000Z", 1_000),
            (common("02/Jan/2026:03:04:05 +0000"), "2026-01-02T03:04:05.000000000Z", 1_000_000),
            (common("01/Jan/2026:22:04:05 -0500"), "2026-01-02T03:04:05.000000000Z", 1_000_000),
            (epoch("1767323045", false), "2026-01-02T03:04:05.000000000Z", 1_000_000),
            (epoch("1767323045.250", false), "2026-01-02T03:04:05.250000000Z", 1_000),
            (epoch("1767323045250", true), "2026-01-02T03:04:05.250000000Z", 1_000),
            (epoch("1.767323045E9", false), "2026-01-02T03:04:05.000000000Z", 1_000),
        ] {
            assert_eq!(said(read), Some((time.to_owned(), grain)));
        }
        for none in [date_and_time("2026-13-02", "03:04:05"), common("02/Foo/2026:03:04:05 +0000"), epoch("nan", false)]
        {
            assert_eq!(none, None);
        }
        assert_eq!((seconds("0.125"), seconds("-1"), seconds("-")), (Some(Micros(125_000)), None, None));
    }
}
