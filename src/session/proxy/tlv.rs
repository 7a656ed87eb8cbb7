//! The fields behind the addresses of version 2: type, length, value (section 2.2.1 and on).

use crate::base::Cursor;

use super::crc32c::crc32c;
use super::header::Fault;

/// Bytes of a value that are kept; the specification allows a unique id of 128, and names have 255 at most.
const MAX_VALUE: usize = 256;

const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const CRC32C: u8 = 0x03;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;
const SSL_VERSION: u8 = 0x21;
const SSL_CN: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;
/// AWS: Network Load Balancers, "Proxy protocol", VPC endpoint services.
const AWS: u8 = 0xea;
const AWS_VPC_ENDPOINT: u8 = 0x01;

/// What a header says beyond addresses. Text is as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extras {
    /// The protocol that was negotiated with the sender by ALPN.
    pub alpn: Option<String>,
    /// The name that the client asked for: its SNI, mostly.
    pub authority: Option<String>,
    /// An id of the connection, the sender's choice.
    pub unique_id: Option<Vec<u8>>,
    /// How the client reached the sender by TLS.
    pub tls: Option<Encryption>,
    /// The id of an AWS VPC endpoint through which the client came.
    pub vpc_endpoint: Option<String>,
    /// Whether there is a checksum (a wrong one is a fault).
    pub checksum: bool,
}

/// How the client reached the sender by TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// Whether it did at all.
    pub used: bool,
    /// `TLSv1.3`.
    pub version: Option<String>,
    /// The common name of the client's certificate.
    pub common_name: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
}

/// Reads the fields that are at hand; `header` is all of the header's bytes, for its checksum.
pub(super) fn read(header: &[u8], mut fields: Cursor<'_>, whole: bool) -> (Extras, Option<Fault>) {
    let mut extras = Extras::default();
    let mut fault = None;
    while !fields.is_empty() {
        let Some((kind, mut value)) = next(&mut fields) else {
            fault = fault.or(whole.then_some(Fault::Field));
            break;
        };
        match kind {
            ALPN => extras.alpn = Some(text(value.rest())),
            AUTHORITY => extras.authority = Some(text(value.rest())),
            UNIQUE_ID => extras.unique_id = Some(bounded(value.rest()).to_vec()),
            SSL => extras.tls = encryption(&mut value),
            AWS => extras.vpc_endpoint = vpc_endpoint(value.rest()).or(extras.vpc_endpoint),
            CRC32C => {
                extras.checksum = true;
                let (at, right) = (value.offset(), value.u32());
                if whole && right != Ok(checksum(header, at)) {
                    fault = Some(Fault::Checksum);
                }
            }
            // Among them NOOP (4), the network namespace (0x30), and what others have agreed upon.
            _ => {}
        }
    }
    (extras, fault)
}

fn next<'a>(fields: &mut Cursor<'a>) -> Option<(u8, Cursor<'a>)> {
    let (kind, len) = (fields.u8().ok()?, fields.u16().ok()?);
    Some((kind, fields.sub(usize::from(len)).ok()?))
}

/// The checksum of a header, its own field at `at` taken for zero.
fn checksum(header: &[u8], at: usize) -> u32 {
    let (before, rest) = header.split_at_checked(at).unwrap_or((header, &[]));
    crc32c(&[before, &[0; 4], rest.get(4..).unwrap_or_default()])
}

/// Flags, the result of the verification, then fields of its own.
fn encryption(value: &mut Cursor<'_>) -> Option<Encryption> {
    let flags = value.u8().ok()?;
    value.u32().ok()?;
    let mut tls = Encryption { used: flags & 1 == 1, ..Encryption::default() };
    while let Some((kind, value)) = next(value) {
        match kind {
            SSL_VERSION => tls.version = Some(text(value.rest())),
            SSL_CN => tls.common_name = Some(text(value.rest())),
            SSL_CIPHER => tls.cipher = Some(text(value.rest())),
            _ => {}
        }
    }
    Some(tls)
}

fn vpc_endpoint(value: &[u8]) -> Option<String> {
    value.split_first().filter(|(kind, _)| **kind == AWS_VPC_ENDPOINT).map(|(_, id)| text(id))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bounded(bytes)).into_owned()
}

fn bounded(bytes: &[u8]) -> &[u8] {
    bytes.get(..MAX_VALUE).unwrap_or(bytes)
}
