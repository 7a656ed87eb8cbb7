//! After how long idle an origin closes: measured on real servers, and held against what they were told.

use std::fs;

use crate::common::packets::Capture;
use crate::common::{analyse, analyse_by, cases};
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
        ("http/keep-alive-race/nginx-tls13-keys", 1_000, 1, 1, "nginx `keepalive_timeout`"),
        ("http/keep-alive-race/nginx-tls12", 1_000, 1, 1, "nginx `keepalive_timeout`"),
        ("http/keep-alive-race/apache-2s", 2_000, 1, 1, "Apache `KeepAliveTimeout`"),
        ("http/keep-alive-race/gunicorn-2s", 2_000, 1, 1, "gunicorn `--keep-alive`"),
        ("http/keep-alive-race/haproxy-2s", 2_000, 1, 1, "HAProxy `timeout http-keep-alive`"),
        // Node adds a second of its own to `keepAliveTimeout`.
        ("http/keep-alive-race/node-post-ipv6", 1_000 + 1_000, 1, 1, "Node `server.keepAliveTimeout`"),
        ("healthy/idle-closes-apache", 2_000, 3, 0, "Apache `KeepAliveTimeout`"),
        ("healthy/idle-closes-gunicorn", 3_000, 3, 0, "gunicorn `--keep-alive`"),
        ("healthy/idle-closes-tomcat", 2_000, 3, 0, "Tomcat `keepAliveTimeout`"),
        ("healthy/idle-closes-uvicorn-ipv6", 2_000, 3, 0, "uvicorn `--timeout-keep-alive`"),
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
    // Once is no rule.
    for name in ["healthy/keep-alive-origin-resets", "healthy/keep-alive-origin-closes"] {
        assert!(closes(name).iter().all(|server| !server.steady), "{name}");
    }
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
        ("once", &[7], false, 0, "closes an idle connection after 7.0 s."),
        (
            "one of eleven otherwise",
            &[5, 5, 5, 5, 5, 2, 5, 5, 5, 5, 5],
            true,
            0,
            "after 5.0 s (between 2.0 s and 5.0 s), 11 of them.",
        ),
        ("a restart", &[3, 9, 31], false, 0, "(between 3.0 s and 31.0 s)"),
        ("none is kept", &[0, 0], false, 2, "right after a response, without `Connection: close`: it keeps none"),
        ("both", &[5, 0, 5], true, 1, "It closed a connection right after a response"),
    ] {
        let capture = seconds.iter().fold(Capture::new(), |capture, &s| idle(capture, s));
        let told = analyse(&capture.bytes()).unwrap().1.idle_closes;
        assert_eq!((told[0].steady, told[0].at_once), (steady, at_once), "{what}: {told:?}");
        assert!(told[0].in_words().contains(words), "{what}: {}", told[0].in_words());
        assert_eq!(told[0].in_words().contains("keep-alive-race"), steady, "{what}");
    }
}

/// A connection that the origin closes after so many exchanges.
fn served(capture: Capture, requests: usize) -> Capture {
    let (get, ok) = (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let kept = (0..requests).fold(capture.open(), |capture, _| capture.exchange(get, ok).edge(16, b""));
    kept.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"").next()
}

#[test]
fn what_is_closed_at_once_is_told_apart() {
    for (what, requests, apart, words) in [
        ("a limit", &[3, 3, 3][..], 9, "closed 3 connections at 3 requests each, right after a response"),
        ("whenever", &[3, 2, 5], 9, "a limit of requests per connection, or a reload"),
        ("once", &[3], 9, "closed a connection right after a response"),
        ("a reload", &[3, 1, 2], 0, "of each other, right after a response, without `Connection: close`: a reload"),
    ] {
        let capture = requests.iter().fold(Capture::new(), |capture, &n| served(capture, n).later(apart));
        let told = analyse(&capture.bytes()).unwrap().1.idle_closes;
        assert_eq!(told[0].at_once, requests.len() as u64, "{what}");
        assert!(told[0].in_words().contains(words), "{what}: {}", told[0].in_words());
    }
}

#[test]
fn what_is_closed_together_is_one_occasion() {
    let (get, ok) = (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let ends = [40_112, 40_113, 40_114].map(|port| (([130, 176, 1, 2], port), ([10, 0, 0, 5], 80)));
    let opened = ends.iter().fold(Capture::new(), |capture, &(edge, origin)| {
        capture.between(edge, origin).open().exchange(get, ok).edge(16, b"")
    });
    let closed = ends.iter().fold(opened.later(13), |capture, &(edge, origin)| {
        capture.between(edge, origin).origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"")
    });
    let told = analyse(&closed.bytes()).unwrap().1.idle_closes;
    assert_eq!((told[0].closes, told[0].steady), (3, false), "{told:?}");
}

#[test]
fn the_end_of_a_body_is_no_close_of_an_idle_connection() {
    let (get, ok) = (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nok");
    let capture = Capture::new().open().exchange(get, ok).origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"");
    assert!(analyse(&capture.bytes()).unwrap().1.idle_closes.is_empty());
}
