//! What every block has: a type, and its length at both ends.

use crate::source::buffer::{Buffer, Short};
use crate::source::fields::{ByteOrder, Fields};
use crate::source::{MAX_BLOCK, Problem, ProblemKind, Stop, cut};
use std::ops::Range;

/// The type of a section header block, which reads the same in either byte order.
pub(in crate::source) const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// The shortest section header block, in bytes.
pub(in crate::source) const SECTION_LEN: usize = 28;

/// Type and length, in front of the body.
const HEAD_LEN: usize = 8;

/// Head, and the length again behind the body: the shortest block.
const FRAME_LEN: usize = 12;

/// The first bytes of a section header block.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Section {
    pub(in crate::source) order: ByteOrder,
    /// As written: 28 or more, if it is right.
    pub(in crate::source) total_len: u32,
    pub(in crate::source) major: u16,
    pub(in crate::source) minor: u16,
}

impl Section {
    /// Reads a block of the type [`SECTION_HEADER`]; `None` where the byte-order mark is none.
    pub(in crate::source) fn read(bytes: &[u8]) -> Option<Self> {
        [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
            let mut fields = Fields::new(bytes.get(4..)?, order);
            let total_len = fields.u32()?;
            let right = fields.u32()? == 0x1a2b_3c4d && total_len as usize >= SECTION_LEN;
            let (major, minor) = (fields.u16()?, fields.u16()?);
            right.then_some(Self { order, total_len, major, minor })
        })
    }

    /// Version 1.0, or 1.2, which some writers gave it by mistake and which means the same.
    pub(in crate::source) const fn is_known(&self) -> bool {
        self.major == 1 && matches!(self.minor, 0 | 2)
    }
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Section,
    Interface,
    Enhanced,
    Simple,
    Obsolete,
    Statistics,
    Secrets,
    /// Not a packet, but Wireshark gives it a number: custom blocks and journal entries.
    NumberedOnly,
    Skipped,
}

impl Kind {
    const fn of(block_type: u32) -> Self {
        match block_type {
            SECTION_HEADER => Self::Section,
            1 => Self::Interface,
            2 => Self::Obsolete,
            3 => Self::Simple,
            5 => Self::Statistics,
            6 => Self::Enhanced,
            9 | 0xbad | 0x4000_0bad => Self::NumberedOnly,
            10 => Self::Secrets,
            _ => Self::Skipped,
        }
    }
}

/// One whole block in the buffer.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    /// Offset of its first byte in the file.
    pub(super) offset: u64,
    body: Range<usize>,
}

/// How many bytes a block takes whose length is written as `total_len`: some writers leave the padding out of
/// it. `None`: impossible.
pub(in crate::source) const fn padded(total_len: u32) -> Option<usize> {
    if total_len < FRAME_LEN as u32 || total_len > MAX_BLOCK {
        return None;
    }
    Some((total_len as usize).next_multiple_of(4))
}

impl Block {
    /// The next block, which a section header may begin in another byte order. `frame` is the next number.
    #[inline]
    pub(super) fn next(buffer: &mut Buffer, order: &mut ByteOrder, frame: u64) -> Result<Option<Self>, Stop> {
        let offset = buffer.position();
        let (block_type, total_len) = match buffer.fill(FRAME_LEN) {
            Ok(bytes) => {
                let mut head = Fields::new(bytes, *order);
                (head.u32().unwrap_or_default(), head.u32().unwrap_or_default())
            }
            Err(Short::Ended(0)) => return Ok(None),
            Err(short) => return Err(cut(short, buffer, frame, FRAME_LEN)),
        };
        let kind = Kind::of(block_type);
        let total_len = if kind == Kind::Section { section(buffer, order, frame)? } else { total_len };
        let Some(len) = padded(total_len) else {
            let what = format_args!("a block of {total_len} bytes, where {FRAME_LEN} to {MAX_BLOCK} are possible");
            return Err(Problem::at(ProblemKind::ImpossibleLength, frame, offset, what, super::DAMAGED).into());
        };
        let trailer = match buffer.fill(len) {
            Ok(bytes) => bytes.get(len - 4..).and_then(|end| Fields::new(end, *order).u32()).unwrap_or_default(),
            Err(short) => return Err(cut(short, buffer, frame, len)),
        };
        if trailer != total_len {
            let what = format_args!("a block whose length is {total_len} in front and {trailer} at its end");
            return Err(Problem::at(ProblemKind::DamagedBlock, frame, offset, what, super::DAMAGED).into());
        }
        let whole = buffer.consume(len);
        Ok(Some(Self { kind, offset, body: whole.start + HEAD_LEN..whole.end - 4 }))
    }

    /// The fields between the two lengths.
    #[inline]
    pub(super) fn body<'a>(&self, buffer: &'a Buffer, order: ByteOrder) -> Fields<'a> {
        Fields::new(buffer.slice(self.body.clone()), order)
    }

    /// Where in the buffer the first `len` of the body's last `rest` bytes are.
    #[inline]
    pub(super) const fn span_of(&self, rest: usize, len: usize) -> Range<usize> {
        let start = self.body.end - rest;
        start..start + len
    }
}

/// Turns to the byte order of a new section, and gives its header's length.
#[cold]
fn section(buffer: &mut Buffer, order: &mut ByteOrder, frame: u64) -> Result<u32, Stop> {
    let offset = buffer.position();
    let found = match buffer.fill(SECTION_LEN) {
        Ok(bytes) => Section::read(bytes),
        Err(short) => return Err(cut(short, buffer, frame, SECTION_LEN)),
    };
    let Some(section) = found else {
        let what = "a section header without a byte-order mark";
        return Err(Problem::at(ProblemKind::DamagedBlock, frame, offset, what, super::DAMAGED).into());
    };
    if !section.is_known() {
        let what = format_args!("a section of version {}.{}, which is not known", section.major, section.minor);
        let advice = "all before it was read; convert the file with `editcap`";
        return Err(Problem::at(ProblemKind::UnknownBlockVersion, frame, offset, what, advice).into());
    }
    *order = section.order;
    Ok(section.total_len)
}
