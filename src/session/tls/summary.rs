//! What a certificate says (RFC 5280), read by x509-parser.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::asn1_rs::Any;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate, X509Error, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::hex;
use crate::base::Timestamp;

/// The most names kept of one certificate; public authorities put up to 250 into one.
const MAX_NAMES: usize = 512;

/// The parts of a certificate that explain why a peer refused it. Texts are as the issuer wrote them: may be hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Distinguished name, as `C=US, O=Example, CN=origin.example.com`.
    pub subject: String,
    /// The last common name of the subject, which counts where there is no subjectAltName.
    pub common_name: Option<String>,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// DER of the names within the subject, by which issuers are found.
    pub subject_der: Box<[u8]>,
    /// DER of the names within the issuer.
    pub issuer_der: Box<[u8]>,
    /// Where the issuer's certificate can be had, by authorityInfoAccess (RFC 5280 section 4.2.2.1).
    pub issuer_url: Option<String>,
    /// Whether issuer and subject are the same name.
    pub self_issued: bool,
    /// Serial number in hexadecimal, without leading zero bytes.
    pub serial: String,
    /// First moment of validity; held within the range of [`Timestamp`] (1677 to 2262), as 9999 is common.
    pub not_before: Timestamp,
    /// Last moment of validity; held within the range of [`Timestamp`].
    pub not_after: Timestamp,
    /// DNS names and IP addresses of subjectAltName, in order.
    pub names: Vec<String>,
    /// Kind and size of the key: `RSA 2048`, `EC P-256`, `Ed25519`.
    pub key: String,
    /// Name of the algorithm that signed it: `sha256WithRSAEncryption`; the dotted identifier where it has no name here.
    pub signature: String,
    /// Whether basicConstraints make it an authority.
    pub is_ca: bool,
    /// Whether extendedKeyUsage allows TLS servers; true where there is none.
    pub server_auth: bool,
    /// Whether extendedKeyUsage makes it a responder of OCSP (RFC 6960 section 4.2.2.2).
    pub ocsp_signing: bool,
}

/// Why a certificate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MalformedCertificate {
    /// It ends before its own lengths say.
    CutShort,
    /// Bytes follow its end.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A part does not follow RFC 5280.
    Syntax {
        /// Which, in the words of the parser.
        part: String,
    },
}

impl fmt::Display for MalformedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("the certificate is cut short"),
            Self::TrailingBytes { count } => write!(f, "{count} bytes follow the certificate"),
            Self::Syntax { part } => f.write_str(part),
        }
    }
}

impl From<x509_parser::nom::Err<X509Error>> for MalformedCertificate {
    fn from(error: x509_parser::nom::Err<X509Error>) -> Self {
        match error {
            x509_parser::nom::Err::Incomplete(_) => Self::CutShort,
            x509_parser::nom::Err::Error(e) | x509_parser::nom::Err::Failure(e) => Self::Syntax { part: e.to_string() },
        }
    }
}

impl Summary {
    /// Whether it was valid at a time. Both ends are included, to the second (RFC 5280 section 4.1.2.5).
    #[must_use]
    pub fn is_valid_at(&self, time: Timestamp) -> bool {
        let second = time.0.div_euclid(1_000_000_000);
        (self.not_before.0 / 1_000_000_000..=self.not_after.0 / 1_000_000_000).contains(&second)
    }

    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`MalformedCertificate`] where the bytes are no X.509 certificate.
    pub fn read(der: &[u8]) -> Result<Self, MalformedCertificate> {
        let (rest, certificate) = X509Certificate::from_der(der)?;
        if !rest.is_empty() {
            return Err(MalformedCertificate::TrailingBytes { count: rest.len() });
        }
        let validity = certificate.validity();
        Ok(Self {
            subject: certificate.subject().to_string(),
            common_name: common_name(certificate.subject()),
            issuer: certificate.issuer().to_string(),
            subject_der: name_der(certificate.subject()),
            issuer_der: name_der(certificate.issuer()),
            issuer_url: issuer_url(&certificate),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            serial: serial(certificate.raw_serial()),
            not_before: timestamp(validity.not_before.timestamp()),
            not_after: timestamp(validity.not_after.timestamp()),
            names: names(&certificate),
            key: key(certificate.public_key()),
            signature: signature(&certificate.signature_algorithm.algorithm.to_id_string()),
            is_ca: certificate.is_ca(),
            server_auth: match certificate.extended_key_usage() {
                Ok(Some(usage)) => usage.value.any || usage.value.server_auth,
                _ => true,
            },
            ocsp_signing: matches!(certificate.extended_key_usage(), Ok(Some(usage)) if usage.value.ocsp_signing),
        })
    }
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000_000_000))
}

fn serial(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|&&b| b == 0).count().min(bytes.len().saturating_sub(1));
    hex(bytes.get(zeros..).unwrap_or_default())
}

/// Without the header of the sequence, as trust anchors keep it.
fn name_der(name: &X509Name<'_>) -> Box<[u8]> {
    Any::from_der(name.as_raw()).map(|(_, sequence)| sequence.data.into()).unwrap_or_default()
}

fn issuer_url(certificate: &X509Certificate<'_>) -> Option<String> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    let access = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    access.accessdescs.iter().find_map(|description| match &description.access_location {
        GeneralName::URI(url) if description.access_method.to_id_string() == CA_ISSUERS => Some((*url).to_owned()),
        _ => None,
    })
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().last().map(|cn| match cn.as_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(cn.as_slice()).into_owned(),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return Vec::new() };
    alternative.value.general_names.iter().filter_map(name).take(MAX_NAMES).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|ip| ip.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(|b| Ipv4Addr::from(b).into())
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| Ipv6Addr::from(b).into()))
        .ok()
}

/// RFC 3279, RFC 5480, RFC 8410, FIPS 204.
fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
            return format!("EC {}", curve.map_or_else(|| "unnamed curve".to_owned(), curve_name));
        }
        "1.3.101.112" => return "Ed25519".to_owned(),
        "1.3.101.113" => return "Ed448".to_owned(),
        "2.16.840.1.101.3.4.3.17" => return "ML-DSA-44".to_owned(),
        "2.16.840.1.101.3.4.3.18" => return "ML-DSA-65".to_owned(),
        "2.16.840.1.101.3.4.3.19" => return "ML-DSA-87".to_owned(),
        _ => {}
    }
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", bits(rsa.modulus)),
        Ok(PublicKey::DSA(y)) => format!("DSA {}", bits(y)),
        _ => algorithm,
    }
}

/// Length of a big number in bits.
fn bits(bytes: &[u8]) -> usize {
    let significant = bytes.iter().skip_while(|&&b| b == 0);
    let first = significant.clone().next().map_or(0, |b| b.leading_zeros() as usize);
    8 * significant.count() - first
}

fn curve_name(oid: String) -> String {
    match oid.as_str() {
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.33" => "P-224",
        "1.2.840.10045.3.1.1" => "P-192",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        _ => return oid,
    }
    .to_owned()
}

/// The names that RFC 3279, RFC 4055, RFC 5758 and RFC 8410 give.
fn signature(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10040.4.3" => "dsa-with-sha1",
        "2.16.840.1.101.3.4.3.2" => "dsa-with-sha256",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        other => other,
    }
    .to_owned()
}
