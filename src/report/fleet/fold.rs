//! Connections counted while their rows pass, with those kept that are to be shown.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::read::Place;
use super::rows::{self, Connection, STEPS, UnitKey};
use crate::base::{CaptureIndex, Micros, Timestamp};
use crate::causes::CATALOGUE;
use crate::diagnosis::{Confidence, Outcome};
use crate::observation::{Role, Step, Timings};
use crate::report::example::bounded;
use crate::report::groups::{Group, Heading, Ranked};
use crate::report::headline::Story;
use crate::report::hosts::Hosts;
use crate::report::html::outcomes::{OverTime, Peers};
use crate::report::html::{MAX_HEALTHY, MAX_UNWELL};
use crate::report::sample::Sample;
use crate::report::tables::Unit;
use crate::report::{Capture, CaptureProblem, CauseCount, Counts, Fleet};
use crate::source;

/// Captures told of with what limits them; further ones are counted.
const MAX_CAPTURES: usize = 1_000;

/// Parts that could not be analysed that are told of one by one.
const MAX_MISSING: usize = 100;

/// A connection that is kept, with its number in the report.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) number: u64,
    pub(super) row: Connection,
}

impl Ranked for Told {
    /// A surer verdict, then an earlier beginning.
    type Rank = (Reverse<Option<Confidence>>, Timestamp, u64);

    fn rank(&self) -> Self::Rank {
        (Reverse(self.row.confidence), self.row.first, self.number)
    }
}

/// What is kept of the connections of one role.
pub(super) struct Kept {
    pub(super) counts: Counts,
    pub(super) causes: BTreeMap<(usize, Outcome), (CauseCount, Story)>,
    pub(super) groups: BTreeMap<Heading, Group<Told>>,
    pub(super) timings: Timings,
    pub(super) times: OverTime,
    pub(super) peers: Peers,
    pub(super) hosts: Hosts,
    pub(super) unwell: Sample<Told>,
    pub(super) healthy: Sample<Told>,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept {
            counts: Counts::default(),
            causes: BTreeMap::new(),
            groups: BTreeMap::new(),
            timings: Timings::default(),
            times: OverTime::default(),
            peers: Peers::default(),
            hosts: Hosts::default(),
            unwell: Sample::of(MAX_UNWELL),
            healthy: Sample::of(MAX_HEALTHY),
        }
    }
}

/// Everything that rows say, but for findings and exchanges.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) captures: Vec<Capture>,
    pub(super) fleet: Fleet,
    unlisted_units: u64,
    /// What the directories are called, by their places.
    dirs: Vec<String>,
    /// Connections of every role count.
    all_peers: bool,
    /// Places with a table of units.
    recorded: BTreeSet<Place>,
    /// Units there whose rows are whole.
    finished: HashSet<UnitKey>,
    units: u64,
    /// What is of hosts and of no connection.
    hosts: Hosts,
    edge: Kept,
    rest: Kept,
    pub(super) via_cloudfront: bool,
    connections: u64,
}

impl Fold {
    /// Of the tables in directories of these names, where connections of every role count or the edge's alone.
    pub(super) fn of(dirs: Vec<String>, all_peers: bool) -> Fold {
        Fold { dirs, all_peers, ..Fold::default() }
    }

    /// Whether the rows of this unit are told: where there are records of units, of those that are finished.
    pub(super) fn tells(&self, unit: &UnitKey) -> bool {
        !self.recorded.contains(&unit.place) || self.finished.contains(unit)
    }

    /// ` of web-1, unit 3`: whose number of a connection it is, as far as that is needed to find it.
    pub(super) fn whose(&self, unit: &UnitKey, host: &str) -> String {
        let host = if host.is_empty() { String::new() } else { format!(" of {host}") };
        let dir = self.dirs.get(unit.place).filter(|_| self.dirs.len() > 1);
        let name = match dir {
            Some(dir) => format!(", unit {} in {dir}", unit.unit),
            None if self.units > 1 => format!(", unit {}", unit.unit),
            None => String::new(),
        };
        host + &name
    }

    /// Takes a row of `captures`.
    pub(super) fn capture(&mut self, row: rows::Capture) {
        if !self.tells(&row.unit) {
            return;
        }
        self.hosts.capture(&row.host);
        self.fleet.captures += 1;
        self.fleet.packets += row.frames;
        if let (Some(first), Some(last)) = (row.first, row.last) {
            let (begin, end) = self.fleet.span.unwrap_or((first, last));
            self.fleet.span = Some((begin.min(first), end.max(last)));
        }
        if self.captures.len() >= MAX_CAPTURES {
            return;
        }
        let format = if row.pcapng { source::Format::PcapNg } else { source::Format::Pcap };
        let mut info = source::Info::new(format);
        (info.frames, info.bytes, info.snap_length) = (row.frames, row.bytes, row.snap_length);
        (info.first_time, info.last_time) = (row.first, row.last);
        let problem =
            |(kind, count, detail): (String, u64, String)| CaptureProblem { kind: kind.into(), count, detail };
        let problems = row.problems.into_iter().map(problem).collect();
        self.captures.push(Capture { path: row.path, info, problems, synthetic: false });
    }

    /// Takes a row of `units`.
    pub(super) fn unit(&mut self, place: Place, row: Unit) {
        self.units += 1;
        self.recorded.insert(place);
        if row.is_finished() {
            self.finished.insert(UnitKey { place, unit: row.unit.clone() });
        }
        if row.status == "done" {
            return;
        }
        let (host, why) = (row.capture_host.unwrap_or_default(), row.message.unwrap_or_default());
        self.hosts.failed_unit(&host);
        if self.fleet.missing.len() < MAX_MISSING {
            let host = if host.is_empty() { String::new() } else { format!(" of {host}") };
            self.fleet.missing.push(format!("unit {}{host}, {}: {why}", row.unit, row.status));
        } else {
            self.unlisted_units += 1;
        }
    }

    /// Takes a row of `connections`.
    pub(super) fn connection(&mut self, row: Connection) {
        if !self.tells(&row.key.0) {
            return;
        }
        self.connections += 1;
        self.via_cloudfront |= row.is_edge_traffic;
        let kept = if row.role == Role::Edge { &mut self.edge } else { &mut self.rest };
        kept.add(Told { number: self.connections, row });
    }

    /// Where the capture of an example is in the list, to which it comes if it is not there.
    pub(super) fn capture_of(&mut self, path: &str) -> CaptureIndex {
        let known = self.captures.iter().position(|c| c.path == path);
        let at = known.unwrap_or(self.captures.len());
        if known.is_none() {
            let info = source::Info::new(source::Format::Pcap);
            self.captures.push(Capture { path: path.to_owned(), info, problems: Vec::new(), synthetic: false });
        }
        CaptureIndex::try_from(at).unwrap_or(CaptureIndex::MAX)
    }

    /// What is told of the fleet, with the hosts of connections that count.
    pub(super) fn told(&mut self, hosts: Hosts) -> Fleet {
        let mut fleet = std::mem::take(&mut self.fleet);
        fleet.hosts = hosts.list();
        if self.unlisted_units > 0 {
            fleet.missing.push(format!("{} units more", self.unlisted_units));
        }
        fleet
    }

    /// Those connections that count, with the rest; and whether it is the edge's alone that count (ruling 21).
    pub(super) fn counted(&mut self) -> (Kept, Counts, bool) {
        let (mut edge, mut rest) = (std::mem::take(&mut self.edge), std::mem::take(&mut self.rest));
        let edge_only = !self.all_peers && edge.counts.connections > 0;
        let beside = if edge_only { rest.counts } else { Counts::default() };
        if !edge_only {
            edge.absorb(std::mem::take(&mut rest));
        }
        edge.hosts.absorb(std::mem::take(&mut self.hosts));
        (edge, beside, edge_only)
    }
}

impl Kept {
    fn add(&mut self, told: Told) {
        let row = &told.row;
        self.counts.add(row.outcome);
        self.times.add(row.first, row.outcome);
        self.peers.add(row.client.ip, row.kind, row.outcome);
        self.hosts.connection(&row.host, row.outcome, row.cause);
        for (step, took) in STEPS.iter().zip(row.timing) {
            note(&mut self.timings, step, took);
        }
        if row.outcome == Outcome::Ok {
            self.healthy.add(|| told);
            return;
        }
        self.explain(row);
        self.group(&told);
        self.unwell.add(|| told);
    }

    /// Counts what explains it.
    fn explain(&mut self, row: &Connection) {
        let Some(cause) = row.cause else { return };
        let place = CATALOGUE.position(cause);
        let fresh = || CauseCount {
            cause,
            connections: 0,
            first_time: row.first,
            last_time: row.last,
            example: 0,
            edge: row.edge,
            outcome: row.outcome,
        };
        let (count, story) = self.causes.entry((place, row.outcome)).or_insert_with(|| (fresh(), Story::default()));
        count.connections += 1;
        count.first_time = count.first_time.min(row.first);
        count.last_time = count.last_time.max(row.last);
        story.at(row.server);
    }

    fn group(&mut self, told: &Told) {
        let heading = match told.row.cause {
            Some(cause) => Heading::Cause(told.row.outcome, cause.id()),
            None => Heading::Reason(bounded(&told.row.reason).into()),
        };
        let group = self.groups.entry(heading.among(&self.groups, "the tables")).or_default();
        group.connections += 1;
        group.keep(told.clone());
    }

    fn absorb(&mut self, other: Kept) {
        self.counts.absorb(other.counts);
        self.timings.absorb(&other.timings);
        self.times.absorb(other.times);
        self.peers.absorb(other.peers);
        self.hosts.absorb(other.hosts);
        self.unwell.absorb(other.unwell);
        self.healthy.absorb(other.healthy);
        for (heading, theirs) in other.groups {
            let ours = self.groups.entry(heading).or_default();
            ours.connections += theirs.connections;
            theirs.examples.into_iter().for_each(|told| ours.keep(told));
        }
        for (key, (theirs, their_story)) in other.causes {
            match self.causes.entry(key) {
                Entry::Vacant(new) => drop(new.insert((theirs, their_story))),
                Entry::Occupied(ours) => {
                    let (count, story) = ours.into_mut();
                    count.connections += theirs.connections;
                    count.first_time = count.first_time.min(theirs.first_time);
                    count.last_time = count.last_time.max(theirs.last_time);
                    story.absorb(their_story);
                }
            }
        }
    }
}

/// Adds how long a step took, which is named as the report names it, if it is known.
pub(super) fn note(timings: &mut Timings, step: &str, took: Option<i64>) {
    let step = Step::ALL.into_iter().find(|known| known.as_str() == step);
    if let (Some(step), Some(took)) = (step, took) {
        timings.note(step, Micros(took));
    }
}
