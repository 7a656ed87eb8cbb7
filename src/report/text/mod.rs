//! Text, for people on call: the headline first, then each cause with the packets that prove it and the fix.
//!
//! Invariant: what is kept until the end is bounded by the catalogue and by the constants below, whatever the number
//! of connections, and every text from the wire is escaped before it is kept.

mod example;
mod logs;
mod page;
mod timeline;
mod timing;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};

use crate::base::FrameRef;
use crate::correlate::Joined;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::{Connection, Role};
use example::Example;

use super::layout::Paint;
use super::{Capture, Renderer, Summary};

/// Connections shown of each cause.
const MAX_EXAMPLES: usize = 3;

/// Reasons told apart of connections that no cause explains; further ones are told as one.
const MAX_REASONS: usize = 32;

/// Healthy connections listed: as many as a person would ever scroll through.
const MAX_HEALTHY: usize = 10_000;

/// What the text report is to look like.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Colour, by ANSI escape sequences.
    pub colour: bool,
    /// List healthy connections, too.
    pub all: bool,
}

/// The text report. It is written when everything is known, as the headline comes first.
pub struct Text<W> {
    out: W,
    options: TextOptions,
    edge: Kept,
    rest: Kept,
    /// What access logs add, as it is to be written.
    logs: Vec<u8>,
}

/// What a connection is told under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Heading {
    Cause(Outcome, &'static str),
    Reason(String),
}

/// Connections told under one heading.
#[derive(Debug, Default)]
struct Group {
    connections: u64,
    /// The surest first, then in order.
    examples: Vec<Example>,
}

/// What is kept of the connections of one role.
#[derive(Debug, Default)]
struct Kept {
    groups: BTreeMap<Heading, Group>,
    healthy: Vec<String>,
    healthy_unlisted: u64,
    /// Findings on connections that are in order, by cause.
    remarks: BTreeMap<&'static str, Remark>,
}

/// A finding that made no connection fail.
#[derive(Debug)]
struct Remark {
    /// On how many connections.
    seen: u64,
    /// The first of them.
    connection: u64,
    /// Where, and what it says there.
    first: (FrameRef, String),
}

impl<W: Write> Text<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, options: TextOptions) -> Text<W> {
        Text { out, options, edge: Kept::default(), rest: Kept::default(), logs: Vec::new() }
    }
}

impl<W: Write> Renderer for Text<W> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        let kept = if connection.role == Role::Edge { &mut self.edge } else { &mut self.rest };
        if diagnosis.verdict.outcome == Outcome::Ok {
            kept.healthy(connection, diagnosis, self.options.all);
        } else {
            kept.unwell(connection, diagnosis);
        }
        Ok(())
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        logs::section(&mut self.logs, Paint(self.options.colour), logs)
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let mut kept = std::mem::take(&mut self.edge);
        if !summary.edge_only {
            kept.absorb(std::mem::take(&mut self.rest));
        }
        let paint = Paint(self.options.colour);
        let mut page = page::Page { out: &mut self.out, paint, captures, summary, kept: &kept, logs: &self.logs };
        page.write(self.options.all)?;
        self.out.flush()
    }
}

impl Kept {
    fn healthy(&mut self, c: &Connection, d: &Diagnosis, list: bool) {
        for (cause, finding) in &d.findings {
            let first = || Remark { seen: 0, connection: c.id, first: (finding.at, finding.message.clone()) };
            self.remarks.entry(cause.id()).or_insert_with(first).seen += 1;
        }
        if !list {
            return;
        }
        if self.healthy.len() < MAX_HEALTHY {
            self.healthy.push(page::healthy_line(c, &d.verdict.limits));
        } else {
            self.healthy_unlisted += 1;
        }
    }

    fn unwell(&mut self, c: &Connection, d: &Diagnosis) {
        let mut heading = match (d.verdict.cause, &d.verdict.reason) {
            (Some(cause), _) => Heading::Cause(d.verdict.outcome, cause.id()),
            (None, reason) => Heading::Reason(reason.as_deref().map(example::bounded).unwrap_or_default()),
        };
        let reasons = self.groups.keys().filter(|h| matches!(h, Heading::Reason(_))).count();
        if matches!(heading, Heading::Reason(_)) && reasons >= MAX_REASONS && !self.groups.contains_key(&heading) {
            heading = Heading::Reason("for other reasons, see --format json".to_owned());
        }
        let group = self.groups.entry(heading).or_default();
        group.connections += 1;
        let better = |last: &Example| (Reverse(d.verdict.confidence), c.id) < last.rank();
        if group.examples.len() < MAX_EXAMPLES || group.examples.last().is_some_and(better) {
            group.keep(Example::of(c, d));
        }
    }

    fn absorb(&mut self, other: Kept) {
        for (heading, theirs) in other.groups {
            let ours = self.groups.entry(heading).or_default();
            ours.connections += theirs.connections;
            theirs.examples.into_iter().for_each(|e| ours.keep(e));
        }
        self.healthy.extend(other.healthy);
        self.healthy_unlisted += other.healthy_unlisted;
        for (cause, theirs) in other.remarks {
            match self.remarks.entry(cause) {
                Entry::Vacant(new) => drop(new.insert(theirs)),
                Entry::Occupied(ours) => ours.into_mut().absorb(theirs),
            }
        }
    }
}

impl Remark {
    fn absorb(&mut self, theirs: Remark) {
        let seen = self.seen + theirs.seen;
        if theirs.connection < self.connection {
            *self = theirs;
        }
        self.seen = seen;
    }
}

impl Group {
    fn keep(&mut self, example: Example) {
        self.examples.push(example);
        self.examples.sort_by_key(Example::rank);
        self.examples.truncate(MAX_EXAMPLES);
    }
}
