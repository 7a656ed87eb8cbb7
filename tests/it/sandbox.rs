//! What the process that reads can still do: next to nothing.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;

use crate::common::packets::{self, Capture};

fn why502(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// A file of its own, and its path.
fn tempfile() -> (String, fs::File) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("why502-sandbox-{}-{}.pcap", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = fs::File::create(&path).unwrap();
    (path.to_str().unwrap().to_owned(), file)
}

/// What the kernel says of every thread of a process that waits for more input.
fn statuses(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok()).collect()
}

/// The value of a line.
fn value<'s>(status: &'s str, name: &str) -> &'s str {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim)
}

/// Whether it is about to read: it sleeps, and is as it will be.
fn reads(pid: u32) -> bool {
    let all = statuses(pid);
    let confined = all.iter().all(|s| value(s, "Seccomp") == "2");
    confined && all.iter().any(|s| value(s, "State").starts_with('S'))
}

fn wait_until(what: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn who_reads_has_let_go_of_everything() {
    let whole = Capture::new().refused().bytes();
    for args in [&["-"][..], &["--threads", "3", "-"], &["--format", "ndjson", "-"]] {
        let mut child = why502(args);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&whole[..packets::header().len()]).unwrap();
        assert!(wait_until(|| reads(child.id())), "{args:?}: {:?}", statuses(child.id()));
        for status in statuses(child.id()) {
            for (name, expected) in [
                ("Seccomp", "2"),
                ("NoNewPrivs", "1"),
                ("CapInh", "0000000000000000"),
                ("CapPrm", "0000000000000000"),
                ("CapEff", "0000000000000000"),
                ("CapAmb", "0000000000000000"),
            ] {
                assert_eq!(value(&status, name), expected, "{args:?} {name}");
            }
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(limit("Max address space").contains("4294967296"), "{limits}");
        assert!(limit("Max core file size").split_whitespace().nth(4) == Some("0"), "{limits}");
        input.write_all(&whole[packets::header().len()..]).unwrap();
        drop(input);
        let done = child.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{args:?}");
    }
}

#[test]
fn memory_comes_by_the_huge_page_when_connections_are_many() {
    let whole = (0..2_000).fold(Capture::new(), |capture, _| capture.refused().next()).bytes();
    let mut child = why502(&["-"]);
    let mut input = child.stdin.take().unwrap();
    let (few, rest) = whole.split_at(whole.len() / 16);
    // Where the kernel has no huge pages, it gives none.
    let many = if fs::exists("/sys/kernel/mm/transparent_hugepage").unwrap() { "1" } else { "0" };
    for (part, huge) in [(few, "0"), (rest, many)] {
        input.write_all(part).unwrap();
        // The pipe is empty, and every thread waits for more: it has followed all that came.
        let waits = |status: &String| value(status, "State").starts_with('S');
        let idle = || ioctl_fionread(&input) == Ok(0) && statuses(child.id()).iter().all(waits);
        assert!(wait_until(|| reads(child.id()) && idle()), "{:?}", statuses(child.id()));
        let given = statuses(child.id()).iter().all(|status| value(status, "THP_enabled") == huge);
        assert!(given, "{huge}: {:?}", statuses(child.id()));
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn no_thread_of_what_writes_packets_keeps_a_right() {
    // More than a pipe takes: with nobody reading, the process waits in the midst of its writing.
    let whole = (0..2_000).fold(Capture::new(), |capture, _| capture.refused().next()).bytes();
    let mut file = tempfile();
    file.1.write_all(&whole).unwrap();
    let mut child = why502(&["--format", "pcapng", &file.0]);
    let waits = || statuses(child.id()).len() > 1 && reads(child.id());
    assert!(wait_until(waits), "{:?}", statuses(child.id()));
    for status in statuses(child.id()) {
        assert_eq!((value(&status, "Seccomp"), value(&status, "CapEff")), ("2", "0000000000000000"), "{status}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(&file.0).unwrap();
}

#[test]
fn who_reads_keys_has_rights_to_files_alone() {
    let (path, _) = tempfile();
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // It waits for somebody to write keys.
    let mut child = why502(&["--keylog", &path, "none.pcap"]);
    assert!(wait_until(|| statuses(child.id()).iter().all(|s| value(s, "NoNewPrivs") == "1")));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    assert!(limits.contains("4294967296"), "{limits}");
    for status in statuses(child.id()) {
        let left = u64::from_str_radix(value(&status, "CapEff"), 16).unwrap();
        // CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
        assert_eq!(left & !0b110, 0, "{status}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn it_can_be_left_off() {
    let mut child = why502(&["--no-sandbox", "-"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&packets::header()).unwrap();
    assert!(wait_until(|| statuses(child.id()).iter().any(|s| value(s, "State").starts_with('S'))));
    assert!(statuses(child.id()).iter().all(|s| value(s, "Seccomp") == "0"));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn nothing_gets_out_from_inside() {
    let out = why502(&["--sandbox-check"]).wait_with_output().unwrap().stdout;
    let page = String::from_utf8(out).unwrap();
    let steps: Vec<&str> = page.split("\nwith").collect();
    let [before, landlock, all] = steps[..] else { panic!("{page}") };
    for (what, by_landlock) in [
        ("open a file to read", true),
        ("make a file", true),
        ("listen on TCP", true),
        ("connect by TCP", true),
        ("open a socket of UDP", false),
        ("run a program", true),
    ] {
        let said = |step: &str| step.lines().find(|l| l.trim().starts_with(what)).unwrap().to_owned();
        assert!(said(before).ends_with("done"), "{page}");
        // A kernel without Landlock says so in the step's first line.
        let restricts = by_landlock && !landlock.lines().next().unwrap().contains("Landlock");
        assert!(!restricts || said(landlock).contains("refused: Permission denied"), "{page}");
        assert!(said(all).contains("refused: Function not implemented"), "{page}");
    }
}
