//! What leaves the host as packets, read by tshark and capinfos. It needs both, and some minutes:
//!
//! ```sh
//! apt-get install tshark
//! cargo test --locked --test it wireshark:: -- --ignored
//! ```

use crate::common::{Case, cases};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use why502::share::{Input, Shared, Wish};

/// What tshark says of each packet, in this order.
const FIELDS: [&str; 7] = [
    "tcp.srcport",
    "tcp.dstport",
    "_ws.malformed",
    "tcp.checksum.status",
    "ip.checksum.status",
    "icmp.checksum.status",
    "frame.comment",
];
/// The status of a checksum that is wrong, and of one that is right.
const BAD: &str = "0";
const GOOD: &str = "1";

/// What a reader noticed in one file.
#[derive(Default)]
struct Seen {
    packets: usize,
    good: usize,
    comments: usize,
    /// Connections, by their ports, with a packet that tshark calls malformed; and with one whose checksum is wrong.
    malformed: BTreeSet<(String, String)>,
    damaged: BTreeSet<(String, String)>,
}

/// What it said on standard error, but for a remark on who runs it.
fn complaints(stderr: &[u8]) -> Vec<String> {
    let lines = String::from_utf8_lossy(stderr).into_owned();
    lines.lines().filter(|line| !line.contains("Running as user") && !line.is_empty()).map(str::to_owned).collect()
}

/// Reads a file. What has a wrong checksum is not put together where checksums are looked at, and in a capture of the host
/// that sends they are: its card fills them in.
fn tshark(path: &Path, sums: bool) -> Result<Seen, String> {
    let mut command = Command::new("tshark");
    let sums = if sums { "TRUE" } else { "FALSE" };
    command.args(["-n", "-o", &format!("tcp.check_checksum:{sums}"), "-o", &format!("ip.check_checksum:{sums}")]);
    command.args(["-T", "fields", "-r"]).arg(path).args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let done = command.output().map_err(|e| e.to_string())?;
    let said = complaints(&done.stderr);
    if !done.status.success() || !said.is_empty() {
        return Err(format!("{}: {}", done.status, said.join("; ")));
    }
    let mut seen = Seen::default();
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        let values: Vec<&str> = line.split('\t').collect();
        let [from, to, malformed, sums @ .., comment] = values.as_slice() else { return Err(line.to_owned()) };
        let ports = (from.min(to).to_string(), from.max(to).to_string());
        let has = |status: &str| sums.iter().any(|sum| sum.split(',').any(|one| one == status));
        seen.packets += 1;
        seen.good += usize::from(has(GOOD) && !has(BAD));
        seen.comments += usize::from(!comment.is_empty());
        if !malformed.is_empty() {
            seen.malformed.insert(ports.clone());
        }
        if has(BAD) {
            seen.damaged.insert(ports);
        }
    }
    Ok(seen)
}

/// Writes a capture as `--all --format pcapng` does, and says what is wrong with it.
fn check(case: &Case, folder: &Path) -> Result<Seen, String> {
    let wish = Wish { all: true, ..Wish::default() };
    let shared = Shared::prepare(&[Input::file(&case.path)], Vec::new(), &case.with_keys(), &wish);
    let shared = shared.map_err(|e| e.to_string())?;
    let path = folder.join(case.name.replace('/', "_") + ".pcapng");
    let mut out = fs::File::create(&path).unwrap();
    shared.write(&mut out).unwrap();
    let seen = tshark(&path, true)?;
    if seen.packets != shared.packets() {
        return Err(format!("{} packets, not {}", seen.packets, shared.packets()));
    }
    if !seen.damaged.is_empty() {
        return Err(format!("checksums are wrong: {:?}", seen.damaged));
    }
    if seen.malformed.is_empty() {
        return Ok(seen);
    }
    // What the original has, it may have.
    let before = tshark(&case.path, false)?;
    let malformed: Vec<_> = seen.malformed.difference(&before.malformed).collect();
    if malformed.is_empty() { Ok(seen) } else { Err(format!("malformed as the original is not: {malformed:?}")) }
}

#[test]
#[ignore = "needs tshark, and some minutes"]
fn every_capture_that_is_passed_on_opens_in_wireshark() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("wireshark");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (cases, next) = (cases(), AtomicUsize::new(0));
    let found: Mutex<BTreeMap<&str, Result<Seen, String>>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let checked = check(case, &folder);
                    found.lock().unwrap().insert(&case.name, checked);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let wrong: Vec<_> = found.iter().filter_map(|(name, r)| Some(format!("{name}: {}", r.as_ref().err()?))).collect();
    let seen: Vec<_> = found.values().flatten().collect();
    let sum = |of: fn(&Seen) -> usize| seen.iter().map(|seen| of(seen)).sum::<usize>();
    let figures = format!(
        "{} files, {} packets: the checksums of {} good, none wrong; {} with a comment; {} connections malformed as in the \
         original",
        seen.len(),
        sum(|s| s.packets),
        sum(|s| s.good),
        sum(|s| s.comments),
        sum(|s| s.malformed.len())
    );
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let info = Command::new("capinfos").args(files).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let said = complaints(&info.stderr);
    assert!(info.status.success() && said.is_empty(), "capinfos: {}: {}", info.status, said.join("; "));
    assert!(wrong.is_empty(), "{figures}\n{}", wrong.join("\n"));
    assert!(seen.len() > 400 && sum(|s| s.comments) > seen.len(), "{figures}");
    writeln!(std::io::stderr(), "{figures}").unwrap();
}
