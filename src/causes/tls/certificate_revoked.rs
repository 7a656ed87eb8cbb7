use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection, tls};

use super::EDGE;

cause! {
    /// The OCSP response that the origin staples says that its certificate is revoked, and the edge does not go on.
    ///
    /// # What happened
    /// The edge asked for an OCSP response with the certificate (status_request), and the origin sent one, signed for the
    /// CA: the certificate is revoked. CAs revoke when a key was lost, when a name changed hands, or when they find that
    /// they should not have issued it. AWS does not document whether CloudFront looks at it; s2n-tls, its TLS library,
    /// refuses.
    ///
    /// # Evidence
    /// The CertificateStatus message up to TLS 1.2, or the extension of the certificate in TLS 1.3 where keys open it; its
    /// signature by the leaf's issuer or by a responder that the issuer appointed; and the edge's end, alert or silence in
    /// place of its key exchange.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -status </dev/null`: "Cert Status: revoked".
    /// - Ask the CA itself: `openssl x509 -in LEAF.pem -noout -ocsp_uri`, then
    ///   `openssl ocsp -issuer ISSUER.pem -cert LEAF.pem -url URI -text`.
    ///
    /// # How to fix
    /// - Get a new certificate with a new key, and let the server load it; without stapling the certificate is revoked
    ///   all the same.
    /// - Find out why it was revoked: mails of the CA, the reason in the evidence.
    ///
    /// # Often confused with
    /// - `tls.ocsp-staple-invalid`: the response itself is no good, the certificate may be.
    /// - `tls.certificate-expired`: it ran out by itself.
    ///
    /// # References
    /// - RFC 6960 section 4.2.1, RFC 6066 section 8, RFC 8446 section 4.4.2.1, RFC 5280 section 5.3.1
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SamePeerAccepts,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (since, reason) = certificate::fault(c, true, |fault| match fault {
        ChainFault::Revoked { since, reason } => Some((since.to_the_minute(), *reason)),
        _ => None,
    })?;
    let why = reason.and_then(tls::reason_name).map(|name| format!(" ({name})")).unwrap_or_default();
    let finding = certificate::finding(
        c,
        Fault {
            what: format!(
                "{} was revoked on {since}{why}: the OCSP response that the origin staples to it says so",
                certificate::subject(c, 0)
            ),
            note: format!("OCSP response: revoked, revocationTime {since}{why}"),
            confidence: Confidence::Likely,
        },
    )?;
    Some(
        finding
            .fix("Get a new certificate with a new key, and let the server load it.")
            .fix(certificate::look_at_staple(c)),
    )
}
