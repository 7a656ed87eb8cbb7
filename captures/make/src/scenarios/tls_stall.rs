//! `tls.handshake-stalled`: the handshake began, and the origin leaves it half-way; and handshakes that are only slow.

use crate::certs::{Files, Leaf};
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::{Lab, Signal};
use crate::scenario::{Family, Scenario};
use crate::servers::{haproxy, nginx, node, openssl};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;

const FLOW: &str = "RFC 8446 section 2";
const FLOW_12: &str = "RFC 5246 section 7.3";

/// The edge takes twice as long over the flight as passes until the origin is stopped.
const STOP: Duration = Duration::from_millis(200);
const PONDER: Duration = Duration::from_millis(400);

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tls/handshake-stalled/openssl-stopped-tls12",
        title: "the server is stopped after its flight and comes back too late, TLS 1.2",
        fault: "The process is stopped (SIGSTOP) after its flight; the edge's key exchange and Finished lie in its socket. The \
                edge gives up after 5 s, with a close_notify behind its new keys; then the process goes on.",
        references: &[FLOW_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let id = openssl::start(lab, &files, &["-tls1_2"])?;
            let late = vec![(STOP, Signal::STOP), (Duration::from_secs(6), Signal::CONT)];
            let signals = lab.signal_later(id, late);
            gives_up(lab, Ending::CloseNotify)?;
            signals.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/handshake-stalled/haproxy-tcp-stopped-ipv6",
        title: "a TCP proxy is stopped in the middle of a handshake, IPv6",
        fault: "HAProxy (`mode tcp`) in front of nginx with TLS 1.2 is stopped (SIGSTOP) after the flight. The edge gives up \
                after 5 s, by RST.",
        references: &[FLOW_12],
        family: Family::V6,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            tls_behind(lab, &files, "ssl_protocols TLSv1.2;")?;
            let sections = "listen l\n    mode tcp\n    bind :::443\n    server s 127.0.0.1:8443\n";
            let id = haproxy::start(lab, 443, sections)?;
            let signal = lab.signal_later(id, vec![(STOP, Signal::STOP)]);
            gives_up(lab, Ending::Reset)?;
            signal.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/handshake-stalled/node-session-store-tls12",
        title: "Node.js waits for its session store, TLS 1.2",
        fault: "The handler of `newSession` waits for a store that does not answer, and never calls back: the edge's Finished is \
                not answered. The edge gives up after 3 s.",
        references: &[FLOW_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let options = format!(
                "Object.assign({}, {{ maxVersion: 'TLSv1.2', secureOptions: require('crypto').constants.SSL_OP_NO_TICKET }})",
                node::certificate(&files)
            );
            let waits = "on('newSession', () => {}).listen(443, '0.0.0.0');";
            node::start(lab, 443, &format!("https.createServer({options}).{waits}"))?;
            S2n { patience: Duration::from_secs(3), ..S2n::DEFAULT }.must_fail(lab, 443)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tls/handshake-stalled/nginx-stream-stopped-in-flight-tls13",
        title: "a slow TCP proxy is stopped in the middle of the flight, TLS 1.3",
        fault: "nginx (`stream`, `proxy_download_rate 500`) passes on the first part of a server's flight and is stopped \
                (SIGSTOP). The edge gives up after 4 s, by RST.",
        references: &[FLOW],
        play: |lab| {
            let master = held_back(lab, 500)?;
            let signal = lab.signal_later(worker(master)?, vec![(Duration::from_millis(1300), Signal::STOP)]);
            let patience = Duration::from_secs(4);
            S2n { patience, on_failure: Ending::Reset, ..S2n::DEFAULT }.must_fail(lab, 443)?;
            signal.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls13-slow-flight",
        title: "the origin's flight takes two seconds, TLS 1.3",
        fault: "None: `proxy_download_rate 500` in front of a TLS server makes it slow, and the edge waits.",
        references: &[FLOW],
        play: |lab| {
            held_back(lab, 500)?;
            served(lab, S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/tls12-server-pauses-in-handshake",
        title: "the origin pauses for three seconds in the handshake, TLS 1.2",
        fault: "None: the process is stopped after its flight and goes on three seconds later, and the edge waits.",
        references: &[FLOW_12],
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let id = openssl::start(lab, &files, &["-tls1_2"])?;
            let pause = vec![(STOP, Signal::STOP), (Duration::from_secs(3), Signal::CONT)];
            let signals = lab.signal_later(id, pause);
            served(lab, S2n { after_flight: PONDER, ..S2n::DEFAULT })?;
            signals.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
];

/// An edge that gives up five seconds after its Finished.
fn gives_up(lab: &mut Lab, on_failure: Ending) -> Result<()> {
    S2n { after_flight: PONDER, patience: Duration::from_secs(5), on_failure, ..S2n::DEFAULT }.must_fail(lab, 443)
}

/// nginx with TLS on the loopback.
fn tls_behind(lab: &mut Lab, files: &Files, directives: &str) -> Result<()> {
    let server = format!("server {{ listen 127.0.0.1:8443 ssl; {} {directives} }}", nginx::certificate(files));
    nginx::http(lab, 8443, &server).map(drop)
}

/// A TLS server behind nginx's stream module, which passes on so many bytes a second. Returns nginx's master.
fn held_back(lab: &mut Lab, rate: u32) -> Result<u32> {
    let files = Leaf::GOOD.issue(lab)?;
    node::start(
        lab,
        8443,
        &format!(
            "https.createServer({}, (_, answer) => answer.end('hello')).listen(8443, '127.0.0.1');",
            node::certificate(&files)
        ),
    )?;
    let proxy = format!(
        "server {{ listen 443; proxy_pass 127.0.0.1:8443; proxy_buffer_size 1k; proxy_download_rate {rate}; }}"
    );
    nginx::stream(lab, 443, &proxy)
}

/// The process to which nginx's master leaves the work.
fn worker(master: u32) -> Result<u32> {
    let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
    Ok(children.split_whitespace().next().context("nginx has no worker")?.parse()?)
}

/// A handshake, a request and its answer.
fn served(lab: &mut Lab, edge: S2n) -> Result<()> {
    let mut session = edge.connect(lab, 443)?.map_err(anyhow::Error::from)?;
    session.send(&Request::get("/").to_bytes())?;
    ensure!(session.read_some().starts_with(b"HTTP/1."), "the origin does not answer");
    session.end(Ending::CloseNotify)
}
