//! What is never acknowledged, and what is reset in the middle: how often, how long, and by whom.

use crate::common::tape;
use std::fs;

use crate::common::packets::Capture;
use crate::common::{analyse, cases};
use why502::diagnosis::{Confidence, Outcome};

const SYN: u8 = 2;
const FIN_ACK: u8 = 17;
const RST: u8 = 4;
const ACK: u8 = 16;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3000\r\n\r\nabc";
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn verdict(capture: Capture) -> (Outcome, Option<&'static str>) {
    let (ear, _) = analyse(&capture.bytes()).unwrap();
    let told = ear.connections.first().unwrap();
    (told.outcome, told.cause)
}

#[test]
fn what_is_never_acknowledged_tells_by_how_often_and_how_long() {
    let sent = || Capture::new().open().edge(ACK, GET);
    let next = || Capture::new().open().exchange(GET, GOOD).edge(ACK, b"").edge(ACK, GET);
    let gone = |c: Capture| c.edge(RST | ACK, b"");
    let joined = |c: Capture| c.edge(ACK, GET).edge_repeats(5, GET).origin(RST, b"");
    let full = Some("tcp.accept-queue-overflow");
    let lost = Some("tcp.segment-loss-stall");
    let table = [
        ("once again", gone(sent().edge_repeats(1, GET)), false, full),
        ("twice again", gone(sent().edge_repeats(2, GET)), true, full),
        (
            "answered at last",
            sent().edge_repeats(3, GET).origin(ACK, GOOD).edge(FIN_ACK, b"").origin(FIN_ACK, b""),
            false,
            full,
        ),
        ("the origin closes", sent().edge_repeats(3, GET).origin(FIN_ACK, b"").edge(FIN_ACK, b""), false, full),
        ("nobody gives up", sent().edge_repeats(3, GET), true, full),
        ("on a connection in use, twice again", gone(next().edge_repeats(2, GET)), false, lost),
        ("on a connection in use, three times", gone(next().edge_repeats(3, GET)), true, lost),
        ("and acknowledged at last", gone(next().edge_repeats(3, GET).origin(ACK, b"")), false, lost),
        ("and nobody gives up", next().edge_repeats(5, GET), false, lost),
        ("and nobody gives up for long", next().edge_repeats(12, GET), true, lost),
        ("the SYN-ACK is not in the capture", joined(Capture::new().edge(SYN, b"").edge(ACK, b"")), false, lost),
        ("nor is the SYN", joined(Capture::new().edge(ACK, b"")), false, lost),
    ];
    for (what, capture, failed, cause) in table {
        let told = verdict(capture);
        assert_eq!(told == (Outcome::Failed, cause), failed, "{what}: {told:?}");
    }
}

#[test]
fn a_reset_of_the_edge_has_a_name_only_in_the_middle_of_its_message() {
    let half = || Capture::new().open().edge(ACK, POST).origin(ACK, b"");
    let reset = |c: Capture| c.edge(RST | ACK, b"");
    let named = (Outcome::Inconclusive, Some("tcp.edge-reset"));
    assert_eq!(verdict(reset(half())), named, "half an upload");
    assert_eq!(verdict(reset(half().later(3))), named, "half an upload, after 3 s");
    let others = [
        ("never acknowledged", reset(Capture::new().open().edge(ACK, POST))),
        ("answered in the middle", reset(half().origin(ACK, TOO_LARGE))),
        ("closed, not reset", half().edge(FIN_ACK, b"").origin(FIN_ACK, b"")),
        ("the request was whole", reset(Capture::new().open().edge(ACK, GET).origin(ACK, b""))),
        ("nothing was sent", reset(Capture::new().open())),
    ];
    for (what, capture) in others {
        assert_ne!(verdict(capture).1, named.1, "{what}");
    }
}

#[test]
fn an_end_that_does_not_acknowledge_the_first_request_may_have_come_before_it() {
    let asked = || Capture::new().open().edge(ACK, GET);
    let table = [
        (asked().origin(FIN_ACK, b""), "http.closed-before-response", Confidence::Certain),
        (asked().origin_without(GET, FIN_ACK), "http.closed-before-response", Confidence::Possible),
        (asked().origin(RST | ACK, b""), "http.reset-before-response", Confidence::Certain),
        (asked().origin_without(GET, RST | ACK), "http.reset-before-response", Confidence::Possible),
    ];
    for (i, (capture, cause, confidence)) in table.into_iter().enumerate() {
        let (ear, _) = analyse(&capture.bytes()).unwrap();
        let told = ear.connections.first().unwrap();
        assert_eq!((told.cause, told.confidence), (Some(cause), Some(confidence)), "{i}");
    }
}

#[test]
fn an_end_that_does_not_acknowledge_a_hidden_request_may_have_come_before_it() {
    let cause = "http.encrypted-closed-before-response";
    let case =
        cases().into_iter().find(|c| c.name.ends_with("encrypted-closed-before-response/nginx-444-tls12")).unwrap();
    let told = |tape: &[tape::Packet]| {
        let told = analyse(&tape::write(tape)).unwrap().0.connections;
        told.into_iter().next().map(|t| (t.cause, t.confidence)).unwrap()
    };
    let mut tape = tape::read(&fs::read(&case.path).unwrap());
    let before = told(&tape);
    assert_ne!(before, (Some(cause), Some(Confidence::Possible)));
    // The end, as it is sent before the request has come: it acknowledges what was acknowledged before.
    let end = tape.iter().position(|p| p.is_origins() && p.flags() & tape::FIN != 0).unwrap();
    let request = tape[..end].iter().rposition(|p| !p.is_origins() && p.payload() > 0).unwrap();
    let sequence = tape[request].bytes[tape[request].tcp() + 4..][..4].to_vec();
    let acknowledgement = tape[end].tcp() + 8;
    tape[end].bytes[acknowledgement..acknowledgement + 4].copy_from_slice(&sequence);
    let after = tape.drain(request + 1..end).filter(|p| !p.is_origins()).collect::<Vec<_>>();
    tape.splice(request + 1..request + 1, after);
    let doubted = told(&tape);
    assert_eq!(doubted, (Some(cause), Some(Confidence::Possible)));
}
