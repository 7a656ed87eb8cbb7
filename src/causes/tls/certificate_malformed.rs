use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::EDGE;

cause! {
    /// The origin sends a certificate that cannot be read, and the edge does not go on.
    ///
    /// # What happened
    /// The bytes in the Certificate message are no X.509 certificate: damaged on the way by a device that changes TLS, made
    /// by software of one's own, or followed by bytes that do not belong to them.
    ///
    /// # Evidence
    /// The Certificate message with a certificate whose DER cannot be decoded, and the edge's end, alert or silence in place
    /// of its key exchange. `likely`: readers of certificates differ in what they let pass.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -showcerts </dev/null`, and `openssl x509 -noout -text` for
    ///   each certificate. Once on the origin itself, once from outside: where they differ, something between changes them.
    ///
    /// # How to fix
    /// - Install the certificate again as the CA gave it; nginx, Apache and HAProxy refuse to start with a broken leaf, but
    ///   not every server reads the others.
    /// - Software of one's own (Node, Go, Java): send DER, one certificate an entry, nothing between.
    ///
    /// # Often confused with
    /// - `tls.malformed-record`: there the records or messages themselves are broken.
    /// - `tls.certificate-chain-invalid`: every certificate can be read, together they make no chain.
    ///
    /// # References
    /// - RFC 5280 section 4.1, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", invalid certificate
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SamePeerAccepts,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let broken = certificate::fault(c, false, |fault| match fault {
        ChainFault::Malformed { certificate } => Some(*certificate),
        _ => None,
    })?;
    let why = c.origin_certificates().nth(broken)?.summary().err()?;
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("Certificate {} of {} cannot be read: {why}", broken + 1, c.server),
            note: format!("Certificate {}: {why}", broken + 1),
            confidence: Confidence::Likely,
        },
    )?;
    Some(
        finding
            .fix("Compare what the origin sends with the file that it was given: does something on the way change it?")
            .fix(certificate::look(c)),
    )
}
