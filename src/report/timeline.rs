//! A connection as a short list of packets, with those marked that prove the finding.

use super::facts::{Fact, Weight, facts};
use super::layout::shorten;
use crate::base::{CaptureIndex, FrameRef, Side, escape};
use crate::diagnosis::Finding;
use crate::observation::{Connection, Role};

/// Rows of one timeline: what a person takes in at a glance.
const MAX_ROWS: usize = 16;

/// Columns of a note, so that one hostile name cannot fill the page.
const MAX_NOTE: usize = 400;

/// What is told of one packet: HTTP/2 may have a thousand requests in it.
const MAX_FACTS: usize = 16;

/// The packets of one connection that tell its story.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) rows: Vec<Row>,
    first: FrameRef,
    pub(super) is_edge: bool,
}

/// One packet.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) frame: FrameRef,
    pub(super) from: Option<Side>,
    /// It is of a connection behind this one.
    pub(super) inner: bool,
    /// Steps left out before this one.
    pub(super) skipped: usize,
    weight: Weight,
    facts: Vec<String>,
    /// Facts beyond those.
    unsaid: usize,
    notes: Vec<String>,
}

impl Timeline {
    /// Of this connection, and of what a finding says about it.
    pub(super) fn of(c: &Connection, finding: Option<&Finding>) -> Timeline {
        let mut rows: Vec<Row> = Vec::new();
        for fact in facts(c, finding.and_then(|f| f.exchange)) {
            match rows.last_mut().filter(|row| row.frame.order() == fact.frame.order()) {
                Some(row) => row.add(fact),
                None => rows.push(Row::of(fact)),
            }
        }
        let own = finding.iter().flat_map(|f| &f.evidence).map(|e| (e, false));
        let inner = finding.iter().flat_map(|f| &f.inner).flat_map(|inner| &inner.evidence).map(|e| (e, true));
        for (evidence, inner) in own.chain(inner) {
            let at = rows.partition_point(|row| row.frame.order() < evidence.frame.order());
            if rows.get(at).is_none_or(|row| row.frame.order() != evidence.frame.order()) {
                rows.insert(at, Row::at(evidence.frame));
            }
            if let Some(row) = rows.get_mut(at) {
                row.inner |= inner;
                row.notes.push(shorten(&escape(&evidence.note), MAX_NOTE).into_owned());
            }
        }
        rows.retain(|row| !row.notes.is_empty() || row.weight > Weight::Silent);
        Timeline { rows: select(rows), first: c.first, is_edge: c.role == Role::Edge }
    }

    /// Of what proves a finding alone: packets in their order, each with its note.
    #[cfg(feature = "parquet")]
    pub(super) fn told(first: FrameRef, is_edge: bool, proofs: Vec<(FrameRef, String)>) -> Timeline {
        let mut rows: Vec<Row> = Vec::new();
        for (frame, note) in proofs {
            let note = shorten(&escape(&note), MAX_NOTE).into_owned();
            match rows.last_mut().filter(|row| (row.frame.frame, row.frame.time) == (frame.frame, frame.time)) {
                Some(row) => row.notes.push(note),
                None => rows.push(Row { notes: vec![note], ..Row::at(frame) }),
            }
        }
        Timeline { rows: select(rows), first, is_edge }
    }

    /// The frame's number; in another capture than the connection's first packet, `CAPTURE/FRAME` counted from 1.
    pub(super) fn number(&self, row: &Row) -> String {
        number(row.frame, self.first.capture())
    }

    /// Seconds since the connection's first packet, as Wireshark shows them.
    pub(super) fn seconds(&self, row: &Row) -> String {
        seconds(row.frame, self.first)
    }

    /// Who sent it, and to which side.
    pub(super) fn side(&self, row: &Row) -> &'static str {
        match (row.from, self.is_edge) {
            _ if row.inner => "inner",
            (None, _) => "",
            (Some(Side::Client), true) => "edge \u{2192}",
            (Some(Side::Server), true) => "\u{2190} origin",
            (Some(Side::Client), false) => "client \u{2192}",
            (Some(Side::Server), false) => "\u{2190} server",
        }
    }
}

impl Row {
    fn at(frame: FrameRef) -> Row {
        Row {
            frame,
            from: None,
            inner: false,
            skipped: 0,
            weight: Weight::Silent,
            facts: Vec::new(),
            unsaid: 0,
            notes: Vec::new(),
        }
    }

    fn of(fact: Fact) -> Row {
        let mut row = Row::at(fact.frame);
        row.add(fact);
        row
    }

    fn add(&mut self, fact: Fact) {
        self.from = Some(fact.from);
        if fact.weight == Weight::Silent || fact.text.is_empty() {
            return;
        }
        // A packet may say the same twice: HTTP/2 ends by two GOAWAYs.
        if self.facts.contains(&fact.text) {
            return;
        }
        // A note repeats what is plain; values that it may leave out stay.
        if fact.weight > self.weight && self.weight == Weight::Bare && fact.weight == Weight::Rich {
            self.facts.clear();
            self.unsaid = 0;
        }
        if fact.weight >= self.weight || self.weight == Weight::Routine {
            self.say(fact.text);
        }
        self.weight = self.weight.max(fact.weight);
    }

    fn say(&mut self, text: String) {
        if self.facts.len() < MAX_FACTS {
            return self.facts.push(text);
        }
        self.unsaid += 1;
        self.facts.truncate(MAX_FACTS);
        self.facts.push(format!("and {} more", self.unsaid));
    }

    /// Whether it proves the finding.
    pub(super) fn is_proof(&self) -> bool {
        !self.notes.is_empty()
    }

    /// The lines of text, and whether each is what it proves: what the packet has to show, then that, each said once.
    pub(super) fn lines(&self) -> Vec<(&str, bool)> {
        let shown = self.notes.is_empty() || self.weight == Weight::Rich;
        let notes = self.notes.join(" ");
        let told: Vec<_> = self.facts.iter().filter(|f| shown && !repeats(f, &notes)).map(String::as_str).collect();
        let facts = told.join(" ");
        let notes = self.notes.iter().filter(|n| !repeats(n, &facts)).map(|n| (n.as_str(), true));
        told.into_iter().map(|f| (f, false)).chain(notes).collect()
    }
}

/// Whether every word of `text` that says anything is in `other`.
fn repeats(text: &str, other: &str) -> bool {
    const EMPTY: [&str; 16] = [
        "the", "a", "of", "from", "for", "in", "by", "and", "edge", "edge's", "origin", "origin's", "request",
        "response", "begins", "status",
    ];
    let words = |text: &str| -> Vec<String> {
        let split = text.split([' ', '\u{a0}', '/']);
        let bare = split.map(|w| w.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase());
        bare.filter(|w| !w.is_empty() && !EMPTY.contains(&w.as_str())).collect()
    };
    let said = words(other);
    !other.is_empty() && words(text).iter().all(|word| said.contains(word))
}

/// Keeps what tells most, and notes what was left out.
fn select(rows: Vec<Row>) -> Vec<Row> {
    let mut ranked: Vec<_> =
        rows.iter().enumerate().map(|(i, r)| (r.notes.is_empty(), std::cmp::Reverse(r.weight), i)).collect();
    ranked.sort_unstable();
    let mut kept: Vec<usize> = ranked.into_iter().take(MAX_ROWS).map(|(_, _, i)| i).collect();
    kept.sort_unstable();
    let mut skipped = 0;
    let mut told = Vec::with_capacity(kept.len());
    for (i, mut row) in rows.into_iter().enumerate() {
        if kept.binary_search(&i).is_err() {
            skipped += 1;
            continue;
        }
        row.skipped = std::mem::take(&mut skipped);
        told.push(row);
    }
    told
}

/// The frame's number; in another capture than the connection's first packet, `CAPTURE/FRAME` counted from 1.
fn number(frame: FrameRef, capture: CaptureIndex) -> String {
    if frame.capture() == capture {
        frame.frame.to_string()
    } else {
        format!("{}/{}", frame.capture() + 1, frame.frame)
    }
}

/// Seconds since the connection's first packet, as Wireshark shows them.
fn seconds(frame: FrameRef, first: FrameRef) -> String {
    let us = frame.since(first).0;
    let sign = if us < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_with_a_thousand_facts_is_told_in_a_few_lines() {
        let frame = FrameRef::new(0, 1, crate::base::Timestamp(0), 0);
        let fact = |i| Fact { frame, from: Side::Client, weight: Weight::Rich, text: format!("request {i}") };
        let mut row = Row::of(fact(0));
        (1..1_000).for_each(|i| row.add(fact(i)));
        let lines = row.lines();
        assert_eq!(
            (lines.len(), lines.first(), lines.last()),
            (17, Some(&("request 0", false)), Some(&("and 984 more", false)))
        );
    }

    #[test]
    fn a_note_and_a_fact_are_not_said_twice() {
        let hello = "ClientHello: SNI origin.example.com, TLS\u{a0}1.3/1.2, 23 cipher suites";
        for (text, other, again) in [
            ("Alert: fatal protocol_version (70)", "fatal alert of the origin: protocol_version (70)", true),
            ("the edge's ClientHello", hello, true),
            ("ClientHello for \"origin.example.com\"", hello, true),
            ("ClientHello: TLS 1.2 at most", hello, false),
            ("anything", "", false),
        ] {
            assert_eq!(repeats(text, other), again, "{text}");
        }
    }
}
