//! `why502 why`: what one frame has to do with any finding.

use crate::common;
use crate::common::packets;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use why502::analysis::{Options, why};
use why502::report::why::json;
use why502::source::Source;

const NO_VERSION: &str = "captures/tls/no-common-version/nginx-tls13-only/capture.pcap";

/// Status, standard output on one line, and standard error.
fn ran(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
    let out = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR").output().unwrap();
    (out.status.code(), flat(&String::from_utf8(out.stdout).unwrap()), String::from_utf8(out.stderr).unwrap())
}

/// Text on one line, however it was wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A file of its own for one test, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("why502-why-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// One packet of raw IP with its record header.
fn record(packet: &[u8], second: u32) -> Vec<u8> {
    let len = (packet.len() as u32).to_le_bytes();
    [&(1_800_000_000 + second).to_le_bytes()[..], &[0; 4], &len, &len, packet].concat()
}

#[test]
fn each_frame_is_answered_for() {
    // Frame, then what a person must find.
    let cases: &[(&str, &[&str])] = &[
        ("1", &["no finding cites it", "SYN, no payload", "After it frame 4", "sent by the edge on connection 1"]),
        ("4", &["is evidence of tls.no-common-version", "ClientHello: SNI origin.example.com", "TLS 1.2 at most"]),
        ("6", &["is evidence of tls.no-common-version", "Alert: fatal protocol_version (70)", "sent by the origin"]),
        ("7", &["no finding cites it", "it only acknowledges", "Before it frame 6"]),
        ("10", &["no finding cites it", "it comes after frame 8, which ended the connection"]),
    ];
    for (frame, words) in cases {
        let (status, out, err) = ran(&["why", NO_VERSION, frame]);
        assert_eq!((status, err.as_str()), (Some(0), ""), "{frame}");
        for word in *words {
            assert!(out.contains(word), "frame {frame} lacks {word:?}: {out}");
        }
        assert!(out.contains(&format!("tshark -r {NO_VERSION} -Y 'frame.number == {frame}' -V")), "{out}");
    }
}

#[test]
fn messages_in_many_packets_are_known() {
    for (capture, frame, word) in [
        ("healthy/upload", "6", "within the body of request 0: POST /upload"),
        ("healthy/no-content", "4", "all of request 0: "),
        ("healthy/keep-alive-origin-closes", "6", "all of response 0: status 200"),
        ("healthy/tls12-nginx", "8", "ClientKeyExchange"),
    ] {
        let (_, out, _) = ran(&["why", &format!("captures/{capture}/capture.pcap"), frame]);
        assert!(out.contains(word), "{capture} {frame}: {out}");
    }
}

#[test]
fn what_is_no_segment_is_told() {
    let mut file = packets::Capture::new().refused().bytes();
    let mut icmp = vec![0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 5, 130, 176, 1, 2, 3, 3, 0, 0, 0, 0, 0, 0];
    // The SYN that it is about.
    icmp.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 130, 176, 1, 2, 10, 0, 0, 5]);
    icmp.extend([(40_112u16 >> 8) as u8, 40_112u16 as u8, 0, 80, 0, 0, 3, 232]);
    let udp =
        [&[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2][..], &[0, 9, 0, 9, 0, 8, 0, 0]].concat();
    let fragment = [&[0x45, 0, 0, 28, 0, 1, 0x20, 0, 64, 6, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2][..], &[0; 8]].concat();
    for packet in [&icmp, &udp, &fragment, &vec![0x45, 0]] {
        file.extend(record(packet, 0));
    }
    let file = File::new("layers.pcap", &file);
    for (frame, more, word) in [
        ("1", &[][..], "SYN, no payload"),
        ("3", &[], "port unreachable from 10.0.0.5"),
        ("3", &[], "connection 1"),
        ("4", &[], "neither TCP nor an ICMP error"),
        ("5", &[], "a fragment of an IP packet"),
        ("6", &[], "cannot be decoded"),
        ("1", &["--port", "443"], "--port names neither 40112 nor 80"),
    ] {
        let (status, out, err) = ran(&[&["why", file.path(), frame], more].concat());
        assert_eq!((status, err.as_str()), (Some(0), ""), "{frame} {out}");
        assert!(out.contains(word), "{frame}: {out}");
    }
    if cfg!(feature = "pcap") {
        let (_, out, _) = ran(&["why", file.path(), "1", "--filter", "udp"]);
        assert!(out.contains("--filter leaves it out"), "{out}");
    }
}

#[test]
fn what_cannot_be_shown_is_escaped_once() {
    let request = b"GET /\x1b[31mred HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let file = packets::Capture::new().open().exchange(request, b"HTTP/1.1 204 No Content\r\n\r\n").close();
    let file = File::new("escaped.pcap", &file.bytes());
    let (_, out, _) = ran(&["why", file.path(), "4"]);
    assert!(out.contains(r"GET /\x1b[31mred") && !out.contains('\u{1b}'), "{out}");
}

#[test]
fn copies_and_repetitions_are_told_apart() {
    // A SYN sent again has another identification; a copy has the same.
    let syn = |id: u8, second: u32| {
        let mut p = vec![0x45, 0, 0, 40, 0, id, 0x40, 0, 64, 6, 0, 0, 130, 176, 1, 2, 10, 0, 0, 5];
        p.extend([156, 176, 0, 80, 0, 0, 3, 232, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
        record(&p, second)
    };
    let file = File::new("copies.pcap", &[packets::header(), syn(1, 0), syn(1, 0), syn(2, 1)].concat());
    for (frame, word, not) in [
        ("1", "SYN", "sent before"),
        ("2", "a copy of a packet that was captured before", "a retransmission"),
        ("3", "a retransmission", "a copy of"),
    ] {
        let (_, out, _) = ran(&["why", file.path(), frame]);
        assert!(out.contains(word) && !out.contains(not), "{frame}: {out}");
    }
}

#[test]
fn a_frame_that_does_not_exist_is_one_line() {
    let cases: &[(&[&str], &str)] = &[
        (&["why", NO_VERSION, "11"], "the capture has 10 packets"),
        (&["why", "missing.pcap", "1"], "missing.pcap"),
        (&["why", "Cargo.toml", "1"], "Cargo.toml"),
    ];
    for (args, word) in cases {
        let (status, out, err) = ran(args);
        assert_eq!((status, out.as_str(), err.lines().count()), (Some(2), "", 1), "{args:?} {err}");
        assert!(err.contains(word), "{args:?} {err}");
    }
    for args in [&["why", NO_VERSION, "0"][..], &["why", NO_VERSION], &["why"]] {
        assert_eq!(ran(args).0, Some(2), "{args:?}");
    }
}

#[test]
fn a_file_may_have_the_name_of_the_command() {
    let dir = std::env::temp_dir().join(format!("why502-why-name-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("why"), packets::Capture::new().refused().bytes()).unwrap();
    let status = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_why502")).args(args).current_dir(&dir).output().unwrap().status.code()
    };
    assert_eq!((status(&["./why"]), status(&["why", "why", "2"]), status(&["why"])), (Some(1), Some(0), Some(2)));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_frame_of_every_capture_has_an_answer_in_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/why.v1.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    schema.as_object_mut().unwrap().remove("$id");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("file:///why.json", schema).unwrap();
    let index = compiler.compile("file:///why.json", &mut schemas).unwrap();
    for case in common::cases() {
        let (ear, _) = common::analyse(&fs::read(&case.path).unwrap()).unwrap();
        let frames = ear.captures[0].info.frames;
        // The first frames hold every handshake; those that are cited must say so.
        let cited: Vec<_> = ear.connections.iter().flat_map(|c| c.evidence.iter().flatten().copied()).collect();
        for frame in (1..=frames.min(12)).chain(cited.iter().copied()) {
            let source = Source::open(&case.path).unwrap();
            let answer = why("capture", source, &Options::default(), frame).unwrap();
            let mut out = Vec::new();
            json(&mut out, &answer).unwrap();
            let told: Value = serde_json::from_slice(&out).unwrap();
            if let Err(e) = schemas.validate(&told, index) {
                panic!("{} frame {frame}: {e:#}", case.name);
            }
            let evidence = told["evidence"].as_array().unwrap();
            assert_eq!(cited.contains(&frame), !evidence.is_empty(), "{} frame {frame}", case.name);
            assert_eq!(told["why_not"].is_null(), !evidence.is_empty(), "{} frame {frame}", case.name);
        }
    }
}
