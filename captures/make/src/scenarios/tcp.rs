//! `tcp.*`: no usable connection.

use crate::certs::Leaf;
use crate::edge::s2n::S2n;
use crate::lab::Lab;
use crate::pcap::{ACK, Packet, SYN, Segment};
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{haproxy, nginx, node};
use anyhow::{Context as _, Result, ensure};
use std::net::TcpStream;
use std::time::Duration;

/// How long the edge tries to connect: CloudFront's default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The way between edge and origin that the laboratory does not have: what the origin does at once is on its way
/// before the edge's first byte arrives.
const JOURNEY: Duration = Duration::from_millis(20);
/// The sections of RFC 9293 on opening a connection, and on resetting it.
const OPENING: &str = "RFC 9293 section 3.5";
const RESETTING: &str = "RFC 9293 section 3.5.2";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tcp/syn-unanswered/nftables-drop",
        title: "a firewall on the host drops",
        fault: "nftables on the origin drops what comes for port 443, without an answer; the edge gives up after 10 s.",
        references: &[OPENING, "RFC 6298 section 2"],
        over: Over::AtOnce,
        play: |lab| {
            nftables(lab, "tcp dport 443 drop")?;
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/syn-unanswered/haproxy-accept-queue-full-ipv6",
        title: "HAProxy is stopped and its accept queue is full, IPv6",
        fault: "The process is stopped (SIGSTOP) with a backlog of 1, and earlier connections fill its accept queue: \
                the kernel drops every further SYN.",
        edited: "The connections that filled the queue were cut.",
        references: &[OPENING, "RFC 6298 section 2"],
        family: Family::V6,
        over: Over::AtOnce,
        trim: last_connection,
        play: |lab| {
            let id = haproxy::start(lab, 443, "frontend f\n    mode tcp\n    bind :::443 backlog 1\n")?;
            lab.stop_process(id)?;
            let filler: Vec<TcpStream> = std::iter::repeat_with(|| connect(lab, Duration::from_millis(500)))
                .map_while(Result::ok)
                .take(16)
                .collect();
            ensure!(filler.len() < 16, "the accept queue does not fill");
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/port-closed/nothing-listens",
        title: "nothing listens on port 443",
        fault: "No server was started: the kernel answers the SYN by RST.",
        references: &[RESETTING],
        play: |lab| {
            lab.note_server("none (Linux kernel)");
            refused(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/port-closed/nginx-not-on-ipv6",
        title: "nginx listens on IPv4 only, the edge comes by IPv6",
        fault: "The server has `listen 443 ssl` and no `listen [::]:443 ssl`.",
        references: &[RESETTING],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let listen = format!("server {{ listen 443 ssl; {} }}", nginx::certificate(&files));
            nginx::http(lab, 443, &listen)?;
            refused(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/port-closed/nftables-reject-with-reset",
        title: "a firewall on the host rejects by RST",
        fault: "nftables on the origin rejects what comes for port 443 `with tcp reset`; nginx listens behind it.",
        references: &[RESETTING],
        play: |lab| {
            nftables(lab, "tcp dport 443 reject with tcp reset")?;
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            refused(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/syn-ack-unacknowledged/way-back-dropped",
        title: "the way back is blocked",
        fault: "What the origin sends is dropped before it reaches the edge: both sides repeat themselves until the \
                edge gives up after 10 s.",
        references: &[OPENING],
        over: Over::AtOnce,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            way_back_dropped(lab)?;
            unanswered(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/syn-ack-unacknowledged/edge-silent-ipv6",
        title: "one SYN, and only the origin repeats itself, IPv6",
        fault: "What the origin sends is dropped before it reaches the edge, which gives up before its first \
                repetition; the origin goes on alone.",
        references: &[OPENING],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            way_back_dropped(lab)?;
            lab.note_edge("plain TCP socket");
            ensure!(connect(lab, Duration::from_millis(900)).is_err(), "the connection was accepted");
            // The first answer, and what follows it after 1, 3 and 7 s.
            let answers = |packets: &[Packet]| packets.iter().filter(|p| p.segment().is_some_and(is_answer)).count();
            lab.wait_captured(Duration::from_secs(20), |packets| answers(packets) >= 4)
                .context("the SYN-ACK is not repeated")
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/reset-on-accept/node-reset-and-destroy",
        title: "Node.js resets each connection",
        fault: "The application calls `resetAndDestroy()` on every new connection, as a block list would.",
        references: &["RFC 9293 section 3.6", RESETTING],
        play: |lab| {
            node::start(lab, 443, "net.createServer(socket => socket.resetAndDestroy()).listen(443, '0.0.0.0');")?;
            dropped_on_accept(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/reset-on-accept/haproxy-connection-reject",
        title: "HAProxy rejects the connection",
        fault: "`tcp-request connection reject`, as an address filter would.",
        references: &["RFC 9293 section 3.6", RESETTING],
        play: |lab| {
            let reject = "frontend f\n    mode tcp\n    bind :443\n    tcp-request connection reject\n";
            haproxy::start(lab, 443, reject)?;
            dropped_on_accept(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/closed-on-accept/nginx-stream-deny",
        title: "nginx (stream) denies the address",
        fault: "The stream server has `deny all`.",
        references: &["RFC 9293 section 3.6"],
        play: |lab| {
            nginx::stream(lab, 443, "server { listen 443; deny all; return x; }")?;
            dropped_on_accept(lab)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/closed-on-accept/haproxy-backend-down",
        title: "HAProxy, TCP mode, nothing listens behind it",
        fault: "The only server of the backend refuses connections; HAProxy connects to it before it reads from the \
                edge, and closes after its last attempt.",
        references: &["RFC 9293 section 3.6"],
        play: |lab| {
            let sections = "frontend f\n    mode tcp\n    bind :443\n    default_backend b\n\
                            backend b\n    mode tcp\n    retries 0\n    server s 127.0.0.1:8443\n";
            haproxy::start(lab, 443, sections)?;
            dropped_on_accept(lab)
        },
        ..Scenario::BLANK
    },
];

fn is_answer(segment: Segment<'_>) -> bool {
    segment.flags & (SYN | ACK) == SYN | ACK
}

fn connect(lab: &Lab, limit: Duration) -> Result<TcpStream> {
    Ok(TcpStream::connect_timeout(&lab.origin(443), limit)?)
}

/// The edge tries to connect until it gives up.
fn unanswered(lab: &mut Lab) -> Result<()> {
    lab.note_edge("plain TCP socket");
    ensure!(connect(lab, CONNECT_TIMEOUT).is_err(), "the connection was accepted");
    Ok(())
}

/// The edge tries to connect and is refused.
fn refused(lab: &mut Lab) -> Result<()> {
    lab.note_edge("plain TCP socket");
    let error = connect(lab, CONNECT_TIMEOUT).err().context("the connection was accepted")?;
    ensure!(format!("{error}").contains("refused"), "{error}");
    Ok(())
}

/// The edge connects, and finds the connection ended when it wants to send its ClientHello.
fn dropped_on_accept(lab: &mut Lab) -> Result<()> {
    S2n { before_hello: JOURNEY, ..S2n::DEFAULT }.must_fail(lab, 443)
}

fn nftables(lab: &Lab, rule: &str) -> Result<()> {
    let file = lab.write("rules.nft", table(rule))?;
    lab.in_origin("nft", &["-f", &file.display().to_string()]).map(drop)
}

fn way_back_dropped(lab: &Lab) -> Result<()> {
    let file = lab.write("rules.nft", table("tcp sport 443 drop"))?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}

fn table(rule: &str) -> String {
    format!("table inet f {{ chain input {{ type filter hook input priority 0;\n{rule}\n}}\n}}\n")
}

/// Keeps the packets of the last connection that was begun.
fn last_connection(packets: Vec<Packet>) -> Vec<Packet> {
    let ports = |p: &Packet| p.segment().map(|s| (s.source_port, s.destination_port));
    let mut newest_first = packets.iter().filter_map(Packet::segment).rev();
    let last = newest_first.find(|s| s.flags & (SYN | ACK) == SYN).map(|s| s.source_port);
    let of_last = |p: &Packet| ports(p).is_some_and(|(from, to)| Some(from) == last || Some(to) == last);
    packets.into_iter().filter(of_last).collect()
}
