use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, http1, tls};

use super::{EDGE, alert, s_client};

/// certificate_required (RFC 8446 section 6.2).
const CERTIFICATE_REQUIRED: u8 = 116;
/// handshake_failure and bad_certificate: what servers say up to TLS 1.2 (RFC 5246 section 7.4.6).
const HANDSHAKE_FAILURE: u8 = 40;
const BAD_CERTIFICATE: u8 = 42;
/// A refusal follows the edge's flight at once; an alert that comes later is the farewell of an idle connection.
const AT_ONCE: Micros = Micros::from_secs(1);

cause! {
    /// The origin demands a client certificate, and the edge has none to show.
    ///
    /// # What happened
    /// The origin asks for a client certificate (mutual TLS) and does not go on without one. The edge answers with an
    /// empty Certificate. Up to TLS 1.2 the origin then ends the handshake. In TLS 1.3 the handshake succeeds as far as the
    /// edge can tell; the refusal comes after it, often together with the first request.
    ///
    /// # Evidence
    /// - Up to TLS 1.2: CertificateRequest, the edge's empty Certificate, then the origin's alert (handshake_failure or
    ///   certificate_required) or its end. Where the empty Certificate is not seen, the alert after CertificateRequest is
    ///   `possible`, unless it is certificate_required, which says it.
    /// - In TLS 1.3, where all that is encrypted: a record of the length of an empty Certificate before the edge's Finished,
    ///   then one of the length of an alert from the origin (`likely`), or its bare end (`possible`), and nothing else.
    ///   Keys (`--keylog`) show the messages themselves.
    /// - Told in HTTP, which keys show: the handshake succeeds, and the first answer is a 400 that names the
    ///   missing certificate, as nginx does.
    ///
    /// A CertificateRequest alone proves nothing: some servers always send one.
    ///
    /// # Who must act
    /// Whoever configures the origin, or the distribution: CloudFront shows a client certificate only where origin mutual
    /// TLS is configured for that origin.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null` prints "Acceptable client certificate CA names" or
    ///   "Requested Signature Algorithms" where one is asked for.
    /// - With `-cert CLIENT.pem -key CLIENT.key` the same command succeeds.
    ///
    /// # How to fix
    /// Either do not demand it from the edge, or give the edge one.
    /// - nginx: `ssl_verify_client off;` (or `optional`) in the server that CloudFront reaches.
    /// - Apache: `SSLVerifyClient none` (or `optional`).
    /// - HAProxy: `verify none` (or `optional`) on the `bind` line.
    /// - ALB: mutual authentication of the listener off, or in passthrough mode.
    /// - Node: `requestCert: false`, or `rejectUnauthorized: false` with a check of your own.
    /// - CloudFront: origin mutual TLS, with a client certificate from ACM in us-east-1 for client authentication.
    /// - To keep others out without it: a secret header that CloudFront adds, or the managed prefix list.
    ///
    /// # Often confused with
    /// - `tls.certificate-rejected`: there the edge does not answer the origin's flight at all.
    /// - `tls.no-common-cipher`: the same alert 40, before any ServerHello.
    ///
    /// # References
    /// - RFC 5246 section 7.4.4 and section 7.4.6, RFC 8446 section 4.4.2 and section 6.2
    /// - AWS: Amazon CloudFront Developer Guide, "Origin mutual TLS"
    edge: EDGE,
    supersedes: ["tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    needs: [Alert, HalfHandshake, EmptyCertificate],
    detect: detect,
}

/// What shows that the origin did not go on without a certificate.
struct Demand<'c> {
    request: Option<FrameRef>,
    /// The edge's empty Certificate, where it is seen.
    empty: Option<FrameRef>,
    refusal: FrameRef,
    alert: Option<&'c tls::Alert>,
    confidence: Confidence,
}

fn detect(c: &Connection) -> Option<Finding> {
    c.hello_begins()?;
    let tls = c.whole_tls().filter(|tls| tls.fault.is_none())?;
    if let Some(finding) = told_in_http(c, tls) {
        return Some(finding);
    }
    let hidden = || if tls.is_tls13() { hidden(c, tls) } else { None };
    let demand = in_clear(c, tls).or_else(hidden)?;
    let how = match (demand.alert, tls.is_tls13()) {
        (Some(seen), _) => format!("alert {}", alert(seen)),
        (None, true) if demand.confidence == Confidence::Likely => {
            "an encrypted record of the length of an alert".to_owned()
        }
        _ => "the end of the connection".to_owned(),
    };
    let message = format!("{} asked the edge for a client certificate, got none, and answered with {how}.", c.server);
    let at = demand.empty.or(demand.request).unwrap_or(demand.refusal);
    let empty = if demand.request.is_none() {
        "an encrypted record of the length of an empty Certificate"
    } else {
        "the edge's Certificate is empty"
    };
    let finding = Finding::new(at, demand.confidence, message)
            .evidence_if(demand.request, "CertificateRequest of the origin")
            .evidence_if(demand.empty, empty)
            .evidence_if(tls.tls13.client_finished, "the edge's Finished: for the edge the handshake has succeeded")
            .evidence(demand.refusal, format!("the origin: {how}"));
    let finding = match demand.empty {
        Some(empty) => finding.rules_out(
            "tls.certificate-rejected",
            format!("the edge went on after the origin's certificate, in frame {}", empty.named()),
        ),
        None => finding,
    };
    Some(advised(c, finding))
}

fn advised(c: &Connection, finding: Finding) -> Finding {
    finding
        .fix("Stop demanding a client certificate where CloudFront connects: nginx `ssl_verify_client off;`, Apache `SSLVerifyClient none`, HAProxy `verify none`.")
        .fix("Or configure origin mutual TLS for this origin in the distribution, with a certificate that the origin trusts.")
        .fix(format!("{} shows whether a certificate is asked for.", s_client(c, "")))
}

/// The origin finishes the handshake without a certificate, and refuses inside of it: nginx's words for its status 496.
fn told_in_http(c: &Connection, tls: &tls::Transcript) -> Option<Finding> {
    const MISSING: &str = "No required SSL certificate was sent";
    let empty = tls.empty_certificate.client?;
    let first = c.http.as_ref().filter(|_| tls.decrypted)?.exchanges.first()?;
    let refuses = |r: &&http1::Response| String::from_utf8_lossy(&r.extra.body_excerpt).contains(MISSING);
    let (request, response) = (first.request.as_ref()?, first.response.as_ref().filter(refuses)?);
    let message = format!(
        "{} asked the edge for a client certificate, got none, and answered its request with status {}.",
        c.server, response.status
    );
    let finding = Finding::new(empty, Confidence::Certain, message)
        .evidence_if(tls.certificate_request(), "CertificateRequest of the origin")
        .evidence(empty, "the edge's Certificate is empty")
        .evidence(request.frame, "the edge's request: for the edge the handshake has succeeded")
        .evidence(response.frame, format!("the origin: {}, \"{MISSING}\"", response.status))
        .exchange(first.index)
        .edge(Edge::status(response.status));
    Some(advised(c, finding))
}

/// As messages of the handshake show it: up to TLS 1.2, and in TLS 1.3 with keys.
fn in_clear<'c>(c: &'c Connection, tls: &'c tls::Transcript) -> Option<Demand<'c>> {
    let (request, empty) = (tls.certificate_request(), tls.empty_certificate.client);
    let demand = |refusal, alert, confidence| Demand { request, empty, refusal, alert, confidence };
    let shown = empty.is_none() && tls.message(Side::Client, tls::HandshakeType::CERTIFICATE).is_some();
    if let Some(seen) = c.handshake_alert(Side::Server).filter(|_| !shown) {
        // Where packets come in another order than they were sent, the alert may stand before what it answers.
        let asked = request.is_some_and(|request| request <= seen.frame);
        let confidence = match seen.description {
            Some(CERTIFICATE_REQUIRED) => Confidence::Certain,
            _ if asked && empty.is_some() => Confidence::Likely,
            Some(HANDSHAKE_FAILURE | BAD_CERTIFICATE) if asked => Confidence::Possible,
            _ => return None,
        };
        return Some(demand(seen.frame, Some(seen), confidence));
    }
    let end = c.origin_left_handshake().filter(|end| request.is_some() && empty.is_some_and(|empty| end.frame >= empty))?;
    Some(demand(end.frame, None, Confidence::Likely))
}

/// TLS 1.3: told by lengths. An origin that is content sends tickets or an answer.
fn hidden<'c>(c: &'c Connection, tls: &'c tls::Transcript) -> Option<Demand<'c>> {
    let empty = tls.tls13.empty_certificate.filter(|&frame| c.before_end(frame))?;
    let last_word = tls.tls13.client_application.or(tls.tls13.client_finished).unwrap_or(empty);
    let prompt = |frame: &FrameRef| *frame > empty && c.before_end(*frame) && frame.since(last_word) < AT_ONCE;
    let alert = tls.tls13.alert_sized.server.filter(prompt);
    let server = &tls.encrypted.server;
    let all_listed = u64::try_from(server.first.len()).is_ok_and(|listed| listed == server.application);
    let after = server.first.iter().filter(|r| r.frame > empty).count();
    let end = c
        .closed_by(Side::Server)
        .map(|end| end.frame)
        .filter(|end| prompt(end) && tls.tls13.client_application.is_some());
    let confidence = if alert.is_some() { Confidence::Likely } else { Confidence::Possible };
    let nothing_else = all_listed && after == usize::from(alert.is_some());
    let (refusal, empty) = (alert.or(end)?, Some(empty));
    let demand = Demand { request: None, empty, refusal, alert: None, confidence };
    nothing_else.then_some(demand)
}
