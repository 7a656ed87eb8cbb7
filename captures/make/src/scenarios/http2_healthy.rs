//! What is in order in HTTP/2.

use crate::certs::Leaf;
use crate::edge::node as edge;
use crate::scenario::{Peer, Scenario};
use crate::servers::{caddy, haproxy, nginx, node};

const HTTP2: &str = "RFC 9113";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/http2-nginx-streams",
        title: "nginx, several streams at once, and a GOAWAY at the end",
        fault: "None. `keepalive_requests 4`: after the fourth request nginx says GOAWAY.",
        references: &[HTTP2],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let server = "server { listen 80 http2; keepalive_requests 4; location / { return 200 \"hello\\n\"; } \
                          location /none { return 404; } }";
            nginx::http(lab, 80, server)?;
            let script = "const s = open(); await Promise.all(['/a', '/b', '/none'].map(path => ask(s, { ':path': path }))); \
                          await ask(s, { ':path': '/last' }); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/http2-grpc-node",
        title: "Node.js, two calls of gRPC, and a PING",
        fault: "None. Both calls end with grpc-status 0 in their trailers.",
        references: &[HTTP2],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let server = "const server = http2.createServer(); server.on('stream', stream => { stream.resume(); \
                          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true }); \
                          stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' })); \
                          stream.end(Buffer.alloc(9)); }); server.listen(80);";
            node::start(lab, 80, server)?;
            let script = "const s = open(); for (const m of ['Get', 'Add']) { await ask(s, { ...GRPC, ':path': '/shop.Cart/' + m }, Buffer.alloc(12)); \
                          await new Promise(done => s.ping(done)); } s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/http2-nginx-tls-keys",
        title: "nginx inside TLS, a download of several windows, with keys",
        fault: "None. The body is larger than the first window, so that WINDOW_UPDATE is needed.",
        references: &[HTTP2],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            lab.write("big", vec![b'x'; 150_000])?;
            let root = lab.directory().display().to_string();
            let server = format!(
                "server {{ listen 443 ssl http2; {} root {root}; location / {{ return 200 \"hello\\n\"; }} location /big {{ }} }}",
                nginx::certificate(&files)
            );
            nginx::http(lab, 443, &server)?;
            let script = "const s = open({ settings: { initialWindowSize: 65535 } }); await ask(s, { ':path': '/' }); \
                          await ask(s, { ':path': '/big' }); s.close(); await closed(s);";
            edge::secure(lab, 443, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/http2-haproxy-upload",
        title: "HAProxy, an upload, HEAD, 204 and 304",
        fault: "None. HAProxy (`proto h2`) in front of a Node.js that speaks HTTP/1.1.",
        references: &[HTTP2],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let upstream = "http.createServer((q, r) => { q.resume(); q.on('end', () => { r.statusCode = +q.url.slice(1) || 200; \
                            r.setHeader('content-length', r.statusCode === 200 ? 6 : 0); r.end(r.statusCode === 200 ? 'hello\\n' : ''); }); }).listen(8081);";
            node::start(lab, 8081, upstream)?;
            let sections = "frontend f\n    mode http\n    bind :80 proto h2\n    default_backend b\nbackend b\n    mode http\n    \
                            server s 127.0.0.1:8081";
            haproxy::start(lab, 80, sections)?;
            let script = "const s = open(); await ask(s, { ':method': 'POST', ':path': '/200' }, Buffer.alloc(80000, 'x')); \
                          await ask(s, { ':method': 'HEAD', ':path': '/200' }); for (const c of [204, 304]) await ask(s, { ':path': '/' + c }); \
                          s.close(); await closed(s);";
            edge::clear(lab, 80, script).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/http2-caddy-tls-keys",
        title: "Caddy inside TLS, with keys",
        fault: "None.",
        references: &[HTTP2],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let (chain, key) = (files.chain.display(), files.key.display());
            let sites = format!("https://origin.example.com {{\n    tls {chain} {key}\n    respond \"hello\"\n}}");
            caddy::start(lab, 443, &sites)?;
            let script = "const s = open(); for (const path of ['/a', '/b']) await ask(s, { ':path': path, ':authority': 'origin.example.com' }); \
                          s.close(); await closed(s);";
            edge::secure(lab, 443, script).map(drop)
        },
        ..Scenario::BLANK
    },
];
