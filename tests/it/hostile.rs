//! Captures that were made to be a burden: each ends in time, in little memory, and the report names the limit that it
//! reached. `benches/hostile.py --limits` has the same at their full size, and measures.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::packets::{self, Capture};

/// Address space that each may take, in KiB: what an empty program takes beside it is the most of it.
const MEMORY: u32 = 1_600_000;

/// In a build for tests, beside others.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the JSON report says of what is written to standard input.
fn report(args: &str, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send) -> String {
    let line = format!("ulimit -v {MEMORY}; exec {} --format json {args} -", env!("CARGO_BIN_EXE_why502"));
    let begun = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", &line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let done = thread::scope(|scope| {
        // Who has read enough reads no more.
        scope.spawn(move || drop(write(&mut input)));
        child.wait_with_output().unwrap()
    });
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(matches!(done.status.code(), Some(0 | 1)), "{:?} {said}", done.status);
    String::from_utf8(done.stdout).unwrap()
}

/// Files of the tests here, and arguments that name them.
fn kept(name: &str, bytes: &[u8]) -> String {
    let path = format!("{}/hostile-{name}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Seconds of a processor that it takes, and what is written.
fn cost(args: &str) -> (f64, Vec<u8>) {
    let line = format!("ulimit -v {MEMORY}; {} {args}; times >&2", env!("CARGO_BIN_EXE_why502"));
    let done = Command::new("sh").args(["-c", &line]).env("LC_ALL", "C").output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    // Of the shell, and of what it ran: `0m0.230000s 0m0.040000s`.
    let times = said.lines().last().unwrap().split_whitespace().map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    assert!(!done.stdout.is_empty(), "{said}");
    (times.sum(), done.stdout)
}

/// Four times as much costs four times as much, and not sixteen.
fn assert_linear(few: f64, many: f64) {
    assert!(many < 8.0 * few.max(0.1), "{few} s, and {many} s of four times as much");
}

/// A record of a pcap file.
fn record(packet: &[u8], second: u32) -> Vec<u8> {
    let len = (packet.len() as u32).to_le_bytes();
    [&(1_800_000_000 + second).to_le_bytes()[..], &[0; 4], &len, &len, packet].concat()
}

#[test]
fn a_decompression_bomb() {
    let told = report("", |out| {
        let mut gzip = GzEncoder::new(out, Compression::best());
        gzip.write_all(&Capture::new().refused().bytes())?;
        // One record of 200 KiB after the other, all of zeros.
        let zeros = record(&vec![0; 200 << 10], 1);
        for _ in 0..1_000 {
            gzip.write_all(&zeros)?;
        }
        gzip.finish().map(drop)
    });
    assert!(told.contains("\"kind\":\"decompression-limited\""), "{told}");
    assert!(told.contains("tcp.port-closed"), "what came before is told: {told}");
}

#[test]
fn more_connections_than_are_followed() {
    let told = report("--max-connections 500", |out| {
        let mut capture = Capture::new();
        for i in 0..6_000_u16 {
            capture = capture.between(([130, 176, (i >> 8) as u8, i as u8], 40_000), ([10, 0, 0, 5], 443)).edge(2, b"");
        }
        out.write_all(&capture.bytes())
    });
    assert!(told.contains("\"kind\":\"connections-evicted\""), "{}", &told[told.len() - 2_000..]);
}

#[test]
fn a_header_without_an_end() {
    const PIECE: usize = 60_000;
    let told = report("", |out| {
        let begun = Capture::new().open().edge(16, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let head = begun.origin(16, b"HTTP/1.1 200 OK\r\nX-Long: ");
        out.write_all(&head.bytes())?;
        let mut at = 9_001_u32 + 25;
        for i in 0..(100 << 20) / PIECE {
            let mut packet = vec![0x45, 0];
            packet.extend((40 + PIECE as u16).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 5, 130, 176, 1, 2, 0, 80, 0x9c, 0xb0]);
            packet.extend(at.to_be_bytes());
            packet.extend((1_001_u32 + 35).to_be_bytes());
            packet.extend([0x50, 16, 0xff, 0xff, 0, 0, 0, 0]);
            packet.resize(40 + PIECE, b'x');
            at = at.wrapping_add(PIECE as u32);
            out.write_all(&record(&packet, 1 + i as u32 / 1_000))?;
        }
        Ok(())
    });
    assert!(told.contains("http.headers-too-large") && told.contains("32,768 bytes"), "{told}");
}

#[test]
fn fragments_without_a_last_one() {
    let told = report("", |out| {
        out.write_all(&packets::header())?;
        for i in 0..65_535_u32 {
            let mut packet = vec![0x45, 0, 0, 28];
            packet.extend((i as u16).to_be_bytes());
            packet.extend([0x20, 0, 64, 6, 0, 0, 130, 176, (i >> 8) as u8, i as u8, 10, 0, 0, 5]);
            packet.extend([7; 8]);
            out.write_all(&record(&packet, 1))?;
        }
        Ok(())
    });
    assert!(told.contains("\"kind\":\"fragments-not-reassembled\",\"count\":65535"), "{told}");
}

#[test]
fn tunnels_within_tunnels() {
    let told = report("", |out| {
        // Ethernet in VXLAN in UDP in IP in Ethernet, a thousand deep.
        let mut frame: Vec<u8> = Vec::new();
        for _ in 0..1_000 {
            let udp = (8 + 8 + frame.len()) as u16;
            let mut outer = vec![2; 12];
            outer.extend([8, 0, 0x45, 0]);
            outer.extend((20 + udp).to_be_bytes());
            outer.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
            outer.extend([0xc0, 0, 0x12, 0xb5]);
            outer.extend(udp.to_be_bytes());
            outer.extend([0, 0, 8, 0, 0, 0, 0, 0, 1, 0]);
            outer.extend(frame);
            frame = outer;
        }
        let mut header = packets::header();
        header[20] = 1;
        out.write_all(&header)?;
        out.write_all(&record(&frame, 1))
    });
    assert!(told.contains("\"kind\":\"undecodable-frames\""), "{told}");
    assert!(told.contains("more than 8 headers around each other"), "{told}");
}

/// What a server of TLS 1.2 says in its first flight, with this list of certificates.
fn server_flight(list: &[u8]) -> Vec<u8> {
    let message = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat();
    let certificate = [&(list.len() as u32).to_be_bytes()[1..], list].concat();
    let flight = [message(2, &hello), message(11, &certificate)].concat();
    let record = |piece: &[u8]| [&[22, 3, 3][..], &(piece.len() as u16).to_be_bytes(), piece].concat();
    flight.chunks(16_000).flat_map(record).collect()
}

fn with_certificates(size: usize) -> String {
    let mut hello = vec![3, 3];
    hello.extend([9; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let hello = [&[1, 0, 0, hello.len() as u8][..], &hello].concat();
    let hello = [&[22, 3, 1, 0, hello.len() as u8][..], &hello].concat();
    let one = [&(size as u32).to_be_bytes()[1..], &vec![0x30; size]].concat();
    let flight = server_flight(&one.repeat(1_000));
    report("", |out| {
        let mut capture = Capture::new().open().edge(16, &hello);
        for piece in flight.chunks(1_400) {
            capture = capture.origin(16, piece);
        }
        out.write_all(&capture.close().bytes())
    })
}

#[test]
fn a_chain_of_a_thousand_certificates() {
    // All in one message that is short enough, and in one that is not.
    let document: serde_json::Value = serde_json::from_str(&with_certificates(40)).unwrap();
    let tls = &document["connections"][0]["tls"];
    assert_eq!(tls["certificates"].as_array().map(Vec::len), Some(24), "{document}");
    assert_eq!(tls["certificates_unlisted"], 976, "{document}");
    let long = with_certificates(900);
    assert!(long.contains("65536 are accepted"), "{long}");
}

#[test]
fn bytes_out_of_order() {
    let told = report("", |out| {
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let mut capture = Capture::new().open().edge(16, request);
        for i in 0..2_000_usize {
            // Every other byte, after a hole.
            capture = capture.origin_in_parts(16, &[(1 + 2 * i, b"x")], 0);
        }
        out.write_all(&capture.bytes())
    });
    assert!(told.contains("\"kind\":\"reassembly-limited\""), "{told}");
}

/// So many connections with 384 failed requests each, which are all kept of one.
fn failed_requests(connections: u16, request: &str) -> Vec<u8> {
    let (asked, answered) = (request.repeat(16), "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n".repeat(16));
    let mut capture = Capture::new();
    for port in 0..connections {
        capture = capture.between(([130, 176, 1, 2], 20_000 + port), ([10, 0, 0, 5], 80)).open();
        for _ in 0..384 / 16 {
            capture = capture.exchange(asked.as_bytes(), answered.as_bytes());
        }
    }
    capture.bytes()
}

/// A log of CloudFront's with these fields and rows at the time of a capture.
fn access_log(name: &str, fields: &str, rows: &str) -> String {
    kept(name, format!("#Version: 1.0\n#Fields: timestamp sc-status {fields}\n{rows}").as_bytes())
}

#[test]
fn many_rows_and_many_requests_of_one_identifier() {
    let capture = kept("id.pcap", &failed_requests(21, "GET / HTTP/1.1\r\nHost: a\r\nX-Amz-Cf-Id: a\r\n\r\n"));
    let log = access_log("id.log", "x-edge-request-id", &"1800000000\t502\ta\n".repeat(40_000));
    let (_, told) = cost(&format!("--format json --access-log {log} {capture}"));
    let document: serde_json::Value = serde_json::from_slice(&told).unwrap();
    let summary = &document["log_summary"];
    assert_eq!((&summary["joined_by_id"], &summary["unmentioned"]), (&40_000.into(), &0.into()), "{summary}");
    let row = &document["log_rows"][9_999];
    assert_eq!(row["attempts_total"], 21 * 384, "{row}");
    let attempts = row["attempts"].as_array().unwrap().iter().map(|attempt| attempt["connection"].as_u64().unwrap());
    assert_eq!(attempts.collect::<Vec<_>>(), [1, 21, 21, 21], "the first and the last ones");
}

#[test]
fn many_rows_of_one_target_that_may_be_from_the_cache() {
    let capture = Capture::new().healthy().later(2).next().healthy().bytes();
    let capture = kept("cache.pcap", &capture);
    let [few, many] = [4_000, 16_000].map(|n| {
        let rows =
            ["OriginError", "Error"].map(|detail| format!("1800000001\t502\t0\t/a\t{detail}\n").repeat(n)).concat();
        let log = access_log("cache.log", "time-taken cs-uri-stem x-edge-detailed-result-type", &rows);
        let (seconds, told) = cost(&format!("--format json --access-log {log} {capture}"));
        let document: serde_json::Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(document["log_summary"]["never_reached"], 2 * n, "{}", document["log_summary"]);
        let last = &document["log_rows"].as_array().unwrap().last().unwrap()["explanation"];
        assert!(n > 4_000 || last.as_str().unwrap().contains("from the cache"), "{last}");
        seconds
    });
    assert_linear(few, many);
}

/// What is asked for at other paths costs a row nothing.
#[test]
fn many_rows_beside_many_requests() {
    let capture = kept("beside.pcap", &failed_requests(11, &format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(40))));
    let row = format!("1800000000\t502\t0\t/{}b\tOriginError\n", "a".repeat(30));
    let log = access_log("beside.log", "time-taken cs-uri-stem x-edge-detailed-result-type", &row.repeat(9_000));
    let (_, told) = cost(&format!("--format json --access-log {log} {capture}"));
    let document: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(document["log_summary"]["never_reached"], 9_000, "{}", document["log_summary"]);
    let why = &document["log_rows"][0]["explanation"];
    assert!(why.as_str().unwrap().contains("another origin"), "{why}");
}

/// A row that was not compared with everything that it may be about is not said to have never reached this host; one
/// that was is, whatever else was asked for.
#[test]
fn rows_that_are_not_compared_with_all() {
    let cart = "POST /v1/cart HTTP/1.1\r\n\r\n";
    let why = ["more rows and requests than could be compared", "another origin"];
    for (name, connections, target, rows, joined, answer, why) in [
        ("weighed", 10, "/cart", 300, 260, "undecided", why[0]),
        ("looked", 11, "/other", 1, 0, "never_reached", why[1]),
    ] {
        let capture = kept(&format!("{name}.pcap"), &failed_requests(connections, cart));
        let row = format!("1800000000\t502\t0\t{target}\tOriginError\n");
        let fields = "time-taken cs-uri-stem x-edge-detailed-result-type";
        let log = access_log(&format!("{name}.log"), fields, &row.repeat(rows));
        let (_, told) = cost(&format!("--format json --access-log {log} {capture}"));
        let document: serde_json::Value = serde_json::from_slice(&told).unwrap();
        let summary = &document["log_summary"];
        let counts = ["joined", answer].map(|answer| summary[answer].as_u64().unwrap());
        assert_eq!(counts, [joined, rows as u64 - joined], "{name}: {summary}");
        assert_eq!(summary["unmentioned_at_most"], joined > 0, "{name}: {summary}");
        let told = document["log_rows"].as_array().unwrap().iter().find(|row| row["answer"] != "joined");
        assert!(told.unwrap()["explanation"].as_str().unwrap().contains(why), "{name}: {told:?}");
    }
}

#[test]
fn many_removed_values_with_one_beginning() {
    let [few, many] = [10_000, 40_000].map(|n| {
        let mut capture = Capture::new();
        for begin in (0..n).step_by(2_000) {
            let fields: String = (begin..begin + 2_000).map(|i| format!("A: aaaaaaaa{i:06}\r\n")).collect();
            let request = format!("GET / HTTP/1.1\r\n{fields}\r\n");
            capture = capture.open().edge(24, request.as_bytes());
            capture = capture.origin(24, b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n").close().next();
        }
        let (seconds, written) = cost(&format!("--format pcapng {}", kept("removed.pcap", &capture.bytes())));
        assert!(written.len() > n * 10 && memchr::memmem::find(&written, b"aaaaaaaa0").is_none());
        seconds
    });
    assert_linear(few, many);
}

#[test]
fn statistics_of_many_interfaces() {
    let block = |kind: u32, body: &[u8]| {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let section = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    let interface = block(1, &[101, 0, 0, 0, 0, 0, 0, 0]);
    // At interface `at`, `n` packets were dropped by it.
    let statistics = |at: u32, n: u64| {
        let drops = [&[5, 0, 8, 0][..], &n.to_le_bytes(), &[0; 4]].concat();
        block(5, &[&at.to_le_bytes()[..], &[0; 8], &drops].concat())
    };
    let [few, many] = [4_096, 16_384].map(|n| {
        let last = n as u32 - 1;
        let end = [statistics(last, 2), statistics(last, 3), statistics(7, u64::MAX - 4), statistics(8, 1)].concat();
        let none = statistics(0, 0).repeat(2 * n);
        let capture = [section.clone(), interface.repeat(n), none, end].concat();
        let (seconds, told) = cost(&format!("--format json {}", kept("interfaces.pcapng", &capture)));
        let told = String::from_utf8(told).unwrap();
        let words = format!("interface 7: {} by the interface, interface 8: 1 by the interface", u64::MAX - 4);
        assert!(told.contains(&words) && told.contains(&format!("interface {last}: 3 by")), "{told}");
        assert!(told.contains(&format!("dropped {} packets", u64::MAX)), "the sum of 3, 1 and all but 4: {told}");
        seconds
    });
    assert_linear(few, many);
}
