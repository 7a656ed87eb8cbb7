//! One direction, cut into frames.
//!
//! ```text
//! preface -> head of a frame -> payload -> head of a frame -> ...
//!    |            |                |
//!    +------------+---- hole ------+--> lost: the next frame cannot be found
//! ```

use super::detect::PREFACE;
use super::frame::{Header, Kind};
use crate::base::FrameRef;
use std::borrow::Cow;

/// Bytes kept of a header block, over all its frames: as much as a handshake message of TLS may have.
pub const MAX_BLOCK: usize = 64 * 1024;

/// Bytes kept of the payload of a frame that is neither DATA nor of a header block. GOAWAY carries a text.
pub const MAX_CONTROL: usize = 1_024;

/// A buffer that grew beyond this is not kept for the next frame.
const KEPT: usize = 1_024;

/// What a direction is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The preface, of which so many bytes came.
    Preface(usize),
    /// The head of a frame, of which so many bytes came.
    Head(usize),
    /// A payload, of which so many bytes are to come.
    Payload(Header, u32),
    /// Nobody knows what.
    Lost,
}

/// One direction.
#[derive(Debug, Clone)]
pub(super) struct Half {
    at: At,
    head: [u8; Header::LEN],
    kept: Vec<u8>,
    /// The capture's frame with the first byte of the frame that is being read.
    pub(super) since: Option<FrameRef>,
    /// Bytes that came before the ones that come next.
    pub(super) offset: u64,
    /// Where the frame that is being read begins.
    pub(super) began_at: u64,
    /// Frames that begin in this direction.
    pub(super) frames: u64,
}

/// What the next bytes of a direction are.
#[derive(Debug)]
pub(super) enum Piece<'b> {
    /// The end of the preface.
    Preface,
    /// The head of a frame.
    Head(Header),
    /// Bytes of a payload that is not kept; the last of it where so said.
    Part(Header, &'b [u8], bool),
    /// A whole payload; where it is too long, as much as is kept.
    Whole(Header, Cow<'b, [u8]>),
    /// The bytes are not the preface.
    NoPreface,
}

impl Half {
    /// A direction that begins with the preface, or with a frame.
    pub(super) fn new(has_preface: bool) -> Half {
        Half {
            at: if has_preface { At::Preface(0) } else { At::Head(0) },
            head: [0; Header::LEN],
            kept: Vec::new(),
            since: None,
            offset: 0,
            began_at: 0,
            frames: 0,
        }
    }

    /// The head of the frame that is being read.
    pub(super) fn head_bytes(&self) -> [u8; Header::LEN] {
        self.head
    }

    /// Gives up.
    pub(super) fn lose(&mut self) {
        self.at = At::Lost;
        self.kept = Vec::new();
    }

    /// The next piece of `bytes`, which it steps over.
    pub(super) fn next<'b>(&mut self, bytes: &mut &'b [u8], frame: FrameRef) -> Option<Piece<'b>> {
        match self.at {
            // A payload of no bytes is over without any.
            At::Payload(header, left) if left > 0 || !is_kept(header) => self.payload(header, left, bytes),
            At::Payload(header, _) => Some(self.whole(header, Cow::Borrowed(&[]))),
            _ if bytes.is_empty() => None,
            At::Preface(have) => self.preface(have, bytes),
            At::Head(have) => self.head(have, bytes, frame),
            At::Lost => {
                self.step(bytes, bytes.len());
                None
            }
        }
    }

    /// Takes bytes from the front.
    fn step<'b>(&mut self, bytes: &mut &'b [u8], n: usize) -> &'b [u8] {
        let (taken, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
        *bytes = rest;
        self.offset += taken.len() as u64;
        taken
    }

    fn preface<'b>(&mut self, have: usize, bytes: &mut &'b [u8]) -> Option<Piece<'b>> {
        let due = PREFACE.get(have..).unwrap_or_default();
        let n = due.len().min(bytes.len());
        if bytes.get(..n) != due.get(..n) {
            self.lose();
            return Some(Piece::NoPreface);
        }
        self.step(bytes, n);
        if n < due.len() {
            self.at = At::Preface(have + n);
            return None;
        }
        self.at = At::Head(0);
        Some(Piece::Preface)
    }

    fn head<'b>(&mut self, have: usize, bytes: &mut &'b [u8], frame: FrameRef) -> Option<Piece<'b>> {
        if have == 0 {
            (self.since, self.began_at) = (Some(frame), self.offset);
        }
        let taken = self.step(bytes, Header::LEN - have);
        for (place, byte) in self.head.iter_mut().skip(have).zip(taken) {
            *place = *byte;
        }
        let have = have + taken.len();
        if have < Header::LEN {
            self.at = At::Head(have);
            return None;
        }
        let header = Header::read(self.head);
        self.at = At::Payload(header, header.len);
        self.frames += 1;
        Some(Piece::Head(header))
    }

    fn payload<'b>(&mut self, header: Header, left: u32, bytes: &mut &'b [u8]) -> Option<Piece<'b>> {
        if bytes.is_empty() && left > 0 {
            return None;
        }
        let taken = self.step(bytes, left as usize);
        let left = left - taken.len() as u32;
        self.at = At::Payload(header, left);
        let ends = left == 0;
        if !is_kept(header) {
            if ends {
                self.at = At::Head(0);
            }
            return Some(Piece::Part(header, taken, ends));
        }
        if ends && self.kept.is_empty() {
            let kept = taken.get(..room(header)).unwrap_or(taken);
            return Some(self.whole(header, Cow::Borrowed(kept)));
        }
        let room = room(header).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(taken.get(..room).unwrap_or(taken));
        ends.then(|| {
            let kept = std::mem::take(&mut self.kept);
            self.whole(header, Cow::Owned(kept))
        })
    }

    fn whole<'b>(&mut self, header: Header, payload: Cow<'b, [u8]>) -> Piece<'b> {
        self.at = At::Head(0);
        Piece::Whole(header, payload)
    }

    /// Gives a buffer back.
    pub(super) fn give_back(&mut self, payload: Cow<'_, [u8]>) {
        if let Cow::Owned(mut buffer) = payload
            && buffer.capacity() <= KEPT
        {
            buffer.clear();
            self.kept = buffer;
        }
    }

    /// A hole: the frame of which it is a part of the payload, if it lies within one that is not kept, and whether the
    /// payload ends with it. Else the direction is lost.
    pub(super) fn gap(&mut self, len: u64) -> Option<(Header, u32, bool)> {
        self.offset += len;
        match (self.at, u32::try_from(len)) {
            (At::Payload(header, left), Ok(len)) if len <= left && !is_kept(header) => {
                let ends = len == left;
                self.at = if ends { At::Head(0) } else { At::Payload(header, left - len) };
                Some((header, len, ends))
            }
            _ => {
                self.lose();
                None
            }
        }
    }
}

/// Whether the payload is kept until it is whole.
fn is_kept(header: Header) -> bool {
    header.kind != Kind::DATA && header.kind.name().is_some()
}

fn room(header: Header) -> usize {
    if header.kind.has_block() { MAX_BLOCK } else { MAX_CONTROL }
}
