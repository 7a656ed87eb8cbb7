//! Whether the certificates that an origin sends in clear (TLS 1.2 and below) are such as CloudFront accepts.
//!
//! The judgement is a fact as others are: the same bytes, the same trust anchors, the same names and the same time
//! give the same one. What the edge made of it is told by the rest of the connection.

mod judge;
mod names;
mod near;
mod path;
mod staple;
mod store;
mod verify;

use std::sync::Arc;

use crate::base::{Side, Timestamp};
use crate::session::tls::Certificate;

use super::Connection;

pub use judge::Judge;
pub use near::NearMiss;
pub use staple::StapleFault;
pub use store::{NoAnchor, Trust};

/// The chain of one connection, judged.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The time for which it was judged.
    pub at: Timestamp,
    /// What was found. Connections that show the same chain share it.
    pub report: Arc<ChainReport>,
}

/// What is to be said of a chain. Certificates are counted from 0, in the order in which the origin sent them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainReport {
    /// Whether the path ends in a trust anchor and every signature on it verifies; `None` where that cannot be told,
    /// because a certificate cannot be read or an algorithm is not known here.
    pub trusted: Option<bool>,
    /// The certificates from the leaf towards the root, as far as they were sent and are needed.
    pub path: Vec<usize>,
    /// Distinguished name of the trust anchor that issued the last of the path.
    pub anchor: Option<String>,
    /// The names that the leaf was compared with; none where neither the edge nor the user named one.
    pub names: Vec<String>,
    /// What is wrong, in the order in which a verifier meets it that begins with the leaf.
    pub faults: Vec<ChainFault>,
    /// What is no fault, and worth knowing.
    pub near_misses: Vec<NearMiss>,
}

/// One thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// A certificate cannot be read.
    Malformed {
        /// Which.
        certificate: usize,
    },
    /// The leaf is its own issuer, and no trust anchor.
    SelfSigned,
    /// A certificate of the path is not valid yet.
    NotYetValid {
        /// Which.
        certificate: usize,
    },
    /// A certificate of the path is no longer valid.
    Expired {
        /// Which.
        certificate: usize,
    },
    /// No name of the leaf is one of those that count.
    NameMismatch,
    /// The stapled OCSP response says that the leaf is revoked.
    Revoked {
        /// Since when.
        since: Timestamp,
        /// Why, as `CRLReason` numbers it; `None` where it does not say.
        reason: Option<u8>,
    },
    /// The stapled OCSP response proves nothing.
    Staple(StapleFault),
    /// The leaf is not for servers (RFC 5280 section 4.2.1.12).
    Purpose,
    /// The issuer of the leaf was not sent, and is no trust anchor.
    Incomplete {
        /// The issuer's distinguished name.
        issuer: String,
        /// Where the leaf says that the issuer's certificate can be had.
        url: Option<String>,
    },
    /// The path ends in an issuer that is no trust anchor.
    Untrusted {
        /// The last certificate of the path.
        certificate: usize,
        /// Its issuer's distinguished name.
        issuer: String,
        /// Whether it is the root itself that was sent.
        is_root: bool,
    },
    /// The path is there, and cannot be used.
    Invalid(Invalid),
    /// The path is there, but some issuer was sent before what it issued.
    Order,
    /// A key or a signature of the path is weaker than is accepted today.
    Weak {
        /// Which certificate.
        certificate: usize,
        /// `RSA 1024`, `sha1WithRSAEncryption`.
        what: String,
    },
}

/// Why a path cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// It has more authorities below the root than s2n-tls follows.
    TooDeep {
        /// How many.
        authorities: usize,
    },
    /// An issuer is no authority (RFC 5280 section 4.2.1.9).
    NoAuthority {
        /// Which certificate.
        certificate: usize,
    },
    /// An issuer has the right name, but did not sign what it should have.
    Signature,
    /// An authority issued more than its constraints allow.
    Constraint {
        /// Which constraint.
        what: &'static str,
    },
}

impl ChainFault {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            ChainFault::Malformed { .. } => "malformed",
            ChainFault::SelfSigned => "self-signed",
            ChainFault::NotYetValid { .. } => "not-yet-valid",
            ChainFault::Expired { .. } => "expired",
            ChainFault::NameMismatch => "name-mismatch",
            ChainFault::Revoked { .. } => "revoked",
            ChainFault::Staple(_) => "ocsp-staple-invalid",
            ChainFault::Purpose => "purpose",
            ChainFault::Incomplete { .. } => "chain-incomplete",
            ChainFault::Untrusted { .. } => "untrusted",
            ChainFault::Invalid(_) => "chain-invalid",
            ChainFault::Order => "chain-order",
            ChainFault::Weak { .. } => "weak",
        }
    }

    /// The certificate that it is about; `None` where it is the chain.
    #[must_use]
    pub const fn certificate(&self) -> Option<usize> {
        match *self {
            ChainFault::Malformed { certificate }
            | ChainFault::NotYetValid { certificate }
            | ChainFault::Expired { certificate }
            | ChainFault::Untrusted { certificate, .. }
            | ChainFault::Invalid(Invalid::NoAuthority { certificate })
            | ChainFault::Weak { certificate, .. } => Some(certificate),
            ChainFault::SelfSigned
            | ChainFault::NameMismatch
            | ChainFault::Revoked { .. }
            | ChainFault::Staple(_)
            | ChainFault::Purpose
            | ChainFault::Incomplete { .. } => Some(0),
            ChainFault::Invalid(_) | ChainFault::Order => None,
        }
    }
}

impl Connection {
    /// The certificates that the origin sent in clear.
    pub fn origin_certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.tls.iter().flat_map(|tls| &tls.certificates).filter(|c| c.from == Side::Server)
    }

    /// The OCSP response that the origin stapled to its certificate.
    #[must_use]
    pub fn staple(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.ocsp_staple.as_ref().map(|staple| &*staple.1)
    }
}
