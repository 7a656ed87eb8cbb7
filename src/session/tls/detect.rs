//! Is this TLS? Asked once for each direction, of its first bytes.

use super::record::{ContentType, RecordHeader};
use super::ssl2;

/// What the first bytes of a direction look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detection {
    /// The start of a TLS stream, or of an SSLv2 hello.
    Yes(Sender),
    /// Something else.
    No,
    /// Too few bytes to tell; those that are there do not speak against it.
    NeedMore,
}

/// Which end sends such bytes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A ClientHello, or a later message that only clients send.
    Client,
    /// A ServerHello, or a later message that only servers send.
    Server,
    /// Either end: an alert, or a stream joined in its middle.
    Either,
}

/// Says whether `first_bytes`, the start of a direction, begin a TLS stream.
///
/// Six bytes settle it. A stream that was joined between two records is recognised too; one that was joined within a
/// record is not, as encrypted bytes look like nothing.
#[must_use]
#[inline]
pub fn detect(first_bytes: &[u8]) -> Detection {
    match first_bytes.first() {
        Some(&b) if ContentType(b).is_known() => detect_record(first_bytes),
        Some(0x80..) => ssl2::detect(first_bytes),
        Some(_) => Detection::No,
        None => Detection::NeedMore,
    }
}

fn detect_record(bytes: &[u8]) -> Detection {
    let Some(header) = RecordHeader::peek(bytes) else {
        let type_fits = bytes.first().is_none_or(|&b| ContentType(b).is_known());
        let major_fits = bytes.get(1).is_none_or(|&b| b == 3);
        return if type_fits && major_fits { Detection::NeedMore } else { Detection::No };
    };
    if !header.is_plausible() {
        return Detection::No;
    }
    if header.content_type != ContentType::HANDSHAKE {
        return Detection::Yes(Sender::Either);
    }
    match bytes.get(RecordHeader::LEN) {
        None => Detection::NeedMore,
        Some(1 | 16) => Detection::Yes(Sender::Client),
        Some(0 | 2 | 12..=14 | 22) => Detection::Yes(Sender::Server),
        Some(_) => Detection::Yes(Sender::Either),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_tls_from_the_rest() {
        for (bytes, answer) in [
            (&[][..], Detection::NeedMore),
            (&[22], Detection::NeedMore),
            (&[22, 3, 1, 2], Detection::NeedMore),
            (&[22, 3, 1, 0, 200], Detection::NeedMore),
            (&[22, 3, 1, 0, 200, 1], Detection::Yes(Sender::Client)),
            (&[22, 3, 3, 0, 200, 2], Detection::Yes(Sender::Server)),
            (&[22, 3, 3, 0, 200, 77], Detection::Yes(Sender::Either)),
            (&[21, 3, 3, 0, 2, 2, 40], Detection::Yes(Sender::Either)),
            (&[23, 3, 3, 1, 0], Detection::Yes(Sender::Either)),
            (&[23, 3, 3, 0xff, 0], Detection::No),
            (&[22, 4], Detection::No),
            (b"HTTP/1.1 400 Bad", Detection::No),
            (b"PROXY TCP4", Detection::No),
            (&[0x80, 0x2e, 1, 3, 1, 0], Detection::Yes(Sender::Client)),
            (&[0x80], Detection::NeedMore),
            (&[0x80, 0x2e, 7, 3, 1], Detection::No),
        ] {
            assert_eq!(detect(bytes), answer, "{bytes:?}");
        }
    }
}
