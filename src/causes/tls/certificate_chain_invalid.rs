use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection, Invalid};

use super::EDGE;

cause! {
    /// The origin's chain of certificates cannot be used, and the edge does not go on.
    ///
    /// # What happened
    /// The certificates name each other as issuer and subject, but not all of them may or did sign: one is no authority,
    /// one has the right name and another key, one goes beyond its constraints, or there are too many of them.
    ///
    /// # Evidence
    /// The Certificate message and, of its path, one of:
    /// - an issuer without `CA:TRUE` in basicConstraints;
    /// - a signature that the key of the issuer does not verify: most often the CA was made again under the same name;
    /// - pathLenConstraint or nameConstraints that are exceeded;
    /// - more than 7 authorities below the root, as many as s2n-tls follows unless it is told otherwise. CloudFront's own
    ///   limit is not documented: `likely`;
    ///
    /// and the edge's end, alert or silence in place of its key exchange.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin, or runs the CA.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -showcerts </dev/null`, then
    ///   `openssl verify -show_chain -CAfile ROOT -untrusted INTERMEDIATES LEAF`: "invalid CA certificate", "certificate
    ///   signature failure", "path length constraint exceeded", "certificate chain too long".
    ///
    /// # How to fix
    /// - Install the chain that the CA gives for this very certificate, leaf first: nginx `ssl_certificate`, Apache
    ///   `SSLCertificateFile`, HAProxy `crt`, Node `cert`.
    /// - A CA of your own: `basicConstraints = critical, CA:TRUE` for every authority, and few of them.
    ///
    /// # Often confused with
    /// - `tls.certificate-chain-order`: a matter of order alone, which s2n-tls accepts.
    /// - `tls.certificate-untrusted`: the chain is in order, its root is unknown.
    ///
    /// # References
    /// - RFC 5280 section 4.2.1.9 and section 6.1, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", invalid certificate
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SamePeerAccepts,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let why = certificate::fault(c, false, |fault| match fault {
        ChainFault::Invalid(why) => Some(why),
        _ => None,
    })?;
    let (said, confidence) = match why {
        Invalid::TooDeep { authorities } => {
            (format!("has {authorities} authorities below its root, more than an edge follows"), Confidence::Likely)
        }
        Invalid::NoAuthority { certificate } => {
            let issuer = certificate::summary(c, *certificate).map(|s| s.subject.as_str()).unwrap_or_default();
            (format!("has an issuer that is no authority: \"{issuer}\" (certificate {})", certificate + 1), Confidence::Certain)
        }
        Invalid::Signature => {
            ("has a signature that the key of the issuer does not verify".to_owned(), Confidence::Certain)
        }
        Invalid::Constraint { what } => (format!("goes beyond the {what} of an authority"), Confidence::Certain),
    };
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("The chain of {} {said}", c.server),
            note: format!("Certificate: the chain {said}"),
            confidence,
        },
    )?;
    Some(
        finding
            .fix("Install the chain that the CA gives for this very certificate: leaf, then intermediates.")
            .fix(certificate::look(c)),
    )
}
