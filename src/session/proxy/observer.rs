//! The headers of one connection.

use crate::base::FrameRef;

use super::header::Header;
use super::reader::{Progress, Reader};

/// Headers in a row: each proxy on the way may add one, and no way is that long.
const MAX_HEADERS: u8 = 4;

/// Reads the header, or headers, with which a connection begins.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    reading: Option<Reader>,
    /// The first one on the wire: the one that the receiver reads.
    header: Option<Header>,
    begun: u8,
    lost: bool,
}

impl Observer {
    /// A header begins in this packet.
    pub fn begin(&mut self, frame: FrameRef) {
        self.begun = self.begun.saturating_add(1);
        self.reading = Some(Reader::new(frame));
    }

    /// Whether bytes still belong to a header.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Whether a header has no end: what follows cannot be told from it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether no further header is looked for.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.begun >= MAX_HEADERS
    }

    /// Takes what belongs to the header of the next bytes, and says how many those were.
    pub fn data(&mut self, bytes: &[u8], frame: FrameRef) -> usize {
        let Some(reader) = &mut self.reading else { return 0 };
        let (taken, progress) = reader.data(bytes, frame);
        self.settle(progress);
        taken
    }

    /// Bytes that are not in the capture; says how many of them lie beyond the header, or may.
    pub fn gap(&mut self, len: u64) -> u64 {
        let Some(reader) = &mut self.reading else { return len };
        let (beyond, progress) = reader.gap(len);
        self.settle(progress);
        beyond
    }

    /// What was seen, once nothing more will come.
    #[must_use]
    pub fn finish(mut self) -> Option<Header> {
        self.put_away(false);
        self.header
    }

    fn settle(&mut self, progress: Progress) {
        match progress {
            Progress::More => {}
            Progress::Over => self.put_away(true),
            Progress::Lost => {
                self.put_away(false);
                self.lost = true;
            }
        }
    }

    fn put_away(&mut self, ended: bool) {
        let Some(read) = self.reading.take().map(|reader| reader.finish(ended)) else { return };
        match &mut self.header {
            Some(first) => first.second = first.second.or(Some(read.frame)),
            None => self.header = Some(read),
        }
    }
}
