use crate::base::Side;
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, tls};

use super::{EDGE, alert, client_hello, for_name, offer, s_client, told_hello};

/// Alerts that answer a ClientHello and have a cause of their own: handshake_failure, protocol_version,
/// insufficient_security, unrecognized_name, no_application_protocol.
const NAMED: [u8; 5] = [40, 70, 71, 112, 120];
/// internal_error (RFC 8446 section 6.2), which stands for an unknown name where there is one.
const INTERNAL_ERROR: u8 = 80;

cause! {
    /// The origin ended the handshake by a fatal alert that has no cause of its own here.
    ///
    /// # What happened
    /// The origin met something in the handshake that it does not accept, and said so by an alert. The message has the
    /// alert's name.
    ///
    /// # Evidence
    /// The alert from the origin, before the handshake was finished, and no end of the edge's before it. After the keys
    /// have changed the alert is encrypted, and only its being there can be seen.
    ///
    /// # Who must act
    /// Whoever runs TLS on the origin; its log has the reason in words.
    ///
    /// # How to confirm
    /// - The error log of the server at that time. nginx and Apache log failed handshakes at level `info`; HAProxy has
    ///   `error-log-format` (since 2.5), Node the event `tlsClientError`.
    /// - `openssl s_client -connect HOST:443 -servername NAME -msg </dev/null`.
    ///
    /// # How to fix
    /// - internal_error (80): the server failed by itself: a key that cannot be read or does not fit its certificate, a
    ///   key store or HSM that does not answer, a callback that throws.
    /// - inappropriate_fallback (86): the client says that it tries an older version after a failure, and the server has
    ///   a newer one. Look for what made the first attempt fail.
    /// - illegal_parameter (47), decode_error (50), missing_extension (109), unexpected_message (10): server and edge
    ///   disagree about the protocol. Update the server's TLS library, or whatever rewrites TLS in between.
    /// - decrypt_error (51), bad_record_mac (20): bytes were changed on the way, or two servers without shared keys stand
    ///   behind one address.
    /// - bad_certificate (42) to unknown_ca (48), from the origin: it refuses the edge's client certificate.
    ///
    /// # Often confused with
    /// - `tls.no-common-cipher`, `tls.no-common-version`, `tls.unrecognized-name`, `tls.no-application-protocol`: alerts with
    ///   a cause of their own.
    /// - `tls.malformed-record`: there the bytes before the alert show what is wrong with them.
    /// - `tls.client-certificate-required`: an alert after an empty Certificate of the edge.
    ///
    /// # References
    /// - RFC 8446 section 6.2, RFC 5246 section 7.2.2, RFC 7507 section 3
    edge: EDGE,
    needs: [Alert],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let seen = c.handshake_alert(Side::Server).filter(|a| !a.is_close_notify())?;
    let tls = c.tls.as_ref()?;
    let answered = tls.server_hello.as_ref().filter(|answer| answer.frame <= seen.frame);
    if answered.is_none() && has_own_cause(c, seen) {
        return None;
    }
    let stage = if answered.is_some() { "in the handshake" } else { "on the ClientHello" };
    let message = format!("{} ended the edge's handshake{} with {} {stage}.", c.server, for_name(c), alert(seen));
    let finding = told_hello(c, offer, Finding::new(seen.frame, Confidence::Certain, message))
        .evidence_if(answered.map(|answer| answer.frame), "ServerHello")
        .evidence(seen.frame, format!("alert of the origin: {}", alert(seen)));
    let finding = match answered {
        Some(answer) => {
            finding.rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", answer.frame.named()))
        }
        None => finding.rules_out("tls.certificate-rejected", "the origin had shown no certificate"),
    };
    Some(
        finding
            .fix(format!(
                "Read the log of the TLS server on port {} at that time: it has the reason in words.",
                c.server.port
            ))
            .fix(format!("{} makes the same handshake by hand.", s_client(c, "-msg"))),
    )
}

/// An alert that another cause speaks of, or may: with a name in the hello, internal_error refuses that.
fn has_own_cause(c: &Connection, alert: &tls::Alert) -> bool {
    let Some(code) = alert.description else { return false };
    NAMED.contains(&code) || (code == INTERNAL_ERROR && client_hello(c).is_none_or(|hello| hello.sni.is_some()))
}
