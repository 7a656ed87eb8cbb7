use crate::causes::certificate::{self, Fault};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection};

use super::{EDGE, days};

cause! {
    /// The origin's certificate is not valid yet, and the edge does not go on.
    ///
    /// # What happened
    /// At the time of the handshake the certificate's validity had not begun: it was installed too early, or made by a
    /// host whose clock is ahead.
    ///
    /// # Evidence
    /// The Certificate message with a notBefore after the packet's own time (or that of `--at`), and the edge's end, alert
    /// or silence in place of its key exchange. The time is that of the host that captured: a clock that is behind makes
    /// every certificate look so.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin, or keeps its clock.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null | openssl x509 -noout -dates`
    /// - The clock of this host: `timedatectl`, `chronyc tracking`.
    ///
    /// # How to fix
    /// - Put the earlier certificate back until the new one is valid, and reload the server (`nginx -s reload`,
    ///   `apachectl graceful`, reload HAProxy, restart Node).
    /// - A CA of your own: set the clock where it signs, or let notBefore lie an hour back, as public CAs do.
    ///
    /// # Often confused with
    /// - `tls.certificate-expired`: the other end of the validity.
    /// - A capture of a host with a wrong clock: the handshake then goes on.
    ///
    /// # References
    /// - RFC 5280 section 4.1.2.5, RFC 5246 section 7.4.2
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", invalid certificate
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.edge-alert", "tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [ChainFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let early = certificate::fault(c, true, |fault| match fault {
        ChainFault::NotYetValid { certificate } => Some(*certificate),
        _ => None,
    })?;
    let summary = certificate::summary(c, early)?;
    let (from, ahead) = (summary.not_before.to_the_minute(), days(summary.not_before.since(c.chain.as_ref()?.at)));
    let finding = certificate::finding(
        c,
        Fault {
            what: format!("{} is not valid before {}, {ahead} later", certificate::subject(c, early), from),
            note: format!("Certificate: {}, notBefore {from}", summary.subject),
            confidence: Confidence::Certain,
        },
    )?;
    Some(
        finding
            .fix("Put the earlier certificate back until this one is valid, and reload the server.")
            .fix("Check the clock of this host and of the one that signed the certificate: `timedatectl`."),
    )
}
