//! Fields that have a number (RFC 7541 section 2.3 and appendix A).

use super::super::field::FieldDefect;
use std::collections::VecDeque;

/// What an entry counts beside its bytes (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// A field, and what any message would be wrong with that has it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    pub(super) value: Box<[u8]>,
    /// Judged once, so that a field of one byte that names a long one costs no more than its byte.
    pub(super) defect: Option<FieldDefect>,
}

/// The fields that were sent so far, the last first.
#[derive(Debug, Clone, Default)]
pub(super) struct Dynamic {
    entries: VecDeque<Entry>,
    size: usize,
}

impl Dynamic {
    /// Its size (RFC 7541 section 4.1), in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The entry with this number, from 0.
    pub(super) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// Adds an entry in front; one that does not fit empties the table (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, entry: Entry, max: usize) {
        let size = size(&entry);
        self.shrink(max.saturating_sub(size));
        if size <= max {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    /// Drops the oldest entries until the rest fits.
    pub(super) fn shrink(&mut self, max: usize) {
        while self.size > max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= size(&oldest);
        }
    }
}

fn size(entry: &Entry) -> usize {
    entry.name.len() + entry.value.len() + OVERHEAD
}

/// Appendix A, from number 1.
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
