//! A proxy on the origin, its upstream, and a capture that has both connections: `tcpdump -i any`.

use crate::edge::http::Http;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::pcap::{FIN, Packet};
use crate::scenario::{ANY, Peer, Scenario};
use crate::servers::{apache, caddy, gunicorn, haproxy, nginx, node};
use anyhow::Result;
use std::time::Duration;

const BAD_GATEWAY: &str = "RFC 9110 section 15.6.3";
const UNAVAILABLE: &str = "RFC 9110 section 15.6.4";
const GATEWAY_TIMEOUT: &str = "RFC 9110 section 15.6.5";

/// Upstreams of the proxy: on the same host, and on another one.
const LOOPBACK: &str = "127.0.0.1:8080";
const BEHIND: &str = "198.18.1.1:8080";

/// A WSGI application that says hello.
const HELLO: &str = "def app(environ, start_response):\n    start_response('200 OK', [('Content-Length', '6')])\n    \
                     return [b'hello\\n']\n";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "app/origin-502/nginx-loopback-refuses",
        title: "nginx, nothing listens behind it, both connections captured",
        fault: "Nothing listens on 127.0.0.1:8080, where nginx passes everything on to; nginx answers 502.",
        also: &["tcp.port-closed"],
        references: &[BAD_GATEWAY],
        tcpdump: ANY,
        play: |lab| {
            nginx::http(lab, 80, &nginx(LOOPBACK, ""))?;
            relayed(lab, &Request::get("/checkout"), 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/nginx-behind-worker-killed",
        title: "nginx, the worker behind it is killed, both connections captured",
        fault: "The gunicorn worker on another host is killed while it handles the request, with half of the request \
                unread: its kernel resets the connection, and nginx answers 502.",
        also: &["http.reset-before-response", "http.request-not-read"],
        references: &[BAD_GATEWAY],
        tcpdump: ANY,
        play: |lab| {
            let killed = "import os, signal, time\n\ndef app(environ, start_response):\n    time.sleep(0.2)\n    \
                          os.kill(os.getpid(), signal.SIGKILL)\n";
            lab.behind(|lab| gunicorn::on(lab, 8080, &["--workers", "1"], killed))?;
            nginx::http(lab, 80, &nginx(BEHIND, ""))?;
            relayed(lab, &Request::new("POST", "/upload").body(&[b'x'; 30_000]), 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/nginx-behind-keep-alive-race",
        title: "nginx, its upstream's keep-alive is shorter, both connections captured",
        fault: "`keepAliveTimeout` of the Node.js behind nginx is 1 s; a POST is on its way on the pooled connection \
                when it closes (a filter in front of nginx drops the end of the connection, as if it had not arrived yet).",
        also: &["http.keep-alive-race"],
        references: &[BAD_GATEWAY, "RFC 9112 section 9.3.1"],
        tcpdump: ANY,
        play: |lab| {
            let script = "const server = http.createServer((request, answer) => answer.end('hello\\n'));\n\
                          server.keepAliveTimeout = 1000; server.listen(8080);";
            lab.behind(|lab| node::start(lab, 8080, script))?;
            let pool = "upstream app { server 198.18.1.1:8080; keepalive 4; }";
            let further = "proxy_http_version 1.1; proxy_set_header Connection '';";
            nginx::http(lab, 80, &format!("{pool}\n{}", nginx("app", further)))?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/cart", 200)?;
            hold_back_end(lab)?;
            lab.wait_captured(Duration::from_secs(10), |packets| {
                packets.iter().filter_map(Packet::segment).any(|segment| segment.flags & FIN != 0)
            })?;
            http.send(&Request::new("POST", "/orders").body(b"{\"article\": 7}"))?;
            http.expect(502)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/haproxy-loopback-closes",
        title: "HAProxy, its server closes without an answer, both connections captured",
        fault: "The server on 127.0.0.1:8080 destroys the connection when it has the request; HAProxy answers 502.",
        also: &["http.closed-before-response"],
        references: &[BAD_GATEWAY],
        tcpdump: ANY,
        play: |lab| {
            node::http(lab, 8080, "request => request.socket.destroy()")?;
            haproxy::start(lab, 80, &haproxy(LOOPBACK, ""))?;
            relayed(lab, &Request::get("/checkout"), 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/caddy-loopback-resets",
        title: "Caddy, its upstream resets, both connections captured",
        fault: "The server on 127.0.0.1:8080 resets the connection when it has the request; Caddy answers 502.",
        also: &["http.reset-before-response"],
        references: &[BAD_GATEWAY],
        tcpdump: ANY,
        play: |lab| {
            node::http(lab, 8080, "request => request.socket.resetAndDestroy()")?;
            caddy::start(lab, 80, &format!(":80 {{\n    reverse_proxy {LOOPBACK}\n}}"))?;
            relayed(lab, &Request::get("/checkout"), 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-503/apache-behind-refuses-load-balancer",
        title: "Apache behind a load balancer, nothing listens on the host behind it, both connections captured",
        fault: "Nothing listens on the port of the other host; mod_proxy cannot connect, and Apache answers 503. The \
                capture has no address of CloudFront's: its headers come through the load balancer.",
        also: &["tcp.port-closed"],
        references: &[UNAVAILABLE],
        peer: Peer::LoadBalancer,
        tcpdump: ANY,
        play: |lab| {
            apache::start(lab, 80, &format!("ProxyPass / http://{BEHIND}/"))?;
            relayed(lab, &Request::get("/checkout"), 503)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-504/nginx-behind-too-slow",
        title: "nginx waits in vain for another host, both connections captured",
        fault: "`proxy_read_timeout` is 1 s and the gunicorn on another host takes 3 s; nginx answers 504.",
        also: &["http.response-timeout"],
        references: &[GATEWAY_TIMEOUT],
        tcpdump: ANY,
        play: |lab| {
            let slow = format!("import time\n\n{}", HELLO.replacen("    start", "    time.sleep(3)\n    start", 1));
            lab.behind(|lab| gunicorn::on(lab, 8080, &["--workers", "1"], &slow))?;
            nginx::http(lab, 80, &nginx(BEHIND, "proxy_read_timeout 1s;"))?;
            relayed(lab, &Request::get("/report"), 504)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-504/nginx-behind-dropped-load-balancer",
        title: "nginx behind a load balancer, a filter drops what goes to its upstream, both connections captured",
        fault: "`proxy_connect_timeout` is 2 s and the other host drops every SYN; nginx answers 504. The edge keeps the \
                connection for some seconds.",
        also: &["tcp.syn-unanswered"],
        references: &[GATEWAY_TIMEOUT],
        peer: Peer::LoadBalancer,
        over: crate::scenario::Over::AtOnce,
        tcpdump: ANY,
        play: |lab| {
            let rules = "table inet f { chain input { type filter hook input priority 0; tcp dport 8080 drop; }\n}\n";
            let file = lab.write("rules.nft", rules)?;
            lab.in_edge("nft", &["-f", &file.display().to_string()])?;
            nginx::http(lab, 80, &nginx(BEHIND, "proxy_connect_timeout 2s;"))?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/checkout", 504)?;
            std::thread::sleep(Duration::from_secs(4));
            http.end(Ending::Fin)?;
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxied-on-loopback",
        title: "nginx and the gunicorn behind it, both connections captured",
        fault: "None. nginx passes CloudFront's headers on to 127.0.0.1:8080.",
        references: &["RFC 9110 section 7.6"],
        tcpdump: ANY,
        play: |lab| {
            gunicorn::on(lab, 8080, &["--workers", "1"], HELLO)?;
            nginx::http(lab, 80, &nginx(LOOPBACK, ""))?;
            relayed(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxied-to-another-host",
        title: "HAProxy behind a load balancer, and the gunicorn behind it, both connections captured",
        fault: "None. HAProxy checks another host (`option httpchk`) and passes requests on to it.",
        references: &["RFC 9110 section 7.6"],
        peer: Peer::LoadBalancer,
        tcpdump: ANY,
        play: |lab| {
            lab.behind(|lab| gunicorn::on(lab, 8080, &["--workers", "1"], HELLO))?;
            haproxy::start(lab, 80, &haproxy(BEHIND, " check inter 300s\n    option httpchk"))?;
            relayed(lab, &Request::get("/"), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/no-edge-traffic/health-checks",
        title: "the load balancer's health checks are all there is",
        fault: "None on the connections. The capture has health checks of an Elastic Load Balancer only.",
        references: &["RFC 9110 section 10.1.5"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; location / { return 200 \"ok\\n\"; } }")?;
            stranger(lab, &["-A", "ELB-HealthChecker/2.0"])
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/no-edge-traffic/scanner",
        title: "a stranger's request is all there is",
        fault: "None on the connection. Somebody on the Internet looks for a file that is not there.",
        references: &["RFC 9110 section 10.1.5"],
        peer: Peer::Stranger,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; location / { return 404; } }")?;
            stranger(lab, &["-A", "Mozilla/5.0 zgrab/0.x"])
        },
        ..Scenario::BLANK
    },
];

/// A server of nginx that passes everything on.
fn nginx(upstream: &str, further: &str) -> String {
    format!("server {{ listen 80; location / {{ proxy_pass http://{upstream}; {further} }} }}")
}

/// HAProxy on port 80 with one server behind it.
fn haproxy(upstream: &str, further: &str) -> String {
    format!(
        "frontend f\n    mode http\n    bind :80\n    default_backend b\nbackend b\n    mode http\n    retries 0\n    \
         server s {upstream}{further}"
    )
}

/// The edge asks, gets this status with a whole response, and closes.
fn relayed(lab: &mut Lab, request: &Request, status: u16) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send(request)?;
    http.expect(status)?;
    http.end(Ending::Fin)
}

/// Somebody else than CloudFront asks, with curl.
fn stranger(lab: &mut Lab, options: &[&str]) -> Result<()> {
    lab.note_edge("none: curl");
    let url = format!("http://{}/", lab.origin(80));
    lab.in_edge("curl", &[&["-s", "-o", "/dev/null", &url], options].concat()).map(drop)
}

/// From now on the origin gets no FIN from its upstream.
fn hold_back_end(lab: &Lab) -> Result<()> {
    let rule = "tcp sport 8080 tcp flags & fin != 0 drop";
    let rules = format!("table inet f {{ chain input {{ type filter hook input priority 0; {rule}; }}\n}}\n");
    let file = lab.write("rules.nft", rules)?;
    lab.in_origin("nft", &["-f", &file.display().to_string()]).map(drop)
}
