//! A PROXY protocol header put before what the client says changes nothing of the verdict, in any capture.
//!
//! The header takes numbers before the first of the client's: its initial sequence number goes down by the header's
//! length, the header comes in a packet of its own, and all that follows stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::packets::Capture;
use crate::common::{Case, Told, analyse, cases};
use why502::diagnosis::Outcome;

const V1: &[u8] = b"PROXY TCP4 10.0.9.9 10.0.1.20 40112 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\x09\x09\x0a\0\x01\x14\x9c\xb0\x01\xbb";

const SYN: u8 = 2;
const ACK: u8 = 16;

/// Causes that are about whether a header comes first, or whether anything does.
const ABOUT_THE_HEADER: [&str; 6] = [
    "tls.unexpected-proxy-header",
    "http.unexpected-proxy-header",
    "tls.proxy-header-expected",
    "http.proxy-header-expected",
    "tcp.reset-on-accept",
    "tcp.closed-on-accept",
];

/// What the same bytes mean behind a header: the header itself is the likeliest reason of a refusal like these.
const REFUSALS: [&str; 6] = [
    "tls.plaintext-http-reply",
    "tls.no-common-version",
    "tls.origin-alert",
    "tls.sni-forwarded-host",
    "tls.reset-after-client-hello",
    "tls.closed-after-client-hello",
];

/// Where the TCP header of a packet begins, and where its payload does; captures have Ethernet headers.
fn offsets(packet: &[u8]) -> (usize, usize, usize) {
    let (tcp, end) = match packet[14] >> 4 {
        4 => (34, 14 + usize::from(u16::from_be_bytes([packet[16], packet[17]]))),
        _ => (54, 54 + usize::from(u16::from_be_bytes([packet[18], packet[19]]))),
    };
    (tcp, tcp + usize::from(packet[tcp + 12] >> 4) * 4, end)
}

fn lower(packet: &mut [u8], at: usize, by: usize) {
    let number = u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    packet[at..at + 4].copy_from_slice(&number.wrapping_sub(by as u32).to_be_bytes());
}

/// The packet with this payload in place of its own, that many bytes earlier in the stream.
fn instead(packet: &[u8], payload: &[u8]) -> Vec<u8> {
    let (tcp, data, _) = offsets(packet);
    let mut new = [&packet[..data], payload].concat();
    let len = (new.len() - if packet[14] >> 4 == 4 { 14 } else { 54 }) as u16;
    let at = if packet[14] >> 4 == 4 { 16 } else { 18 };
    new[at..at + 2].copy_from_slice(&len.to_be_bytes());
    lower(&mut new, tcp + 4, payload.len());
    new
}

/// Records of a capture: the time, and the packet.
fn records(pcap: &[u8]) -> Vec<(&[u8], &[u8])> {
    let (mut at, mut all) = (24, Vec::new());
    while at < pcap.len() {
        let captured = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().unwrap()) as usize;
        all.push((&pcap[at..at + 8], &pcap[at + 16..at + 16 + captured]));
        at += 16 + captured;
    }
    all
}

fn is_tcp(packet: &[u8]) -> bool {
    packet.len() >= 54 && packet[if packet[14] >> 4 == 4 { 23 } else { 20 }] == 6
}

/// The capture with a header at the beginning of each connection on which the client says something.
fn introduced(pcap: &[u8], header: &[u8]) -> Vec<u8> {
    let mut new = pcap[..24].to_vec();
    let says = |packet: &[u8]| {
        let (tcp, data, end) = offsets(packet);
        (end > data).then(|| u16::from_be_bytes([packet[tcp], packet[tcp + 1]]))
    };
    let all = records(pcap);
    let speaking: BTreeSet<u16> = all.iter().filter(|r| is_tcp(r.1)).filter_map(|r| says(r.1)).collect();
    // By the client's port: whether its header has come.
    let mut clients: BTreeMap<u16, bool> = BTreeMap::new();
    for (record, packet) in all {
        let mut packet = packet.to_vec();
        let mut add = |packet: &[u8]| {
            let len = (packet.len() as u32).to_le_bytes();
            new.extend([record, &len, &len, packet].concat());
        };
        if is_tcp(&packet) {
            let (tcp, data, end) = offsets(&packet);
            let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            let (from, to) = (port(tcp), port(tcp + 2));
            match packet[tcp + 13] & (SYN | ACK) {
                SYN if speaking.contains(&from) => {
                    clients.insert(from, false);
                    lower(&mut packet, tcp + 4, header.len());
                }
                // What the server says before it has the header acknowledges the SYN.
                _ if clients.get(&to) == Some(&false) => lower(&mut packet, tcp + 8, header.len()),
                _ if clients.get(&from) == Some(&false) && end == data => lower(&mut packet, tcp + 4, header.len()),
                _ if clients.get(&from) == Some(&false) => {
                    clients.insert(from, true);
                    add(&instead(&packet, header));
                }
                _ => {}
            }
        }
        add(&packet);
    }
    new
}

/// Captures in which every connection has its beginning and every packet its bytes.
fn whole() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| {
        let partial = ["capture/one-sided", "capture/mid-stream", "capture/snap-length", "capture/lost-packets"];
        // An edge whose first bytes are lost would lose the header with them, and repeat it.
        let lost = ["tcp/accept-queue-overflow", "tcp/path-mtu-black-hole/post-", "tcp/path-mtu-black-hole/request-"];
        let repeated = lost.iter().any(|p| case.name.starts_with(p));
        let named = case.name.contains("proxy") || partial.iter().any(|p| case.name.starts_with(p));
        !case.needs_keys && !named && !repeated
    })
}

fn findings(told: &Told) -> Vec<&'static str> {
    told.findings.iter().copied().filter(|cause| !ABOUT_THE_HEADER.contains(cause)).collect()
}

#[test]
fn what_follows_is_judged_as_without_it() {
    let (mut wrong, mut same) = (Vec::new(), 0);
    for case in whole() {
        let bytes = fs::read(&case.path).unwrap();
        let (before, _) = analyse(&bytes).unwrap();
        for header in [V1, V2] {
            let (after, _) = analyse(&introduced(&bytes, header)).unwrap();
            for (before, after) in before.connections.iter().zip(&after.connections) {
                let choked = after.cause.is_some_and(|cause| ABOUT_THE_HEADER.contains(&cause))
                    && before.cause.is_some_and(|cause| REFUSALS.contains(&cause));
                // With a header nothing is left of a connection on which the client said nothing.
                let silent = before.cause.is_some_and(|cause| ABOUT_THE_HEADER[4..].contains(&cause));
                if choked || silent {
                    continue;
                }
                if (before.outcome, findings(before)) == (after.outcome, findings(after)) {
                    same += 1;
                } else {
                    wrong.push(format!("{}: {:?} became {:?}", case.name, before, after));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "behind a header:\n{}", wrong.join("\n"));
    assert!(same > 100, "only {same} connections were compared");
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const FIN: u8 = 1;

fn one(capture: Capture) -> Told {
    let (ear, _) = analyse(&capture.bytes()).unwrap();
    ear.connections[0].clone()
}

#[test]
fn a_header_may_be_cut_anywhere() {
    for header in [V1.to_vec(), V2.to_vec(), [V1, V2].concat()] {
        let stream = [&header, GET].concat();
        for at in 0..stream.len() {
            let cut = Capture::new().open().edge(ACK, &stream[..at]).edge(ACK, &stream[at..]).origin(ACK, OK).close();
            let told = one(cut);
            assert_eq!((told.outcome, told.findings.len()), (Outcome::Ok, 0), "cut at {at}: {told:?}");
        }
        // Without the handshake of TCP the header tells who is the client.
        let joined = one(Capture::new().edge(ACK, &stream).origin(ACK, OK).close());
        assert_ne!(joined.outcome, Outcome::Failed, "{joined:?}");
    }
}

#[test]
fn a_header_alone_asks_nothing() {
    let local = &[&V2[..12], b"\x20\0\0\0"].concat()[..];
    for (header, ends_by_origin, outcome) in [
        (V1, false, Outcome::Ok),
        (V2, false, Outcome::Ok),
        (local, false, Outcome::Ok),
        (V2, true, Outcome::Inconclusive),
        // Half a header is no header, and two are one too many.
        (&V2[..20], false, Outcome::Inconclusive),
        (&[V2, V2].concat(), false, Outcome::Inconclusive),
        (&V2.repeat(40), false, Outcome::Inconclusive),
    ] {
        let sent = Capture::new().open().edge(ACK, header).origin(ACK, b"");
        let told = one(match ends_by_origin {
            true => sent.origin(FIN | ACK, b"").edge(FIN | ACK, b"").origin(ACK, b""),
            false => sent.close(),
        });
        assert_eq!((told.outcome, told.findings.len()), (outcome, 0), "{}: {told:?}", header.escape_ascii());
    }
}
