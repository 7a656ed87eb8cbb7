//! TLS: records, handshake messages and alerts stay; what they protect does not.

use crate::session::tls::{ContentType, RecordHeader};

use super::side::Out;
use super::{BLANK, foreign};

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Records {
    head: Vec<u8>,
    /// Bytes of the record in hand that are to come, and whether they stay.
    left: u64,
    stays: bool,
    /// The next record cannot be found.
    lost: bool,
    /// No record begins any more.
    closed: bool,
    begun: bool,
}

impl Records {
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut Out) {
        if self.lost && !self.closed {
            self.lost = !begins(bytes);
        }
        while !bytes.is_empty() {
            if self.closed || self.lost {
                out.fill(BLANK, bytes.len() as u64);
                return;
            }
            if self.left > 0 {
                let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (part, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
                self.payload(part, out);
                bytes = rest;
                continue;
            }
            let missing = RecordHeader::LEN.saturating_sub(self.head.len());
            let (part, rest) = bytes.split_at_checked(missing.min(bytes.len())).unwrap_or((bytes, &[]));
            self.head.extend_from_slice(part);
            bytes = rest;
            if self.head.len() == RecordHeader::LEN {
                self.header(out);
            }
        }
    }

    fn header(&mut self, out: &mut Out) {
        let head = std::mem::take(&mut self.head);
        let Some(header) = RecordHeader::peek(&head) else { return };
        let first = !std::mem::replace(&mut self.begun, true);
        if header.content_type.is_known() && header.version >> 8 == 3 {
            out.text(&head);
            self.left = u64::from(header.len);
            self.stays = matches!(
                header.content_type,
                ContentType::HANDSHAKE | ContentType::ALERT | ContentType::CHANGE_CIPHER_SPEC
            );
            self.closed = !header.is_possible();
        } else if let Some(len) = ssl2_record(&head).filter(|_| first) {
            // The hello of SSL 2.0 is in clear, and has no secret in it.
            out.text(&head);
            (self.left, self.stays) = (len.saturating_sub(RecordHeader::LEN) as u64, true);
        } else {
            // Where a record was due these bytes are the fault.
            foreign(&head, 0, out);
            self.closed = true;
        }
    }

    fn payload(&mut self, part: &[u8], out: &mut Out) {
        self.left -= part.len() as u64;
        if self.stays {
            out.kept(part);
            out.text(part);
        } else {
            out.removed(part);
            out.fill(BLANK, part.len() as u64);
        }
    }

    /// A hole: within a record it is stepped over.
    pub(super) fn gap(&mut self, len: u64, out: &mut Out) {
        self.settle(out);
        out.fill(BLANK, len);
        match self.left.checked_sub(len) {
            Some(left) if self.left > 0 => self.left = left,
            _ => (self.left, self.lost) = (0, true),
        }
    }

    /// No more comes of the header in hand.
    pub(super) fn settle(&mut self, out: &mut Out) {
        let head = std::mem::take(&mut self.head);
        out.text(&head);
    }
}

/// Whether a record begins here, as far as the next one tells.
fn begins(bytes: &[u8]) -> bool {
    let Some(header) = RecordHeader::peek(bytes) else { return false };
    let next = bytes.get(RecordHeader::LEN + usize::from(header.len)..).and_then(RecordHeader::peek);
    header.is_plausible() && next.is_none_or(RecordHeader::is_plausible)
}

/// Whether bytes are the head of a record, right or wrong.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    RecordHeader::peek(bytes).is_some_and(|header| header.content_type.is_known() && header.version >> 8 == 3)
}

/// Bytes of the hello of SSL 2.0 that begins so: its length has fifteen bits (RFC 5246 appendix E.2).
fn ssl2_record(head: &[u8]) -> Option<usize> {
    match *head {
        [high, low, ..] if high & 0x80 != 0 => Some(2 + usize::from(u16::from_be_bytes([high & 0x7f, low]))),
        _ => None,
    }
}
