//! Responses byte by byte, each with its reading and the clause behind it, however the bytes are cut into segments and
//! in whatever order those come. What is written here by hand is grammar; what servers really send is in `captures/`.

mod rows;

use std::collections::BTreeSet;
use std::io::{self, Cursor};

use crate::common::packets::Capture;
use rows::{Row, rows};
use why502::analysis::{Options, run};
use why502::diagnosis::{Diagnosis, Outcome};
use why502::observation::Connection;
use why502::report::{self, Renderer, Summary};
use why502::source::Source;

const FIN: u8 = 1;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Shuffles of each row.
const SHUFFLES: u64 = 100;

/// How the connection ends, after the last byte of the response.
#[derive(Clone, Copy, Debug)]
enum Ends {
    EdgeFin,
    /// After five seconds.
    EdgeIdle,
    EdgeRst,
    OriginFin,
    OriginRst,
}

/// A part of the response: where it begins, and its bytes.
type Segment<'a> = (usize, &'a [u8]);

/// What is read of one capture.
#[derive(Debug, Default)]
struct Reading {
    of: String,
    cause: String,
    /// Causes that are found beside that.
    notes: Vec<&'static str>,
}

impl Renderer for Reading {
    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        let exchange = c.http.as_ref().and_then(|http| http.exchanges.first());
        self.of = exchange.and_then(|e| e.response.as_ref()).map_or("none".to_owned(), |r| {
            let complete = if r.complete { "complete" } else { "incomplete" };
            format!("{} {:?} {} {complete}", r.status, r.framing, r.body_bytes)
        });
        let failed = d.verdict.outcome == Outcome::Failed;
        let explains = d.verdict.cause.filter(|_| failed).map(|cause| cause.id());
        self.notes = d.findings.iter().map(|(cause, _)| cause.id()).filter(|id| Some(*id) != explains).collect();
        self.cause = d.verdict.cause.filter(|_| failed).map_or(String::new(), |cause| cause.id().to_owned());
        Ok(())
    }

    fn finish(&mut self, _: &[report::Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

/// The connection of a row with its response in these segments.
fn read(row: &Row, segments: &[Segment<'_>], len: usize) -> Reading {
    connection(row.request, segments, len, row.ends)
}

fn connection(request: &str, segments: &[Segment<'_>], len: usize, ends: Ends) -> Reading {
    let asked = Capture::new().open().edge(ACK, request.as_bytes());
    let answered = asked.origin_in_parts(ACK, segments, len).edge(ACK, b"");
    let ended = match ends {
        Ends::EdgeFin => answered.close(),
        Ends::EdgeIdle => answered.later(5).close(),
        Ends::EdgeRst => answered.edge(RST | ACK, b""),
        Ends::OriginFin => answered.origin(FIN | ACK, b"").edge(FIN | ACK, b"").origin(ACK, b""),
        Ends::OriginRst => answered.origin(RST | ACK, b""),
    };
    let mut reading = Reading::default();
    let source = Source::from_reader(Box::new(Cursor::new(ended.bytes())), "memory").unwrap();
    run(vec![("memory".into(), source)], &Options::default(), &mut reading, |_, _| {}).unwrap();
    reading
}

/// The bytes of a row, whose characters stand for bytes.
fn bytes(row: &Row) -> Vec<u8> {
    row.response
        .chars()
        .flat_map(|c| u8::try_from(u32::from(c)).map_or(c.to_string().into_bytes(), |b| vec![b]))
        .collect()
}

fn segments<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<Segment<'a>> {
    let ends = cuts.iter().copied().chain([bytes.len()]);
    let begins = std::iter::once(0).chain(cuts.iter().copied());
    begins.zip(ends).filter(|(a, b)| a < b).map(|(a, b)| (a, &bytes[a..b])).collect()
}

/// A cheap generator: Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn holds(row: &Row, how: &str, segments: &[Segment<'_>], len: usize) -> Option<String> {
    let reading = read(row, segments, len);
    let right = reading.of == row.reading && reading.cause == row.cause && reading.notes == row.notes;
    let told = || format!("{:?}\n  {how} ({}): {reading:?}", row.response, row.clause);
    (!right).then(told)
}

#[test]
fn there_are_rows_enough() {
    assert_eq!(rows().filter(|row| !row.notes.is_empty()).count(), rows::NOTED.len());
    let all: BTreeSet<_> = rows().map(|row| (row.request, row.response, format!("{:?}", row.ends))).collect();
    assert!(all.len() >= 120 && all.len() == rows().count(), "{} of {}", all.len(), rows().count());
}

#[test]
fn each_response_is_read_as_the_clause_says() {
    let wrong: Vec<_> = rows()
        .filter_map(|row| {
            let bytes = bytes(&row);
            holds(&row, "whole", &segments(&bytes, &[]), bytes.len())
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows().count(), wrong.join("\n"));
}

#[test]
fn where_the_segments_are_cut_does_not_matter() {
    for row in rows() {
        let bytes = bytes(&row);
        for at in 1..bytes.len() {
            let wrong = holds(&row, &format!("cut at {at}"), &segments(&bytes, &[at]), bytes.len());
            assert_eq!(wrong, None);
        }
        let every: Vec<_> = (1..bytes.len()).collect();
        assert_eq!(holds(&row, "one byte a segment", &segments(&bytes, &every), bytes.len()), None);
    }
}

#[test]
fn the_order_of_the_segments_does_not_matter() {
    for row in rows() {
        let bytes = bytes(&row);
        let every: Vec<_> = (1..bytes.len()).collect();
        let mut reversed = segments(&bytes, &every);
        reversed.reverse();
        assert_eq!(holds(&row, "reversed", &reversed, bytes.len()), None);
        let mut swapped = segments(&bytes, &every);
        swapped.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        assert_eq!(holds(&row, "adjacent ones swapped", &swapped, bytes.len()), None);
        for seed in 0..SHUFFLES {
            let mut dice = Dice(seed);
            let cuts: Vec<_> = every.iter().copied().filter(|_| dice.below(3) == 0).collect();
            let mut shuffled = segments(&bytes, &cuts);
            for i in (1..shuffled.len()).rev() {
                shuffled.swap(i, dice.below(i + 1));
            }
            assert_eq!(holds(&row, &format!("shuffle {seed}"), &shuffled, bytes.len()), None);
        }
    }
}

/// CloudFront's quota for the head of a response.
const LARGEST_HEAD: usize = 32_768;

#[test]
fn a_head_is_too_large_by_its_first_byte_beyond_the_quota() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const REST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: \r\n\r\n";
    for (len, ends, cause) in
        [(LARGEST_HEAD, Ends::EdgeFin, ""), (LARGEST_HEAD + 1, Ends::EdgeRst, "http.headers-too-large")]
    {
        let padding = "x".repeat(len - REST.len());
        let bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: {padding}\r\n\r\na").into_bytes();
        let around = |at: usize| at - 8..=(at + 8).min(bytes.len() - 1);
        let halves = around(LARGEST_HEAD).chain((1_000..bytes.len()).step_by(1_000)).map(|at| vec![at]);
        let thousands: Vec<_> = (1_000..bytes.len()).step_by(1_000).collect();
        for cuts in halves.chain([vec![], thousands]) {
            let parts = segments(&bytes, &cuts);
            let reversed: Vec<_> = parts.iter().copied().rev().collect();
            for parts in [parts, reversed] {
                let reading = connection(REQUEST, &parts, bytes.len(), ends);
                assert_eq!(
                    (reading.of.as_str(), reading.cause.as_str()),
                    ("200 Length(1) 1 complete", cause),
                    "{len} {cuts:?}"
                );
            }
        }
    }
}
