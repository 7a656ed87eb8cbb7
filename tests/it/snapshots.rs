//! What the terminal prints, beside each failing capture as `report.txt`, and one of them in the README.
//!
//! After a change that is meant: `UPDATE_SNAPSHOTS=1 cargo test --test snapshots`, then read the difference.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::cases;

/// The report as it is printed from the root of the repository, where a root and a key log beside the capture are used.
fn printed(capture: &str) -> String {
    let beside = |option: &str, name: &str| {
        let file = Path::new(capture).with_file_name(name);
        Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).is_file().then(|| [option.into(), file])
    };
    let options = [beside("--trust", "ca.pem"), beside("--keylog", "keys.log")];
    let out = Command::new(env!("CARGO_BIN_EXE_why502"))
        .args(options.iter().flatten().flatten())
        .arg(capture)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("NO_COLOR")
        .output()
        .unwrap();
    assert!(out.stderr.is_empty(), "{capture}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn reports_are_as_they_were() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut changed = Vec::new();
    for case in cases().into_iter().filter(|c| c.cause.is_some()) {
        let file = case.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
        let (snapshot, report) = (case.path.with_file_name("report.txt"), printed(&file));
        if update {
            fs::write(&snapshot, &report).unwrap();
        }
        if fs::read_to_string(&snapshot).ok().as_deref() != Some(&report) {
            changed.push(case.name);
        }
    }
    assert!(changed.is_empty(), "printed otherwise than in report.txt:\n{}", changed.join("\n"));
}

#[test]
fn the_readme_shows_a_true_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let command = readme.lines().find(|l| l.starts_with("cargo run")).unwrap();
    let report = printed(command.rsplit(' ').next().unwrap());
    assert!(readme.contains(report.trim_end()), "README.md shows another report than this:\n{report}");
}
