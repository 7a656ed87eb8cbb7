//! How long things took, as the JSON report tells it.

use crate::common;
use crate::common::packets;
use std::fs;
use std::io::Cursor;
use std::ops::RangeInclusive;

use serde_json::Value;
use why502::analysis::{Options, run};
use why502::report::Json;
use why502::source::Source;

fn report(capture: &[u8]) -> Value {
    let mut out = Vec::new();
    let source = Source::from_reader(Box::new(Cursor::new(capture.to_vec())), "capture.pcap").unwrap();
    run(vec![("capture.pcap".into(), source)], &Options::default(), &mut Json::new(&mut out), |_, _| {}).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn capture(name: &str) -> Vec<u8> {
    fs::read(common::root().join(name).join("capture.pcap")).unwrap()
}

/// Every number under a name that ends in `_us`, with where it is.
fn durations(value: &Value, path: &str, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(k, v)| durations(v, &format!("{path}/{k}"), found)),
        Value::Array(all) => all.iter().for_each(|v| durations(v, path, found)),
        Value::Number(n) if path.contains("_us") => found.push((path.to_owned(), n.as_f64().unwrap())),
        _ => {}
    }
}

/// Where the records of a classic capture file begin.
fn records(file: &[u8]) -> Vec<usize> {
    let mut at = 24;
    let mut found = Vec::new();
    while let Some(len) = file.get(at + 8..at + 12) {
        found.push(at);
        at += 16 + u32::from_le_bytes(len.try_into().unwrap()) as usize;
    }
    found
}

#[test]
fn steps_take_what_a_person_reads_from_the_packets() {
    // Capture, where in its first connection, microseconds.
    let cases: &[(&str, &str, Option<RangeInclusive<u64>>)] = &[
        ("healthy/tls12-nginx", "/timing/network_rtt_us", Some(1..=1_000)),
        ("healthy/tls12-nginx", "/timing/server_hello_us", Some(100..=5_000)),
        ("healthy/tls12-nginx", "/timing/client_flight_us", Some(100..=5_000)),
        ("healthy/tls12-nginx", "/tls/handshake_us", Some(1_000..=10_000)),
        ("healthy/tls12-nginx", "/http/0/first_byte_us", None),
        ("healthy/keep-alive-origin-closes", "/http/0/idle_before_us", None),
        ("healthy/keep-alive-origin-closes", "/http/1/idle_before_us", Some(1..=10_000)),
        ("healthy/keep-alive-origin-closes", "/timing/idle_before_close_us", Some(1_000_000..=1_100_000)),
        ("healthy/keep-alive-origin-closes", "/timing/client_hello_us", None),
        ("http/encrypted-response-timeout/node-3s-tls13", "/timing/idle_before_close_us", None),
        ("tcp/port-closed/nothing-listens", "/timing/network_rtt_us", None),
    ];
    for (name, pointer, expected) in cases {
        let document = report(&capture(name));
        let told = document["connections"][0].pointer(pointer).and_then(Value::as_u64);
        match (told, expected) {
            (None, None) => {}
            (Some(us), Some(range)) => assert!(range.contains(&us), "{name} {pointer}: {us}"),
            other => panic!("{name} {pointer}: {other:?}"),
        }
    }
}

#[test]
fn the_summary_counts_what_the_connections_say() {
    for case in common::cases() {
        let document = report(&fs::read(&case.path).unwrap());
        let connections = document["connections"].as_array().unwrap();
        let edge_only = document["summary"]["other"]["connections"].as_u64() > Some(0);
        let counted = connections.iter().filter(|c| !edge_only || c["role"] == "edge");
        let mut told: Vec<_> = counted.filter_map(|c| c["timing"]["network_rtt_us"].as_u64()).collect();
        told.sort_unstable();
        let spread = &document["summary"]["timing"]["network_rtt_us"];
        let number = |name: &str| spread[name].as_u64();
        assert_eq!(number("count").unwrap_or(0), told.len() as u64, "{}", case.name);
        assert_eq!((number("min"), number("max")), (told.first().copied(), told.last().copied()), "{}", case.name);
    }
}

#[test]
fn exchanges_that_are_not_listed_are_timed() {
    let (request, response) = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n");
    let open = packets::Capture::new().open();
    let document = report(&(0..400).fold(open, |c, _| c.exchange(request, response)).close().bytes());
    let times = &document["summary"]["timing"];
    assert!(document["connections"][0]["http"].as_array().unwrap().len() < 400);
    for (step, count) in [("first_byte_us", 400), ("exchange_us", 400), ("idle_before_request_us", 399)] {
        // A millisecond lies between two packets.
        let spread =
            serde_json::json!({"count": count, "min": 1_000, "p50": 1_000, "p90": 1_000, "p99": 1_000, "max": 1_000});
        assert_eq!(times[step], spread, "{step}");
    }
}

#[test]
fn no_duration_is_negative_whenever_the_clock_is_set_back() {
    for name in ["healthy/keep-alive-origin-closes", "healthy/tls12-nginx", "healthy/tls13-haproxy"] {
        let whole = capture(name);
        let starts = records(&whole);
        for &from in &starts {
            let mut set_back = whole.clone();
            for &at in starts.iter().filter(|&&at| at >= from) {
                let seconds = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap());
                set_back[at..at + 4].copy_from_slice(&(seconds - 3_600).to_le_bytes());
            }
            let mut found = Vec::new();
            durations(&report(&set_back), "", &mut found);
            assert!(!found.is_empty());
            assert!(found.iter().all(|(_, us)| *us >= 0.0), "{name} from {from}: {found:?}");
        }
    }
}
