use crate::base::{FrameRef, Side};
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, tls};

use super::{EDGE, alert, client_hello, s_client, told_hello};

/// unrecognized_name (RFC 6066 section 3).
const UNRECOGNIZED_NAME: u8 = 112;
/// internal_error (RFC 8446 section 6.2): what Go's TLS sends when it can get no certificate for the name.
const INTERNAL_ERROR: u8 = 80;
/// Names that CloudFront gives to distributions.
const DISTRIBUTIONS: &str = ".cloudfront.net";

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
    /// internal_error (80) instead, which has other meanings too: `possible`, or `likely` if the name is one under
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
    /// - The name is the distribution's own (`d….cloudfront.net`) or the viewer's: use the managed origin request policy
    ///   `AllViewerExceptHostHeader`, or give the origin a certificate and a site for that name.
    /// - nginx: a `server` with this `server_name` and its certificate; `ssl_reject_handshake on` in the default server
    ///   refuses every other name.
    /// - Apache: `ServerName` or `ServerAlias` in a TLS virtual host with a fitting certificate.
    /// - HAProxy: a certificate for the name in `crt` or `crt-list`; `strict-sni` refuses every other name.
    /// - Caddy: a site block for the name; or `default_sni` in the global options.
    /// - Node: `server.addContext(NAME, …)`, or an `SNICallback` that falls back to a default instead of an error.
    /// - ALB: it answers unknown names with its default certificate and does not send this alert.
    ///
    /// # Often confused with
    /// - `tls.no-common-cipher`: some servers send handshake_failure (40) for an unknown name.
    /// - A certificate that does not have the name: there the handshake goes on to the certificate.
    ///
    /// # References
    /// - RFC 6066 section 3, RFC 8446 section 6.2
    /// - AWS: Amazon CloudFront Developer Guide, "Understand how origin request policies work" and "HTTP 502 status code
    ///   (Bad Gateway)"
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.origin-alert", "tls.edge-alert"],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let (seen, confidence) = fatal(c).or_else(|| warning(c, tls))?;
    let asked = match (c.sni(), client_hello(c)) {
        (Some(name), _) => format!("the server name \"{name}\""),
        (None, Some(_)) => "a ClientHello without server name".to_owned(),
        (None, None) => "the server name".to_owned(),
    };
    let level = seen.level_name().unwrap_or("fatal");
    let message = format!("{} refused {asked}, which the edge sent: {level} alert {}.", c.server, alert(seen));
    let finding = told_hello(c, |_| asked.clone(), Finding::new(seen.frame, confidence, message))
        .evidence(seen.frame, format!("{level} alert of the origin: {}", alert(seen)))
        .evidence_if(given_up(c, seen), "the handshake ends here");
    let finding = match (seen.level, &tls.server_hello) {
        (Some(tls::Alert::WARNING), Some(answer)) => {
            finding.rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", answer.frame.frame))
        }
        _ => finding.rules_out("tls.certificate-rejected", "the origin had shown no certificate"),
    };
    Some(with_fixes(finding, c))
}

/// The origin's fatal alert in answer to the ClientHello.
fn fatal(c: &Connection) -> Option<(&tls::Alert, Confidence)> {
    let refusal = c.refusal()?;
    let confidence = match (refusal.description?, c.sni()) {
        (UNRECOGNIZED_NAME, _) => Confidence::Certain,
        (INTERNAL_ERROR, Some(name)) if is_distribution(name) => Confidence::Likely,
        (INTERNAL_ERROR, Some(_)) => Confidence::Possible,
        _ => return None,
    };
    Some((refusal, confidence))
}

/// The origin's warning, after which the handshake did not come to its end.
fn warning<'c>(c: &'c Connection, tls: &'c tls::Transcript) -> Option<(&'c tls::Alert, Confidence)> {
    c.whole_tls()?;
    let is_warning = |a: &&tls::Alert| a.from == Side::Server && a.description == Some(UNRECOGNIZED_NAME);
    let warning = tls.alerts.iter().find(is_warning).filter(|a| c.before_end(a.frame))?;
    let failed = c.edge_went_on().is_none() && given_up(c, warning).is_some();
    failed.then_some((warning, Confidence::Likely))
}

/// Where the handshake ended after the alert: an alert of the edge, or the end of the connection.
fn given_up(c: &Connection, alert: &tls::Alert) -> Option<FrameRef> {
    let own = c.ending_alert(Side::Client).map(|a| a.frame);
    own.into_iter().chain(c.closer().map(|end| end.frame)).filter(|&frame| frame > alert.frame).min()
}

fn is_distribution(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(DISTRIBUTIONS)
}

fn with_fixes(finding: Finding, c: &Connection) -> Finding {
    let finding = match c.sni() {
        Some(name) if is_distribution(name) => finding
            .fix("The name is the distribution's own, so the Host header is forwarded to the origin: use the origin request policy AllViewerExceptHostHeader in its place.")
            .fix(format!("Or give the origin a certificate and a site for \"{name}\".")),
        Some(name) => finding
            .fix(format!("Give the origin a site and a certificate for \"{name}\" (nginx `server_name`, Apache `ServerAlias`, HAProxy `crt`, Caddy a site block)."))
            .fix("If that is the viewer's name and not the origin's, stop forwarding Host: origin request policy AllViewerExceptHostHeader."),
        None if client_hello(c).is_none() => finding.fix("Give the origin a site and a certificate for the name that the edge sends: the origin's domain name in the distribution, or the viewer's Host where that is forwarded."),
        None => finding.fix("Let the origin's default server answer clients that send no name."),
    };
    finding.fix(format!("{} shows the same alert; with a name that the origin serves it succeeds.", s_client(c, "")))
}

#[cfg(test)]
mod tests {
    use super::is_distribution;

    #[test]
    fn a_distribution_is_told_by_its_domain() {
        assert!(is_distribution("d111111abcdef8.CloudFront.net"));
        assert!(!is_distribution("cloudfront.net.example.org"));
        assert!(!is_distribution("mycloudfront.net"));
    }
}
