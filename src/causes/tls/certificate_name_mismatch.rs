use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::{EDGE, presented, quoted};

cause! {
    /// The origin's certificate is for other names than the edge asked for, and the edge does not go on.
    ///
    /// # What happened
    /// CloudFront compares the names on the certificate with the origin's domain name, or with the Host header where it
    /// forwards that. None is equal. Often the Host is forwarded without need, so that the origin is asked for the
    /// viewer's name; or the server has no virtual host for the name and shows the certificate of its default one.
    ///
    /// # Evidence
    /// The ClientHello's server name (or the names of `--origin-name`), the names on the leaf, and the edge's end, alert or
    /// silence in place of its key exchange. Names are compared as s2n-tls does: subjectAltName, the common name only
    /// where there is none; a wildcard stands for one label; Unicode names by their A-labels. A function at the edge may
    /// allow other names: give them by `--origin-name`. Where the edge finished the handshake the finding stands beside
    /// the verdict.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin, or the distribution if it asks for the wrong name.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -subject -ext subjectAltName`
    ///   with the name from the evidence.
    /// - In the distribution: does the origin request policy forward Host?
    ///
    /// # How to fix
    /// - The name asked for is the viewer's: origin request policy `AllViewerExceptHostHeader`, or a certificate that has
    ///   the viewer's name as well.
    /// - The name asked for is the origin's own: a certificate for it. nginx: `server_name` of the right `server` block.
    ///   Apache: `ServerName`, `ServerAlias`. HAProxy: the certificate among those of `crt`, or `crt-list`. Node: `SNICallback`.
    /// - ALB: add a certificate for the name to the listener. Its own DNS name (`*.elb.amazonaws.com`) can have none:
    ///   give the origin a name of yours.
    ///
    /// # Often confused with
    /// - `tls.sni-forwarded-host`: the name asked for is the viewer's, and it shows: it is one under `cloudfront.net`, or the
    ///   origin accepts another in the same capture.
    /// - `tls.unrecognized-name`: there the origin refuses the name itself.
    /// - `tls.certificate-self-signed`: the default certificate of a package is often both.
    ///
    /// # References
    /// - RFC 9525 section 6, RFC 6066 section 3
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", domain names that do not match
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    certificate::fault(c, true, |fault| (*fault == ChainFault::NameMismatch).then_some(()))?;
    let leaf = certificate::summary(c, 0)?;
    let report = &c.chain.as_ref()?.report;
    let presented = presented(leaf);
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("The certificate of {} is for {presented}, not for {}", c.server, quoted(&report.names)),
            note: format!("Certificate: for {presented}"),
            confidence: Confidence::Certain,
        },
    )?;
    Some(
        finding
            .fix(format!("Let the origin show a certificate for {}.", quoted(&report.names)))
            .fix("If that name is the viewer's, the Host header is forwarded: origin request policy AllViewerExceptHostHeader, or a certificate for that name.")
            .fix(certificate::look(c)),
    )
}
