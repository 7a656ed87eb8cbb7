//! What an answer behind a PROXY protocol header tells of the header, and what it does not.

use crate::common::packets::Capture;
use crate::common::{Told, analyse};
use why502::diagnosis::{Confidence, Outcome};

const HEADER: &[u8] = b"PROXY TCP4 10.0.9.9 10.0.1.20 40112 80\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const UNEXPECTED: &str = "http.unexpected-proxy-header";

const FIN: u8 = 1;
const RST: u8 = 4;
const ACK: u8 = 16;

fn status(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

fn told(capture: Capture) -> Told {
    analyse(&capture.bytes()).unwrap().0.connections[0].clone()
}

/// The header, so many seconds of silence, and the answer with which the origin closes; then nothing or a request.
fn closes(after: u32, answer: &[u8], then: Option<&[u8]>) -> Told {
    let waits = Capture::new().open().edge(ACK, HEADER).origin(ACK, b"").later(after);
    let answered = if answer.is_empty() { waits } else { waits.origin(ACK, answer) };
    let closed = answered.origin(FIN | ACK, b"");
    told(match then {
        None => closed.edge(FIN | ACK, b"").origin(ACK, b""),
        Some(request) => closed.edge(ACK, request).origin(RST, b""),
    })
}

#[test]
fn who_waits_in_vain_for_a_request_has_not_refused_the_header() {
    for (after, answer, then, unexpected) in [
        (0, status("400 Bad Request"), None, true),
        (0, status("400 Bad Request"), Some(GET), true),
        (0, Vec::new(), Some(GET), true),
        (10, status("408 Request Timeout"), None, false),
        (10, status("408 Request Timeout"), Some(GET), false),
        (60, Vec::new(), None, false),
        (60, Vec::new(), Some(GET), false),
    ] {
        let told = closes(after, &answer, then);
        assert_eq!(told.findings.contains(&UNEXPECTED), unexpected, "{}: {told:?}", answer.escape_ascii());
    }
    assert_eq!(closes(10, &status("408 Request Timeout"), None).outcome, Outcome::Ok);
}

#[test]
fn an_answer_that_the_capture_has_before_its_request_refuses_nothing() {
    let not_found = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let early = Capture::new().open().edge(ACK, HEADER).missed(GET.len() as u32).origin(ACK, not_found);
    let swapped = told(early.edge_repeats(1, GET).close());
    assert!(!swapped.findings.contains(&UNEXPECTED) && swapped.confidence != Some(Confidence::Certain), "{swapped:?}");
}

#[test]
fn a_header_that_works_elsewhere_speaks_against_the_header() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let good = |c: Capture| c.open().edge(ACK, &[HEADER, GET].concat()).origin(ACK, ok).close().next();
    let hung_up = |c: Capture| c.open().edge(ACK, HEADER).origin(FIN | ACK, b"").edge(ACK, GET).origin(RST, b"");
    for (capture, confidence) in
        [(hung_up(Capture::new()), Confidence::Likely), (hung_up(good(Capture::new())), Confidence::Possible)]
    {
        let all = analyse(&capture.bytes()).unwrap().0.connections;
        let told = all.iter().find(|t| t.cause == Some(UNEXPECTED)).unwrap();
        assert_eq!(told.confidence, Some(confidence), "{told:?}");
    }
}
