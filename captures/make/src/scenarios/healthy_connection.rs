//! What is in order, and has to stay without a verdict: TLS, and connections that begin, go on or end in an odd way.

use crate::certs::{Leaf, ORIGIN_NAME};
use crate::edge::http::Http;
use crate::edge::plain::Plain;
use crate::edge::s2n::{S2n, TLS12_ONLY, TLS12_UP_PQ};
use crate::edge::{Ending, Request};
use crate::lab::{Lab, version};
use crate::scenario::{Family, Peer, Scenario};
use crate::servers::{apache, haproxy, nginx, node};
use anyhow::{Result, ensure};
use std::time::Duration;

const TLS12: &str = "RFC 5246 section 7.3";
const TLS13: &str = "RFC 8446 section 2";
const CLOSURE: &str = "RFC 8446 section 6.1";
const RESETTING: &str = "RFC 9293 section 3.5.2";
const LOSS: &str = "RFC 9293 section 3.8";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "healthy/tls12-nginx",
        title: "TLS 1.2, two exchanges",
        fault: "None.",
        references: &[TLS12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            two_in_tls(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls13-haproxy",
        title: "TLS 1.3, two exchanges",
        fault: "None. HAProxy in front of Node.js.",
        references: &[TLS13],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            node::http(lab, 8080, "(request, answer) => answer.end('hello\\n')")?;
            let bind = format!("bind :::443 v4v6 ssl crt {}", files.bundle.display());
            let sections = format!(
                "frontend f\n    mode http\n    {bind}\n    default_backend b\n\
                 backend b\n    mode http\n    server s 127.0.0.1:8080"
            );
            haproxy::start(lab, 443, &sections)?;
            two_in_tls(lab, &S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls13-post-quantum-ipv6",
        title: "TLS 1.3, a post-quantum ClientHello of two segments, IPv6",
        fault: "None. The server name is in the second segment.",
        references: &[TLS13, "RFC 8446 section 4.2.8"],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2 TLSv1.3;")?;
            two_in_tls(lab, &S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT })
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls12-post-quantum-offered",
        title: "TLS 1.2 chosen from a post-quantum ClientHello of two segments",
        fault: "None. The origin speaks TLS 1.2 only.",
        references: &[TLS12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            apache::https(lab, &files, "SSLProtocol TLSv1.2")?;
            let mut http = Http::tls_by(lab, &S2n { policy: TLS12_UP_PQ, ..S2n::DEFAULT })?;
            http.send(&Request::get("/"))?;
            ensure!(http.answer()?.is_some(), "no answer");
            http.end(Ending::CloseNotify)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls13-hello-retry",
        title: "TLS 1.3 with a HelloRetryRequest",
        fault: "None. The origin wants P-384, for which the first ClientHello has no key share.",
        references: &["RFC 8446 section 4.1.4"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3; ssl_ecdh_curve secp384r1;")?;
            two_in_tls(lab, &S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls12-resumption",
        title: "TLS 1.2, the second connection resumes the session of the first",
        fault: "None.",
        references: &[TLS12],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2; ssl_session_cache shared:s:1m;")?;
            curl(lab, &["--tls-max", "1.2", "--header", "Connection: close"], 2)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls13-resumption",
        title: "TLS 1.3, the second connection resumes the session of the first",
        fault: "None. The resumed handshake has no certificate.",
        references: &["RFC 8446 section 2.2"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3; ssl_session_tickets on;")?;
            curl(lab, &["--header", "Connection: close"], 2)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/close-notify-then-rst-edge",
        title: "close_notify, and then a RST from the edge",
        fault: "None. The edge says close_notify and closes its socket; what Node.js says to that is answered by RST.",
        references: &[CLOSURE, RESETTING],
        peer: Peer::LoadBalancer,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            node::https(lab, &files, "(request, answer) => answer.end('hello\\n')")?;
            curl(lab, &[], 1)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/close-notify-then-rst-origin",
        title: "close_notify, and then a RST from the origin",
        fault: "None. `keepalive_timeout 1s`: nginx says close_notify and closes when idle; what the edge says to that \
                is answered by RST.",
        references: &[CLOSURE, RESETTING],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2 TLSv1.3; keepalive_timeout 1s;")?;
            let mut http = Http::tls(lab)?;
            http.get("/", 200)?;
            ensure!(http.receive_all()?.is_empty(), "more came");
            http.end(Ending::CloseNotify)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/edge-resets-when-done",
        title: "the edge resets when it has what it wanted",
        fault: "None. One exchange, then a RST instead of a FIN, as proxies do that want no TIME-WAIT.",
        references: &[RESETTING],
        play: |lab| {
            hello(lab)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            http.end(Ending::Reset)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/connect-and-close",
        title: "a load balancer's check connects and closes",
        fault: "None. Not a byte is sent.",
        references: &["RFC 9293 section 3.6"],
        peer: Peer::LoadBalancer,
        play: |lab| {
            hello(lab)?;
            let edge = Plain::connect(lab, 80)?;
            lab.note_edge("plain TCP socket, a check that sends nothing");
            edge.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/connect-and-reset-ipv6",
        title: "a check connects and resets, IPv6",
        fault: "None. Not a byte is sent; the check ends by RST.",
        references: &[RESETTING],
        peer: Peer::LoadBalancer,
        family: Family::V6,
        play: |lab| {
            hello(lab)?;
            let edge = Plain::connect(lab, 80)?;
            lab.note_edge("plain TCP socket, a check that sends nothing");
            edge.end(Ending::Reset)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/half-open-scan",
        title: "a half-open scan",
        fault: "None. SYN, SYN-ACK, RST: nmap does not finish the handshake.",
        references: &[RESETTING],
        play: |lab| {
            hello(lab)?;
            let said = version("nmap", "--version", "Nmap version")?;
            lab.note_edge(format!("nmap -sS, {}", said.split(" (").next().unwrap_or(&said)));
            let target = lab.origin(80).ip().to_string();
            lab.in_edge("nmap", &["-n", "-Pn", "-sS", "--disable-arp-ping", "-p", "80", &target]).map(drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/silent-connection-408",
        title: "408 on a connection without a request",
        fault: "None. The edge connects ahead of time and sends nothing; HAProxy says 408 after `timeout http-request` \
                and closes.",
        also: &["http.unsolicited-response"],
        references: &["RFC 9110 section 15.5.9"],
        play: |lab| {
            let sections = "frontend f\n    mode http\n    timeout http-request 1s\n    bind :::80 v4v6";
            haproxy::start(lab, 80, sections)?;
            let mut http = Http::plain(lab, 80)?;
            http.expect(408)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/retransmission-to-edge",
        title: "segments lost on the way to the edge, and sent again",
        fault: "None that lasts: every fourth segment with data is lost behind the origin's network card.",
        references: &[LOSS, "RFC 6298 section 5"],
        play: |lab| {
            lab.in_edge("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 16384 16384"])?;
            lose(lab, 4)?;
            hello(lab)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/page", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tcp-keep-alive",
        title: "TCP keep-alive probes between two exchanges",
        fault: "None. Node.js has its kernel probe an idle connection each second; the probes repeat a byte that was \
                acknowledged long ago.",
        references: &["RFC 9293 section 3.8.4"],
        play: |lab| {
            let script = "const server = http.createServer((request, answer) => answer.end('hello\\n'));\n\
                          server.on('connection', socket => socket.setKeepAlive(true, 1000));\n\
                          server.keepAliveTimeout = 30000; server.listen(80);";
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_keepalive_intvl=1"])?;
            node::start(lab, 80, script)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            std::thread::sleep(Duration::from_millis(2500));
            http.get("/?page=2", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/slow-reader",
        title: "the edge reads slowly, its window shuts for a second",
        fault: "None. The edge reads nothing for a second (its viewer is slow) and then the rest.",
        references: &["RFC 9293 section 3.8.6.1"],
        play: |lab| {
            lab.in_edge("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 8192 8192"])?;
            hello(lab)?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/page"))?;
            std::thread::sleep(Duration::from_secs(1));
            http.expect(200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
];

/// nginx with a greeting and a page of 40,000 bytes.
fn hello(lab: &mut Lab) -> Result<()> {
    lab.write("page", "x".repeat(40_000))?;
    let root = lab.directory().display().to_string();
    let server = format!(
        "server {{ listen 80; listen [::]:80; root {root}; location = / {{ return 200 \"hello from the origin\\n\"; }} }}"
    );
    nginx::http(lab, 80, &server).map(drop)
}

/// Two exchanges inside TLS and a proper end.
fn two_in_tls(lab: &mut Lab, edge: &S2n) -> Result<()> {
    let mut http = Http::tls_by(lab, edge)?;
    http.get("/", 200)?;
    http.get("/?page=2", 200)?;
    http.end(Ending::CloseNotify)
}

/// curl asks this many times, as a load balancer with its own connection for each.
fn curl(lab: &mut Lab, options: &[&str], times: usize) -> Result<()> {
    let said = version("curl", "--version", "curl ")?;
    let words: Vec<&str> = said.split_whitespace().collect();
    let library = words.iter().find(|word| word.starts_with("OpenSSL/")).copied().unwrap_or_default();
    lab.note_edge(format!("curl {} with {library} (as a load balancer)", words.get(1).copied().unwrap_or_default()));
    let root = lab.authority()?.root_pem()?;
    let root = lab.write("root.pem", root)?.display().to_string();
    let resolve = format!("{ORIGIN_NAME}:443:{}", lab.origin(443).ip());
    let url = format!("https://{ORIGIN_NAME}/");
    let common =
        ["--silent", "--show-error", "--fail", "--http1.1", "--no-alpn", "--cacert", &root, "--resolve", &resolve];
    let urls = vec![url.as_str(); times];
    lab.in_edge("curl", &[&common, options, &urls].concat()).map(drop)
}

/// Loses one of so many segments with data at the edge's end of the cable. (What is dropped where it is sent, the
/// kernel of the sender notices and sends again at once: only this direction can be made to lose.)
fn lose(lab: &Lab, every: u32) -> Result<()> {
    let rule = format!("tcp flags & syn == 0 meta length > 1000 numgen inc mod {every} 1 drop");
    let rules = format!("table inet f {{ chain c {{ type filter hook input priority 0; {rule}; }}\n}}\n");
    let file = lab.write("rules.nft", rules)?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}
