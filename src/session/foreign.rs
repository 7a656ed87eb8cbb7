//! The first bytes of a side, while or because nobody knows what it speaks.

use crate::base::FrameRef;

/// Bytes kept of them: enough to tell every protocol that is told, and to show a banner.
const MAX_PREFIX: usize = 48;

/// What a side said first that is neither TLS nor HTTP/1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The packet that carried the first of them.
    pub frame: FrameRef,
    /// The first bytes, at most 48.
    pub bytes: Vec<u8>,
}

/// First bytes being gathered.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    frame: FrameRef,
    bytes: [u8; MAX_PREFIX],
    len: usize,
    /// What comes next does not go on with them.
    sealed: bool,
}

impl Prefix {
    /// With this many bytes every protocol that can be told is told.
    pub(super) const ENOUGH: usize = 32;

    pub(super) fn new(frame: FrameRef) -> Prefix {
        Prefix { frame, bytes: [0; MAX_PREFIX], len: 0, sealed: false }
    }

    /// Bytes with which the next ones go on.
    pub(super) fn held(&self) -> usize {
        if self.sealed { 0 } else { self.len }
    }

    /// A hole comes after the bytes.
    pub(super) fn seal(&mut self) {
        self.sealed = true;
    }

    pub(super) fn frame(&self) -> FrameRef {
        self.frame
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.sealed {
            return;
        }
        for (place, &byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *place = byte;
            self.len += 1;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn into_foreign(self) -> Foreign {
        Foreign { frame: self.frame, bytes: self.bytes().to_vec() }
    }
}
