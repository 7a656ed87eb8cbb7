//! `why502 compare`: what a change mended and what it broke.

use crate::common::packets;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A directory of its own for one test, removed at its end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("why502-compare-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    /// Writes a capture of so many connections that are refused, and so many on which all is well.
    fn capture(&self, name: &str, refused: u32, healthy: u32) {
        let failing = (0..refused).fold(packets::Capture::new(), |c, _| c.refused().next());
        let all = (0..healthy).fold(failing, |c, _| c.healthy().next());
        fs::write(self.0.join(name), all.bytes()).unwrap();
    }

    /// Status, standard output and standard error.
    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
        let out = command.args(args).current_dir(&self.0).env_remove("NO_COLOR").output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    }

    fn json(&self, before: &str, after: &str) -> Value {
        let (_, out, err) = self.run(&["compare", "--format", "json", before, after]);
        assert_eq!(err, "");
        serde_json::from_str(&out).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn real(name: &str) -> String {
    format!("{}/captures/{name}/capture.pcap", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn changes_are_called_by_their_name() {
    let dir = Dir::new();
    // Refused and healthy before and after, the word for it, the exit status.
    for (before, after, change, status) in [
        ((10, 10), (0, 20), "mended", 0),
        ((0, 20), (10, 10), "broken", 1),
        ((15, 5), (4, 16), "better", 0),
        ((4, 16), (15, 5), "worse", 1),
        ((5, 15), (6, 14), "unchanged", 0),
        ((2, 1), (0, 3), "gone", 0),
        ((0, 3), (2, 1), "new", 1),
        ((1, 0), (0, 1), "gone", 0),
    ] {
        dir.capture("before.pcap", before.0, before.1);
        dir.capture("after.pcap", after.0, after.1);
        let told = dir.json("before.pcap", "after.pcap");
        let row = &told["causes"][0];
        assert_eq!((row["cause"].as_str(), row["change"].as_str()), (Some("tcp.port-closed"), Some(change)));
        assert_eq!(row["before"]["failed"], before.0);
        assert_eq!(row["after"]["judged"], after.0 + after.1);
        let (code, out, _) = dir.run(&["compare", "before.pcap", "after.pcap"]);
        assert_eq!((code, told["got_worse"].as_bool()), (Some(status), Some(status == 1)), "{out}");
        assert!(out.contains(change), "{out}");
        let few = before.0 + before.1 < 20;
        assert_eq!(out.contains("few connections prove little"), few, "{out}");
        if few {
            assert!(out.contains("may be chance"), "{out}");
        }
    }
}

#[test]
fn nothing_failed_is_said_plainly() {
    let dir = Dir::new();
    dir.capture("a.pcap", 0, 30);
    let (status, out, err) = dir.run(&["compare", "a.pcap", "a.pcap"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("why502: nothing failed, before or after\n"), "{out}");
    assert!(out.contains("TIMING") && !out.contains("  ! "), "{out}");
}

#[test]
fn a_report_says_the_same_as_its_capture() {
    let dir = Dir::new();
    dir.capture("before.pcap", 10, 10);
    dir.capture("after.pcap", 0, 20);
    for name in ["before", "after"] {
        dir.run(&["-o", &format!("{name}.json"), &format!("{name}.pcap")]);
    }
    let mut of_captures = dir.json("before.pcap", "after.pcap");
    for (before, after) in [("before.json", "after.json"), ("before.json", "after.pcap")] {
        let mut told = dir.json(before, after);
        for value in [&mut told, &mut of_captures] {
            value["before"]["path"] = Value::Null;
            value["after"]["path"] = Value::Null;
        }
        assert_eq!(told, of_captures, "{before} {after}");
    }
}

#[test]
fn real_captures_that_are_not_comparable_are_told() {
    let dir = Dir::new();
    let (before, after) = (real("tls/no-common-version/nginx-tls13-only"), real("healthy/tls12-nginx"));
    let (status, out, _) = dir.run(&["compare", &before, &after]);
    assert_eq!(status, Some(0), "{out}");
    assert!(out.starts_with("why502: not seen again: tls.no-common-version, 1 of 1 before, none of 1"), "{out}");
    let (status, out, _) = dir.run(&["compare", &after, &before]);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("new: tls.no-common-version"), "{out}");
    let (_, out, _) = dir.run(&["compare", &after, &real("healthy/keep-alive-origin-closes")]);
    assert!(out.contains("length: 2.9 ms before, 1.0 s after"), "{out}");
    let (_, out, _) = dir.run(&["compare", &after, &real("healthy/upload")]);
    assert!(out.contains("servers are not the same: 10.0.0.5:443 before, 10.0.0.5:80 after"), "{out}");
    let (_, out, _) = dir.run(&["compare", &after, &real("capture/one-sided/to-origin-only")]);
    assert!(out.contains("of no connection it can be told") || out.contains("cannot tell"), "{out}");
}

#[test]
fn what_cannot_be_read_is_one_line() {
    let dir = Dir::new();
    dir.capture("a.pcap", 0, 1);
    for (name, text) in [
        ("cut.json", r#"{"schema":"why502.report.v1","connections":["#),
        (
            "other.json",
            r#"{"schema":"x","captures":[],"connections":[],"summary":{"connections":0,"failed":0,"ok":0,"inconclusive":0,"causes":[]}}"#,
        ),
        (
            "many.json",
            r#"{"schema":"why502.report.v1","captures":[],"connections":[],"summary":{"connections":18446744073709551615,"failed":0,"ok":0,"inconclusive":0,"causes":[]}}"#,
        ),
        ("hostile.json", "{\"\x1b[2J\":"),
        ("notes.txt", "not a capture\n"),
    ] {
        fs::write(dir.0.join(name), text).unwrap();
        for args in [["compare", "a.pcap", name], ["compare", name, "a.pcap"]] {
            let (status, out, err) = dir.run(&args);
            assert_eq!((status, out.as_str(), err.lines().count()), (Some(2), "", 1), "{args:?} {err}");
            assert!(err.contains(name) && !err.contains('\x1b'), "{err}");
        }
    }
    assert_eq!(dir.run(&["compare", "a.pcap"]).0, Some(2));
    assert_eq!(dir.run(&["compare", "a.pcap", "missing.pcap"]).0, Some(2));
}

#[test]
fn a_file_may_have_the_name_of_the_command() {
    let dir = Dir::new();
    dir.capture("compare", 1, 0);
    assert_eq!(dir.run(&["./compare"]).0, Some(1));
    assert_eq!(dir.run(&["compare", "compare", "compare"]).0, Some(0));
    assert_eq!(dir.run(&["compare"]).0, Some(2));
}

#[test]
fn the_answer_keeps_to_its_schema_and_to_80_columns() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/compare.v1.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    schema.as_object_mut().unwrap().remove("$id");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("file:///compare.json", schema).unwrap();
    let index = compiler.compile("file:///compare.json", &mut schemas).unwrap();
    let dir = Dir::new();
    dir.capture("none.pcap", 0, 0);
    dir.capture("many.pcap", 500, 2_000);
    for (before, after) in [
        (real("tls/no-common-version/nginx-tls13-only"), real("healthy/keep-alive-origin-closes")),
        (real("http/encrypted-response-timeout/node-3s-tls13"), real("app/origin-502/nginx-upstream-refuses")),
        ("none.pcap".to_owned(), "many.pcap".to_owned()),
        ("many.pcap".to_owned(), "none.pcap".to_owned()),
    ] {
        let told = dir.json(&before, &after);
        if let Err(e) = schemas.validate(&told, index) {
            panic!("{before} {after}: {e:#}");
        }
        let (_, out, _) = dir.run(&["compare", &before, &after]);
        for line in out.lines().filter(|l| !l.contains('/')) {
            assert!(line.chars().count() <= 80 && line == line.trim_end(), "{line:?}");
        }
    }
}
