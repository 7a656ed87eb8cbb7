//! One direction: frame after frame (RFC 6455 section 5.2).

use super::Close;
use crate::base::FrameRef;

/// The largest header: two bytes, a length of eight, a masking key of four.
const MAX_HEADER: usize = 14;

/// Bytes of a Close's payload that matter: its status code.
const CODE: usize = 2;

/// The opcode of Close.
const CLOSE: u8 = 0x8;

/// Where the next byte belongs.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    header: [u8; MAX_HEADER],
    /// Bytes of `header` that are there; 0 between frames.
    held: usize,
    /// Bytes of the payload that are still to come.
    payload: u64,
    /// The masking key, and the bytes of the status code so far, where the frame is a Close whose code is being read.
    code: Option<([u8; 4], [u8; CODE], usize)>,
}

/// What a direction shows.
pub(super) enum Event {
    /// A frame begins.
    Frame,
    /// It is a Close.
    Close,
    /// The status code of the Close that began last.
    Code(u16),
    /// This is no frame.
    Malformed,
}

impl Reader {
    /// Reads on, and tells what begins.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Event)) {
        while !bytes.is_empty() {
            if self.payload > 0 {
                bytes = self.skip(bytes, &mut tell);
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else { return };
            bytes = rest;
            if let Some(place) = self.header.get_mut(self.held) {
                *place = byte;
                self.held += 1;
            }
            if self.held >= 2 && self.held >= self.header_len() {
                let Some(events) = self.begin() else { return tell(Event::Malformed) };
                tell(Event::Frame);
                if events {
                    tell(Event::Close);
                }
            }
        }
    }

    /// Skips bytes that are not there; says whether it is still known where the next frame begins.
    pub(super) fn skip_missing(&mut self, len: u64) -> bool {
        let within = self.held == 0 && len <= self.payload;
        self.payload = self.payload.saturating_sub(len);
        self.code = None;
        within
    }

    fn skip<'a>(&mut self, bytes: &'a [u8], tell: &mut impl FnMut(Event)) -> &'a [u8] {
        let here = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
        let (payload, rest) = bytes.split_at_checked(here).unwrap_or((bytes, &[]));
        self.payload -= payload.len() as u64;
        let Some((key, mut code, mut read)) = self.code.take() else { return rest };
        for (byte, place) in payload.iter().zip(code.iter_mut().skip(read)) {
            *place = byte ^ key.get(read).copied().unwrap_or_default();
            read += 1;
        }
        if read == CODE {
            tell(Event::Code(u16::from_be_bytes(code)));
        } else {
            self.code = Some((key, code, read));
        }
        rest
    }

    fn header_len(&self) -> usize {
        let [_, second, ..] = self.header;
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if second & 0x80 == 0 { 0 } else { 4 }
    }

    /// A header is whole: whether the frame is a Close; `None` where it is no frame.
    fn begin(&mut self) -> Option<bool> {
        let [first, second, ..] = self.header;
        let (opcode, masked, short) = (first & 0x0f, second & 0x80 != 0, second & 0x7f);
        let extended = self.header.get(2..10)?;
        self.payload = match short {
            126 => u64::from(u16::from_be_bytes(*extended.first_chunk()?)),
            127 => u64::from_be_bytes(*extended.first_chunk()?),
            length => u64::from(length),
        };
        let control = opcode & 0x8 != 0;
        let known = matches!(opcode, 0x0..=0x2 | CLOSE..=0xa) && !(control && (short > 125 || first & 0x80 == 0));
        let key = if masked { *self.header.get(self.held - 4..self.held)?.first_chunk()? } else { [0; 4] };
        self.held = 0;
        self.code = (opcode == CLOSE && self.payload >= CODE as u64).then_some((key, [0; CODE], 0));
        known.then_some(opcode == CLOSE)
    }
}

impl Close {
    pub(super) const fn new(frame: FrameRef) -> Self {
        Self { frame, code: None }
    }
}
