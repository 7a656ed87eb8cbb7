//! What the causes of refused certificates have in common: how the edge left, and what that makes of a fault.

use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::{ChainFault, Connection, EdgeKind, End, tls};

use super::tls as tls_area;

/// An origin that ends sooner than this after its flight has not waited for the edge.
const GIVES_UP_AFTER: Micros = Micros::from_secs(1);
/// An edge that ends later than this after the flight may have had another reason.
const AT_ONCE: Micros = Micros::from_secs(1);

/// Bytes of the shortest flight of TLS 1.3 that holds a certificate: an ECDSA one of 200 bytes, its CertificateVerify of
/// some 80, and Finished.
const LEAST_FLIGHT: u64 = 256;

/// How the edge refused.
pub(super) enum Refusal<'c> {
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

/// How the edge refused what the origin's flight shows, if it did.
pub(super) fn refusal_of(c: &Connection) -> Option<Refusal<'_>> {
    named(c, c.tls.as_ref()?).or_else(|| wordless(c))
}

/// What is to be reported of a fault.
pub(super) struct Fault {
    /// What is wrong, as the beginning of a sentence: `The certificate of … expired`.
    pub(super) what: String,
    /// What the certificate shows.
    pub(super) note: String,
    /// How sure it is that an edge refuses this, where it left.
    pub(super) confidence: Confidence,
}

/// The finding that a fault of the chain makes on this connection; none where it does not matter.
pub(super) fn finding(c: &Connection, fault: Fault) -> Option<Finding> {
    // An edge that is answered in a version which it did not offer does not come to look at the certificate.
    let tls = c.tls.as_ref().filter(|_| c.version_not_offered().is_none())?;
    let shown = shown_at(c, tls)?;
    let what = fault.what;
    let begin = |confidence, message| {
        Finding::new(shown, confidence, message)
            .evidence_if(
                tls.client_hello.as_ref().map(|hello| hello.frame),
                format!("ClientHello{}", tls_area::for_name(c)),
            )
            .evidence(shown, fault.note)
    };
    if let Some(refusal) = refusal_of(c) {
        let after = refusal.frame().since(c.server_flight().unwrap_or(shown));
        let how = refusal.in_words();
        let message = format!("{what}. The edge did not go on: {how}, {after} later.");
        // An edge that takes its time may not have got the flight at all.
        let doubtful = c.tcp.unacknowledged(Side::Server) > 0 && refusal.confidence(tls, after) == Confidence::Possible;
        let confidence = if doubtful { Confidence::Possible } else { fault.confidence };
        return Some(begin(confidence, message).evidence(refusal.frame(), how));
    }
    // What a load balancer accepts, CloudFront never sees.
    let noteworthy = c.edge.kind != EdgeKind::Private;
    match c.edge_went_on().filter(|_| noteworthy) {
        Some(went_on) => {
            let message = format!("{what}. The edge of this connection accepted it all the same.");
            Some(begin(Confidence::Certain, message).evidence(went_on, "the edge goes on").effect(Effect::Note))
        }
        None => {
            let undecided = noteworthy && c.is_open() && c.hello_begins().is_some() && c.server_flight().is_some();
            undecided.then(|| {
                let message = format!("{what}. The capture ends before the edge has answered.");
                begin(Confidence::Likely, message).effect(Effect::Note)
            })
        }
    }
}

/// The finding where the fault is merely worth knowing: an edge that leaves has another reason.
pub(super) fn note(c: &Connection, fault: Fault) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let shown = shown_at(c, tls).filter(|_| c.edge.kind != EdgeKind::Private)?;
    Some(Finding::new(shown, Confidence::Certain, format!("{}.", fault.what)).evidence(shown, fault.note))
}

/// The first fault of the chain of which `pick` makes something, where it matters on this connection: most edges have
/// accepted what they saw, and reading a certificate takes long. What is `tolerated` by some edges is worth a word
/// although this one accepted it.
pub(super) fn fault<'c, T>(
    c: &'c Connection,
    tolerated: bool,
    pick: impl Fn(&'c ChainFault) -> Option<T>,
) -> Option<T> {
    let picked = c.chain.as_ref()?.report.faults.iter().find_map(pick)?;
    let accepted = c.edge_went_on().is_some();
    (!accepted || (tolerated && c.edge.kind != EdgeKind::Private)).then_some(picked)
}

/// What a certificate of the origin says.
pub(super) fn summary(c: &Connection, certificate: usize) -> Option<&tls::Summary> {
    c.origin_certificates().nth(certificate)?.summary().ok()
}

/// `The certificate of 10.0.0.5:443 for "NAME"`, or one beside it.
pub(super) fn subject(c: &Connection, certificate: usize) -> String {
    let server = format!("{}{}", c.server, tls_area::for_name(c));
    match (certificate, summary(c, certificate)) {
        (0, _) | (_, None) => format!("The certificate of {server}"),
        (i, Some(s)) => format!("Certificate {} (\"{}\") in the chain of {server}", i + 1, s.subject),
    }
}

/// The command that shows what is wrong.
pub(super) fn look(c: &Connection) -> String {
    format!(
        "{} shows the chain that the origin sends, and what is wrong with it.",
        tls_area::s_client(c, &tls_area::verification(c))
    )
}

/// The command that shows the stapled OCSP response.
pub(super) fn look_at_staple(c: &Connection) -> String {
    format!("{} shows the response that the origin staples.", tls_area::s_client(c, "-status"))
}

/// Where the certificate was shown: its message, or the first encrypted record of the flight.
pub(super) fn shown_at(c: &Connection, tls: &tls::Transcript) -> Option<FrameRef> {
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
    let arrived = c.tcp.unacknowledged(Side::Server) == 0 || c.tcp.odd.retransmissions.server == 0;
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
    pub(super) fn frame(&self) -> FrameRef {
        match self {
            Refusal::Named(alert) => alert.frame,
            Refusal::CloseNotify(frame)
            | Refusal::Hidden(frame)
            | Refusal::Ended(frame, _)
            | Refusal::OutWaited(frame) => *frame,
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Refusal::Named(named) => format!("alert {} of the edge", tls_area::alert(named)),
            Refusal::CloseNotify(_) => "close_notify of the edge in clear, before it finished the handshake".to_owned(),
            Refusal::Hidden(_) => "an encrypted alert of the edge in place of its Finished".to_owned(),
            Refusal::Ended(_, End::Rst) => "RST of the edge, without an alert".to_owned(),
            Refusal::Ended(_, End::Fin) => "FIN of the edge, without an alert".to_owned(),
            Refusal::OutWaited(_) => "the edge kept silent until the origin gave up".to_owned(),
        }
    }

    /// `after` is how long after the origin's flight.
    pub(super) fn confidence(&self, tls: &tls::Transcript, after: Micros) -> Confidence {
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
