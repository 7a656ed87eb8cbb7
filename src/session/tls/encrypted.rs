//! Records behind the keys: their types and lengths, which is all that shows.

use super::record::{ContentType, RecordHeader};
use crate::base::FrameRef;

/// How many records of each side are listed one by one: enough for the longest flight of a TLS 1.3 server
/// (EncryptedExtensions, CertificateRequest, Certificate, CertificateVerify, Finished) and its tickets.
pub(super) const LISTED_RECORDS: usize = 8;

/// One encrypted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncryptedRecord {
    /// What its header says it carries.
    pub content_type: ContentType,
    /// Bytes after the header.
    pub len: u16,
    /// The frame that completes it, or the latest with its header while it is incomplete.
    pub frame: FrameRef,
    /// Whether all of it has passed.
    pub complete: bool,
}

impl EncryptedRecord {
    pub(super) const fn new(header: RecordHeader, frame: FrameRef, complete: bool) -> Self {
        Self { content_type: header.content_type, len: header.len, frame, complete }
    }
}

/// The encrypted records of one side. Early data (0-RTT) is counted apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncryptedRecords {
    /// Records of type handshake: Finished up to TLS 1.2, and renegotiations.
    pub handshake: u64,
    /// The frame that completes the first of them.
    pub first_handshake: Option<FrameRef>,
    /// Records of type application_data; in TLS 1.3 the encrypted handshake is among them.
    pub application: u64,
    /// Bytes of those records as their headers announce them, keys' overhead included.
    pub application_bytes: u64,
    /// The frame with the header of the first of them.
    pub first_application: Option<FrameRef>,
    /// The frame with the header of the last of them.
    pub last_application: Option<FrameRef>,
    /// Records of early data, which go before the ServerHello (RFC 8446 section 2.3); in none of the other counts.
    pub early_data: u64,
    /// The first records, of any type, one by one.
    pub first: Vec<EncryptedRecord>,
    /// The last record, of any type.
    pub last: Option<EncryptedRecord>,
    /// Bytes inside of records that the capture does not have.
    pub missing: u64,
    last_is_listed: bool,
}

impl EncryptedRecords {
    /// A record begins, and may be complete at once.
    pub(super) fn begin(&mut self, record: EncryptedRecord) {
        match record.content_type {
            ContentType::APPLICATION_DATA => {
                self.application += 1;
                self.application_bytes += u64::from(record.len);
                self.first_application.get_or_insert(record.frame);
                self.last_application = Some(record.frame);
            }
            ContentType::HANDSHAKE => {
                self.handshake += 1;
                if record.complete {
                    self.first_handshake.get_or_insert(record.frame);
                }
            }
            _ => {}
        }
        self.last_is_listed = self.first.len() < LISTED_RECORDS;
        if self.last_is_listed {
            if self.first.capacity() == 0 {
                self.first = Vec::with_capacity(LISTED_RECORDS / 2);
            }
            self.first.push(record);
        }
        self.last = Some(record);
    }

    /// The last record that began is complete with `frame`.
    pub(super) fn end(&mut self, frame: FrameRef) {
        let Some(last) = &mut self.last else { return };
        (last.frame, last.complete) = (frame, true);
        if last.content_type == ContentType::HANDSHAKE {
            self.first_handshake.get_or_insert(frame);
        }
        if let Some(listed) = self.first.last_mut().filter(|_| self.last_is_listed) {
            *listed = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    fn begun(content_type: ContentType, len: u16, n: u64) -> EncryptedRecord {
        EncryptedRecord { content_type, len, frame: frame(n), complete: false }
    }

    #[test]
    fn counts_go_on_after_the_list_is_full() {
        let mut records = EncryptedRecords::default();
        for n in 1..=20 {
            records.begin(begun(ContentType::APPLICATION_DATA, 100, n));
            records.end(frame(n + 1));
        }
        assert_eq!((records.application, records.application_bytes, records.first.len()), (20, 2000, LISTED_RECORDS));
        assert_eq!((records.first_application, records.last_application), (Some(frame(1)), Some(frame(20))));
        assert_eq!(records.first.last().map(|r| r.frame), Some(frame(9)));
        assert_eq!(records.last.map(|r| (r.frame, r.complete)), Some((frame(21), true)));
    }

    #[test]
    fn a_record_that_comes_whole_is_the_same_as_one_that_ends_at_once() {
        for kind in [ContentType::HANDSHAKE, ContentType::APPLICATION_DATA, ContentType::ALERT] {
            let (mut whole, mut ended) = (EncryptedRecords::default(), EncryptedRecords::default());
            whole.begin(EncryptedRecord { complete: true, ..begun(kind, 40, 1) });
            ended.begin(begun(kind, 40, 1));
            ended.end(frame(1));
            assert_eq!(whole, ended);
        }
    }

    #[test]
    fn a_record_that_never_ends_stays_incomplete() {
        let mut records = EncryptedRecords::default();
        records.begin(begun(ContentType::HANDSHAKE, 40, 1));
        assert_eq!((records.first_handshake, records.first[0].complete), (None, false));
        records.begin(begun(ContentType::HANDSHAKE, 40, 2));
        records.end(frame(3));
        assert_eq!(records.first_handshake, Some(frame(3)));
        assert_eq!(records.first.iter().map(|r| r.complete).collect::<Vec<_>>(), [false, true]);
    }
}
