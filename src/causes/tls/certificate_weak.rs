use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::{ChainFault, Connection};

cause! {
    /// A certificate of the origin has a key or a signature that is too weak today.
    ///
    /// # What happened
    /// An RSA key of less than 2048 bits, a DSA key, or a signature with SHA-1 or MD5. Public CAs have issued none of these
    /// for years, so that it is an old one, or a private CA's.
    ///
    /// # Evidence
    /// The Certificate message with the key or the signature. The signature of a root counts for nothing. It is a finding
    /// beside the verdict, never the verdict: s2n-tls under CloudFront's published policies accepts RSA 1024 and a leaf
    /// signed with SHA-1; what CloudFront itself does is not documented. Connections of a load balancer are left out.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -text`: "Public-Key" and
    ///   "Signature Algorithm".
    ///
    /// # How to fix
    /// - A new key and certificate: RSA 2048 or EC P-256, SHA-256. Then nginx `ssl_certificate` and `ssl_certificate_key`,
    ///   Apache `SSLCertificateFile` and `SSLCertificateKeyFile`, HAProxy `crt`, Node `cert` and `key`.
    ///
    /// # Often confused with
    /// - `tls.no-common-cipher`: a key of a kind for which the edge offers no cipher suite or signature scheme.
    ///
    /// # References
    /// - RFC 9155, RFC 6151, CA/Browser Forum Baseline Requirements section 6.1.5
    /// - AWS: Amazon CloudFront Developer Guide, "Requirements for using SSL/TLS certificates with CloudFront"
    effect: Effect::Note,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (weak, what) = certificate::fault(c, true, |fault| match fault {
        ChainFault::Weak { certificate, what } => Some((*certificate, what)),
        _ => None,
    })?;
    let finding = certificate::note(
        c,
        Fault {
            what: format!("{} is weaker than is accepted today: {what}", certificate::subject(c, weak)),
            note: format!("Certificate {}: {what}", weak + 1),
            confidence: Confidence::Certain,
        },
    )?;
    Some(finding.fix("Make a new key (RSA 2048 or EC P-256) and let a CA sign it with SHA-256."))
}
