//! The strings of header blocks and where they stand, for whoever writes others of the same length in their place.

use super::table::{Dynamic, Entry, STATIC};
use super::{Defect, FIRST_TABLE_SIZE, MAX_TABLE, huffman, integer};
use std::ops::Range;

/// One field of a block.
#[derive(Debug)]
pub(crate) struct Spelt<'a> {
    /// Its name.
    pub(crate) name: &'a [u8],
    /// Its value.
    pub(crate) value: &'a [u8],
    /// Where in the block the value stands; nowhere, where the field is one that came before.
    pub(crate) at: Range<usize>,
    /// It stands there in the Huffman code.
    pub(crate) coded: bool,
}

/// From where on a block cannot be read, and whether in the middle of a coded string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The first byte whose meaning is not known.
    pub(crate) from: usize,
    /// It is of a string in the Huffman code.
    pub(crate) coded: bool,
}

/// The blocks of one direction.
#[derive(Debug)]
pub(crate) struct Strings {
    dynamic: Dynamic,
    max: u32,
}

impl Default for Strings {
    fn default() -> Self {
        Self { dynamic: Dynamic::default(), max: FIRST_TABLE_SIZE }
    }
}

impl Strings {
    /// Hands out each field of a whole block.
    ///
    /// # Errors
    /// [`Unread`] where the block is wrong; so are all that come after it.
    pub(crate) fn walk(&mut self, block: &[u8], each: &mut dyn FnMut(Spelt<'_>)) -> Result<(), Unread> {
        let mut rest = block;
        while let Some(&first) = rest.first() {
            let unread = |rest: &[u8]| Unread { from: block.len() - rest.len(), coded: false };
            match first {
                0x80.. => {
                    let index = integer(&mut rest, 7).map_err(|_| unread(rest))?;
                    let (name, value) = self.entry(index).ok_or_else(|| unread(rest))?;
                    each(Spelt { name, value, at: 0..0, coded: false });
                }
                0x20..=0x3f => {
                    self.max = integer(&mut rest, 5).map_err(|_| unread(rest))?;
                    if self.max > MAX_TABLE {
                        return Err(unread(rest));
                    }
                    self.dynamic.shrink(self.max as usize);
                }
                _ => self.literal(block, &mut rest, first & 0x40 != 0, each)?,
            }
        }
        Ok(())
    }

    fn entry(&self, index: u32) -> Option<(&[u8], &[u8])> {
        let index = (index as usize).checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => Some((name.as_bytes(), value.as_bytes())),
            None => self.dynamic.get(index - STATIC.len()).map(|entry| (&*entry.name, &*entry.value)),
        }
    }

    fn literal(
        &mut self,
        block: &[u8],
        rest: &mut &[u8],
        keep: bool,
        each: &mut dyn FnMut(Spelt<'_>),
    ) -> Result<(), Unread> {
        let unread = |rest: &[u8]| Unread { from: block.len() - rest.len(), coded: false };
        let index = integer(rest, if keep { 6 } else { 4 }).map_err(|_| unread(rest))?;
        let name = match index {
            0 => string(block, rest)?.0,
            _ => self.entry(index).ok_or_else(|| unread(rest))?.0.to_vec(),
        };
        let (value, at, coded) = string(block, rest)?;
        each(Spelt { name: &name, value: &value, at, coded });
        if keep {
            let entry = Entry { name: name.into(), value: value.into(), defect: None };
            self.dynamic.insert(entry, self.max as usize);
        }
        Ok(())
    }
}

/// A string, and where its bytes stand.
fn string(block: &[u8], rest: &mut &[u8]) -> Result<(Vec<u8>, Range<usize>, bool), Unread> {
    let coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let place = |rest: &[u8]| block.len() - rest.len();
    let len = integer(rest, 7).map_err(|_| Unread { from: place(rest), coded: false })?;
    let from = place(rest);
    let Some((bytes, others)) = rest.split_at_checked(len as usize) else { return Err(Unread { from, coded: false }) };
    *rest = others;
    let mut decoded = Vec::new();
    if coded {
        huffman::decode(bytes, &mut decoded).map_err(|_: Defect| Unread { from, coded: true })?;
    } else {
        decoded.extend_from_slice(bytes);
    }
    Ok((decoded, from..from + bytes.len(), coded))
}
