//! What a chain is judged by.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::base::Timestamp;

/// The most certificates taken from one file of trust anchors: the Mozilla store has some 150.
const MAX_ANCHORS: usize = 4_096;

/// Trust anchors, names and time. By default the Mozilla store, the SNI, and the time of the packet.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(super) anchors: Arc<Vec<TrustAnchor<'static>>>,
    /// Names of which one must be on the leaf; where there is none, the SNI must be.
    pub names: Vec<String>,
    /// The time for which chains are judged in place of that of the packet.
    pub at: Option<Timestamp>,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust { anchors: Arc::new(webpki_roots::TLS_SERVER_ROOTS.to_vec()), names: Vec::new(), at: None }
    }
}

/// Why a file gives no trust anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnchor {
    /// It holds no certificate in PEM.
    NoCertificate,
    /// It holds more than are taken.
    TooMany,
    /// One of its certificates cannot be read; the first one is number 1.
    Unreadable {
        /// Which.
        number: usize,
    },
}

impl fmt::Display for NoAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnchor::NoCertificate => f.write_str("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
            NoAnchor::TooMany => write!(f, "holds more than {MAX_ANCHORS} certificates"),
            NoAnchor::Unreadable { number } => write!(f, "certificate {number} in it cannot be read"),
        }
    }
}

impl Trust {
    /// Trusts the certificates of a PEM file as well.
    ///
    /// # Errors
    /// [`NoAnchor`]; nothing is trusted then that was not before.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), NoAnchor> {
        let mut found = Vec::new();
        for (certificate, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            if number > MAX_ANCHORS {
                return Err(NoAnchor::TooMany);
            }
            let certificate = certificate.map_err(|_| NoAnchor::Unreadable { number })?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| NoAnchor::Unreadable { number })?;
            found.push(anchor.to_owned());
        }
        if found.is_empty() {
            return Err(NoAnchor::NoCertificate);
        }
        Arc::make_mut(&mut self.anchors).extend(found);
        Ok(())
    }
}
