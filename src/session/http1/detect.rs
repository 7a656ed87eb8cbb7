//! Is this HTTP/1?

use super::field::is_blank;
use super::request::is_other_protocol;
use super::scan::token_len;
use memchr::memchr;

/// The longest method that is taken for one.
pub(super) const MAX_METHOD: usize = 40;

/// What the first bytes of a direction are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// A request head begins here.
    Request,
    /// A response head begins here.
    Response,
    /// Not HTTP/1.
    No,
    /// Too few bytes to tell.
    NeedMore,
}

/// Methods that are believed before the version behind them has been seen: those of RFC 9110, PATCH, WebDAV and
/// its relatives. Any other token is one if the line ends as a request line does.
pub(super) const KNOWN: [&str; 29] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "QUERY",
    "PURGE",
    "MERGE",
    "CHECKOUT",
    "CHECKIN",
    "BIND",
    "ACL",
    "LINK",
    "UNLINK",
    "NOTIFY",
    "CCM_POST",
];

/// First bytes of a direction (there may be few): does HTTP/1 begin here?
///
/// Empty lines before a head are passed over (RFC 9112 section 2.2). A well-known method without a version is a
/// malformed request, which HTTP/0.9 once allowed; the preface of HTTP/2, RTSP and SIP are not HTTP/1.
#[must_use]
pub fn detect(first_bytes: &[u8]) -> Detection {
    let start = first_bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(first_bytes.len());
    let bytes = first_bytes.get(start..).unwrap_or_default();
    if !matches!(bytes.first(), None | Some(b'H' | b'h')) {
        return detect_request(bytes);
    }
    match begins_with(bytes, b"HTTP/") {
        Some(true) => Detection::Response,
        None => Detection::NeedMore,
        Some(false) => detect_request(bytes),
    }
}

fn detect_request(bytes: &[u8]) -> Detection {
    let Some(method) = method(bytes) else { return Detection::No };
    if method.len() == bytes.len() {
        return Detection::NeedMore;
    }
    let rest = bytes.get(method.len()..).unwrap_or_default();
    match memchr(b'\n', rest).and_then(|at| rest.get(..at)) {
        Some(rest) if ends_as_a_request(rest, is_known(method)) => Detection::Request,
        Some(_) => Detection::No,
        None if is_known(method) => Detection::Request,
        None if bytes.len() >= super::MAX_LINE => Detection::No,
        None => Detection::NeedMore,
    }
}

/// The token that `bytes` begin with, if white space or nothing follows it; a line end only after a known one.
pub(super) fn method(bytes: &[u8]) -> Option<&[u8]> {
    let len = token_len(bytes.get(..=MAX_METHOD).unwrap_or(bytes));
    let next = bytes.get(len).copied();
    let possible = if len == 0 { bytes.is_empty() } else { len <= MAX_METHOD };
    let alone = |method: &[u8]| matches!(next, Some(b'\r' | b'\n')) && is_known(method);
    bytes.get(..len).filter(|method| possible && (next.is_none_or(is_blank) || alone(method)))
}

/// Whether it is one of the methods that need no further proof.
pub(super) fn is_known(method: &[u8]) -> bool {
    KNOWN.iter().any(|m| m.as_bytes() == method)
}

/// Whether what follows the method ends in a version of HTTP/1; after a `known` one it may have none.
fn ends_as_a_request(rest: &[u8], known: bool) -> bool {
    if rest.ends_with(b" HTTP/1.1\r") {
        return true;
    }
    let last = rest.trim_ascii_end().rsplit(|b| is_blank(*b)).next().unwrap_or_default();
    !is_other_protocol(last) && (known || last.starts_with(b"HTTP/"))
}

/// Whether `bytes` begin with `prefix`; `None` where they are too few to tell.
pub(super) fn begins_with(bytes: &[u8], prefix: &[u8]) -> Option<bool> {
    let n = bytes.len().min(prefix.len());
    match bytes.get(..n).zip(prefix.get(..n)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)) {
        true if n < prefix.len() => None,
        same => Some(same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        use Detection::{NeedMore, No, Request, Response};
        for (bytes, detection) in [
            (&b""[..], NeedMore),
            (b"\r\n", NeedMore),
            (b"H", NeedMore),
            (b"HTTP", NeedMore),
            (b"HTTP/1.1 200", Response),
            (b"HTTP/", Response),
            (b"\r\nGET / ", Request),
            (b"GET /index.html HTTP/1.0\r\n", Request),
            (b"GET /a b HTTP/1.1\r\n", Request),
            (b"GET /\r\n", Request),
            (b"GET\r\n", Request),
            (b"LIST\r\n", No),
            (b"HEAD", NeedMore),
            (b"BREW /pot HTTP/1.1\r\n", Request),
            (b"BREW /pot", NeedMore),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", No),
            (b"OPTIONS rtsp://h/ RTSP/1.0\r\n", No),
            (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", No),
            (b"EHLO example.com\r\n", No),
            (b"220 mail ESMTP\r\n", No),
            (b"\x16\x03\x01\x02\x00\x01", No),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", No),
            (b"\0\0\x12\x04\0\0\0\0\0", No),
        ] {
            assert_eq!(detect(bytes), detection, "{}", bytes.escape_ascii());
        }
    }
}
