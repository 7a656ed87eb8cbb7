//! What is wrong, and exactly where.

use super::Event::{C, Ends, S};
use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// Answers to one GET, with the reading of the response.
const RESPONSES: &[(&[u8], &str)] = &[
    (b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1 2\r\nContent-Length: 0\r\n\r\n", "0  Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", "0  Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "0  Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n", "0  Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.10 200 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP 200 OK\r\nContent-Length: 0\r\n\r\n", "0 OK Length(0) 0 !MalformedStatusLine@0 in 2"),
    (b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", "200 O\0K Length(0) 0 !MalformedStatusLine@0 in 2"),
    (
        b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        "200 OK Length(0) 0 !MalformedHeader(NoColon)@17 in 2",
    ),
    (b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", "200 OK Length(0) 0 !MalformedHeader(SpaceBeforeColon)@31 in 2"),
    (
        b"HTTP/1.1 200 OK\r\nA: 1\r\n  2\r\nContent-Length: 0\r\n\r\n",
        "200 OK Length(0) 0 !MalformedHeader(Folded)@23 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "200 OK Chunked 0 !MalformedHeader(Folded)@37 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nA: b\rB: c\r\nContent-Length: 0\r\n\r\n",
        "200 OK Length(0) 0 !MalformedHeader(BareCr)@21 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nA: \x01\r\nContent-Length: 0\r\n\r\n",
        "200 OK Length(0) 0 !MalformedHeader(ControlByte)@20 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "200 OK Length(5) 5 !ContentLengthConflict@36 in 2",
    ),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", "200 OK UntilClose 5 cut !ContentLengthInvalid@17 in 2"),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "200 OK Chunked 0 !LengthAndChunked@36 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "200 OK Chunked 0 !TransferEncodingUnsupported@17 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "200 OK UntilClose 1 cut !TransferEncodingUnsupported@17 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
        "200 OK Chunked 0 cut !MalformedChunk(Size)@47 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
        "200 OK Chunked 5 cut !MalformedChunk(NoCrLf)@55 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 z\r\nhello\r\n",
        "200 OK Chunked 0 cut !MalformedChunk(AfterSize)@47 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
        "200 OK Chunked 2 !MalformedChunk(BareLf)@47 in 2",
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n",
        "200 OK Chunked 0 !MalformedHeader(NoColon)@50 in 2",
    ),
    (
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "101 Switching Protocols Upgrade 0 !UnexpectedUpgrade@0 in 2\nupgraded in 2",
    ),
];

#[test]
fn the_answer_to_a_websocket_is_checked() {
    let ask = b"GET / HTTP/1.1\r\nUpgrade: h2c, WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let asked = "GET / HTTP/1.1 NoBody 0 | 101  Upgrade 0";
    for (accept, want) in [
        ("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "\nupgraded in 2"),
        ("sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n", "\nupgraded in 2"),
        ("Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", " !WebSocketAccept@0 in 2\nupgraded in 2"),
        ("", " !WebSocketAccept@0 in 2\nupgraded in 2"),
    ] {
        let answer = format!("HTTP/1.1 101 \r\nUpgrade: websocket\r\n{accept}\r\n");
        check(&[(&[C(ask), S(answer.as_bytes())], &format!("{asked}{want}"))]);
    }
    // Another protocol of those that were offered, a second key, and one that is too long to keep.
    let other = b"HTTP/1.1 101 \r\nUpgrade: h2c\r\n\r\n";
    check(&[(&[C(ask), S(other)], &format!("{asked}\nupgraded in 2"))]);
    let wrong = b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
    for keys in
        ["Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b\r\n".into(), format!("Sec-WebSocket-Key: {:a<300}\r\n", "")]
    {
        let ask = format!("GET / HTTP/1.1\r\nUpgrade: websocket\r\n{keys}\r\n");
        check(&[(&[C(ask.as_bytes()), S(wrong)], &format!("{asked}\nupgraded in 2"))]);
    }
}

#[test]
fn responses() {
    for (answer, want) in RESPONSES {
        check(&[(&[C(GET), S(answer)], &format!("GET / HTTP/1.1 NoBody 0 | {want}"))]);
    }
}

/// Nothing like a status line: the first bytes are kept, so that a cause can name the protocol.
#[test]
fn not_http_at_all() {
    let answers: [&[u8]; 6] = [
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
        b"<!DOCTYPE html>\n<html><head>\n<title>404 Not Found</title>\n",
        b"Content-Type: text/html\r\n\r\n",
        b"HT\n",
    ];
    for answer in answers {
        let t = transcript(Observer::new, &[C(GET), S(answer), Ends(End::Fin)]);
        let response = t.exchanges.first().unwrap().response.as_ref().unwrap();
        let fault = response.extra.fault.as_ref().unwrap();
        assert_eq!((fault.kind, fault.offset, response.complete), (FaultKind::NoStatusLine, 0, false));
        let kept = &answer[..answer.len().min(MAX_EXCERPT)];
        assert_eq!(fault.excerpt, kept);
        assert_eq!(t.not_http.server.as_ref().unwrap().excerpt, kept);
    }
}

#[test]
fn too_much_and_unasked() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let more = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok<!-- -->";
    let late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let no_content = b"HTTP/1.1 204 No Content\r\n\r\noops";
    let get = "GET / HTTP/1.1 NoBody 0";
    check(&[
        (
            &[C(GET), S(more)],
            &format!("{get} | 200 OK Length(2) 2 !ExcessBytes@40 in 2\nexcess 8 \"<!-- -->\" at 40 in 2"),
        ),
        (
            &[C(GET), S(no_content)],
            &format!("{get} | 204 No Content NoBody 0 !BodyNotAllowed@27 in 2\nexcess 4 \"oops\" at 27 in 2"),
        ),
        (
            &[C(b"HEAD / HTTP/1.1\r\n\r\n"), S(ok)],
            "HEAD / HTTP/1.1 NoBody 0 | 200 OK NoBody 0 !BodyNotAllowed@38 in 2\nexcess 2 \"ok\" at 38 in 2",
        ),
        (
            &[C(GET), S(more), C(GET), S(ok)],
            &format!(
                "{get} | 200 OK Length(2) 2 !ExcessBytes@40 in 2\n{get} | 200 OK Length(2) 2\nexcess 8 \"<!-- -->\" at 40 in 2"
            ),
        ),
        (
            &[C(GET), S(ok), S(b"\r\n"), C(GET), S(ok)],
            &format!(
                "{get} | 200 OK Length(2) 2 !ExcessBytes@40 in 3\n{get} | 200 OK Length(2) 2\nexcess 2 \"\\\\r\\\\n\" at 40 in 3"
            ),
        ),
        (&[S(late), C(GET)], &format!("{get} | -\nunsolicited 408 Request Timeout Length(0) 0 at 0 in 1")),
        (
            &[C(GET), S(ok), S(late), Ends(End::Fin)],
            &format!("{get} | 200 OK Length(2) 2\nunsolicited 408 Request Timeout Length(0) 0 at 40 in 3"),
        ),
        (&[S(b"SSH-2.0-x\r\n"), C(GET)], &format!("{get} | -\nserver not HTTP \"SSH-2.0-x\\\\r\\\\n\" at 0 in 1")),
        (
            &[C(GET), S(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"), S(ok)],
            &format!("{get} | 100 | 100 | 200 OK Length(2) 2 | !RepeatedContinue@0 in 2"),
        ),
    ]);
}

#[test]
fn cut_short() {
    let get = "GET / HTTP/1.1 NoBody 0";
    for (answer, how, want) in [
        (&b""[..], End::Rst, "-"),
        (b"HTT", End::Fin, "0  Unknown 0 cut"),
        (b"HTTP/1.1 502", End::Fin, "0  Unknown 0 cut"),
        (b"HTTP/1.1 502 Bad", End::Fin, "502  Unknown 0 cut"),
        (b"HTTP/1.1 200 OK\r\nServ", End::Fin, "200 OK Unknown 0 cut"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", End::Rst, "100 | -"),
        (b"HTTP/1.1 100 Continue\r\n", End::Rst, "100 | -"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", End::Fin, "200 OK Length(9) 3 cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", End::Fin, "200 OK Chunked 3 cut"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", End::Fin, "200 OK Chunked 3 cut"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", End::Rst, "200 OK UntilClose 3 cut"),
        (b"HTTP/1.1 200 OK\r\n\r\n", End::Fin, "200 OK UntilClose 0"),
    ] {
        check(&[(&[C(GET), S(answer), Ends(how)], &format!("{get} | {want}"))]);
    }
}

/// The last packet of a message is the one with its last byte, also where the next one goes on with a line that is wrong.
#[test]
fn a_broken_line_of_chunks_that_is_split_ends_in_its_second_packet() {
    let head = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1";
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1";
    let t = transcript(Observer::new, &[C(head), C(b"6{x}\r\n"), S(answer), S(b"6{x}\r\n")]);
    let exchange = t.exchanges.iter().next().unwrap();
    let (request, response) = (exchange.request.as_ref().unwrap(), exchange.response.as_ref().unwrap());
    assert_eq!((request.last_frame(), response.last_frame), (frame(2), frame(4)));
}
