//! Whose connection it is, and what failed behind it: contract, ruling 21, on real captures.

use std::fs;

use crate::common::packets::{Capture, End};
use crate::common::{Ear, analyse, analyse_by, root};
use why502::analysis::Options;
use why502::report::{OtherCounts, Summary};

fn told(name: &str, all_roles: bool) -> (Ear, Summary) {
    let bytes = fs::read(root().join(name).join("capture.pcap")).unwrap_or_else(|e| panic!("{name}: {e}"));
    analyse_by(&bytes, &Options { all_roles, ..Options::default() }).unwrap()
}

#[test]
fn the_edges_connections_count_and_the_others_are_told_beside() {
    // Roles in the order of the connections; then how many count, how many of these failed, and the same of the rest.
    for (name, roles, counted, other) in [
        ("app/origin-502/nginx-loopback-refuses", "edge inner", (1, 1), (1, 1)),
        ("app/origin-502/nginx-behind-worker-killed", "edge inner", (1, 1), (1, 1)),
        ("app/origin-503/apache-behind-refuses-load-balancer", "edge inner", (1, 1), (1, 1)),
        ("healthy/proxied-on-loopback", "edge inner", (1, 0), (1, 0)),
        // The proxy's check of its upstream comes before anybody has connected to this host.
        ("healthy/proxied-to-another-host", "inner edge inner", (1, 0), (2, 0)),
        ("capture/no-edge-traffic/health-checks", "health-check", (1, 0), (0, 0)),
        ("capture/no-edge-traffic/scanner", "other", (1, 0), (0, 0)),
    ] {
        for all_roles in [false, true] {
            let (ear, summary) = told(name, all_roles);
            let mut by_id: Vec<_> = ear.connections.iter().map(|t| (t.id, t.role.as_str())).collect();
            by_id.sort_unstable();
            assert_eq!(by_id.iter().map(|(_, role)| *role).collect::<Vec<_>>().join(" "), roles, "{name}");
            let (connections, failed) = if all_roles { (other.0 + counted.0, other.1 + counted.1) } else { counted };
            let rest = if all_roles { (0, 0) } else { other };
            assert_eq!((summary.counts.connections, summary.counts.failed), (connections, failed), "{name}");
            assert_eq!(summary.other, OtherCounts { connections: rest.0, failed: rest.1 }, "{name}");
        }
    }
}

#[test]
fn what_failed_behind_an_exchange_is_named_in_its_finding() {
    for (name, cause, frames, words) in [
        ("app/origin-502/nginx-loopback-refuses", "tcp.port-closed", &[6, 7][..], "127.0.0.1:8080 refused"),
        ("app/origin-502/caddy-loopback-resets", "http.reset-before-response", &[9, 11], "127.0.0.1:8080 reset"),
        ("app/origin-502/haproxy-loopback-closes", "http.closed-before-response", &[8, 10], "127.0.0.1:8080 closed"),
        (
            "app/origin-502/nginx-behind-keep-alive-race",
            "http.keep-alive-race",
            &[11, 15, 18, 19],
            "10.0.2.9:8080 closed",
        ),
        ("app/origin-503/apache-behind-refuses-load-balancer", "tcp.port-closed", &[6, 7], "10.0.2.9:8080 refused"),
        ("app/origin-504/nginx-behind-too-slow", "http.response-timeout", &[9, 11], "10.0.2.9:8080 did not answer"),
        ("app/origin-504/nginx-behind-dropped-load-balancer", "tcp.syn-unanswered", &[6, 7], "10.0.2.9:8080 did not"),
    ] {
        let (ear, summary) = told(name, false);
        let told = ear.connections.iter().find(|t| !t.inner.is_empty()).unwrap_or_else(|| panic!("{name}: not named"));
        assert_eq!((told.id, told.inner.as_slice()), (1, &[(2, cause, frames.to_vec())][..]), "{name}");
        let message = told.message.as_str();
        assert!(message.contains(&format!("; behind it {words}")), "{name}: {message}");
        assert!(summary.headline.contains(words), "{name}: {}", summary.headline);
    }
}

const EDGE: End = ([130, 176, 1, 2], 40_000);
const BALANCER: End = ([10, 0, 1, 7], 2_000);
const HOST: End = ([10, 0, 0, 5], 80);
const FROM_HOST: End = ([10, 0, 0, 5], 41_000);
const UPSTREAM: End = ([10, 0, 2, 9], 8_080);
const INTERNET: End = ([192, 88, 99, 1], 443);

const ACK: u8 = 16;
const RST: u8 = 4;

#[test]
fn the_order_of_connections_does_not_make_the_edge() {
    let refused = |c: Capture, from, to| c.between(from, to).refused();
    let healthy = |c: Capture, from, to| c.between(from, to).healthy();
    for (name, capture, roles) in [
        ("CloudFront first", refused(healthy(Capture::new(), EDGE, HOST), FROM_HOST, UPSTREAM), "edge inner"),
        ("upstream first", healthy(refused(Capture::new(), FROM_HOST, UPSTREAM), EDGE, HOST), "inner edge"),
        ("balancer first", refused(healthy(Capture::new(), BALANCER, HOST), FROM_HOST, UPSTREAM), "edge inner"),
        (
            "upstream before balancer",
            healthy(refused(Capture::new(), FROM_HOST, UPSTREAM), BALANCER, HOST),
            "inner edge",
        ),
        ("outgoing", healthy(refused(Capture::new(), FROM_HOST, INTERNET), BALANCER, HOST), "other edge"),
        ("outgoing, afterwards", refused(healthy(Capture::new(), EDGE, HOST), FROM_HOST, INTERNET), "edge other"),
        ("a stranger", refused(healthy(Capture::new(), EDGE, HOST), INTERNET, HOST), "edge other"),
    ] {
        let (ear, summary) = analyse(&capture.bytes()).unwrap();
        let mut by_id: Vec<_> = ear.connections.iter().map(|t| (t.id, t.role.as_str())).collect();
        by_id.sort_unstable();
        assert_eq!(by_id.iter().map(|(_, role)| *role).collect::<Vec<_>>().join(" "), roles, "{name}");
        // Only the edge's connections make the exit status and the headline.
        assert_eq!((summary.counts.failed, summary.other.failed), (0, 1), "{name}");
        assert!(summary.headline.starts_with("Nothing failed"), "{name}: {}", summary.headline);
    }
}

#[test]
fn of_several_failures_at_once_that_of_the_same_request_is_named() {
    let get = |id: &str| format!("GET /{id} HTTP/1.1\r\nHost: a\r\nX-Amz-Cf-Id: {id}\r\n\r\n");
    let bad = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    let ends = |n: u16| ((EDGE.0, EDGE.1 + n), (FROM_HOST.0, FROM_HOST.1 + n));
    let mut capture = Capture::new();
    for n in 0..3 {
        let request = get(&format!("id{n}"));
        capture = capture.between(ends(n).0, HOST).open().edge(ACK, request.as_bytes());
        capture = capture.between(ends(n).1, UPSTREAM).open().edge(ACK, request.as_bytes());
    }
    for n in 0..3 {
        capture = capture.between(ends(n).1, UPSTREAM).origin(RST | ACK, b"");
    }
    // A connection without a request of its own belongs to any of them, or to none.
    capture = capture.between((FROM_HOST.0, 42_000), UPSTREAM).refused();
    for n in 0..3 {
        capture = capture.between(ends(n).0, HOST).origin(ACK, bad).close();
    }
    let (ear, summary) = analyse(&capture.bytes()).unwrap();
    for told in ear.connections.iter().filter(|t| t.role.as_str() == "edge") {
        let named: Vec<_> = told.inner.iter().map(|(id, cause, _)| (*id, *cause)).collect();
        assert_eq!(named, [(told.id + 1, "http.reset-before-response")], "{}", told.id);
    }
    assert_eq!((summary.counts.failed, summary.other.failed), (3, 4));
    let behind = "behind 3 of them 10.0.2.9:8080 failed (http.reset-before-response)";
    assert!(summary.headline.contains(behind), "{}", summary.headline);
}
