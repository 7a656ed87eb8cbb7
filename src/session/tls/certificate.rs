//! Certificates as they were sent in clear, up to TLS 1.2 (RFC 5246 section 7.4.2).
//!
//! The bytes are kept and read only when somebody asks: most connections are in order and their certificates are
//! never looked at, while reading one takes longer than the rest of the handshake together. The first answer is kept.

use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::extension::{self, list16, number};
use super::summary::{MalformedCertificate, Summary};
use crate::base::{Cursor, FrameRef, Short, Side};

/// The most certificates kept of a connection; an edge follows a chain of seven.
pub(super) const MAX_CERTIFICATES: usize = 24;

/// The most bytes of certificates kept of a connection: all that one message can hold.
pub(super) const MAX_CERTIFICATE_BYTES: usize = super::handshake::MAX_MESSAGE;

/// One certificate of a Certificate message, in the order in which they were sent: the leaf first.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The frame that completes the message.
    pub frame: FrameRef,
    /// Who sent it.
    pub from: Side,
    /// The certificate as sent. Shared, so that equal ones of many connections can be made one.
    pub der: Arc<[u8]>,
    summary: OnceLock<Result<Box<Summary>, MalformedCertificate>>,
}

impl Certificate {
    pub(super) fn new(frame: FrameRef, from: Side, der: &[u8]) -> Self {
        Self { frame, from, der: der.into(), summary: OnceLock::new() }
    }

    /// What it says, or why it cannot be read.
    ///
    /// # Errors
    /// [`MalformedCertificate`] where the bytes are no X.509 certificate.
    pub fn summary(&self) -> Result<&Summary, &MalformedCertificate> {
        self.summary.get_or_init(|| Summary::read(&self.der).map(Box::new)).as_deref()
    }

    /// SHA-256 of the whole certificate in hexadecimal: its fingerprint.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }
}

/// Equal where the same bytes were sent in the same frame by the same side.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        (self.frame, self.from, &self.der) == (other.frame, other.from, &other.der)
    }
}

impl Eq for Certificate {}

/// The certificates in the body of a Certificate message up to TLS 1.2.
pub(super) fn read(body: &[u8]) -> Result<Vec<&[u8]>, Short> {
    let mut c = Cursor::new(body);
    let mut list = list24(&mut c)?;
    let mut all = Vec::new();
    while !list.is_empty() {
        all.push(list24(&mut list)?.rest());
    }
    Ok(all)
}

/// Certificates, and the OCSP response stapled to the first.
type Stapled<'a> = (Vec<&'a [u8]>, Option<&'a [u8]>);

/// The certificates in the body of a Certificate message of TLS 1.3, and the OCSP response stapled to the first
/// (RFC 8446 sections 4.4.2 and 4.4.2.1).
pub(super) fn read13(body: &[u8]) -> Result<Stapled<'_>, Short> {
    let mut c = Cursor::new(body);
    extension::list8(&mut c)?;
    let mut list = list24(&mut c)?;
    let (mut all, mut staple) = (Vec::new(), None);
    while !list.is_empty() {
        let is_first = all.is_empty();
        all.push(list24(&mut list)?.rest());
        for extension in extension::block(&mut list)? {
            let extension = extension?;
            if is_first && extension.number == number::STATUS_REQUEST {
                staple = read_status(extension.data.rest())?;
            }
        }
    }
    Ok((all, staple))
}

/// The OCSP response in the body of a CertificateStatus message (RFC 6066 section 8), if it holds one.
pub(super) fn read_status(body: &[u8]) -> Result<Option<&[u8]>, Short> {
    const OCSP: u8 = 1;
    let mut c = Cursor::new(body);
    if c.u8()? != OCSP {
        return Ok(None);
    }
    list24(&mut c).map(|response| Some(response.rest()))
}

/// The names of acceptable authorities in a CertificateRequest (RFC 5246 section 7.4.4): how many there are.
pub(super) fn authorities(body: &[u8], tls12: bool) -> Result<usize, Short> {
    let mut c = Cursor::new(body);
    extension::list8(&mut c)?;
    if tls12 {
        list16(&mut c)?;
    }
    let mut names = list16(&mut c)?;
    let mut count = 0;
    while !names.is_empty() {
        list16(&mut names)?;
        count += 1;
    }
    Ok(count)
}

/// The same in TLS 1.3 (RFC 8446 sections 4.3.2 and 4.2.4).
pub(super) fn authorities13(body: &[u8]) -> Result<usize, Short> {
    let mut c = Cursor::new(body);
    extension::list8(&mut c)?;
    let mut count = 0;
    for extension in extension::block(&mut c)? {
        let mut extension = extension?;
        if extension.number == number::CERTIFICATE_AUTHORITIES {
            let mut names = list16(&mut extension.data)?;
            while !names.is_empty() {
                list16(&mut names)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn list24<'a>(c: &mut Cursor<'a>) -> Result<Cursor<'a>, Short> {
    let len = c.u24()?;
    c.sub(len as usize)
}

/// `bytes` as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|&byte| push_hex::<2>(&mut text, byte.into()));
    text
}

/// Adds the last so many hexadecimal digits of a number: what is written for every connection is not formatted.
pub(super) fn push_hex<const DIGITS: u32>(text: &mut String, number: u16) {
    for digit in (0..DIGITS).rev() {
        text.push(char::from_digit(u32::from(number) >> (4 * digit) & 0xf, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    #[test]
    fn the_list_is_taken_apart() {
        assert_eq!(read(&[0, 0, 9, 0, 0, 2, 1, 2, 0, 0, 1, 3]), Ok(vec![&[1, 2][..], &[3]]));
        assert_eq!(read(&[0, 0, 0]), Ok(vec![]));
        assert_eq!(read(&[0, 0, 5, 0, 0, 3, 1, 2]).unwrap_err().available, 2);
    }

    #[test]
    fn a_staple_and_a_request_are_read() {
        assert_eq!(read_status(&[1, 0, 0, 2, 9, 9]), Ok(Some(&[9, 9][..])));
        assert_eq!(read_status(&[7, 1]), Ok(None));
        assert_eq!(authorities(&[1, 64, 0, 2, 4, 3, 0, 5, 0, 3, 1, 2, 3], true), Ok(1));
        assert_eq!(authorities(&[1, 64, 0, 0], false), Ok(0));
    }

    #[test]
    fn nonsense_is_a_value_and_no_error() {
        let certificate = Certificate::new(frame(1), Side::Server, &[0x30, 3, 1, 2]);
        assert!(certificate.summary().is_err());
        assert_eq!(Certificate::new(frame(1), Side::Server, &[]).sha256().get(..8), Some("e3b0c442"));
    }
}
