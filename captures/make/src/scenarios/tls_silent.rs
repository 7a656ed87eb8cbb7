//! `tls.*`: the origin takes the ClientHello and ends, or never answers.

use crate::certs::Leaf;
use crate::edge::Ending;
use crate::edge::s2n::{S2n, TLS12_UP_PQ};
use crate::lab::{Lab, Signal};
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{self, haproxy, nginx, node};
use anyhow::Result;
use std::time::Duration;

const RESET: &str = "RFC 9293 section 3.5.2";
const CLOSE: &str = "RFC 8446 section 6.1";
const HELLO: &str = "RFC 8446 section 4.1.2";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/reset-after-client-hello/nginx-proxy-protocol",
        title: "nginx expects a PROXY header",
        fault: "`listen 443 ssl proxy_protocol`: the ClientHello is no such header, and nginx closes with it unread.",
        also: &["tls.proxy-header-expected"],
        references: &[RESET],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!("server {{ listen 443 ssl proxy_protocol; {} }}", nginx::certificate(&files));
            nginx::http(lab, 443, &server)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/reset-after-client-hello/haproxy-accept-proxy",
        title: "HAProxy expects a PROXY header",
        fault: "`bind :443 accept-proxy ssl`: the ClientHello is no such header.",
        also: &["tls.proxy-header-expected"],
        references: &[RESET],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :443 accept-proxy ssl crt {}", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/reset-after-client-hello/openssl-killed",
        title: "the server is killed before it reads",
        fault: "The process is stopped, and killed (SIGKILL, as by the kernel when memory runs out) while the \
                ClientHello waits to be read.",
        references: &[RESET],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let id = servers::openssl::start(lab, &files, &[])?;
            lab.stop_process(id)?;
            let killer = lab.signal_later(id, vec![(Duration::from_millis(400), Signal::KILL)]);
            S2n::DEFAULT.must_fail(lab, 443)?;
            killer.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/closed-after-client-hello/haproxy-sni-router-ipv6-pq",
        title: "HAProxy, TCP mode, no backend for the name, IPv6",
        fault: "`tcp-request content reject` for a name that no backend serves; post-quantum ClientHello.",
        references: &[CLOSE, "RFC 6066 section 3"],
        family: Family::V6,
        play: |lab| {
            let sections = "frontend f\n    mode tcp\n    bind :::443\n    tcp-request inspect-delay 5s\n    \
                            tcp-request content accept if { req.ssl_sni -i www.example.org }\n    \
                            tcp-request content reject if { req.ssl_hello_type 1 }\n";
            haproxy::start(lab, 443, sections)?;
            S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/closed-after-client-hello/nginx-ssl-preread",
        title: "nginx (stream), no upstream for the name",
        fault: "`ssl_preread on` and a map that has no upstream for the name: nginx closes.",
        references: &[CLOSE, "RFC 6066 section 3"],
        play: |lab| {
            let servers = "map $ssl_preread_server_name $to { www.example.org 127.0.0.1:8443; default ''; }\n\
                           server { listen 443; ssl_preread on; proxy_pass $to; }";
            nginx::stream(lab, 443, servers)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/closed-after-client-hello/node-tls-proxy",
        title: "Node.js, a TCP proxy with nothing behind it",
        fault: "The proxy connects to its upstream when the first bytes arrive, is refused, and ends the connection.",
        references: &[CLOSE],
        play: |lab| {
            let proxy = "net.createServer(edge => edge.once('data', hello => {\n\
                         const upstream = net.connect(8443, '127.0.0.1', () => upstream.end(hello));\n\
                         upstream.on('error', () => edge.end()); })).listen(443, '0.0.0.0');";
            node::start(lab, 443, proxy)?;
            S2n::DEFAULT.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-server-hello/haproxy-stopped",
        title: "HAProxy is stopped, and comes back too late",
        fault: "The process is stopped (SIGSTOP): the kernel completes the TCP handshake and acknowledges the \
                ClientHello. The edge gives up after 10 s; then the process goes on.",
        references: &[HELLO],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let bind = format!("bind :443 ssl crt {}", files.bundle.display());
            let id = haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            lab.stop_process(id)?;
            gives_up(lab, Ending::Drop)?;
            lab.continue_process(id)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-server-hello/node-busy-ipv6-pq",
        title: "Node.js does not come back from a computation, IPv6",
        fault: "The event loop is busy: nobody reads the post-quantum ClientHello. The edge gives up after 5 s.",
        references: &[HELLO],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let (cert, key) = (files.chain.display(), files.key.display());
            let options = format!("{{cert: fs.readFileSync('{cert}'), key: fs.readFileSync('{key}')}}");
            let busy = "on('connection', () => { for (;;); }).listen(443, '::');";
            node::start(lab, 443, &format!("https.createServer({options}).{busy}"))?;
            let edge = S2n { policy: TLS12_UP_PQ, patience: Duration::from_secs(5), ..S2n::DEFAULT };
            edge.must_fail(lab, 443)?;
            std::thread::sleep(Duration::from_secs(1));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/no-server-hello/openssl-stopped",
        title: "the server is stopped, the edge resets",
        fault: "The process is stopped (SIGSTOP). The edge gives up after 10 s, by RST.",
        references: &[HELLO],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let id = servers::openssl::start(lab, &files, &[])?;
            lab.stop_process(id)?;
            gives_up(lab, Ending::Reset)
        },
        ..Scenario::BLANK
    },
];

fn gives_up(lab: &mut Lab, on_failure: Ending) -> Result<()> {
    S2n { patience: Duration::from_secs(10), on_failure, ..S2n::DEFAULT }.must_fail(lab, 443)
}
