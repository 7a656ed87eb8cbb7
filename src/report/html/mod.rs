//! One page to look at, to send and to print: it opens offline, loads nothing and runs no script but its own.
//!
//! Invariant: what is kept until the end is bounded by the catalogue and by the constants here, whatever the number of
//! connections; every value goes through [`safe::Safe`] on its way into a template; and the page's policy allows the one
//! style sheet and the one script that are in it, by their hashes.

mod chain;
mod chart;
mod hello;
pub(super) mod outcomes;
mod page;
mod probed;
mod rich;
mod row;
mod safe;
mod shown;
mod view;

use std::io::{self, Write};

use askama::Template as _;

use crate::correlate::Joined;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::{Connection, Role};

use super::groups::Groups;
use super::sample::Sample;
use super::{Capture, Probed, Renderer, Summary};
use outcomes::{OverTime, Peers};
use page::Page;
use probed::ProbedView;
pub(super) use row::Row;
pub(super) use shown::Shown;
use view::Logs;

/// Connections listed that are not in order.
pub(super) const MAX_UNWELL: usize = 2_000;

/// Connections listed that are in order, spread over all of them.
pub(super) const MAX_HEALTHY: usize = 500;

/// The page. It is written when everything is known, as the headline comes first.
pub struct Html<W> {
    out: W,
    edge: Kept,
    rest: Kept,
    logs: Option<Logs>,
    probed: Option<ProbedView>,
}

/// What is kept of connections.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) groups: Groups<Shown>,
    pub(super) times: OverTime,
    pub(super) peers: Peers,
    pub(super) unwell: Sample<Row>,
    pub(super) healthy: Sample<Row>,
}

/// Writes the page of what tables tell.
#[cfg(feature = "parquet")]
pub(super) fn write_told(out: &mut dyn Write, captures: &[Capture], summary: &Summary, kept: Kept) -> io::Result<()> {
    Page::of(captures, summary, kept, (None, None)).write_into(out)?;
    out.flush()
}

impl<W: Write> Html<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Html<W> {
        Html { out, edge: Kept::new(), rest: Kept::new(), logs: None, probed: None }
    }
}

impl<W: Write> Renderer for Html<W> {
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()> {
        let kept = if connection.role == Role::Edge { &mut self.edge } else { &mut self.rest };
        kept.add(connection, diagnosis);
        Ok(())
    }

    fn logs(&mut self, logs: &Joined) -> io::Result<()> {
        self.logs = Some(Logs::of(logs));
        Ok(())
    }

    fn probe(&mut self, probed: &Probed) -> io::Result<()> {
        self.probed = Some(ProbedView::of(probed));
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let mut kept = std::mem::replace(&mut self.edge, Kept::new());
        if !summary.edge_only {
            kept.absorb(std::mem::replace(&mut self.rest, Kept::new()));
        }
        let page = Page::of(captures, summary, kept, (self.logs.take(), self.probed.take()));
        page.write_into(&mut self.out)?;
        self.out.flush()
    }
}

impl Kept {
    fn new() -> Kept {
        Kept {
            groups: Groups::default(),
            times: OverTime::default(),
            peers: Peers::default(),
            unwell: Sample::of(MAX_UNWELL),
            healthy: Sample::of(MAX_HEALTHY),
        }
    }

    fn add(&mut self, c: &Connection, d: &Diagnosis) {
        let outcome = d.verdict.outcome;
        self.times.add(c.first.time, outcome);
        self.peers.add(c.client.ip, c.edge.kind, outcome);
        if outcome == Outcome::Ok {
            self.groups.remark(c, d);
            self.healthy.add(|| Row::of(c, d));
        } else {
            self.groups.add(c, d, Shown::of);
            self.unwell.add(|| Row::of(c, d));
        }
    }

    fn absorb(&mut self, other: Kept) {
        self.groups.absorb(other.groups);
        self.times.absorb(other.times);
        self.peers.absorb(other.peers);
        self.unwell.absorb(other.unwell);
        self.healthy.absorb(other.healthy);
    }
}
