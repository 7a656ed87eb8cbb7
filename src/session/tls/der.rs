//! The little of DER (ITU-T X.690) that OCSP responses need: tag, length, contents.

use crate::base::{Cursor, Timestamp};

/// The tags that are read.
pub(super) mod tag {
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const BIT_STRING: u8 = 0x03;
    pub(in super::super) const OCTET_STRING: u8 = 0x04;
    pub(in super::super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in super::super) const ENUMERATED: u8 = 0x0a;
    pub(in super::super) const GENERALIZED_TIME: u8 = 0x18;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    /// Context-specific, constructed.
    pub(in super::super) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
    /// Context-specific, primitive.
    pub(in super::super) const fn primitive(number: u8) -> u8 {
        0x80 | number
    }
}

/// One value: its tag, its contents, and all of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Values one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(Cursor<'a>);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(Cursor::new(bytes))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Option<Value<'a>> {
        let start = self.0.rest();
        let tag = self.0.u8().ok()?;
        let short = self.0.u8().ok()?;
        let len = match short {
            0..=0x7f => usize::from(short),
            0x81 => usize::from(self.0.u8().ok()?),
            0x82 => usize::from(self.0.u16().ok()?),
            // Longer than any staple that is kept.
            _ => return None,
        };
        let contents = self.0.take(len).ok()?;
        let whole = start.get(..start.len() - self.0.remaining())?;
        Some(Value { tag, contents, whole })
    }

    /// The next value, which must have this tag.
    pub(super) fn one(&mut self, tag: u8) -> Option<Value<'a>> {
        self.any().filter(|value| value.tag == tag)
    }

    /// The next value if it has this tag; else it is not touched.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Value<'a>> {
        let mut ahead = *self;
        let value = ahead.one(tag)?;
        *self = ahead;
        Some(value)
    }

    /// What the next value holds, which must have this tag.
    pub(super) fn within(&mut self, tag: u8) -> Option<Der<'a>> {
        self.one(tag).map(|value| Der::new(value.contents))
    }
}

/// A GeneralizedTime as RFC 5280 section 4.1.2.5.2 allows it: `YYYYMMDDHHMMSSZ`.
pub(super) fn time(contents: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(contents).ok().filter(|text| text.len() == 15 && text.is_ascii())?;
    let part = |from: usize, to: usize| text.get(from..to);
    let (date, day) = (part(0, 4)?, (part(4, 6)?, part(6, 8)?));
    let clock = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    part(14, 15).filter(|&zone| zone == "Z")?;
    Timestamp::parse(&format!("{date}-{}-{}T{}:{}:{}Z", day.0, day.1, clock.0, clock.1, clock.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_longer_than_what_holds_it() {
        let mut der = Der::new(&[0x30, 3, 2, 1, 5, 4, 0x81, 1, 9]);
        assert_eq!(der.within(tag::SEQUENCE).unwrap().one(tag::INTEGER).unwrap().contents, [5]);
        assert!(der.optional(tag::INTEGER).is_none());
        assert_eq!(der.one(tag::OCTET_STRING).unwrap().whole, [4, 0x81, 1, 9]);
        assert!(der.is_empty());
        for broken in [&[0x30][..], &[0x30, 2, 1], &[0x30, 0x80, 0, 0], &[0x30, 0x84, 0, 0, 0, 0], &[0x30, 0x82, 1]] {
            assert!(Der::new(broken).any().is_none(), "{broken:?}");
        }
    }

    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(time(b"20261128081500Z"), Timestamp::parse("2026-11-28T08:15:00Z"));
        for no in [
            &b"20261128081500"[..],
            b"20261128081500.5Z",
            b"20261328081500Z",
            b"261128081500Z",
            "2026112808150é".as_bytes(),
        ] {
            assert_eq!(time(no), None);
        }
    }
}
