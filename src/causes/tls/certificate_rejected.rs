use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{Connection, End, tls};

use super::{EDGE, alert, for_name, s_client, version};

/// An origin that ends sooner than this after its flight has not waited for the edge.
const GIVES_UP_AFTER: Micros = Micros::from_secs(1);
/// An edge that ends later than this after the flight may have had another reason.
const AT_ONCE: Micros = Micros::from_secs(1);

/// Bytes of the shortest flight of TLS 1.3 that holds a certificate: an ECDSA one of 200 bytes, its CertificateVerify of
/// some 80, and Finished.
const LEAST_FLIGHT: u64 = 256;

cause! {
    /// The edge refused the origin's certificate, and the bytes do not show why.
    ///
    /// # What happened
    /// The origin chose version and cipher suite and sent its certificate. The edge does not go on with the handshake.
    /// What is ordinarily wrong: expired, not for the name that the edge asks for, self-signed, from a CA that Mozilla
    /// does not include, or sent without its intermediate.
    ///
    /// # Evidence
    /// The origin's flight up to its certificate, and then, in place of the edge's key exchange or Finished, one of:
    /// - an alert in clear that names the certificate (bad_certificate, certificate_expired, unknown_ca, …): `certain`;
    /// - a close_notify in clear, even in TLS 1.3, which s2n-tls sends 10 to 30 s later, or a lone encrypted alert: `likely`;
    /// - a bare RST or FIN. Up to TLS 1.2 and at once `likely`; later, or in TLS 1.3, where the rest is encrypted, `possible`;
    /// - silence until the origin gives up first.
    ///
    /// # Who must act
    /// Whoever installs certificates on the origin, or the distribution if it asks for the wrong name.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -verify_hostname NAME -verify_return_error -showcerts </dev/null`
    ///   with the name from the evidence: it prints the chain and what is wrong with it ("certificate has expired",
    ///   "hostname mismatch", "unable to get local issuer certificate", "self-signed certificate").
    /// - Each certificate by itself: `openssl x509 -noout -subject -issuer -dates -ext subjectAltName`.
    /// - A browser proves nothing: it fetches missing intermediates, and it may not ask for the same name.
    ///
    /// # How to fix
    /// - Expired: renew it, and make the server load it (`nginx -s reload`, `apachectl graceful`, reload HAProxy).
    /// - Wrong name: the certificate must have the origin's domain name, or the viewer's Host where Host is forwarded. Else
    ///   use the origin request policy `AllViewerExceptHostHeader`, or another certificate.
    /// - Missing intermediate: install leaf, then intermediates, without the root. nginx: `ssl_certificate` with
    ///   `fullchain.pem`. Apache: `SSLCertificateFile` with the whole chain. HAProxy: one `crt` file with leaf,
    ///   intermediates and key. Node: `cert` with the whole chain.
    /// - Self-signed or private CA: use a certificate of a CA on Mozilla's list. ALB or NLB: one from ACM, for a name of
    ///   yours; the load balancer's own DNS name can have none.
    ///
    /// # Often confused with
    /// - `tls.closed-in-handshake`, `tls.reset-in-handshake`: there the origin ends it.
    /// - `tls.client-certificate-required`: there the edge answers the flight, and the origin objects.
    /// - A TLS check by a load balancer: it finishes the handshake and then closes, which is healthy.
    ///
    /// # References
    /// - RFC 8446 section 4.4.2.4 and section 6.2, RFC 5246 section 7.4.2, RFC 5280 section 6
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", certificate of the origin. It says
    ///   that CloudFront drops the TCP connection; which alert it sends, if any, is not documented
    edge: EDGE,
    supersedes: ["tls.origin-alert", "tls.closed-in-handshake", "tls.reset-in-handshake"],
    second_look: SecondLook::SameNameWorks,
    detect: detect,
}

/// How the edge refused.
enum Refusal<'c> {
    /// By an alert that names the certificate.
    Named(&'c tls::Alert),
    /// By a close_notify in clear.
    CloseNotify(FrameRef),
    /// By an alert that only the origin can read.
    Hidden(FrameRef),
    /// By ending the connection.
    Ended(FrameRef, End),
    /// By silence, until the origin had enough.
    OutWaited(FrameRef),
}

fn detect(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let refusal = named(c, tls).or_else(|| wordless(c))?;
    let chosen = tls.server_hello.as_ref();
    let spoken = chosen.map_or_else(|| "TLS".to_owned(), |hello| version(hello.version).into_owned());
    let shown = shown_at(c, tls).unwrap_or(refusal.frame());
    let after = refusal.frame().since(c.server_flight().unwrap_or(shown));
    let certificate = format!("the certificate of {}{} ({spoken})", c.server, for_name(c));
    let message = match refusal {
        Refusal::Named(_) => format!("The edge refused {certificate}: {}.", refusal.in_words()),
        _ => format!(
            "The edge did not go on after {certificate}: {}, {after} later. Most often that means that it refuses the certificate.",
            refusal.in_words()
        ),
    };
    let finding = Finding::new(shown, refusal.confidence(tls, after), message)
        .evidence_if(tls.client_hello.as_ref().map(|hello| hello.frame), format!("ClientHello{}", for_name(c)))
        .evidence_if(chosen.map(|hello| hello.frame), format!("ServerHello: {spoken}"))
        .evidence(
            shown,
            if tls.is_tls13() {
                "the origin's encrypted flight, its certificate within"
            } else {
                "the origin's Certificate"
            },
        )
        .evidence_if(
            tls.certificate_request().filter(|_| !tls.is_tls13()),
            "the origin asks for a client certificate as well",
        )
        .evidence(refusal.frame(), refusal.in_words());
    let finding = match chosen {
        Some(hello) => {
            finding.rules_out("tls.no-common-cipher", format!("ServerHello in frame {} chose one", hello.frame.frame))
        }
        None => finding,
    };
    Some(
        finding
            .fix(format!("{} shows the chain that the origin sends, and what is wrong with it.", s_client(c, &verification(c))))
            .fix("Look at, in this order: validity dates, the name above among its names, the intermediate certificates, the CA.")
            .fix("If the name above is not the origin's own, the Host header is forwarded: origin request policy AllViewerExceptHostHeader, or a certificate for that name."),
    )
}

/// Options that make openssl check what the edge checks.
fn verification(c: &Connection) -> String {
    let name = c.sni().filter(|name| super::is_host_name(name)).unwrap_or("NAME");
    format!("-verify_hostname {name} -verify_return_error -showcerts")
}

/// Where the certificate was shown: its message, or the first encrypted record of the flight.
fn shown_at(c: &Connection, tls: &tls::Transcript) -> Option<FrameRef> {
    let hidden = || tls.encrypted.server.first_application.filter(|_| tls.is_tls13());
    tls.message(Side::Server, tls::HandshakeType::CERTIFICATE).or_else(hidden).filter(|&frame| c.before_end(frame))
}

/// The edge says that it is the certificate. No close draws such an alert, so that it needs no further proof.
fn named<'c>(c: &Connection, tls: &'c tls::Transcript) -> Option<Refusal<'c>> {
    /// bad_certificate, unsupported_certificate, certificate_revoked, certificate_expired, certificate_unknown,
    /// unknown_ca (RFC 8446 section 6.2).
    const OF_CERTIFICATE: [u8; 6] = [42, 43, 44, 45, 46, 48];
    let begun = c.has_beginning() && tls.server_hello.is_some() && tls.handshake_done().is_none();
    let names = |a: &&tls::Alert| a.from == Side::Client && a.level == Some(tls::Alert::FATAL);
    let alert = tls.alerts.iter().find(names).filter(|a| a.description.is_some_and(|d| OF_CERTIFICATE.contains(&d)))?;
    begun.then_some(Refusal::Named(alert))
}

/// The edge does not go on after the flight, and does not say why.
fn wordless(c: &Connection) -> Option<Refusal<'_>> {
    c.hello_begins()?;
    let tls = c.whole_tls().filter(|tls| tls.fault.is_none() && tls.resumed() == Some(false))?;
    // Too few bytes for a certificate are a flight that stopped half-way.
    let holds_one = !tls.is_tls13() || tls.encrypted.server.application_bytes >= LEAST_FLIGHT;
    let flight = c.server_flight().filter(|_| holds_one)?;
    // A flight that never arrived is not what the edge refused.
    let arrived = c.tcp.unacknowledged(Side::Server) == 0 || c.tcp.retransmissions.server == 0;
    if !arrived || c.edge_went_on().is_some() {
        return None;
    }
    let refusal = refusal(c, tls).filter(|refusal| refusal.frame() >= flight)?;
    match origin_ended(c, tls) {
        // What the edge does after the origin's end is a consequence, unless that end was long in coming.
        Some(end) if end <= refusal.frame() => (end.since(flight) >= GIVES_UP_AFTER).then_some(refusal),
        _ => Some(refusal),
    }
}

fn refusal<'c>(c: &'c Connection, tls: &'c tls::Transcript) -> Option<Refusal<'c>> {
    if let Some(alert) = c.ending_alert(Side::Client) {
        return alert.is_close_notify().then_some(Refusal::CloseNotify(alert.frame));
    }
    if let Some(frame) = tls.tls13.alert_sized.client {
        return Some(Refusal::Hidden(frame));
    }
    let end = c.certain_end()?;
    Some(match end.side {
        Side::Client => Refusal::Ended(end.frame, end.how),
        Side::Server => Refusal::OutWaited(end.frame),
    })
}

/// Where the origin gave up by itself: an alert of its own, in clear or not, or its end.
fn origin_ended(c: &Connection, tls: &tls::Transcript) -> Option<FrameRef> {
    let alert = c.ending_alert(Side::Server).map(|a| a.frame);
    let end = c.closed_by(Side::Server).map(|end| end.frame);
    [alert, tls.tls13.alert_sized.server, end].into_iter().flatten().min()
}

impl Refusal<'_> {
    fn frame(&self) -> FrameRef {
        match self {
            Refusal::Named(alert) => alert.frame,
            Refusal::CloseNotify(frame)
            | Refusal::Hidden(frame)
            | Refusal::Ended(frame, _)
            | Refusal::OutWaited(frame) => *frame,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Refusal::Named(named) => format!("alert {} of the edge", alert(named)),
            Refusal::CloseNotify(_) => "close_notify of the edge in clear, before it finished the handshake".to_owned(),
            Refusal::Hidden(_) => "an encrypted alert of the edge in place of its Finished".to_owned(),
            Refusal::Ended(_, End::Rst) => "RST of the edge, without an alert".to_owned(),
            Refusal::Ended(_, End::Fin) => "FIN of the edge, without an alert".to_owned(),
            Refusal::OutWaited(_) => "the edge kept silent until the origin gave up".to_owned(),
        }
    }

    /// `after` is how long after the origin's flight.
    fn confidence(&self, tls: &tls::Transcript, after: Micros) -> Confidence {
        match self {
            Refusal::Named(_) => Confidence::Certain,
            // An edge that has no client certificate to show may end it for that.
            _ if tls.client_certificate_requested => Confidence::Possible,
            Refusal::CloseNotify(_) | Refusal::Hidden(_) => Confidence::Likely,
            Refusal::Ended(..) if !tls.is_tls13() && after < AT_ONCE => Confidence::Likely,
            Refusal::Ended(..) | Refusal::OutWaited(_) => Confidence::Possible,
        }
    }
}
