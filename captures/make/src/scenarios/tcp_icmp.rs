//! What ICMP tells, or should have told: `tcp.icmp-rejected`, `tcp.path-mtu-black-hole`, and the healthy cases of both.

use crate::certs::{Key, Leaf};
use crate::edge::http::Http;
use crate::edge::plain::Plain;
use crate::edge::s2n::{S2n, TLS12_ONLY, TLS12_UP_PQ};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::pcap::{FIN, Packet};
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{haproxy, nginx, node};
use anyhow::{Result, ensure};
use std::net::TcpStream;
use std::time::Duration;

const UNREACHABLE: &str = "RFC 792 (destination unreachable)";
const UNREACHABLE_V6: &str = "RFC 4443 section 3.1";
const DISCOVERY: &str = "RFC 1191 section 3";
const DISCOVERY_V6: &str = "RFC 8201 section 4";
const BLACK_HOLE: &str = "RFC 2923 section 2.1";
/// What the way to the edge carries, in bytes: less than the 1,500 of both ends.
const MTU: u16 = 1_400;
/// How long the edge waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the capture goes on after that.
const AFTERMATH: Duration = Duration::from_millis(500);
/// ICMP errors that tell of a packet too big.
const TOO_BIG: &str = "icmp code frag-needed icmp type destination-unreachable drop\nicmpv6 type packet-too-big drop";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tcp/icmp-rejected/nftables-reject",
        title: "nftables, reject as it is by default",
        fault: "nftables on the origin has `tcp dport 443 reject`, which is port-unreachable, as `REJECT` of iptables is.",
        references: &[UNREACHABLE],
        over: Over::AtOnce,
        play: |lab| rejected(lab, "tcp dport 443 reject"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/icmp-rejected/nftables-admin-prohibited",
        title: "nftables, reject with icmp type admin-prohibited",
        fault: "nftables on the origin rejects what comes for port 443 `with icmp type admin-prohibited`.",
        references: &["RFC 1812 section 5.2.7.1"],
        over: Over::AtOnce,
        play: |lab| rejected(lab, "tcp dport 443 reject with icmp type admin-prohibited"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/icmp-rejected/nftables-host-prohibited-ignored",
        title: "nftables, host-prohibited as firewalld has it, and the edge tries again",
        fault: "nftables on the origin rejects `with icmp type host-prohibited`, as firewalld does; a firewall of the \
                edge's drops the ICMP errors, and it goes on trying.",
        references: &["RFC 1122 section 3.2.2.1"],
        over: Over::AtOnce,
        play: |lab| {
            deaf_to_icmp(lab)?;
            nftables(lab, "tcp dport 443 reject with icmp type host-prohibited")?;
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            refused(lab, Duration::from_secs(4))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/icmp-rejected/nftables-icmpx-ipv6",
        title: "nftables, reject with icmpx admin-prohibited, IPv6",
        fault: "nftables on the origin rejects what comes for port 443 `with icmpx type admin-prohibited`.",
        references: &[UNREACHABLE_V6],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| rejected(lab, "tcp dport 443 reject with icmpx type admin-prohibited"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/icmp-rejected/nftables-port-unreachable-ipv6",
        title: "nftables, reject with icmpv6 type port-unreachable",
        fault: "nftables on the origin rejects what comes for port 443 `with icmpv6 type port-unreachable`.",
        references: &[UNREACHABLE_V6],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| rejected(lab, "tcp dport 443 reject with icmpv6 type port-unreachable"),
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/icmp-rejected/container-gone",
        title: "the port leads to a container that is gone",
        fault: "nftables on the origin sends what comes for port 443 on to an address behind a bridge, where nobody is: \
                the kernel says after 3 s that it cannot reach it.",
        references: &[UNREACHABLE, "RFC 1122 section 3.2.2.1"],
        over: Over::AtOnce,
        play: |lab| {
            lab.in_origin("ip", &["link", "add", "docker0", "type", "bridge"])?;
            lab.in_origin("ip", &["link", "add", "port0", "type", "veth", "peer", "name", "port1"])?;
            lab.in_origin("ip", &["link", "set", "port0", "master", "docker0", "up"])?;
            lab.in_origin("ip", &["link", "set", "port1", "up"])?;
            lab.in_origin("ip", &["address", "add", "172.17.0.1/16", "dev", "docker0"])?;
            lab.in_origin("ip", &["link", "set", "docker0", "up"])?;
            lab.in_origin("sysctl", &["-qw", "net.ipv4.ip_forward=1"])?;
            let table = "table ip n { chain p { type nat hook prerouting priority -100;\n\
                         tcp dport 443 dnat to 172.17.0.2:8443\n}\n}\n";
            let file = lab.write("nat.nft", table)?;
            lab.in_origin("nft", &["-f", &file.display().to_string()])?;
            lab.note_server("none (Linux kernel, as after `docker rm`)");
            refused(lab, Duration::from_secs(10))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/nginx-response",
        title: "nginx, the response never arrives",
        fault: "The way to the edge carries packets of 1,400 bytes, and the router drops the ICMP errors that would say so.",
        references: &[BLACK_HOLE, DISCOVERY],
        over: Over::AtOnce,
        play: |lab| {
            black_hole(lab)?;
            page(lab)?;
            in_vain(Http::plain(lab, 80)?)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/nginx-tls12-flight",
        title: "nginx, TLS 1.2, the certificate never arrives",
        fault: "The way to the edge carries packets of 1,400 bytes, without a word of it: the end of the origin's flight \
                arrives, its beginning does not.",
        references: &[BLACK_HOLE, "RFC 2018 section 3"],
        over: Over::AtOnce,
        play: |lab| {
            black_hole(lab)?;
            // The list of authorities makes the flight longer.
            let ask = "ssl_protocols TLSv1.2; ssl_verify_client optional; ssl_client_certificate ca.pem;";
            let authority = lab.authority()?.root_pem()?;
            lab.write("ca.pem", authority)?;
            flight(lab, ask, TLS12_ONLY)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/nginx-tls13-flight-ipv6",
        title: "nginx, TLS 1.3, the certificate never arrives, IPv6",
        fault: "The way to the edge carries packets of 1,400 bytes, and the router drops the ICMP errors that would say so.",
        references: &[BLACK_HOLE, DISCOVERY_V6],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| {
            black_hole(lab)?;
            flight(lab, "ssl_protocols TLSv1.3;", S2n::DEFAULT.policy)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/icmp-dropped-by-host",
        title: "nginx, the host's own firewall drops the router's ICMP",
        fault: "The router says that 1,400 bytes is the most; nftables on the origin drops it before TCP hears of it.",
        references: &[DISCOVERY, BLACK_HOLE],
        over: Over::AtOnce,
        play: |lab| {
            lab.put_router_between(MTU)?;
            nftables(lab, TOO_BIG)?;
            page(lab)?;
            in_vain(Http::plain(lab, 80)?)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/packet-too-big-dropped-ipv6",
        title: "HAProxy, TLS 1.3, the host's own firewall drops Packet Too Big, IPv6",
        fault: "The router says that 1,400 bytes is the most; nftables on the origin drops it before TCP hears of it.",
        references: &[DISCOVERY_V6, "RFC 4890 section 4.3.1"],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| {
            lab.put_router_between(MTU)?;
            nftables(lab, TOO_BIG)?;
            let files = long_chain(lab)?;
            let bind = format!("bind :::443 v4v6 ssl crt {}", files.bundle.display());
            haproxy::start(lab, 443, &format!("frontend f\n    mode http\n    {bind}\n"))?;
            S2n { patience: PATIENCE, ..S2n::DEFAULT }.must_fail(lab, 443)?;
            std::thread::sleep(AFTERMATH);
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/node-stream",
        title: "Node.js, the head of the response arrives, its body does not",
        fault: "The head goes out alone; every packet of the body is longer than the 1,400 bytes that the way carries, \
                without a word of it.",
        references: &[BLACK_HOLE],
        over: Over::AtOnce,
        play: |lab| {
            black_hole(lab)?;
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 12000 });\n\
                           answer.flushHeaders(); setTimeout(() => answer.end('x'.repeat(12000)), 100); }";
            node::http(lab, 80, handler)?;
            in_vain(Http::plain(lab, 80)?)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/request-upload",
        title: "the edge's request never arrives",
        fault: "The way from the edge carries packets of 1,400 bytes, without a word of it: the end of the request \
                arrives, its beginning does not.",
        references: &[BLACK_HOLE, "RFC 2018 section 3"],
        over: Over::AtOnce,
        play: |lab| {
            black_hole_from_edge(lab)?;
            page(lab)?;
            let mut http = Http::plain(lab, 80)?;
            let long = "a=".to_owned() + &"0123456789abcdef".repeat(150);
            http.send(&Request::get("/small").header("Cookie", &long))?;
            origin_gives_up(lab)?;
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/path-mtu-black-hole/post-quantum-client-hello",
        title: "the first segment of a post-quantum ClientHello never arrives",
        fault: "The way from the edge carries packets of 1,400 bytes, without a word of it: of a ClientHello in two \
                segments only the second arrives.",
        references: &[BLACK_HOLE, "RFC 8446 section 4.2.8"],
        over: Over::AtOnce,
        play: |lab| {
            black_hole_from_edge(lab)?;
            flight(lab, "ssl_protocols TLSv1.2 TLSv1.3; client_header_timeout 4s;", TLS12_UP_PQ)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/icmp-then-accepted",
        title: "the first SYN is rejected by ICMP, the second is accepted",
        fault: "None in the end. nftables rejects the first SYN and no other; a firewall of the edge's drops the ICMP \
                error, and it tries again.",
        references: &["RFC 5927 section 4.1"],
        play: |lab| {
            deaf_to_icmp(lab)?;
            nftables(lab, "tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 100 0 reject")?;
            page(lab)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/small", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/path-mtu-discovery",
        title: "path MTU discovery at work",
        fault: "None. The router says that 1,400 bytes is the most, and the origin sends shorter packets.",
        references: &[DISCOVERY],
        play: discovery,
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/path-mtu-discovery-ipv6",
        title: "path MTU discovery at work, IPv6",
        fault: "None. The router says that 1,400 bytes is the most, and the origin sends shorter packets.",
        references: &[DISCOVERY_V6],
        family: Family::V6,
        play: discovery,
        ..Scenario::BLANK
    },
];

fn nftables(lab: &Lab, rules: &str) -> Result<()> {
    let file = lab.write("rules.nft", table("input", rules))?;
    lab.in_origin("nft", &["-f", &file.display().to_string()]).map(drop)
}

fn table(hook: &str, rules: &str) -> String {
    format!("table inet f {{ chain c {{ type filter hook {hook} priority 0;\n{rules}\n}}\n}}\n")
}

/// A firewall of the edge's drops all ICMP errors.
fn deaf_to_icmp(lab: &Lab) -> Result<()> {
    let file = lab.write("edge.nft", table("input", "icmp type destination-unreachable drop"))?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}

/// Nothing longer than [`MTU`] passes, and no ICMP tells of it.
fn black_hole(lab: &mut Lab) -> Result<()> {
    lab.put_router_between(MTU)?;
    let file = lab.write("router.nft", table("output", TOO_BIG))?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}

/// The same the other way.
fn black_hole_from_edge(lab: &mut Lab) -> Result<()> {
    lab.put_router_between(1_500)?;
    let file = lab.write("router.nft", table("forward", &format!("iifname eth1 meta length > {MTU} drop")))?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}

/// nginx with an answer of many packets, and one of one.
fn page(lab: &mut Lab) -> Result<u32> {
    lab.write("large", "0123456789abcdef".repeat(400))?;
    lab.write("small", "hello\n")?;
    let root = lab.directory().display().to_string();
    let server = format!("server {{ listen 80; listen [::]:80; root {root}; client_header_timeout 4s; }}");
    nginx::http(lab, 80, &server)
}

/// nginx behind the rule, and the edge tries to connect.
fn rejected(lab: &mut Lab, rule: &str) -> Result<()> {
    nftables(lab, rule)?;
    let files = Leaf::GOOD.issue(lab)?;
    nginx::https(lab, &files, "")?;
    refused(lab, Duration::from_secs(10))?;
    // The edge tries again later: the capture shows that it had left it at that.
    std::thread::sleep(Duration::from_secs(2));
    refused(lab, Duration::from_secs(10))
}

fn refused(lab: &mut Lab, limit: Duration) -> Result<()> {
    lab.note_edge("plain TCP socket");
    ensure!(TcpStream::connect_timeout(&lab.origin(443), limit).is_err(), "the connection was accepted");
    std::thread::sleep(AFTERMATH);
    Ok(())
}

/// Asks for the large answer, waits for it in vain, and leaves.
fn in_vain(mut http: Http<Plain>) -> Result<()> {
    http.send(&Request::get("/large"))?;
    http.wait_in_vain(PATIENCE)?;
    http.end(Ending::Drop)?;
    std::thread::sleep(AFTERMATH);
    Ok(())
}

/// The server ends a connection on which no request came.
fn origin_gives_up(lab: &Lab) -> Result<()> {
    let ends = |p: &Packet| p.segment().is_some_and(|s| s.source_port == 80 && s.flags & FIN != 0);
    lab.wait_captured(2 * PATIENCE, |packets| packets.iter().any(ends))
}

/// A leaf with a key and a signature of more bytes than the shortest ones.
fn long_chain(lab: &mut Lab) -> Result<crate::certs::Files> {
    Leaf { key: Key::Rsa2048, ..Leaf::GOOD }.issue(lab)
}

/// nginx, whose flight is longer than one packet; the edge waits for it in vain.
fn flight(lab: &mut Lab, directives: &str, policy: &'static str) -> Result<()> {
    let files = long_chain(lab)?;
    nginx::https(lab, &files, directives)?;
    S2n { policy, patience: PATIENCE, ..S2n::DEFAULT }.must_fail(lab, 443)?;
    std::thread::sleep(AFTERMATH);
    Ok(())
}

fn discovery(lab: &mut Lab) -> Result<()> {
    lab.put_router_between(MTU)?;
    page(lab)?;
    let mut http = Http::plain(lab, 80)?;
    http.get("/large", 200)?;
    http.end(Ending::Fin)
}
