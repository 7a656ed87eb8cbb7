use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::EDGE;

cause! {
    /// The origin's certificate is signed by itself, and the edge does not go on.
    ///
    /// # What happened
    /// The certificate names itself as its issuer: made by hand, by a package (`ssl-cert-snakeoil`), or by a server that
    /// found none for the name. CloudFront accepts only certificates of a CA on Mozilla's list.
    ///
    /// # Evidence
    /// The Certificate message whose leaf has one name as issuer and subject and is no trust anchor (`--trust` makes it
    /// one), and the edge's end, alert or silence in place of its key exchange. An edge that finishes the handshake has
    /// accepted it, as load balancers do: then there is no finding.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -subject -issuer`
    ///   prints the same name twice.
    ///
    /// # How to fix
    /// - A certificate of a public CA, such as Let's Encrypt's (`certbot --nginx`, `certbot --apache`), with its chain.
    /// - It has one already, and this is another: the name asked for has no virtual host, so that the default one
    ///   answers. nginx: `server_name`. Apache: `ServerName`. HAProxy: the certificate's names, or `crt-list`.
    ///   Node: `SNICallback`.
    /// - Behind an ALB: put a certificate from ACM on the listener; the target's own may then be signed by itself.
    ///
    /// # Often confused with
    /// - `tls.certificate-untrusted`: signed by a CA, but by a private one.
    /// - `tls.certificate-chain-incomplete`: signed by a public CA whose intermediate was not sent.
    ///
    /// # References
    /// - RFC 5280 section 6.1, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "Requirements for using SSL/TLS certificates with CloudFront"
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    certificate::fault(c, false, |fault| (*fault == ChainFault::SelfSigned).then_some(()))?;
    let leaf = certificate::summary(c, 0)?;
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} (\"{}\") is signed by itself", certificate::subject(c, 0), leaf.subject),
            note: format!("Certificate: subject and issuer are both {}", leaf.subject),
            confidence: Confidence::Certain,
        },
    )?;
    Some(
        finding
            .fix("Install a certificate of a CA on Mozilla's list, with its intermediate.")
            .fix("If the origin has one: no virtual host matches the name above, and the default one answers.")
            .fix(certificate::look(c)),
    )
}
