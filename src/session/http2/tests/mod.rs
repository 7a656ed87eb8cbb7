//! Whole conversations: the same however they are cut, and bounded whatever they are.

use super::fault::{FaultKind, Scope};
use super::{ErrorCode, MAX_BLOCK, MAX_FIRST, MAX_LAST, MAX_OPEN, Observer, PREFACE, Transcript};
use crate::base::{FrameRef, Side, Timestamp};

mod broken;
mod hostile;

/// A frame with this type, flags, stream and payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn at(frame: u64) -> FrameRef {
    FrameRef::new(frame, frame, Timestamp(frame as i64 * 1_000_000), 0)
}

/// Header fields in literals without a name from the table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.extend([0, name.len() as u8]);
        bytes.extend(name.bytes());
        bytes.push(value.len() as u8);
        bytes.extend(value.bytes());
    }
    bytes
}

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/cart"), (":authority", "a.example")];

/// The preface, SETTINGS, and a GET on stream 1.
fn asked() -> Vec<u8> {
    [PREFACE.to_vec(), frame(4, 0, 0, &[]), frame(1, 5, 1, &block(&GET))].concat()
}

/// What is made of a conversation in pieces of this size. Every piece is a packet of its own.
fn read(client: &[u8], server: &[u8], size: usize) -> Transcript {
    let mut observer = Observer::new();
    for (side, bytes) in [(Side::Client, client), (Side::Server, server)] {
        for piece in bytes.chunks(size) {
            observer.data(side, piece, at(if side == Side::Client { 1 } else { 2 }));
        }
    }
    observer.finish()
}

#[test]
fn a_call_of_grpc_with_everything_that_a_stream_may_have() {
    let post = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), ("content-type", "application/grpc")];
    let head = block(&post);
    let (first, second) = head.split_at(20);
    let client = [
        PREFACE.to_vec(),
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100, 0, 4, 0, 0, 255, 255]),
        // Padded by 3, with priority, in two frames.
        frame(1, 0x28, 1, &[&[3, 0, 0, 0, 0, 9][..], first, &[0; 3]].concat()),
        frame(9, 4, 1, second),
        // Five bytes, of which one is the length of the padding and two are padding.
        frame(0, 9, 1, &[2, b'h', b'i', 0, 0]),
        frame(6, 0, 0, &[7; 8]),
        frame(0xfa, 0, 0, b"an extension"),
    ]
    .concat();
    let server = [
        frame(4, 0, 0, &[0, 5, 0, 0, 64, 0]),
        frame(4, 1, 0, &[]),
        frame(8, 0, 0, &[0, 0, 1, 0]),
        frame(1, 4, 1, &block(&[(":status", "103")])),
        frame(1, 4, 1, &block(&[(":status", "200"), ("server", "x")])),
        frame(0, 0, 1, b"hello"),
        frame(1, 5, 1, &block(&[("grpc-status", "5"), ("grpc-message", "no such cart")])),
        frame(7, 0, 0, &[&[0, 0, 0, 1, 0, 0, 0, 0][..], b"bye"].concat()),
    ]
    .concat();
    let whole = read(&client, &server, usize::MAX);
    for size in 1..client.len().max(server.len()) {
        assert_eq!(read(&client, &server, size), whole, "in pieces of {size}");
    }
    let exchange = &whole.exchanges[0];
    let (request, response) = (exchange.request.as_ref().unwrap(), exchange.response.as_ref().unwrap());
    assert_eq!((request.method.as_str(), request.path.as_str(), request.body_bytes), ("POST", "/a.B/C", 2));
    assert!(request.is_grpc() && request.complete && response.complete);
    assert_eq!((response.status, response.body_bytes, response.server.as_deref()), (200, 5, Some("x")));
    assert_eq!((exchange.interim_total, exchange.grpc_status()), (1, Some(5)));
    assert_eq!(response.trailers.as_ref().unwrap().grpc_message.as_deref(), Some("no such cart"));
    let goaway = &whole.goaways[0];
    assert_eq!((goaway.code, goaway.last_stream, goaway.debug.as_str()), (ErrorCode::NO_ERROR, 1, "bye"));
    assert_eq!((whole.fault.client.is_none(), whole.fault.server.is_none(), whole.total), (true, true, 1));
    assert_eq!((whole.window.client, whole.window.server), (65_535 + 256 - 5, 65_535 - 5));
}

#[test]
fn a_hole_within_data_is_counted_and_any_other_ends_what_is_known() {
    let server = [frame(4, 0, 0, &[]), frame(1, 4, 1, &block(&[(":status", "200")]))].concat();
    let data = frame(0, 1, 1, &[b'x'; 1_000]);
    let (head, body) = data.split_at(9);
    let begin = || {
        let mut observer = Observer::new();
        observer.data(Side::Client, &asked(), at(1));
        observer.data(Side::Server, &server, at(2));
        observer
    };
    let mut within = begin();
    within.data(Side::Server, head, at(3));
    within.gap(Side::Server, 600, at(4));
    within.data(Side::Server, &body[600..], at(4));
    let told = within.finish();
    let response = told.exchanges[0].response.as_ref().unwrap();
    assert_eq!((response.body_bytes, response.complete, told.lost.server), (1_000, true, false));

    let mut across = begin();
    across.data(Side::Server, head, at(3));
    across.gap(Side::Server, 1_001, at(4));
    across.data(Side::Server, &frame(3, 0, 1, &[0, 0, 0, 2]), at(5));
    let told = across.finish();
    assert!(told.lost.server && told.exchanges[0].lost.server && !told.lost.client);
    assert_eq!((told.exchanges[0].reset.server, told.exchanges[0].is_whole(Side::Server)), (None, false));
}

#[test]
fn a_reset_has_its_side_and_its_code() {
    let server = [frame(4, 0, 0, &[]), frame(3, 0, 1, &[0, 0, 0, 7])].concat();
    let told = read(&asked(), &server, usize::MAX);
    assert_eq!(told.exchanges[0].reset.server.unwrap().code, ErrorCode::REFUSED_STREAM);
    assert_eq!(told.exchanges[0].reset.client, None);
    assert_eq!(ErrorCode(7).to_string(), "REFUSED_STREAM (7)");
}

#[test]
fn a_promised_stream_is_no_request_of_the_edge() {
    let promise = [&[0, 0, 0, 2][..], &block(&GET)].concat();
    let server = [
        frame(4, 0, 0, &[]),
        frame(5, 4, 1, &promise),
        frame(1, 5, 1, &block(&[(":status", "204")])),
        frame(1, 5, 2, &block(&[(":status", "200")])),
    ]
    .concat();
    let told = read(&asked(), &server, usize::MAX);
    let pushed = told.exchanges.iter().find(|e| e.stream == 2).unwrap();
    assert!(pushed.pushed && pushed.is_whole(Side::Server) && told.fault.server.is_none());
    assert_eq!(told.total, 2);
}
