//! Protocol versions.

use std::borrow::Cow;

use super::{GREASE, is_grease};

/// The name of protocol version `code`: `TLS 1.2`, `SSL 3.0`, `TLS 1.3 draft 23`.
#[must_use]
pub fn version_name(code: u16) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match code {
        0x0002 => "SSL 2.0",
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        // RFC 8446 did without, its drafts wrote their number into the low byte (draft-ietf-tls-tls13-28 section 4.2.1.1).
        0x7f00..=0x7fff => return Some(Cow::Owned(format!("TLS 1.3 draft {}", code & 0xff))),
        _ if is_grease(code) => GREASE,
        _ => return None,
    }))
}

/// Whether a connection of this version encrypts everything after the ServerHello: TLS 1.3, its drafts (0x7fXX)
/// and its private variants (0x7eXX, with which a browser tried it out; 0xfbXX, one large site's own).
#[must_use]
pub const fn is_tls13(version: u16) -> bool {
    version == 0x0304 || matches!(version >> 8, 0x7e | 0x7f | 0xfb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_as_people_write_them() {
        for (code, name) in [
            (0x0300, Some("SSL 3.0")),
            (0x0303, Some("TLS 1.2")),
            (0x7f17, Some("TLS 1.3 draft 23")),
            (0xdada, Some("GREASE")),
            (0x002c, None),
        ] {
            assert_eq!(version_name(code).as_deref(), name, "{code:#06x}");
        }
    }
}
