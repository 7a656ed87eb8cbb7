//! Header blocks, decompressed (RFC 7541).
//!
//! Invariant: a byte of a block costs constant work and memory. No field is handed out as a copy: one that names an
//! entry of the table is lent from there, one that is spelt out from the block or from one reused buffer.

mod huffman;
mod strings;
mod table;

#[cfg(test)]
mod tests;

use super::field::FieldDefect;
use super::settings::FIRST_TABLE_SIZE;
pub(crate) use huffman::recode;
use std::fmt;
pub(crate) use strings::{Spelt, Strings};
use table::{Dynamic, Entry, STATIC};

/// The largest table that is followed: sixteen times what every side keeps. A side that fills a larger one is not
/// understood from there on.
pub const MAX_TABLE: u32 = 64 * 1024;

/// Why a block cannot be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defect {
    /// A number that no entry has (section 2.3.3).
    Index,
    /// A number too large to be one (section 5.1).
    Integer,
    /// A string that is not in the code, or not padded as it should be (section 5.2).
    Huffman,
    /// The block ends within a field.
    Truncated,
    /// A table larger than the peer keeps, or a change of its size after the first field (sections 4.2, 6.3).
    TableSize,
}

impl Defect {
    /// The section that says so.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Defect::Index => "RFC 7541 section 2.3.3",
            Defect::Integer => "RFC 7541 section 5.1",
            Defect::Huffman => "RFC 7541 section 5.2",
            Defect::Truncated => "RFC 9113 section 4.3",
            Defect::TableSize => "RFC 7541 section 4.2",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Defect::Index => "it names an entry that its table does not have",
            Defect::Integer => "it has a number that is too large",
            Defect::Huffman => "a string in it is not in the Huffman code",
            Defect::Truncated => "it ends within a field",
            Defect::TableSize => "it sets a size of the table that is not allowed there",
        })
    }
}

/// Why a block is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is wrong.
    Wrong(Defect),
    /// It is beyond [`MAX_TABLE`].
    TooLarge,
}

impl From<Defect> for Failure {
    fn from(defect: Defect) -> Failure {
        Failure::Wrong(defect)
    }
}

/// One field of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// What any message would be wrong with that has it.
    pub(super) defect: Option<FieldDefect>,
}

/// The blocks of one direction.
#[derive(Debug, Clone)]
pub(super) struct Decoder {
    dynamic: Dynamic,
    /// The size of the table that the sender uses.
    max: u32,
    /// The largest that its peer allowed.
    limit: u32,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Text of a field: spelt out in the block, or decoded from it.
enum Text<'b> {
    Plain(&'b [u8]),
    Decoded,
}

impl Decoder {
    pub(super) fn new() -> Decoder {
        Decoder {
            dynamic: Dynamic::default(),
            max: FIRST_TABLE_SIZE,
            limit: FIRST_TABLE_SIZE,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Memory that its table takes, about so many bytes.
    pub(super) fn held(&self) -> usize {
        self.dynamic.size()
    }

    /// The peer allows a table of this size. When its word arrives is not known: the largest counts.
    pub(super) fn allow(&mut self, size: u32) {
        self.limit = self.limit.max(size);
    }

    /// Decompresses a whole block, and hands out each field.
    pub(super) fn decode(&mut self, block: &[u8], each: &mut dyn FnMut(Field<'_>)) -> Result<(), Failure> {
        let mut rest = block;
        let mut may_resize = true;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => {
                    let index = integer(&mut rest, 7)?;
                    self.indexed(index, each)?;
                }
                0x20..=0x3f if may_resize => {
                    let size = integer(&mut rest, 5)?;
                    self.resize(size)?;
                    continue;
                }
                0x20..=0x3f => return Err(Defect::TableSize.into()),
                0x40..=0x7f => self.literal(&mut rest, 6, true, each)?,
                0x00..=0x1f => self.literal(&mut rest, 4, false, each)?,
            }
            may_resize = false;
        }
        Ok(())
    }

    fn resize(&mut self, size: u32) -> Result<(), Failure> {
        if size > self.limit {
            return Err(Defect::TableSize.into());
        }
        if size > MAX_TABLE {
            return Err(Failure::TooLarge);
        }
        self.max = size;
        self.dynamic.shrink(size as usize);
        Ok(())
    }

    fn indexed(&self, index: u32, each: &mut dyn FnMut(Field<'_>)) -> Result<(), Defect> {
        each(self.entry(index)?);
        Ok(())
    }

    /// The entry with this number.
    fn entry(&self, index: u32) -> Result<Field<'_>, Defect> {
        let index = (index as usize).checked_sub(1).ok_or(Defect::Index)?;
        if let Some((name, value)) = STATIC.get(index) {
            // Transfer-Encoding is in the table and in no message.
            let (name, value) = (name.as_bytes(), value.as_bytes());
            return Ok(Field { name, value, defect: FieldDefect::of(name, b"") });
        }
        let entry = self.dynamic.get(index - STATIC.len()).ok_or(Defect::Index)?;
        Ok(Field { name: &entry.name, value: &entry.value, defect: entry.defect })
    }

    fn literal(
        &mut self,
        rest: &mut &[u8],
        bits: u32,
        keep: bool,
        each: &mut dyn FnMut(Field<'_>),
    ) -> Result<(), Defect> {
        let index = integer(rest, bits)?;
        let (mut name_buffer, mut value_buffer) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        let name = match index {
            0 => Some(string(rest, &mut name_buffer)?),
            _ => None,
        };
        let value = match string(rest, &mut value_buffer)? {
            Text::Plain(plain) => plain,
            Text::Decoded => &value_buffer,
        };
        let name = match name {
            Some(Text::Plain(plain)) => plain,
            Some(Text::Decoded) => &name_buffer,
            None => self.entry(index)?.name,
        };
        let defect = FieldDefect::of(name, value);
        each(Field { name, value, defect });
        if keep {
            let entry = Entry { name: name.into(), value: value.into(), defect };
            self.dynamic.insert(entry, self.max as usize);
        }
        (self.name, self.value) = (reuse(name_buffer), reuse(value_buffer));
        Ok(())
    }
}

/// Bytes that a buffer may keep between two fields.
const KEPT: usize = 4_096;

/// A buffer for the next field: one that grew for a giant is not kept.
fn reuse(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    if buffer.capacity() > KEPT { Vec::new() } else { buffer }
}

/// A number that begins in the last `bits` bits of the first byte (section 5.1).
fn integer(rest: &mut &[u8], bits: u32) -> Result<u32, Defect> {
    let mask = (1_u64 << bits) - 1;
    let mut value = u64::from(next(rest)?) & mask;
    if value < mask {
        return Ok(value as u32);
    }
    for shift in (0..=28).step_by(7) {
        let byte = next(rest)?;
        value += u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u32::try_from(value).map_err(|_| Defect::Integer);
        }
    }
    Err(Defect::Integer)
}

fn next(rest: &mut &[u8]) -> Result<u8, Defect> {
    let (first, others) = rest.split_first().ok_or(Defect::Truncated)?;
    *rest = others;
    Ok(*first)
}

/// A string (section 5.2); where it is in the code it is decoded into `buffer`.
fn string<'b>(rest: &mut &'b [u8], buffer: &mut Vec<u8>) -> Result<Text<'b>, Defect> {
    let is_coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer(rest, 7)?;
    let (bytes, others) = rest.split_at_checked(len as usize).ok_or(Defect::Truncated)?;
    *rest = others;
    if !is_coded {
        return Ok(Text::Plain(bytes));
    }
    buffer.clear();
    huffman::decode(bytes, buffer)?;
    Ok(Text::Decoded)
}
