//! OCSP responses as they are stapled to a certificate (RFC 6960 section 4.2), and what of certificates they are
//! compared with. Read when somebody asks; nothing is copied.

use std::fmt;

use sha1::{Digest as _, Sha1};

use super::der::{self, Der, Value, tag};
use crate::base::Timestamp;

/// The most certificates in one response whose status is looked at: a stapled one is about one.
const MAX_SINGLES: usize = 64;

/// The most certificates of responders looked at.
const MAX_RESPONDERS: usize = 8;

/// A response, or why there is none in it.
#[derive(Debug, Clone)]
pub enum OcspResponse<'a> {
    /// It says something of certificates.
    Basic(Box<BasicOcsp<'a>>),
    /// The responder had nothing to say: `responseStatus` other than successful.
    Unsuccessful(ResponseStatus),
    /// It is no OCSP response, or of a type other than id-pkix-ocsp-basic.
    Malformed,
}

/// Why a responder says nothing of certificates (RFC 6960 section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseStatus(pub u8);

impl fmt::Display for ResponseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("malformedRequest"),
            2 => f.write_str("internalError"),
            3 => f.write_str("tryLater"),
            5 => f.write_str("sigRequired"),
            6 => f.write_str("unauthorized"),
            n => write!(f, "responseStatus {n}"),
        }
    }
}

/// `BasicOCSPResponse`.
#[derive(Debug, Clone)]
pub struct BasicOcsp<'a> {
    /// What was signed, and how.
    pub signed: Signed<'a>,
    /// Who says that it signed.
    pub responder: Responder<'a>,
    /// What it says, certificate by certificate.
    pub singles: Vec<SingleStatus<'a>>,
    /// Certificates of the responder that came along.
    pub certificates: Vec<&'a [u8]>,
}

/// Something signed, as certificates and responses are: its bytes, the algorithm without its header, the signature.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The bytes that the signature covers.
    pub bytes: &'a [u8],
    /// Contents of the AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
}

/// `ResponderID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responder<'a> {
    /// Contents of its distinguished name.
    Name(&'a [u8]),
    /// SHA-1 of its public key.
    Key(&'a [u8]),
}

/// `SingleResponse`: the status of one certificate.
#[derive(Debug, Clone, Copy)]
pub struct SingleStatus<'a> {
    /// Whether the two hashes are SHA-1.
    pub by_sha1: bool,
    /// Hash of the issuer's distinguished name.
    pub name_hash: &'a [u8],
    /// Hash of the issuer's public key.
    pub key_hash: &'a [u8],
    /// Contents of the serial number.
    pub serial: &'a [u8],
    /// What the responder says.
    pub status: CertificateStatus,
    /// Since when it is known.
    pub this_update: Timestamp,
    /// Until when there will be newer information.
    pub next_update: Option<Timestamp>,
}

/// `CertStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Not revoked.
    Good,
    /// Revoked, since then, and why (`CRLReason`).
    Revoked(Timestamp, Option<u8>),
    /// The responder does not know it.
    Unknown,
}

/// The parts of a certificate by which a response names it, or is verified.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The certificate as it was signed.
    pub signed: Signed<'a>,
    /// Contents of the serial number.
    pub serial: &'a [u8],
    /// Contents of the subject.
    pub subject: &'a [u8],
    /// The key.
    pub key: PublicKeyInfo<'a>,
}

/// `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, Copy)]
pub struct PublicKeyInfo<'a> {
    /// Contents of the AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    /// The key itself.
    pub key: &'a [u8],
}

impl<'a> OcspResponse<'a> {
    /// Reads a response in DER.
    #[must_use]
    pub fn read(der: &'a [u8]) -> Self {
        response(der).unwrap_or(Self::Malformed)
    }
}

impl<'a> Signed<'a> {
    /// From the contents of the sequence; what follows the signature is left.
    fn read(der: &mut Der<'a>) -> Option<Self> {
        let bytes = der.one(tag::SEQUENCE)?.whole;
        let algorithm = der.one(tag::SEQUENCE)?.contents;
        Some(Self { bytes, algorithm, signature: bits(der)? })
    }
}

impl<'a> Identity<'a> {
    /// Of a certificate in DER; `None` where it is none.
    #[must_use]
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let signed = Signed::read(&mut Der::new(der).within(tag::SEQUENCE)?)?;
        let mut tbs = Der::new(signed.bytes).within(tag::SEQUENCE)?;
        tbs.optional(tag::context(0));
        let serial = tbs.one(tag::INTEGER)?.contents;
        // Algorithm, issuer, validity.
        for _ in 0..3 {
            tbs.one(tag::SEQUENCE)?;
        }
        let subject = tbs.one(tag::SEQUENCE)?.contents;
        let key = PublicKeyInfo::read(tbs.one(tag::SEQUENCE)?.contents)?;
        Some(Self { signed, serial, subject, key })
    }
}

impl<'a> PublicKeyInfo<'a> {
    /// From the contents of its sequence.
    #[must_use]
    pub fn read(contents: &'a [u8]) -> Option<Self> {
        let mut der = Der::new(contents);
        Some(Self { algorithm: der.one(tag::SEQUENCE)?.contents, key: bits(&mut der)? })
    }

    /// Whether this is the hash of the key.
    #[must_use]
    pub fn has_sha1(&self, hash: &[u8]) -> bool {
        Sha1::digest(self.key)[..] == *hash
    }
}

/// Whether this is the hash of the distinguished name with these contents.
#[must_use]
pub fn name_has_sha1(contents: &[u8], hash: &[u8]) -> bool {
    let len = contents.len().to_be_bytes();
    let header: &[u8] = match (contents.len(), len) {
        (..=0x7f, [.., low]) => &[tag::SEQUENCE, low],
        (..=0xff, [.., low]) => &[tag::SEQUENCE, 0x81, low],
        (_, [.., high, low]) => &[tag::SEQUENCE, 0x82, high, low],
    };
    let mut hasher = Sha1::new();
    hasher.update(header);
    hasher.update(contents);
    hasher.finalize()[..] == *hash
}

fn response(bytes: &[u8]) -> Option<OcspResponse<'_>> {
    /// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
    const BASIC: [u8; 9] = [0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
    let mut all = Der::new(bytes).within(tag::SEQUENCE)?;
    match *all.one(tag::ENUMERATED)?.contents {
        [0] => {}
        [status] => return Some(OcspResponse::Unsuccessful(ResponseStatus(status))),
        _ => return None,
    }
    let mut typed = all.within(tag::context(0))?.within(tag::SEQUENCE)?;
    if typed.one(tag::OBJECT_IDENTIFIER)?.contents != BASIC {
        return None;
    }
    let mut basic = typed.within(tag::OCTET_STRING)?.within(tag::SEQUENCE)?;
    let signed = Signed::read(&mut basic)?;
    let certificates = match basic.optional(tag::context(0)) {
        Some(list) => every(list, MAX_RESPONDERS, |value| Some(value.whole))?,
        None => Vec::new(),
    };
    let mut data = Der::new(signed.bytes).within(tag::SEQUENCE)?;
    data.optional(tag::context(0));
    let responder = responder(data.any()?)?;
    data.one(tag::GENERALIZED_TIME)?;
    let mut singles = Vec::new();
    let mut list = data.within(tag::SEQUENCE)?;
    while !list.is_empty() && singles.len() < MAX_SINGLES {
        singles.push(single(list.within(tag::SEQUENCE)?)?);
    }
    Some(OcspResponse::Basic(Box::new(BasicOcsp { signed, responder, singles, certificates })))
}

/// What the sequence within a tagged value holds.
fn every<'a, T>(tagged: Value<'a>, most: usize, read: fn(Value<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut list = Der::new(tagged.contents).within(tag::SEQUENCE)?;
    let mut all = Vec::new();
    while !list.is_empty() && all.len() < most {
        all.push(read(list.any()?)?);
    }
    Some(all)
}

fn responder(value: Value<'_>) -> Option<Responder<'_>> {
    let mut inner = Der::new(value.contents);
    match value.tag {
        t if t == tag::context(1) => Some(Responder::Name(inner.one(tag::SEQUENCE)?.contents)),
        t if t == tag::context(2) => Some(Responder::Key(inner.one(tag::OCTET_STRING)?.contents)),
        _ => None,
    }
}

fn single(mut der: Der<'_>) -> Option<SingleStatus<'_>> {
    /// 1.3.14.3.2.26.
    const SHA1: [u8; 5] = [0x2b, 14, 3, 2, 26];
    let mut id = der.within(tag::SEQUENCE)?;
    let by_sha1 = id.within(tag::SEQUENCE)?.one(tag::OBJECT_IDENTIFIER)?.contents == SHA1;
    let name_hash = id.one(tag::OCTET_STRING)?.contents;
    let key_hash = id.one(tag::OCTET_STRING)?.contents;
    let serial = id.one(tag::INTEGER)?.contents;
    let status = status(der.any()?)?;
    let this_update = der::time(der.one(tag::GENERALIZED_TIME)?.contents)?;
    let next_update = match der.optional(tag::context(0)) {
        Some(next) => Some(der::time(Der::new(next.contents).one(tag::GENERALIZED_TIME)?.contents)?),
        None => None,
    };
    Some(SingleStatus { by_sha1, name_hash, key_hash, serial, status, this_update, next_update })
}

fn status(value: Value<'_>) -> Option<CertificateStatus> {
    match value.tag {
        t if t == tag::primitive(0) => Some(CertificateStatus::Good),
        t if t == tag::primitive(2) => Some(CertificateStatus::Unknown),
        t if t == tag::context(1) => {
            let mut inner = Der::new(value.contents);
            let since = der::time(inner.one(tag::GENERALIZED_TIME)?.contents)?;
            let reason =
                inner.within(tag::context(0)).and_then(|mut r| r.one(tag::ENUMERATED)?.contents.first().copied());
            Some(CertificateStatus::Revoked(since, reason))
        }
        _ => None,
    }
}

/// The bytes of a bit string that ends with a byte.
fn bits<'a>(der: &mut Der<'a>) -> Option<&'a [u8]> {
    der.one(tag::BIT_STRING)?.contents.strip_prefix(&[0])
}

/// The name of a `CRLReason` (RFC 5280 section 5.3.1).
#[must_use]
pub const fn reason_name(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => return None,
    })
}
