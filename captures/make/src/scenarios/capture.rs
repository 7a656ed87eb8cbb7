//! `capture.*`: the capture itself limits what can be said.

use crate::certs::Leaf;
use crate::edge::http::Http;
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::Lab;
use crate::pcap::Packet;
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{gunicorn, nginx, node};
use anyhow::Result;
use std::time::Duration;

/// Where RFC 9293 speaks of sequence numbers and of acknowledgements.
const SEQUENCE: &str = "RFC 9293 section 3.4";
const SNAP: &str = "tcpdump(8), option -s";
const DIRECTION: &str = "tcpdump(8), option -Q";
/// A handler that promises more than it sends.
const CUT_SHORT: &str = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                         answer.write('x'.repeat(5000)); setTimeout(() => request.socket.destroy(), 50); }";
/// A server of nginx for both versions of IP.
const NGINX: &str = "server { listen 80; listen [::]:80; location / { return 200 \"hello from the origin\\n\"; } }";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "capture/one-sided/to-origin-only",
        title: "only what goes to the origin",
        fault: "The connection fails (nginx closes without an answer), but `tcpdump -Q in` sees the edge's side only.",
        references: &[DIRECTION],
        over: Over::AtOnce,
        tcpdump: &["-Q", "in"],
        play: |lab| {
            nginx::http(lab, 80, "server { listen 80; return 444; }")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/wp-login.php"))?;
            http.expect_none()?;
            finish(http.end(Ending::Fin))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/one-sided/to-edge-only",
        title: "only what goes to the edge",
        fault: "The connection is in order, but `tcpdump -Q out` sees the origin's side only.",
        references: &[DIRECTION],
        over: Over::AtOnce,
        tcpdump: &["-Q", "out"],
        play: |lab| {
            nginx::http(lab, 80, NGINX)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            http.get("/second", 200)?;
            finish(http.end(Ending::Fin))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/one-sided/to-origin-only-tls12-ipv6",
        title: "only what goes to the origin, inside TLS 1.2, IPv6",
        fault: "The connection is in order, but `tcpdump -Q in` sees the edge's side only: a ClientHello that nothing \
                seems to answer.",
        references: &[DIRECTION],
        family: Family::V6,
        over: Over::AtOnce,
        tcpdump: &["-Q", "in"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.2;")?;
            let mut http = Http::tls(lab)?;
            http.get("/", 200)?;
            finish(http.end(Ending::CloseNotify))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/mid-stream/idle-connection-closed",
        title: "the capture begins on a connection that is silent, and then ends",
        fault: "tcpdump was started when the only exchange was over: the capture has the edge's FIN and what follows.",
        references: &[SEQUENCE],
        play: |lab| {
            nginx::http(lab, 80, NGINX)?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 200)?;
            capture_from_now(lab)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/mid-stream/within-a-response",
        title: "the capture begins in the middle of a response that then breaks off",
        fault: "tcpdump was started when the head of the response had passed: the origin closes, and nobody can say \
                whether that was the end.",
        references: &[SEQUENCE],
        play: |lab| {
            let handler = "(request, answer) => { answer.writeHead(200, { 'Content-Length': 20000 });\n\
                           answer.write('x'.repeat(5000));\nsetTimeout(() => answer.write('y'.repeat(1000)), 1500);\n\
                           setTimeout(() => request.socket.destroy(), 1600); }";
            node::http(lab, 80, handler)?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/video"))?;
            http.expect_head(200)?;
            capture_from_now(lab)?;
            http.receive_all()?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/mid-stream/within-tls13",
        title: "the capture begins in the middle of a TLS 1.3 connection",
        fault: "tcpdump was started after the handshake: records of application data, one exchange, the end.",
        references: &[SEQUENCE, "RFC 8446 section 5.1"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            nginx::https(lab, &files, "ssl_protocols TLSv1.3;")?;
            let mut http = Http::tls(lab)?;
            http.get("/", 200)?;
            capture_from_now(lab)?;
            http.get("/second", 200)?;
            http.end(Ending::CloseNotify)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/still-open/response-owed",
        title: "tcpdump ends while the response is owed",
        fault: "The application takes its time; `tcpdump -c 5` ended with the acknowledgement of the request.",
        references: &[SEQUENCE],
        over: Over::AtOnce,
        tcpdump: &["-c", "5", "tcp"],
        play: |lab| {
            let application = "import time\ndef app(environ, start_response):\n    time.sleep(30)\n";
            gunicorn::http(lab, &["--workers", "1"], application)?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/report"))?;
            http.wait_in_vain(Duration::from_millis(400))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/still-open/within-a-response-ipv6",
        title: "tcpdump ends in the middle of a response, IPv6",
        fault: "A chunked response is on its way when `tcpdump -c 9` ends.",
        references: &["RFC 9112 section 7.1"],
        family: Family::V6,
        over: Over::AtOnce,
        tcpdump: &["-c", "9", "tcp"],
        play: |lab| {
            node::http(lab, 80, "(request, answer) => setInterval(() => answer.write('tick\\n'), 50)")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/events"))?;
            http.expect_head(200)?;
            std::thread::sleep(Duration::from_millis(500));
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/still-open/within-a-handshake",
        title: "tcpdump ends after the ClientHello",
        fault: "The event loop of Node.js is busy; `tcpdump -c 5` ended with the acknowledgement of the ClientHello.",
        references: &["RFC 8446 section 4.1.2"],
        over: Over::AtOnce,
        tcpdump: &["-c", "5", "tcp"],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let busy = format!(
                "https.createServer({}).on('connection', () => {{ for (;;); }}).listen(443);",
                node::certificate(&files)
            );
            node::start(lab, 443, &busy)?;
            S2n { patience: Duration::from_secs(1), ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/lost-packets/response-head",
        title: "the head of the response is missing",
        fault: "The connection is in order; the segment with the head of the response is not in the file, although the \
                edge acknowledged it.",
        edited: "The first segment with data from the origin was cut.",
        references: &[SEQUENCE],
        trim: |packets| without(packets, |payload| payload.starts_with(b"HTTP/1.1")),
        play: |lab| {
            lab.write("page", "x".repeat(9000))?;
            let root = lab.directory().display().to_string();
            nginx::http(lab, 80, &format!("server {{ listen 80; root {root}; keepalive_timeout 0; }}"))?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/page", 200)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/lost-packets/request-ipv6",
        title: "the request is missing, and no answer is there, IPv6",
        fault: "The server closes; what the edge sent before is not in the file, although the origin acknowledged it.",
        edited: "The segment with the request was cut.",
        references: &[SEQUENCE],
        family: Family::V6,
        trim: |packets| without(packets, |payload| payload.starts_with(b"GET ")),
        play: |lab| {
            node::http(lab, 80, "request => request.socket.destroy()")?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/cart"))?;
            http.expect_none()?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/snap-length/response-head",
        title: "96 bytes of each packet",
        fault: "The handler closes too early, but `tcpdump -s 96` keeps 30 bytes of the response: its length is among \
                the missing ones, so nobody can say whether it was whole.",
        references: &[SNAP],
        tcpdump: &["-s", "96"],
        play: |lab| {
            node::http(lab, 80, CUT_SHORT)?;
            let mut http = Http::plain(lab, 80)?;
            http.send(&Request::get("/video"))?;
            http.expect_head(200)?;
            http.receive_all()?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "capture/snap-length/status-ipv6",
        title: "96 bytes of each packet, IPv6",
        fault: "nginx answers 502, but `tcpdump -s 96` keeps 10 bytes of the response: the status is cut in two.",
        references: &[SNAP],
        family: Family::V6,
        tcpdump: &["-s", "96"],
        play: |lab| {
            nginx::http(lab, 80, "server { listen [::]:80; location / { proxy_pass http://127.0.0.1:8080; } }")?;
            let mut http = Http::plain(lab, 80)?;
            http.get("/", 502)?;
            http.end(Ending::Fin)
        },
        ..Scenario::BLANK
    },
];

/// What happens until now will not be in the capture.
fn capture_from_now(lab: &mut Lab) -> Result<()> {
    // The last acknowledgement may be delayed by 40 ms.
    std::thread::sleep(Duration::from_millis(200));
    lab.begin_capture_again()
}

/// Lets the last packets reach the capture.
fn finish(outcome: Result<()>) -> Result<()> {
    std::thread::sleep(Duration::from_millis(300));
    outcome
}

/// Cuts the first packet whose payload fits, and with it what was sent again of it.
fn without(packets: Vec<Packet>, fits: impl Fn(&[u8]) -> bool) -> Vec<Packet> {
    packets.into_iter().filter(|packet| !packet.segment().is_some_and(|segment| fits(segment.payload))).collect()
}
