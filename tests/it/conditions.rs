//! Captures as the field has them: packets lost, doubled and out of order, one direction, begun late, cut short.
//!
//! Healthy never becomes failed, failing keeps its cause or becomes inconclusive; where nothing is lost, it keeps it.

use std::fs;

use crate::common::packets::Capture;
use crate::common::tape::{
    ACK, FIN, PSH, Packet, RST, SYN, Tape, doubled, filtered, mapped, ports, read, snapped, swapped, twice, write,
};
use crate::common::{Case, Told, analyse, cases};
use why502::causes::by_id;
use why502::diagnosis::{Confidence, Outcome};

/// Ports as a stranger might choose them: the server's above the client's.
fn high(port: u16) -> u16 {
    if port < 10_000 { port + 50_000 } else { port / 2 + 1_024 }
}

/// Packets looked at one by one, at each end of a long capture.
const ENDS: usize = 40;
/// Packets further apart than this are not swapped on the way.
const SWAPPED_WITHIN: u64 = 50_000;

/// Ways in which this capture might have been made that lose nothing.
fn lossless(tape: &Tape) -> Vec<(String, Tape)> {
    let mut all = vec![
        ("8443".to_owned(), ports(tape, |p| if p == 443 { 8443 } else { p })),
        ("3000".to_owned(), ports(tape, |p| if p == 80 { 3000 } else { p })),
        ("high ports".to_owned(), ports(tape, high)),
    ];
    // An ICMP error of the one version of IP does not quote packets of the other.
    if tape.iter().all(Packet::is_tcp) {
        all.push(("mapped".to_owned(), mapped(tape)));
    }
    all.extend([60, 400, 4_000].map(|seconds| (format!("twice, {seconds} s later"), twice(tape, seconds))));
    for i in (0..tape.len()).filter(|i| *i < ENDS || *i + ENDS >= tape.len()) {
        all.push((format!("captured twice: {}", i + 1), doubled(tape, i, 5, false)));
        all.push((format!("sent again: {}", i + 1), doubled(tape, i, 200_000, true)));
    }
    all
}

/// Ways in which it might have been made that lose something, or its order.
fn lossy(tape: &Tape) -> Vec<(String, Tape)> {
    let n = tape.len();
    let mut all = vec![
        ("origin only".to_owned(), filtered(tape, |_, p| p.is_origins())),
        ("edge only".to_owned(), filtered(tape, |_, p| !p.is_origins())),
        ("no SYN".to_owned(), filtered(tape, |_, p| p.flags() & SYN == 0)),
        ("no FIN, no RST".to_owned(), filtered(tape, |_, p| p.flags() & (FIN | RST) == 0)),
        ("no RST".to_owned(), filtered(tape, |_, p| p.flags() & RST == 0)),
    ];
    all.extend([54, 66, 96, 128, 200, 400, 600].map(|len| (format!("snapped at {len}"), snapped(tape, len))));
    for i in (0..n).filter(|i| *i < ENDS || *i + ENDS >= n) {
        all.push((format!("without {}", i + 1), filtered(tape, |k, _| k != i)));
        all.push((format!("from {}", i + 1), tape[i..].to_vec()));
        all.push((format!("from {}, high ports", i + 1), ports(&tape[i..], high)));
        all.push((format!("no origin from {}", i + 1), filtered(tape, |k, p| k < i || !p.is_origins())));
        all.push((format!("no edge from {}", i + 1), filtered(tape, |k, p| k < i || p.is_origins())));
        if i + 1 < n && tape[i + 1].micros - tape[i].micros < SWAPPED_WITHIN {
            // SYN-ACK and ACK both gone leave the picture of a closed port.
            if i > 1 {
                all.push((format!("without {} and the next", i + 1), filtered(tape, |k, _| k != i && k != i + 1)));
            }
            all.push((format!("swapped {}", i + 1), swapped(tape, i, false)));
            all.push((format!("swapped {} in time, too", i + 1), swapped(tape, i, true)));
        }
    }
    all
}

/// Whether a failure found under a condition is the capture's own: its cause, one that this makes a consequence, or,
/// where the capture fails, another one as a possibility.
fn is_its_own(case: &Case, how: &str, told: &Told) -> bool {
    let (Some(cause), Some(found)) = (&case.cause, told.cause) else { return false };
    let consequence = by_id(cause).is_some_and(|c| c.supersedes.contains(&found));
    // A SYN-ACK that was not captured was not sent, as far as bytes show.
    let deaf = cause == "tcp.syn-ack-unacknowledged" && found == "tcp.syn-unanswered" && !how.starts_with("without");
    cause == found || case.also.contains(found) || consequence || deaf || told.confidence == Some(Confidence::Possible)
}

#[test]
fn what_the_field_does_to_captures_makes_no_other_failure() {
    let mut wrong = Vec::new();
    for case in cases() {
        let tape = read(&fs::read(&case.path).unwrap());
        // The same again lets a capture that ended too early watch for longer.
        let watched_longer = |how: &str| case.name.starts_with("capture/still-open") && how.starts_with("twice");
        for (how, changed) in [lossless(&tape), lossy(&tape)].concat() {
            let (ear, _) = analyse(&write(&changed)).unwrap();
            let failed = ear.connections.iter().filter(|t| t.outcome == Outcome::Failed);
            for told in failed.filter(|told| !is_its_own(&case, &how, told) && !watched_longer(&how)) {
                wrong.push(format!("{}, {how}: {:?} {:?}", case.name, told.confidence, told.findings));
            }
        }
    }
    assert!(wrong.is_empty(), "other stories:\n{}", wrong.join("\n"));
}

#[test]
fn what_loses_nothing_changes_nothing() {
    let mut wrong = Vec::new();
    for case in cases().into_iter().filter(|c| !c.needs_keys && !c.name.starts_with("capture/")) {
        let tape = read(&fs::read(&case.path).unwrap());
        for (how, changed) in lossless(&tape) {
            let told = analyse(&write(&changed)).unwrap().0.connections;
            let kept = match &case.cause {
                Some(cause) => told.iter().any(|t| t.findings.contains(&cause.as_str())),
                None => told.iter().all(|t| t.outcome == Outcome::Ok),
            };
            if !kept {
                wrong.push(format!("{}, {how}: {told:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "changed by nothing:\n{}", wrong.join("\n"));
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3000\r\n\r\nabc";
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CUT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok";
const TO_THE_END: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nok";
const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const TIMEOUT: &[u8] = b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n";
const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
const FIN_ACK: u8 = FIN | ACK;

/// A request on a new connection, acknowledged.
fn asked() -> Capture {
    Capture::new().open().edge(ACK, GET).origin(ACK, b"")
}

/// A connection on which one request was answered.
fn used() -> Capture {
    Capture::new().open().exchange(GET, GOOD).edge(ACK, b"")
}

fn verdict(capture: Capture) -> (Outcome, Option<&'static str>) {
    let (ear, _) = analyse(&capture.bytes()).unwrap();
    let told = ear.connections.first().unwrap();
    (told.outcome, told.cause)
}

#[test]
fn legal_orders_of_events_raise_no_alarm() {
    let open = || Capture::new().open();
    let close = |c: Capture| c.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(ACK, b"");
    let table = [
        ("half-close with the request", open().edge(FIN_ACK, GET).later(3).origin(FIN_ACK, GOOD).edge(ACK, b"")),
        ("half-close after 2 s", asked().later(2).edge(FIN_ACK, b"").origin(FIN_ACK, GOOD).edge(ACK, b"")),
        ("simultaneous close", used().edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(ACK, b"").origin(ACK, b"")),
        ("RST of the origin when done", used().origin(RST | ACK, b"")),
        ("RST of the edge when done", used().edge(RST | ACK, b"")),
        ("FIN with the response, then RST", asked().origin(FIN_ACK, GOOD).edge(RST | ACK, b"")),
        ("body to the end, then RST of the edge", asked().origin(FIN_ACK, TO_THE_END).edge(RST | ACK, b"")),
        ("refused upload, then RST", open().exchange(POST, TOO_LARGE).edge(ACK, b"def").origin(RST, b"")),
        ("idle close by the origin", close(used().later(5))),
        ("never used, closed by the origin", close(open().later(60))),
        ("never used, 408", close(open().later(60).origin(ACK, TIMEOUT))),
    ];
    for (what, capture) in table {
        assert_eq!(verdict(capture), (Outcome::Ok, None), "{what}");
    }
}

#[test]
fn only_what_is_lost_for_its_size_is_a_black_hole() {
    const BLACK_HOLE: &str = "tcp.path-mtu-black-hole";
    // A segment of full size that begins a response.
    let full = &[b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n".as_slice(), &[b'x'; 1_407]].concat();
    let head = || asked().origin(ACK, &full[..60]).edge(ACK, b"");
    let table = [
        ("from the first", true, asked().lost(full, 4).edge(FIN_ACK, b"")),
        ("after a small one", true, head().lost(&full[60..], 4).edge(RST | ACK, b"")),
        ("nobody left, and it goes on", true, asked().lost(full, 2).edge(ACK, b"").lost(full, 6)),
        ("a full one arrived before", false, asked().origin(ACK, full).edge(ACK, b"").lost(full, 4).edge(FIN_ACK, b"")),
        ("a small one is lost", false, asked().lost(&full[..1_000], 4).edge(FIN_ACK, b"")),
        ("it arrives in the end", false, asked().lost(full, 4).origin(ACK, full).edge(FIN_ACK, b"")),
        ("it arrives in pieces", false, asked().lost(full, 4).lost(&full[..500], 1).edge(FIN_ACK, b"")),
        ("once more is no repetition", false, asked().lost(full, 2).edge(FIN_ACK, b"")),
        ("the edge is gone", false, asked().lost(full, 9)),
    ];
    for (what, black, capture) in table {
        assert_eq!(verdict(capture).1 == Some(BLACK_HOLE), black, "{what}");
    }
}

#[test]
fn the_order_of_events_names_the_cause() {
    let table = [
        ("http.response-timeout", asked().later(2).edge(FIN_ACK, b"").origin(ACK, GOOD).edge(RST, b"")),
        ("http.keep-alive-race", used().later(5).origin(FIN_ACK, b"").edge(ACK, GET).origin(RST, b"")),
        ("http.closed-before-response", asked().origin(FIN_ACK, b"").edge(FIN_ACK, b"")),
        ("http.closed-before-response", asked().origin(ACK, HINTS).origin(FIN_ACK, b"").edge(FIN_ACK, b"")),
        ("http.reset-before-response", asked().origin(RST | ACK, b"")),
        ("http.closed-in-response", asked().origin(ACK, CUT).origin(FIN_ACK, b"").edge(FIN_ACK, b"")),
    ];
    for (cause, capture) in table {
        assert_eq!(verdict(capture), (Outcome::Failed, Some(cause)));
    }
}

#[test]
fn what_is_missing_is_said() {
    for case in cases().iter().filter(|c| c.name.starts_with("app/") || c.name.starts_with("http/closed-before")) {
        let tape = read(&fs::read(&case.path).unwrap());
        let is_request = |p: &Packet| p.is_tcp() && !p.is_origins() && p.flags() & PSH != 0;
        let told = analyse(&write(&filtered(&tape, |_, p| !is_request(p)))).unwrap().0.connections;
        let silent = told.iter().any(|t| t.outcome == Outcome::Ok);
        assert!(!silent, "{} without its requests: {told:?}", case.name);
    }
}
