//! What the causes of a server name that the origin does not know have in common.

use crate::base::{FrameRef, Side};
use crate::diagnosis::{Accepted, Confidence, Finding, Turn};
use crate::observation::{ChainFault, Connection, Role, tls};

use super::certificate;
use super::tls as tls_area;

/// unrecognized_name (RFC 6066 section 3).
const UNRECOGNIZED_NAME: u8 = 112;
/// internal_error (RFC 8446 section 6.2): what Go's TLS sends when it can get no certificate for the name.
const INTERNAL_ERROR: u8 = 80;

/// Names that CloudFront gives to distributions.
const DISTRIBUTIONS: &str = ".cloudfront.net";

/// Whether a name is one that CloudFront gives to distributions.
pub(super) fn is_distribution(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().ends_with(DISTRIBUTIONS)
}

/// The alert by which the origin refuses the name, and how much it proves of that.
pub(super) fn refused(c: &Connection) -> Option<(&tls::Alert, Confidence)> {
    fatal(c).or_else(|| warning(c))
}

/// The origin's fatal alert in answer to the ClientHello.
fn fatal(c: &Connection) -> Option<(&tls::Alert, Confidence)> {
    let refusal = c.refusal()?;
    let confidence = match (refusal.description?, c.sni()) {
        (UNRECOGNIZED_NAME, _) => Confidence::Certain,
        (INTERNAL_ERROR, Some(_)) => Confidence::Possible,
        _ => return None,
    };
    Some((refusal, confidence))
}

/// The origin's warning, after which the handshake did not come to its end.
fn warning(c: &Connection) -> Option<(&tls::Alert, Confidence)> {
    let is_warning = |a: &&tls::Alert| a.from == Side::Server && a.description == Some(UNRECOGNIZED_NAME);
    let warning = c.whole_tls()?.alerts.iter().find(is_warning).filter(|a| c.before_end(a.frame))?;
    let failed = c.edge_went_on().is_none() && given_up(c, warning).is_some();
    failed.then_some((warning, Confidence::Likely))
}

/// Where the handshake ended after the alert: an alert of the edge, or the end of the connection.
pub(super) fn given_up(c: &Connection, alert: &tls::Alert) -> Option<FrameRef> {
    let own = c.ending_alert(Side::Client).map(|a| a.frame);
    own.into_iter().chain(c.closer().map(|end| end.frame)).filter(|&frame| frame > alert.frame).min()
}

/// `fatal alert unrecognized_name (112)`.
pub(super) fn told(alert: &tls::Alert) -> String {
    format!("{} alert {}", alert.level_name().unwrap_or("fatal"), tls_area::alert(alert))
}

/// Makes of a name that the origin refuses, or shows the certificate of another one for, the forwarded Host header, where
/// it accepts another name (contract, rulings 9 and 23).
pub(super) static TURN: Turn = Turn { into: "tls.sni-forwarded-host", told: turned };

fn turned(c: &Connection, finding: &Finding, other: &Accepted<'_>) -> Option<Finding> {
    // A scanner asks for whatever it likes.
    let name = c.sni().filter(|_| c.role == Role::Edge || c.edge.via_cloudfront)?;
    let did = match refused(c) {
        Some((alert, _)) => format!("refused the server name \"{name}\" ({})", told(alert)),
        None => {
            let faults = &c.chain.as_ref()?.report.faults;
            let leaf = certificate::summary(c, 0).filter(|_| faults.contains(&ChainFault::NameMismatch))?;
            format!("showed a certificate for {} to the server name \"{name}\"", tls_area::presented(leaf))
        }
    };
    let accepted = other.name;
    let message = format!(
        "{} {did}, which the edge asks for, while it accepts \"{accepted}\": most likely \"{name}\" is the viewer's Host header, which the distribution forwards.",
        c.server
    );
    let finding =
        Finding { confidence: Confidence::Likely, message: message.into(), fix: Vec::new(), ..finding.clone() }
            .evidence(
                finding.at,
                format!("\"{accepted}\" is accepted on another connection (from frame {})", other.from.named()),
            );
    Some(with_fixes(finding, c, name))
}

/// What to do about a forwarded Host header.
pub(super) fn with_fixes(finding: Finding, c: &Connection, name: &str) -> Finding {
    let finding = finding.fix("In the distribution, give this behaviour the origin request policy AllViewerExceptHostHeader in place of the one that forwards Host (AllViewer does; so does Host among the headers of a cache policy or of legacy cache settings). The edge then asks for the origin's domain name.");
    let finding = if is_distribution(name) {
        finding.fix("If the application must see the viewer's name: let viewers come by an alternate domain name of yours, and give the origin a certificate and a site for that. For a name under cloudfront.net no origin can have a public certificate.")
    } else {
        finding.fix(format!("Or, if the application must see the viewer's name, give the origin a certificate and a site for \"{name}\" (nginx `server_name`, Apache `ServerAlias`, HAProxy `crt`, Caddy a site block, ALB a further certificate of the listener)."))
    };
    finding.fix(format!(
        "{} fails in the same way; with the origin's domain name in place of this one it must succeed.",
        tls_area::s_client(c, &tls_area::verification(c))
    ))
}

#[cfg(test)]
mod tests {
    use super::is_distribution;

    #[test]
    fn a_distribution_is_told_by_its_domain() {
        assert!(is_distribution("d111111abcdef8.CloudFront.net"));
        assert!(is_distribution("d111111abcdef8.cloudfront.net."));
        assert!(!is_distribution("cloudfront.net.example.org"));
        assert!(!is_distribution("mycloudfront.net"));
        assert!(!is_distribution("cloudfront.net"));
    }
}
