//! `http.websocket-*` and `app.websocket-refused`: WebSockets that were not accepted, not as they should be, or not ended by
//! agreement; each in clear and inside of TLS with keys.

use crate::certs::Leaf;
use crate::edge::http::{Http, Line};
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::Scenario;
use crate::servers::{nginx, node, websockets};
use anyhow::Result;
use std::time::Duration;

const OPENING: &str = "RFC 6455 section 4.2.2";
const CLIENT: &str = "RFC 6455 section 4.1";
const CLOSING: &str = "RFC 6455 section 7.1";
const EDGE: S2n = S2n { keys: true, ..S2n::DEFAULT };

/// A text frame, "hello", masked (RFC 6455 section 5.7).
const HELLO: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/websocket-accept-invalid/node",
        title: "Node.js answers another key",
        fault: "A handler for `upgrade` writes a 101 with the Sec-WebSocket-Accept of the example in the RFC. The edge, here \
                one that checks it, closes the connection.",
        references: &[OPENING, CLIENT],
        play: |lab| {
            node::start(lab, 80, &format!("http.createServer().on('upgrade', {CONSTANT}).listen(80);"))?;
            let http = Http::plain(lab, 80)?;
            checks(http)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/websocket-accept-invalid/node-tls13-keys",
        title: "Node.js sends a 101 without any answer to the key, TLS 1.3, with keys",
        fault: "A handler for `upgrade` writes a 101 without Sec-WebSocket-Accept. The edge, here one that checks it, closes \
                the connection.",
        references: &[OPENING, CLIENT],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!("https.createServer({})", node::certificate(&files));
            node::start(lab, 443, &format!("{server}.on('upgrade', {NONE}).listen(443);"))?;
            let http = Http::tls_by(lab, &EDGE)?;
            checks(http)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/websocket-closed/nginx-proxy-read-timeout",
        title: "nginx ends an idle WebSocket",
        fault: "`proxy_read_timeout 2s` in front of Python's websockets: after two seconds without a frame nginx closes both \
                sides, and no Close frame is sent.",
        references: &[CLOSING],
        play: |lab| {
            proxied(lab, 80, "", "proxy_read_timeout 2s;")?;
            let http = Http::plain(lab, 80)?;
            idle(http)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/websocket-closed/nginx-tls13-keys",
        title: "nginx ends an idle WebSocket, TLS 1.3, with keys",
        fault: "`proxy_read_timeout 2s` in front of Python's websockets: after two seconds without a frame nginx closes both \
                sides, and no Close frame is sent.",
        references: &[CLOSING],
        play: |lab| {
            proxied_tls13(lab, "proxy_read_timeout 2s;")?;
            let http = Http::tls_by(lab, &EDGE)?;
            idle(http)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/websocket-closed/python-killed",
        title: "Python's websockets is killed within the conversation",
        fault: "The program gets SIGKILL when it has received a message.",
        references: &[CLOSING],
        play: |lab| {
            websockets::start(lab, 80, &["await socket.recv()", "os.kill(os.getpid(), signal.SIGKILL)"])?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&handshake())?;
            http.expect_head(101)?;
            http.send_bytes(&HELLO)?;
            http.receive_all()?;
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/websocket-refused/nginx-without-upgrade",
        title: "nginx does not pass Upgrade on",
        fault: "`proxy_pass` to Python's websockets without `proxy_http_version 1.1` and `proxy_set_header Upgrade`: the program says 400.",
        references: &["RFC 6455 section 4.4", "RFC 9110 section 7.8"],
        play: |lab| {
            websockets::start(lab, 8080, ECHO)?;
            nginx::http(lab, 80, "server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } }")?;
            let http = Http::plain(lab, 80)?;
            refused(http, &handshake(), 400)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/websocket-refused/nginx-tls13-keys",
        title: "the edge's request has lost its key, TLS 1.3, with keys",
        fault: "The request asks for a WebSocket without Sec-WebSocket-Key and Sec-WebSocket-Version, as where a distribution \
                does not forward them; Python's websockets behind nginx says 400.",
        references: &[CLIENT],
        play: |lab| {
            proxied_tls13(lab, "")?;
            let request = Request::get("/chat").header("Connection", "Upgrade").header("Upgrade", "websocket");
            let http = Http::tls_by(lab, &EDGE)?;
            refused(http, &request, 400)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/websocket-refused/python-upgrade-dropped",
        title: "the edge's request has lost its Upgrade",
        fault: "The request has its Sec-WebSocket headers and no Upgrade; Python's websockets says 426.",
        references: &[CLIENT, "RFC 9110 section 7.8"],
        play: |lab| {
            websockets::start(lab, 80, ECHO)?;
            let request = Request::get("/chat").header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", KEY);
            let http = Http::plain(lab, 80)?;
            refused(http, &request, 426)
        },
        ..Scenario::BLANK
    },
];

const KEY: &str = "x3JJHMbDL1EzLkh9GBhXDw==";
const ECHO: &[&str] = &["async for message in socket:", "    await socket.send(message)"];
const UPGRADING: &str = "location / { proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1; proxy_set_header Upgrade \
                         $http_upgrade; proxy_set_header Connection upgrade;";
const CONSTANT: &str = "(_, socket) => { socket.on('end', () => socket.end()); socket.write('HTTP/1.1 101 Switching Protocols\\r\\n\
                        Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n'); }";
const NONE: &str = "(_, socket) => socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: \
                    Upgrade\\r\\n\\r\\n')";

/// nginx in front of Python's websockets, which passes upgrades on.
fn proxied(lab: &mut Lab, port: u16, secure: &str, more: &str) -> Result<()> {
    websockets::start(lab, 8080, ECHO)?;
    let listen = if secure.is_empty() { "" } else { "ssl" };
    nginx::http(lab, port, &format!("server {{ listen {port} {listen}; {secure} {UPGRADING} {more} }} }}"))?;
    Ok(())
}

/// The same in TLS 1.3.
fn proxied_tls13(lab: &mut Lab, more: &str) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    proxied(lab, 443, &format!("ssl_protocols TLSv1.3; {}", nginx::certificate(&files)), more)
}

/// A whole opening handshake.
fn handshake() -> Request {
    Request::get("/chat")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
}

/// An edge that looks at the answer, and leaves.
fn checks<L: Line>(mut http: Http<L>) -> Result<()> {
    http.send(&handshake())?;
    http.expect_head(101)?;
    http.end(Ending::Drop)
}

/// A message and its echo, and then nothing until the origin has enough.
fn idle<L: Line>(mut http: Http<L>) -> Result<()> {
    http.send(&handshake())?;
    http.expect_head(101)?;
    http.send_bytes(&HELLO)?;
    http.patience(Duration::from_secs(10))?;
    http.receive_all()?;
    http.end(Ending::Drop)
}

fn refused<L: Line>(mut http: Http<L>, request: &Request, status: u16) -> Result<()> {
    http.send(request)?;
    http.expect(status)?;
    http.end(Ending::Drop)
}
