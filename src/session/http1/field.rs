//! Field lines (headers and trailers), and the values in them.

use super::fault::HeaderDefect;
use super::line::MAX_LINE;
use super::scan::{first_below, first_beyond_letters, is_same, token_len};
use crate::base::lossy;
use memchr::memchr;
use std::fmt;
use std::num::NonZeroU8;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes kept of a header value: of those that are kept at all, none is useful beyond this.
pub const MAX_VALUE: usize = 256;

/// One field line, as far as it makes sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// The name, without white space around it. Empty for a folded line: it continues the field before it.
    pub(super) name: &'a [u8],
    /// The value, without white space around it.
    pub(super) value: &'a [u8],
}

/// What is wrong with a line, and where in it.
pub(super) type Defect = (HeaderDefect, usize);

impl<'a> Field<'a> {
    /// Reads the line that `bytes` begin with, and moves past it; `None` where it is not whole, or anything about it is
    /// odd, for which [`read`](Self::read) is there.
    #[inline]
    pub(super) fn at_once(bytes: &mut &'a [u8]) -> Option<Self> {
        let all = *bytes;
        let (name, [b':', rest @ ..]) = split_name(all)? else { return None };
        // What ends the line is nearly always the first byte that no value may have.
        let (value, rest) = rest.split_at_checked(first_below::<0x20>(rest)?)?;
        let [b'\r', b'\n', rest @ ..] = rest else { return None };
        if name.is_empty() || name.len() + 1 + value.len() >= MAX_LINE {
            return None;
        }
        *bytes = rest;
        Some(Self { name, value: trim(value) })
    }

    /// Reads `line`, and says what is wrong with it; a defective one is read as far as its meaning is plain.
    pub(super) fn read(line: &'a [u8]) -> (Self, Option<Defect>) {
        // The first byte that does not belong to a name ends it, and is nearly always the colon.
        let Some((name @ [_, ..], [b':', value @ ..])) = line.split_at_checked(token_len(line)) else {
            return Self::read_odd(line);
        };
        let defect = value_defect(value).map(|(kind, at)| (kind, name.len() + 1 + at));
        (Self { name, value: trim(value) }, defect)
    }

    #[cold]
    fn read_odd(line: &'a [u8]) -> (Self, Option<Defect>) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return (Self { name: &[], value: trim(line) }, Some((HeaderDefect::Folded, 0)));
        }
        let Some((name, value)) = memchr(b':', line).and_then(|at| line.split_at_checked(at)) else {
            let bare_cr = memchr(b'\r', line).map(|at| (HeaderDefect::BareCr, at));
            let defect = bare_cr.or(Some((HeaderDefect::NoColon, 0)));
            return (Self { name: &[], value: &[] }, defect);
        };
        let value = value.get(1..).unwrap_or_default();
        let of_value = || value_defect(value).map(|(kind, at)| (kind, name.len() + 1 + at));
        let defect = name_defect(name).or_else(of_value);
        let name = trim(name);
        (Self { name, value: trim(value) }, defect)
    }

    /// Whether this is the field `known`, written in small letters, in whatever case.
    #[inline(always)]
    pub(super) fn is<const N: usize>(&self, known: &[u8; N]) -> bool {
        self.name.try_into().is_ok_and(|name| is_same(name, known))
    }
}

/// The name that `bytes` begin with, and what follows it.
#[inline(always)]
fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.split_at_checked(first_beyond_letters(bytes)?) {
        split @ Some((_, [b':', ..])) => split,
        _ => bytes.split_at_checked(token_len(bytes)),
    }
}

/// What no value may contain, and where it is.
fn value_defect(value: &[u8]) -> Option<Defect> {
    let at = value.iter().position(|&b| is_forbidden(b))?;
    let kind = if value.get(at) == Some(&b'\r') { HeaderDefect::BareCr } else { HeaderDefect::ControlByte };
    Some((kind, at))
}

fn name_defect(name: &[u8]) -> Option<Defect> {
    let at = match name.iter().position(|&b| !is_token(b)) {
        Some(at) => at,
        None if name.is_empty() => return Some((HeaderDefect::EmptyName, 0)),
        None => return None,
    };
    let only_space_follows = name.iter().skip(at).all(|&b| is_blank(b));
    Some((if only_space_follows { HeaderDefect::SpaceBeforeColon } else { HeaderDefect::BadName }, at))
}

/// `tchar` (RFC 9110 section 5.6.2), looked up: every byte of every name passes here.
pub(super) fn is_token(b: u8) -> bool {
    TOKEN.get(usize::from(b)).copied().unwrap_or(false)
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0_u8;
    while b < 0x80 {
        table[b as usize] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        b += 1;
    }
    table
};

/// What no field value may contain (RFC 9110 section 5.5).
pub(super) const fn is_forbidden(b: u8) -> bool {
    (b < 0x20 && b != b'\t') || b == 0x7f
}

pub(super) const fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Without optional white space at either end (OWS, RFC 9110 section 5.6.3).
#[inline]
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    // Nearly always there is one space, in front.
    let bytes = if let [b' ', rest @ ..] = bytes { rest } else { bytes };
    match bytes {
        [..=b' ', ..] | [.., ..=b' '] => trim_odd(bytes),
        _ => bytes,
    }
}

#[cold]
fn trim_odd(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The members of a comma-separated list, empty ones left out (RFC 9110 section 5.6.1).
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|m| !m.is_empty())
}

/// Whether `token` is a member of the list, in whatever case.
pub(super) fn has_token(value: &[u8], token: &str) -> bool {
    members(value).any(|m| m.eq_ignore_ascii_case(token.as_bytes()))
}

/// The first `max` bytes as text, cut before a character that does not fit. What is not UTF-8 becomes U+FFFD.
pub(super) fn text(bytes: &[u8], max: usize) -> String {
    let Some(head) = bytes.get(..max).filter(|h| h.len() < bytes.len()) else {
        return lossy(bytes);
    };
    let whole = match std::str::from_utf8(head) {
        Err(e) if e.error_len().is_none() => head.get(..e.valid_up_to()).unwrap_or(head),
        _ => head,
    };
    lossy(whole)
}

/// A word that is one of a few almost always, by its place among those. Any other is kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Word(Option<NonZeroU8>);

impl Word {
    /// The first of a list.
    pub(super) const FIRST: Word = Word(NonZeroU8::new(1));

    /// The second.
    pub(super) const SECOND: Word = Word(NonZeroU8::new(2));

    /// Those that are `known`; of any other the first `max` bytes go where `other` says.
    #[inline]
    pub(super) fn of(bytes: &[u8], known: &[&'static str], max: usize, other: impl FnOnce(Box<str>)) -> Word {
        let place = known.iter().zip(1..=u8::MAX).find(|(word, _)| word.as_bytes() == bytes);
        if place.is_none() {
            other(text(bytes, max).into_boxed_str());
        }
        Word(place.and_then(|(_, place)| NonZeroU8::new(place)))
    }

    /// What it is, if it is one of those `known`.
    pub(super) fn among(self, known: &[&'static str]) -> Option<&'static str> {
        known.get(usize::from(self.0?.get()) - 1).copied()
    }
}

/// A value that one message after another repeats: they have it in common.
#[derive(Clone, PartialEq, Eq)]
pub struct Shared(Arc<Box<str>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Deref for Shared {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Keeps the first of several values, which is likely the `repeated` one.
#[inline]
pub(super) fn share(slot: &mut Option<Shared>, repeated: &mut Option<Shared>, value: &[u8]) {
    if slot.is_none() {
        // What was kept of bytes that are no text may be longer than they.
        if value.len() > MAX_VALUE || repeated.as_ref().is_none_or(|repeated| repeated.as_bytes() != value) {
            *repeated = Some(Shared(Arc::new(text(value, MAX_VALUE).into_boxed_str())));
        }
        slot.clone_from(repeated);
    }
}

/// Keeps the first of several values.
pub(super) fn keep(slot: &mut Option<Box<str>>, value: &[u8]) {
    if slot.is_none() {
        *slot = Some(text(value, MAX_VALUE).into_boxed_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_has_its_place() {
        for (line, name, value, defect) in [
            ("Server: nginx", "Server", "nginx", None),
            ("X:", "X", "", None),
            ("X:\t a b \t", "X", "a b", None),
            ("X: caf\u{e9}", "X", "caf\u{e9}", None),
            ("X : 1", "X", "1", Some((HeaderDefect::SpaceBeforeColon, 1))),
            (": 1", "", "1", Some((HeaderDefect::EmptyName, 0))),
            ("no colon", "", "", Some((HeaderDefect::NoColon, 0))),
            ("a b: 1", "a b", "1", Some((HeaderDefect::BadName, 1))),
            (" folded: x", "", "folded: x", Some((HeaderDefect::Folded, 0))),
            ("X: a\x00b", "X", "a\0b", Some((HeaderDefect::ControlByte, 4))),
            ("X: a\rY: b", "X", "a\rY: b", Some((HeaderDefect::BareCr, 4))),
        ] {
            let (field, found) = Field::read(line.as_bytes());
            assert_eq!((field.name, field.value, found), (name.as_bytes(), value.as_bytes(), defect), "{line:?}");
            // A tab is left to the long way, too.
            let is_plain = defect.is_none() && !line.contains('\t');
            let whole = format!("{line}\r\nrest");
            let mut rest = whole.as_bytes();
            let at_once = Field::at_once(&mut rest).map(|field| (field.name, field.value));
            assert_eq!(at_once, is_plain.then_some((field.name, field.value)), "{line:?}");
            assert_eq!(rest, if is_plain { b"rest" } else { whole.as_bytes() }, "{line:?}");
        }
    }

    #[test]
    fn at_once_reads_only_a_line_that_is_whole() {
        for bytes in ["", "X", "X:", "X: a", "X: a\r", "X: a\n", "X: a\rb\r\n", "\r\n", "X: a\tb\r\n"] {
            assert!(Field::at_once(&mut bytes.as_bytes()).is_none(), "{bytes:?}");
        }
        for (value, fits) in [(MAX_LINE - 3, true), (MAX_LINE - 2, false)] {
            let line = format!("X:{}\r\n", "a".repeat(value));
            assert_eq!(Field::at_once(&mut line.as_bytes()).is_some(), fits, "{value}");
        }
    }

    #[test]
    fn a_field_is_known_in_whatever_case() {
        for line in ["Content-Type: x", "CONTENT-TYPE:x", "content-type : x"] {
            assert!(Field::read(line.as_bytes()).0.is(b"content-type"), "{line:?}");
        }
        for line in ["Content_Type: x", "content-types: x", "content\rtype: x", " content-type", "content type: x"] {
            assert!(!Field::read(line.as_bytes()).0.is(b"content-type"), "{line:?}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(text("a\u{e9}".as_bytes(), 2), "a");
        assert_eq!(text("a\u{e9}".as_bytes(), 3), "a\u{e9}");
        assert_eq!(text(b"\xff\xfe", 1), "\u{fffd}");
    }
}
