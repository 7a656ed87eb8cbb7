//! What must not depend on how a capture came about: each capture, changed at random in ways that lose nothing, is told
//! alike; is told alike by several threads; keeps to the schema; and keeps its verdicts where it is passed on.

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestCaseResult, TestRunner};

use crate::common::tape::{FIN, Packet, RST, Tape, doubled, read, write};
use crate::common::{Case, analyse_by, cases};
use crate::formats::{Judge, check};
use why502::analysis::{Options, run};
use why502::diagnosis::Outcome;
use why502::report::Json;
use why502::share::{Input, Shared, Wish};
use why502::source::Source;

/// Captures that each capture is changed into.
const CHANGED: u32 = 6;

/// One thing that happens on the way, and to which packet of the capture: a share of all.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// A segment goes on as two.
    Split(f64),
    /// The tap sees a packet twice, so many microseconds apart.
    Copied(f64, u64),
    /// A segment is sent again though it arrived.
    Repeated(f64),
    /// A segment is lost and sent again: it is in the capture behind so many of those that followed it.
    Lost(f64, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || 0.0..1.0;
    prop_oneof![
        place().prop_map(Change::Split),
        (place(), 1..20_u64).prop_map(|(place, apart)| Change::Copied(place, apart)),
        place().prop_map(Change::Repeated),
        (place(), 1..4_usize).prop_map(|(place, behind)| Change::Lost(place, behind)),
    ]
}

/// A segment that was captured to its end.
fn is_whole(p: &Packet) -> bool {
    p.bytes.len() > 60 && p.is_tcp() && p.wire as usize <= p.bytes.len()
}

/// The capture after one more change.
fn changed(tape: &Tape, change: Change) -> Tape {
    let at = |place: f64| ((place * tape.len() as f64) as usize).min(tape.len().saturating_sub(1));
    let is_data = |p: &Packet| is_whole(p) && p.payload() > 1;
    match change {
        Change::Split(place) if is_data(&tape[at(place)]) => {
            let mut tape = tape.clone();
            let i = at(place);
            let halves = tape[i].split();
            tape.splice(i..=i, halves);
            tape
        }
        Change::Copied(place, apart) => doubled(tape, at(place), apart, false),
        Change::Repeated(place) if is_data(&tape[at(place)]) => doubled(tape, at(place), 200_000, true),
        Change::Lost(place, behind) if is_data(&tape[at(place)]) => delayed(tape, at(place), behind),
        _ => tape.clone(),
    }
}

/// With a packet moved behind those that may come before it: others of its side, and what acknowledges less.
fn delayed(tape: &Tape, i: usize, behind: usize) -> Tape {
    let lost = &tape[i];
    let number =
        |p: &Packet, at: usize| u32::from_be_bytes(p.bytes[p.tcp() + at..p.tcp() + at + 4].try_into().unwrap());
    let may_pass = |p: &&Packet| {
        let is_soon = p.micros.saturating_sub(lost.micros) < 50_000;
        if !is_soon || !is_whole(p) || p.flags() & (FIN | RST) != 0 {
            return false;
        }
        p.ports() == lost.ports() || p.payload() == 0 && number(p, 8).wrapping_sub(number(lost, 4)) as i32 <= 0
    };
    let passed = tape[i + 1..].iter().take(behind).take_while(may_pass).count();
    let mut tape = tape.clone();
    let lost = tape.remove(i);
    let micros = if passed == 0 { lost.micros } else { tape[i + passed - 1].micros };
    tape.insert(i + passed, Packet { micros, ..lost });
    tape
}

fn said(path: &Path, threads: usize, case: &Case) -> Vec<u8> {
    let options = Options { threads, ..case.trusting() };
    let mut out = Vec::new();
    let sources = vec![("capture".to_owned(), Source::open(path).unwrap())];
    run(sources, &options, &mut Json::new(&mut out), |_, _| {}).unwrap();
    out
}

fn fail(why: String) -> TestCaseResult {
    Err(TestCaseError::fail(why))
}

/// All that must hold of one capture.
fn holds(judge: &Judge, case: &Case, tape: &Tape, path: &Path) -> TestCaseResult {
    let bytes = write(tape);
    fs::write(path, &bytes).unwrap();
    let told = analyse_by(&bytes, &case.trusting()).unwrap().0.connections;
    let kept = match &case.cause {
        Some(cause) => told.iter().any(|t| t.findings.contains(&cause.as_str())),
        None => told.iter().all(|t| t.outcome == Outcome::Ok),
    };
    if !kept {
        return fail(format!("another story: {told:?}"));
    }
    let one = said(path, 1, case);
    for threads in [2, 3, 8] {
        prop_assert!(said(path, threads, case) == one, "by {threads} threads");
    }
    check(judge, &case.name, &bytes);
    let wish = Wish { all: true, ..Wish::default() };
    // It is refused where a verdict would be another one.
    match Shared::prepare(&[Input::file(path)], Vec::new(), &case.trusting(), &wish) {
        Err(why) => fail(format!("passed on: {why}")),
        Ok(shared) => match shared.remarks().into_iter().find(|remark| remark.contains("left out")) {
            Some(remark) => fail(format!("passed on: {remark}")),
            None => Ok(()),
        },
    }
}

/// What is told of these depends on packets and not on bytes alone: what a capture lacks, and segments of full size.
const APART: [&str; 2] = ["capture/", "tcp/path-mtu-black-hole/"];

#[test]
fn what_loses_nothing_changes_nothing_whatever_comes_together() {
    let judge = Judge::new();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("properties.pcap");
    let mut wrong = Vec::new();
    for (seed, case) in (1..).zip(cases()) {
        let bytes = fs::read(&case.path).unwrap();
        let classic = bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]);
        let tape = if classic { read(&bytes) } else { Tape::new() };
        if case.needs_keys || tape.is_empty() || APART.iter().any(|name| case.name.starts_with(name)) {
            continue;
        }
        let config = Config {
            cases: CHANGED,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(seed),
            max_shrink_iters: 200,
            ..Config::default()
        };
        let ran = TestRunner::new(config).run(&vec(change(), 1..12), |changes| {
            let tape = changes.iter().fold(tape.clone(), |tape, change| changed(&tape, *change));
            holds(&judge, &case, &tape, &path)
        });
        wrong.extend(ran.err().map(|why| format!("{}: {why}", case.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
