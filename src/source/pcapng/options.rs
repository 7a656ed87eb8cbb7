//! The options behind a block's fixed fields: code, length, value, padding.

use crate::source::fields::Fields;

/// `if_name` of an interface description.
pub(super) const NAME: u16 = 2;
/// `if_tsresol` of an interface description.
pub(super) const TIME_RESOLUTION: u16 = 9;
/// `if_tsoffset` of an interface description.
pub(super) const TIME_OFFSET: u16 = 14;
/// `isb_ifdrop` of interface statistics.
pub(super) const DROPPED_BY_INTERFACE: u16 = 5;
/// `isb_osdrop` of interface statistics.
pub(super) const DROPPED_BY_SYSTEM: u16 = 7;
/// `epb_dropcount` of an enhanced packet.
pub(super) const DROPPED_SINCE: u16 = 4;

/// Iterates over code and value, up to `opt_endofopt` or the end of the block.
pub(super) struct Options<'a> {
    fields: Fields<'a>,
    damaged: bool,
}

impl<'a> Options<'a> {
    pub(super) const fn new(fields: Fields<'a>) -> Self {
        Self { fields, damaged: false }
    }

    /// Whether the iteration ended because an option ran over the end of the block.
    pub(super) const fn is_damaged(&self) -> bool {
        self.damaged
    }

    fn read(&mut self) -> Option<(u16, Fields<'a>)> {
        let (code, len) = (self.fields.u16()?, usize::from(self.fields.u16()?));
        let mut value = self.fields;
        // The padding of the last option may be missing.
        let padded = self.fields.bytes(len.next_multiple_of(4));
        if padded.is_none() {
            self.fields.bytes(len)?;
        }
        value.truncate(len);
        Some((code, value))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, Fields<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.fields.rest().is_empty() || self.damaged {
            return None;
        }
        match self.read() {
            Some((0, _)) => None,
            Some(option) => Some(option),
            None => {
                self.damaged = true;
                None
            }
        }
    }
}
