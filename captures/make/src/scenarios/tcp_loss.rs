//! `tcp.*`: connections on which packets stop getting through, and connections that the edge resets for no reason of
//! the origin's.

use crate::certs::Leaf;
use crate::edge::http::Http;
use crate::edge::plain::Plain;
use crate::edge::s2n::{S2n, TLS12_ONLY};
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::pcap::Packet;
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{apache, nginx, node};
use anyhow::Result;
use std::time::Duration;

const LOSS: &str = "RFC 9293 section 3.8.1";
const RETRANSMITTING: &str = "RFC 6298 section 5";
const RESETTING: &str = "RFC 9293 section 3.5.2";
/// An application that answers when it has the whole request.
const HELLO: &str = "(request, answer) => { request.resume(); request.on('end', () => answer.end('hello\\n')); }";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tcp/segment-loss-stall/nginx-tls12-flight",
        title: "nginx, TLS 1.2, the origin's flight is lost",
        fault: "Whatever the origin sends with data is lost behind its network card. The edge gives up after 5 s.",
        references: &[LOSS, RETRANSMITTING],
        over: Over::AtOnce,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            lose_at_edge(lab, "tcp sport 443 tcp flags & syn == 0 meta length > 80 drop")?;
            S2n { policy: TLS12_ONLY, patience: Duration::from_secs(5), ..S2n::DEFAULT }.must_fail(lab, 443)?;
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/segment-loss-stall/node-response-body-ipv6",
        title: "Node.js, the rest of a response is lost, IPv6",
        fault: "After the first 20 kB nothing of the origin's arrives any more, as behind a stateful device that has \
                forgotten the connection. The edge gives up after 10 s.",
        references: &[LOSS, RETRANSMITTING],
        family: Family::V6,
        over: Over::AtOnce,
        play: |lab| {
            lab.in_edge("sysctl", &["-qw", "net.ipv4.tcp_rmem=4096 16384 16384"])?;
            node::http(lab, 80, "(request, answer) => answer.end('x'.repeat(60000))")?;
            lose_at_edge(lab, "tcp sport 80 quota over 20000 bytes drop")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/catalogue"))?;
            http.expect_head(200)?;
            http.patience(Duration::from_secs(10))?;
            http.receive_all()?;
            http.end(Ending::Drop)?;
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/segment-loss-stall/apache-request-dropped",
        title: "Apache, the host's own filter drops the second request",
        fault: "nftables on the origin passes the first exchange of the connection and drops what the edge sends \
                afterwards: tcpdump sees it, Apache does not. The edge gives up after 5 s.",
        references: &[LOSS, RETRANSMITTING],
        over: Over::AtOnce,
        play: |lab| {
            apache::start(lab, 80, "<VirtualHost *:80>\n</VirtualHost>")?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/favicon.ico", 404)?;
            let rule = "table inet f { chain c { type filter hook input priority 0; tcp dport 80 drop; }\n}\n";
            let file = lab.write("rules.nft", rule)?;
            lab.in_origin("nft", &["-f", &file.display().to_string()])?;
            http.send(&Request::get("/cart"))?;
            http.wait_in_vain(Duration::from_secs(5))?;
            http.end(Ending::Drop)?;
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/segment-loss-stall/node-upload-hole",
        title: "Node.js, one segment of an upload never arrives",
        fault: "A device on the way drops each packet that has certain bytes in it, as an inspecting firewall does, \
                and passes what comes after it. The edge gives up after 6 s, by RST.",
        edited: "The packets that the device drops were cut: it stands before the host.",
        references: &[LOSS, "RFC 2018 section 3"],
        trim: |packets| {
            let passes = |p: &Packet| p.segment().is_none_or(|s| !s.payload.starts_with(b"EVIL"));
            packets.into_iter().filter(passes).collect()
        },
        play: |lab| {
            node::http(lab, 80, HELLO)?;
            let mut http = Http::plain(lab, 80)?;
            // Each part is a packet of its own; the second begins with the bytes that the filter looks for.
            let body = [b"-".repeat(500), b"EVIL".repeat(125), b"-".repeat(500), b"-".repeat(500)].concat();
            let request = Request::new("POST", "/orders").body(&body).to_bytes();
            let parts = request.split_at(request.len() - 1500);
            // What is dropped where it is sent, the sender's kernel notices: it is dropped where it arrives, and cut.
            let rule = "table inet f { chain c { type filter hook input priority 0; tcp dport 80 @ih,0,32 0x4556494c drop; }\n}\n";
            let file = lab.write("rules.nft", rule)?;
            lab.in_origin("nft", &["-f", &file.display().to_string()])?;
            http.send_bytes(parts.0)?;
            for part in parts.1.chunks(500) {
                std::thread::sleep(Duration::from_millis(60));
                http.send_bytes(part)?;
            }
            http.wait_in_vain(Duration::from_secs(6))?;
            http.end(Ending::Reset)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/edge-reset/node-upload",
        title: "Node.js, the edge resets in the middle of its upload",
        fault: "The edge has sent a third of a POST's body, all of it was acknowledged, and resets 0.3 s later.",
        references: &[RESETTING],
        play: |lab| {
            node::http(lab, 80, HELLO)?;
            let request = Request::new("POST", "/photos").body(&[b'x'; 30_000]).to_bytes();
            leaves_half_way(lab, 80, &request, 10_000)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/edge-reset/nginx-half-head-ipv6",
        title: "nginx, the edge resets in the middle of a request's head, IPv6",
        fault: "The edge sends the first 200 bytes of a request's head and resets 0.3 s later.",
        references: &[RESETTING],
        family: Family::V6,
        play: |lab| {
            nginx::http(lab, 80, "server { listen [::]:80; return 200; }")?;
            leaves_half_way(lab, 80, &Request::get("/").to_bytes(), 200)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/edge-reset/nginx-half-client-hello",
        title: "nginx, the edge resets in the middle of its ClientHello",
        fault: "The edge sends the first 100 bytes of a ClientHello and resets 0.3 s later.",
        references: &[RESETTING, "RFC 8446 section 4.1.2"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "")?;
            // A record of a ClientHello of 508 bytes: version, random, and the beginning of a session identifier.
            let hello =
                [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[7; 32], b"\x20", &[9; 32], &[0; 436]];
            leaves_half_way(lab, 443, &hello.concat(), 100)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls12-check-then-edge-resets",
        title: "a TLS 1.2 handshake, and RST of the edge",
        fault: "None. A check: the handshake is complete, nothing is asked, the edge resets.",
        references: &[RESETTING, "RFC 5246 section 7.3"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            let http = Http::tls_by(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })?;
            std::thread::sleep(Duration::from_millis(300));
            http.end(Ending::Reset)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/farewell-unheard",
        title: "the edge is gone when the origin says good-bye",
        fault: "None that matters. The exchange was complete; the edge vanishes without a packet, and the origin's \
                close_notify and FIN are sent again and again.",
        references: &[RETRANSMITTING, "RFC 8446 section 6.1"],
        over: Over::AtOnce,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2; keepalive_timeout 1s;")?;
            let mut http = Http::tls_by(lab, &S2n { policy: TLS12_ONLY, ..S2n::DEFAULT })?;
            http.get("/", 200)?;
            lose_at_edge(lab, "tcp sport 443 drop")?;
            std::thread::sleep(Duration::from_secs(14));
            drop(http);
            Ok(())
        },
        ..Scenario::BLANK
    },
];

/// The edge sends so much of a message, and resets when that was acknowledged.
fn leaves_half_way(lab: &mut Lab, port: u16, message: &[u8], sent: usize) -> Result<()> {
    let mut edge = Plain::connect(lab, port)?;
    edge.send(message.get(..sent).unwrap_or(message))?;
    std::thread::sleep(Duration::from_millis(300));
    edge.end(Ending::Reset)
}

/// Loses what the rule says before it reaches the edge.
fn lose_at_edge(lab: &Lab, rule: &str) -> Result<()> {
    let rules = format!("table inet f {{ chain c {{ type filter hook input priority 0;\n{rule}\n}}\n}}\n");
    let file = lab.write("rules.nft", rules)?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}
