use crate::base::{FrameRef, Side};
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, tls};

use super::{EDGE, SSL_3_0, TLS_1_2, TLS_1_3, alert, client_hello, newer_edge, offer, s_client, told_hello, version, versions};

/// protocol_version (RFC 8446 section 6.2).
const PROTOCOL_VERSION: u8 = 70;
/// handshake_failure (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: u8 = 40;

cause! {
    /// Edge and origin have no TLS version in common.
    ///
    /// # What happened
    /// The edge's ClientHello lists the versions that it speaks. The origin allows none of them and refuses by the
    /// alert protocol_version, or it answers with a version that was not offered, which the edge then refuses.
    ///
    /// # Evidence
    /// The versions in the ClientHello, then the fatal alert protocol_version (70) before any ServerHello, or
    /// a ServerHello whose version is not among them. SSL 3.0 alone is sometimes refused by handshake_failure
    /// (40): `likely`. An edge that lists no versions names only its highest: if it leaves without a word when the origin
    /// chooses less than TLS 1.2, that is `likely` the reason.
    ///
    /// # Who must act
    /// Whoever configures TLS on the origin; or the distribution, if its minimum origin SSL protocol is an old one.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -tls1_2 </dev/null`, and the same with `-tls1_3`,
    ///   `-tls1_1`: which of them end in a session, which in "alert protocol version"?
    /// - `nmap --script ssl-enum-ciphers -p 443 HOST` lists what the origin allows.
    /// - `aws cloudfront get-distribution-config --id ID`: `OriginSslProtocols` of the origin.
    ///
    /// # How to fix
    /// Allow TLS 1.2 on the origin, and TLS 1.3 beside it.
    /// - nginx: `ssl_protocols TLSv1.2 TLSv1.3;`. What counts is the default server of that address and port: there the
    ///   version is settled before the name.
    /// - Apache: `SSLProtocol -all +TLSv1.2 +TLSv1.3`.
    /// - HAProxy: `ssl-default-bind-options ssl-min-ver TLSv1.2`, and no `ssl-max-ver` or `force-tlsv1x` below 1.2.
    /// - ALB: a security policy with TLS 1.2, such as `ELBSecurityPolicy-TLS13-1-2-2021-06`.
    /// - Node: `minVersion: 'TLSv1.2'` in the options of `https.createServer`, no `maxVersion` below it.
    /// - OpenSSL itself may forbid old versions: `MinProtocol` in `openssl.cnf`, and security level 1 and up since
    ///   OpenSSL 3 for TLS 1.0 and 1.1.
    /// - Distribution: `OriginSslProtocols` of the origin is its minimum: make it `TLSv1.2`. With `SSLv3` the edge speaks SSL
    ///   3.0 and nothing else, which no origin of today accepts (RFC 7568).
    ///
    /// # Often confused with
    /// - `tls.no-common-cipher`: the version fits, nothing else does (handshake_failure).
    /// - `tls.plaintext-http-reply`: clients report it as "wrong version number", though the port speaks no TLS.
    ///
    /// # References
    /// - RFC 8446 section 4.2.1, RFC 5246 appendix E.1 (versions), RFC 8446 section 6.2 (alerts)
    /// - AWS: Amazon CloudFront Developer Guide, "Supported protocols and ciphers between CloudFront and the origin"
    edge: EDGE,
    supersedes: ["tls.certificate-rejected", "tls.no-common-cipher"],
    needs: [Alert, HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    refused(c).or_else(|| chosen(c))
}

/// The origin says no.
fn refused(c: &Connection) -> Option<Finding> {
    let hello = client_hello(c);
    // No server of today has SSL 3.0 (RFC 7568); OpenSSL refuses some of its hellos by the general alert.
    let outdated = hello.is_some_and(|hello| hello.offered_versions().iter().all(|&v| v <= SSL_3_0));
    let alert_seen = c.refusal()?;
    let confidence = match alert_seen.description? {
        PROTOCOL_VERSION => Confidence::Certain,
        HANDSHAKE_FAILURE if outdated => Confidence::Likely,
        _ => return None,
    };
    let offered = hello.map(|hello| format!(" ({})", versions(hello))).unwrap_or_default();
    let wanted = hello.and_then(wanted).map(|wanted| format!(" {wanted}")).unwrap_or_default();
    let message = format!(
        "{} speaks none of the versions that the edge offers{offered} and refused with {}.{wanted}",
        c.server,
        alert(alert_seen)
    );
    let finding = told_hello(c, offer, Finding::new(alert_seen.frame, confidence, message))
        .evidence(alert_seen.frame, format!("fatal alert of the origin: {}", alert(alert_seen)))
        .rules_out("tls.certificate-rejected", "the origin had shown no certificate: there is no ServerHello");
    let finding = match confidence {
        Confidence::Certain => finding.rules_out("tls.no-common-cipher", "the alert names the version"),
        _ => finding,
    };
    Some(with_fixes(finding, c, hello))
}

/// What the origin's refusal shows of its own versions. Servers take the highest version that both sides have; one that
/// refuses lies above or below all that is on offer.
fn wanted(hello: &tls::ClientHello) -> Option<String> {
    let offered = hello.offered_versions();
    let (highest, lowest) = (*offered.iter().max()?, *offered.iter().min()?);
    Some(match (highest, hello.versions.is_empty()) {
        (TLS_1_3, _) => format!("It evidently allows no version from {} up.", version(lowest)),
        // A server with an older version alone would have answered with that, for the edge to refuse.
        (_, true) => format!("It evidently allows only what is newer than {}.", version(highest)),
        (TLS_1_2, false) => "It evidently allows TLS 1.3 alone, or only what is older than is on offer.".to_owned(),
        (_, false) => format!("As servers are today, it allows only what is newer than {}.", version(highest)),
    })
}

/// The origin takes a version that the edge does not speak.
fn chosen(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref()?;
    let (hello, answer) = (tls.client_hello.as_ref()?, tls.server_hello.as_ref()?);
    let objection = objection(c);
    if c.edge_went_on().is_some() || !c.before_end(answer.frame) {
        return None;
    }
    let end = c.closed_by(Side::Client).map(|end| end.frame);
    let confidence = if objection.is_some() || (c.version_not_offered().is_some() && end.is_some()) {
        Confidence::Certain
    } else if c.version_not_offered().is_some() || is_too_old(c, tls) {
        Confidence::Likely
    } else {
        return None;
    };
    let version = version(answer.version);
    let message =
        format!("{} chose {version}, and the edge, which offers {}, did not go on. The origin evidently ends at {version}.", c.server, versions(hello));
    let finding = Finding::new(answer.frame, confidence, message)
        .evidence(hello.frame, format!("ClientHello: {}", offer(hello)))
        .evidence(answer.frame, format!("ServerHello: {version}"))
        .evidence_if(objection, "the edge's alert protocol_version (70)")
        .evidence_if(end, "the edge ends the connection")
        .rules_out(
            "tls.no-common-cipher",
            format!("the ServerHello in frame {} chose a cipher suite", answer.frame.named()),
        );
    Some(with_fixes(finding, c, Some(hello)))
}

/// Whether the edge left without a word an origin that chose less than TLS 1.2, though TLS 1.2 was on offer.
///
/// A hello without a list of versions names the highest alone; the lowest shows only in what the edge refuses.
fn is_too_old(c: &Connection, tls: &tls::Transcript) -> bool {
    let highest = tls.client_hello.as_ref().and_then(|hello| hello.offered_versions().into_iter().max());
    let chose_less = tls.version().is_some_and(|v| v < TLS_1_2) && highest.is_some_and(|v| v >= TLS_1_2);
    let left =
        c.closed_by(Side::Client).is_some() && c.ending_alert(Side::Client).is_none_or(tls::Alert::is_close_notify);
    chose_less && left && c.whole_tls().is_some()
}

/// The edge's own alert about the version, if nothing had ended the connection before.
fn objection(c: &Connection) -> Option<FrameRef> {
    let alert = c.ending_alert(Side::Client).filter(|a| a.description == Some(PROTOCOL_VERSION))?;
    c.before_end(alert.frame).then_some(alert.frame)
}

fn with_fixes(finding: Finding, c: &Connection, hello: Option<&tls::ClientHello>) -> Finding {
    let old_edge = hello.is_some_and(|hello| hello.offered_versions().iter().all(|&v| v < TLS_1_2));
    let finding = match hello.filter(|_| old_edge) {
        Some(hello) => finding.fix(newer_edge(c, hello)),
        None => finding.fix("Allow TLS 1.2 and 1.3 on the origin: nginx `ssl_protocols TLSv1.2 TLSv1.3;` (in the default server too), Apache `SSLProtocol -all +TLSv1.2 +TLSv1.3`, HAProxy `ssl-min-ver TLSv1.2` without an `ssl-max-ver` below it, ALB a security policy with both, such as ELBSecurityPolicy-TLS13-1-2-2021-06."),
    };
    finding.fix(format!("{}, and again with -tls1_3, shows which versions the origin allows.", s_client(c, "-tls1_2")))
}
