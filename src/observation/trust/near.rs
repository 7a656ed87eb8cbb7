//! What of a chain is no fault today, and worth knowing before it is one.

use crate::base::{Micros, Timestamp};
use crate::session::tls::Summary;

/// A certificate that ends sooner than this is told of: what renews itself does so a month before.
const SOON: Micros = Micros::from_secs(14 * 86_400);

/// A near miss. Certificates are counted from 0, in the order in which the origin sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NearMiss {
    /// A certificate of the path ends within 14 days.
    ExpiresSoon {
        /// Which.
        certificate: usize,
    },
    /// The root itself is sent, which a verifier has or does not trust.
    RootSent {
        /// Which.
        certificate: usize,
    },
    /// A certificate is sent that issued none of the others.
    Unrelated {
        /// Which.
        certificate: usize,
    },
    /// The leaf's key is of a type that AWS does not list for certificates of CloudFront itself. What holds for those
    /// of origins is not documented.
    UnlistedKey,
}

impl NearMiss {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            NearMiss::ExpiresSoon { .. } => "expires-soon",
            NearMiss::RootSent { .. } => "root-sent",
            NearMiss::Unrelated { .. } => "unrelated",
            NearMiss::UnlistedKey => "unlisted-key",
        }
    }

    /// The certificate that it is about.
    #[must_use]
    pub const fn certificate(self) -> usize {
        match self {
            NearMiss::ExpiresSoon { certificate }
            | NearMiss::RootSent { certificate }
            | NearMiss::Unrelated { certificate } => certificate,
            NearMiss::UnlistedKey => 0,
        }
    }
}

/// The near misses of a chain.
pub(super) fn misses(certificates: &[&Summary], path: &[usize], at: Timestamp) -> Vec<NearMiss> {
    let on_path = path.iter().filter_map(|&i| Some((i, *certificates.get(i)?)));
    let soon = on_path
        .filter(|(_, c)| c.is_valid_at(at) && at >= begins_to_be_soon(c))
        .map(|(certificate, _)| NearMiss::ExpiresSoon { certificate });
    let superfluous = certificates.iter().enumerate().filter(|(i, _)| !path.contains(i)).filter_map(|(i, c)| {
        let mut others = certificates.iter().enumerate().filter(|&(j, _)| j != i).map(|(_, c)| c);
        let issues = others.clone().any(|other| other.issuer_der == c.subject_der);
        let is_the_same = |other: &&Summary| (&other.issuer_der, &other.serial) == (&c.issuer_der, &c.serial);
        match (issues, c.self_issued) {
            _ if others.any(is_the_same) => None,
            (true, true) => Some(NearMiss::RootSent { certificate: i }),
            // An authority that is signed by two roots.
            (true, false) => None,
            (false, _) => Some(NearMiss::Unrelated { certificate: i }),
        }
    });
    let unlisted = certificates.first().filter(|leaf| !is_listed(&leaf.key)).map(|_| NearMiss::UnlistedKey);
    soon.chain(superfluous).chain(unlisted).collect()
}

/// From when on a certificate counts as one that ends soon.
pub(super) fn begins_to_be_soon(c: &Summary) -> Timestamp {
    Timestamp(c.not_after.0.saturating_sub(SOON.0.saturating_mul(1_000)))
}

/// Amazon CloudFront Developer Guide, "Requirements for using SSL/TLS certificates with CloudFront", size of the key.
fn is_listed(key: &str) -> bool {
    const MOST: usize = 4_096;
    match key.strip_prefix("RSA ") {
        Some(bits) => bits.parse::<usize>().is_ok_and(|bits| bits <= MOST),
        None => key == "EC P-256",
    }
}
