//! `http.*` and `app.*` inside of TLS 1.3, with the keys: the same faults as in clear, and the same causes.

use super::app::passed_on;
use super::http::gives_up;
use super::http_response::{cut_short, race_on};
use crate::certs::Leaf;
use crate::edge::http::{Http, Line as _};
use crate::edge::s2n::{S2n, Session};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::Scenario;
use crate::servers::websockets::PYTHON;
use crate::servers::{gunicorn, nginx, node};
use anyhow::Result;
use std::time::Duration;

const FAILURE: &str = "RFC 9112 section 9.5";
const INCOMPLETE: &str = "RFC 9112 section 8";
const CLOSURE: &str = "RFC 8446 section 6.1";
const EDGE: S2n = S2n { keys: true, ..S2n::DEFAULT };

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/closed-before-response/gunicorn-worker-killed-tls13-keys",
        title: "gunicorn, the worker is killed, TLS 1.3, with keys",
        fault: "The worker gets SIGKILL within the request: FIN without a close_notify.",
        without_keys: "http.encrypted-closed-before-response",
        also: &["http.encrypted-closed-before-response"],
        references: &[FAILURE, CLOSURE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let application =
                "import os, signal\ndef app(environ, start_response):\n    os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::https(lab, &files, &["--workers", "1"], application)?;
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/node-close-notify-tls13-keys",
        title: "Node.js ends without an answer, TLS 1.3, with keys",
        fault: "The handler ends the connection of the request by a close_notify; the edge is the first to send FIN.",
        references: &[FAILURE, CLOSURE],
        play: |lab| {
            serve(lab, "request => request.socket.end()")?;
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-before-response/node-tls13-keys",
        title: "Node.js resets instead of answering, TLS 1.3, with keys",
        fault: "The handler resets the TCP connection under the TLS connection of the request.",
        without_keys: "http.encrypted-reset-before-response",
        also: &["http.encrypted-reset-before-response"],
        references: &[FAILURE],
        play: |lab| {
            serve_raw(lab, "() => tcp.resetAndDestroy()")?;
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-timeout/node-2s-tls13-keys",
        title: "Node.js never answers, TLS 1.3, 2 s, with keys",
        fault: "The handler waits for something that never comes, the edge waits for 2 s.",
        without_keys: "http.encrypted-response-timeout",
        also: &["http.encrypted-response-timeout"],
        references: &["RFC 9110 section 15.6.5"],
        play: |lab| {
            serve(lab, "() => {}")?;
            gives_up(Http::tls_by(lab, &EDGE)?, Duration::from_secs(2))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/edge-abandoned/node-300ms-tls13-keys",
        title: "the edge closes after 300 ms, TLS 1.3, with keys",
        fault: "The handler does not answer; the edge closes after 0.3 s, because its viewer has gone.",
        references: &[FAILURE],
        play: |lab| {
            serve(lab, "() => {}")?;
            gives_up(Http::tls_by(lab, &EDGE)?, Duration::from_millis(300))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/keep-alive-race/nginx-tls13-keys",
        title: "nginx, keep-alive 1 s, inside TLS 1.3, with keys",
        fault: "`keepalive_timeout 1s`: nginx closes while the edge's next request is on its way (a filter on the \
                edge's side drops the end of the connection, as if it had not arrived yet).",
        without_keys: "http.keep-alive-race",
        references: &[FAILURE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "keepalive_timeout 1s;")?;
            let http = Http::tls_by(lab, &EDGE)?;
            race_on(lab, http, &Request::get("/next"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-in-response/node-destroy-tls13-keys",
        title: "Node.js closes in the middle, Content-Length, TLS 1.3, with keys",
        fault: "The handler promises 20,000 bytes, writes 5,000 and destroys the socket.",
        references: &[INCOMPLETE, CLOSURE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); setTimeout(() => request.socket.destroy(), 50); }";
            serve(lab, handler)?;
            cut_short(Http::tls_by(lab, &EDGE)?, &Request::get("/video"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/body-end-unmarked/python-tls13-keys",
        title: "Python's http.server, TLS 1.3, with keys",
        fault: "HTTP/1.0, as `http.server` speaks by default: a body without Content-Length. Python closes \
                the socket of a TLS connection without a close_notify.",
        references: &["RFC 9112 section 9.8", CLOSURE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let (chain, key) = (files.chain.display(), files.key.display());
            let script = format!(
                "import http.server, ssl\nclass Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        \
                 self.send_response(200)\n        self.end_headers()\n        self.wfile.write(b'hello\\n' * 100)\n\
                 server = http.server.HTTPServer(('', 443), Handler)\n\
                 context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\ncontext.load_cert_chain('{chain}', '{key}')\n\
                 server.socket = context.wrap_socket(server.socket, server_side=True)\nserver.serve_forever()\n"
            );
            let script = lab.write("server.py", script)?;
            lab.note_server(lab.in_edge(PYTHON, &["--version"])?.trim().to_owned() + " http.server");
            let mut command = lab.origin_command(PYTHON);
            command.arg(script);
            lab.serve(command, 443)?;
            let mut http = Http::tls_by(lab, &EDGE)?;
            http.send(&Request::get("/"))?;
            http.receive_all()?;
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-in-response/node-tls13-keys",
        title: "Node.js resets in the middle, Content-Length, TLS 1.3, with keys",
        fault: "The handler promises 20,000 bytes, writes 5,000 and resets the connection.",
        references: &[INCOMPLETE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); setTimeout(() => tcp.resetAndDestroy(), 50); }";
            serve_raw(lab, handler)?;
            cut_short(Http::tls_by(lab, &EDGE)?, &Request::get("/video"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-stalled/node-2s-tls13-keys",
        title: "Node.js stops in the middle, TLS 1.3, 2 s, with keys",
        fault: "The handler promises 20,000 bytes, writes 5,000 and never goes on; the edge gives up after 2 s.",
        references: &[INCOMPLETE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000)); }";
            serve(lab, handler)?;
            let mut http = Http::tls_by(lab, &EDGE)?;
            http.send(&Request::get("/export"))?;
            http.expect_head(200)?;
            http.wait_in_vain(Duration::from_secs(2))?;
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/malformed-status-line/node-tls13-keys",
        title: "no status line inside TLS 1.3, with keys",
        fault: "A server written for this answers `HTTP/one OK`.",
        references: &["RFC 9112 section 4"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let script = format!(
                "tls.createServer({}, s => s.once('data', () => s.end('HTTP/one OK\\r\\nContent-Length: 0\\r\\n\\r\\n'))).listen(443);",
                node::certificate(&files)
            );
            node::start(lab, 443, &script)?;
            let mut session = session(lab)?;
            session.send(&Request::get("/").to_bytes())?;
            while !session.receive()?.is_empty() {}
            session.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-500/node-handler-tls13-keys",
        title: "Node.js answers 500 inside TLS 1.3, with keys",
        fault: "The handler answers 500.",
        references: &["RFC 9110 section 15.6.1"],
        play: |lab| answers(lab, 500),
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/nginx-upstream-refuses-tls13-keys",
        title: "nginx, nothing listens behind it, TLS 1.3, with keys",
        fault: "The upstream refuses the connection; nginx answers 502.",
        references: &["RFC 9110 section 15.6.3"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "server {{ listen 443 ssl; {} location / {{ proxy_pass http://127.0.0.1:8080; }} }}",
                nginx::certificate(&files)
            );
            nginx::http(lab, 443, &server)?;
            passed_on(Http::tls_by(lab, &EDGE)?, 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-503/node-tls13-keys",
        title: "Node.js answers 503 inside TLS 1.3, with keys",
        fault: "The handler answers 503.",
        references: &["RFC 9110 section 15.6.4"],
        play: |lab| answers(lab, 503),
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-504/node-tls13-keys",
        title: "Node.js answers 504 inside TLS 1.3, with keys",
        fault: "The handler answers 504.",
        references: &["RFC 9110 section 15.6.5"],
        play: |lab| answers(lab, 504),
        ..Scenario::BLANK
    },
];

/// Node.js inside of TLS, with this handler.
fn serve(lab: &mut Lab, handler: &str) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    node::https(lab, &files, handler)
}

/// The same; the handler knows the TCP connection as `tcp`.
fn serve_raw(lab: &mut Lab, handler: &str) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    let script = format!(
        "let tcp;\nhttps.createServer({}, {handler})\n .on('connection', socket => {{ tcp = socket; }}).listen(443);",
        node::certificate(&files)
    );
    node::start(lab, 443, &script)
}

fn session(lab: &mut Lab) -> Result<Session> {
    Ok(EDGE.connect(lab, 443)??)
}

fn answers(lab: &mut Lab, status: u16) -> Result<()> {
    serve(lab, &format!("(request, answer) => {{ answer.writeHead({status}); answer.end('no\\n'); }}"))?;
    passed_on(Http::tls_by(lab, &EDGE)?, status)
}

/// The edge sends a request, and no answer is to come.
fn unanswered(lab: &mut Lab) -> Result<()> {
    let mut http = Http::tls_by(lab, &EDGE)?;
    http.send(&Request::get("/cart"))?;
    http.expect_none()?;
    http.end(Ending::Fin)
}
