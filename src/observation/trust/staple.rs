//! Judges the OCSP response that is stapled to a leaf, by what s2n-tls makes of one
//! (`s2n_x509_validator_validate_cert_stapled_ocsp_response`).

use rustls_pki_types::TrustAnchor;

use super::ChainFault;
use super::verify::{Proof, signed_by};
use crate::base::{Micros, Timestamp};
use crate::session::tls::{
    BasicOcsp, CertificateStatus, Identity, OcspResponse, PublicKeyInfo, Responder, ResponseStatus, SingleStatus,
    Summary, name_has_sha1,
};

/// How long a response without nextUpdate is good for s2n-tls.
const WITHOUT_NEXT_UPDATE: Micros = Micros::from_secs(3_600);

const SECOND: i64 = 1_000_000_000;

/// Why a stapled OCSP response proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StapleFault {
    /// It cannot be read.
    Malformed,
    /// The responder refused to answer.
    Unsuccessful(ResponseStatus),
    /// It says nothing of this certificate by this issuer.
    OtherCertificate,
    /// It names the certificate by a hash other than SHA-1, by which alone s2n-tls looks for it.
    OtherHash,
    /// Its time has not come.
    Early {
        /// thisUpdate.
        this_update: Timestamp,
    },
    /// It is out of date.
    Late {
        /// nextUpdate; where there is none, what s2n-tls takes for it.
        until: Timestamp,
        /// Whether the response says so itself.
        said: bool,
    },
    /// The responder does not know the certificate.
    Unknown,
    /// Whoever signed it is neither the issuer nor appointed by it.
    Responder,
    /// The signature is not that of the responder.
    Signature,
}

/// Who issued the leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Issuer<'a> {
    /// Contents of its distinguished name.
    name: &'a [u8],
    key: PublicKeyInfo<'a>,
}

impl<'a> Issuer<'a> {
    /// One that was sent.
    pub(super) fn of_certificate(der: &'a [u8]) -> Option<Self> {
        Identity::read(der).map(|id| Self { name: id.subject, key: id.key })
    }

    /// One that is trusted.
    pub(super) fn of_anchor(anchor: &'a TrustAnchor<'static>) -> Option<Self> {
        Some(Self { name: &anchor.subject, key: PublicKeyInfo::read(&anchor.subject_public_key_info)? })
    }
}

/// What is said of a staple, and when that changes: seconds of the Unix era.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) faults: Vec<ChainFault>,
    pub(super) changes: Vec<i64>,
}

/// Judges the staple of a leaf. `issuers` are all that may have issued it: one, but for keys that were changed.
pub(super) fn judge(response: &[u8], leaf: &[u8], issuers: &[Issuer<'_>], at: Timestamp) -> Judged {
    let only = |fault| Judged { faults: vec![ChainFault::Staple(fault)], changes: Vec::new() };
    let basic = match OcspResponse::read(response) {
        OcspResponse::Basic(basic) => basic,
        OcspResponse::Unsuccessful(status) => return only(StapleFault::Unsuccessful(status)),
        OcspResponse::Malformed => return only(StapleFault::Malformed),
    };
    // Where the issuer is not known, nobody can tell who may speak for it.
    let Some(leaf) = Identity::read(leaf).filter(|_| !issuers.is_empty()) else { return Judged::default() };
    let about = |s: &&SingleStatus<'_>| s.by_sha1 && s.serial == leaf.serial && issuers.iter().any(|i| i.is_of(s));
    let Some(single) = basic.singles.iter().find(about) else {
        let otherwise = basic.singles.iter().any(|s| !s.by_sha1 && s.serial == leaf.serial);
        return only(if otherwise { StapleFault::OtherHash } else { StapleFault::OtherCertificate });
    };
    let issuer = issuers.iter().filter(|issuer| issuer.is_of(single));
    let signed = issuer.map(|issuer| issuer.answers_for(&basic, at)).next().unwrap_or(Ok(Proof::Unknown));
    if let Err(fault) = signed {
        return only(fault);
    }
    said(single, at)
}

fn said(single: &SingleStatus<'_>, at: Timestamp) -> Judged {
    let until = single.next_update.unwrap_or_else(|| single.this_update.plus(WITHOUT_NEXT_UPDATE));
    let second = |time: Timestamp| time.0.div_euclid(SECOND);
    let in_time = if second(at) < second(single.this_update) {
        Some(StapleFault::Early { this_update: single.this_update })
    } else if second(at) > second(until) || (single.next_update.is_none() && second(at) == second(until)) {
        Some(StapleFault::Late { until, said: single.next_update.is_some() })
    } else {
        None
    };
    let status = match single.status {
        CertificateStatus::Good => None,
        CertificateStatus::Revoked(since, reason) => Some(ChainFault::Revoked { since, reason }),
        CertificateStatus::Unknown => Some(ChainFault::Staple(StapleFault::Unknown)),
    };
    let changes = vec![second(single.this_update), second(until), second(until) + 1];
    Judged { faults: status.into_iter().chain(in_time.map(ChainFault::Staple)).collect(), changes }
}

impl Issuer<'_> {
    fn is_of(&self, single: &SingleStatus<'_>) -> bool {
        name_has_sha1(self.name, single.name_hash) && self.key.has_sha1(single.key_hash)
    }

    fn is_named(&self, responder: Responder<'_>) -> bool {
        names(responder, self.name, &self.key)
    }

    /// Whether the response is signed by this issuer, or by whom it appointed (RFC 6960 section 4.2.2.2).
    fn answers_for(&self, basic: &BasicOcsp<'_>, at: Timestamp) -> Result<Proof, StapleFault> {
        let proven = |proof| if proof == Proof::No { Err(StapleFault::Signature) } else { Ok(proof) };
        if self.is_named(basic.responder) {
            return proven(signed_by(&basic.signed, &self.key));
        }
        let mut responders = basic.certificates.iter().filter_map(|der| Some((*der, Identity::read(der)?)));
        let named = responders.find(|(_, id)| names(basic.responder, id.subject, &id.key));
        let Some((der, id)) = named else { return Err(StapleFault::Responder) };
        let may = Summary::read(der).is_ok_and(|s| s.ocsp_signing && s.is_valid_at(at) && *s.issuer_der == *self.name);
        match signed_by(&id.signed, &self.key) {
            _ if !may => Err(StapleFault::Responder),
            Proof::No => Err(StapleFault::Responder),
            Proof::Unknown => Ok(Proof::Unknown),
            Proof::Yes => proven(signed_by(&basic.signed, &id.key)),
        }
    }
}

fn names(responder: Responder<'_>, name: &[u8], key: &PublicKeyInfo<'_>) -> bool {
    match responder {
        Responder::Name(named) => named == name,
        Responder::Key(hash) => key.has_sha1(hash),
    }
}
