//! Who may import whom: a module imports only modules to its left.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up.
const ORDER: [&str; 15] = [
    "base",
    "source",
    "link",
    "ip",
    "flow",
    "tcp",
    "session",
    "observation",
    "diagnosis",
    "causes",
    "correlate",
    "report",
    "analysis",
    "share",
    "probe",
];

/// Siblings that do not know each other.
const STRANGERS: [(&str, &str); 2] = [("session/tls", "session::http1"), ("session/http1", "session::tls")];

/// Outside crates, and the only places that may name them.
const PLACES: [(&str, &[&str]); 18] = [
    ("pcap::", &["source"]),
    ("rustix::", &["analysis/ring", "source/live", "cli"]),
    ("signal_hook::", &["cli"]),
    ("landlock::", &["cli/sandbox"]),
    ("libc::", &["cli/sandbox"]),
    ("seccompiler::", &["cli/sandbox"]),
    ("etherparse::", &["link", "ip"]),
    ("tls_parser::", &["session/tls"]),
    ("x509_parser::", &["session/tls"]),
    ("httparse::", &["session/http1"]),
    ("nom::", &["session", "correlate"]),
    ("why502_memory::", &["main", "options", "flow"]),
    ("clap::", &["cli", "options", "main"]),
    ("serde_json::", &["report", "correlate", "share", "options"]),
    ("askama::", &["report/html"]),
    ("parquet::", &["report/tables", "report/fleet"]),
    ("quick_xml::", &["report/junit"]),
    ("println!", &["cli", "main"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut dirs = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), code(&text)));
            }
        }
    }
    found
}

/// Without comments.
fn code(text: &str) -> String {
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that a file names as `crate::MODULE`, also within braces.
fn named(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let inside = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
        let many = rest.starts_with('{');
        for part in inside.split(',').take(if many { usize::MAX } else { 1 }) {
            let part = part.trim();
            names.push(part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(part));
        }
    }
    names
}

#[test]
fn modules_import_only_to_their_left() {
    for (path, text) in sources() {
        let module = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(own) = ORDER.iter().position(|m| *m == module) else { continue };
        for name in named(&text) {
            let Some(other) = ORDER.iter().position(|m| *m == name) else { continue };
            assert!(other <= own, "{} imports crate::{name}", path.display());
        }
    }
}

#[test]
fn a_cause_sees_no_parser() {
    for (path, text) in sources().into_iter().filter(|(p, _)| p.starts_with("causes")) {
        for name in named(&text) {
            let allowed = ["base", "observation", "diagnosis", "causes"].contains(&name);
            assert!(allowed, "{} imports crate::{name}", path.display());
        }
    }
}

#[test]
fn siblings_are_strangers() {
    for (path, text) in sources() {
        for (place, other) in STRANGERS {
            assert!(!path.starts_with(place) || !text.contains(other), "{} names {other}", path.display());
        }
    }
}

#[test]
fn outside_crates_stay_in_their_place() {
    for (path, text) in sources() {
        for (name, places) in PLACES {
            let here = places.iter().any(|p| path.starts_with(p) || path.with_extension("") == Path::new(p));
            let used = text.match_indices(name).any(|(at, _)| {
                let before = text.get(..at).and_then(|t| t.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                    || text.contains(&format!("use ::{name}"))
            });
            assert!(here || !used, "{} names {name}", path.display());
        }
    }
}

#[test]
fn unsafe_is_in_two_files_and_says_why() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security.md")).unwrap();
    for (path, text) in sources() {
        assert!(!text.contains("unsafe"), "{}", path.display());
    }
    for (within, name, expected, told) in [
        (
            "edge-tls/src",
            "wire.rs",
            7,
            "`edge-tls/src/wire.rs`, which is built with\n  `--features probe` alone: seven places",
        ),
        ("memory/src", "lib.rs", 8, "`memory/src/lib.rs`: six places, and two in its tests"),
    ] {
        let mut blocks = 0;
        for file in fs::read_dir(root.join(within)).unwrap().map(|e| e.unwrap().path()) {
            let text = fs::read_to_string(&file).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for (i, _) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
                assert!(file.ends_with(name), "{}", file.display());
                let why = lines[i.saturating_sub(3)..i].iter().any(|line| line.contains("SAFETY"));
                assert!(why, "{}:{}: no reason beside it", file.display(), i + 1);
                blocks += 1;
            }
        }
        assert_eq!(blocks, expected, "{within}: docs/security.md counts them, too");
        assert!(page.contains(told), "docs/security.md on {within}");
    }
}
