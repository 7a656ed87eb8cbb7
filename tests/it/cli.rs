//! The program as a script or a person meets it: exit status, standard output and error, files.

use crate::common::packets;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::packets::Capture;

/// A directory of its own for one test, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("why502-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    /// With the files that most tests read.
    fn with_captures() -> Dir {
        let dir = Dir::new();
        dir.write("failing.pcap", &Capture::new().refused().bytes());
        dir.write("healthy.pcap", &Capture::new().next().healthy().bytes());
        dir.write("none.pcap", &packets::header());
        dir.write("empty", b"");
        dir.write("notes.txt", b"not a capture\n");
        let failing = Capture::new().refused().healthy().bytes();
        dir.write("cut.pcap", &failing[..failing.len() - 7]);
        dir
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
        command.args(args).current_dir(&self.0).stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

#[test]
fn the_status_is_that_of_the_contract() {
    let dir = Dir::with_captures();
    // Arguments, status, lines on standard error, a word of the report.
    let cases: &[(&[&str], i32, usize, &str)] = &[
        (&["failing.pcap"], 1, 0, "tcp.port-closed"),
        (&["analyze", "failing.pcap"], 1, 0, "tcp.port-closed"),
        (&["healthy.pcap"], 0, 0, "Nothing failed"),
        (&["healthy.pcap", "failing.pcap"], 1, 0, "2 connections: 1 failed"),
        (&["none.pcap"], 0, 0, "no-packets"),
        (&["cut.pcap"], 1, 0, "file-truncated"),
        (&["empty"], 2, 1, ""),
        (&["missing.pcap"], 2, 1, ""),
        (&["notes.txt"], 2, 1, ""),
        (&["."], 2, 1, ""),
        (&["-"], 2, 1, ""),
        (&["empty", "healthy.pcap", "missing.pcap"], 2, 2, "Nothing failed"),
        (&["--port", "81", "failing.pcap"], 0, 0, "No TCP connection"),
        (&["--port", "81", "--port", "80", "failing.pcap"], 1, 0, "tcp.port-closed"),
        (&["--ip-ranges", "notes.txt", "failing.pcap"], 2, 1, ""),
        (&["--ip-ranges", "missing.json", "failing.pcap"], 2, 1, ""),
        (&["--trust", "notes.txt", "failing.pcap"], 2, 1, ""),
        (&["--trust", "missing.pem", "failing.pcap"], 2, 1, ""),
        (&["--at", "yesterday", "failing.pcap"], 2, 1, ""),
        (&["--at", "2026-01-02T15:04:05Z", "--origin-name", "a.example", "failing.pcap"], 1, 0, "tcp.port-closed"),
        (&["-o", "report.parquet", "failing.pcap"], 2, 1, ""),
        (&["-o", "missing/report.json", "failing.pcap"], 2, 1, ""),
        (&["-o", "failing.pcap", "failing.pcap"], 2, 1, ""),
        (&["explain"], 0, 0, "tcp.port-closed"),
        (&["explain", "tcp"], 0, 0, "tcp.port-closed"),
        (&["explain", "tcp.port-closed"], 0, 0, "How to confirm"),
        (&["explain", "tcp.port-close"], 2, 1, ""),
        (&["completions", "zsh"], 0, 0, "#compdef why502"),
        (&["completions", "fish"], 0, 0, "complete -c why502"),
        (&["man"], 0, 0, ".TH why502 1"),
        (&["man", "probe"], 0, 0, "CloudFront\\-Upstream"),
        (&["man", "prob"], 2, 1, ""),
        (&["--version"], 0, 0, "why502 "),
        (&["--help"], 0, 0, "Exit status:"),
        (&["analyze", "--help"], 0, 0, "Exit status:"),
    ];
    for &(args, status, errors, word) in cases {
        let ran = dir.run(args);
        assert_eq!(ran.status, Some(status), "{args:?} {ran:?}");
        assert_eq!(ran.err.lines().count(), errors, "{args:?} {ran:?}");
        assert!(ran.out.contains(word), "{args:?} {ran:?}");
        assert!(!word.is_empty() || ran.out.is_empty(), "{args:?} {ran:?}");
        assert!(ran.err.lines().all(|l| l.starts_with("why502: ")), "{args:?} {ran:?}");
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    for (typed, completed) in [
        (&["expl"][..], "explain"),
        (&["analyze", "--access"], "--access-log"),
        (&["fleet", "--out"], "--output"),
        (&["--format", "js"], "json"),
    ] {
        let script = Dir::new().run(&["completions", "bash"]).out;
        let words = typed.join(" ");
        let (last, before) = typed.split_last().unwrap();
        let asked = format!(
            "{script}\nCOMP_WORDS=(why502 {words}); COMP_CWORD={}; _why502 why502 '{last}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            typed.len(),
            before.last().unwrap_or(&"why502"),
        );
        let answer = Command::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
        let answer = String::from_utf8(answer.stdout).unwrap();
        assert!(answer.split_whitespace().any(|word| word == completed), "{words}: {answer}");
    }
}

#[test]
fn an_incident_is_selected() {
    let dir = Dir::new();
    // Connections at 08:00:00, 08:10:00 and 08:20:00 of 2027-01-15.
    let capture = Capture::new().refused().later(600).next().healthy().later(600).next().refused();
    dir.write("day.pcap", &capture.bytes());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--since", "08:05"], 1, "2 connections: 1 failed"),
        (&["--until", "08:05"], 1, "1 connection: 1 failed"),
        (&["--since", "2027-01-15 08:05", "--until", "2027-01-15T09:15:00+01:00"], 0, "1 connection: 0 failed"),
        (&["--since", "09:00"], 0, "No connection is selected"),
        (&["--host", "A.EXAMPLE:80"], 0, "1 connection: 0 failed"),
        (&["--host", "b.example"], 0, "leave out all 3 connections"),
        (&["--path", "/", "--host", "a.example"], 0, "1 connection: 0 failed"),
        (&["--path", "/api"], 0, "No connection is selected"),
        (&["--request-id", "none"], 0, "No connection is selected"),
        (&["--peer", "130.176.0.0/16"], 1, "3 connections: 2 failed"),
        (&["--peer", "192.0.2.1"], 0, "No connection is selected"),
        (&["--cause", "tcp.port-closed"], 1, "2 connections: 2 failed"),
        (&["--cause", "tls"], 0, "No connection is selected"),
    ];
    for &(args, status, word) in cases {
        let ran = dir.run(&[args, &["day.pcap"]].concat());
        assert_eq!((ran.status, ran.err.as_str()), (Some(status), ""), "{args:?} {ran:?}");
        let told = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(word), "{args:?} {told}");
    }
    for args in [["--since", "yesterday"], ["--peer", "192.0.2.0/33"], ["--cause", "tcp.port-close"]] {
        let ran = dir.run(&[&args[..], &["day.pcap"]].concat());
        assert_eq!((ran.status, ran.out.as_str(), ran.err.lines().count()), (Some(2), "", 1), "{args:?} {ran:?}");
    }
}

#[test]
fn many_files_are_read_as_one_and_open_in_turn() {
    let dir = Dir::new();
    let whole = (0..300).fold(Capture::new(), |capture, _| capture.healthy().next().later(1)).refused().bytes();
    let header = packets::header().len();
    let mut names = Vec::new();
    // Cut where connections are under way.
    let (mut at, mut from) = (header, header);
    let mut records = 0;
    while at < whole.len() {
        at += 16 + u32::from_le_bytes(*whole[at + 8..].first_chunk().unwrap()) as usize;
        records += 1;
        if records % 5 == 0 || at == whole.len() {
            names.push(format!("{:03}.pcap", names.len()));
            dir.write(&names[names.len() - 1], &[&whole[..header], &whole[from..at]].concat());
            from = at;
        }
    }
    assert!(names.len() > 400);
    names.reverse();
    let mut shell = Command::new("sh");
    shell.current_dir(&dir.0).args(["-c", "ulimit -n 64; exec \"$0\" --format json \"$@\""]);
    let ran = Ran::of(shell.arg(env!("CARGO_BIN_EXE_why502")).args(&names).output().unwrap());
    assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""), "{}", ran.err);
    assert!(ran.out.contains(r#""connections":301,"failed":1,"ok":300"#) && !ran.out.contains("clock-stepped"));
    let (last, first) = (ran.out.find(&names[0]), ran.out.find("000.pcap"));
    assert!(last < first, "the captures are told as they were given");
    // Text says which file a frame is in.
    let refused = Capture::new().refused().bytes();
    dir.write("syn.pcap", &refused[..header + 56]);
    dir.write("rst.pcap", &[&refused[..header], &refused[header + 56..]].concat());
    let told = dir.run(&["rst.pcap", "syn.pcap"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("in syn.pcap, to frame 1, in rst.pcap"), "{told}");
    assert!(told.contains("(in syn.pcap)") || told.contains("(in rst.pcap)"), "{told}");
}

#[test]
fn wrong_usage_is_told_on_standard_error() {
    let dir = Dir::with_captures();
    let cases: &[&[&str]] = &[
        &[],
        &["analyze"],
        &["--no-such-option", "failing.pcap"],
        &["--format", "parquet", "failing.pcap"],
        &["--port", "0", "failing.pcap"],
        &["--port", "65536", "failing.pcap"],
        &["--max-connections", "0", "failing.pcap"],
    ];
    for args in cases {
        let ran = dir.run(args);
        assert_eq!((ran.status, ran.out.as_str()), (Some(2), ""), "{args:?} {ran:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
}

#[test]
fn an_unknown_cause_is_answered_with_the_nearest() {
    let ran = Dir::new().run(&["explain", "tcp.syn-unanswerd\x1b[2J"]);
    assert!(ran.err.contains("tcp.syn-unanswered") && !ran.err.contains('\x1b'), "{ran:?}");
}

#[test]
fn the_filter_is_a_pcap_filter() {
    let dir = Dir::with_captures();
    let built_in = cfg!(feature = "pcap");
    for (filter, status, errors) in [("tcp port 80", 1, 0), ("tcp port 81", 0, 0), ("no such filter (", 2, 1)] {
        let ran = dir.run(&["--filter", filter, "failing.pcap"]);
        let expected = if built_in { (Some(status), errors) } else { (Some(2), 1) };
        assert_eq!((ran.status, ran.err.lines().count()), expected, "{filter} {ran:?}");
    }
}

#[test]
fn standard_input_is_read() {
    let dir = Dir::new();
    for (args, word) in [(&["-"][..], "-: 2 packets"), (&["analyze", "--format", "json", "-"], "\"path\":\"-\"")] {
        let mut child =
            dir.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&Capture::new().refused().bytes()).unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.err.as_str()), (Some(1), ""), "{ran:?}");
        assert!(ran.out.contains(word), "{ran:?}");
    }
}

#[test]
fn a_command_comes_before_a_file_of_its_name() {
    let dir = Dir::new();
    dir.write("explain", &Capture::new().refused().bytes());
    assert!(dir.run(&["explain"]).out.contains("tcp.syn-unanswered"));
    assert_eq!(dir.run(&["./explain"]).status, Some(1));
    assert_eq!(dir.run(&["analyze", "explain"]).status, Some(1));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = Dir::new();
    let many = (0..3_000).fold(Capture::new(), |capture, _| capture.refused().next());
    dir.write("many.pcap", &many.bytes());
    // What streams stops early, when the verdicts are not known; what comes at the end has them.
    for (format, status) in [("text", 1), ("json", 0), ("ndjson", 0), ("html", 1), ("sarif", 1), ("junit", 1)] {
        let mut child = dir
            .command(&["--format", format, "many.pcap"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.err.as_str()), (Some(status), ""), "{format}");
    }
}

#[test]
fn a_file_appears_when_it_is_whole() {
    let dir = Dir::with_captures();
    let before = dir.names();
    for (name, word) in [
        ("r.txt", "why502: "),
        ("r.json", "{\"schema\""),
        ("r.ndjson", "{\"id\":1"),
        ("r.html", "<!doctype html>"),
        ("r.sarif", "{\"$schema\""),
        ("r.xml", "<?xml"),
        ("r.unknown", "why502: "),
    ] {
        let ran = dir.run(&["-o", name, "failing.pcap"]);
        assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(1), "", ""), "{ran:?}");
        assert!(dir.read(name).starts_with(word), "{}", dir.read(name));
        fs::remove_file(dir.0.join(name)).unwrap();
    }
    dir.write("r.json", b"from yesterday");
    assert_eq!(dir.run(&["-o", "r.json", "missing.pcap"]).status, Some(2));
    assert_eq!(dir.run(&["-o", "r.json", "--filter", "no such filter (", "failing.pcap"]).status, Some(2));
    assert_eq!(dir.read("r.json"), "from yesterday");
    assert_eq!(dir.run(&["-o", "r.json", "--format", "text", "failing.pcap"]).status, Some(1));
    assert!(dir.read("r.json").starts_with("why502: "));
    fs::remove_file(dir.0.join("r.json")).unwrap();
    assert_eq!(dir.names(), before);
}

#[cfg(unix)]
#[test]
fn a_device_and_a_link_stay_what_they_are() {
    let dir = Dir::with_captures();
    assert_eq!(dir.run(&["-o", "/dev/null", "failing.pcap"]).status, Some(1));
    assert!(Path::new("/dev/null").metadata().is_ok_and(|m| !m.is_file()));
    dir.write("real.txt", b"");
    std::os::unix::fs::symlink("real.txt", dir.0.join("link.txt")).unwrap();
    assert_eq!(dir.run(&["-o", "link.txt", "failing.pcap"]).status, Some(1));
    assert!(dir.0.join("link.txt").is_symlink());
    assert!(dir.read("real.txt").starts_with("why502: "));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let dir = Dir::with_captures();
    for (args, colour) in [
        (&["failing.pcap"][..], false),
        (&["--color", "never", "failing.pcap"], false),
        (&["--color", "always", "failing.pcap"], true),
        (&["explain", "--color", "always", "tcp.port-closed"], true),
        (&["--color", "always", "--format", "json", "failing.pcap"], false),
    ] {
        assert_eq!(dir.run(args).out.contains('\x1b'), colour, "{args:?}");
    }
    let plain = dir.run(&["failing.pcap"]).out;
    let coloured = dir.run(&["--color", "always", "failing.pcap"]).out;
    let mut parts = coloured.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest: String = parts.filter_map(|part| part.split_once('m')).map(|(_, text)| text).collect();
    assert_eq!(plain, first + &rest);
}

#[test]
fn addresses_can_come_from_a_file() {
    let dir = Dir::with_captures();
    let ranges = r#"{"prefixes": [{"ip_prefix": "192.0.2.0/24", "service": "CLOUDFRONT"}]}"#;
    dir.write("ranges.json", ranges.as_bytes());
    assert!(dir.run(&["failing.pcap"]).out.contains("(CloudFront)"));
    assert!(dir.run(&["--ip-ranges", "ranges.json", "failing.pcap"]).out.contains("(not CloudFront's address)"));
}

#[test]
fn a_capture_in_the_making_is_told_line_by_line() {
    use std::io::{BufRead as _, BufReader};
    let dir = Dir::new();
    let mut child =
        dir.command(&["--format", "ndjson", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A connection is over some time after its last packet; more packets are needed for that time to pass.
    input.write_all(&Capture::new().refused().later(600).next().refused().bytes()).unwrap();
    input.flush().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"id\":1,"), "{line}");
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
