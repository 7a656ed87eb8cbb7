//! `app.*`: a valid response that is itself the error.

use crate::certs::Leaf;
use crate::edge::http::{Http, Line};
use crate::edge::{Ending, Request};
use crate::scenario::{ANY, Family, Peer, Scenario};
use crate::servers::{apache, caddy, haproxy, nginx, node, php};
use anyhow::Result;

/// Where RFC 9110 defines the three statuses.
const BAD_GATEWAY: &str = "RFC 9110 section 15.6.3";
const UNAVAILABLE: &str = "RFC 9110 section 15.6.4";
const GATEWAY_TIMEOUT: &str = "RFC 9110 section 15.6.5";
const MISDIRECTED: &str = "RFC 9110 section 15.5.20";
const FORBIDDEN: &str = "RFC 9110 section 15.5.4";
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
        path: "app/origin-502/nginx-php-bad-header",
        title: "nginx, PHP sends a malformed header",
        fault: "`header('Cache Control: none')`: white space in the name; nginx refuses what php-cgi passes on, and answers 502.",
        references: &[BAD_GATEWAY, "RFC 9110 section 5.1"],
        play: |lab| {
            let pass = php::fast_cgi(lab, 9000, "header('Cache Control: none'); echo 'hello';")?;
            nginx::http(lab, 80, &format!("server {{ listen 80; {pass} }}"))?;
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
        path: "app/origin-500/apache-cgi-bad-header",
        title: "Apache, a CGI script without a header",
        fault: "The script writes a line without a colon where a header is due: \"malformed header from script\", and 500.",
        references: &["RFC 9110 section 15.6.1", "RFC 3875 section 6.3"],
        play: |lab| {
            apache::prefork_cgi(lab, "echo hello")?;
            passed_on(Http::plain(lab, 80)?, 500)
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
    Scenario {
        path: "app/misdirected-request/nginx-default-server",
        title: "nginx, a catch-all server",
        fault: "The default server answers 421 to every name that has no server of its own.",
        references: &[MISDIRECTED],
        play: |lab| {
            let servers = "server { listen 80 default_server; return 421; }\n\
                           server { listen 80; server_name www.example.com; return 200; }";
            nginx::http(lab, 80, servers)?;
            passed_on(Http::plain(lab, 80)?, 421)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/misdirected-request/apache-without-sni",
        title: "Apache behind nginx, which sends no SNI",
        fault: "nginx passes the Host on to Apache inside of TLS, without `proxy_ssl_server_name on`: Apache's first \
                virtual host, chosen without a name, has another TLS setup than the one that Host names. Apache answers \
                421, and nginx passes it on in clear.",
        references: &[MISDIRECTED],
        tcpdump: ANY,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let tls = format!(
                "SSLEngine on\nSSLCertificateFile {}\nSSLCertificateKeyFile {}",
                files.chain.display(),
                files.key.display()
            );
            let hosts = format!(
                "<VirtualHost *:8443>\nServerName first.example.com\n{tls}\n</VirtualHost>\n\
                 <VirtualHost *:8443>\nServerName origin.example.com\n{tls}\nSSLVerifyClient require\n\
                 SSLCACertificateFile {}\n</VirtualHost>",
                files.chain.display()
            );
            apache::start(lab, 8443, &hosts)?;
            let proxy = "location / { proxy_pass https://127.0.0.1:8443; proxy_set_header Host $host; }";
            nginx::http(lab, 80, &format!("server {{ listen 80; {proxy} }}"))?;
            passed_on(Http::plain(lab, 80)?, 421)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/misdirected-request/caddy-load-balancer",
        title: "Caddy, a catch-all site; the peer is a load balancer",
        fault: "A site without a name answers 421 to every name that has no site of its own.",
        references: &[MISDIRECTED],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let sites =
                "http://www.example.com {\n    respond \"hello\"\n}\nhttp:// {\n    respond \"no such site\" 421\n}";
            caddy::start(lab, 80, sites)?;
            passed_on(Http::plain(lab, 80)?, 421)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/forbidden/nginx-allow",
        title: "nginx, an allowlist of addresses",
        fault: "`allow 192.0.2.0/24; deny all;`: CloudFront's address is not on the list.",
        references: &[FORBIDDEN],
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; allow 192.0.2.0/24; deny all; root /; }")?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 403)?;
            passed_on(http, 403)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/forbidden/apache-require-ip-ipv6",
        title: "Apache, an allowlist of addresses, IPv6",
        fault: "`Require ip 192.0.2.0/24`: CloudFront's address is not on the list.",
        references: &[FORBIDDEN],
        family: Family::V6,
        play: |lab| {
            apache::start(
                lab,
                80,
                "LoadModule authz_host_module /usr/lib/apache2/modules/mod_authz_host.so\n\
                                    <Location />\nRequire ip 192.0.2.0/24\n</Location>",
            )?;
            passed_on(Http::plain(lab, 80)?, 403)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "app/forbidden/haproxy-secret-header-load-balancer",
        title: "HAProxy wants a secret header; the peer is a load balancer",
        fault: "HAProxy denies what does not carry the header that the distribution was to add, and it does not add it.",
        references: &[FORBIDDEN],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let deny = "    http-request deny unless { req.hdr(x-origin-secret) -m str hush }\n    default_backend b";
            haproxy::start(lab, 80, &HAPROXY.replacen("    default_backend b", deny, 1))?;
            passed_on(Http::plain(lab, 80)?, 403)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/forbidden-by-application",
        title: "a program says that this viewer may not",
        fault: "None. The program answers 403 with a page of its own: its answer to this viewer.",
        references: &[FORBIDDEN],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(403, { 'Content-Type': 'application/json' });\n\
                           answer.end('{\"error\": \"forbidden\"}'); }";
            node::http(lab, 80, handler)?;
            passed_on(Http::plain(lab, 80)?, 403)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/forbidden-path",
        title: "one path is forbidden, others are served",
        fault: "None. `location /.git { deny all; }`: nginx forbids what is nobody's business, and serves the rest.",
        references: &[FORBIDDEN],
        play: |lab| {
            let servers = "server { listen 80; location / { return 200 \"hello\\n\"; } location /.git { deny all; } }";
            nginx::http(lab, 80, servers)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            http.get("/.git/config", 403)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
];

/// The edge asks, gets this status with a whole response, and closes.
pub(super) fn passed_on<L: Line>(mut http: Http<L>, status: u16) -> Result<()> {
    http.send(&Request::get("/checkout"))?;
    http.expect(status)?;
    http.end(Ending::Fin)
}
