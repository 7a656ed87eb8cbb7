//! The capture in numbers: kept while connections pass, whatever the renderer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::Timestamp;
use crate::diagnosis::{Catalogue, Cause, Diagnosis, Edge, Outcome};
use crate::observation::{Connection, EdgeEvidence, Role, Timings};
use crate::source;

use super::headline::{Story, headline};
use super::hosts::Fleet;
use super::idle_closes::{Closes, IdleCloses};
use super::joined::Joined;
use super::near_misses::{NearMiss, NearMisses};
use super::retries::{Retried, Retries};
use super::shared::{SharedTrait, Traits};
use super::slow::{SlowTarget, SlowTargets};

/// One capture file, as it is told of in the report.
#[derive(Debug, Clone)]
pub struct Capture {
    /// As it was given on the command line; `-` for standard input.
    pub path: String,
    /// What its reader knows of it.
    pub info: source::Info,
    /// What limits the conclusions, beside what the reader noted.
    pub problems: Vec<CaptureProblem>,
    /// No interface saw its packets: they were made around the bytes that a probe's sockets carried.
    pub synthetic: bool,
}

/// Something that the analysis noticed about a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureProblem {
    /// Its name in the report.
    pub kind: Cow<'static, str>,
    /// How often.
    pub count: u64,
    /// What, where, and what to do.
    pub detail: String,
}

/// Connections by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub connections: u64,
    /// Verdict `failed`.
    pub failed: u64,
    /// Verdict `ok`.
    pub ok: u64,
    /// Verdict `inconclusive`.
    pub inconclusive: u64,
}

impl Counts {
    /// Counts one connection more.
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.connections += 1;
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Inconclusive => self.inconclusive += 1,
        }
    }

    /// Counts those of others, too.
    pub(super) fn absorb(&mut self, other: Counts) {
        self.connections += other.connections;
        self.failed += other.failed;
        self.ok += other.ok;
        self.inconclusive += other.inconclusive;
    }
}

/// Connections that are not the edge's (ruling 21).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherCounts {
    /// All of them.
    pub connections: u64,
    /// Verdict `failed`.
    pub failed: u64,
}

/// How often one cause was the verdict.
#[derive(Debug, Clone)]
pub struct CauseCount {
    /// The cause.
    pub cause: &'static Cause,
    /// Connections of which it is the verdict.
    pub connections: u64,
    /// The first packet of the first of them.
    pub first_time: Timestamp,
    /// The last packet of the last of them.
    pub last_time: Timestamp,
    /// `id` of the one that shows it best: the surest verdict, then the first.
    pub example: u64,
    /// What the viewer most probably saw.
    pub edge: Edge,
    /// What it did to the verdicts.
    pub outcome: Outcome,
}

/// The capture in numbers.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Connections that count: the edge's, or all where none is the edge's.
    pub counts: Counts,
    /// The rest.
    pub other: OtherCounts,
    /// Causes of the connections that count, failed ones first, then by number.
    pub causes: Vec<CauseCount>,
    /// How long their steps took.
    pub timings: Timings,
    /// After how long idle each origin closes.
    pub idle_closes: Vec<IdleCloses>,
    /// The closes of further origins, for which there was no room.
    pub idle_closes_unlisted: u64,
    /// Certificates that are in order, and will not be or need not be as they are.
    pub near_misses: Vec<NearMiss>,
    /// How often there were others, for which there was no room.
    pub near_misses_unlisted: u64,
    /// Targets whose responses were long in coming, the slowest first.
    pub slow_targets: Vec<SlowTarget>,
    /// The slow responses of further targets, for which there was no room.
    pub slow_unlisted: u64,
    /// What became of requests that failed, whoever's connections count.
    pub retried: Retried,
    /// What sets those that failed apart from those in order.
    pub shared: Option<SharedTrait>,
    /// Only the edge's connections count, and `other` tells of the rest; else all count.
    pub edge_only: bool,
    /// No connection comes from a CloudFront address or carries CloudFront's headers.
    pub no_edge_traffic: bool,
    /// Connections that were not selected; `None` where everything is.
    pub not_selected: Option<u64>,
    /// What is told beside this where it is made from tables.
    pub fleet: Option<Fleet>,
    /// One sentence that a person can act on.
    pub headline: String,
}

/// Counts for one role.
#[derive(Debug, Default)]
struct RoleTally {
    counts: Counts,
    /// By position in the catalogue: one cause may have failed one connection and left another one undecided.
    causes: BTreeMap<(usize, Outcome), (Running, Story)>,
    joined: Joined,
    timings: Timings,
    near_misses: NearMisses,
    idle_closes: Closes,
    slow: SlowTargets,
    traits: Traits,
}

#[derive(Debug)]
struct Running {
    count: CauseCount,
    best: crate::diagnosis::Confidence,
}

/// Counts connections as they pass. Its size is bounded by the catalogue, and by the bounds of `headline` and `joined`.
#[derive(Debug, Default)]
pub struct Tally {
    edge: RoleTally,
    rest: RoleTally,
    retries: Retries,
    via_cloudfront: bool,
    all_roles: bool,
    selected: bool,
    not_selected: u64,
}

impl Tally {
    /// Counts connections of every role alike where `all_roles` is set.
    #[must_use]
    pub fn new(all_roles: bool) -> Tally {
        Tally { all_roles, ..Tally::default() }
    }

    /// Whether it is told of `selected` connections only.
    #[must_use]
    pub fn of_selected(self, selected: bool) -> Tally {
        Tally { selected, ..self }
    }

    /// Notes what a connection tells of attempts at one request, in the order in which connections ended.
    pub fn note(&mut self, connection: &Connection, diagnosis: &Diagnosis) {
        self.retries.note(connection, diagnosis);
    }

    /// Counts one connection that was not selected.
    pub fn leave_out(&mut self, connection: &Connection) {
        self.via_cloudfront |= connection.edge.evidence != EdgeEvidence::None;
        self.not_selected += 1;
    }

    /// Counts one connection.
    pub fn add(&mut self, connection: &Connection, diagnosis: &Diagnosis, catalogue: &Catalogue) {
        self.via_cloudfront |= connection.edge.evidence != EdgeEvidence::None;
        let role = if connection.role == Role::Edge { &mut self.edge } else { &mut self.rest };
        role.add(connection, diagnosis, catalogue);
    }

    /// The capture in numbers.
    #[must_use]
    pub fn summary(self) -> Summary {
        let none_is_edge = self.edge.counts.connections == 0;
        let (counted, other) = if self.all_roles || none_is_edge {
            (self.edge.joined(self.rest), OtherCounts::default())
        } else {
            let rest = self.rest.counts;
            (self.edge, OtherCounts { connections: rest.connections, failed: rest.failed })
        };
        let timings = counted.timings;
        let shared = counted.traits.shared();
        let (idle_closes, idle_closes_unlisted) = counted.idle_closes.into_list();
        let (near_misses, near_misses_unlisted) = counted.near_misses.into_list();
        let (slow_targets, slow_unlisted) = counted.slow.into_list();
        let mut told: Vec<_> = counted.causes.into_values().collect();
        told.sort_by_key(|(r, _)| (r.count.outcome != Outcome::Failed, std::cmp::Reverse(r.count.connections)));
        let edge_only = !(self.all_roles || none_is_edge);
        for (running, story) in &mut told {
            story.repeats = self.retries.repeats(running.count.cause, edge_only);
        }
        let joined = counted.joined.groups();
        let causes = told.iter().map(|(r, s)| (&r.count, s));
        let headline = headline((counted.counts, self.not_selected), &joined, causes);
        Summary {
            counts: counted.counts,
            other,
            causes: told.into_iter().map(|(r, _)| r.count).collect(),
            timings,
            idle_closes,
            idle_closes_unlisted,
            near_misses,
            near_misses_unlisted,
            slow_targets,
            slow_unlisted,
            retried: self.retries.told(),
            shared,
            edge_only,
            no_edge_traffic: !self.via_cloudfront,
            not_selected: self.selected.then_some(self.not_selected),
            headline,
            ..Summary::default()
        }
    }
}

impl RoleTally {
    fn add(&mut self, c: &Connection, d: &Diagnosis, catalogue: &Catalogue) {
        self.counts.add(d.verdict.outcome);
        self.timings.add(c);
        self.near_misses.add(c);
        self.idle_closes.add(c, d);
        self.slow.add(c);
        self.traits.add(c, d);
        let (Some(cause), Some(confidence)) = (d.verdict.cause, d.verdict.confidence) else { return };
        self.joined.add(c, d);
        let (running, story) = self.causes.entry((catalogue.position(cause), d.verdict.outcome)).or_insert_with(|| {
            let count = CauseCount {
                cause,
                connections: 0,
                first_time: c.first.time,
                last_time: c.last.time,
                example: c.id,
                edge: d.verdict.edge,
                outcome: d.verdict.outcome,
            };
            (Running { count, best: confidence }, Story::default())
        });
        let count = &mut running.count;
        count.connections += 1;
        count.first_time = count.first_time.min(c.first.time);
        count.last_time = count.last_time.max(c.last.time);
        if (std::cmp::Reverse(confidence), c.id) < (std::cmp::Reverse(running.best), count.example) {
            (running.best, count.example) = (confidence, c.id);
        }
        story.add(c, d);
    }

    fn joined(mut self, other: RoleTally) -> RoleTally {
        self.counts.absorb(other.counts);
        self.joined.absorb(other.joined);
        self.timings.absorb(&other.timings);
        self.near_misses.absorb(other.near_misses);
        self.idle_closes.absorb(other.idle_closes);
        self.slow.absorb(other.slow);
        self.traits.absorb(other.traits);
        for (position, (theirs, their_story)) in other.causes {
            match self.causes.entry(position) {
                std::collections::btree_map::Entry::Vacant(v) => {
                    v.insert((theirs, their_story));
                }
                std::collections::btree_map::Entry::Occupied(mut o) => {
                    let (ours, story) = o.get_mut();
                    ours.absorb(theirs);
                    story.absorb(their_story);
                }
            }
        }
        self
    }
}

impl Running {
    fn absorb(&mut self, other: Running) {
        let (count, theirs) = (&mut self.count, other.count);
        count.connections += theirs.connections;
        count.first_time = count.first_time.min(theirs.first_time);
        count.last_time = count.last_time.max(theirs.last_time);
        if (std::cmp::Reverse(other.best), theirs.example) < (std::cmp::Reverse(self.best), count.example) {
            (self.best, count.example) = (other.best, theirs.example);
        }
    }
}
