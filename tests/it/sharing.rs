//! What leaves the host: every capture survives it with its verdicts, and nothing that was planted is in it.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use crate::common::{Case, cases};
use why502::analysis::{Options, run};
use why502::share::{Input, Shared, Wish};
use why502::source::Source;

/// Every connection of a capture, as it can be passed on.
fn shared(case: &Case, options: &Options) -> Result<Shared, String> {
    let wish = Wish { all: true, ..Wish::default() };
    Shared::prepare(&[Input::file(&case.path)], Vec::new(), options, &wish).map_err(|e| e.to_string())
}

fn written(shared: &Shared) -> Vec<u8> {
    let mut out = Vec::new();
    shared.write(&mut out).unwrap();
    out
}

/// Nothing is left out, and nothing changes: the check within says so, and this asks whether it was asked.
#[test]
fn every_capture_keeps_its_verdicts() {
    let mut wrong = Vec::new();
    for case in cases() {
        match shared(&case, &case.with_keys()) {
            Ok(shared) => {
                let remarks: Vec<_> = shared.remarks().into_iter().filter(|r| r.contains("left out")).collect();
                if !remarks.is_empty() {
                    wrong.push(format!("{}: {remarks:?}", case.name));
                }
                if let Ok(folder) = std::env::var("WHY502_SHARED") {
                    let path = Path::new(&folder).join(case.name.replace('/', "_") + ".pcapng");
                    fs::write(path, written(&shared)).unwrap();
                }
            }
            Err(why) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
