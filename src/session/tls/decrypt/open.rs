//! One direction under one set of keys: opens records in place.

use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use super::super::record::{ContentType, RecordHeader};
use super::suite::{MacHash, Protection};

/// Length of the tag of every AEAD here.
const TAG: usize = 16;
/// Block of AES, and IV of CBC.
const BLOCK: usize = 16;
/// Bytes of the nonce that a record of TLS 1.2 with GCM carries (RFC 5288 section 3).
const EXPLICIT_NONCE: usize = 8;

/// A key with its cipher.
#[derive(Clone)]
enum Cipher {
    Aes128Gcm(Box<Aes128Gcm>),
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
    Cbc { key: Zeroizing<Vec<u8>>, mac: MacHash, mac_key: Zeroizing<Vec<u8>> },
}

/// What a direction is opened with, all of it from one derivation.
pub(super) struct Material<'k> {
    pub(super) protection: Protection,
    pub(super) version: u16,
    pub(super) key: &'k [u8],
    pub(super) iv: &'k [u8],
    pub(super) mac_key: &'k [u8],
    pub(super) encrypt_then_mac: bool,
}

/// Opens the records of one side, in order.
#[derive(Clone)]
pub(super) struct Opener {
    cipher: Cipher,
    version: u16,
    /// The fixed part of nonces. Under CBC before TLS 1.1 the last block of the record before.
    iv: Zeroizing<[u8; BLOCK]>,
    encrypt_then_mac: bool,
    sequence: u64,
}

impl Opener {
    pub(super) fn new(m: &Material<'_>) -> Option<Opener> {
        let cipher = match m.protection {
            Protection::Aes128Gcm => Cipher::Aes128Gcm(Box::new(KeyInit::new_from_slice(m.key).ok()?)),
            Protection::Aes256Gcm => Cipher::Aes256Gcm(Box::new(KeyInit::new_from_slice(m.key).ok()?)),
            Protection::ChaCha20Poly1305 => Cipher::ChaCha20Poly1305(Box::new(KeyInit::new_from_slice(m.key).ok()?)),
            Protection::Aes128Cbc(mac) | Protection::Aes256Cbc(mac) => {
                Cipher::Cbc { key: Zeroizing::new(m.key.to_vec()), mac, mac_key: Zeroizing::new(m.mac_key.to_vec()) }
            }
        };
        let mut iv = Zeroizing::new([0; BLOCK]);
        iv.iter_mut().zip(m.iv).for_each(|(to, from)| *to = *from);
        Some(Opener { cipher, version: m.version, iv, encrypt_then_mac: m.encrypt_then_mac, sequence: 0 })
    }

    /// Opens a record in place: what it carries, and the bytes of that. `None` where it is not authentic.
    pub(super) fn open<'r>(&mut self, header: RecordHeader, record: &'r mut [u8]) -> Option<(ContentType, &'r [u8])> {
        let sequence = self.sequence;
        self.sequence = self.sequence.checked_add(1)?;
        if let Cipher::Cbc { key, mac, mac_key } = &self.cipher {
            let cbc = Cbc { key, mac: *mac, mac_key, header, sequence, encrypt_then_mac: self.encrypt_then_mac };
            let last: [u8; BLOCK] = *cbc.ciphertext(record)?.last_chunk()?;
            // TLS 1.0 goes on where the record before ended (RFC 2246 section 6.2.3.2).
            let implicit = (self.version < 0x0302).then_some(*self.iv);
            *self.iv = last;
            return cbc.open(record, implicit).map(|bytes| (header.content_type, bytes));
        }
        if self.version >= 0x0304 {
            let aad = aad13(header);
            let nonce = self.nonce(sequence);
            return self.aead(&nonce, &aad, record).and_then(inner);
        }
        let is_gcm = !matches!(self.cipher, Cipher::ChaCha20Poly1305(_));
        let (nonce, sealed) = if is_gcm {
            let (explicit, sealed) = record.split_at_mut_checked(EXPLICIT_NONCE)?;
            let mut nonce = [0; 12];
            nonce.iter_mut().zip(self.iv.iter().take(4).chain(explicit.iter())).for_each(|(to, from)| *to = *from);
            (nonce, sealed)
        } else {
            (self.nonce(sequence), record)
        };
        let aad = aad12(sequence, header, sealed.len().checked_sub(TAG)?)?;
        self.aead(&nonce, &aad, sealed).map(|bytes| (header.content_type, bytes))
    }

    /// Whether a record is authentic, without taking it.
    pub(super) fn can_open(&mut self, header: RecordHeader, record: &[u8]) -> bool {
        let sequence = self.sequence;
        let found = self.open(header, &mut Zeroizing::new(record.to_vec())).is_some();
        self.sequence = sequence;
        found
    }

    /// The IV with the number of the record (RFC 8446 section 5.3, RFC 7905 section 2).
    fn nonce(&self, sequence: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce.iter_mut().zip(self.iv.iter()).for_each(|(to, from)| *to = *from);
        nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()).for_each(|(to, from)| *to ^= from);
        nonce
    }

    fn aead<'r>(&self, nonce: &[u8; 12], aad: &[u8], sealed: &'r mut [u8]) -> Option<&'r [u8]> {
        match &self.cipher {
            Cipher::Aes128Gcm(cipher) => aead(cipher.as_ref(), nonce, aad, sealed),
            Cipher::Aes256Gcm(cipher) => aead(cipher.as_ref(), nonce, aad, sealed),
            Cipher::ChaCha20Poly1305(cipher) => aead(cipher.as_ref(), nonce, aad, sealed),
            Cipher::Cbc { .. } => None,
        }
    }
}

fn aead<'r, A: AeadInOut>(cipher: &A, nonce: &[u8; 12], aad: &[u8], sealed: &'r mut [u8]) -> Option<&'r [u8]> {
    let (bytes, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG)?)?;
    let (nonce, tag) = (nonce.as_slice().try_into().ok()?, (&*tag).try_into().ok()?);
    cipher.decrypt_inout_detached(nonce, aad, (&mut *bytes).into(), tag).ok()?;
    Some(bytes)
}

/// The header as it is on the wire (RFC 8446 section 5.2).
fn aad13(header: RecordHeader) -> [u8; 5] {
    let ([major, minor], [high, low]) = (header.version.to_be_bytes(), header.len.to_be_bytes());
    [header.content_type.0, major, minor, high, low]
}

/// Number, type, version, and length of what is protected (RFC 5246 sections 6.2.3.1 and 6.2.3.3).
fn aad12(sequence: u64, header: RecordHeader, len: usize) -> Option<Vec<u8>> {
    let len = u16::try_from(len).ok()?.to_be_bytes();
    let [major, minor] = header.version.to_be_bytes();
    Some([&sequence.to_be_bytes()[..], &[header.content_type.0, major, minor], &len].concat())
}

/// The type of a record behind its padding (RFC 8446 section 5.4).
fn inner(bytes: &[u8]) -> Option<(ContentType, &[u8])> {
    let end = bytes.iter().rposition(|&byte| byte != 0)?;
    Some((ContentType(*bytes.get(end)?), bytes.get(..end)?))
}

/// One record under CBC with a MAC.
struct Cbc<'k> {
    key: &'k [u8],
    mac: MacHash,
    mac_key: &'k [u8],
    header: RecordHeader,
    sequence: u64,
    encrypt_then_mac: bool,
}

impl Cbc<'_> {
    /// The record without the MAC of encrypt-then-MAC (RFC 7366).
    fn ciphertext<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let mac = if self.encrypt_then_mac { self.mac.len() } else { 0 };
        record.get(..record.len().checked_sub(mac)?)
    }

    fn open<'r>(&self, record: &'r mut [u8], implicit: Option<[u8; BLOCK]>) -> Option<&'r [u8]> {
        let end = self.ciphertext(record)?.len();
        let (sealed, mac) = record.split_at_mut_checked(end)?;
        if self.encrypt_then_mac {
            self.verify(sealed, mac)?;
        }
        let (iv, sealed) = match implicit {
            Some(iv) => (iv, sealed),
            None => sealed.split_first_chunk_mut().map(|(iv, rest)| (*iv, rest))?,
        };
        self.decrypt(&iv, sealed)?;
        let content = unpadded(sealed)?;
        if self.encrypt_then_mac {
            return Some(content);
        }
        let (content, mac) = content.split_at_checked(content.len().checked_sub(self.mac.len())?)?;
        self.verify(content, mac)?;
        Some(content)
    }

    fn decrypt(&self, iv: &[u8; BLOCK], sealed: &mut [u8]) -> Option<()> {
        match self.key.len() {
            16 => {
                let cbc = cbc::Decryptor::<Aes128>::new_from_slices(self.key, iv).ok()?;
                cbc.decrypt_padded::<NoPadding>(sealed).ok().map(|_| ())
            }
            _ => {
                let cbc = cbc::Decryptor::<Aes256>::new_from_slices(self.key, iv).ok()?;
                cbc.decrypt_padded::<NoPadding>(sealed).ok().map(|_| ())
            }
        }
    }

    fn verify(&self, bytes: &[u8], mac: &[u8]) -> Option<()> {
        let aad = aad12(self.sequence, self.header, bytes.len())?;
        let parts = [aad.as_slice(), bytes];
        match self.mac {
            MacHash::Sha1 => verify::<Hmac<Sha1>>(self.mac_key, parts, mac),
            MacHash::Sha256 => verify::<Hmac<Sha256>>(self.mac_key, parts, mac),
            MacHash::Sha384 => verify::<Hmac<Sha384>>(self.mac_key, parts, mac),
        }
    }
}

fn verify<M: Mac + KeyInit>(key: &[u8], parts: [&[u8]; 2], expected: &[u8]) -> Option<()> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    parts.into_iter().for_each(|part| mac.update(part));
    mac.verify_slice(expected).ok()
}

/// The bytes before the padding, every byte of which says how many follow the first (RFC 5246 section 6.2.3.2).
fn unpadded(bytes: &[u8]) -> Option<&[u8]> {
    let &len = bytes.last()?;
    let (content, padding) = bytes.split_at_checked(bytes.len().checked_sub(usize::from(len) + 1)?)?;
    padding.iter().all(|&byte| byte == len).then_some(content)
}
