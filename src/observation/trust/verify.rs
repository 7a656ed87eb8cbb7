//! Signatures and constraints of a path, by rustls-webpki. Dates are judged elsewhere.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::Invalid;
use crate::session::tls::{PublicKeyInfo, Signed};

/// What webpki says of a path whose names chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verified {
    /// It leads to a trust anchor.
    Yes,
    /// It does not, for this reason.
    No(&'static Invalid),
    /// It has something that webpki does not know: an algorithm, a version, an extension.
    Unknown,
}

/// Verifies `path`, leaf first, at a second of the Unix era at which all of it is valid.
pub(super) fn verify(path: &[&[u8]], anchors: &[TrustAnchor<'static>], second: u64) -> Verified {
    let Some((leaf, authorities)) = path.split_first() else { return Verified::Unknown };
    let leaf = CertificateDer::from(*leaf);
    let authorities: Vec<_> = authorities.iter().map(|der| CertificateDer::from(*der)).collect();
    let Ok(leaf) = EndEntityCert::try_from(&leaf) else { return Verified::Unknown };
    let time = UnixTime::since_unix_epoch(Duration::from_secs(second));
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let usage = KeyUsage::server_auth();
    match leaf.verify_for_usage(algorithms, anchors, &authorities, time, usage, None, None) {
        Ok(_) => Verified::Yes,
        Err(why) => told(&why),
    }
}

fn told(why: &Error) -> Verified {
    const SIGNATURE: Invalid = Invalid::Signature;
    const PATH_LENGTH: Invalid = Invalid::Constraint { what: "pathLenConstraint of basicConstraints" };
    const NAMES: Invalid = Invalid::Constraint { what: "nameConstraints" };
    match why {
        // The names chain: what webpki misses is a signature.
        Error::InvalidSignatureForPublicKey | Error::UnknownIssuer => Verified::No(&SIGNATURE),
        Error::PathLenConstraintViolated => Verified::No(&PATH_LENGTH),
        Error::NameConstraintViolation => Verified::No(&NAMES),
        _ => Verified::Unknown,
    }
}

/// Whether a signature is that of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// The algorithm is not known here.
    Unknown,
}

/// Verifies one signature.
pub(super) fn signed_by(signed: &Signed<'_>, key: &PublicKeyInfo<'_>) -> Proof {
    let fits = |a: &&&dyn SignatureVerificationAlgorithm| {
        *a.public_key_alg_id() == *key.algorithm && *a.signature_alg_id() == *signed.algorithm
    };
    match webpki::ALL_VERIFICATION_ALGS.iter().find(fits) {
        Some(algorithm) => match algorithm.verify_signature(key.key, signed.bytes, signed.signature) {
            Ok(()) => Proof::Yes,
            Err(_) => Proof::No,
        },
        None => Proof::Unknown,
    }
}
