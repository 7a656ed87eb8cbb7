//! The whole pipeline: a file in, every report out.

use std::io::{self, Cursor, Read};

use quick_xml::events::Event;
use why502::analysis::{Options, run as analyse};
use why502::diagnosis::{Diagnosis, Outcome};
use why502::observation::Connection;
use why502::report::{Capture, Html, Json, Junit, NdJson, Renderer, Sarif, Summary, Text, TextOptions};
use why502::source::Source;

use super::ops::Op;
use super::tape::tape;
use super::{Drip, in_proportion, ops};

/// Every report, and the verdicts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reports {
    json: Vec<u8>,
    ndjson: Vec<u8>,
    sarif: Vec<u8>,
    junit: Vec<u8>,
    html: Vec<u8>,
    text: Vec<u8>,
    verdicts: Vec<(Outcome, Option<&'static str>)>,
    out_of_order: bool,
}

/// Gives each connection to all of them.
struct All<'r>(Vec<Box<dyn Renderer + 'r>>, &'r mut Vec<(Outcome, Option<&'static str>)>);

impl Renderer for All<'_> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        self.1.push((diagnosis.verdict.outcome, diagnosis.verdict.cause.map(|c| c.id())));
        self.0.iter_mut().try_for_each(|r| r.connection(connection, diagnosis))
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|r| r.finish(captures, summary))
    }
}

fn report(read: Box<dyn Read + Send>, threads: usize) -> Option<Reports> {
    let source = Source::from_reader(read, "fuzz").ok()?;
    let mut r = Reports::default();
    let renderers: Vec<Box<dyn Renderer + '_>> = vec![
        Box::new(Json::new(&mut r.json)),
        Box::new(NdJson::new(&mut r.ndjson, false)),
        Box::new(Sarif::new(&mut r.sarif)),
        Box::new(Junit::new(&mut r.junit)),
        Box::new(Html::new(&mut r.html)),
        Box::new(Text::new(&mut r.text, TextOptions { colour: false, all: true })),
    ];
    let options = Options { threads, ..Options::default() };
    let sources = vec![("fuzz".to_owned(), source)];
    analyse(sources, &options, &mut All(renderers, &mut r.verdicts), |_, _| {}).expect("memory can be written");
    r.out_of_order = String::from_utf8_lossy(&r.json).contains("out-of-order-frames");
    Some(r)
}

/// A report is what its format says.
fn check(reports: &Reports) {
    let document: serde_json::Value = serde_json::from_slice(&reports.json).expect("the JSON can be read");
    let listed = document["connections"].as_array().map_or(0, Vec::len);
    assert_eq!(listed, reports.verdicts.len());
    for line in reports.ndjson.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        serde_json::from_slice::<serde_json::Value>(line).expect("each line can be read");
    }
    serde_json::from_slice::<serde_json::Value>(&reports.sarif).expect("SARIF can be read");
    let mut junit = quick_xml::Reader::from_reader(reports.junit.as_slice());
    while !matches!(junit.read_event().expect("JUnit can be read"), Event::Eof) {}
    for written in [&reports.html, &reports.text] {
        let text = std::str::from_utf8(written).expect("it is text");
        // What a stranger wrote moves no cursor and rings no bell.
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t' && c != '\r'), "{text:?}");
    }
}

/// Writes every report, and checks each; says whether it is a capture.
pub(super) fn checked(bytes: &[u8]) -> bool {
    let reports = report(Box::new(Cursor::new(bytes.to_vec())), 1);
    reports.iter().for_each(check);
    reports.is_some()
}

/// Bytes that are a capture, or are none.
pub(super) fn run(bytes: &[u8]) {
    // A compressed file may stand for any length: that is looked at by itself.
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5]) || bytes.starts_with(&[4, 0x22]) {
        return;
    }
    let read = |most: usize| -> Box<dyn Read + Send> {
        if most == 0 { Box::new(Cursor::new(bytes.to_vec())) } else { Box::new(Drip::new(bytes, most)) }
    };
    // A connection takes some time of its own, however small its packets.
    let Some(whole) = in_proportion(bytes.len() * 8, || report(read(0), 1)) else { return };
    check(&whole);
    let pieces = report(read(61), 1).expect("it is a capture still");
    if !whole.out_of_order && !pieces.out_of_order {
        assert_eq!(String::from_utf8_lossy(&pieces.json), String::from_utf8_lossy(&whole.json));
        assert_eq!(pieces, whole);
    }
    // Threads are costly to start: some inputs are enough.
    if bytes.len() % 16 == 7 {
        assert_eq!(report(read(0), 3), Some(whole));
    }
}

/// What two sides say on one connection: all reports, and the same outcome in smaller segments.
pub(super) fn connection(bytes: &[u8]) {
    let whole = tape(bytes, usize::MAX);
    run(&whole);
    let total: usize =
        ops::ops(bytes).iter().map(|op| if let Op::Data(_, data, _) = op { data.len() } else { 0 }).sum();
    // The tape has a millisecond for each packet: where they are many, they are also slow.
    // Bytes that are missing may be told apart by where packets begin.
    let gaps = ops::ops(bytes).iter().any(|op| matches!(op, Op::Gap(..)));
    if total > 4_000 || gaps {
        return;
    }
    let reported = |file: Vec<u8>| report(Box::new(Cursor::new(file)), 1).expect("it is a capture").verdicts;
    // Of two faults in one packet the first of the catalogue is told, which may lie in another one when it is smaller.
    let outcome = |told: Vec<(Outcome, Option<&'static str>)>| told.into_iter().next().map(|(outcome, _)| outcome);
    let (smaller, whole) = (outcome(reported(tape(bytes, 97))), outcome(reported(whole)));
    // What speaks no known protocol is looked at again where a packet begins.
    if ![smaller, whole].contains(&Some(Outcome::Inconclusive)) {
        assert_eq!(smaller, whole, "in smaller segments");
    }
}
