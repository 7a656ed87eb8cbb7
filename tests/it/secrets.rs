//! Secrets go in and never come out: no report, no message and no debug output shows one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{cases, root};
use why502::analysis::Options;
use why502::observation::tls::Keys;

/// The secrets of a log in the ways in which they might be shown: as digits, and as `{:?}` of their bytes.
fn shapes(log: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for secret in log.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2)) {
        let bytes: Vec<u8> = (0..8).map(|i| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).unwrap()).collect();
        let debug = format!("{bytes:?}");
        found.insert(secret[..24].to_ascii_lowercase());
        found.insert(debug.trim_matches(['[', ']']).to_owned());
    }
    found
}

fn logs() -> Vec<PathBuf> {
    let ours = cases().into_iter().filter(|c| c.needs_keys).map(|c| c.path.with_file_name("keys.log"));
    let suites = fs::read_dir(root().join("suites")).unwrap().map(|e| e.unwrap().path().join("keys.log"));
    ours.chain(suites).collect()
}

fn is_silent(what: &str, text: &str, shapes: &BTreeSet<String>) {
    let text = text.to_ascii_lowercase();
    for shape in shapes {
        assert!(!text.contains(shape.as_str()), "{what} shows a secret: {shape}");
    }
}

/// Everything that the program prints of a capture, for a reader or a program, and in each of its questions.
#[test]
fn no_report_shows_a_secret() {
    for log in logs() {
        let capture = log.with_file_name("capture.pcap");
        let shapes = shapes(&fs::read_to_string(&log).unwrap());
        assert!(!shapes.is_empty(), "{}: no secret", log.display());
        let (log, capture) = (log.to_str().unwrap(), capture.to_str().unwrap());
        for arguments in [
            &["analyze", "--all", "--keylog", log, capture][..],
            &["analyze", "--format", "json", "--keylog", log, capture],
            &["analyze", "--format", "ndjson", "--keylog", log, capture],
            &["why", "--keylog", log, capture, "6"],
            &["compare", "--keylog", log, capture, capture],
            // In the place of a capture.
            &["analyze", log],
        ] {
            let out = Command::new(env!("CARGO_BIN_EXE_why502")).args(arguments).output().unwrap();
            for (name, bytes) in [("standard output", &out.stdout), ("standard error", &out.stderr)] {
                is_silent(&format!("{name} of {arguments:?}"), &String::from_utf8_lossy(bytes), &shapes);
            }
        }
    }
}

/// What is wrong with a log is told by the number of the line.
#[test]
fn no_message_about_a_damaged_log_shows_a_secret() {
    let log = fs::read_to_string(root().join("suites/tls13/keys.log")).unwrap();
    let secrets = shapes(&log);
    let damage: [fn(&str) -> String; 5] = [
        |line| line.replacen(' ', "\t ,", 1),
        |line| format!("{line} {line}"),
        |line| format!("{line}zz"),
        |line| line.to_ascii_lowercase(),
        |line| line.repeat(9),
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (n, damage) in damage.iter().enumerate() {
        let path = folder.join(format!("damaged-{n}.log"));
        fs::write(&path, log.lines().map(|line| damage(line) + "\n").collect::<String>()).unwrap();
        let capture = root().join("suites/tls13/capture.pcap");
        let mut program = Command::new(env!("CARGO_BIN_EXE_why502"));
        let out = program.arg("--keylog").arg(&path).arg(capture).output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(said.contains("damaged-") && said.contains("line"), "{said}");
        is_silent("standard error", &said, &secrets);
        is_silent("standard output", &String::from_utf8_lossy(&out.stdout), &secrets);
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    for log in logs() {
        let text = fs::read_to_string(&log).unwrap();
        let (options, keys) = (Options::default(), Keys::default());
        options.keys.read(text.as_bytes()).unwrap();
        let read = keys.read(text.as_bytes()).unwrap();
        let said = format!("{options:?} {options:#?} {keys:?} {keys:#?} {read:?} {:?}", read.problem());
        is_silent(&log.display().to_string(), &said, &shapes(&text));
    }
}
