//! How WebSockets end: what is told of it, and of what nothing.

use crate::common::analyse;
use crate::common::packets::Capture;

const FIN_ACK: u8 = 17;
const PUSH: u8 = 24;
const ACK: u8 = 16;

const ASK: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const ACCEPT: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// "hello", as RFC 6455 section 5.7 shows it; and Close with 1001.
const HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// A WebSocket of an edge, or of somebody else.
fn accepted(edge: [u8; 4]) -> Capture {
    Capture::new().between((edge, 40_112), ([10, 0, 0, 5], 80)).open().exchange(ASK, ACCEPT).edge(ACK, b"")
}

fn by_origin(capture: Capture) -> Capture {
    capture.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(ACK, b"")
}

fn by_edge(capture: Capture) -> Capture {
    capture.edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(ACK, b"")
}

#[test]
fn an_end_without_a_close_is_told() {
    const CLOUDFRONT: [u8; 4] = [130, 176, 1, 2];
    const ANYBODY: [u8; 4] = [192, 0, 2, 9];
    let said = |edge| accepted(edge).origin(PUSH, HELLO).edge(ACK, b"");
    let nothing = "neither side had said anything for 60.0 s";
    for (what, capture, words) in [
        ("idle", by_origin(said(CLOUDFRONT).later(60)), Some(nothing)),
        ("idle from the beginning", by_origin(accepted(CLOUDFRONT).later(60)), Some(nothing)),
        ("in the middle", by_origin(said(CLOUDFRONT)), Some("after the last frame, without a Close frame")),
        ("after a Close", by_origin(said(CLOUDFRONT).origin(PUSH, CLOSE).edge(ACK, b"").later(60)), None),
        (
            "half a frame, then a Close",
            by_origin(said(CLOUDFRONT).origin(PUSH, &HELLO[..3]).origin(PUSH, b"loo")),
            Some("after the last frame"),
        ),
        ("no frame at all", by_origin(said(CLOUDFRONT).origin(PUSH, &[0x83, 0, 0, 0]).edge(ACK, b"").later(60)), None),
        ("the viewer leaves", by_edge(said(CLOUDFRONT).later(60)), None),
        ("CloudFront's limit", by_edge(said(CLOUDFRONT).later(600)), Some("CloudFront's limit is 10 minutes")),
        ("that of somebody else", by_edge(said(ANYBODY).later(600)), None),
    ] {
        let (ear, summary) = analyse(&capture.bytes()).unwrap();
        let told = ear.connections.first().unwrap();
        assert_eq!(told.findings.contains(&"http.websocket-closed"), words.is_some(), "{what}: {told:?}");
        assert!(told.message.contains(words.unwrap_or_default()), "{what}: {}", told.message);
        assert_eq!(summary.counts.failed, 0, "{what}");
    }
}
