//! After how long idle an origin closes: measured on real servers, and held against what they were told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod common;
#[path = "common/packets.rs"]
mod packets;

use std::fs;

use common::{analyse, analyse_by, cases};
use packets::Capture;
use why502::report::IdleCloses;

const FIN_ACK: u8 = 17;

/// The measured time may be so far from the configured one.
const NEAR_MS: i64 = 100;

fn closes(name: &str) -> Vec<IdleCloses> {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    analyse_by(&fs::read(&case.path).unwrap(), &case.with_keys()).unwrap().1.idle_closes
}

#[test]
fn the_timeout_of_each_server_is_measured() {
    for (name, configured_ms, closes_seen, races, directive) in [
        ("http/keep-alive-race/nginx-tls13-keys", 1_000, 1, 1, "nginx `keepalive_timeout 75s;`"),
        ("http/keep-alive-race/nginx-tls12", 1_000, 1, 1, "nginx `keepalive_timeout`"),
        ("http/keep-alive-race/apache-2s", 2_000, 1, 1, "Apache `KeepAliveTimeout 75`"),
        ("http/keep-alive-race/gunicorn-2s", 2_000, 1, 1, "gunicorn `--keep-alive 75`"),
        ("http/keep-alive-race/haproxy-2s", 2_000, 1, 1, "HAProxy `timeout http-keep-alive`"),
        // Node adds a second of its own to `keepAliveTimeout`.
        ("http/keep-alive-race/node-post-ipv6", 1_000 + 1_000, 1, 1, "Node `server.keepAliveTimeout`"),
        ("healthy/keep-alive-origin-closes", 1_000, 1, 0, "nginx `keepalive_timeout 75s;`"),
        ("healthy/idle-closes-apache", 2_000, 3, 0, "Apache `KeepAliveTimeout 75`"),
        ("healthy/idle-closes-gunicorn", 3_000, 3, 0, "gunicorn `--keep-alive 75`"),
        ("healthy/idle-closes-uvicorn-ipv6", 2_000, 3, 0, "uvicorn `--timeout-keep-alive 75`"),
    ] {
        let told = closes(name);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        let server = &told[0];
        assert_eq!((server.closes, server.races, server.at_once), (closes_seen, races, 0), "{name}");
        let off = server.typical.unwrap().0 / 1_000 - configured_ms;
        assert!(off.abs() <= NEAR_MS, "{name}: {off} ms off");
        assert!(server.steady && server.in_words().contains(directive), "{name}: {}", server.in_words());
    }
}

#[test]
fn what_closes_for_another_reason_is_no_timeout() {
    // Announced, by the edge, or after a reset at another time than a timer's.
    for name in ["healthy/closed-after-two-requests", "healthy/connection-close", "healthy/keep-alive-edge-closes"] {
        assert!(closes(name).is_empty(), "{name}");
    }
    assert!(closes("healthy/keep-alive-origin-resets").iter().all(|server| !server.steady));
}

/// A connection with one exchange that the origin closes after so many seconds, then the next.
fn idle(capture: Capture, seconds: u32) -> Capture {
    let (get, ok) = (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let kept = capture.open().exchange(get, ok).edge(16, b"").later(seconds);
    kept.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"").next()
}

#[test]
fn closes_are_told_apart_by_their_times() {
    for (what, seconds, steady, at_once, words) in [
        ("one timer", &[7, 7, 7][..], true, 0, "closes idle connections after 7.0 s, 3 of them."),
        ("a restart", &[3, 9, 31], false, 0, "(between 3.0 s and 31.0 s)"),
        ("a limit of requests", &[0, 0], false, 2, "closed 2 connections right after a response"),
        ("both", &[5, 0, 5], true, 1, "It closed a connection right after a response"),
    ] {
        let capture = seconds.iter().fold(Capture::new(), |capture, &s| idle(capture, s));
        let told = analyse(&capture.bytes()).unwrap().1.idle_closes;
        assert_eq!((told[0].steady, told[0].at_once), (steady, at_once), "{what}: {told:?}");
        assert!(told[0].in_words().contains(words), "{what}: {}", told[0].in_words());
        assert_eq!(told[0].in_words().contains("keep-alive-race"), steady, "{what}");
    }
}
