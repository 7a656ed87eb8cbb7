//! The handshake.

super::area! {
    unexpected_proxy_header,
    plaintext_http_reply,
    not_tls_reply,
    no_common_version,
    sni_forwarded_host,
    no_common_cipher,
    unrecognized_name,
    no_application_protocol,
    client_certificate_required,
    certificate_malformed,
    certificate_self_signed,
    certificate_not_yet_valid,
    certificate_expired,
    certificate_name_mismatch,
    certificate_revoked,
    ocsp_staple_invalid,
    certificate_purpose,
    certificate_chain_invalid,
    certificate_chain_incomplete,
    certificate_untrusted,
    certificate_rejected,
    origin_alert,
    edge_alert,
    reset_after_client_hello,
    closed_after_client_hello,
    proxy_header_expected,
    reset_in_handshake,
    closed_in_handshake,
    malformed_record,
    no_server_hello,
    handshake_stalled,
    certificate_chain_order,
    certificate_weak,
}

use std::borrow::Cow;

use super::timeout::TIMEOUT;
use crate::base::{FrameRef, Micros};
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, EdgeKind, End, Profile, http1, tls};

/// What CloudFront's viewer saw when the handshake failed; its log's word for it is not documented.
const EDGE: crate::diagnosis::Edge = crate::diagnosis::Edge::status(502);

/// A connection that nobody ended is given up for lost after this: three times the longest connection timeout of an
/// edge, and its default response timeout.
const WATCHED: Micros = Micros::from_secs(30);

const SSL_3_0: u16 = 0x0300;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// Names of a list that a sentence can hold.
const NAMES_IN_A_SENTENCE: usize = 6;

/// Bytes in hexadecimal that a sentence can hold.
const BYTES_IN_A_SENTENCE: usize = 16;

/// The name of a protocol version, or its number.
fn version(code: u16) -> Cow<'static, str> {
    tls::names::version_name(code).unwrap_or_else(|| Cow::Owned(format!("{code:#06x}")))
}

/// `TLS 1.3, TLS 1.2`: the versions on offer.
fn versions(hello: &tls::ClientHello) -> String {
    let offered = hello.offered_versions();
    match offered.as_slice() {
        [highest] if hello.versions.is_empty() => format!("{} at most", version(*highest)),
        _ => listed(&offered, version),
    }
}

/// `TLS 1.3, TLS 1.2; 19 cipher suites; groups secp256r1, x25519`: what the edge put into its hello.
fn offer(hello: &tls::ClientHello) -> String {
    let ciphers = hello.cipher_count();
    let groups: Vec<u16> = hello.groups.iter().copied().filter(|&code| !tls::names::is_grease(code)).collect();
    let groups = match groups.as_slice() {
        [] => "no groups".to_owned(),
        some => format!("groups {}", listed(some, group)),
    };
    let known = Profile::of(hello).map(|p| format!("; the same as {}", known_as(p))).unwrap_or_default();
    format!("{}; {ciphers} cipher suites; {groups}{known}", versions(hello))
}

/// `CloudFront-Upstream-TLS-1-2-2025 (s2n-tls)`.
fn known_as(profile: &Profile) -> String {
    let library = if profile.source.starts_with("s2n-tls") { " (s2n-tls)" } else { "" };
    format!("{}{library}", profile.name)
}

fn group(code: u16) -> Cow<'static, str> {
    tls::names::group_name(code).map_or_else(|| Cow::Owned(format!("{code:#06x}")), Cow::Borrowed)
}

fn listed(codes: &[u16], name: fn(u16) -> Cow<'static, str>) -> String {
    let named: Vec<_> = codes.iter().take(NAMES_IN_A_SENTENCE).map(|&code| name(code)).collect();
    let more = codes.len().saturating_sub(NAMES_IN_A_SENTENCE);
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What to change where the edge itself offers nothing newer than TLS 1.1.
fn newer_edge(c: &Connection, hello: &tls::ClientHello) -> String {
    let only = if hello.offered_versions() == [SSL_3_0] { "SSL 3.0 alone" } else { "nothing newer than TLS 1.1" };
    let distribution = "the SSL protocols of this origin in the distribution (`OriginSslProtocols`)";
    if c.edge.kind == EdgeKind::CloudFront {
        format!("The edge offers {only}: that is {distribution}. Make it TLSv1.2, without SSLv3 and TLSv1.")
    } else {
        format!(
            "The edge offers {only}: put TLS 1.2 into the security policy of the load balancer in front, or into {distribution}."
        )
    }
}

/// `"a.example", "b.example" and 3 more`.
fn quoted(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_IN_A_SENTENCE).map(|name| format!("\"{name}\"")).collect();
    match names.len().saturating_sub(NAMES_IN_A_SENTENCE) {
        0 if shown.is_empty() => "no name".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The names that count on a leaf: subjectAltName, the common name only where there is none.
pub(super) fn presented(leaf: &tls::Summary) -> String {
    quoted(if leaf.names.is_empty() { leaf.common_name.as_slice() } else { &leaf.names })
}

/// `handshake_failure (40)`.
pub(super) fn alert(alert: &tls::Alert) -> String {
    match (alert.name(), alert.description) {
        (Some(name), Some(code)) => format!("{name} ({code})"),
        (None, Some(code)) => format!("alert {code}"),
        _ => "an encrypted alert".to_owned(),
    }
}

/// ` for "NAME"`, or that the edge named nobody; nothing where that is not known.
pub(super) fn for_name(c: &Connection) -> String {
    match (c.sni(), client_hello(c)) {
        (Some(name), _) => format!(" for \"{name}\""),
        (None, Some(_)) => " without a server name".to_owned(),
        (None, None) => String::new(),
    }
}

fn client_hello(c: &Connection) -> Option<&tls::ClientHello> {
    c.tls.as_ref()?.client_hello.as_ref()
}

/// The packet with the ClientHello, and what `said` finds in it, if all of it was captured.
fn told_hello(c: &Connection, said: impl Fn(&tls::ClientHello) -> String, finding: Finding) -> Finding {
    match client_hello(c) {
        Some(hello) => finding.evidence(hello.frame, format!("ClientHello: {}", said(hello))),
        None => finding.evidence_if(c.hello_begins(), "ClientHello, of which the capture kept the beginning alone"),
    }
}

/// The first response that no request asked for: its first byte, its status and who sent it.
fn clear_answer(http: &http1::Transcript) -> Option<(FrameRef, Option<u16>, Option<&str>)> {
    let first = http.exchanges.first().filter(|e| e.request.is_none());
    let unasked = || http.unsolicited.iter().find_map(|u| u.response.as_deref());
    let response = first.and_then(|e| e.response.as_ref()).or_else(unasked)?;
    Some((response.frame, Some(response.status).filter(|s| *s > 0), response.server.as_deref()))
}

/// The origin ended the connection in this way within the handshake; and the frame of its first answer.
fn left_handshake(c: &Connection, how: End) -> Option<(Finding, FrameRef)> {
    let end = c.origin_left_handshake().filter(|end| end.how == how)?;
    let tls = c.tls.as_ref()?;
    let answer = tls.records.server.first.filter(|&frame| c.before_end(frame))?;
    let went_on = c.edge_went_on().filter(|&frame| c.before_end(frame));
    let (verb, packet) = match how {
        End::Fin => ("closed", "FIN"),
        End::Rst => ("reset", "RST"),
    };
    let message = format!(
        "{} {verb} the connection in the middle of the edge's handshake{}, {} after its first answer and without an alert.",
        c.server,
        for_name(c),
        end.frame.since(answer)
    );
    let finding = Finding::new(end.frame, Confidence::Certain, message)
        .evidence_if(tls.client_hello.as_ref().map(|hello| hello.frame), format!("ClientHello{}", for_name(c)))
        .evidence(answer, "the origin's first TLS record")
        .evidence_if(went_on, "the edge went on: it had accepted the certificate")
        .evidence(end.frame, format!("{packet} from the origin's side"));
    Some((finding, answer))
}

/// `40 days`, or what is less than two in hours and minutes.
fn days(time: Micros) -> String {
    const DAY: i64 = 86_400_000_000;
    const MINUTE: i64 = 60_000_000;
    match time.0 {
        t if t >= 2 * DAY => format!("{} days", t / DAY),
        t if t >= 120 * MINUTE => format!("{} hours", t / (60 * MINUTE)),
        t => format!("{} minutes", t / MINUTE),
    }
}

/// Bytes of another protocol, for a sentence: their first line where it is plain text, else in hexadecimal.
fn shown(bytes: &[u8]) -> String {
    let line = bytes.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    let plain = line.len() >= 4 && line.iter().all(|b| matches!(b, b' '..=b'~'));
    if plain { format!("\"{}\"", String::from_utf8_lossy(line)) } else { hex(bytes) }
}

/// `48 54 54 50 …`.
fn hex(bytes: &[u8]) -> String {
    let bytes_shown: Vec<_> = bytes.iter().take(BYTES_IN_A_SENTENCE).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > BYTES_IN_A_SENTENCE { " …" } else { "" };
    format!("{}{more}", bytes_shown.join(" "))
}

/// The advice to see by hand whether the handshake fails always.
fn try_again(c: &Connection) -> String {
    format!("{}, several times: does it fail always?", s_client(c, ""))
}

/// The command that makes the same handshake by hand, with `options`. The name comes from the wire: what is no host
/// name is not put into a shell command.
pub(super) fn s_client(c: &Connection, options: &str) -> String {
    let name = match c.sni() {
        Some(name) if is_host_name(name) => format!("-servername {name}"),
        Some(_) => "-servername NAME".to_owned(),
        None if client_hello(c).is_none() => "-servername NAME".to_owned(),
        None => "-noservername".to_owned(),
    };
    format!("`openssl s_client -connect {} {name} {options} </dev/null`", c.server)
}

/// Options that make openssl check what the edge checks.
pub(super) fn verification(c: &Connection) -> String {
    let name = c.sni().filter(|name| is_host_name(name)).unwrap_or("NAME");
    format!("-verify_hostname {name} -verify_return_error -showcerts")
}

fn is_host_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_get_into_a_command() {
        let names = [("www.example.org", true), ("a;reboot", false), ("-connect", false), ("a b", false), ("", false)];
        for (name, good) in names {
            assert_eq!(is_host_name(name), good, "{name}");
        }
    }

    #[test]
    fn foreign_bytes_are_shown_as_text_or_in_hexadecimal() {
        assert_eq!(shown(b"SSH-2.0-x\r\n\0\0\x01"), "\"SSH-2.0-x\"");
        assert_eq!(shown(b"\x1b[31mred\r\n"), "1b 5b 33 31 6d 72 65 64 0d 0a");
        assert_eq!(shown(&[0; 17]), format!("{} …", ["00"; 16].join(" ")));
        assert_eq!(shown(b"\r\n"), "0d 0a");
    }

    #[test]
    fn long_lists_are_cut() {
        let codes = [23, 29, 24, 25, 22, 30, 0x11ec, 0x4242];
        assert_eq!(listed(&codes[..2], group), "secp256r1, x25519");
        assert!(listed(&codes, group).ends_with("x448 and 2 more"));
        assert_eq!(group(0x4242), "0x4242");
        assert_eq!(version(0x0304), "TLS 1.3");
    }
}
