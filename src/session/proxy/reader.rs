//! The bytes of one header, as they come.
//!
//! ```text
//!   Line --- CRLF ---------------------------------------------> over
//!   Fixed --- 16 bytes ---> Rest --- as many as the length says ---> over
//!     any --- bytes that are missing, where the end is not known ---> over
//! ```

use crate::base::FrameRef;

use super::header::{Command, Fault, Header, Transport};
use super::tlv::Extras;
use super::{v1, v2};

/// Gathers one header.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    first: FrameRef,
    last: FrameRef,
    /// What is kept of it.
    bytes: Vec<u8>,
    /// How much of it came, or is known to be missing.
    len: usize,
    /// No byte of it is missing so far.
    whole: bool,
}

/// Where a header stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    More,
    /// It is over; what follows it is the connection's own.
    Over,
    /// It has no end that can be found.
    Lost,
}

impl Reader {
    pub(super) fn new(frame: FrameRef) -> Reader {
        Reader { first: frame, last: frame, bytes: Vec::new(), len: 0, whole: true }
    }

    /// Takes what belongs to the header of the next bytes; says how many those were, and how it stands.
    pub(super) fn data(&mut self, bytes: &[u8], frame: FrameRef) -> (usize, Progress) {
        self.last = frame;
        let mut taken = 0;
        loop {
            let missing = match self.missing() {
                Ok(0) => return (taken, Progress::Over),
                Ok(missing) => missing,
                Err(lost) => return (taken, lost),
            };
            let rest = bytes.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                return (taken, Progress::More);
            }
            let some = rest.get(..missing).unwrap_or(rest);
            // What comes after a gap would be taken for something else.
            let keep = if self.whole { v2::MAX_HEADER.saturating_sub(self.bytes.len()) } else { 0 };
            self.bytes.extend_from_slice(some.get(..keep).unwrap_or(some));
            self.len += some.len();
            taken += some.len();
        }
    }

    /// Bytes that are not in the capture; says how many of them lie beyond the header, or may, and how it stands.
    pub(super) fn gap(&mut self, len: u64) -> (u64, Progress) {
        self.whole = false;
        let known = v2::len(&self.bytes).filter(|_| self.is_binary()).map(|all| all.saturating_sub(self.len) as u64);
        match known {
            Some(missing) if len < missing => {
                self.len += usize::try_from(len).unwrap_or(usize::MAX);
                (0, Progress::More)
            }
            Some(missing) => {
                self.len += usize::try_from(missing).unwrap_or(usize::MAX);
                (len - missing, Progress::Over)
            }
            None => (len, Progress::Over),
        }
    }

    /// What it says. `ended` tells whether its end was met.
    pub(super) fn finish(self, ended: bool) -> Header {
        let binary = self.is_binary();
        let mut header = Header {
            frame: self.first,
            last_frame: self.last,
            version: if binary { 2 } else { 1 },
            command: Command::Proxy,
            transport: Transport::Unspecified,
            source: None,
            destination: None,
            len: self.len as u64,
            whole: self.whole && ended,
            fault: None,
            extras: Extras::default(),
            second: None,
        };
        if binary {
            v2::read(&self.bytes, &mut header);
        } else if header.whole {
            v1::read(&self.bytes, &mut header);
        } else if self.bytes.len() >= v1::MAX_LINE {
            header.fault = Some(Fault::Endless);
        }
        header
    }

    /// How many bytes can be taken before looking again: none where the header is over.
    fn missing(&self) -> Result<usize, Progress> {
        if self.is_binary() {
            return Ok(v2::len(&self.bytes).unwrap_or(v2::FIXED).saturating_sub(self.len));
        }
        // Byte by byte, so that a line is never read beyond its end. It is short.
        match self.bytes.last() {
            Some(b'\n') => Ok(0),
            _ if self.bytes.len() >= v1::MAX_LINE => Err(Progress::Lost),
            _ => Ok(1),
        }
    }

    fn is_binary(&self) -> bool {
        self.bytes.starts_with(b"\r")
    }
}
