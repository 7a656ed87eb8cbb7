//! One header field: whether a message may have it (RFC 9113 section 8.2).

use std::fmt;

/// Bytes kept of the value of a header field.
pub const MAX_VALUE: usize = 256;

/// Fields that belong to a connection of HTTP/1 (RFC 9113 section 8.2.2).
const OF_A_CONNECTION: [&[u8]; 5] =
    [b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"];

/// Why no message may have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldDefect {
    /// An upper-case letter in the name (section 8.2.1).
    UpperCase,
    /// Another byte in the name that it may not have, or none at all (section 8.2.1).
    BadName,
    /// NUL, CR or LF in the value, or white space around it (section 8.2.1).
    BadValue,
    /// Connection, Transfer-Encoding and the like (section 8.2.2).
    OfAConnection,
    /// A pseudo-header field after a regular one (section 8.3).
    PseudoAfterRegular,
    /// A pseudo-header field that is not known here, or was there before (section 8.3).
    PseudoUnexpected,
    /// A request without `:method`, `:scheme` or `:path`, or a response without `:status` (section 8.3).
    PseudoMissing,
    /// `:status` is no number of three digits, or is 101 (sections 8.3.2, 8.6).
    Status,
    /// Content-Length is no number, or several that differ (section 8.1.1).
    ContentLength,
}

impl FieldDefect {
    /// The section that says so.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            FieldDefect::UpperCase | FieldDefect::BadName | FieldDefect::BadValue => "RFC 9113 section 8.2.1",
            FieldDefect::OfAConnection => "RFC 9113 section 8.2.2",
            FieldDefect::PseudoAfterRegular | FieldDefect::PseudoUnexpected => "RFC 9113 section 8.3",
            FieldDefect::PseudoMissing | FieldDefect::Status => "RFC 9113 section 8.3.2",
            FieldDefect::ContentLength => "RFC 9113 section 8.1.1",
        }
    }

    /// What a name and a value are wrong with in any place of any message.
    pub(super) fn of(name: &[u8], value: &[u8]) -> Option<FieldDefect> {
        let regular = name.strip_prefix(b":").unwrap_or(name);
        if regular.iter().any(u8::is_ascii_uppercase) {
            return Some(FieldDefect::UpperCase);
        }
        if regular.is_empty() || regular.iter().any(|b| *b <= b' ' || *b >= 0x7f || *b == b':') {
            return Some(FieldDefect::BadName);
        }
        let blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
        let bad = value.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) || blank(value.first()) || blank(value.last());
        if bad {
            return Some(FieldDefect::BadValue);
        }
        OF_A_CONNECTION.contains(&name).then_some(FieldDefect::OfAConnection)
    }
}

impl fmt::Display for FieldDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldDefect::UpperCase => "a header field with an upper-case letter in its name",
            FieldDefect::BadName => "a header field with a name that none may have",
            FieldDefect::BadValue => "a header field with a value that none may have",
            FieldDefect::OfAConnection => "a header field of HTTP/1 connections",
            FieldDefect::PseudoAfterRegular => "a pseudo-header field after a regular one",
            FieldDefect::PseudoUnexpected => "a pseudo-header field that does not belong there",
            FieldDefect::PseudoMissing => "a pseudo-header field is missing",
            FieldDefect::Status => "a :status that is none",
            FieldDefect::ContentLength => "a content-length that is no number, or several that differ",
        })
    }
}

/// The first bytes of a value, as text.
pub(super) fn text(value: &[u8], limit: usize) -> String {
    String::from_utf8_lossy(value.get(..limit).unwrap_or(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_message_may_have() {
        use FieldDefect::{BadName, BadValue, OfAConnection, UpperCase};
        for (name, value, defect) in [
            (&b"server"[..], &b"nginx"[..], None),
            (b":status", b"200", None),
            (b"te", b"trailers", None),
            (b"x-empty", b"", None),
            (b"Server", b"nginx", Some(UpperCase)),
            (b"", b"x", Some(BadName)),
            (b":", b"x", Some(BadName)),
            (b"a b", b"x", Some(BadName)),
            (b"a:b", b"x", Some(BadName)),
            (b"a\xff", b"x", Some(BadName)),
            (b"a", b"x\ny", Some(BadValue)),
            (b"a", b"x\0", Some(BadValue)),
            (b"a", b" x", Some(BadValue)),
            (b"a", b"x\t", Some(BadValue)),
            (b"connection", b"close", Some(OfAConnection)),
            (b"transfer-encoding", b"chunked", Some(OfAConnection)),
        ] {
            assert_eq!(FieldDefect::of(name, value), defect, "{} {}", name.escape_ascii(), value.escape_ascii());
        }
    }
}
