//! `app.*`: a valid response that is itself the error.

use crate::edge::http::{Http, Line};
use crate::edge::{Ending, Request};
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, haproxy, nginx, node};
use anyhow::Result;

/// Where RFC 9110 defines the three statuses.
const BAD_GATEWAY: &str = "RFC 9110 section 15.6.3";
const UNAVAILABLE: &str = "RFC 9110 section 15.6.4";
const GATEWAY_TIMEOUT: &str = "RFC 9110 section 15.6.5";
/// A server that nginx passes everything on to.
const PROXY: &str = "location / { proxy_pass http://127.0.0.1:8080; }";
/// HAProxy on port 80 with one server behind it.
const HAPROXY: &str = "frontend f\n    mode http\n    bind :::80 v4v6\n    default_backend b\n\
                       backend b\n    mode http\n    retries 0\n    server s 127.0.0.1:8080";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "app/origin-502/nginx-upstream-refuses",
        title: "nginx, nothing listens behind it",
        fault: "The upstream refuses the connection; nginx answers 502.",
        references: &[BAD_GATEWAY],
        play: |lab| {
            nginx::http(lab, 80, &format!("server {{ listen 80; {PROXY} }}"))?;
            passed_on(Http::plain(lab, 80)?, 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/nginx-upstream-head-too-big",
        title: "nginx, the upstream's head is too big for it",
        fault: "The upstream sends a header of 6,000 bytes, `proxy_buffer_size` is 4k; nginx answers 502.",
        references: &[BAD_GATEWAY],
        play: |lab| {
            let handler =
                "(request, answer) => { answer.setHeader('Link', 'x'.repeat(6000)); answer.end('hello\\n'); }";
            node::http(lab, 8080, handler)?;
            nginx::http(lab, 80, &format!("server {{ listen 80; proxy_buffer_size 4k; {PROXY} }}"))?;
            passed_on(Http::plain(lab, 80)?, 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/haproxy-server-closes",
        title: "HAProxy, its server closes without an answer",
        fault: "The server behind HAProxy destroys the connection; HAProxy answers 502.",
        references: &[BAD_GATEWAY],
        play: |lab| {
            node::http(lab, 8080, "request => request.socket.destroy()")?;
            haproxy::start(lab, 80, HAPROXY)?;
            passed_on(Http::plain(lab, 80)?, 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-502/apache-proxy-timeout",
        title: "Apache waits in vain for its backend",
        fault: "`ProxyTimeout` is 1 s and the backend does not answer; Apache makes a 502 of it, not a 504.",
        references: &[BAD_GATEWAY],
        play: |lab| {
            node::http(lab, 8080, "() => {}")?;
            apache::start(lab, 80, "ProxyTimeout 1\nProxyPass / http://127.0.0.1:8080/")?;
            passed_on(Http::plain(lab, 80)?, 502)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-503/haproxy-no-server",
        title: "HAProxy, no server is available",
        fault: "The only server of the backend is down; HAProxy answers 503.",
        references: &[UNAVAILABLE],
        play: |lab| {
            haproxy::start(lab, 80, HAPROXY)?;
            passed_on(Http::plain(lab, 80)?, 503)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-503/nginx-limit-req-ipv6",
        title: "nginx limits the rate, IPv6",
        fault: "`limit_req` allows one request a second: the second on the connection gets 503.",
        references: &[UNAVAILABLE],
        family: Family::V6,
        play: |lab| {
            let servers = "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;\n\
                           server { listen [::]:80; location / { limit_req zone=z; try_files /none =404; } }";
            nginx::http(lab, 80, servers)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 404)?;
            passed_on(http, 503)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-503/apache-proxy-load-balancer",
        title: "Apache, nothing listens behind it; the peer is a load balancer",
        fault: "mod_proxy cannot connect to its backend; Apache answers 503. CloudFront's headers come through the load \
                balancer.",
        references: &[UNAVAILABLE],
        peer: Peer::LoadBalancer,
        play: |lab| {
            apache::start(lab, 80, "ProxyPass / http://127.0.0.1:8080/")?;
            passed_on(Http::plain(lab, 80)?, 503)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-504/nginx-proxy-read-timeout",
        title: "nginx waits in vain for its upstream",
        fault: "`proxy_read_timeout` is 1 s and the upstream does not answer; nginx answers 504.",
        references: &[GATEWAY_TIMEOUT],
        play: |lab| {
            node::http(lab, 8080, "() => {}")?;
            nginx::http(lab, 80, &format!("server {{ listen 80; proxy_read_timeout 1s; {PROXY} }}"))?;
            passed_on(Http::plain(lab, 80)?, 504)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-504/haproxy-timeout-server-ipv6",
        title: "HAProxy waits in vain for its server, IPv6",
        fault: "`timeout server` is 2 s and the server does not answer; HAProxy answers 504.",
        references: &[GATEWAY_TIMEOUT],
        family: Family::V6,
        play: |lab| {
            node::http(lab, 8080, "() => {}")?;
            haproxy::start(lab, 80, &format!("{HAPROXY}\n    timeout server 2s"))?;
            passed_on(Http::plain(lab, 80)?, 504)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/origin-500/node-handler",
        title: "Node.js answers 500",
        fault: "The handler catches its own failure and answers 500.",
        references: &["RFC 9110 section 15.6.1"],
        play: |lab| {
            node::http(lab, 80, "(request, answer) => { answer.statusCode = 500; answer.end('internal error\\n'); }")?;
            passed_on(Http::plain(lab, 80)?, 500)
        },
        ..Scenario::BLANK
    },
];

/// The edge asks, gets this status with a whole response, and closes.
fn passed_on<L: Line>(mut http: Http<L>, status: u16) -> Result<()> {
    http.send(&Request::get("/checkout"))?;
    http.expect(status)?;
    http.end(Ending::Fin)
}
