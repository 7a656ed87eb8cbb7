//! What is read together: captures of one host that follow each other.
//!
//! Invariant: each capture is one unit's own; and a unit's name says all that its rows depend on.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use regex_lite::Regex;
use sha2::{Digest as _, Sha256};
use why502::base::{Timestamp, escape};
use why502::source::Source;

use super::super::args::Fleet;
use super::super::say;

/// Files and directories that are looked at: of a thousand hosts a thousand each.
const MAX_FILES: usize = 1_000_000;

/// Directories within directories.
const MAX_DEPTH: usize = 32;

/// Names that captures have. What has another and cannot be read is something else.
const SUFFIXES: [&str; 4] = ["pcap", "pcapng", "cap", "dump"];

/// A capture.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    pub(super) path: PathBuf,
    host: String,
    bytes: u64,
    /// When it was last written, in nanoseconds since 1970.
    written: u128,
    /// The time of its first packet; none where it has none, or cannot be read.
    first: Option<Timestamp>,
}

/// What one process reads.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) id: String,
    pub(super) host: String,
    pub(super) own: Vec<Capture>,
    pub(super) context: Vec<Capture>,
}

impl Unit {
    /// Bytes of its own captures.
    pub(super) fn bytes(&self) -> u64 {
        self.own.iter().map(|capture| capture.bytes).sum()
    }
}

/// The units of a directory of captures, the largest first, so that none is left alone at the end. What their rows depend on
/// beside the captures is in `salt`.
pub(super) fn plan(typed: &Fleet, salt: &str) -> Result<Vec<Unit>, String> {
    let rule = typed.host_from.as_deref().map(Regex::new).transpose();
    let rule = rule.map_err(|e| format!("--host-from: {}", escape(&e.to_string())))?;
    if rule.as_ref().is_some_and(|rule| !rule.capture_names().flatten().any(|name| name == "host")) {
        return Err("--host-from: has no group `(?<host>...)`".to_owned());
    }
    // However it is spelt, it is the same directory.
    let dir = fs::canonicalize(&typed.dir).map_err(|e| cannot(&typed.dir, &e))?;
    let mut hosts: BTreeMap<String, Vec<Capture>> = BTreeMap::new();
    for path in Walk::of(&dir)? {
        if let Some(capture) = capture(&path, &dir, rule.as_ref()) {
            hosts.entry(capture.host.clone()).or_default().push(capture);
        }
    }
    let mut units: Vec<Unit> = hosts.into_values().flat_map(|captures| divide(captures, typed, salt)).collect();
    units.sort_by(|a, b| (b.bytes(), &a.id).cmp(&(a.bytes(), &b.id)));
    Ok(units)
}

fn cannot(path: &Path, why: &io::Error) -> String {
    format!("{}: cannot be read: {why}", escape(&path.to_string_lossy()))
}

/// All files below a directory, each once, whatever links lead to it.
#[derive(Default)]
struct Walk {
    /// Files and directories, by device and number.
    known: HashSet<(u64, u64)>,
    files: Vec<PathBuf>,
    /// Followed last: what has a name of its own in the directory is known by that.
    links: Vec<(PathBuf, usize)>,
}

impl Walk {
    fn of(dir: &Path) -> Result<Vec<PathBuf>, String> {
        let mut walk = Walk::default();
        fs::read_dir(dir).map_err(|e| cannot(dir, &e))?;
        walk.take(dir.to_owned(), 0)?;
        // Those that a link leads to are looked for in the same way.
        while let Some((link, depth)) = walk.links.pop() {
            walk.take(link, depth)?;
        }
        Ok(walk.files)
    }

    fn take(&mut self, path: PathBuf, depth: usize) -> Result<(), String> {
        let Ok(about) = fs::metadata(&path) else { return Ok(()) };
        if !self.known.insert((about.dev(), about.ino())) {
            return Ok(());
        }
        if self.known.len() > MAX_FILES {
            return Err(format!("{}: more than {MAX_FILES} files", escape(&path.to_string_lossy())));
        }
        if about.is_file() {
            self.files.push(path);
        } else if about.is_dir() && depth <= MAX_DEPTH {
            self.descend(&path, depth)?;
        }
        Ok(())
    }

    fn descend(&mut self, directory: &Path, depth: usize) -> Result<(), String> {
        let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => {
                say(&cannot(directory, &e));
                return Ok(());
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                self.links.push((entry.path(), depth + 1));
            } else {
                self.take(entry.path(), depth + 1)?;
            }
        }
        Ok(())
    }
}

/// What is known of a file, if it is a capture, or has the name of one.
fn capture(path: &Path, dir: &Path, rule: Option<&Regex>) -> Option<Capture> {
    let below = path.strip_prefix(dir).unwrap_or(path);
    let opened = Source::open(path);
    if opened.is_err() && !is_named_so(path) {
        return None;
    }
    let about = fs::metadata(path).ok()?;
    let written = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Some(Capture {
        path: path.to_owned(),
        host: host(below, rule)?,
        bytes: about.len(),
        written: written.as_nanos(),
        first: opened.ok().and_then(|mut source| source.due()),
    })
}

/// Whether one of the suffixes, behind which a ring writes numbers and a compression its own, is that of a capture.
fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.split('.').skip(1).any(|part| SUFFIXES.contains(&part.trim_end_matches(|c: char| c.is_ascii_digit())))
}

/// The host of a capture; none where the rule says that it is of none.
fn host(below: &Path, rule: Option<&Regex>) -> Option<String> {
    match rule {
        Some(rule) => Some(rule.captures(&below.to_string_lossy())?.name("host")?.as_str().to_owned()),
        None => {
            let parent = below.parent().and_then(Path::file_name);
            Some(parent.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
        }
    }
}

/// Divides the captures of one host.
fn divide(mut captures: Vec<Capture>, typed: &Fleet, salt: &str) -> Vec<Unit> {
    captures.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
    let mut units = Vec::new();
    let mut begin = 0;
    while begin < captures.len() {
        let mut bytes = 0u64;
        let fits = |capture: &&Capture| {
            bytes = bytes.saturating_add(capture.bytes);
            bytes <= typed.unit_size
        };
        let count = captures.iter().skip(begin).take_while(fits).count().max(1);
        let own: Vec<Capture> = captures.iter().skip(begin).take(count).cloned().collect();
        let room = typed.unit_size / 4;
        let before = captures.iter().take(begin).rev();
        // A capture reaches to where the next one begins.
        let next = captures.iter().take(begin + 1).rev().map(|capture| capture.first);
        let since = own.first().and_then(|capture| capture.first);
        let reaches = before.zip(next).map(|(capture, end)| (capture, gap(end, since)));
        let mut context = within(reaches, typed.overlap, room);
        let after = captures.iter().skip(begin + count);
        let until = after.clone().next().and_then(|capture| capture.first);
        context.extend(within(after.map(|capture| (capture, gap(until, capture.first))), typed.overlap, room));
        units.push(unit(own, context, salt));
        begin += count;
    }
    units
}

/// From one time to a later one.
fn gap(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    let us = to?.since(from?).0;
    Some(Duration::from_micros(u64::try_from(us).unwrap_or_default()))
}

/// Those near enough, the nearest in any case, as far as there is room.
fn within<'c>(
    captures: impl Iterator<Item = (&'c Capture, Option<Duration>)>,
    overlap: Duration,
    room: u64,
) -> Vec<Capture> {
    let mut bytes = 0u64;
    let near = captures.enumerate().take_while(|(i, (capture, gap))| {
        bytes = bytes.saturating_add(capture.bytes);
        gap.is_some_and(|gap| gap < overlap) && (*i == 0 || bytes <= room)
    });
    near.map(|(_, (capture, _))| capture.clone()).collect()
}

fn unit(own: Vec<Capture>, context: Vec<Capture>, salt: &str) -> Unit {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(salt);
    for (role, captures) in [("own", &own), ("context", &context)] {
        for c in captures {
            let (path, host) = (c.path.to_string_lossy(), &c.host);
            hash.update(format!("\0{role}\0{host}\0{path}\0{}\0{}", c.bytes, c.written));
        }
    }
    let id: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let host = own.first().map(|capture| capture.host.clone()).unwrap_or_default();
    Unit { id, host, own, context }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(unit_size: u64, overlap: u64) -> Fleet {
        use clap::Parser as _;
        let words = [
            "why502",
            "fleet",
            "d",
            "-o",
            "o",
            "--unit-size",
            &unit_size.to_string(),
            "--overlap",
            &format!("{overlap}s"),
        ];
        match super::super::super::args::Cli::parse_from(words).command {
            Some(super::super::super::args::Command::Fleet(fleet)) => *fleet,
            _ => unreachable!(),
        }
    }

    fn capture(name: &str, second: i64, bytes: u64) -> Capture {
        let first = Some(Timestamp(second * 1_000_000_000));
        Capture { path: name.into(), host: "web".to_owned(), bytes, written: 0, first }
    }

    fn names(captures: &[Capture]) -> String {
        captures.iter().map(|c| c.path.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn units_have_what_lies_around_them() {
        let captures: Vec<_> = (0..6).map(|i| capture(&format!("{i}"), i * 60, 100)).collect();
        for (size, overlap, expected) in [
            (1_000, 60, vec![("0 1 2 3 4 5", "")]),
            (200, 30, vec![("0 1", "2"), ("2 3", "1 4"), ("4 5", "3")]),
            // Two minutes reach over two captures, for which a quarter of a unit has no room.
            (400, 120, vec![("0 1 2 3", "4"), ("4 5", "3")]),
            (1, 1, vec![("0", "1"), ("1", "0 2"), ("2", "1 3"), ("3", "2 4"), ("4", "3 5"), ("5", "4")]),
        ] {
            let units = divide(captures.clone(), &typed(size, overlap), "");
            let told: Vec<_> = units.iter().map(|unit| (names(&unit.own), names(&unit.context))).collect();
            let told: Vec<_> = told.iter().map(|(own, context)| (own.as_str(), context.as_str())).collect();
            assert_eq!(told, expected, "{size} {overlap}");
        }
        // Between them nothing was captured for hours.
        let apart = vec![capture("a", 0, 100), capture("b", 60, 100), capture("c", 90_000, 100)];
        let units = divide(apart, &typed(200, 30), "");
        assert_eq!(units.iter().map(|unit| names(&unit.context)).collect::<Vec<_>>(), ["c", "b"]);
    }

    #[test]
    fn a_capture_is_known_by_its_name_where_it_cannot_be_read() {
        for (name, is) in [
            ("a.pcap", true),
            ("a.pcap17", true),
            ("a.PCAPNG.gz", true),
            ("eth0.cap.zst", true),
            ("pcap", false),
            ("a.txt", false),
        ] {
            assert_eq!(is_named_so(Path::new(name)), is, "{name}");
        }
        let rule = Regex::new("^(?<host>[^/]+)/[0-9]").unwrap();
        assert_eq!(host(Path::new("web-1/2026.pcap"), Some(&rule)).as_deref(), Some("web-1"));
        assert_eq!(host(Path::new("notes/x.pcap"), Some(&rule)), None);
        assert_eq!(host(Path::new("a/web-2/x.pcap"), None).as_deref(), Some("web-2"));
        assert_eq!(host(Path::new("x.pcap"), None).as_deref(), Some(""));
    }
}
