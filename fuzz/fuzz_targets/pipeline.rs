//! The whole pipeline on bytes that are, or are not, a capture.
//!
//! Run with `cargo +nightly fuzz run pipeline`, seeded with the files under `captures/`.
#![no_main]

use std::io::{Cursor, sink};

use libfuzzer_sys::fuzz_target;
use why502::analysis::{Options, run};
use why502::source::Source;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::from_reader(Box::new(Cursor::new(bytes.to_vec())), "fuzz") else { return };
    let mut report = why502::report::Json::new(sink());
    let _ = run(vec![("fuzz".into(), source)], &Options::default(), &mut report, |_, _| {});
});
