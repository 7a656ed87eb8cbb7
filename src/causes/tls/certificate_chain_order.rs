use crate::causes::certificate::{self, Fault};
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::{ChainFault, Connection};

cause! {
    /// The origin sends its certificates in an order that does not chain.
    ///
    /// # What happened
    /// Up to TLS 1.2 each certificate must be that of the issuer of the one before it. Here some are the wrong way round.
    /// All that is needed is there.
    ///
    /// # Evidence
    /// The Certificate message: the order in which the certificates were sent, and that in which they sign each other. It is
    /// a finding beside the verdict, never the verdict: s2n-tls, and TLS 1.3, accept any order, while AWS's guide names the
    /// order among the reasons for a 502. Connections of a load balancer are left out: nobody else sees that chain.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -showcerts </dev/null`: in "Certificate chain" the issuer
    ///   (`i:`) of each is the subject (`s:`) of the next.
    ///
    /// # How to fix
    /// - One file: leaf, the intermediate that signed it, the next one, without the root. nginx `ssl_certificate`, Apache
    ///   `SSLCertificateFile`, HAProxy `crt`, Node `cert`.
    /// - ALB with an imported certificate: the same order in `--certificate-chain`, without the leaf.
    ///
    /// # Often confused with
    /// - `tls.certificate-chain-incomplete`: one is missing.
    /// - A certificate that is sent twice, or without need: no finding.
    ///
    /// # References
    /// - RFC 5246 section 7.4.2, RFC 8446 section 4.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", certificate chain in the wrong order
    effect: Effect::Note,
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    certificate::fault(c, true, |fault| (*fault == ChainFault::Order).then_some(()))?;
    let path = &c.chain.as_ref()?.report.path;
    let order: Vec<_> = path.iter().map(|i| (i + 1).to_string()).collect();
    let order = order.join(", ");
    let finding = certificate::note(
        c,
        Fault {
            what: format!("The certificates of {} chain in the order {order} of those sent, which is not the order in which they were sent", c.server),
            note: format!("Certificate: the chain is {order}"),
            confidence: Confidence::Certain,
        },
    )?;
    Some(finding.fix("Put them into one file in this order: leaf, the intermediate that signed it, the next one, without the root."))
}
