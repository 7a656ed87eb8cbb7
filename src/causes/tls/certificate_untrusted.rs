use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::EDGE;

cause! {
    /// The origin's certificate comes from a CA that Mozilla does not include, and the edge does not go on.
    ///
    /// # What happened
    /// The chain ends in a root that CloudFront does not know: a private CA, a CA for testing (Let's Encrypt staging,
    /// `mkcert`), CloudFlare's origin CA, or a public one that has been removed.
    ///
    /// # Evidence
    /// The Certificate message whose path ends in a root, or in an issuer, that is neither in the built-in Mozilla store
    /// nor given by `--trust`, and the edge's end, alert or silence in place of its key exchange. `likely`, because the
    /// store is that of the day on which this program was built, and CloudFront's may be another; roots that were removed
    /// since make an old capture look so. An edge that finishes the handshake has accepted it: then there is no finding.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -showcerts </dev/null` prints the chain; its last issuer must
    ///   be on Mozilla's list of included CAs.
    ///
    /// # How to fix
    /// - A certificate of a CA on Mozilla's list. nginx `ssl_certificate`, Apache `SSLCertificateFile`, HAProxy `crt`,
    ///   Node `cert`: leaf, then intermediates.
    /// - A private CA is enough behind a load balancer: ALB does not check the certificates of its targets, and has one from
    ///   ACM for CloudFront.
    /// - The chain has a further intermediate that is not sent: install it.
    ///
    /// # Often confused with
    /// - `tls.certificate-self-signed`: no CA at all.
    /// - `tls.certificate-chain-incomplete`: the issuer of the leaf itself is missing.
    ///
    /// # References
    /// - RFC 5280 section 6, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "Requirements for using SSL/TLS certificates with CloudFront"
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (last, issuer, is_root) = certificate::fault(c, false, |fault| match fault {
        ChainFault::Untrusted { certificate, issuer, is_root } => Some((*certificate, issuer, *is_root)),
        _ => None,
    })?;
    let sent = if is_root { "sent, and no trust anchor" } else { "neither sent nor a trust anchor" };
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} leads to \"{issuer}\", a CA that is not in the Mozilla store", certificate::subject(c, 0)),
            note: format!("Certificate {}: issuer {issuer}, {sent}", last + 1),
            confidence: Confidence::Likely,
        },
    )?;
    Some(
        finding
            .fix("Install a certificate of a CA on Mozilla's list, with its intermediates.")
            .fix_if(!is_root, "If that issuer is itself signed by a CA on the list: install its certificate as well.")
            .fix(certificate::look(c)),
    )
}
