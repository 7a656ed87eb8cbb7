//! The table: what is answered, how it is to be read, and by which clause.

use super::Ends::{self, EdgeFin, EdgeIdle, EdgeRst, OriginFin, OriginRst};

/// One row.
pub(super) struct Row {
    pub(super) request: &'static str,
    pub(super) response: &'static str,
    pub(super) ends: Ends,
    /// Status, framing, bytes of content, and whether it is complete; of the first exchange.
    pub(super) reading: &'static str,
    /// What the verdict names; nothing where nothing failed.
    pub(super) cause: &'static str,
    /// What is found beside that.
    pub(super) notes: &'static [&'static str],
    /// Where it is written.
    pub(super) clause: &'static str,
}

type Told = (&'static str, Ends, &'static str, &'static str, &'static str);

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nab";
const EXPECT: &str = "PUT / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const CONNECT: &str = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n";
const RANGE: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-4\r\n\r\n";

/// What is ugly, or a refusal, and was delivered all the same: by request and response. With every other row nothing is
/// found but what its verdict names.
pub(super) const NOTED: [(&str, &str, &[&str]); 5] = [
    (GET, "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", &["http.content-length-conflict"]),
    (GET, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", &["http.content-length-conflict"]),
    (GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na", &["http.length-and-chunked"]),
    (UPGRADE, "HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n", &["app.websocket-refused"]),
    (UPGRADE, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", &["app.websocket-refused"]),
];

/// Every row.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    let of = |request: &'static str, told: &'static [Told]| {
        let row = move |&(response, ends, reading, cause, clause)| {
            let noted = NOTED.iter().find(|noted| (noted.0, noted.1) == (request, response));
            Row { request, response, ends, reading, cause, notes: noted.map_or(&[], |noted| noted.2), clause }
        };
        told.iter().map(row)
    };
    of(GET, VALID)
        .chain(of(GET, UGLY))
        .chain(of(GET, STATUS_LINE))
        .chain(of(GET, FIELDS))
        .chain(of(GET, LENGTHS))
        .chain(of(GET, CHUNKS))
        .chain(of(GET, ENDED))
        .chain(of(GET, CODED))
        .chain(of(HEAD, TO_HEAD))
        .chain(of(POST, TO_POST))
        .chain(of(EXPECT, TO_EXPECT))
        .chain(of(UPGRADE, TO_UPGRADE))
        .chain(of(CONNECT, TO_CONNECT))
        .chain(of(RANGE, TO_RANGE))
}

#[rustfmt::skip] // One line each.
const VALID: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", EdgeFin, "200 Length(5) 5 complete", "", "RFC 9112 section 6.2"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeFin, "200 Length(0) 0 complete", "", "RFC 9112 section 6.2"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", EdgeFin, "200 Chunked 5 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", EdgeFin, "200 Chunked 0 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", EdgeFin, "200 Chunked 3 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0a\r\n0123456789\r\n0\r\n\r\n", EdgeFin, "200 Chunked 10 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", EdgeFin, "200 Chunked 10 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", EdgeFin, "200 Chunked 5 complete", "", "RFC 9112 section 7.1.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", EdgeFin, "200 Chunked 5 complete", "", "RFC 9112 section 7.1.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nDigest: x\r\n\r\n", EdgeFin, "200 Chunked 5 complete", "", "RFC 9112 section 7.1.2"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n000\r\n\r\n", EdgeFin, "200 Chunked 5 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\n\r\nhello", OriginFin, "200 UntilClose 5 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", OriginFin, "200 UntilClose 0 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", OriginFin, "200 Length(5) 5 complete", "", "RFC 9112 section 9.3"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", OriginFin, "200 UntilClose 5 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 204 No Content\r\n\r\n", EdgeFin, "204 NoBody 0 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", EdgeFin, "304 NoBody 0 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", EdgeFin, "304 NoBody 0 complete", "", "RFC 9110 section 8.6"),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", EdgeFin, "404 Length(2) 2 complete", "", "RFC 9110 section 15.5.5"),
    ("HTTP/1.1 301 Moved Permanently\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", EdgeFin, "301 Length(0) 0 complete", "", "RFC 9110 section 15.4.2"),
    ("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", EdgeFin, "500 Length(2) 2 complete", "app.origin-500", "RFC 9110 section 15.6.1"),
    ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno", EdgeFin, "502 Length(2) 2 complete", "app.origin-502", "RFC 9110 section 15.6.3"),
    ("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", EdgeFin, "503 Length(0) 0 complete", "app.origin-503", "RFC 9110 section 15.6.4"),
    ("HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n", EdgeFin, "504 Length(0) 0 complete", "app.origin-504", "RFC 9110 section 15.6.5"),
    ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 8297 section 2"),
    ("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 15.2"),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 15.2.1"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nhello", EdgeFin, "200 Length(5) 5 complete", "", "RFC 9110 section 5.3"),
    ("HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\na", EdgeFin, "299 Length(1) 1 complete", "", "RFC 9110 section 15"),
    ("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", EdgeFin, "205 Length(0) 0 complete", "", "RFC 9110 section 15.3.6"),
];

#[rustfmt::skip]
const UGLY: &[Told] = &[
    ("HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 4"),
    ("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 4"),
    ("HTTP/1.1 200 Tr\u{e8}s bien\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 4"),
    ("HTTP/1.1 200 OK\nContent-Length: 1\n\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 2.2"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 2.2"),
    ("HTTP/1.1  200  OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 4"),
    ("HTTP/1.1\t200\tOK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 4"),
    ("\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 2.2"),
    ("HTTP/1.1 200 OK\r\ncontent-length:1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 5.1"),
    ("HTTP/1.1 200 OK\r\nCONTENT-LENGTH: \t 1 \t\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 5.1"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0001\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", EdgeIdle, "200 Length(1) 1 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", EdgeIdle, "200 Length(1) 1 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", EdgeFin, "200 Chunked 1 complete", "", "RFC 9112 section 7"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: , chunked ,\r\n\r\n1\r\na\r\n0\r\n\r\n", EdgeFin, "200 Chunked 1 complete", "", "RFC 9110 section 5.6.1"),
    ("HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 5"),
    ("HTTP/1.1 200 OK\r\nX-Text: caf\u{e9} \u{4e2d}\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 5.5"),
    ("HTTP/1.1 200 OK\r\n!#$%&'*+-.^_`|~09aZ: x\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 5.6.2"),
    ("HTTP/1.1 200 OK\r\nX: a: b: c\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 5"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n", EdgeFin, "200 Chunked 1 complete", "", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 ; a = b\r\na\r\n0\r\n\r\n", EdgeFin, "200 Chunked 1 complete", "", "RFC 9112 section 7.1.1"),
    ("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9112 section 9.3"),
];

#[rustfmt::skip]
const STATUS_LINE: &[Told] = &[
    ("hello\r\n\r\n", EdgeRst, "0 Unknown 9 incomplete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("<html>oops</html>\n", EdgeRst, "0 Unknown 18 incomplete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/one 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 2.3"),
    ("HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9110 section 15"),
    ("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/1.1\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 2.3"),
    ("HTTP/11 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 2.3"),
    ("http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 2.3"),
    ("HTTP /1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Length(0) 0 complete", "http.malformed-status-line", "RFC 9112 section 4"),
    (" HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Unknown 39 incomplete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("ICY 200 OK\r\nContent-Length: 0\r\n\r\n", EdgeRst, "0 Unknown 33 incomplete", "http.malformed-status-line", "RFC 9112 section 4"),
    ("\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d\0\u{4}\0\u{10}\0\0\0\u{6}\0\u{1}\0\0", EdgeRst, "0 Unknown 27 incomplete", "http.http2-reply", "RFC 9113 section 3.4"),
    ("\u{15}\u{3}\u{1}\0\u{2}\u{2}F", EdgeRst, "none", "http.plaintext-on-tls-port", "RFC 8446 section 5.1"),
];

#[rustfmt::skip]
const FIELDS: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5"),
    ("HTTP/1.1 200 OK\r\n: empty\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5"),
    ("HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.6.2"),
    ("HTTP/1.1 200 OK\r\nX(y): z\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.6.2"),
    ("HTTP/1.1 200 OK\r\nCaf\u{e9}: z\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.6.2"),
    ("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5.1"),
    ("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5.1"),
    ("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.5"),
    ("HTTP/1.1 200 OK\r\nX: a\u{7f}b\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.5"),
    ("HTTP/1.1 200 OK\r\nX: a\u{1b}[31m\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.5"),
    ("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 2.2"),
    ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5.2"),
    ("HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5.2"),
    ("HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 2.2"),
    ("HTTP/1.1 200 OK\r\n{\"json\": 1}\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9110 section 5.6.2"),
    ("HTTP/1.1 200 OK\r\nWarning: a.php on line 3\r\nPHP Warning\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.malformed-header", "RFC 9112 section 5"),
];

#[rustfmt::skip]
const LENGTHS: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1.0\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\na", EdgeRst, "200 UntilClose 1 incomplete", "http.content-length-invalid", "RFC 9110 section 8.6"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.content-length-conflict", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.content-length-conflict", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 5 complete", "http.length-and-chunked", "RFC 9112 section 6.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 5 complete", "http.length-and-chunked", "RFC 9112 section 6.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", EdgeRst, "200 UntilClose 3 incomplete", "http.transfer-encoding-unsupported", "RFC 9112 section 6.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.transfer-encoding-unsupported", "RFC 9112 section 7"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", EdgeRst, "200 Chunked 1 complete", "http.transfer-encoding-unsupported", "CloudFront: only chunked"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", EdgeRst, "200 Chunked 1 complete", "http.transfer-encoding-unsupported", "RFC 9112 section 6.1"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", EdgeRst, "200 Length(1) 1 complete", "http.excess-bytes", "RFC 9112 section 9.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n<html>", EdgeRst, "200 Length(0) 0 complete", "http.excess-bytes", "RFC 9112 section 9.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb", EdgeRst, "200 Length(1) 1 complete", "http.unsolicited-response", "RFC 9112 section 9.2"),
    ("HTTP/1.1 204 No Content\r\n\r\nhello", EdgeRst, "204 NoBody 0 complete", "http.body-not-allowed", "RFC 9112 section 6.3"),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", EdgeRst, "204 NoBody 0 complete", "http.body-not-allowed", "RFC 9110 section 8.6"),
    ("HTTP/1.1 304 Not Modified\r\n\r\nhello", EdgeRst, "304 NoBody 0 complete", "http.body-not-allowed", "RFC 9112 section 6.3"),
];

#[rustfmt::skip]
const CHUNKS: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\nhello\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\nhello\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 x\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 0 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 4 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 6 complete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", EdgeRst, "200 Chunked 5 incomplete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n", EdgeRst, "200 Chunked 5 complete", "http.malformed-chunk", "RFC 9112 section 7.1"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nNo colon\r\n\r\n", EdgeRst, "200 Chunked 5 complete", "http.malformed-header", "RFC 9112 section 7.1.2"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore", EdgeRst, "200 Chunked 5 complete", "http.excess-bytes", "RFC 9112 section 9.3"),
];

#[rustfmt::skip]
const ENDED: &[Told] = &[
    ("", OriginFin, "none", "http.closed-before-response", "RFC 9112 section 9.5"),
    ("", OriginRst, "none", "http.reset-before-response", "RFC 9112 section 9.5"),
    ("H", OriginFin, "0 Unknown 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK", OriginFin, "200 Unknown 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nContent-Len", OriginFin, "200 Unknown 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", OriginFin, "200 Unknown 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", OriginFin, "200 Length(5) 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", OriginFin, "200 Length(5) 4 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", OriginRst, "200 Length(5) 4 incomplete", "http.reset-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", OriginFin, "200 Chunked 0 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", OriginFin, "200 Chunked 3 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", OriginFin, "200 Chunked 5 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", OriginFin, "200 Chunked 5 incomplete", "http.closed-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", OriginRst, "200 Chunked 5 incomplete", "http.reset-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 200 OK\r\n\r\nhel", OriginRst, "200 UntilClose 3 incomplete", "http.reset-in-response", "RFC 9112 section 8"),
    ("HTTP/1.1 100 Continue\r\n\r\n", OriginFin, "none", "http.closed-before-response", "RFC 9110 section 15.2"),
];

#[rustfmt::skip]
const CODED: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", EdgeRst, "200 Length(5) 5 complete", "http.content-encoding-mismatch", "RFC 9110 section 8.4"),
    ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\u{1f}\u{8b}\u{8}", EdgeFin, "200 Length(3) 3 complete", "", "RFC 9110 section 8.4.1.3"),
    ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", EdgeFin, "200 Length(0) 0 complete", "", "RFC 9110 section 8.4"),
    ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", EdgeFin, "200 Length(5) 5 complete", "", "RFC 9110 section 8.4"),
    ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello", EdgeFin, "200 Length(5) 5 complete", "", "RFC 7932: no magic number"),
    ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", EdgeRst, "200 Chunked 5 complete", "http.content-encoding-mismatch", "RFC 9110 section 8.4"),
];

#[rustfmt::skip]
const TO_HEAD: &[Told] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", EdgeFin, "200 NoBody 0 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", EdgeFin, "200 NoBody 0 complete", "", "RFC 9112 section 6.3"),
    ("HTTP/1.1 404 Not Found\r\n\r\n", EdgeFin, "404 NoBody 0 complete", "", "RFC 9110 section 9.3.2"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", EdgeRst, "200 NoBody 0 complete", "http.body-not-allowed", "RFC 9112 section 6.3"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", EdgeRst, "200 NoBody 0 complete", "http.content-length-conflict", "RFC 9112 section 6.3"),
];

#[rustfmt::skip]
const TO_POST: &[Told] = &[
    ("HTTP/1.1 201 Created\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", EdgeFin, "201 Length(0) 0 complete", "", "RFC 9110 section 15.3.2"),
    ("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", OriginFin, "413 Length(2) 2 complete", "", "RFC 9110 section 15.5.14"),
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", EdgeRst, "101 Upgrade 0 complete", "http.unexpected-upgrade", "RFC 9110 section 7.8"),
];

#[rustfmt::skip]
const TO_EXPECT: &[Told] = &[
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 10.1.1"),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeRst, "200 Length(1) 1 complete", "http.repeated-continue", "CloudFront: one 100 Continue"),
    ("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", EdgeFin, "417 Length(0) 0 complete", "", "RFC 9110 section 15.5.18"),
];

#[rustfmt::skip]
const TO_UPGRADE: &[Told] = &[
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u{1}\u{2}hi", EdgeFin, "101 Upgrade 0 complete", "", "RFC 6455 section 4.2.2"),
    ("HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n", EdgeFin, "426 Length(0) 0 complete", "", "RFC 9110 section 15.5.22"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", EdgeFin, "200 Length(1) 1 complete", "", "RFC 9110 section 7.8"),
];

#[rustfmt::skip]
const TO_CONNECT: &[Told] = &[
    ("HTTP/1.1 200 OK\r\n\r\n\u{16}\u{3}\u{1}", EdgeFin, "200 Upgrade 0 complete", "", "RFC 9110 section 9.3.6"),
    ("HTTP/1.1 405 No\r\nContent-Length: 1\r\n\r\na", EdgeFin, "405 Length(1) 1 complete", "", "RFC 9110 section 9.3.6"),
];

#[rustfmt::skip]
const TO_RANGE: &[Told] = &[
    ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello", EdgeFin, "206 Length(5) 5 complete", "", "RFC 9110 section 15.3.7"),
    ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 5\r\n\r\nhello", EdgeFin, "206 Length(5) 5 complete", "", "RFC 9110 section 14.4"),
    ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/99\r\nContent-Length: 5\r\n\r\nhello", EdgeRst, "206 Length(5) 5 complete", "http.content-range-mismatch", "RFC 9110 section 15.3.7"),
    ("HTTP/1.1 416 No\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n", EdgeFin, "416 Length(0) 0 complete", "", "RFC 9110 section 15.5.17"),
];
