//! Captures in several files, and packets in another order than that of their times: the verdicts stay the same.

use std::fs;
use std::io::Cursor;

use crate::common::packets::Capture;
use crate::common::{Case, Ear, cases};
use why502::analysis::{Options, run};
use why502::report::Json;
use why502::source::Source;

/// Bytes of a capture that is read at once.
const AT_ONCE: usize = 256 * 1024;

/// A pcap file: its header, and its records with their times in microseconds.
struct File {
    header: Vec<u8>,
    records: Vec<(u64, Vec<u8>)>,
}

impl File {
    /// Of a capture of the catalogue; times that are equal are made to differ, so that there is one order.
    fn of(case: &Case) -> File {
        let bytes = fs::read(&case.path).unwrap();
        let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        assert_eq!(word(0), 0xa1b2_c3d4, "the generator writes little-endian microsecond pcap");
        let (mut records, mut at, mut last) = (Vec::new(), 24, 0);
        while at < bytes.len() {
            let end = at + 16 + word(at + 8) as usize;
            last = (u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4))).max(last + 1);
            let mut record = bytes[at..end].to_vec();
            record[..4].copy_from_slice(&((last / 1_000_000) as u32).to_le_bytes());
            record[4..8].copy_from_slice(&((last % 1_000_000) as u32).to_le_bytes());
            records.push((last, record));
            at = end;
        }
        File { header: bytes[..24].to_vec(), records }
    }

    /// These of its records, in this order.
    fn with(&self, order: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let records = order.into_iter().flat_map(|i| self.records[i].1.iter().copied());
        self.header.iter().copied().chain(records).collect()
    }
}

/// What the analysis said of the connections, frames aside: those that `frame` gives for a capture and a frame.
fn verdicts(files: &[Vec<u8>], frame: impl Fn(usize, u64) -> u64) -> (Vec<String>, Ear) {
    let open = |bytes: &Vec<u8>| Source::from_reader(Box::new(Cursor::new(bytes.clone())), "memory").unwrap();
    let sources = files.iter().map(|bytes| ("memory".to_owned(), open(bytes))).collect();
    let mut ear = Ear::default();
    run(sources, &Options::default(), &mut ear, |_, _| {}).unwrap();
    let told = ear.connections.iter().map(|t| {
        let evidence: Vec<Vec<u64>> =
            t.cited.iter().map(|f| f.iter().map(|f| frame(usize::from(f.capture()), f.frame)).collect()).collect();
        format!("{} {:?} {:?} {:?} {:?} {evidence:?}", t.id, t.outcome, t.cause, t.findings, t.confidence)
    });
    let told = told.collect();
    (told, ear)
}

/// A shuffle that is the same each time (Fisher and Yates, over a linear congruence).
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below as u64) as usize
    };
    let mut order: Vec<_> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, next(i + 1));
    }
    order
}

/// Failing and healthy captures that are read at once, a good sample of all.
fn sample(every: usize) -> Vec<(String, File)> {
    let all = cases().into_iter().map(|case| (case.name.clone(), File::of(&case)));
    let small = all.filter(|(_, f)| f.records.len() >= 8 && f.with(0..f.records.len()).len() < AT_ONCE);
    small.step_by(every).collect()
}

#[test]
fn a_capture_shuffled_at_random_tells_the_same() {
    for (name, file) in sample(6) {
        let n = file.records.len();
        let (whole, _) = verdicts(&[file.with(0..n)], |_, frame| frame);
        for seed in 0..100 {
            let order = shuffled(n, seed);
            let original = |_: usize, frame: u64| order[frame as usize - 1] as u64 + 1;
            let (told, ear) = verdicts(&[file.with(order.iter().copied())], original);
            assert_eq!(told, whole, "{name}, shuffled with {seed}");
            let problems: Vec<_> = ear.captures[0].info.problems.iter().map(|p| p.kind.as_str()).collect();
            assert!(problems.contains(&"out-of-order-frames") && !problems.contains(&"clock-stepped"), "{problems:?}");
        }
    }
}

#[test]
fn two_files_cut_anywhere_tell_the_same_in_either_order() {
    for (name, file) in sample(4) {
        let n = file.records.len();
        let (whole, _) = verdicts(&[file.with(0..n)], |_, frame| frame);
        for cut in 0..=n {
            let (first, second) = (file.with(0..cut), file.with(cut..n));
            let later = |part: usize| if part == 1 { cut as u64 } else { 0 };
            let (told, _) = verdicts(&[first.clone(), second.clone()], |part, frame| frame + later(part));
            assert_eq!(told, whole, "{name} cut after {cut} packets");
            let (told, ear) = verdicts(&[second, first], |part, frame| frame + later(1 - part));
            assert_eq!(told, whole, "{name} cut after {cut} packets, the later part first");
            let stepped =
                ear.captures.iter().flat_map(|c| &c.info.problems).any(|p| p.kind.as_str() == "clock-stepped");
            assert!(!stepped, "{name}");
        }
    }
}

#[test]
fn one_file_a_direction_tells_the_same() {
    for (name, file) in sample(4) {
        let n = file.records.len();
        let (whole, _) = verdicts(&[file.with(0..n)], |_, frame| frame);
        // By the parity of a record's length: interleaved in any way.
        let (even, odd): (Vec<_>, Vec<_>) = (0..n).partition(|&i| file.records[i].1.len() % 4 < 2);
        let original = |part: usize, frame: u64| [&even, &odd][part][frame as usize - 1] as u64 + 1;
        let parts = [file.with(even.iter().copied()), file.with(odd.iter().copied())];
        assert_eq!(verdicts(&parts, original).0, whole, "{name}");
    }
}

#[test]
fn a_clock_that_was_set_back_is_told_and_not_mended() {
    let (_, file) = sample(1).into_iter().find(|(name, _)| name.starts_with("healthy/")).unwrap();
    let n = file.records.len();
    let mut set_back = File { header: file.header.clone(), records: file.records.clone() };
    for (_, record) in &mut set_back.records[n / 2..] {
        let seconds = u32::from_le_bytes(*record.first_chunk().unwrap()) - 3_600;
        record[..4].copy_from_slice(&seconds.to_le_bytes());
    }
    let (told, ear) = verdicts(&[set_back.with(0..n)], |_, frame| frame);
    let (whole, _) = verdicts(&[file.with(0..n)], |_, frame| frame);
    let problems: Vec<_> = ear.captures[0].info.problems.iter().map(|p| (p.kind.as_str(), p.count)).collect();
    assert_eq!((told, problems), (whole, vec![("clock-stepped", 1)]));
}

#[test]
fn a_sentence_says_in_which_file_a_frame_is() {
    let files = [Capture::new().healthy().bytes(), Capture::new().later(60).next().refused().bytes()];
    let named = |files: &[Vec<u8>]| {
        let open = |file: &Vec<u8>| Source::from_reader(Box::new(Cursor::new(file.clone())), "file").unwrap();
        let sources = files.iter().map(|file| ("file".to_owned(), open(file))).collect();
        let mut out = Vec::new();
        run(sources, &Options::default(), &mut Json::new(&mut out), |_, _| {}).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let refused = told["connections"].as_array().unwrap().iter().find(|c| c["verdict"]["outcome"] == "failed");
        refused.unwrap()["findings"][0]["ruled_out"].to_string()
    };
    assert!(named(&files).contains("the host answered in frame 2/2\""), "{}", named(&files));
    assert!(named(&files[1..]).contains("the host answered in frame 2\""), "{}", named(&files[1..]));
}
