//! Text, for people on call: the headline first, then each cause with the packets that prove it and the fix.
//!
//! Invariant: what is kept until the end is bounded by the catalogue and by the constants below, whatever the number
//! of connections, and every text from the wire is escaped before it is kept.

mod example;
mod logs;
mod page;
mod probed;
mod timeline;
mod timing;

use std::io::{self, Write};

use crate::correlate::Joined;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::{Connection, Role};

use super::example::Example;
use super::groups::Groups;
use super::layout::Paint;
use super::{Capture, Probed, Renderer, Summary};

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

/// Writes the page of what tables tell.
#[cfg(feature = "parquet")]
pub(super) fn write_told(
    out: &mut dyn Write,
    options: TextOptions,
    captures: &[Capture],
    summary: &Summary,
    groups: Groups<Example>,
) -> io::Result<()> {
    let kept = Kept { groups, ..Kept::default() };
    let paint = Paint(options.colour);
    page::Page { out: &mut *out, paint, captures, summary, kept: &kept, logs: &[] }.write(false)?;
    out.flush()
}

/// What is kept of the connections of one role.
#[derive(Debug, Default)]
struct Kept {
    groups: Groups<Example>,
    healthy: Vec<String>,
    healthy_unlisted: u64,
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
            kept.groups.add(connection, diagnosis, Example::of);
        }
        Ok(())
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        logs::section(&mut self.logs, Paint(self.options.colour), logs)
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        probed::section(&mut self.logs, Paint(self.options.colour), probed)
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
        self.groups.remark(c, d);
        if !list {
            return;
        }
        if self.healthy.len() < MAX_HEALTHY {
            self.healthy.push(page::healthy_line(c, &d.verdict.limits));
        } else {
            self.healthy_unlisted += 1;
        }
    }

    fn absorb(&mut self, other: Kept) {
        self.groups.absorb(other.groups);
        self.healthy.extend(other.healthy);
        self.healthy_unlisted += other.healthy_unlisted;
    }
}
