//! HTTP/2 that ends before its responses are whole, by real servers.

use crate::certs::Leaf;
use crate::edge::{Ending, Request, node as edge, plain::Plain};
use crate::lab::{Lab, version};
use crate::scenario::{Peer, Scenario};
use crate::servers::{apache, haproxy, nginx, node};
use anyhow::{Result, ensure};

const STREAMS: &str = "RFC 9113 section 5.1";
const CODES: &str = "RFC 9113 section 7";
const PREFACE: &str = "RFC 9113 section 3.4";
const GRPC: &str = "gRPC over HTTP2, \"Responses\"";

/// A server of HTTP/2 in clear on port 80, with this body of its handler of streams.
pub(super) fn served(lab: &mut Lab, handler: &str) -> Result<u32> {
    let script = format!(
        "const server = http2.createServer(); let socket; server.on('connection', s => {{ socket = s; }});\n\
         server.on('sessionError', () => {{}});\n\
         server.on('stream', (stream, headers) => {{ stream.on('error', () => {{}}); {handler} }}); server.listen(80);"
    );
    node::start(lab, 80, &script)
}

/// The same inside TLS, on port 443.
pub(super) fn served_in_tls(lab: &mut Lab, handler: &str) -> Result<()> {
    let files = Leaf::GOOD.issue(lab)?;
    let script = format!(
        "const server = http2.createSecureServer({}); let socket, tcp;\n\
         server.on('connection', s => {{ tcp = s; }}); server.on('secureConnection', s => {{ socket = s; }});\n\
         server.on('sessionError', () => {{}});\n\
         server.on('stream', (stream, headers) => {{ stream.on('error', () => {{}}); {handler} }}); server.listen(443);",
        node::certificate(&files)
    );
    node::start(lab, 443, &script).map(drop)
}

/// A preface in clear, with SETTINGS, and a GET: what an edge says that was told to speak HTTP/2.
fn prior_knowledge(lab: &mut Lab) -> Result<()> {
    edge::clear(lab, 80, "const s = open(); ask(s, { ':path': '/' }); await closed(s);").map(drop)
}

/// A request in HTTP/1 to a port that speaks only HTTP/2.
fn in_http1(lab: &mut Lab) -> Result<()> {
    let mut edge = Plain::connect(lab, 80)?;
    edge.send(&Request::get("/hello").to_bytes())?;
    while !edge.read_some()?.is_empty() {}
    edge.end(Ending::Fin)
}

const TWO: &str = "const s = open(); const first = await ask(s, { ':path': '/first' }); \
                   await ask(s, { ':path': '/second' }); s.destroy(); await closed(s);";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "http/http2-reply/nginx-http2-in-clear",
        title: "nginx, `listen 80 http2`",
        fault: "`listen 80 http2` without `ssl`: this nginx speaks only HTTP/2 there.",
        references: &[PREFACE],
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80 http2; location / { return 200 \"hello\\n\"; } }")?;
            in_http1(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/http2-reply/nghttpd",
        title: "nghttpd",
        fault: "nghttpd speaks nothing but HTTP/2.",
        references: &[PREFACE],
        play: |lab| {
            lab.note_server(version("nghttpd", "--version", "nghttpd")?);
            let mut command = lab.origin_command("nghttpd");
            command.args(["--no-tls", "80"]);
            lab.serve(command, 80)?;
            in_http1(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/http1-reply/node-http1",
        title: "Node.js, module `http`",
        fault: "The port speaks HTTP/1.1 only, and the target group says HTTP/2.",
        references: &[PREFACE],
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::http(lab, 80, "(request, response) => response.end('hello\\n')")?;
            prior_knowledge(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/http1-reply/apache",
        title: "Apache without mod_http2",
        fault: "`Protocols` is left as it is: HTTP/1.1 only.",
        references: &[PREFACE],
        peer: Peer::LoadBalancer,
        play: |lab| {
            apache::start(lab, 80, "")?;
            prior_knowledge(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/preface-not-answered/node-http1-destroys",
        title: "Node.js, module `http`, bad requests are hung up on",
        fault: "`server.on('clientError', (e, socket) => socket.destroy())`, and HTTP/1.1 only.",
        references: &[PREFACE],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let server = "const s = http.createServer((q, r) => r.end('hello\\n')); \
                          s.on('clientError', (e, socket) => socket.destroy()); s.listen(80);";
            node::start(lab, 80, server)?;
            prior_knowledge(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/preface-not-answered/nginx-stream-no-upstream",
        title: "nginx passing on bytes to nowhere",
        fault: "nginx's stream module in front; nothing listens on the upstream's port.",
        references: &[PREFACE],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::stream(lab, 80, "server { listen 80; proxy_pass 127.0.0.1:8081; preread_buffer_size 1k; }")?;
            prior_knowledge(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/goaway/node-enhance-your-calm",
        title: "Node.js, GOAWAY with an error code",
        fault: "The program calls `session.goaway(NGHTTP2_ENHANCE_YOUR_CALM, 0, 'too_many_pings')`, as grpc-go does to a \
                client that sends PING too often, in place of a response.",
        references: &["RFC 9113 section 6.8", CODES],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(lab, "stream.session.goaway(11, 0, Buffer.from('too_many_pings')); stream.session.destroy();")?;
            edge::clear(
                lab,
                80,
                "const s = open(); ask(s, { ...GRPC, ':path': '/shop.Cart/Get' }, Buffer.alloc(12)); await closed(s);",
            )
            .map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/goaway/node-graceful-too-late-tls",
        title: "Node.js, GOAWAY with NO_ERROR crosses a request, inside TLS with keys",
        fault: "The program answers the first request and calls `session.goaway(NGHTTP2_NO_ERROR, 1)` 300 ms later; the \
                second request is on its way. It does not answer that.",
        references: &["RFC 9113 section 6.8"],
        play: |lab| {
            served_in_tls(
                lab,
                "if (headers[':path'] === '/first') { stream.respond({ ':status': 200 }); stream.end('hello\\n'); } \
                 else { stream.session.goaway(0, 1); setTimeout(() => socket.destroy(), 200); }",
            )?;
            edge::secure(lab, 443, TWO).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/stream-reset/node-internal-error",
        title: "Node.js, RST_STREAM with INTERNAL_ERROR",
        fault: "The handler calls `stream.close(NGHTTP2_INTERNAL_ERROR)` in place of a response; another stream of the \
                same connection is answered.",
        references: &[STREAMS, CODES],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(
                lab,
                "if (headers[':path'] === '/bad') stream.close(2); \
                 else { stream.respond({ ':status': 200 }); stream.end('hello\\n'); }",
            )?;
            let script = "const s = open(); await Promise.all([ask(s, { ':path': '/good' }), ask(s, { ':path': '/bad' })]); \
                          s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/stream-reset/nginx-upstream-died-tls",
        title: "nginx, its upstream dies in the middle of a response, inside TLS with keys",
        fault: "nginx speaks HTTP/2 to the edge and HTTP/1.1 to a Node.js behind it, which announces 100,000 bytes, sends \
                6 and is killed.",
        references: &[STREAMS, CODES],
        play: |lab| {
            let upstream = "http.createServer((q, r) => { r.writeHead(200, { 'content-length': 100000 }); r.write('hello\\n'); \
                            setTimeout(() => process.exit(1), 200); }).listen(8081);";
            node::start(lab, 8081, upstream)?;
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "server {{ listen 443 ssl http2; {} location / {{ proxy_http_version 1.1; proxy_buffering off; \
                 proxy_pass http://127.0.0.1:8081; }} }}",
                nginx::certificate(&files)
            );
            nginx::http(lab, 443, &server)?;
            edge::secure(
                lab,
                443,
                "const s = open(); await ask(s, { ':path': '/report' }); s.close(); await closed(s);",
            )
            .map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/flow-control-stall/node-body-not-read",
        title: "Node.js, the body is not read",
        fault: "The handler never reads from the stream; after 65,535 bytes the edge may send nothing more, and gives up 2 s \
                later.",
        references: &["RFC 9113 section 5.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(lab, "stream.pause();")?;
            let script = "const s = open(); await ask(s, { ':method': 'POST', ':path': '/upload' }, Buffer.alloc(100000, 'x'), 2000); \
                          s.destroy(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/response-timeout/node-never-answers",
        title: "Node.js, no answer",
        fault: "The handler does nothing; the edge resets the stream after 3 s. Another stream is answered.",
        references: &[STREAMS],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(
                lab,
                "if (headers[':path'] === '/good') { stream.respond({ ':status': 200 }); stream.end('hello\\n'); }",
            )?;
            let script = "const s = open(); await Promise.all([ask(s, { ':path': '/good' }), ask(s, { ':path': '/slow' }, undefined, 3000)]); \
                          s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/response-timeout/haproxy-upstream-hangs-tls",
        title: "HAProxy, its upstream does not answer, inside TLS with keys",
        fault: "HAProxy speaks HTTP/2 to the edge; the Node.js behind it accepts the request and does nothing. The edge's \
                patience is 2 s.",
        references: &[STREAMS],
        play: |lab| {
            node::start(lab, 8081, "http.createServer(() => {}).listen(8081);")?;
            let files = Leaf::GOOD.issue(lab)?;
            let sections = format!(
                "frontend f\n    mode http\n    bind :443 ssl crt {} alpn h2,http/1.1\n    default_backend b\nbackend b\n    \
                 mode http\n    server s 127.0.0.1:8081",
                files.bundle.display()
            );
            haproxy::start(lab, 443, &sections)?;
            let script = "const s = open(); await ask(s, { ...GRPC, ':path': '/shop.Cart/Get' }, Buffer.alloc(12), 2000); s.close(); await closed(s);";
            edge::secure(lab, 443, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/reset-before-response/node-socket-reset",
        title: "Node.js, the program resets the connection",
        fault: "The handler calls `resetAndDestroy()` on the socket of the session; two streams are open.",
        references: &["RFC 9113 section 5.4.1"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(lab, "if (headers[':path'] === '/second') setTimeout(() => socket._handle.reset(() => {}), 200);")?;
            let script =
                "const s = open(); ask(s, { ':path': '/first' }); ask(s, { ':path': '/second' }); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http2/closed-before-response/node-killed-tls",
        title: "Node.js, killed, inside TLS with keys",
        fault: "The program is killed (SIGKILL) 200 ms after the request.",
        also: &["http.encrypted-closed-before-response"],
        references: &["RFC 9113 section 5.4.1"],
        play: |lab| {
            served_in_tls(lab, "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200);")?;
            edge::secure(
                lab,
                443,
                "const s = open(); ask(s, { ...GRPC, ':path': '/shop.Cart/Get' }, Buffer.alloc(12)); await closed(s);",
            )
            .map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/grpc-error/nginx-unavailable",
        title: "nginx, `grpc_pass` to nowhere, UNAVAILABLE",
        fault: "Nothing listens where `grpc_pass` goes; `error_page 502` answers with grpc-status 14.",
        references: &[GRPC],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let server = "server { listen 80 http2; location / { grpc_pass grpc://127.0.0.1:8081; error_page 502 = @unavailable; } \
                          location @unavailable { internal; default_type application/grpc; add_header grpc-status 14; \
                          add_header grpc-message unavailable; return 204; } }";
            nginx::http(lab, 80, server)?;
            let script = "const s = open(); await ask(s, { ...GRPC, ':path': '/shop.Cart/Get' }, Buffer.alloc(12)); s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/grpc-error/node-not-found",
        title: "Node.js, NOT_FOUND in the trailers",
        fault: "The service answers one call with grpc-status 0 and one with 5, each in trailers.",
        references: &[GRPC],
        peer: Peer::LoadBalancer,
        play: |lab| {
            served(
                lab,
                "stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true }); \
                 const bad = headers[':path'].endsWith('Remove'); \
                 stream.on('wantTrailers', () => stream.sendTrailers(bad ? { 'grpc-status': '5', 'grpc-message': 'no such cart' } \
                 : { 'grpc-status': '0' })); stream.end(bad ? '' : Buffer.alloc(9));",
            )?;
            let script = "const s = open(); for (const m of ['Get', 'Remove']) await ask(s, { ...GRPC, ':path': '/shop.Cart/' + m }, Buffer.alloc(12)); \
                          s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/nginx-http2-upstream-refuses",
        title: "nginx, HTTP/2 to the edge, nothing listens behind it",
        fault: "Nothing listens on 127.0.0.1:8081, where nginx passes everything on to; nginx answers 502, over HTTP/2.",
        references: &["RFC 9110 section 15.6.3"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80 http2; location / { proxy_pass http://127.0.0.1:8081; } }")?;
            let said = edge::clear(
                lab,
                80,
                "const s = open(); console.log(await ask(s, { ':path': '/checkout' })); s.close(); await closed(s);",
            )?;
            ensure!(said.contains("status: 502"), "nginx answers something else: {said}");
            Ok(())
        },
        ..Scenario::BLANK
    },
];
