use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::EDGE;

cause! {
    /// The origin's certificate is not meant for servers, and the edge does not go on.
    ///
    /// # What happened
    /// The certificate's extended key usage lists purposes, and serverAuth is not among them: it was made for clients
    /// (mutual TLS, VPN), for mail or for code.
    ///
    /// # Evidence
    /// The Certificate message whose leaf has extendedKeyUsage without serverAuth (and without anyExtendedKeyUsage), and
    /// the edge's end, alert or silence in place of its key exchange. Without the extension a certificate is for everything.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -ext extendedKeyUsage`
    ///
    /// # How to fix
    /// - Install the server's certificate in place of the client's: nginx `ssl_certificate` (not
    ///   `proxy_ssl_certificate`), Apache `SSLCertificateFile`, HAProxy `crt` of `bind`, Node `cert` of the server.
    /// - A CA of your own: `extendedKeyUsage = serverAuth` in the profile that signs.
    ///
    /// # Often confused with
    /// - `tls.client-certificate-required`: there it is the edge's certificate that is missing.
    /// - `tls.certificate-rejected`: the same in TLS 1.3, where the certificate cannot be seen.
    ///
    /// # References
    /// - RFC 5280 section 4.2.1.12, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", invalid certificate
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SamePeerAccepts,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    certificate::fault(c, true, |fault| (*fault == ChainFault::Purpose).then_some(()))?;
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} is not for servers: its extended key usage lacks serverAuth", certificate::subject(c, 0)),
            note: "Certificate: extendedKeyUsage without serverAuth".to_owned(),
            confidence: Confidence::Certain,
        },
    )?;
    Some(
        finding
            .fix("Install a certificate whose extended key usage has serverAuth; this one is probably a client's.")
            .fix(certificate::look(c)),
    )
}
