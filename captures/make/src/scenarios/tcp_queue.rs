//! `tcp.*`: a program that does not accept, and the pictures that its full accept queue makes.

use crate::certs::Leaf;
use crate::edge::http::Http;
use crate::edge::plain::Plain;
use crate::edge::s2n::S2n;
use crate::edge::{Ending, Request};
use crate::lab::{Lab, Signal};
use crate::pcap::{ACK, Packet, SYN};
use crate::scenario::{Family, Over, Scenario};
use crate::servers::{gunicorn, nginx, node};
use anyhow::{Context as _, Result, ensure};
use std::net::TcpStream;
use std::time::Duration;

const OPENING: &str = "RFC 9293 section 3.5";
const RETRANSMITTING: &str = "RFC 6298 section 5";
const COOKIES: &str = "RFC 4987 section 3.6";

/// Long enough for the kernel to have done what a packet makes it do.
const MOMENT: Duration = Duration::from_millis(100);
/// How long the edge waits for an answer: the time limit that CloudFront has for connecting.
const PATIENCE: Duration = Duration::from_secs(10);
/// The rule that makes the laboratory's cable as long as a real way: the edge's bare acknowledgements do not arrive
/// before it has sent data, so that several handshakes are under way at once.
const ACKNOWLEDGEMENTS_LATE: &str = "tcp flags & (fin | syn | rst | psh | ack) == ack meta length < 80 drop";
/// What the last connection's capture was cut from.
const CUT: &str = "The connections that filled the queue were cut.";

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        path: "tcp/accept-queue-overflow/nginx-deferred-stopped",
        title: "nginx is stopped, TLS, deferred accept",
        fault: "`listen 443 ssl deferred backlog=1`; the worker is stopped (SIGSTOP), and two connections fill the \
                accept queue between this one's handshake and its ClientHello. The edge gives up after 10 s.",
        edited: CUT,
        references: &[OPENING, RETRANSMITTING],
        over: Over::AtOnce,
        trim: first_connection,
        play: |lab| {
            let files = Leaf::GOOD.issue(lab)?;
            let server = format!("server {{ listen 443 ssl deferred backlog=1; {} }}", nginx::certificate(&files));
            let id = nginx::http(lab, 443, &server)?;
            stop_children(lab, id)?;
            crowded_out(lab, S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/accept-queue-overflow/node-syn-cookies-ipv6",
        title: "Node.js is stopped, TLS, SYN cookies, IPv6",
        fault: "`net.ipv4.tcp_syncookies=2` and a backlog of 1; the process is stopped (SIGSTOP), and two connections \
                fill the accept queue. The host keeps nothing of the handshake and so repeats nothing. The edge's bare \
                acknowledgement is lost. The edge gives up after 10 s.",
        edited: CUT,
        references: &[OPENING, RETRANSMITTING, COOKIES],
        family: Family::V6,
        over: Over::AtOnce,
        trim: first_connection,
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_syncookies=2"])?;
            let files = Leaf::GOOD.issue(lab)?;
            let listen = "listen({ port: 443, host: '::', backlog: 1 });";
            let script = format!("https.createServer({}).{listen}", node::certificate(&files));
            let id = node::start(lab, 443, &script)?;
            lab.stop_process(id)?;
            acknowledgements_late(lab)?;
            crowded_out(lab, S2n::DEFAULT)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/accept-queue-overflow/gunicorn-busy-then-reset",
        title: "gunicorn's only worker is busy, the host resets in the end",
        fault: "`--workers 1 --backlog 1`, and a request that takes a minute: two more connections fill the accept \
                queue. The host has `net.ipv4.tcp_synack_retries=2`; when it has forgotten the handshake, it answers \
                the request's next repetition by RST. The edge's bare acknowledgement is lost.",
        edited: CUT,
        references: &[OPENING, RETRANSMITTING],
        over: Over::AtOnce,
        trim: first_connection,
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_synack_retries=2"])?;
            busy_gunicorn(lab, "1")?;
            let _busy = busy(lab)?;
            lab.begin_capture_again()?;
            acknowledgements_late(lab)?;
            let mut http = Http::plain(lab, 80)?;
            let _queued = fill(lab, 80, 2)?;
            http.patience(Duration::from_secs(30))?;
            http.send(&Request::get("/cart"))?;
            http.expect_none()?;
            http.end(Ending::Drop)
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/accept-queue-overflow/gunicorn-many-connections",
        title: "gunicorn's only worker is busy: every picture of one fault",
        fault: "`--workers 1 --backlog 8`, and a request that takes a minute. Twenty connections come at once, of \
                which the kernel keeps eight half open and answers the others by SYN cookies; nine get into the accept \
                queue, then it is full. Eight more are not answered at all. After 4 s \
                `net.ipv4.tcp_abort_on_overflow=1` is set, which resets what is half open. The edge's first bare \
                acknowledgements are lost. The edge gives up after 8 s.",
        also: &["tcp.syn-unanswered", "tcp.reset-on-accept", "http.response-timeout"],
        references: &[OPENING, RETRANSMITTING],
        over: Over::AtOnce,
        play: many,
        ..Scenario::BLANK
    },
    Scenario {
        path: "tcp/reset-on-accept/node-abort-on-overflow",
        title: "Node.js is stopped, its accept queue is full, and the host resets",
        fault: "`net.ipv4.tcp_abort_on_overflow=1` and a backlog of 1; the process is stopped (SIGSTOP) and two \
                connections fill the accept queue. The edge's first acknowledgement is lost; the one that answers the \
                repeated SYN-ACK is answered by RST.",
        edited: CUT,
        references: &[OPENING],
        over: Over::AtOnce,
        trim: first_connection,
        play: |lab| {
            lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_abort_on_overflow=1"])?;
            let id = node::start(lab, 443, "net.createServer().listen({ port: 443, host: '0.0.0.0', backlog: 1 });")?;
            lab.stop_process(id)?;
            acknowledgements_late(lab)?;
            let mut edge = Plain::connect(lab, 443)?;
            let _queued = fill(lab, 443, 2)?;
            acknowledgements_in_time(lab)?;
            edge.patience(Duration::from_secs(5))?;
            ensure!(edge.read_some()?.is_empty(), "the origin answered");
            Ok(())
        },
        ..Scenario::BLANK
    },
    Scenario {
        path: "healthy/accept-queue-drained",
        title: "the accept queue is full for a second and a half, then the program goes on",
        fault: "None that lasts. Node.js is stopped (SIGSTOP) for 1.5 s with a backlog of 1, and two connections fill \
                the accept queue: the request is sent again until it finds room. The edge's bare acknowledgements are \
                lost.",
        edited: CUT,
        references: &[OPENING, RETRANSMITTING],
        over: Over::AtOnce,
        trim: first_connection,
        play: |lab| {
            let listen = "listen({ port: 80, host: '0.0.0.0', backlog: 1 });";
            let script = format!("http.createServer((request, answer) => answer.end('hello\\n')).{listen}");
            let id = node::start(lab, 80, &script)?;
            lab.stop_process(id)?;
            acknowledgements_late(lab)?;
            let mut http = Http::plain(lab, 80)?;
            let queued = fill(lab, 80, 2)?;
            let goes_on = lab.signal_later(id, vec![(MOMENT * 15, Signal::CONT)]);
            http.send(&Request::get("/"))?;
            std::thread::sleep(MOMENT * 10);
            acknowledgements_in_time(lab)?;
            http.expect(200)?;
            drop(queued);
            http.end(Ending::Fin)?;
            std::thread::sleep(MOMENT);
            goes_on.join().unwrap_or(Ok(()))
        },
        ..Scenario::BLANK
    },
];

/// A connection whose handshake is done, and that finds the queue full when its ClientHello comes.
fn crowded_out(lab: &mut Lab, edge: S2n) -> Result<()> {
    // The connections that fill the queue begin later, but complete their handshake first.
    let origin = lab.origin(443);
    let fillers = lab.later_in_edge(MOMENT * 5, move || {
        let fillers = fill_at(origin, 2)?;
        std::thread::sleep(PATIENCE);
        drop(fillers);
        Ok(())
    });
    let edge = S2n { before_hello: MOMENT * 10, patience: PATIENCE, ..edge };
    edge.must_fail(lab, 443)?;
    fillers.join().unwrap_or(Ok(()))
}

/// Connections that send a byte each, so that the kernel puts them into the accept queue.
fn fill(lab: &Lab, port: u16, number: usize) -> Result<Vec<TcpStream>> {
    fill_at(lab.origin(port), number)
}

fn fill_at(origin: std::net::SocketAddr, number: usize) -> Result<Vec<TcpStream>> {
    use std::io::Write as _;
    let mut fillers = Vec::new();
    for _ in 0..number {
        fillers.push(TcpStream::connect(origin)?);
    }
    for filler in &mut fillers {
        filler.write_all(b"\x16")?;
    }
    std::thread::sleep(MOMENT);
    Ok(fillers)
}

/// gunicorn with one worker, which takes a minute over a request.
fn busy_gunicorn(lab: &mut Lab, backlog: &str) -> Result<()> {
    let application = "import time\ndef app(environ, start_response):\n    time.sleep(60)\n    \
                       start_response('200 OK', [('Content-Length', '0')])\n    return []\n";
    let options = ["--workers", "1", "--backlog", backlog, "--timeout", "90"];
    gunicorn::http(lab, &options, application).map(drop)
}

/// The request that keeps the worker busy.
fn busy(lab: &mut Lab) -> Result<Http<Plain>> {
    let mut http = Http::plain(lab, 80)?;
    http.send(&Request::get("/report"))?;
    std::thread::sleep(MOMENT * 5);
    Ok(http)
}

fn many(lab: &mut Lab) -> Result<()> {
    /// The edge's patience here.
    const SHORT: Duration = Duration::from_secs(8);
    busy_gunicorn(lab, "8")?;
    let mut first = busy(lab)?;
    acknowledgements_late(lab)?;
    let mut at_once: Vec<Http<Plain>> =
        std::iter::repeat_with(|| Http::plain(lab, 80)).take(20).collect::<Result<_>>()?;
    // The first eight are half open: four of them say nothing, four speak when the others have filled the queue.
    for number in (8..20).chain(0..4) {
        let http = at_once.get_mut(number).context("a connection")?;
        http.send(&Request::get(&format!("/page/{number}")))?;
    }
    std::thread::sleep(MOMENT);
    acknowledgements_in_time(lab)?;
    let origin = lab.origin(80);
    let refused = |_| std::thread::spawn(move || TcpStream::connect_timeout(&origin, SHORT).is_err());
    let late: Vec<_> = (0..8).map(refused).collect();
    std::thread::sleep(SHORT / 2);
    lab.in_origin("sysctl", &["-qw", "net.ipv4.tcp_abort_on_overflow=1"])?;
    for attempt in late {
        ensure!(attempt.join().unwrap_or(false), "the host answers although its queue is full");
    }
    first.patience(MOMENT)?;
    for http in at_once.into_iter().chain([first]) {
        http.end(Ending::Drop)?;
    }
    std::thread::sleep(MOMENT);
    Ok(())
}

fn acknowledgements_late(lab: &Lab) -> Result<()> {
    let rules =
        format!("table inet late {{ chain c {{ type filter hook output priority 0;\n{ACKNOWLEDGEMENTS_LATE}\n}}\n}}\n");
    let file = lab.write("late.nft", rules)?;
    lab.in_edge("nft", &["-f", &file.display().to_string()]).map(drop)
}

fn acknowledgements_in_time(lab: &Lab) -> Result<()> {
    lab.in_edge("nft", &["delete", "table", "inet", "late"]).map(drop)
}

/// Stops (SIGSTOP) the processes that a process has started: the workers of a master.
fn stop_children(lab: &Lab, id: u32) -> Result<()> {
    lab.in_origin("pkill", &["-STOP", "-P", &id.to_string()]).map(drop)
}

/// Keeps the packets of the connection that was begun first.
fn first_connection(packets: Vec<Packet>) -> Vec<Packet> {
    let begins = |p: &Packet| p.segment().filter(|s| s.flags & (SYN | ACK) == SYN).map(|s| s.source_port);
    let Some(first) = packets.iter().find_map(begins) else { return packets };
    let of_first = |p: &Packet| p.segment().is_some_and(|s| s.source_port == first || s.destination_port == first);
    packets.into_iter().filter(of_first).collect()
}
