//! The record layer: five bytes before everything (RFC 8446 section 5.1, RFC 5246 section 6.2.1).

/// The longest record anybody may send, in bytes after the header: 2^14 of plaintext and 2,048 of protection
/// (RFC 5246 section 6.2.3; TLS 1.3 allows only 256, but the version is not known at the first record).
pub(super) const MAX_RECORD: u16 = (1 << 14) + 2048;

/// What a record carries (RFC 8446 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentType(pub u8);

impl ContentType {
    /// The keys change from here on; an empty gesture in TLS 1.3 (RFC 8446 appendix D.4).
    pub const CHANGE_CIPHER_SPEC: Self = Self(20);
    /// An alert, in clear or encrypted.
    pub const ALERT: Self = Self(21);
    /// Handshake messages, or parts of them.
    pub const HANDSHAKE: Self = Self(22);
    /// Application data; in TLS 1.3 everything that is encrypted.
    pub const APPLICATION_DATA: Self = Self(23);
    /// Heartbeat (RFC 6520).
    pub const HEARTBEAT: Self = Self(24);

    /// Whether TLS over TCP knows this type.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self.0, 20..=24)
    }
}

/// The header of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordHeader {
    /// What the record carries.
    pub content_type: ContentType,
    /// `legacy_record_version`, which promises nothing about the version of the connection.
    pub version: u16,
    /// Bytes that follow the header.
    pub len: u16,
}

impl RecordHeader {
    /// Length of a header in bytes.
    pub const LEN: usize = 5;

    /// Takes a header apart.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [content_type, major, minor, high, low] = bytes;
        Self {
            content_type: ContentType(content_type),
            version: u16::from_be_bytes([major, minor]),
            len: u16::from_be_bytes([high, low]),
        }
    }

    /// The header at the start of `bytes`, where all of it is there.
    #[must_use]
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied().map(Self::from_bytes)
    }

    /// Whether this can be the header of a record at all.
    #[must_use]
    pub const fn is_possible(self) -> bool {
        self.content_type.is_known() && self.version >> 8 == 3 && self.len <= MAX_RECORD
    }

    /// Whether this is what real endpoints send, for places where five random bytes must not pass for a header.
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        let len_fits = match self.content_type {
            ContentType::CHANGE_CIPHER_SPEC => self.len == 1,
            // Two bytes in clear; a MAC or a tag, and nothing to spare, when encrypted.
            ContentType::ALERT => self.len == 2 || (self.len >= 18 && self.len <= 256),
            ContentType::HANDSHAKE => self.len >= 4,
            _ => self.len > 0,
        };
        self.is_possible() && self.version & 0xff <= 4 && len_fits
    }
}

/// Whether `bytes`, found after a hole, begin with a record: a plausible header, and another where it would end.
pub(super) fn starts_record(bytes: &[u8]) -> bool {
    let Some(header) = RecordHeader::peek(bytes) else { return false };
    let next = bytes.get(RecordHeader::LEN + usize::from(header.len)..).and_then(RecordHeader::peek);
    header.is_plausible() && next.is_none_or(RecordHeader::is_plausible)
}

/// A header of which some bytes have come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartialHeader {
    bytes: [u8; RecordHeader::LEN],
    have: u8,
}

/// What a header came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// All five bytes, which may still say something impossible.
    Whole([u8; RecordHeader::LEN]),
    /// More must come.
    Partial,
}

impl PartialHeader {
    /// Moves bytes from the front of `bytes` until the header is whole.
    pub(super) fn fill(&mut self, bytes: &mut &[u8]) -> Filled {
        if self.have == 0
            && let Some((whole, rest)) = bytes.split_first_chunk()
        {
            *bytes = rest;
            return Filled::Whole(*whole);
        }
        while let Some(slot) = self.bytes.get_mut(usize::from(self.have)) {
            let Some((byte, rest)) = bytes.split_first() else { return Filled::Partial };
            (*slot, *bytes) = (*byte, rest);
            self.have += 1;
        }
        self.have = 0;
        Filled::Whole(self.bytes)
    }

    /// The bytes so far.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.have)).unwrap_or_default()
    }

    /// Whether the bytes so far can still become a header.
    pub(super) const fn is_possible(self) -> bool {
        let [content_type, major, ..] = self.bytes;
        (self.have < 1 || ContentType(content_type).is_known()) && (self.have < 2 || major == 3)
    }

    /// Whether the bytes so far can still become an SSLv2 hello, whose length has its top bit set.
    pub(super) const fn may_be_ssl2(self) -> bool {
        self.bytes[0] & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_held_against_what_endpoints_send() {
        for (bytes, possible, plausible) in [
            ([22, 3, 1, 0, 200], true, true),
            ([23, 3, 3, 0x48, 0], true, true),
            ([23, 3, 3, 0x48, 1], false, false),
            ([21, 3, 3, 0, 2], true, true),
            ([21, 3, 3, 0, 9], true, false),
            ([20, 3, 3, 0, 2], true, false),
            ([22, 3, 9, 0, 200], true, false),
            ([22, 2, 1, 0, 200], false, false),
            (*b"HTTP/", false, false),
        ] {
            let header = RecordHeader::from_bytes(bytes);
            assert_eq!((header.is_possible(), header.is_plausible()), (possible, plausible), "{bytes:?}");
        }
    }

    #[test]
    fn after_a_hole_a_second_header_must_follow_the_first() {
        assert!(starts_record(&[20, 3, 3, 0, 1, 1]));
        assert!(starts_record(&[20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40]));
        assert!(!starts_record(&[20, 3, 3, 0, 1, 1, 99, 3, 3, 0, 40]));
        assert!(!starts_record(&[20, 3, 3, 0]));
    }

    #[test]
    fn a_header_may_come_byte_by_byte() {
        let mut header = PartialHeader::default();
        for byte in [22, 3, 3, 0] {
            assert_eq!(header.fill(&mut &[byte][..]), Filled::Partial);
            assert!(header.is_possible());
        }
        let mut rest: &[u8] = &[7, 99];
        assert_eq!(header.fill(&mut rest), Filled::Whole([22, 3, 3, 0, 7]));
        assert_eq!(rest, [99]);
        assert_eq!(header.have, 0);
    }
}
