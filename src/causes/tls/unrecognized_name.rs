use crate::causes::server_name;
use crate::diagnosis::{Finding, SecondLook};
use crate::observation::{Connection, tls};

use super::{EDGE, client_hello, s_client, told_hello};

cause! {
    /// The origin does not know the server name (SNI) that the edge asks for, and refuses.
    ///
    /// # What happened
    /// The edge names a host in its ClientHello. The origin has no site or certificate for it and, being strict, sends
    /// the alert unrecognized_name instead of a default certificate. As a warning the alert lets browsers go on;
    /// s2n-tls, which ships policies for CloudFront's connections to origins, takes it for fatal.
    ///
    /// # Evidence
    /// The name in the ClientHello, and the origin's alert unrecognized_name (112): fatal, or a warning after which the
    /// edge does not go on. Go programs (Caddy and others), and nginx with variables in `ssl_certificate`, send
    /// internal_error (80) instead, which has other meanings too: `possible`. Where the same capture shows that the origin
    /// accepts another name, this becomes `tls.sni-forwarded-host`; so it is from the start with a name under
    /// `cloudfront.net`.
    ///
    /// # Who must act
    /// Whoever configures the names on the origin, or the distribution that sends the wrong one. The edge sends the
    /// origin's domain name, or the viewer's Host where a policy forwards Host.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null` with the name from the evidence fails, with
    ///   a name that the origin serves it succeeds.
    /// - The origin request policy of the behaviour: does it forward Host (`AllViewer` does)?
    ///
    /// # How to fix
    /// - The name is the viewer's: use the managed origin request policy `AllViewerExceptHostHeader`, or give the origin a
    ///   certificate and a site for that name.
    /// - nginx: a `server` with this `server_name` and its certificate; `ssl_reject_handshake on` in the default server
    ///   refuses every other name.
    /// - Apache: `ServerName` or `ServerAlias` in a TLS virtual host with a fitting certificate.
    /// - HAProxy: a certificate for the name in `crt` or `crt-list`; `strict-sni` refuses every other name.
    /// - Caddy: a site block for the name; or `default_sni` in the global options.
    /// - Node: `server.addContext(NAME, …)`, or an `SNICallback` that falls back to a default instead of an error.
    /// - ALB: it answers unknown names with its default certificate and does not send this alert.
    ///
    /// # Often confused with
    /// - `tls.sni-forwarded-host`: the name is the viewer's, and it shows.
    /// - `tls.no-common-cipher`: some servers send handshake_failure (40) for an unknown name.
    /// - A certificate that does not have the name: there the handshake goes on to the certificate.
    ///
    /// # References
    /// - RFC 6066 section 3, RFC 8446 section 6.2
    /// - AWS: Amazon CloudFront Developer Guide, "Understand how origin request policies work" and "HTTP 502 status code
    ///   (Bad Gateway)"
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.origin-alert", "tls.edge-alert"],
    second_look: SecondLook::TurnedByOtherName(&server_name::TURN),
    needs: [Alert],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let (seen, confidence) = server_name::refused(c)?;
    let asked = match (c.sni(), client_hello(c)) {
        (Some(name), _) => format!("the server name \"{name}\""),
        (None, Some(_)) => "a ClientHello without server name".to_owned(),
        (None, None) => "the server name".to_owned(),
    };
    let alert = server_name::told(seen);
    let message = format!("{} refused {asked}, which the edge sent: {alert}.", c.server);
    let finding = told_hello(c, |_| asked.clone(), Finding::new(seen.frame, confidence, message))
        .evidence(seen.frame, format!("the origin: {alert}"))
        .evidence_if(server_name::given_up(c, seen), "the handshake ends here");
    let finding = match (seen.level, &tls.server_hello) {
        (Some(tls::Alert::WARNING), Some(answer)) => {
            finding.rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", answer.frame.named()))
        }
        _ => finding.rules_out("tls.certificate-rejected", "the origin had shown no certificate"),
    };
    Some(with_fixes(finding, c))
}

fn with_fixes(finding: Finding, c: &Connection) -> Finding {
    let finding = match c.sni() {
        Some(name) => finding
            .fix(format!("Give the origin a site and a certificate for \"{name}\" (nginx `server_name`, Apache `ServerAlias`, HAProxy `crt`, Caddy a site block)."))
            .fix("If that is the viewer's name and not the origin's, stop forwarding Host: origin request policy AllViewerExceptHostHeader."),
        None if client_hello(c).is_none() => finding.fix("Give the origin a site and a certificate for the name that the edge sends: the origin's domain name in the distribution, or the viewer's Host where that is forwarded."),
        None => finding.fix("Let the origin's default server answer clients that send no name."),
    };
    finding.fix(format!("{} shows the same alert; with a name that the origin serves it succeeds.", s_client(c, "")))
}
