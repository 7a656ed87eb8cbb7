use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::EDGE;

cause! {
    /// The origin does not send the intermediate certificate, and the edge does not go on.
    ///
    /// # What happened
    /// The certificate was signed by an intermediate CA, and only the edge's list of roots is known to the edge: without
    /// the intermediate there is no way from one to the other. Browsers hide the fault, because they remember
    /// intermediates or fetch them.
    ///
    /// # Evidence
    /// The Certificate message without the issuer of the leaf, which is no trust anchor (`--trust`) either, and the edge's
    /// end, alert or silence in place of its key exchange. A private root that signs leaves itself looks the same: then it
    /// is `tls.certificate-untrusted`. Nothing is fetched: the address of the issuer's certificate is what the leaf says.
    /// An edge that finishes the handshake has accepted it: then there is no finding.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -showcerts </dev/null` prints one certificate, and "unable
    ///   to get local issuer certificate" or "unable to verify the first certificate".
    ///
    /// # How to fix
    /// - Install leaf, then intermediates, without the root. nginx: `ssl_certificate` with `fullchain.pem`. Apache:
    ///   `SSLCertificateFile` with the whole chain (`SSLCertificateChainFile` before 2.4.8). HAProxy: one `crt` file with
    ///   leaf, intermediates and key. Node: `cert` with the whole chain.
    /// - ALB, NLB with an imported certificate: give the chain to `aws acm import-certificate --certificate-chain`.
    ///
    /// # Often confused with
    /// - `tls.certificate-untrusted`: the chain is there, its root is not on the list.
    /// - `tls.certificate-chain-order`: all are there, in another order.
    ///
    /// # References
    /// - RFC 5246 section 7.4.2, RFC 5280 section 4.2.2.1 and section 6
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", certificate chain
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (issuer, url) = certificate::fault(c, false, |fault| match fault {
        ChainFault::Incomplete { issuer, url } => Some((issuer, url)),
        _ => None,
    })?;
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} was signed by \"{issuer}\", whose certificate was not sent", certificate::subject(c, 0)),
            note: format!("Certificate: issuer {issuer}, and no certificate of that name follows"),
            confidence: Confidence::Certain,
        },
    )?;
    let finding = match url {
        Some(url) => finding.fix(format!("Append the intermediate certificate to the leaf's file: the leaf says that it is at {url}.")),
        None => finding.fix("Append the intermediate certificate to the leaf's file; the CA has it."),
    };
    Some(
        finding
            .fix("If the issuer is a private root: CloudFront accepts only CAs on Mozilla's list.")
            .fix(certificate::look(c)),
    )
}
