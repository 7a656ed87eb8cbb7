//! What goes wrong around the program: what was found so far is told or kept, and no file is half written under its name.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::common::packets::{self, Capture};

/// A directory of its own for one test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("why502-faults-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        name.to_owned()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    /// Runs `why502` with these arguments in a shell that was told something before.
    fn shell(&self, before: &str, args: &str) -> Output {
        let line = format!("{before}; exec {} {args}", env!("CARGO_BIN_EXE_why502"));
        Command::new("sh").args(["-c", &line]).current_dir(&self.0).stdin(Stdio::null()).output().unwrap()
    }

    fn begin(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_why502"));
        command.args(args).current_dir(&self.0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A capture of one connection that is refused: another one for each number.
fn refused(number: u16) -> Vec<u8> {
    let ends = (([130, 176, 1, 2], 40_000 + number), ([10, 0, 0, 5], 80));
    Capture::new().between(ends.0, ends.1).later(u32::from(number) + 1).refused().bytes()
}

/// Waits until it has opened what it reads and sleeps for more of it.
fn wait_until_it_reads(child: &Child) {
    let begun = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    while begun.elapsed() < Duration::from_secs(30) {
        let said = fs::read_to_string(&status).unwrap_or_default();
        if said.contains("Seccomp:\t2") && said.contains("State:\tS") {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not read");
}

/// Waits until it has let go of what it may not do any more: outputs are open then.
fn wait_until_it_is_confined(child: &Child) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if fs::read_to_string(format!("/proc/{}/status", child.id())).is_ok_and(|said| said.contains("Seccomp:\t2")) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it does not begin");
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let dir = Dir::new();
    let mut capture = Capture::new();
    for _ in 0..200 {
        capture = capture.refused().next();
    }
    dir.write("many.pcap", &capture.bytes());
    for name in ["r.json", "r.html", "r.txt", "r.pcapng"] {
        // A file may have one block: what is written beyond it fails as on a disk that is full.
        let ran = dir.shell("trap '' XFSZ; ulimit -f 1", &format!("--all -o {name} many.pcap"));
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{name}: {said}");
        assert!(said.lines().count() == 1 && said.contains("cannot"), "{name}: {said}");
        assert_eq!(dir.names(), ["many.pcap"], "{name}");
    }
    let ran = dir.shell("trap '' XFSZ; ulimit -f 1", "--format parquet -o tables many.pcap");
    assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
    let left = Command::new("find").args(["tables", "-type", "f"]).current_dir(&dir.0).output().unwrap();
    assert_eq!(text(&left.stdout), "", "a part of the rows looks like all of them");
    let ran = dir.shell(":", "many.pcap > /dev/full");
    assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("No space left"), "{}", text(&ran.stderr));
}

#[test]
fn what_was_found_is_told_when_a_signal_comes() {
    for name in ["-TERM", "-INT", "-HUP"] {
        let dir = Dir::new();
        let mut child = dir.begin(&["-o", "r.json", "-"]);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&Capture::new().refused().bytes()).unwrap();
        wait_until_it_reads(&child);
        signal(&child, name);
        let done = child.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{name} {done:?}");
        assert_eq!(text(&done.stderr), "why502: a signal ended the reading: the report is of what came before\n");
        let report: serde_json::Value = serde_json::from_slice(&fs::read(dir.path("r.json")).unwrap()).unwrap();
        assert_eq!(report["summary"]["failed"], 1);
        assert_eq!(report["captures"][0]["problems"][0]["kind"], "read-failed");
        assert_eq!(dir.names(), ["r.json"]);
        drop(input);
    }
}

#[test]
fn tables_of_what_a_signal_cut_short_have_a_status_of_their_own() {
    let dir = Dir::new();
    let mut child = dir.begin(&["--format", "parquet", "-o", "tables", "-"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&Capture::new().refused().bytes()).unwrap();
    wait_until_it_reads(&child);
    signal(&child, "-TERM");
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    assert!(dir.path("tables/connections/part-0.parquet").is_file());
    drop(input);
}

#[test]
fn a_link_of_somebody_else_is_not_written_through() {
    let dir = Dir::new();
    dir.write("refused.pcap", &refused(1));
    dir.write("precious", b"precious");
    fs::set_permissions(dir.path("precious"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("precious", dir.path("own.json")).unwrap();
    symlink("precious", dir.path("report.json")).unwrap();
    // Only root can lay a link for another user.
    if lchown(dir.path("report.json"), Some(65_534), Some(65_534)).is_ok() {
        let ran = dir.shell(":", "-o report.json refused.pcap");
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains("symbolic link of another user"), "{}", text(&ran.stderr));
        assert_eq!(fs::read(dir.path("precious")).unwrap(), b"precious");
    }
    assert_eq!(dir.shell(":", "-o own.json refused.pcap").status.code(), Some(1));
    assert!(fs::read_to_string(dir.path("precious")).unwrap().starts_with('{'));
    let about = fs::metadata(dir.path("precious")).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600, "who may read it is as it was");
    assert!(dir.path("own.json").is_symlink());
}

#[test]
fn who_writes_to_a_pipe_may_end_by_the_same_signal() {
    let dir = Dir::new();
    let whole = Capture::new().refused().next().refused().bytes();
    let mut child = dir.begin(&["--format", "json", "-"]);
    let mut input = child.stdin.take().unwrap();
    let half = packets::header().len() + 2 * (16 + 40);
    input.write_all(&whole[..half]).unwrap();
    wait_until_it_reads(&child);
    signal(&child, "-INT");
    input.write_all(&whole[half..]).unwrap();
    drop(input);
    let report: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(report["summary"]["failed"], 2, "its last words are read");
    assert_eq!(report["captures"][0]["problems"], serde_json::json!([]));
}

#[test]
fn a_second_signal_ends_it_and_leaves_no_report() {
    let dir = Dir::new();
    let mut child = dir.begin(&["-o", "r.json", "-"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&packets::header()).unwrap();
    wait_until_it_reads(&child);
    signal(&child, "-TERM");
    signal(&child, "-TERM");
    assert!(child.wait().unwrap().code().is_none_or(|code| code == 0), "killed, or over before");
    let whole = fs::read(dir.path("r.json")).ok();
    assert!(whole.is_none_or(|report| serde_json::from_slice::<serde_json::Value>(&report).is_ok()));
    drop(input);
}

#[test]
fn an_input_that_vanishes_is_told_and_the_others_are_read() {
    let dir = Dir::new();
    let mut args = vec!["--format".to_owned(), "json".to_owned(), "-".to_owned()];
    args.extend((0..20).map(|i| dir.write(&format!("{i:02}.pcap"), &refused(i))));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = dir.begin(&args);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&packets::header()).unwrap();
    wait_until_it_reads(&child);
    fs::remove_file(dir.path("07.pcap")).unwrap();
    drop(input);
    let done = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["summary"]["failed"], 19, "{}", text(&done.stderr));
    assert_eq!(report["captures"][8]["problems"][0]["kind"], "read-failed", "{}", report["captures"]);
}

#[test]
fn an_input_that_grows_is_read_as_far_as_it_was() {
    let dir = Dir::new();
    let whole = Capture::new().refused().next().refused().bytes();
    dir.write("grows.pcap", &whole[..whole.len() - 30]);
    let mut child = dir.begin(&["--format", "json", "-", "grows.pcap"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&packets::header()).unwrap();
    wait_until_it_reads(&child);
    // What comes later is read if it comes in time, and is never read in part.
    let mut file = fs::File::options().append(true).open(dir.path("grows.pcap")).unwrap();
    file.write_all(&whole[whole.len() - 30..]).unwrap();
    drop(input);
    let done = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let frames = report["captures"][1]["frames"].as_u64().unwrap();
    let cut = report["captures"][1]["problems"].to_string().contains("file-truncated");
    assert!(frames == 4 && !cut || frames == 3 && cut, "{report}");
}

#[test]
fn too_few_descriptors_cost_what_could_not_be_opened() {
    let dir = Dir::new();
    let names: Vec<String> = (0..14).map(|i| dir.write(&format!("{i:02}.pcap"), &refused(i))).collect();
    let ran = dir.shell("ulimit -n 12", &format!("--format json {}", names.join(" ")));
    assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
    let told = text(&ran.stderr);
    let refused = told.lines().filter(|line| line.contains("cannot be read: Too many open files")).count();
    assert!(refused > 0 && refused < 14, "{told}");
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["summary"]["failed"].as_u64(), Some(14 - refused as u64), "{told}");
}

#[test]
fn a_signal_ends_the_reading_of_many_files_as_well() {
    let dir = Dir::new();
    let mut args = vec!["--format".to_owned(), "json".to_owned(), "-".to_owned()];
    args.extend((0..20).map(|i| dir.write(&format!("{i:02}.pcap"), &refused(i))));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut child = dir.begin(&args);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&packets::header()).unwrap();
    wait_until_it_reads(&child);
    signal(&child, "-TERM");
    let done = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let captures = report["captures"].as_array().unwrap();
    let unread = captures.iter().filter(|capture| capture["problems"][0]["kind"] == "read-failed").count();
    assert_eq!((captures.len(), unread), (21, 21), "{}", report["captures"]);
}

#[test]
fn what_came_through_a_pipe_before_a_signal_is_passed_on() {
    for args in [&["--format", "pcapng", "-o", "out", "-"][..], &["bundle", "-o", "out", "-"]] {
        let dir = Dir::new();
        let mut child = dir.begin(args);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&Capture::new().refused().bytes()).unwrap();
        // It is not confined before it has all.
        let spooled = || fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
        let begun = Instant::now();
        while !spooled()
            .lines()
            .any(|line| line.strip_prefix("wchar: ").is_some_and(|n| n.parse::<u32>().unwrap() >= 100))
            && begun.elapsed() < Duration::from_secs(30)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, "-TERM");
        let done = child.wait_with_output().unwrap();
        drop(input);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{args:?} {said}");
        assert!(said.contains("a signal ended the reading: what came before is written"), "{said}");
        assert_eq!(dir.names(), ["out"]);
        let out = fs::read(dir.path("out")).unwrap();
        let capture = if args[0] == "bundle" { crate::sharing::unzipped(&out)["capture.pcapng"].clone() } else { out };
        assert_eq!(crate::common::analyse(&capture).unwrap().0.connections[0].cause, Some("tcp.port-closed"));
    }
}

#[test]
fn a_signal_while_packets_are_passed_on_leaves_nothing_behind() {
    let mut capture = Capture::new();
    for i in 0..20_000_u16 {
        capture = capture.between(([130, 176, 1, 2], 20_000 + i), ([10, 0, 0, 5], 80)).refused();
    }
    let capture = capture.bytes();
    for args in [&["--format", "pcapng", "-o", "out", "many.pcap"][..], &["bundle", "-o", "out", "many.pcap"]] {
        let dir = Dir::new();
        dir.write("many.pcap", &capture);
        let child = dir.begin(args);
        wait_until_it_is_confined(&child);
        signal(&child, "-TERM");
        let done = child.wait_with_output().unwrap();
        assert_eq!(text(&done.stderr), "why502: a signal ended it: nothing is written\n", "{args:?}");
        assert_eq!((done.status.code(), dir.names()), (Some(2), vec!["many.pcap".to_owned()]), "{args:?}");
    }
}

/// Several threads read it, each for itself: what one meets that the others have passed must be nobody's.
#[test]
fn an_input_that_grows_ends_at_the_same_packet_for_all_threads() {
    let dir = Dir::new();
    let mut capture = Capture::new();
    for i in 0..400_u16 {
        capture = capture.between(([130, 176, 1, 2], 20_000 + i), ([10, 0, 0, 5], 80)).edge(2, b"");
    }
    let half = capture.bytes();
    for round in 0..5 {
        dir.write("grows.pcap", &half);
        // What waits for the pipe has opened the file.
        let mut child = dir.begin(&["--format", "json", "--threads", "3", "grows.pcap", "-"]);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&packets::header()).unwrap();
        wait_until_it_reads(&child);
        let mut file = fs::File::options().append(true).open(dir.path("grows.pcap")).unwrap();
        for i in 0..400_u16 {
            let answer = Capture::new().later(2).between(([130, 176, 1, 2], 20_000 + i), ([10, 0, 0, 5], 80));
            let answer = answer.origin(20, b"").bytes();
            file.write_all(&answer[packets::header().len()..]).unwrap();
        }
        drop(input);
        let done = child.wait_with_output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(report["captures"][0]["frames"], 400, "{round}");
        let causes = report["summary"]["causes"].to_string();
        assert!(!causes.contains("tcp.port-closed"), "{round}: {causes}");
    }
}

/// The clock of the host jumps while captures are read: nothing in a report is of that clock.
#[test]
fn the_clock_of_the_host_is_no_part_of_a_report() {
    const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    let dir = Dir::new();
    dir.write(
        "some.pcap",
        &Capture::new().healthy().next().refused().next().open().later(40).edge(16, b"GET /").bytes(),
    );
    let plain = |before: &str, format: &str| {
        let ran = dir.shell(before, &format!("--no-sandbox --format {format} some.pcap"));
        assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
        ran.stdout
    };
    for format in ["text", "json", "ndjson", "html", "sarif", "junit"] {
        let told = plain(":", format);
        if !std::path::Path::new(FAKETIME).exists() {
            continue;
        }
        // Far away; and each look at it an hour later, or earlier, than the one before.
        for faked in ["@1999-12-31 23:59:59", "+0 x3600", "-0 x-3600", "+12y"] {
            let before = format!("export LD_PRELOAD={FAKETIME} FAKETIME='{faked}' FAKETIME_NO_CACHE=1");
            assert!(plain(&before, format) == told, "{format} at {faked}");
        }
    }
}

/// The clock by which packets were captured jumps there and back, many times over.
#[test]
fn times_that_jump_there_and_back_are_told_and_change_no_verdict() {
    let mut capture = Capture::new();
    for i in 0..300_u16 {
        capture = capture.between(([130, 176, 1, 2], 20_000 + i), ([10, 0, 0, 5], 80));
        capture = if i % 3 == 0 { capture.refused() } else { capture.healthy() };
    }
    let straight = capture.bytes();
    let expected = crate::common::analyse(&straight).unwrap().1.counts;
    for (jump, every) in [(-3_600_i64, 50), (3_600, 50), (-86_400 * 400, 100), (86_400 * 400, 7), (-12, 3), (1_000, 2)]
    {
        let (mut file, mut at, mut number) = (straight.clone(), packets::header().len(), 0);
        while at < file.len() {
            let field = |n: usize| u32::from_le_bytes(file[at + n..at + n + 4].try_into().unwrap());
            let (seconds, len) = (i64::from(field(0)), field(8) as usize);
            let away = number / every % 2 == 1;
            let seconds = seconds + if away { jump } else { 0 };
            file[at..at + 4].copy_from_slice(&(seconds as u32).to_le_bytes());
            (at, number) = (at + 16 + len, number + 1);
        }
        let (ear, summary) = crate::common::analyse(&file).unwrap();
        let problems: Vec<_> = ear.captures[0].info.problems.iter().map(|p| p.kind.as_str()).collect();
        assert!(!problems.is_empty() || jump > 0, "{jump} s every {every} packets: nothing is said of it");
        // Between packets that lie within a step nobody can tell how long it took; whose connection failed, they show.
        let told = ear.connections.iter().filter(|c| c.cause == Some("tcp.port-closed")).count();
        assert!(told <= 100 && summary.counts.failed <= expected.failed, "{jump} s every {every}: {told} {problems:?}");
        assert!(summary.counts.connections >= expected.connections, "{jump} s every {every}");
    }
}
