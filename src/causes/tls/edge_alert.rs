use crate::base::Side;
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, tls};

use super::{EDGE, alert, for_name, s_client, version};

/// Alerts of the edge that have a cause of their own: those that name the certificate, and protocol_version.
const NAMED: [u8; 7] = [42, 43, 44, 45, 46, 48, 70];

cause! {
    /// The edge ended the handshake by a fatal alert that has no cause of its own here.
    ///
    /// # What happened
    /// The edge met something in the origin's part of the handshake that it does not accept. The message has the alert's
    /// name. Most often it is a load balancer in front of this host: s2n-tls, which ships policies for CloudFront's
    /// connections to origins, sends few alerts.
    ///
    /// # Evidence
    /// The alert from the edge, before the handshake was finished, and no end of the origin's before it. After the keys
    /// have changed the alert is encrypted, and only its being there can be seen.
    ///
    /// # Who must act
    /// Whoever runs TLS on the origin, most often; or whoever runs the load balancer, whose log has the reason in words.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -tls1_2 </dev/null`: OpenSSL refuses much of the same, in words
    ///   ("dh key too small", "wrong signature type", "unsafe legacy renegotiation disabled").
    /// - The log of the load balancer.
    ///
    /// # How to fix
    /// - handshake_failure (40), insufficient_security (71) after the ServerHello: parameters too weak. nginx: `ssl_dhparam` with
    ///   2048 bits or more, better only ECDHE in `ssl_ciphers`. Apache: the same by `SSLOpenSSLConfCmd DHParameters` and
    ///   `SSLCipherSuite`. HAProxy: `tune.ssl.default-dh-param 2048`.
    /// - illegal_parameter (47): the origin chose what was not offered: a cipher suite, a group, a signature scheme, an ALPN
    ///   protocol.
    /// - decrypt_error (51): the origin's key does not belong to its certificate.
    /// - bad_certificate_status_response (113): the stapled OCSP response is not good: nginx `ssl_stapling_verify on;`, or
    ///   stapling off.
    /// - unsupported_extension (110), decode_error (50), unexpected_message (10), record_overflow (22): update the origin's TLS
    ///   library; look for something between that changes bytes.
    ///
    /// # Often confused with
    /// - `tls.certificate-rejected`: alerts that name the certificate, or none at all.
    /// - `tls.plaintext-http-reply`: an edge may answer plain HTTP by an alert.
    ///
    /// # References
    /// - RFC 8446 section 6.2, RFC 5246 section 7.2.2
    edge: EDGE,
    needs: [Alert],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let seen = c.handshake_alert(Side::Client).filter(|a| !a.is_close_notify() && !has_own_cause(a))?;
    let tls = c.tls.as_ref()?;
    // An alert in TLS 1.3's encryption does not show as one.
    let answer = tls.server_hello.as_ref().filter(|answer| answer.frame <= seen.frame)?;
    let spoken = version(answer.version);
    let message =
        format!("The edge ended its handshake with {}{} ({spoken}) with {}.", c.server, for_name(c), alert(seen));
    Some(
        Finding::new(seen.frame, Confidence::Certain, message)
            .evidence_if(tls.client_hello.as_ref().map(|hello| hello.frame), format!("ClientHello{}", for_name(c)))
            .evidence(answer.frame, format!("ServerHello: {spoken}"))
            .evidence_if(c.server_flight(), "the origin's flight is complete")
            .evidence(seen.frame, format!("alert of the edge: {}", alert(seen)))
            .rules_out("tls.certificate-rejected", "the alert does not name the certificate")
            .rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", answer.frame.named()))
            .fix(format!("{}: does it refuse the same, in words?", s_client(c, "-tls1_2")))
            .fix("Look for weak parameters (DHE below 2048 bits), a key that does not fit its certificate, a bad OCSP staple."),
    )
}

fn has_own_cause(alert: &tls::Alert) -> bool {
    alert.description.is_some_and(|code| NAMED.contains(&code))
}
