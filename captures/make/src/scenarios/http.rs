//! `http.*` up to the first byte of a response: the request goes out, and nothing usable begins.

use crate::certs::Leaf;
use crate::edge::http::{Http, Line};
use crate::edge::s2n::{S2n, TLS12_ONLY};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Family, Scenario};
use crate::servers::{apache, caddy, gnutls, gunicorn, haproxy, nginx, node, redis};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Sections of RFC 9112 on a connection that ends early, on framing, and of RFC 9110 on methods that may be repeated.
const FAILURE: &str = "RFC 9112 section 9.5";
const TEAR_DOWN: &str = "RFC 9112 section 9.6";
const RESETTING: &str = "RFC 9293 section 3.6.1";
const REPEATING: &str = "RFC 9110 section 9.2.2";
/// A WSGI application that answers everything.
const HELLO: &str = "def app(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain'), \
                     ('Content-Length', '6')])\n    return [b'hello\\n']\n";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/plaintext-on-tls-port/nginx",
        title: "nginx answers 400",
        fault: "The edge speaks HTTP to port 443, where nginx speaks TLS: the origin's protocol policy and its port \
                do not fit.",
        references: &["RFC 9110 section 4.2.2", "RFC 9110 section 15.5.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            clear_text_to_443(lab, &Request::get("/"), "The plain HTTP request was sent to HTTPS port")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/plaintext-on-tls-port/apache",
        title: "Apache answers 400",
        fault: "The edge speaks HTTP to port 443, where Apache speaks TLS.",
        references: &["RFC 9110 section 4.2.2", "RFC 9110 section 15.5.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            apache::https(lab, &files, "")?;
            clear_text_to_443(lab, &Request::get("/"), "speaking plain HTTP to an SSL-enabled server port")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/plaintext-on-tls-port/caddy",
        title: "Caddy answers 400 in HTTP/1.0",
        fault: "The edge speaks HTTP to port 443, where Caddy speaks TLS.",
        references: &["RFC 9110 section 4.2.2", "RFC 9110 section 15.5.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let (chain, key) = (files.chain.display(), files.key.display());
            caddy::start(
                lab,
                443,
                &format!("https://origin.example.com {{\n    tls {chain} {key}\n    respond hello\n}}"),
            )?;
            clear_text_to_443(lab, &Request::get("/"), "Client sent an HTTP request to an HTTPS server")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/plaintext-on-tls-port/gnutls-alert-ipv6",
        title: "GnuTLS answers by an alert, IPv6",
        fault: "The edge speaks HTTP to port 443, where `gnutls-serv` speaks TLS. (OpenSSL sends no alert.)",
        references: &["RFC 9110 section 4.2.2", "RFC 8446 section 6.2"],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL", &[])?;
            clear_text_to_443(lab, &Request::get("/"), "\x15")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-before-response/node-reset-and-destroy",
        title: "Node.js resets instead of answering",
        fault: "The handler calls `resetAndDestroy()` on the socket of the request.",
        references: &[FAILURE, RESETTING],
        play: |lab| {
            node::http(lab, 80, "request => request.socket.resetAndDestroy()")?;
            unanswered(lab, &Request::get("/cart"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-before-response/nginx-444-reset",
        title: "nginx, `return 444` with `reset_timedout_connection`",
        fault: "A rule drops the request by the pseudo status 444, and the server is told to reset instead of to close.",
        references: &[FAILURE, RESETTING],
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; reset_timedout_connection on; return 444; }")?;
            unanswered(lab, &Request::get("/wp-login.php"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-before-response/gunicorn-killed-with-unread-body",
        title: "gunicorn, the worker is killed while a POST lies unread",
        fault: "The worker gets SIGKILL, as from the kernel when memory runs out, before it has read the body: the \
                kernel resets because of the unread bytes. CloudFront does not repeat a POST.",
        also: &["http.request-not-read"],
        references: &[FAILURE, REPEATING, RESETTING],
        play: |lab| {
            let application = "import os, signal, time\ndef app(environ, start_response):\n    time.sleep(0.3)\n    \
                               os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            unanswered(lab, &Request::new("POST", "/orders").body(&[b'x'; 20_000]))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/nginx-444",
        title: "nginx, `return 444`",
        fault: "A rule drops the request by the pseudo status 444: nginx closes without an answer.",
        references: &[FAILURE],
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; return 444; }")?;
            unanswered(lab, &Request::get("/wp-login.php"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/gunicorn-worker-killed",
        title: "gunicorn, the worker is killed",
        fault: "The worker gets SIGKILL within the request, as from the kernel when memory runs out.",
        references: &[FAILURE],
        play: |lab| {
            let application =
                "import os, signal\ndef app(environ, start_response):\n    os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            unanswered(lab, &Request::get("/report"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/apache-prefork-killed",
        title: "Apache prefork, the process of the request is killed",
        fault: "The CGI script sends SIGKILL to its parent, the process that serves the connection, as the kernel does when \
                memory runs out.",
        references: &[FAILURE],
        play: |lab| {
            apache::prefork_cgi(lab, "kill -9 $PPID")?;
            unanswered(lab, &Request::get("/report"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/node-crash-second-request",
        title: "Node.js, an exception ends the process on the second request",
        fault: "The handler throws: the process ends, and the kernel closes the kept-alive connection.",
        references: &[FAILURE],
        play: |lab| {
            let handler = "(request, answer) => { if (request.url === '/crash') throw new Error('no such user'); \
                           answer.end('hello\\n'); }";
            node::http(lab, 80, handler)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            http.send(&Request::get("/crash"))?;
            http.expect_none()?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/node-after-continue-ipv6",
        title: "Node.js, 100 Continue and then the end, IPv6",
        fault: "The server invites the body by 100 Continue, the handler destroys the socket once it has it. An \
                interim answer is not an answer.",
        references: &[FAILURE, "RFC 9110 section 15.2"],
        family: Family::V6,
        play: |lab| {
            node::http(lab, 80, "request => request.on('end', () => request.socket.destroy()).resume()")?;
            let mut http = Http::plain(lab, 80)?;
            let request = Request::new("POST", "/upload").header("Expect", "100-continue").body(b"{\"id\": 7}");
            http.send(&request)?;
            http.expect_head(100)?;
            http.expect_none()?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/haproxy-speaks-tls",
        title: "HAProxy closes, because it speaks TLS",
        fault: "The edge speaks HTTP to port 443, where HAProxy speaks TLS and closes without an alert: the port is \
                all that hints at the reason.",
        also: &["http.plaintext-on-tls-port"],
        references: &["RFC 9110 section 4.2.2", FAILURE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :443 ssl crt {}", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            clear_text_to_443(lab, &Request::get("/"), "")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/redis",
        title: "Redis listens on the port",
        fault: "The origin's port is that of Redis, which takes a `Host:` for an attack and closes without an answer.",
        references: &[FAILURE],
        play: |lab| {
            redis::start(lab, 80)?;
            unanswered(lab, &Request::get("/"))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-timeout/gunicorn-3s",
        title: "gunicorn, a slow application, 3 s",
        fault: "The application takes 4 s, the edge waits for 3 s; what comes after that is answered by RST.",
        references: &[TEAR_DOWN, "RFC 9110 section 15.6.5"],
        play: |lab| {
            let application = format!("import time\n{}", HELLO.replace(":\n", ":\n    time.sleep(4)\n"));
            gunicorn::http(lab, &["--workers", "1"], &application)?;
            gives_up(Http::plain(lab, 80)?, Duration::from_secs(3))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-timeout/node-5s-ipv6",
        title: "Node.js never answers, 5 s, IPv6",
        fault: "The handler waits for something that never comes, the edge waits for 5 s.",
        references: &[TEAR_DOWN, "RFC 9110 section 15.6.5"],
        family: Family::V6,
        play: |lab| {
            node::http(lab, 80, "() => {}")?;
            gives_up(Http::plain(lab, 80)?, Duration::from_secs(5))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/response-timeout/nginx-proxy-second-request-3s",
        title: "nginx before a slow application, second request, 3 s",
        fault: "The first request is answered; for the second nginx waits for its upstream longer than the edge, which \
                gives up after 3 s.",
        references: &[TEAR_DOWN, "RFC 9110 section 15.6.5"],
        play: |lab| {
            node::http(lab, 8080, "(request, answer) => { if (request.url !== '/slow') answer.end('hello\\n'); }")?;
            nginx::http(lab, 80, "server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } }")?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            gives_up(http, Duration::from_secs(3))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/edge-abandoned/gunicorn-300ms",
        title: "the edge closes after 300 ms",
        fault: "The application takes 1 s; the edge closes after 0.3 s, because its viewer has gone.",
        references: &[TEAR_DOWN],
        play: |lab| {
            let application = format!("import time\n{}", HELLO.replace(":\n", ":\n    time.sleep(1)\n"));
            gunicorn::http(lab, &["--workers", "1"], &application)?;
            gives_up(Http::plain(lab, 80)?, Duration::from_millis(300))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/edge-abandoned/node-reset-700ms",
        title: "the edge resets after 700 ms",
        fault: "The handler does not answer; the edge resets after 0.7 s, because its viewer has gone.",
        references: &[TEAR_DOWN],
        play: |lab| {
            node::http(lab, 80, "() => {}")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/search?q=shoes"))?;
            http.wait_in_vain(Duration::from_millis(700))?;
            http.end(Ending::Reset)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/edge-abandoned/node-during-download",
        title: "the edge closes in the middle of a response that goes on",
        fault: "Node.js writes a chunk every 50 ms; the edge closes after 0.5 s, because its viewer has gone.",
        references: &[TEAR_DOWN, "RFC 9112 section 7.1"],
        play: |lab| {
            node::http(lab, 80, "(request, answer) => setInterval(() => answer.write('tick\\n'), 50)")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/events"))?;
            http.expect_head(200)?;
            for _ in 0..8 {
                http.receive()?;
            }
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-reset-before-response/node-tls13",
        title: "Node.js resets instead of answering, TLS 1.3",
        fault: "The handler resets the TCP connection under the TLS connection of the request.",
        references: &[FAILURE, RESETTING, "RFC 8446 section 6.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let script = format!(
                "let tcp;\nhttps.createServer({}, () => tcp.resetAndDestroy())\n\
                 .on('connection', socket => {{ tcp = socket; }}).listen(443);",
                node::certificate(&files)
            );
            node::start(lab, 443, &script)?;
            unanswered_in_tls(lab, &S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-reset-before-response/nginx-444-reset-tls12",
        title: "nginx, `return 444` with `reset_timedout_connection`, TLS 1.2",
        fault: "A rule drops the request by the pseudo status 444, and the server is told to reset instead of to close.",
        references: &[FAILURE, RESETTING],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "reset_timedout_connection on; if ($uri) { return 444; }")?;
            unanswered_in_tls(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-closed-before-response/gunicorn-worker-killed-tls13",
        title: "gunicorn, the worker is killed, TLS 1.3",
        fault: "The worker gets SIGKILL within the request, as from the kernel when memory runs out.",
        references: &[FAILURE, "RFC 8446 section 6.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let application =
                "import os, signal\ndef app(environ, start_response):\n    os.kill(os.getpid(), signal.SIGKILL)\n";
            gunicorn::https(lab, &files, &["--workers", "1"], application)?;
            unanswered_in_tls(lab, &S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-closed-before-response/nginx-444-tls12",
        title: "nginx, `return 444`, TLS 1.2",
        fault: "A rule drops the request by the pseudo status 444: nginx closes without an answer.",
        references: &[FAILURE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "if ($uri) { return 444; }")?;
            unanswered_in_tls(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-response-timeout/node-3s-tls13",
        title: "Node.js never answers, TLS 1.3, 3 s",
        fault: "The handler waits for something that never comes, the edge waits for 3 s.",
        references: &[TEAR_DOWN, "RFC 9110 section 15.6.5"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            node::https(lab, &files, "() => {}")?;
            gives_up(Http::tls(lab)?, Duration::from_secs(3))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/encrypted-response-timeout/nginx-proxy-2s-tls12",
        title: "nginx before a slow application, TLS 1.2, 2 s",
        fault: "nginx waits for its upstream longer than the edge, which gives up after 2 s.",
        references: &[TEAR_DOWN, "RFC 9110 section 15.6.5"],
        play: |lab| {
            node::http(lab, 8080, "() => {}")?;
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "server {{ listen 443 ssl; {} location / {{ proxy_pass http://127.0.0.1:8080; }} }}",
                nginx::certificate(&files)
            );
            nginx::http(lab, 443, &server)?;
            gives_up(Http::tls_by(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })?, Duration::from_secs(2))
        },
        ..Scenario::BLANK
    },
];

/// The edge speaks HTTP to port 443; `mark` is what the answer has to contain.
fn clear_text_to_443(lab: &mut Lab, request: &Request, mark: &str) -> Result<()> {
    let mut http = Http::plain(lab, 443)?;
    http.patience(Duration::from_secs(5))?;
    http.send(request)?;
    let answer = http.receive_all()?;
    ensure!(String::from_utf8_lossy(&answer).contains(mark), "the origin answered {answer:?}");
    http.end(Ending::Fin)
}

/// The edge sends a request in clear text, and no answer is to come.
fn unanswered(lab: &mut Lab, request: &Request) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send(request)?;
    http.expect_none()?;
    http.end(Ending::Fin)
}

/// The same inside TLS.
fn unanswered_in_tls(lab: &mut Lab, edge: &S2n) -> Result<()> {
    let mut http = Http::tls_by(lab, edge)?;
    http.send(&Request::get("/cart"))?;
    http.expect_none()?;
    http.end(Ending::Fin)
}

/// The edge sends a request, waits for this long, and closes its socket.
pub(super) fn gives_up<L: Line>(mut http: Http<L>, after: Duration) -> Result<()> {
    http.send(&Request::get("/slow"))?;
    http.wait_in_vain(after)?;
    http.end(Ending::Drop)
}
