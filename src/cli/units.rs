//! Sizes and durations as people type them.

use std::time::Duration;

/// The least memory for packets: libpcap takes a page or two more as it is.
const MIN_BUFFER: u64 = 64 << 10;

/// A size in bytes: `64MiB`, `64M`, `65536`; units are powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let unit = unit.to_ascii_lowercase();
    let unit = unit.trim_end_matches('b').trim_end_matches('i');
    let shift = match unit {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err("a size is a number and B, KiB, MiB or GiB, such as 64MiB".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size is a whole number with a unit, such as 64MiB".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is too large".to_owned())
}

/// A size that the kernel takes for a buffer.
pub(super) fn buffer(text: &str) -> Result<u32, String> {
    let bytes = size(text)?;
    if bytes < MIN_BUFFER {
        return Err("less than 64KiB holds no packets".into());
    }
    i32::try_from(bytes).map(i32::cast_unsigned).map_err(|_| "more than 2047MiB cannot be had".to_owned())
}

/// The least size of files that keep packets: sixteen of them, each with room for some of the largest packets.
const MIN_RING: u64 = 16 << 20;

/// A size of files that keep packets.
pub(super) fn ring(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes < MIN_RING { Err("less than 16MiB keeps too few packets".into()) } else { Ok(bytes) }
}

/// A duration: `90s`, `15m`, `1h30m`, `500ms`; a number alone is of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a number and ms, s, m, h or d, such as 90s or 1h30m".to_owned();
    let mut rest = text.trim();
    let mut all = Duration::ZERO;
    while !rest.is_empty() {
        let (number, behind) = split(rest);
        let end = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(end).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let milliseconds = match unit.trim() {
            "ms" => Some(number),
            "s" => number.checked_mul(1_000),
            "" if rest.len() == text.trim().len() => number.checked_mul(1_000),
            "m" | "min" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            "d" => number.checked_mul(86_400_000),
            _ => return Err(wrong()),
        };
        all = milliseconds.and_then(|ms| all.checked_add(Duration::from_millis(ms))).ok_or_else(wrong)?;
        rest = next;
    }
    if all.is_zero() { Err(wrong()) } else { Ok(all) }
}

/// The digits that a text begins with, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in
            [("64MiB", Some(64 << 20)), ("64m", Some(64 << 20)), ("2 GiB", Some(2 << 30)), ("65536", Some(65_536))]
        {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        for text in ["", "MiB", "64 parsecs", "-1", "1.5GiB", "99999999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        for (text, ok) in [("64MiB", true), ("1KiB", false), ("2GiB", false)] {
            assert_eq!(buffer(text).is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, ms) in [("90s", 90_000), ("90", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("500ms", 500)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "0", "s", "1x", "1h30", "-5s", "99999999999999999999s", "9999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
