//! Answers to TLS that are no whole answers, or no TLS at all.

use crate::common::analyse;
use crate::common::packets::Capture;
use why502::diagnosis::{Confidence, Outcome};

const FIN: u8 = 1;
const RST: u8 = 4;
const ACK: u8 = 16;

const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

/// A record of TLS 1.2.
fn record(content: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (body.len() as u16).to_be_bytes();
    [&[content, 3, 3, high, low], body].concat()
}

/// A handshake message in a record.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    record(HANDSHAKE, &[&[kind], &length[..], body].concat())
}

fn client_hello() -> Vec<u8> {
    message(1, &[&[3, 3], &[1; 32][..], &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat())
}

/// A handshake of TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, and a request.
fn asked() -> Capture {
    let finished = [record(20, &[1]), record(HANDSHAKE, &[7; 40])].concat();
    let server_hello = message(2, &[&[3, 3], &[2; 32][..], &[0, 0xc0, 0x2f, 0]].concat());
    let flight = [server_hello, message(11, &[0, 0, 0]), message(14, b"")].concat();
    let connected = Capture::new().open().exchange(&client_hello(), &flight);
    let done = connected.exchange(&[message(16, &[9; 66]), finished.clone()].concat(), &finished);
    done.edge(ACK, &record(APPLICATION, &[3; 200]))
}

#[test]
fn the_last_record_must_be_whole() {
    let answer = record(APPLICATION, &[4; 900]);
    for (arrives, ends, outcome) in [
        (answer.len(), RST, Outcome::Ok),
        (answer.len(), FIN, Outcome::Ok),
        (500, RST, Outcome::Inconclusive),
        (500, FIN, Outcome::Inconclusive),
    ] {
        let capture = asked().origin(ACK, &answer[..arrives]).edge(ACK, b"").origin(ends | ACK, b"");
        let capture = if ends == FIN { capture.edge(FIN | ACK, b"").origin(ACK, b"") } else { capture };
        let told = &analyse(&capture.bytes()).unwrap().0.connections[0];
        assert_eq!(told.outcome, outcome, "{arrives} of {} bytes: {told:?}", answer.len());
    }
}

#[test]
fn only_a_known_protocol_is_certainly_another() {
    for (answer, confidence) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], Confidence::Certain),
        // An alert, were it not for the zeros.
        (b"\0\0\0\0\x02\x02\x28", Confidence::Likely),
    ] {
        let capture = Capture::new().open().exchange(&client_hello(), answer).close();
        let told = &analyse(&capture.bytes()).unwrap().0.connections[0];
        assert_eq!((told.cause, told.confidence), (Some("tls.not-tls-reply"), Some(confidence)), "{told:?}");
    }
}
