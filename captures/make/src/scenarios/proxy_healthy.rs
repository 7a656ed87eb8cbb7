//! What is in order, and has to stay without a verdict: connections that begin with a PROXY protocol header.

use crate::certs::Leaf;
use crate::edge::Ending;
use crate::edge::header::{self, V1, V1_IPV6, V2};
use crate::edge::http::Http;
use crate::edge::s2n::S2n;
use crate::pcap::{self, RST};
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, gunicorn, haproxy, nginx};
use std::time::Duration;

const HEADER: &str = "The PROXY protocol (HAProxy project) section 2";
/// What HAProxy as a load balancer sends, and how.
const SEND_V2: &str = "send-proxy-v2 proxy-v2-options crc32c";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/proxy-v1-keep-alive",
        title: "a PROXY header of version 1, and three exchanges",
        fault: "None. `listen 80 proxy_protocol`; the header comes once, before the first request.",
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80 proxy_protocol; return 200 \"hello\\n\"; }")?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V1)?;
            for target in ["/", "/?page=2", "/?page=3"] {
                http.get(target, 200)?;
            }
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v2-tls-behind-haproxy",
        title: "HAProxy puts a header of version 2 before TLS",
        fault: "None. `listen 443 ssl proxy_protocol`; the header has a checksum.",
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!(
                "server {{ listen 443 ssl proxy_protocol; {}\nreturn 200 \"hello\\n\"; }}",
                nginx::certificate(&files)
            );
            nginx::http(lab, 443, &server)?;
            header::haproxy(lab, 443, SEND_V2)?;
            let mut http = Http::tls(lab)?;
            http.get("/", 200)?;
            http.end(Ending::CloseNotify)?;
            header::note_haproxy(lab, SEND_V2, "s2n-tls, as CloudFront")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v2-tls-haproxy-ipv6",
        title: "a header of version 2 with the fields of a Network Load Balancer, IPv6",
        fault: "None. `bind :443 accept-proxy ssl`.",
        references: &[HEADER],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :::443 accept-proxy ssl crt {}", files.bundle.display());
            let frontend = format!("frontend f\n    mode http\n    {bind}\n    http-request return status 200\n");
            haproxy::start(lab, 443, &frontend)?;
            let mut http = Http::tls_by(lab, &S2n { header: V2, ..S2n::DEFAULT })?;
            http.get("/", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v1-apache-ipv6",
        title: "Apache takes a header of version 1, IPv6",
        fault: "None. `RemoteIPProxyProtocol On`; the header comes a moment before the request.",
        references: &[HEADER],
        family: Family::V6,
        peer: Peer::LoadBalancer,
        play: |lab| {
            apache::start(lab, 80, "RemoteIPProxyProtocol On\nErrorDocument 404 \"none\\n\"")?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V1_IPV6)?;
            std::thread::sleep(Duration::from_millis(100));
            http.get("/", 404)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v1-gunicorn-refuses",
        title: "a 400 of the program behind a header that was read",
        fault: "None. gunicorn with `--proxy-protocol`; the application refuses the request, and says why.",
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let refuses = "def app(environ, start):\n    start('400 Bad Request', [('Content-Type', 'text/plain')])\n    \
                           return [b'the field date is missing\\n']\n";
            gunicorn::http(lab, &["--workers", "1", "--proxy-protocol", "--proxy-allow-from", "*"], refuses)?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V1)?;
            http.get("/", 400)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v2-silent-408",
        title: "408 on a connection with nothing but a header",
        fault: "None. The load balancer connects ahead of time and sends its header; HAProxy, `bind :80 accept-proxy`, \
                says 408 after `timeout http-request` and closes.",
        also: &["http.unsolicited-response"],
        references: &[HEADER, "RFC 9110 section 15.5.9"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let sections = "frontend f\n    mode http\n    timeout http-request 1s\n    bind :::80 v4v6 accept-proxy";
            haproxy::start(lab, 80, sections)?;
            let mut http = Http::plain(lab, 80)?;
            http.send_bytes(V2)?;
            http.expect(408)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/proxy-v2-local-check",
        title: "the load balancer checks, and says so in the header",
        fault: "None. HAProxy's health check of a TCP port: a header with the command LOCAL, nothing after it, and RST.",
        references: &[HEADER],
        peer: Peer::LoadBalancer,
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80 proxy_protocol; return 200 \"hello\\n\"; }")?;
            let options = "send-proxy-v2 check check-send-proxy inter 60s";
            header::haproxy(lab, 80, options)?;
            let reset = |packets: &[pcap::Packet]| {
                packets.iter().filter_map(pcap::Packet::segment).any(|segment| segment.flags & RST != 0)
            };
            lab.wait_captured(Duration::from_secs(10), reset)?;
            header::note_haproxy(lab, options, "none")
        },
        ..Scenario::BLANK
    },
];
