//! `tls.*` and `http.*`: a PROXY protocol header that one side sends, or waits for, and the other does not.

use crate::certs::Leaf;
use crate::edge::header::{self, V1, V1_IPV6, V2};
use crate::edge::http::Http;
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, caddy, gnutls, gunicorn, haproxy, nginx, node, openssl};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;

const HEADER: &str = "The PROXY protocol (HAProxy project) section 2";
const RECORD: &str = "RFC 8446 section 5.1";
const REQUEST: &str = "RFC 9112 section 3";
/// What HAProxy as a load balancer sends, and how.
const SEND_V2: &str = "send-proxy-v2 proxy-v2-options crc32c";
/// Long enough that the header is answered before the next bytes come.
const PAUSE: Duration = Duration::from_millis(300);

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/unexpected-proxy-header/nginx-behind-haproxy",
        title: "nginx without `proxy_protocol`",
        fault: "The load balancer sends a PROXY header (version 2), and `listen 443 ssl` expects none: nginx takes it \
                for a request in clear text and answers with a 400.",
        references: &[HEADER, RECORD],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            header::haproxy(lab, 443, SEND_V2)?;
            S2n::DEFAULT.must_fail(lab, 443)?;
            header::note_haproxy(lab, SEND_V2, "s2n-tls, as CloudFront")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unexpected-proxy-header/nginx-header-alone",
        title: "nginx answers before the ClientHello comes",
        fault: "A header of version 1 comes 0.3 s before the ClientHello, and `listen 443 ssl` expects none.",
        references: &[HEADER, RECORD],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            let edge = S2n { header: V1, before_hello: PAUSE, ..S2n::DEFAULT };
            edge.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unexpected-proxy-header/haproxy-one-of-two",
        title: "HAProxy without `accept-proxy`, two senders",
        fault: "Two load balancers connect to `bind :443 ssl`: one sends no header and is served, the other sends one \
                (version 2) and is hung up on.",
        references: &[HEADER, RECORD],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :443 ssl crt {}", files.bundle.display());
            haproxy::start(
                lab,
                443,
                &format!("frontend f\n    mode http\n    {bind}\n    http-request return status 200\n"),
            )?;
            let mut http = Http::tls(lab)?;
            http.get("/", 200)?;
            http.end(Ending::CloseNotify)?;
            S2n { header: V2, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unexpected-proxy-header/apache",
        title: "Apache without `RemoteIPProxyProtocol`",
        fault: "A header of version 2 comes before the ClientHello, and nobody expects it: mod_ssl hangs up.",
        references: &[HEADER, RECORD],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            apache::https(lab, &files, "")?;
            S2n { header: V2, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unexpected-proxy-header/gnutls-ipv6",
        title: "GnuTLS, IPv6",
        fault: "A header of version 1 comes before the ClientHello, and nobody expects it.",
        references: &[HEADER, RECORD],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            gnutls::start(lab, &files, "NORMAL", &[])?;
            S2n { header: V1_IPV6, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/unexpected-proxy-header/openssl",
        title: "OpenSSL",
        fault: "A header of version 2 comes before the ClientHello, and nobody expects it.",
        references: &[HEADER, RECORD],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            openssl::start(lab, &files, &[])?;
            S2n { header: V2, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/proxy-header-expected/node-says-so",
        title: "Node.js, a TCP proxy that says what it wants",
        fault: "The proxy reads the PROXY header itself, passes on what follows, and answers a ClientHello without one \
                by a 400 that says so. No common server says it.",
        references: &[HEADER],
        play: |lab| {
            node::start(
                lab,
                443,
                &proxy_that_says_so(
                    "HTTP/1.1 400 Bad Request\\r\\nConnection: close\\r\\n\\r\\nPROXY protocol header expected\\n",
                    "0.0.0.0",
                ),
            )?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/proxy-header-expected/node-reason-ipv6",
        title: "Node.js, the same in the reason phrase, IPv6",
        fault: "The proxy answers a ClientHello without a PROXY header by a 400 whose reason says so. No common server says it.",
        references: &[HEADER],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::start(
                lab,
                443,
                &proxy_that_says_so(
                    "HTTP/1.1 400 PROXY protocol required\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n",
                    "::",
                ),
            )?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/closed-after-client-hello/apache-proxy-protocol",
        title: "Apache expects a PROXY header",
        fault: "`RemoteIPProxyProtocol On`: a load balancer that sends the header is served, one that sends none is hung \
                up on.",
        also: &["tls.proxy-header-expected"],
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            apache::https(
                lab,
                &files,
                "RemoteIPProxyProtocol On\nErrorDocument 404 \"none\\n\"\n<Location />\nRequire all granted\n</Location>",
            )?;
            let mut http = Http::tls_by(lab, &S2n { header: V2, ..S2n::DEFAULT })?;
            http.get("/", 404)?;
            http.end(Ending::CloseNotify)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/nginx-behind-haproxy",
        title: "nginx without `proxy_protocol`",
        fault: "The load balancer sends a PROXY header (version 2), and `listen 80` expects none.",
        references: &[HEADER, REQUEST],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; return 200 \"hello\\n\"; }")?;
            header::haproxy(lab, 80, SEND_V2)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 400)?;
            http.end(Ending::Fin)?;
            header::note_haproxy(lab, SEND_V2, "requests as CloudFront sends them")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/node-header-alone",
        title: "Node.js answers before the request comes",
        fault: "A header of version 2 comes 0.3 s before the request, and Node.js expects none.",
        references: &[HEADER, REQUEST],
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::http(lab, 80, "(request, answer) => answer.end('hello\\n')")?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V2)?;
            std::thread::sleep(PAUSE);
            // The origin may have reset by then.
            let _ = http.send(&Request::get("/"));
            http.expect(400)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/node-ipv6",
        title: "Node.js, version 1, IPv6",
        fault: "A header of version 1 comes before the request, and Node.js expects none.",
        references: &[HEADER, REQUEST],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::http(lab, 80, "(request, answer) => answer.end('hello\\n')")?;
            refuses(lab, V1_IPV6)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/apache",
        title: "Apache without `RemoteIPProxyProtocol`",
        fault: "A header of version 1 comes before the request, and nobody expects it.",
        references: &[HEADER, REQUEST],
        peer: Peer::LoadBalancer,
        play: |lab| {
            apache::start(lab, 80, "")?;
            refuses(lab, V1)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/gunicorn",
        title: "gunicorn without `--proxy-protocol`",
        fault: "A header of version 1 comes before the request, and nobody expects it.",
        references: &[HEADER, REQUEST],
        peer: Peer::LoadBalancer,
        play: |lab| {
            gunicorn::http(lab, &["--workers", "1"], super::healthy::HELLO)?;
            refuses(lab, V1)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/unexpected-proxy-header/caddy",
        title: "Caddy",
        fault: "A header of version 1 comes before the request, and nobody expects it.",
        references: &[HEADER, REQUEST],
        peer: Peer::LoadBalancer,
        play: |lab| {
            caddy::start(lab, 80, "http://:80 {\n    respond hello\n}")?;
            refuses(lab, V1)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/proxy-header-expected/haproxy-says-so",
        title: "HAProxy serves the load balancer alone",
        fault: "`http-request return status 400 … unless { fc_rcvd_proxy }`: who comes without a PROXY header is told so.",
        references: &[HEADER],
        play: |lab| {
            haproxy::start(
                lab,
                80,
                "frontend f\n    mode http\n    bind :80\n    \
                 tcp-request connection expect-proxy layer4 if { src 192.0.2.0/24 }\n    \
                 http-request return status 400 content-type text/plain string \"PROXY protocol header expected\" \
                 unless { fc_rcvd_proxy }\n    http-request return status 200\n",
            )?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 400)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/proxy-header-expected/node-says-so-ipv6",
        title: "Node.js, a TCP proxy that says what it wants, IPv6",
        fault: "The proxy reads the PROXY header itself and answers a request without one by a 400 that says so.",
        references: &[HEADER],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            node::start(
                lab,
                80,
                &proxy_that_says_so(
                    "HTTP/1.1 400 PROXY protocol required\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n",
                    "::",
                )
                .replace("443", "80"),
            )?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 400)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/closed-before-response/nginx-proxy-protocol",
        title: "nginx expects a PROXY header",
        fault: "`listen 80 proxy_protocol`: a load balancer that sends the header is served, one that sends none is hung \
                up on.",
        also: &["http.proxy-header-expected"],
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80 proxy_protocol; return 200 \"hello\\n\"; }")?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V1)?;
            http.get("/", 200)?;
            http.end(Ending::Fin)?;
            hangs_up(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "http/reset-before-response/haproxy-accept-proxy",
        title: "HAProxy expects a PROXY header",
        fault: "`bind :80 accept-proxy`: the request is no such header.",
        also: &["http.proxy-header-expected"],
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let frontend = "frontend f\n    mode http\n    bind :80 accept-proxy\n    http-request return status 200\n";
            haproxy::start(lab, 80, frontend)?;
            hangs_up(lab)
        },
        ..Scenario::BLANK
    },
];

/// A header and a request in one segment each, and a 400.
fn refuses(lab: &mut Lab, header: &[u8]) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send_bytes(header)?;
    // The origin may have reset by then.
    let _ = http.send(&Request::get("/"));
    let head = http.answer()?.context("no answer")?.head;
    ensure!(head.contains(" 400 "), "{head}");
    http.end(Ending::Fin)
}

/// A request without a header, and no answer.
fn hangs_up(lab: &mut Lab) -> Result<()> {
    let mut http = Http::plain(lab, 80)?;
    http.send(&Request::get("/"))?;
    http.expect_none()?;
    http.end(Ending::Drop)
}

/// A proxy that wants a header of version 1 and says so.
fn proxy_that_says_so(answer: &str, address: &str) -> String {
    format!(
        "net.createServer(edge => edge.once('data', first => {{\n\
         const line = /^PROXY TCP[46] .*\\r\\n/.exec(first.toString('latin1'));\n\
         if (!line) return edge.end('{answer}');\n\
         const upstream = net.connect(8443, '127.0.0.1', () => upstream.write(first.subarray(line[0].length)));\n\
         edge.pipe(upstream).pipe(edge); }})).listen(443, '{address}');"
    )
}
