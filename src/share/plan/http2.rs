//! HTTP/2: frames stay, of header blocks what `field` says, of DATA nothing.
//!
//! Every later block depends on those before it, also by the lengths of their values: what is written in place of a
//! value has as many symbols, and its code as many bytes.

use std::collections::BTreeSet;

use super::field::{self, Fate};
use super::side::Out;
use super::{BLANK, Rules, foreign, phrases};
use crate::session::http2::{Kind, MAX_BLOCK, MAX_OPEN, PREFACE, Spelt, Strings, recode};

/// Bytes of a frame's head.
const HEAD: usize = 9;
/// Of a frame that is neither DATA nor of a header block so much stays.
const CONTROL: u64 = 1_024;
/// Last stream and error code of a GOAWAY, in front of its text.
const GOAWAY: u64 = 8;

const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// Why a connection has no plan.
const NO_STAND_IN: &str = "a field of HTTP/2 has a value in place of which none of the same length can be written";

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    preface: Option<usize>,
    head: Vec<u8>,
    kind: u8,
    flags: u8,
    stream: u32,
    /// Bytes of the payload that are to come, and that came.
    left: u64,
    came: u64,
    /// Of a header block: bytes of padding, and of what comes before the block.
    padding: u64,
    lead: u64,
    block: Block,
    strings: Option<Strings>,
    /// Streams whose responses are errors.
    errors: BTreeSet<u32>,
    /// A frame of DATA of such a stream.
    data: Block,
    lost: bool,
}

/// Bytes, and where in the text they are to be written.
#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Block {
    fn push(&mut self, bytes: &[u8], out: &mut Out) {
        let place = out.text(&vec![BLANK; bytes.len()]);
        self.places.extend(place..place + bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn write(&mut self, bytes: &[u8], out: &mut Out) {
        for (place, byte) in self.places.iter().zip(bytes) {
            out.patch(*place, *byte);
        }
        *self = Block::default();
    }
}

impl Frames {
    /// A direction that begins with the preface, or with a frame.
    pub(super) fn boxed(preface: bool) -> Box<Frames> {
        let strings = Some(Strings::default());
        Box::new(Frames { preface: preface.then_some(0), strings, ..Frames::default() })
    }

    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut Out, rules: &Rules) {
        while !bytes.is_empty() && !self.lost {
            if let Some(have) = self.preface {
                bytes = self.preface(have, bytes, out);
            } else if self.left > 0 {
                let n = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (part, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
                self.payload(part, out, rules);
                bytes = rest;
            } else {
                let (part, rest) =
                    bytes.split_at_checked((HEAD - self.head.len()).min(bytes.len())).unwrap_or_default();
                self.head.extend_from_slice(part);
                out.text(part);
                bytes = rest;
                self.begin(out, rules);
            }
        }
        out.removed(bytes);
        out.fill(BLANK, bytes.len() as u64);
    }

    fn preface<'b>(&mut self, have: usize, bytes: &'b [u8], out: &mut Out) -> &'b [u8] {
        let due = PREFACE.get(have..).unwrap_or_default();
        let n = due.len().min(bytes.len());
        let (part, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
        if !due.starts_with(part) {
            foreign(bytes, 0, out);
            self.lost = true;
            return &[];
        }
        out.text(part);
        self.preface = Some(have + n).filter(|have| *have < PREFACE.len());
        rest
    }

    fn begin(&mut self, out: &mut Out, rules: &Rules) {
        let [a, b, c, kind, flags, stream @ ..] = self.head.as_slice() else { return };
        let Some(stream) = stream.first_chunk::<4>().copied().map(u32::from_be_bytes) else { return };
        (self.left, self.came) = (u64::from(u32::from_be_bytes([0, *a, *b, *c])), 0);
        (self.kind, self.flags, self.stream) = (*kind, *flags, stream & 0x7fff_ffff);
        let padded = u64::from(self.flags & PADDED != 0 && self.kind != Kind::CONTINUATION.0);
        self.lead = padded
            + match Kind(self.kind) {
                Kind::HEADERS if self.flags & PRIORITY != 0 => 5,
                Kind::PUSH_PROMISE => 4,
                _ => 0,
            };
        self.padding = 0;
        self.head.clear();
        if self.left == 0 {
            self.end(out, rules);
        }
    }

    fn payload(&mut self, part: &[u8], out: &mut Out, rules: &Rules) {
        let end = self.came + self.left;
        if let Some(first) = part.first().filter(|_| self.came == 0 && self.flags & PADDED != 0) {
            self.padding = u64::from(*first);
        }
        let lead = usize::try_from(self.lead.saturating_sub(self.came)).unwrap_or(usize::MAX).min(part.len());
        match Kind(self.kind) {
            Kind::DATA | Kind::HEADERS | Kind::PUSH_PROMISE | Kind::CONTINUATION => {
                let lead = if Kind(self.kind) == Kind::CONTINUATION { 0 } else { lead };
                let (lead, content) = part.split_at_checked(lead).unwrap_or((part, &[]));
                out.text(lead);
                let until = end.saturating_sub(self.padding).max(self.lead);
                let room = until.saturating_sub(self.came + lead.len() as u64);
                let n = usize::try_from(room).unwrap_or(usize::MAX).min(content.len());
                let (content, padding) = content.split_at_checked(n).unwrap_or((content, &[]));
                self.content(content, out);
                out.fill(0, padding.len() as u64);
            }
            Kind::PING => out.fill(0, part.len() as u64),
            Kind::GOAWAY => self.control(part, GOAWAY, out),
            kind if kind.name().is_some() => self.control(part, CONTROL, out),
            _ => self.control(part, 0, out),
        }
        self.came += part.len() as u64;
        self.left -= part.len() as u64;
        if self.left == 0 {
            self.end(out, rules);
        }
    }

    /// Of a payload the first bytes stay.
    fn control(&self, part: &[u8], stay: u64, out: &mut Out) {
        let n = usize::try_from(stay.saturating_sub(self.came)).unwrap_or(usize::MAX).min(part.len());
        let (kept, blanked) = part.split_at_checked(n).unwrap_or((part, &[]));
        out.text(kept);
        out.removed(blanked);
        out.fill(BLANK, blanked.len() as u64);
    }

    fn content(&mut self, content: &[u8], out: &mut Out) {
        let is_data = Kind(self.kind) == Kind::DATA;
        let error = self.errors.contains(&self.stream);
        if is_data && error && self.data.bytes.len() < phrases_within() {
            self.data.push(content, out);
        } else if !is_data && self.strings.is_some() && self.block.bytes.len() + content.len() <= MAX_BLOCK {
            self.block.push(content, out);
        } else {
            if !is_data {
                self.strings = None;
            }
            out.removed(content);
            out.fill(BLANK, content.len() as u64);
        }
    }

    /// A frame is over.
    fn end(&mut self, out: &mut Out, rules: &Rules) {
        match Kind(self.kind) {
            Kind::DATA if !self.data.bytes.is_empty() => {
                let mut data = std::mem::take(&mut self.data);
                let shown = phrases::kept(&data.bytes, |_| BLANK);
                phrases::note(&data.bytes, &phrases::places(&data.bytes), out);
                if shown.iter().all(|b| *b == BLANK) {
                    out.removed(&data.bytes);
                }
                data.write(&shown, out);
            }
            Kind::HEADERS | Kind::PUSH_PROMISE | Kind::CONTINUATION if self.flags & END_HEADERS != 0 => {
                let mut block = std::mem::take(&mut self.block);
                if let Some(strings) = &mut self.strings {
                    let mut told = Told { status: None, edits: Vec::new() };
                    let walked = strings.walk(&block.bytes, &mut |spelt| told.field(&spelt, out, rules));
                    let mut written = block.bytes.clone();
                    for (at, bytes) in &told.edits {
                        for (place, byte) in written.iter_mut().skip(*at).zip(bytes) {
                            *place = *byte;
                        }
                    }
                    if let Err(unread) = walked {
                        let blank = if unread.coded { 0xff } else { BLANK };
                        written.iter_mut().skip(unread.from).for_each(|place| *place = blank);
                        self.strings = None;
                    }
                    if told.status.is_some_and(|status| status >= 400) && self.errors.len() < MAX_OPEN {
                        self.errors.insert(self.stream);
                    }
                    block.write(&written, out);
                }
            }
            _ => {}
        }
    }

    /// A hole.
    pub(super) fn gap(&mut self, len: u64, out: &mut Out) {
        out.fill(BLANK, len);
        let within = Kind(self.kind).name().is_none() || Kind(self.kind) == Kind::DATA;
        if within && self.left >= len && self.preface.is_none() && self.left > 0 {
            (self.left, self.came) = (self.left - len, self.came + len);
            if self.left == 0 {
                self.data = Block::default();
            }
        } else {
            self.lost = true;
        }
    }

    /// What is held back is all that there is of it: it is blank already.
    pub(super) fn settle(&mut self, _out: &mut Out) {
        (self.block, self.data) = (Block::default(), Block::default());
    }
}

/// As much of an error's DATA is looked at for phrases.
const fn phrases_within() -> usize {
    crate::session::http2::MAX_BODY_EXCERPT
}

/// What a block says, and what is written in place of its values.
struct Told {
    status: Option<u16>,
    edits: Vec<(usize, Vec<u8>)>,
}

impl Told {
    fn field(&mut self, spelt: &Spelt<'_>, out: &mut Out, rules: &Rules) {
        let Spelt { name, value, at, coded } = spelt;
        if *name == b":status" {
            self.status = std::str::from_utf8(value).ok().and_then(|status| status.parse().ok());
        }
        if at.is_empty() {
            return;
        }
        let fate = field::fate(name, value, rules);
        let shown = field::value(value, fate, rules);
        field::differing(value, &shown, out);
        if shown == *value && (fate != Fate::Kept || !rules.names(value)) {
            return;
        }
        if !coded {
            self.edits.push((at.start, shown));
            return;
        }
        // What is mapped, and not blanked, has another code: it is blanked here.
        let kept: Vec<bool> = value.iter().zip(&shown).map(|(was, is)| was == is && !rules.names(value)).collect();
        match recode(value, &kept) {
            Some(code) => self.edits.push((at.start, code)),
            None => out.unable = Some(NO_STAND_IN),
        }
    }
}
