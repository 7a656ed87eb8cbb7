//! Extensions of the two hellos (RFC 8446 section 4.2).

use crate::base::{Cursor, Short};

/// Numbers of the extensions that are read (IANA "TLS ExtensionType Values").
pub(super) mod number {
    pub(in super::super) const SERVER_NAME: u16 = 0;
    pub(in super::super) const STATUS_REQUEST: u16 = 5;
    pub(in super::super) const SUPPORTED_GROUPS: u16 = 10;
    pub(in super::super) const POINT_FORMATS: u16 = 11;
    pub(in super::super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(in super::super) const ALPN: u16 = 16;
    pub(in super::super) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(in super::super) const SESSION_TICKET: u16 = 35;
    /// `key_share` before draft 23 of TLS 1.3.
    pub(in super::super) const KEY_SHARE_DRAFT: u16 = 40;
    pub(in super::super) const PRE_SHARED_KEY: u16 = 41;
    pub(in super::super) const EARLY_DATA: u16 = 42;
    pub(in super::super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(in super::super) const CERTIFICATE_AUTHORITIES: u16 = 47;
    pub(in super::super) const KEY_SHARE: u16 = 51;
}

/// One extension: its number and its contents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension<'a> {
    pub(super) number: u16,
    pub(super) data: Cursor<'a>,
}

/// The block of extensions at the end of a hello, which SSL 3.0 and old TLS leave out.
pub(super) fn block<'a>(c: &mut Cursor<'a>) -> Result<Extensions<'a>, Short> {
    if c.is_empty() {
        return Ok(Extensions(Cursor::new(&[])));
    }
    let len = c.u16()?;
    c.sub(usize::from(len)).map(Extensions)
}

/// The extensions of one block, in order. Ends with an error where one is longer than the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extensions<'a>(Cursor<'a>);

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, Short>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = read(&mut self.0);
        if item.is_err() {
            self.0 = Cursor::new(&[]);
        }
        Some(item)
    }
}

fn read<'a>(c: &mut Cursor<'a>) -> Result<Extension<'a>, Short> {
    let number = c.u16()?;
    let len = c.u16()?;
    Ok(Extension { number, data: c.sub(usize::from(len))? })
}

/// A list with its length in bytes in front, as two bytes.
pub(super) fn list16<'a>(c: &mut Cursor<'a>) -> Result<Cursor<'a>, Short> {
    let len = c.u16()?;
    c.sub(usize::from(len))
}

/// A list with its length in bytes in front, as one byte.
pub(super) fn list8<'a>(c: &mut Cursor<'a>) -> Result<Cursor<'a>, Short> {
    let len = c.u8()?;
    c.sub(usize::from(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_that_is_too_long_ends_the_block() {
        let bytes = [0, 9, 0, 5, 0, 1, 7, 0, 16, 0, 2];
        let mut all = block(&mut Cursor::new(&bytes)).unwrap();
        let first = all.next().unwrap().unwrap();
        assert_eq!((first.number, first.data.rest()), (5, &[7][..]));
        assert_eq!(all.next().unwrap().unwrap_err(), Short { needed: 2, available: 0, offset: 11 });
        assert!(all.next().is_none());
        assert!(block(&mut Cursor::new(&[])).unwrap().next().is_none());
    }
}
