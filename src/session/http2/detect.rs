//! Is this HTTP/2?

use super::frame::{Header, Kind};

/// What a client says first (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest first SETTINGS frame that is taken for one without further proof.
const LARGEST_SETTINGS: u32 = 6 * 32;

/// What the first bytes of a direction are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// The preface of a client.
    Preface,
    /// A SETTINGS frame, with which a server begins.
    Settings,
    /// Not HTTP/2.
    No,
    /// Too few bytes to tell.
    NeedMore,
}

/// First bytes of a direction (there may be few): does HTTP/2 begin here?
#[must_use]
#[inline]
pub fn detect(first_bytes: &[u8]) -> Detection {
    match first_bytes.first() {
        // A first frame is a short one.
        Some(b'P' | 0) => compare(first_bytes),
        Some(_) => Detection::No,
        None => Detection::NeedMore,
    }
}

fn compare(first_bytes: &[u8]) -> Detection {
    let n = first_bytes.len().min(PREFACE.len());
    if first_bytes.get(..n) == PREFACE.get(..n) {
        return if n == PREFACE.len() { Detection::Preface } else { Detection::NeedMore };
    }
    match first_bytes.first_chunk::<{ Header::LEN }>() {
        Some(bytes) if begins_a_server(Header::read(*bytes)) => Detection::Settings,
        Some(_) => Detection::No,
        None if first_bytes.iter().zip(&[0, 0]).all(|(a, b)| a == b) && may_be_settings(first_bytes) => {
            Detection::NeedMore
        }
        None => Detection::No,
    }
}

/// The SETTINGS frame that is the preface of a server: not an acknowledgement, on stream 0.
fn begins_a_server(header: Header) -> bool {
    let entries = header.len <= LARGEST_SETTINGS && header.len.is_multiple_of(6);
    header.kind == Kind::SETTINGS && header.flags == 0 && header.stream == 0 && entries
}

/// Whether a few first bytes may be the beginning of one.
fn may_be_settings(bytes: &[u8]) -> bool {
    let kind = bytes.get(3).is_none_or(|kind| *kind == Kind::SETTINGS.0);
    kind && bytes.get(4..).unwrap_or_default().iter().all(|b| *b == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        use Detection::{NeedMore, No, Preface, Settings};
        for (bytes, detection) in [
            (&b""[..], NeedMore),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04", Preface),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Preface),
            (b"PRI * HTTP/2.0\r\n", NeedMore),
            (b"PRI /x HTTP/1.1\r\n", No),
            (b"POST / HTTP/1.1\r\n", No),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Settings),
            (b"\0\0\0\x04\0\0\0\0\0", Settings),
            (b"\0\0\x12\x04", NeedMore),
            (b"\0", NeedMore),
            // An acknowledgement, seven bytes, a stream, another type.
            (b"\0\0\0\x04\x01\0\0\0\0", No),
            (b"\0\0\x07\x04\0\0\0\0\0", No),
            (b"\0\0\x06\x04\0\0\0\0\x01", No),
            (b"\0\0\x08\x07\0\0\0\0\0", No),
            (b"\0\x01", No),
            (b"\x16\x03\x01\x02\x00\x01", No),
        ] {
            assert_eq!(detect(bytes), detection, "{}", bytes.escape_ascii());
        }
    }
}
