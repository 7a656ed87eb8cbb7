//! Responses that break the grammar, and the edge that does not take them.

use crate::certs::Leaf;
use crate::edge::http::{Http, Line};
use crate::edge::openssl::OpenSsl;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Peer, Scenario};
use crate::servers::node;
use anyhow::{Error, Result, ensure};
use std::time::Duration;

use super::http_response::apache_script;

/// A response that is written to the socket as it is.
struct Wrong {
    method: &'static str,
    /// A JavaScript expression.
    answer: &'static str,
}

const fn get(answer: &'static str) -> Wrong {
    Wrong { method: "GET", answer }
}

/// Node.js writes it, and the edge resets.
fn plain(lab: &mut Lab, wrong: &Wrong) -> Result<()> {
    node::http(lab, 80, &handler(wrong))?;
    refuse(Http::plain(lab, 80)?, wrong.method)
}

/// The same inside of TLS 1.3, with the keys of the edge.
fn keyed(lab: &mut Lab, wrong: &Wrong) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    node::https(lab, &files, &handler(wrong))?;
    let session = OpenSsl { keys: true, ..OpenSsl::DEFAULT }.connect(lab, 443)?.map_err(Error::msg)?;
    refuse(Http::over(session), wrong.method)
}

/// A script under Apache writes it, and Apache closes.
fn script(lab: &mut Lab, answer: &str) -> Result<()> {
    apache_script(lab, answer)?;
    let mut http = Http::plain(lab, 80)?;
    http.send(&Request::get("/"))?;
    ensure!(!http.receive_all()?.is_empty(), "nothing came");
    http.end(Ending::Fin)
}

fn handler(wrong: &Wrong) -> String {
    format!("request => {{ request.socket.setNoDelay(true); request.socket.write({}, 'latin1'); }}", wrong.answer)
}

/// The edge takes what comes and resets.
fn refuse<L: Line>(mut http: Http<L>, method: &'static str) -> Result<()> {
    http.patience(Duration::from_millis(150))?;
    http.send(&Request::new(method, "/"))?;
    ensure!(!http.receive_all()?.is_empty(), "nothing came");
    http.end(Ending::Reset)
}

const MALFORMED_HEADER: Wrong =
    get("'HTTP/1.1 200 OK\\r\\nX Debug Info: on\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'");
const HEADERS_TOO_LARGE: Wrong = get(
    "'HTTP/1.1 200 OK\\r\\n' + ('Set-Cookie: state=' + 'x'.repeat(4000) + '\\r\\n').repeat(8) + 'X-More: ' + 'y'.repeat(1400) + '\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'",
);
const CONTENT_LENGTH_INVALID: Wrong = get("'HTTP/1.1 200 OK\\r\\nContent-Length: NaN\\r\\n\\r\\nhello\\n'");
const CONTENT_LENGTH_CONFLICT: Wrong =
    get("'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nContent-Length: 5\\r\\n\\r\\nhello\\n'");
const LENGTH_AND_CHUNKED: Wrong = get(
    "'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n6\\r\\nhello\\n\\r\\n0\\r\\n\\r\\n'",
);
const TRANSFER_ENCODING_UNSUPPORTED: Wrong =
    get("'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked, chunked\\r\\n\\r\\n6\\r\\nhello\\n\\r\\n0\\r\\n\\r\\n'");
const MALFORMED_CHUNK: Wrong =
    get("'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nhello from the origin\\n'");
const BODY_NOT_ALLOWED: Wrong = Wrong {
    method: "DELETE",
    answer: "'HTTP/1.1 204 No Content\\r\\nServer: shop\\r\\n\\r\\n{\\\"deleted\\\": true}\\n'",
};
const EXCESS_BYTES: Wrong = get("'HTTP/1.1 200 OK\\r\\nContent-Length: 11\\r\\n\\r\\nhello, w\\xc3\\xb6rld\\n\\n'");
const UNSOLICITED_RESPONSE: Wrong = get(
    "'HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\nHTTP/1.1 500 Internal Server Error\\r\\nContent-Length: 6\\r\\n\\r\\nerror\\n'",
);
const UNEXPECTED_UPGRADE: Wrong =
    get("'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n'");
const REPEATED_CONTINUE: Wrong = get(
    "'HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'",
);
const CONTENT_RANGE_MISMATCH: Wrong =
    get("'HTTP/1.1 206 Partial Content\\r\\nContent-Range: bytes 0-4/1000\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'");
const CONTENT_ENCODING_MISMATCH: Wrong =
    get("'HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n'");

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/malformed-header/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. A header name with a space in it, as a program writes that takes a sentence for a header. The edge resets.",
        references: &["RFC 9112 section 5", "RFC 9110 section 5.6.2"],
        play: |lab| plain(lab, &MALFORMED_HEADER),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-header/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. A header name with a space in it, as a program writes that takes a sentence for a header. The load balancer resets.",
        references: &["RFC 9112 section 5", "RFC 9110 section 5.6.2"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &MALFORMED_HEADER),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-header/apache-nph-script",
        title: "Apache, a script that writes its own head: a folded line",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9112 section 5", "RFC 9110 section 5.6.2"],
        play: |lab| {
            script(lab, "HTTP/1.1 200 OK\\r\\nX-Policy: one,\\r\\n two\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/headers-too-large/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. Cookies of 33,600 bytes in all, of which CloudFront accepts 32,768. The edge resets.",
        references: &["RFC 9110 section 5.4"],
        play: |lab| plain(lab, &HEADERS_TOO_LARGE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/headers-too-large/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. Cookies of 33,600 bytes in all, of which CloudFront accepts 32,768. The load balancer resets.",
        references: &["RFC 9110 section 5.4"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &HEADERS_TOO_LARGE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-invalid/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. The length is `NaN`. The edge resets.",
        references: &["RFC 9110 section 8.6"],
        play: |lab| plain(lab, &CONTENT_LENGTH_INVALID),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-invalid/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. The length is `NaN`. The load balancer resets.",
        references: &["RFC 9110 section 8.6"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &CONTENT_LENGTH_INVALID),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-invalid/apache-nph-script",
        title: "Apache, a script that writes its own head: a negative length",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9110 section 8.6"],
        play: |lab| script(lab, "HTTP/1.1 200 OK\\r\\nContent-Length: -1\\r\\n\\r\\nhello\\n"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-conflict/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. Content-Length twice, 6 and 5. The edge resets.",
        references: &["RFC 9112 section 6.3"],
        play: |lab| plain(lab, &CONTENT_LENGTH_CONFLICT),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-conflict/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. Content-Length twice, 6 and 5. The load balancer resets.",
        references: &["RFC 9112 section 6.3"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &CONTENT_LENGTH_CONFLICT),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-length-conflict/apache-nph-script",
        title: "Apache, a script that writes its own head: 5 and 6",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9112 section 6.3"],
        play: |lab| script(lab, "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nContent-Length: 7\\r\\n\\r\\nhello\\n"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/length-and-chunked/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. Content-Length beside a chunked body. The edge resets.",
        references: &["RFC 9112 section 6.1"],
        play: |lab| plain(lab, &LENGTH_AND_CHUNKED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/length-and-chunked/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. Content-Length beside a chunked body. The load balancer resets.",
        references: &["RFC 9112 section 6.1"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &LENGTH_AND_CHUNKED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/length-and-chunked/apache-nph-script",
        title: "Apache, a script that writes its own head: both, in the other order",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9112 section 6.1"],
        play: |lab| {
            script(
                lab,
                "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\nContent-Length: 6\\r\\n\\r\\n6\\r\\nhello\\n\\r\\n0\\r\\n\\r\\n",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/transfer-encoding-unsupported/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. `Transfer-Encoding: chunked, chunked`, as a proxy sends that adds its own. The edge resets.",
        references: &["RFC 9112 section 6.1"],
        play: |lab| plain(lab, &TRANSFER_ENCODING_UNSUPPORTED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/transfer-encoding-unsupported/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. `Transfer-Encoding: chunked, chunked`, as a proxy sends that adds its own. The load balancer resets.",
        references: &["RFC 9112 section 6.1"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &TRANSFER_ENCODING_UNSUPPORTED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/transfer-encoding-unsupported/apache-nph-script",
        title: "Apache, a script that writes its own head: identity",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9112 section 6.1"],
        play: |lab| script(lab, "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: identity\\r\\n\\r\\nhello\\n"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-chunk/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. `Transfer-Encoding: chunked` over a body that is not chunked. The edge resets.",
        references: &["RFC 9112 section 7.1"],
        play: |lab| plain(lab, &MALFORMED_CHUNK),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-chunk/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. `Transfer-Encoding: chunked` over a body that is not chunked. The load balancer resets.",
        references: &["RFC 9112 section 7.1"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &MALFORMED_CHUNK),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-chunk/apache-nph-script",
        title: "Apache, a script that writes its own head: a chunk that is longer than its size",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9112 section 7.1"],
        play: |lab| {
            script(
                lab,
                "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello you\\r\\n0\\r\\n\\r\\n",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/body-not-allowed/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. 204 with a body. The edge resets.",
        references: &["RFC 9112 section 6.3", "RFC 9110 section 15.3.5"],
        play: |lab| plain(lab, &BODY_NOT_ALLOWED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/body-not-allowed/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. 204 with a body. The load balancer resets.",
        references: &["RFC 9112 section 6.3", "RFC 9110 section 15.3.5"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &BODY_NOT_ALLOWED),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/excess-bytes/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. Content-Length counts characters, and the body has more bytes. The edge resets.",
        references: &["RFC 9112 section 9.3"],
        play: |lab| plain(lab, &EXCESS_BYTES),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/excess-bytes/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. Content-Length counts characters, and the body has more bytes. The load balancer resets.",
        references: &["RFC 9112 section 9.3"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &EXCESS_BYTES),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unsolicited-response/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. An error handler answers once more when the answer has been sent. The edge resets.",
        references: &["RFC 9112 section 9.2"],
        play: |lab| plain(lab, &UNSOLICITED_RESPONSE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unsolicited-response/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. An error handler answers once more when the answer has been sent. The load balancer resets.",
        references: &["RFC 9112 section 9.2"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &UNSOLICITED_RESPONSE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-upgrade/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. 101 to a plain GET. The edge resets.",
        references: &["RFC 9110 section 7.8", "RFC 9110 section 15.2.2"],
        play: |lab| plain(lab, &UNEXPECTED_UPGRADE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-upgrade/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. 101 to a plain GET. The load balancer resets.",
        references: &["RFC 9110 section 7.8", "RFC 9110 section 15.2.2"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &UNEXPECTED_UPGRADE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/repeated-continue/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. 100 Continue twice before the answer. The edge resets.",
        references: &["RFC 9110 section 15.2.1"],
        play: |lab| plain(lab, &REPEATED_CONTINUE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/repeated-continue/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. 100 Continue twice before the answer. The load balancer resets.",
        references: &["RFC 9110 section 15.2.1"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &REPEATED_CONTINUE),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/repeated-continue/apache-nph-script",
        title: "Apache, a script that writes its own head: two lines of a script",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9110 section 15.2.1"],
        play: |lab| {
            script(
                lab,
                "HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-range-mismatch/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. Content-Length is that of the part, Content-Range one byte shorter. The edge resets.",
        references: &["RFC 9110 section 14.4", "RFC 9110 section 15.3.7"],
        play: |lab| plain(lab, &CONTENT_RANGE_MISMATCH),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-range-mismatch/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. Content-Length is that of the part, Content-Range one byte shorter. The load balancer resets.",
        references: &["RFC 9110 section 14.4", "RFC 9110 section 15.3.7"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &CONTENT_RANGE_MISMATCH),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-range-mismatch/apache-nph-script",
        title: "Apache, a script that writes its own head: one byte too many",
        fault: "A CGI script whose name begins with `nph-` writes all of it; then Apache closes, so that nothing shows whether the edge took it.",
        references: &["RFC 9110 section 14.4", "RFC 9110 section 15.3.7"],
        play: |lab| {
            script(
                lab,
                "HTTP/1.1 206 Partial Content\\r\\nContent-Range: bytes 0-6/1000\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n",
            )
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-encoding-mismatch/node",
        title: "Node.js, written to the socket",
        fault: "The handler writes to its socket. A plain body under `Content-Encoding: gzip`. The edge resets.",
        references: &["RFC 9110 section 8.4", "RFC 1952 section 2.3.1"],
        play: |lab| plain(lab, &CONTENT_ENCODING_MISMATCH),
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/content-encoding-mismatch/node-tls13-keys",
        title: "Node.js, written to the socket, inside TLS 1.3, with keys",
        fault: "The handler writes to its socket. A plain body under `Content-Encoding: gzip`. The load balancer resets.",
        references: &["RFC 9110 section 8.4", "RFC 1952 section 2.3.1"],
        peer: Peer::LoadBalancer,
        play: |lab| keyed(lab, &CONTENT_ENCODING_MISMATCH),
        ..Scenario::BLANK
    },
];
