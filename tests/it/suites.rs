//! Every cipher suite and every way in which keys come about: what is opened equals what is said in clear.
//!
//! A capture below `captures/suites/` begins with one connection in clear; the others say the same inside of TLS.
//! `tshark.txt` beside it is what tshark tells of the same file with the same keys, made by `tests/tshark.sh`.

use crate::common::tape;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::common::tape::{ACK, FIN, RST, SYN, Tape, read, write};
use serde_json::Value;
use why502::analysis::{Options, run};
use why502::report::Json;
use why502::source::Source;

/// Seeds of the shuffles.
const SHUFFLES: u64 = 20;

/// How far a shuffle may carry a packet.
const REACH: usize = 4;

/// The captures, and how often each suite is in it.
const TABLE: &[(&str, &[(&str, usize)])] = &[
    ("tls12", TLS12),
    ("tls12-mac-then-encrypt", TLS12),
    (
        "tls10-tls11",
        &[
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 4),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 4),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 4),
            ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 4),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", 4),
            ("TLS_RSA_WITH_AES_256_CBC_SHA", 4),
            ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 4),
            ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 4),
        ],
    ),
    (
        "s2n",
        &[
            ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 1),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 1),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 1),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 1),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 1),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 1),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 1),
            ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 1),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 1),
            ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 1),
            ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 1),
            ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 1),
            ("TLS_RSA_WITH_AES_128_GCM_SHA256", 1),
            ("TLS_RSA_WITH_AES_256_GCM_SHA384", 1),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", 1),
            ("TLS_RSA_WITH_AES_256_CBC_SHA", 1),
            ("TLS_RSA_WITH_AES_128_CBC_SHA256", 1),
            ("TLS_AES_128_GCM_SHA256", 1),
            ("TLS_AES_256_GCM_SHA384", 1),
            ("TLS_CHACHA20_POLY1305_SHA256", 1),
        ],
    ),
    // Twice each; two sessions taken up again, two with KeyUpdate, and five around early data.
    ("tls13", &[("TLS_AES_128_GCM_SHA256", 2), ("TLS_AES_256_GCM_SHA384", 11), ("TLS_CHACHA20_POLY1305_SHA256", 2)]),
    ("tls12-resumed", &[("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 4), ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 4)]),
];

/// Of TLS 1.2, all that OpenSSL 3 offers of the kinds that are opened, with a certificate of RSA or ECDSA.
const TLS12: &[(&str, usize)] = &[
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 1),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 1),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 1),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 1),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 1),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 1),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 1),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 1),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 1),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 1),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 1),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 1),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", 1),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 1),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", 1),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", 1),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", 1),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", 1),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", 1),
    ("TLS_RSA_WITH_AES_256_CBC_SHA256", 1),
    ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 1),
    ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", 1),
    ("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 1),
    ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 1),
    ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", 1),
    ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", 1),
    ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", 1),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/suites").join(name)
}

/// The tape and the key log of a capture.
fn subject(name: &str) -> (Tape, String) {
    let capture = fs::read(folder(name).join("capture.pcap")).unwrap();
    (read(&capture), fs::read_to_string(folder(name).join("keys.log")).unwrap())
}

/// The whole report.
fn report(tape: &[tape::Packet], log: &str) -> Value {
    let options = Options::default();
    options.keys.read(log.as_bytes()).unwrap();
    let source = Source::from_reader(Box::new(Cursor::new(write(tape))), "memory").unwrap();
    let mut out = Vec::new();
    let mut json = Json::new(&mut out);
    run(vec![("memory".into(), source)], &options, &mut json, |_, _| {}).unwrap();
    drop(json);
    serde_json::from_slice(&out).unwrap()
}

/// What a connection says in HTTP, field by field, but for where and when.
fn said(connection: &Value) -> Value {
    let mut said = connection["http"].clone();
    for exchange in said.as_array_mut().unwrap() {
        for half in ["request", "response"] {
            let half = exchange[half].as_object_mut().unwrap_or_else(|| panic!("a half is missing: {connection}"));
            half.retain(|field, _| field != "frame" && field != "time");
        }
        exchange.as_object_mut().unwrap().retain(|field, _| !field.ends_with("_us"));
    }
    said
}

fn connections(report: &Value) -> Vec<Value> {
    let mut all = report["connections"].as_array().unwrap().clone();
    all.sort_by_key(|c| c["id"].as_u64());
    all
}

/// Every connection inside of TLS says what the one in clear says.
fn check(name: &str, how: &str, report: &Value) {
    let all = connections(report);
    let (clear, inside): (Vec<_>, Vec<_>) = all.iter().partition(|c| c["tls"].is_null());
    let [clear] = clear[..] else { panic!("{name}, {how}: one connection is in clear, not {}", clear.len()) };
    let expected = said(clear);
    assert_eq!(expected.as_array().unwrap().len(), 2, "{name}, {how}: {expected}");
    for c in inside {
        let cipher = &c["tls"]["server_hello"]["cipher"]["name"];
        assert_eq!(c["tls"]["not_opened"], Value::Null, "{name}, {how}: {cipher} of connection {}", c["id"]);
        assert_eq!(c["tls"]["decrypted"], true, "{name}, {how}: {cipher} of connection {}", c["id"]);
        assert_eq!(said(c), expected, "{name}, {how}: {cipher} of connection {}", c["id"]);
        assert_eq!(c["verdict"]["outcome"], "ok", "{name}, {how}: {c}");
    }
}

#[test]
fn under_every_suite_the_same_is_said() {
    for (name, suites) in TABLE {
        let (tape, log) = subject(name);
        let report = report(&tape, &log);
        check(name, "in order", &report);
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for c in connections(&report).iter().filter(|c| !c["tls"].is_null()) {
            *found.entry(c["tls"]["server_hello"]["cipher"]["name"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let expected = suites.iter().map(|(suite, n)| ((*suite).to_owned(), *n)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// Whether a packet carries data, or the end of it, on an open connection.
fn is_data(packet: &tape::Packet) -> bool {
    packet.is_tcp() && packet.payload() > 0 && packet.flags() & (SYN | RST) == 0
}

#[test]
fn so_it_is_where_packets_come_twice() {
    for (name, _) in TABLE {
        let (tape, log) = subject(name);
        // Captured twice, and sent again under another number of IP, at once or 3 ms later.
        for (after, sent_again) in [(0, false), (0, true), (3_000, true)] {
            let mut doubled = Vec::new();
            for packet in &tape {
                doubled.push(packet.clone());
                if is_data(packet) {
                    let mut copy = packet.clone();
                    copy.micros += after;
                    if sent_again {
                        copy.bytes[tape::ETHERNET + 4] ^= 0x55;
                    }
                    doubled.push(copy);
                }
            }
            doubled.sort_by_key(|packet| packet.micros);
            check(name, &format!("each twice after {after} us"), &report(&doubled, &log));
        }
    }
}

/// Data packets of one direction that follow each other may come in any order; those of the other direction stay where
/// they are between them, as nobody answers what has not come.
fn shuffled(tape: &[tape::Packet], mut next: impl FnMut(usize) -> usize) -> Tape {
    let mut tape = tape.to_vec();
    let mut at = 0;
    while at < tape.len() {
        let run = |p: &tape::Packet| is_data(p).then(|| p.ports());
        let end = (at..tape.len())
            .find(|&i| run(&tape[i]).is_none() || run(&tape[i]) != run(&tape[at]))
            .unwrap_or(tape.len());
        let end = end.min(at + REACH);
        for i in at..end {
            let with = i + next(end - i);
            let (a, b) = (tape[i].micros, tape[with].micros);
            tape.swap(i, with);
            (tape[i].micros, tape[with].micros) = (a, b);
        }
        at = end.max(at + 1);
    }
    tape
}

#[test]
fn so_it_is_where_packets_overtake_each_other() {
    for (name, _) in TABLE {
        let (whole, log) = subject(name);
        // In more pieces than they were sent in, so that there is something to overtake.
        let tape: Tape = whole
            .iter()
            .flat_map(|p| {
                if is_data(p) && p.payload() > 1 && p.flags() & FIN == 0 { p.split().to_vec() } else { vec![p.clone()] }
            })
            .collect();
        assert!(tape.len() > whole.len() && tape.iter().any(|p| p.flags() & ACK != 0));
        check(name, "in pieces", &report(&tape, &log));
        check(name, "the last first", &report(&shuffled(&tape, |n| n - 1), &log));
        for seed in 1..=SHUFFLES {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let next = |n: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state % n as u64) as usize
            };
            check(name, &format!("shuffle {seed}"), &report(&shuffled(&tape, next), &log));
        }
    }
}

#[test]
fn what_is_not_opened_says_why() {
    let (tape, log) = subject("not-opened");
    let all = report(&tape, &log);
    let inside: Vec<_> = connections(&all).into_iter().filter(|c| !c["tls"].is_null()).collect();
    assert_eq!(inside.len(), 3);
    for c in &inside {
        let (tls, name) = (&c["tls"], c["tls"]["server_hello"]["cipher"]["name"].as_str().unwrap());
        assert_eq!((&tls["decrypted"], &tls["not_opened"]["reason"]), (&false.into(), &"cipher-not-supported".into()));
        assert!(tls["not_opened"]["detail"].as_str().unwrap().starts_with(name), "{tls}");
        assert_eq!((&c["verdict"]["outcome"], c["http"].as_array().unwrap().len()), (&"ok".into(), 0), "{c}");
    }
    let problems = all["captures"][0]["problems"].as_array().unwrap();
    let unused = problems.iter().find(|p| p["kind"] == "key-log-unused").unwrap();
    assert_eq!(unused["count"], 3, "{unused}");
    // Without a log nothing is amiss.
    let without = report(&tape, "");
    assert!(connections(&without).iter().all(|c| c["tls"]["not_opened"].is_null()));
    assert!(!without["captures"][0]["problems"].to_string().contains("key-log-unused"));
}

/// Each reason, on the connection of a capture that shows it.
#[test]
fn each_reason_is_told() {
    let (tape, log) = subject("tls13");
    let (tape12, log12) = subject("tls12-resumed");
    let without = |log: &str, label: &str| -> String {
        let rest: String =
            log.lines().filter(|line| !line.starts_with(label)).map(|line| format!("{line}\n")).collect();
        // A log with nothing in it is none.
        format!("CLIENT_RANDOM {} {}\n{rest}", "0".repeat(64), "0".repeat(96))
    };
    let wrong = |log: &str, label: &str| -> String {
        let change = |line: &str| match line.strip_suffix('0') {
            _ if !line.starts_with(label) => format!("{line}\n"),
            Some(rest) => format!("{rest}1\n"),
            None => format!("{}0\n", &line[..line.len() - 1]),
        };
        log.lines().map(change).collect()
    };
    for label in
        ["CLIENT_HANDSHAKE", "SERVER_HANDSHAKE", "CLIENT_TRAFFIC", "SERVER_TRAFFIC", "CLIENT_EARLY", "CLIENT_RANDOM"]
    {
        let (tape, log) = if label == "CLIENT_RANDOM" { (&tape12, &log12) } else { (&tape, &log) };
        for (log, reason) in [(without(log, label), "no-secret"), (wrong(log, label), "not-authentic")] {
            let all = connections(&report(tape, &log));
            let told: Vec<_> = all.iter().filter(|c| !c["tls"]["not_opened"].is_null()).collect();
            // Early data that is refused needs no secret.
            let expected = if label == "CLIENT_EARLY" { 1 } else { all.len() - 1 };
            assert_eq!(told.len(), expected, "{label} {reason}");
            for c in told {
                let shut = &c["tls"]["not_opened"];
                assert_eq!(shut["reason"], reason, "{label}: {shut}");
                assert_eq!((&c["tls"]["decrypted"], c["http"].as_array().unwrap().len()), (&false.into(), 0), "{c}");
                assert_ne!(c["verdict"]["outcome"], "failed", "{c}");
                let names = reason == "no-secret" && shut["detail"].as_str().unwrap().contains(label);
                assert!(names || reason != "no-secret", "{shut}");
            }
        }
    }
    // A hole: every connection has its longest segment missing.
    let mut longest: BTreeMap<(u16, u16), usize> = BTreeMap::new();
    for (i, p) in tape.iter().enumerate().filter(|(_, p)| is_data(p) && p.is_origins()) {
        let best = longest.entry(p.ports()).or_insert(i);
        if tape[*best].payload() < p.payload() {
            *best = i;
        }
    }
    let holed: Tape =
        tape.iter().enumerate().filter(|(i, _)| !longest.values().any(|n| n == i)).map(|(_, p)| p.clone()).collect();
    for c in connections(&report(&holed, &log)).iter().filter(|c| c["server"]["port"] != 80) {
        let reason = c["tls"]["not_opened"]["reason"].as_str().unwrap_or_default();
        assert!(matches!(reason, "gap" | "hello-missing"), "{}", c["tls"]["not_opened"]);
    }
}

/// tshark, another program of other people, opens the same records and tells the same exchanges.
#[test]
fn tshark_tells_the_same() {
    for (name, _) in TABLE {
        let (tape, log) = subject(name);
        let theirs = fs::read_to_string(folder(name).join("tshark.txt")).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut ours = Vec::new();
        for (stream, c) in connections(&report(&tape, &log)).iter().enumerate() {
            let text = |v: &Value| v.as_str().map(str::to_owned).unwrap_or_default();
            for e in c["http"].as_array().unwrap() {
                let (asked, answered) = (&e["request"], &e["response"]);
                ours.push(format!(
                    "{stream} {} {} {} {} {} {} {}",
                    text(&asked["method"]),
                    text(&asked["target"]),
                    text(&asked["host"]),
                    answered["status"],
                    text(&answered["reason"]),
                    asked["frame"],
                    answered["frame"],
                ));
            }
        }
        ours.sort();
        let mut theirs: Vec<_> = theirs.lines().map(str::to_owned).collect();
        theirs.sort();
        assert_eq!(ours, theirs, "{name}");
    }
}
