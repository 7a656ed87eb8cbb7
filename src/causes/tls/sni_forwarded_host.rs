use crate::base::{FrameRef, Micros, Side};
use crate::causes::certificate::{self, Refusal, refusal_of, shown_at};
use crate::causes::server_name;
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{ChainFault, Connection, EdgeKind, End};

use super::{EDGE, alert, presented};

/// handshake_failure (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: u8 = 40;
/// What routes by name does so at once; an end that comes later than this has another reason.
const AT_ONCE: Micros = Micros::from_secs(1);

cause! {
    /// The Host header is forwarded, so that the edge asks the origin for the viewer's name, which the origin does not have.
    ///
    /// # What happened
    /// CloudFront names the origin's domain in its ClientHello, unless a policy of the behaviour forwards the viewer's Host
    /// header: then it names that. Viewers come by the distribution's own name (`d….cloudfront.net`) or by an alternate
    /// domain name, and the origin has a certificate for neither. It refuses, or it shows the certificate of its default
    /// site, which the edge refuses. It is the most common way in which a distribution with an origin in good order
    /// fails: the origin request policy `AllViewer` forwards Host.
    ///
    /// # Evidence
    /// A server name (SNI) under `cloudfront.net` in the ClientHello, which nobody asks an origin for otherwise, and one
    /// of the answers that servers give to a name that they do not know:
    /// - the alert unrecognized_name (112): nginx with `ssl_reject_handshake`, HAProxy with `strict-sni`; as a warning,
    ///   after which the handshake ends: GnuTLS, Java, old versions of Apache;
    /// - internal_error (80): Caddy and other Go programs, nginx with variables in `ssl_certificate`: `likely`;
    /// - handshake_failure (40): Node.js without a default certificate. It has other meanings: `possible`;
    /// - the certificate of another site, after which the edge does not go on. In TLS 1.3 it is encrypted: `likely`;
    /// - a bare FIN or RST at once: a proxy that routes by name and has no rule for this one: `possible`.
    ///
    /// Any other name is the viewer's for all that a connection can tell, or the origin's. Where the origin refuses it, or
    /// shows a certificate without it, and accepts another name in the same capture, it is `likely` the viewer's.
    /// A name that was accepted elsewhere makes `likely` of what is `possible`; one and the same name that is accepted
    /// elsewhere makes `possible` of what is `likely`. Only a connection from CloudFront's addresses makes it `certain`:
    /// scanners ask for names of distributions, too.
    ///
    /// # Who must act
    /// Whoever configures the distribution. The origin is in order unless it is meant to serve the viewer's name.
    ///
    /// # How to confirm
    /// - `aws cloudfront get-distribution-config --id ID`: `OriginRequestPolicyId` and `CachePolicyId` of the behaviour, and
    ///   the origin's `DomainName`. `aws cloudfront get-origin-request-policy --id POLICY`: does it pass on Host, as
    ///   `AllViewer` does? A function at the edge may set the name as well (`updateRequestOrigin`: `hostHeader`, `sni`).
    /// - `openssl s_client -connect HOST:443 -servername NAME -verify_hostname NAME -verify_return_error </dev/null` fails
    ///   with the name from the evidence, and succeeds with the origin's domain name.
    ///
    /// # How to fix
    /// - Distribution: the managed origin request policy `AllViewerExceptHostHeader`. If the application needs the viewer's
    ///   name, let CloudFront pass it in another header, by a function or as a custom origin header.
    /// - Or let the origin serve the viewer's name, if that is one of yours: a certificate and a site for it. nginx: a
    ///   `server` with this `server_name`. Apache: `ServerName` or `ServerAlias` in a TLS virtual host. HAProxy: a
    ///   certificate for it in `crt` or `crt-list`. Caddy: a site block. Node: `server.addContext(NAME, …)`. ALB: a further
    ///   certificate of the listener.
    /// - For a name under `cloudfront.net` no origin can have a public certificate: there the distribution must change.
    ///   Give viewers an alternate domain name of yours.
    ///
    /// # Often confused with
    /// - `tls.certificate-name-mismatch`: the name asked for is the origin's own, and its certificate lacks it.
    /// - `tls.unrecognized-name`: the origin refuses a name, and nothing shows whose it is.
    /// - `tls.certificate-rejected`: a name that may be the origin's, and a certificate that nobody sees.
    /// - `app.misdirected-request`: the certificate fits all names, and the web server does not know the Host.
    ///
    /// # References
    /// - RFC 6066 section 3, RFC 9525 section 6, RFC 8446 section 6.2
    /// - AWS: Amazon CloudFront Developer Guide, "Use managed origin request policies", "HTTP 502 status code (Bad Gateway)"
    edge: EDGE,
    supersedes: [
        "tls.unrecognized-name",
        "tls.certificate-name-mismatch",
        "tls.certificate-rejected",
        "tls.no-common-cipher",
        "tls.origin-alert",
        "tls.edge-alert",
        "tls.reset-after-client-hello",
        "tls.closed-after-client-hello",
        "tls.closed-in-handshake",
        "tls.reset-in-handshake",
    ],
    second_look: SecondLook::OtherNameWorks,
    needs: [Alert, HalfHandshake, ChainFault, NoReply],
    detect: detect,
}

/// What the origin made of the name.
struct Answer {
    /// Where the edge met it.
    at: FrameRef,
    /// What the message begins with, after the origin's address.
    did: String,
    /// The packets, and what each shows.
    shown: Vec<(FrameRef, String)>,
    confidence: Confidence,
    rules_out: (&'static str, String),
}

fn detect(c: &Connection) -> Option<Finding> {
    let name = c.sni().filter(|name| server_name::is_distribution(name))?;
    let hello = super::client_hello(c)?;
    let answer = refused(c)
        .or_else(|| other_certificate(c))
        .or_else(|| hidden_certificate(c))
        .or_else(|| nothing(c))?;
    // Others than CloudFront ask for the names of distributions as they like.
    let is_cloudfront = matches!(c.edge.kind, EdgeKind::CloudFront | EdgeKind::Probe) || c.edge.via_cloudfront;
    let most = if is_cloudfront { Confidence::Certain } else { Confidence::Likely };
    let message = format!(
        "{} {}. The edge asks for \"{name}\", a distribution's own name: the viewer's Host header is forwarded to the origin.",
        c.server, answer.did
    );
    let (other, why) = answer.rules_out;
    let finding = Finding::new(answer.at, answer.confidence.min(most), message)
        .evidence(hello.frame, format!("ClientHello for \"{name}\""))
        .rules_out(other, why);
    let finding = answer.shown.into_iter().fold(finding, |finding, (frame, note)| finding.evidence(frame, note));
    Some(server_name::with_fixes(finding, c, name))
}

/// An alert of the origin.
fn refused(c: &Connection) -> Option<Answer> {
    let (seen, confidence) = match server_name::refused(c) {
        Some((seen, Confidence::Possible)) => (seen, Confidence::Likely),
        Some(refused) => refused,
        None => {
            let failure = c.refusal().filter(|a| a.description == Some(HANDSHAKE_FAILURE))?;
            // After a HelloRetryRequest the origin has found what to do with the name.
            c.tls.as_ref()?.hello_retry_request.is_none().then_some((failure, Confidence::Possible))?
        }
    };
    let told = server_name::told(seen);
    let mut shown = vec![(seen.frame, format!("the origin: {told}"))];
    shown.extend(server_name::given_up(c, seen).map(|end| (end, "the handshake ends here".to_owned())));
    let rules_out = ("tls.no-common-version", format!("the alert is {}", alert(seen)));
    Some(Answer { at: seen.frame, did: format!("refused the server name: {told}"), shown, confidence, rules_out })
}

/// A certificate for other names, which the edge refused.
fn other_certificate(c: &Connection) -> Option<Answer> {
    let mismatch = |fault: &ChainFault| (*fault == ChainFault::NameMismatch).then_some(());
    certificate::fault(c, false, mismatch)?;
    let tls = c.tls.as_ref().filter(|_| c.version_not_offered().is_none())?;
    let (shown, refusal, leaf) = (shown_at(c, tls)?, refusal_of(c)?, certificate::summary(c, 0)?);
    let names = presented(leaf);
    let (how, after) = told_refusal(c, &refusal, shown);
    Some(Answer {
        at: shown,
        did: format!("answered with a certificate for {names}, and the edge did not go on: {how}, {after} later"),
        shown: vec![(shown, format!("Certificate: for {names}")), (refusal.frame(), how)],
        confidence: Confidence::Certain,
        rules_out: ("tls.unrecognized-name", "the origin did not refuse: it showed another certificate".to_owned()),
    })
}

/// A certificate that TLS 1.3 hides, which the edge refused.
fn hidden_certificate(c: &Connection) -> Option<Answer> {
    let tls = c.tls.as_ref().filter(|tls| tls.is_tls13() && c.chain.is_none())?;
    let (shown, refusal) = (shown_at(c, tls)?, refusal_of(c)?);
    let (how, after) = told_refusal(c, &refusal, shown);
    // An edge that is in no hurry may have another reason.
    let late = matches!(refusal, Refusal::Ended(..)) && refusal.frame().since(shown) >= AT_ONCE;
    Some(Answer {
        at: shown,
        did: format!(
            "showed a certificate, which TLS 1.3 hides, and the edge did not go on: {how}, {after} later. No origin can have a public certificate for this name"
        ),
        shown: vec![
            (shown, "the origin's encrypted flight, its certificate within".to_owned()),
            (refusal.frame(), how),
        ],
        confidence: if late { Confidence::Possible } else { Confidence::Likely },
        rules_out: ("tls.unrecognized-name", "the origin did not refuse: it sent its flight".to_owned()),
    })
}

fn told_refusal(c: &Connection, refusal: &Refusal<'_>, shown: FrameRef) -> (String, Micros) {
    (refusal.in_words(), refusal.frame().since(c.server_flight().unwrap_or(shown)))
}

/// The end of the connection, at once, and nothing before.
fn nothing(c: &Connection) -> Option<Answer> {
    let begins = c.hello_begins().filter(|_| c.proxy_protocol.is_none())?;
    let hello = c.hello_ends()?;
    let end = c.closed_by(Side::Server).filter(|end| end.frame > hello && end.frame.since(hello) < AT_ONCE)?;
    let tls = c.tls.as_ref()?;
    let farewell = c.ending_alert(Side::Server).filter(|a| a.is_close_notify() && tls.records.server.count == 1);
    if c.tcp.streams.first_data.server.is_some() && farewell.is_none() {
        return None;
    }
    let (verb, packet) = match end.how {
        End::Fin => ("closed", "FIN"),
        End::Rst => ("reset", "RST"),
    };
    Some(Answer {
        at: end.frame,
        did: format!(
            "{verb} the connection {} after the ClientHello and said nothing, as proxies do that route by name and have no rule for this one",
            end.frame.since(hello)
        ),
        shown: vec![(end.frame, format!("{packet} from the origin's side"))],
        confidence: Confidence::Possible,
        rules_out: ("tcp.closed-on-accept", format!("the edge had begun its ClientHello in frame {}", begins.named())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::by_id;

    #[test]
    fn what_becomes_of_other_causes_is_this_one() {
        assert_eq!(by_id(server_name::TURN.into), Some(&CAUSE));
    }
}
