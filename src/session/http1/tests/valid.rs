//! What is right, in every form that servers give it.

use super::Event::{C, Ends, S};
use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: o.example\r\n\r\n";
const HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: o.example\r\n\r\n";

/// As node, nginx, Apache and gunicorn sent them over the loopback.
#[test]
fn real_servers() {
    let node = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:51:57 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 6\r\n\r\nhello\n";
    let chunked = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:51:57 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let trailer =
        b"HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let closing = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 17:52:00 GMT\r\nConnection: close\r\n\r\nhello\n";
    let no_content = b"HTTP/1.1 204 No Content\r\nDate: Sun, 22 Nov 2026 17:52:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n";
    let continued = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    let head_nginx = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nETag: \"6b032bba-6\"\r\n\r\n";
    let too_large = b"HTTP/1.1 413 Request Entity Too Large\r\nServer: nginx/1.22.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html";
    let gunicorn10 =
        b"HTTP/1.0 200 OK\r\nServer: gunicorn\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nonetwo";
    check(&[
        (&[C(GET), S(node)], "GET / HTTP/1.1 NoBody 0 | 200 OK Length(6) 6"),
        (&[C(GET), S(chunked)], "GET / HTTP/1.1 NoBody 0 | 200 OK Chunked 6"),
        (&[C(GET), S(trailer)], "GET / HTTP/1.1 NoBody 0 | 200 OK Chunked 3"),
        (&[C(GET), S(hints)], "GET / HTTP/1.1 NoBody 0 | 103 | 200 OK Length(2) 2"),
        (&[C(b"GET / HTTP/1.0\r\n\r\n"), S(closing), Ends(End::Fin)], "GET / HTTP/1.0 NoBody 0 | 200 OK UntilClose 6"),
        (
            &[C(GET), S(no_content), C(GET), S(node)],
            "GET / HTTP/1.1 NoBody 0 | 204 No Content NoBody 0\nGET / HTTP/1.1 NoBody 0 | 200 OK Length(6) 6",
        ),
        (
            &[
                C(b"POST /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
                S(&continued[..25]),
                C(b"abc"),
                S(&continued[25..]),
            ],
            "POST /u HTTP/1.1 Length(3) 3 | 100 | 200 OK Length(6) 6",
        ),
        (
            &[C(HEAD), S(head_nginx), C(GET), S(node)],
            "HEAD / HTTP/1.1 NoBody 0 | 200 OK NoBody 0\nGET / HTTP/1.1 NoBody 0 | 200 OK Length(6) 6",
        ),
        (
            &[C(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabc"), S(too_large), Ends(End::Fin)],
            "POST / HTTP/1.1 Length(300) 3 cut | 413 Request Entity Too Large Length(5) 5",
        ),
        (&[C(GET), S(gunicorn10), Ends(End::Fin)], "GET / HTTP/1.1 NoBody 0 | 200 OK UntilClose 6"),
    ]);
}

/// The short way of reading is for what is in order, and tells what the long way does.
#[test]
fn start_lines_are_read_at_once_or_not_at_all() {
    let line = |text| line::Line { text, wire: text.len() as u64 + 2, bare_lf: false, cut: false };
    for (text, at_once) in [
        ("GET / HTTP/1.1", true),
        ("BREW /pot?x=\u{e9} HTTP/1.1", true),
        ("GET / HTTP/1.0", false),
        ("GET / HTTP/1.12", false),
        ("GET /", false),
        ("GET  / HTTP/1.1", false),
        ("GET /  HTTP/1.1", false),
        ("GET /a b HTTP/1.1", false),
        ("GET  HTTP/1.1", false),
        ("GET /\x7f HTTP/1.1", false),
        ("GET\t/ HTTP/1.1", false),
        ("G(T / HTTP/1.1", false),
        (" GET / HTTP/1.1", false),
        ("METHODS-OF-MORE-THAN-FORTY-BYTES-ARE-NO-METHODS / HTTP/1.1", false),
    ] {
        let whole = format!("{text}\r\nHost: a\r\n");
        let mut rest = whole.as_bytes();
        let read = Request::at_once(&mut rest, frame(1));
        assert_eq!(rest, if at_once { b"Host: a\r\n" } else { whole.as_bytes() }, "{text:?}");
        let wanted = at_once.then(|| Request::read(&line(text.as_bytes()), frame(1), frame(1)));
        assert_eq!(read, wanted.flatten(), "{text:?}");
        assert!(Request::at_once(&mut text.as_bytes(), frame(1)).is_none());
    }
    for (text, at_once) in [
        ("HTTP/1.1 200 OK", true),
        ("HTTP/1.1 599 caf\u{e9} closed ", true),
        ("HTTP/1.1 204 ", true),
        ("HTTP/1.1 204", false),
        ("HTTP/1.0 200 OK", false),
        ("http/1.1 200 OK", false),
        ("HTTP/1.1  200 OK", false),
        ("HTTP/1.1 200  OK", false),
        ("HTTP/1.1 200 O\tK", false),
        ("HTTP/1.1 200 O\rK", false),
        ("HTTP/1.1 20x OK", false),
        ("HTTP/1.1 099 OK", false),
        ("HTTP/1.1 2000 OK", false),
    ] {
        let whole = format!("{text}\r\nServer: a\r\n");
        let mut rest = whole.as_bytes();
        let read = Response::at_once(&mut rest, frame(1));
        assert_eq!(rest, if at_once { b"Server: a\r\n" } else { whole.as_bytes() }, "{text:?}");
        let wanted = at_once.then(|| Response::read(&line(text.as_bytes()), frame(1), frame(1)));
        assert_eq!(read, wanted, "{text:?}");
        assert!(Response::at_once(&mut text.as_bytes(), frame(1)).is_none());
    }
}

#[test]
fn what_is_kept_of_a_message() {
    let ask = b"GET /p?q=1 HTTP/1.1\r\nHost: o.example\r\nUser-Agent: Amazon CloudFront\r\nX-Amz-Cf-Id: abc==\r\nVia: 1.1 x.cloudfront.net (CloudFront)\r\nConnection: Keep-Alive\r\n\r\n";
    let answer = b"HTTP/1.1 503 Service Unavailable\r\nserver: Apache/2.4\r\nKeep-Alive: timeout=5, max=100\r\nConnection: Keep-Alive\r\nContent-Type: text/html\r\nContent-Range: bytes 1-2/6\r\nContent-Length: 4\r\n\r\nbusy";
    let t = transcript(Observer::new, &[C(ask), S(answer)]);
    let e = t.exchanges.first().unwrap();
    let (q, r) = (e.request.as_ref().unwrap(), e.response.as_ref().unwrap());
    assert_eq!(
        (q.host.as_deref(), q.cf_id.as_deref(), q.user_agent),
        (Some("o.example"), Some("abc=="), UserAgent::CloudFront)
    );
    assert_eq!((q.header_bytes, q.frame.frame, q.head_frame().map(|f| f.frame)), (ask.len() as u64, 1, Some(1)));
    assert!(!q.wants_close && q.connection.keep_alive);
    assert_eq!(t.via_cloudfront.map(|m| m.header), Some(CloudFrontHeader::CfId));
    assert_eq!((r.reason(), r.server.as_deref()), ("Service Unavailable", Some("Apache/2.4")));
    assert_eq!((r.keep_alive_timeout, r.content_length(), r.head_frame()), (Some(5), Some(4), Some(frame(2))));
    assert_eq!((r.header_bytes, r.extra.body_excerpt.as_slice()), (answer.len() as u64 - 4, &b"busy"[..]));
    assert_eq!((e.first_byte().unwrap().0, e.duration().unwrap().0), (1_000, 1_000));
}

#[test]
fn a_health_check_is_one_whose_every_request_says_so() {
    let elb = "GET /health HTTP/1.1\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\r\n";
    let visit = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8\r\n\r\n";
    for (requests, check) in [
        (elb.to_owned(), true),
        (elb.repeat(2), true),
        (format!("{elb}{visit}"), false),
        (format!("{visit}{elb}"), false),
        ("OPTIONS / HTTP/1.0\r\n\r\n".to_owned(), true),
        ("OPTIONS / HTTP/1.0\r\nHost: a\r\n\r\n".to_owned(), false),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), false),
    ] {
        let told = transcript(Observer::new, &[C(requests.as_bytes())]);
        assert_eq!(told.health_check, check.then(|| frame(1)), "{requests}");
    }
}

#[test]
fn ugly_but_valid() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let get = "GET / HTTP/1.1 NoBody 0";
    for (answer, want) in [
        (&b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"[..], "200  Length(0) 0"),
        (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  Length(0) 0"),
        (b"HTTP/1.1 299 \xe9t\xe9\r\nContent-Length: 0\r\n\r\n", "299 \u{fffd}t\u{fffd} Length(0) 0"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "999 Odd Length(0) 0"),
        (b"HTTP/1.2 200 OK\r\ncontent-LENGTH:0\r\n\r\n", "200 OK Length(0) 0"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "200 OK Length(2) 2 ~BareLf@0 in 2"),
        (b"HTTP/1.1  200  OK\r\nContent-Length: 0\r\n\r\n", "200 OK Length(0) 0 ~OddWhitespace@0 in 2"),
        (b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK Length(0) 0 ~LeadingEmptyLine@0 in 2"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "200 OK Length(2) 2 ~ContentLengthRepeated@36 in 2"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200 OK Chunked 0 ~TransferEncodingInHttp10@17 in 2"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA ; x=\"y\"\r\n0123456789\r\n00\r\nA: b\r\nC: d\r\n\r\n", "200 OK Chunked 10"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n", "304 Not Modified NoBody 0"),
    ] {
        let want = format!("{get} | {want}\n{get} | 200 OK Length(0) 0");
        check(&[(&[C(GET), S(answer), C(GET), S(ok)], &want)]);
    }
}

#[test]
fn many_requests_at_once() {
    let three =
        [GET, HEAD, b"\r\n\nPOST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"].concat();
    let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno";
    check(&[(
        &[C(&three), S(answers)],
        "GET / HTTP/1.1 NoBody 0 | 200 OK Length(2) 2\nHEAD / HTTP/1.1 NoBody 0 | 200 OK NoBody 0\nPOST /x HTTP/1.1 Chunked 2 | 500 No Length(2) 2",
    )]);
}

#[test]
fn other_protocols_afterwards() {
    check(&[
        (
            &[
                C(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
                S(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00"),
                C(b"\x81\x00"),
            ],
            "GET /ws HTTP/1.1 NoBody 0 | 101 Switching Protocols Upgrade 0\nupgraded in 2",
        ),
        (
            &[
                C(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
                S(b"HTTP/1.1 200 Established\r\n\r\n"),
                C(b"\x16\x03\x01"),
            ],
            "CONNECT a:443 HTTP/1.1 NoBody 0 | 200 Established Upgrade 0\nupgraded in 2",
        ),
        (
            &[
                C(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
                S(b"HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"),
                C(GET),
            ],
            "CONNECT a:443 HTTP/1.1 NoBody 0 | 407 No Length(1) 1\nGET / HTTP/1.1 NoBody 0 | -",
        ),
    ]);
}

#[test]
fn odd_requests() {
    check(&[
        (
            &[C(b"BREW /pot HTTP/1.1\r\n\r\n"), S(b"HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n")],
            "BREW /pot HTTP/1.1 NoBody 0 | 418 x Length(0) 0",
        ),
        (&[C(b"OPTIONS * HTTP/1.1\r\n\r\n")], "OPTIONS * HTTP/1.1 NoBody 0 | -"),
        (&[C(b"GET /a b HTTP/1.1\r\n\r\n")], "GET /a b HTTP/1.1 NoBody 0 !MalformedRequestLine@0 in 1 | -"),
        (&[C(b"GET  /a HTTP/1.1\r\n\r\n")], "GET /a HTTP/1.1 NoBody 0 ~OddWhitespace@0 in 1 | -"),
        (
            &[C(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nabc")],
            "POST / HTTP/1.1 Unknown 0 cut !ContentLengthInvalid@17 in 1 | -",
        ),
        (&[C(b"POST / HTTP/1.1\r\nContent-Le")], "POST / HTTP/1.1 Unknown 0 cut | -"),
        (&[C(b"POST /a")], "POST /a...  Unknown 0 cut | -"),
        (
            &[C(b"POST /a"), S(b"HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n")],
            "POST /a...  Unknown 0 cut | 400 x Length(0) 0",
        ),
        // A request that ends where nobody can tell: the next one is looked for at once.
        (
            &[C(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nGET /b HTTP/1.1\r\n\r\n")],
            "POST / HTTP/1.1 Unknown 0 cut !ContentLengthInvalid@17 in 1 | -\nGET /b HTTP/1.1 NoBody 0 | -",
        ),
        (&[C(b"GET /a\r\nHost: b\r\n\r\n")], "GET /a  NoBody 0 !MalformedRequestLine@0 in 1 | -"),
        (&[C(b"GET /HTTP/1.1\n\n")], "GET /HTTP/1.1  NoBody 0 !MalformedRequestLine@0 in 1 ~BareLf@0 in 1 | -"),
        (&[C(b"OPTIONS\r\n\r\n")], "OPTIONS   NoBody 0 !MalformedRequestLine@0 in 1 | -"),
        (&[C(b"OPTIONS * RTSP/1.0\r\n\r\n")], "client not HTTP \"OPTIONS * RTSP/1.0\\\\r\\\\n\\\\r\\\\n\" at 0 in 1"),
        // Another protocol on both sides, then HTTP inside it (SOCKS): no exchange is made of the first part.
        (
            &[C(b"\x05\x01\x00"), S(b"\x05\x00"), C(b"GET /long HTTP/1.1\r\n\r\n"), S(b"HTTP/1.1 204 x\r\n\r\n")],
            "GET /long HTTP/1.1 NoBody 0 | 204 x NoBody 0\nclient not HTTP \"\\\\x05\\\\x01\\\\x00\" at 0 in 1\nserver not HTTP \"\\\\x05\\\\x00\" at 0 in 2",
        ),
        (
            &[C(b"\x16\x03\x01\x02\0\x01\0"), S(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")],
            "? | 400 Bad Request Length(0) 0\nclient not HTTP \"\\\\x16\\\\x03\\\\x01\\\\x02\\\\x00\\\\x01\\\\x00\" at 0 in 1",
        ),
        (&[C(b"PRI * HTTP/2.0\r\n\r\n")], "client not HTTP \"PRI * HTTP/2.0\\\\r\\\\n\\\\r\\\\n\" at 0 in 1"),
    ]);
}
