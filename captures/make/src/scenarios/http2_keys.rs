//! What `http2.rs`, `http2_faults.rs`, `app.rs` and `http_response.rs` show in clear, inside of TLS and with keys.

use super::app::passed_on;
use super::http2::{served, served_in_tls};
use super::http2_faults::GOOD;
use crate::certs::Leaf;
use crate::edge::Ending;
use crate::edge::Request;
use crate::edge::http::{Http, Line as _};
use crate::edge::node as edge;
use crate::edge::s2n::S2n;
use crate::lab::{Lab, version};
use crate::scenario::{Peer, Scenario};
use crate::servers::{nginx, node};
use anyhow::{Result, ensure};

const EDGE: S2n = S2n { keys: true, ..S2n::DEFAULT };
const PREFACE: &str = "RFC 9113 section 3.4";
const BY_HAND: &str = "The server is written by hand (a TLS server in Node.js that writes frames), because no server makes \
                       this fault on demand.";
const ASK: &str = "const s = open(); await ask(s, { ':path': '/cart' }); s.close(); await closed(s);";
const CALL: &str = "const s = open(); await ask(s, { ...GRPC, ':path': '/shop.Cart/Get' }, Buffer.alloc(12)); s.close(); \
                    await closed(s);";

/// What all with HTTP/2 have in common.
const HTTP2: Scenario = Scenario { peer: Peer::LoadBalancer, ..Scenario::BLANK };

/// A load balancer runs a script.
fn secure(lab: &mut Lab, script: &str) -> Result<()> {
    edge::secure(lab, 443, script).map(drop)
}

/// A server on port 443 that answers the preface with these bytes, in hexadecimal, and 150 ms later sends those.
fn by_hand(lab: &mut Lab, greeting: &str, answer: &str) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    let script = format!(
        "tls.createServer({{ ...{}, ALPNProtocols: ['h2'] }}, socket => {{ socket.on('error', () => {{}});\n\
         let told = false; socket.on('data', () => {{ if (told) return; told = true;\n\
         socket.write(Buffer.from('{greeting}', 'hex'));\n\
         setTimeout(() => socket.write(Buffer.from('{answer}', 'hex')), 150); }});\n\
         socket.on('end', () => socket.end()); }}).listen(443);",
        node::certificate(&files)
    );
    node::start(lab, 443, &script)?;
    // Node's session does not always tell of its end, once the server has broken the rules.
    let script = "const s = open(); await Promise.race([ask(s, { ':path': '/cart' }), sleep(1000)]); s.destroy(); \
                  await sleep(200); process.exit();";
    secure(lab, script)
}

/// nginx ends TLS on port 443, and passes the bytes on to 127.0.0.1:8080, whatever the client and that one speak.
fn ended_by_nginx(lab: &mut Lab, alpn: &str) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    let server = format!("listen 443 ssl; {} {alpn} proxy_pass 127.0.0.1:8080;", nginx::certificate(&files));
    nginx::stream(lab, 443, &format!("server {{ {server} }}"))
}

/// nginx inside TLS, with what its server block has further.
fn https(lab: &mut Lab, directives: &str) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    nginx::http(lab, 443, &format!("server {{ listen 443 ssl http2; {} {directives} }}", nginx::certificate(&files)))
}

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http2/settings-invalid/largest-frame-too-small-tls-keys",
        title: "a largest frame of 100 bytes, inside TLS, with keys",
        fault: "SETTINGS_MAX_FRAME_SIZE is 100; the least that it may be is 16,384. The edge ends the connection.",
        edited: BY_HAND,
        references: &["RFC 9113 section 6.5.2"],
        play: |lab| by_hand(lab, "000006040000000000000500000064", ""),
        ..HTTP2
    },
    Scenario {
        path: "http2/malformed-frame/rst-stream-of-three-bytes-tls-keys",
        title: "RST_STREAM of three bytes, inside TLS, with keys",
        fault: "The response is a RST_STREAM with a payload of three bytes; it has four.",
        edited: BY_HAND,
        references: &["RFC 9113 section 6.4"],
        play: |lab| by_hand(lab, GOOD, "000003030000000001000000"),
        ..HTTP2
    },
    Scenario {
        path: "http2/header-compression-error/index-beyond-the-table-tls-keys",
        title: "an index beyond the table, inside TLS, with keys",
        fault: "The header block of the response names entry 70, and the table ends with 61.",
        edited: BY_HAND,
        references: &["RFC 7541 section 2.3.3"],
        play: |lab| by_hand(lab, GOOD, "00000201040000000188c6"),
        ..HTTP2
    },
    Scenario {
        path: "http2/malformed-message/node-content-length-tls-keys",
        title: "Node.js, Content-Length larger than the body, inside TLS, with keys",
        fault: "The handler sets `content-length: 10` and sends 6 bytes; Node does not mind.",
        references: &["RFC 9113 section 8.1.1"],
        play: |lab| {
            served_in_tls(lab, "stream.respond({ ':status': 200, 'content-length': 10 }); stream.end('hello\\n');")?;
            secure(lab, ASK)
        },
        ..HTTP2
    },
    Scenario {
        path: "http2/flow-control-stall/node-body-not-read-tls-keys",
        title: "Node.js, the body is not read, inside TLS, with keys",
        fault: "The handler never reads from the stream; after 65,535 bytes the edge may send nothing more, and gives up 2 s \
                later.",
        references: &["RFC 9113 section 5.2"],
        play: |lab| {
            served_in_tls(lab, "stream.pause();")?;
            let upload = "const s = open(); await ask(s, { ':method': 'POST', ':path': '/upload' }, Buffer.alloc(100000, 'x'), 2000); \
                          s.destroy(); await closed(s);";
            secure(lab, upload)
        },
        ..HTTP2
    },
    Scenario {
        path: "http2/http1-reply/nginx-stream-tls-keys",
        title: "nginx ends TLS in front of a program that speaks HTTP/1, with keys",
        fault: "nginx's stream module offers `ssl_alpn h2`, and the program behind it (Node.js) speaks HTTP/1.1 only.",
        references: &[PREFACE],
        play: |lab| {
            node::http(lab, 8080, "(request, response) => response.end('hello\\n')")?;
            ended_by_nginx(lab, "ssl_alpn h2;")?;
            secure(lab, ASK)
        },
        ..HTTP2
    },
    Scenario {
        path: "http2/preface-not-answered/node-http1-destroys-tls-keys",
        title: "Node.js, module `https`, bad requests are hung up on, with keys",
        fault: "`ALPNProtocols: ['h2']` on a server of HTTP/1.1, and `server.on('clientError', (e, socket) => \
                socket.destroy())`.",
        without_keys: "http.encrypted-closed-before-response",
        also: &["http.encrypted-closed-before-response"],
        references: &[PREFACE],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "const s = https.createServer({{ ...{}, ALPNProtocols: ['h2'] }}, (q, r) => r.end('hello\\n'));\n\
                 s.on('clientError', (e, socket) => socket.destroy()); s.listen(443);",
                node::certificate(&files)
            );
            node::start(lab, 443, &server)?;
            secure(lab, ASK)
        },
        ..HTTP2
    },
    Scenario {
        path: "http2/reset-before-response/node-socket-reset-tls-keys",
        title: "Node.js, the program resets the connection, inside TLS, with keys",
        fault: "The handler resets the TCP connection under the session; two streams are open.",
        also: &["http.encrypted-reset-before-response"],
        references: &["RFC 9113 section 5.4.1"],
        play: |lab| {
            let reset = "if (headers[':path'] === '/second') setTimeout(() => tcp.resetAndDestroy(), 200);";
            served_in_tls(lab, reset)?;
            secure(
                lab,
                "const s = open(); ask(s, { ':path': '/first' }); ask(s, { ':path': '/second' }); await closed(s);",
            )
        },
        ..HTTP2
    },
    Scenario {
        path: "http2/closed-before-response/node-killed",
        title: "Node.js, killed",
        fault: "The program is killed (SIGKILL) 200 ms after the request.",
        references: &["RFC 9113 section 5.4.1"],
        play: |lab| {
            served(lab, "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);")?;
            edge::clear(lab, 80, "const s = open(); ask(s, { ':path': '/cart' }); await closed(s);").map(drop)
        },
        ..HTTP2
    },
    Scenario {
        path: "app/grpc-error/nginx-unavailable-tls-keys",
        title: "nginx, `grpc_pass` to nowhere, UNAVAILABLE, inside TLS, with keys",
        fault: "Nothing listens where `grpc_pass` goes; `error_page 502` answers with grpc-status 14.",
        references: &["gRPC over HTTP2, \"Responses\""],
        play: |lab| {
            let locations = "location / { grpc_pass grpc://127.0.0.1:8081; error_page 502 = @unavailable; } \
                             location @unavailable { internal; default_type application/grpc; add_header grpc-status 14; \
                             add_header grpc-message unavailable; return 204; }";
            https(lab, locations)?;
            secure(lab, CALL)
        },
        ..HTTP2
    },
    Scenario {
        path: "http/http2-reply/nginx-stream-tls13-keys",
        title: "nginx ends TLS in front of a program that speaks HTTP/2, with keys",
        fault: "nginx's stream module ends TLS, and the program behind it (nghttpd) speaks HTTP/2 only.",
        references: &[PREFACE],
        play: |lab| {
            lab.note_server(version("nghttpd", "--version", "nghttpd")?);
            let mut command = lab.origin_command("nghttpd");
            command.args(["--no-tls", "8080"]);
            lab.serve(command, 8080)?;
            ended_by_nginx(lab, "")?;
            let mut session = EDGE.connect(lab, 443)??;
            session.send(&Request::get("/hello").to_bytes())?;
            while !session.receive()?.is_empty() {}
            session.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/request-not-read/node-destroys-upload-tls13-keys",
        title: "Node.js drops an upload in the middle, TLS 1.3, with keys",
        fault: "The handler destroys the socket while the body (300 KB, through a small receive window) is still \
                coming: the kernel resets.",
        without_keys: "http.encrypted-reset-before-response",
        also: &["http.reset-before-response", "http.encrypted-reset-before-response"],
        references: &["RFC 9110 section 15.5.14", "RFC 9293 section 3.6"],
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 8192 8192"])?;
            let files = Leaf::GOOD.issue(lab)?;
            node::https(lab, &files, "request => setTimeout(() => request.socket.destroy(), 20)")?;
            let mut http = Http::tls_by(lab, &EDGE)?;
            ensure!(http.send(&Request::new("POST", "/upload").body(&[b'x'; 300_000])).is_err(), "all of it was taken");
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/forbidden/nginx-allow-tls13-keys",
        title: "nginx, an allowlist of addresses, TLS 1.3, with keys",
        fault: "`allow 192.0.2.0/24; deny all;`: CloudFront's address is not on the list.",
        references: &["RFC 9110 section 15.5.4"],
        play: |lab| {
            https(lab, "allow 192.0.2.0/24; deny all; root /;")?;
            let mut http = Http::tls_by(lab, &EDGE)?;
            http.get("/", 403)?;
            passed_on(http, 403)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/misdirected-request/nginx-default-server-tls13-keys",
        title: "nginx, a catch-all server, TLS 1.3, with keys",
        fault: "The default server answers 421 to every name that has no server of its own.",
        references: &["RFC 9110 section 15.5.20"],
        play: |lab| {
            https(lab, "return 421;")?;
            passed_on(Http::tls_by(lab, &EDGE)?, 421)
        },
        ..Scenario::BLANK
    },
];
