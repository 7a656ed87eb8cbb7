//! Field lines (headers and trailers), and the values in them.

use super::fault::HeaderDefect;
use memchr::memchr;
use std::borrow::Cow;

/// Bytes kept of a header value: of those that are kept at all, none is useful beyond this.
pub const MAX_VALUE: usize = 256;

/// One field line, as far as it makes sense.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// The name, without white space around it. Empty for a folded line: it continues the field before it.
    pub(super) name: &'a [u8],
    /// The value, without white space around it.
    pub(super) value: &'a [u8],
    /// What is wrong with the line, and where in it.
    pub(super) defect: Option<(HeaderDefect, usize)>,
}

impl<'a> Field<'a> {
    /// Reads `line`; a defective one is read as far as its meaning is plain.
    #[inline]
    pub(super) fn read(line: &'a [u8]) -> Self {
        // The first byte that does not belong to a name ends it, and is nearly always the colon.
        let len = line.iter().position(|&b| !is_token(b)).unwrap_or(line.len());
        match line.split_at_checked(len) {
            Some((name @ [_, ..], [b':', value @ ..])) => Self {
                name,
                value: trim(value),
                defect: value_defect(value).map(|(kind, at)| (kind, name.len() + 1 + at)),
            },
            _ => Self::read_odd(line),
        }
    }

    #[cold]
    fn read_odd(line: &'a [u8]) -> Self {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Self { name: &[], value: trim(line), defect: Some((HeaderDefect::Folded, 0)) };
        }
        let Some((name, value)) = memchr(b':', line).and_then(|at| line.split_at_checked(at)) else {
            let bare_cr = memchr(b'\r', line).map(|at| (HeaderDefect::BareCr, at));
            return Self { name: &[], value: &[], defect: bare_cr.or(Some((HeaderDefect::NoColon, 0))) };
        };
        let value = value.get(1..).unwrap_or_default();
        let of_value = || value_defect(value).map(|(kind, at)| (kind, name.len() + 1 + at));
        let defect = name_defect(name).or_else(of_value);
        Self { name: trim(name), value: trim(value), defect }
    }

    /// Whether this is the field `name`, in whatever case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// What no value may contain, and where it is.
fn value_defect(value: &[u8]) -> Option<(HeaderDefect, usize)> {
    // Without a way out of the loop it is done sixteen bytes at a time; values are long and hardly ever bad.
    if !value.iter().fold(false, |bad, &b| bad | is_forbidden(b)) {
        return None;
    }
    let at = value.iter().position(|&b| is_forbidden(b))?;
    let kind = if value.get(at) == Some(&b'\r') { HeaderDefect::BareCr } else { HeaderDefect::ControlByte };
    Some((kind, at))
}

fn name_defect(name: &[u8]) -> Option<(HeaderDefect, usize)> {
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
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
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

/// A word that is one of a few almost always: those take no memory of their own.
pub type Word = Cow<'static, str>;

/// The first `max` bytes as a word, which may be one of those `known`.
pub(super) fn word(bytes: &[u8], max: usize, known: &[&'static str]) -> Word {
    match known.iter().find(|word| word.as_bytes() == bytes) {
        Some(word) => Cow::Borrowed(word),
        None => Cow::Owned(text(bytes, max)),
    }
}

/// What is in order, as nearly all is, is checked many bytes at a time and copied once.
fn lossy(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
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
            let field = Field::read(line.as_bytes());
            assert_eq!(
                (field.name, field.value, field.defect),
                (name.as_bytes(), value.as_bytes(), defect),
                "{line:?}"
            );
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(text("a\u{e9}".as_bytes(), 2), "a");
        assert_eq!(text("a\u{e9}".as_bytes(), 3), "a\u{e9}");
        assert_eq!(text(b"\xff\xfe", 1), "\u{fffd}");
    }
}
