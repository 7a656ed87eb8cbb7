use crate::base::Timestamp;
use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::{EDGE, days};

cause! {
    /// The origin's certificate, or one of its chain, has expired, and the edge does not go on.
    ///
    /// # What happened
    /// At the time of the handshake the certificate was no longer valid. CloudFront drops the connection. Renewing it on
    /// disk is half of the work: servers go on with the one that they loaded when they started.
    ///
    /// # Evidence
    /// The Certificate message with a notAfter before the packet's own time (or that of `--at`), and the edge's end, alert
    /// or silence in place of its key exchange. The time is that of the host that captured: check its clock where that may
    /// be wrong. An expired certificate beside a valid path is no fault. Where the edge finished the handshake the finding
    /// stands beside the verdict: another edge accepted it, CloudFront would not.
    ///
    /// # Who must act
    /// Whoever renews certificates on the origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -dates -subject`
    /// - Compare with the file on disk: `openssl x509 -noout -dates -in FILE`. Where the file is newer, it was not loaded.
    /// - With several servers behind one name, ask each of them.
    ///
    /// # How to fix
    /// - Renew it (`certbot renew`), and let a hook of the renewal load it: nginx `nginx -s reload`, Apache
    ///   `apachectl graceful`, HAProxy `systemctl reload haproxy`, Node `server.setSecureContext()` or a restart.
    /// - An expired intermediate: install the chain that the CA gives today.
    /// - ALB, NLB: a certificate that ACM made renews itself as long as its DNS record stands; an imported one does not.
    ///
    /// # Often confused with
    /// - `tls.certificate-not-yet-valid`: the clock, or a certificate that was installed too early.
    /// - `tls.certificate-rejected`: the same in TLS 1.3, where the certificate cannot be seen.
    ///
    /// # References
    /// - RFC 5280 section 4.1.2.5, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", expired certificate
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let expired = certificate::fault(c, true, |fault| match fault {
        ChainFault::Expired { certificate } => Some(*certificate),
        _ => None,
    })?;
    let summary = certificate::summary(c, expired)?;
    let at: Timestamp = c.chain.as_ref()?.at;
    let (until, ago) = (summary.not_after.to_the_minute(), days(at.since(summary.not_after)));
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} expired on {}, {ago} earlier", certificate::subject(c, expired), until),
            note: format!("Certificate: {}, notAfter {until}", summary.subject),
            confidence: Confidence::Certain,
        },
    )?;
    Some(
        finding
            .fix("Renew the certificate and reload the server: a new file alone changes nothing.")
            .fix(certificate::look(c)),
    )
}
