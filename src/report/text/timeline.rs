//! A connection as a short list of packets, with those marked that prove the finding.

use std::io::{self, Write};

use super::facts::{Fact, Weight, facts};
use crate::base::{CaptureIndex, FrameRef, Side, escape};
use crate::diagnosis::Finding;
use crate::observation::{Connection, Role};
use crate::report::layout::{Paint, Tone, WIDTH, shorten, wrap};

/// Rows of one timeline: what a person takes in at a glance.
const MAX_ROWS: usize = 16;

/// Columns of a note, so that one hostile name cannot fill the page.
const MAX_NOTE: usize = 400;

/// The packets of one connection that tell its story.
#[derive(Debug)]
pub(super) struct Timeline {
    rows: Vec<Row>,
    first: FrameRef,
    is_edge: bool,
}

#[derive(Debug)]
struct Row {
    frame: FrameRef,
    from: Option<Side>,
    /// Steps left out before this one.
    skipped: usize,
    weight: Weight,
    facts: Vec<String>,
    notes: Vec<String>,
}

impl Timeline {
    /// Of this connection, and of what a finding says about it.
    pub(super) fn of(c: &Connection, finding: Option<&Finding>) -> Timeline {
        let mut rows: Vec<Row> = Vec::new();
        for fact in facts(c, finding.and_then(|f| f.exchange)) {
            match rows.last_mut().filter(|row| row.frame.order == fact.frame.order) {
                Some(row) => row.add(fact),
                None => rows.push(Row::of(fact)),
            }
        }
        for evidence in finding.iter().flat_map(|f| &f.evidence) {
            let at = rows.partition_point(|row| row.frame.order < evidence.frame.order);
            if rows.get(at).is_none_or(|row| row.frame.order != evidence.frame.order) {
                rows.insert(at, Row::at(evidence.frame));
            }
            if let Some(row) = rows.get_mut(at) {
                row.notes.push(shorten(&escape(&evidence.note), MAX_NOTE).into_owned());
            }
        }
        rows.retain(|row| !row.notes.is_empty() || row.weight > Weight::Silent);
        Timeline { rows: select(rows), first: c.first, is_edge: c.role == Role::Edge }
    }

    pub(super) fn write(&self, out: &mut dyn Write, paint: Paint) -> io::Result<()> {
        let frames = self.rows.iter().map(|r| number(r.frame, self.first.capture).len()).max().unwrap_or(0).max(5);
        let times = self.rows.iter().map(|r| seconds(r.frame, self.first).len()).max().unwrap_or(0).max(8);
        writeln!(
            out,
            "{}",
            paint.text(Tone::Quiet, format_args!("      {:>frames$}  {:>times$}", "frame", "seconds"))
        )?;
        let indent = 6 + frames + 2 + times + 2 + 8 + 2;
        let mut quoted = 0;
        for row in &self.rows {
            if row.skipped > 0 {
                let steps = if row.skipped == 1 { "step" } else { "steps" };
                writeln!(out, "      {:>frames$}  {} more {steps}", "\u{2026}", row.skipped)?;
            }
            let proof = !row.notes.is_empty();
            let mark = if proof { paint.text(Tone::Bad, "    > ") } else { paint.text(Tone::Plain, "      ") };
            let number = number(row.frame, self.first.capture);
            write!(
                out,
                "{mark}{number:>frames$}  {:>times$}  {:8}",
                seconds(row.frame, self.first),
                self.side(row.from)
            )?;
            quoted = 0;
            for (text, tone) in row.lines() {
                for line in wrap(text, WIDTH.saturating_sub(indent)) {
                    let lead = if quoted == 0 { 2 } else { indent };
                    writeln!(out, "{:lead$}{}", "", paint.text(tone, line))?;
                    quoted += 1;
                }
            }
            if quoted == 0 {
                writeln!(out)?;
            }
        }
        debug_assert!(self.rows.is_empty() || quoted < 100, "a row is bounded");
        Ok(())
    }

    fn side(&self, from: Option<Side>) -> &'static str {
        match (from, self.is_edge) {
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
        Row { frame, from: None, skipped: 0, weight: Weight::Silent, facts: Vec::new(), notes: Vec::new() }
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
        // A note repeats what is plain; values that it may leave out stay.
        if fact.weight > self.weight && self.weight == Weight::Bare && fact.weight == Weight::Rich {
            self.facts.clear();
        }
        if fact.weight >= self.weight || self.weight == Weight::Routine {
            self.facts.push(fact.text);
        }
        self.weight = self.weight.max(fact.weight);
    }

    /// The lines of text, and how they look: a note speaks for itself unless the packet has values to show.
    fn lines(&self) -> impl Iterator<Item = (&str, Tone)> {
        let shown = self.notes.is_empty() || self.weight == Weight::Rich;
        let facts = self.facts.iter().filter(move |_| shown).map(|f| (f.as_str(), Tone::Plain));
        facts.chain(self.notes.iter().map(|n| (n.as_str(), Tone::Strong)))
    }
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
    if frame.capture == capture { frame.frame.to_string() } else { format!("{}/{}", frame.capture + 1, frame.frame) }
}

/// Seconds since the connection's first packet, as Wireshark shows them.
fn seconds(frame: FrameRef, first: FrameRef) -> String {
    let us = frame.since(first).0;
    let sign = if us < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000)
}
