//! Connections that are not in order, gathered under what explains them, with a few of each to be shown.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::example::bounded;
use crate::base::FrameRef;
use crate::diagnosis::{Confidence, Diagnosis, Outcome, Text};
use crate::observation::{Connection, Role};

/// Connections shown of each cause.
pub(super) const MAX_EXAMPLES: usize = 3;

/// Reasons told apart of connections that no cause explains; further ones are told as one.
pub(super) const MAX_REASONS: usize = 32;

/// What a connection is told under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Heading {
    Cause(Outcome, &'static str),
    Reason(Text),
}

impl Heading {
    /// What one more connection is told under: where there are as many reasons as are told apart, one that is not among
    /// them is another of those that can be looked up `elsewhere`.
    pub(super) fn among<E>(self, groups: &BTreeMap<Heading, Group<E>>, elsewhere: &str) -> Heading {
        let is_reason = |heading: &Heading| matches!(heading, Heading::Reason(_));
        let full = || groups.keys().filter(|heading| is_reason(heading)).count() >= MAX_REASONS;
        if is_reason(&self) && !groups.contains_key(&self) && full() {
            return Heading::Reason(format!("for other reasons, see {elsewhere}").into());
        }
        self
    }
}

/// What makes one connection a better example than another: a surer verdict, then an earlier beginning.
pub(super) type Rank = (Reverse<Option<Confidence>>, u64);

/// A connection kept to be shown: the lower, the better.
pub(super) trait Ranked {
    type Rank: Ord;

    fn rank(&self) -> Self::Rank;
}

/// Connections told under one heading.
#[derive(Debug)]
pub(super) struct Group<E> {
    pub(super) connections: u64,
    /// The surest first, then in order.
    pub(super) examples: Vec<E>,
}

/// What is kept of connections. Its size is bounded by the catalogue and by the constants above.
#[derive(Debug)]
pub(super) struct Groups<E> {
    pub(super) groups: BTreeMap<Heading, Group<E>>,
    /// Findings on connections that are in order, by cause.
    pub(super) remarks: BTreeMap<&'static str, Remark>,
}

/// A finding that made no connection fail.
#[derive(Debug)]
pub(super) struct Remark {
    /// On how many connections.
    pub(super) seen: u64,
    /// The first of them.
    pub(super) connection: u64,
    /// Where its number is one of several: ` of web-1, unit 3`.
    pub(super) of: String,
    /// Where, and what it says there.
    pub(super) first: (FrameRef, String),
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

impl<E> Default for Groups<E> {
    fn default() -> Groups<E> {
        Groups { groups: BTreeMap::new(), remarks: BTreeMap::new() }
    }
}

impl<E: Ranked<Rank = Rank>> Groups<E> {
    /// Notes what was found on a connection that is in order.
    pub(super) fn remark(&mut self, c: &Connection, d: &Diagnosis) {
        for (cause, finding) in &d.findings {
            let first = || {
                let first = (finding.at, finding.message.to_string());
                Remark { seen: 0, connection: c.id, of: String::new(), first }
            };
            self.remarks.entry(cause.id()).or_insert_with(first).seen += 1;
        }
    }

    /// Notes a connection that is not; `make` is called where it is worth showing.
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis, make: impl FnOnce(&Connection, &Diagnosis) -> E) {
        let heading = match (d.verdict.cause, &d.verdict.reason) {
            (Some(cause), _) => Heading::Cause(d.verdict.outcome, cause.id()),
            // What is always the same has nothing in it from the wire.
            (None, Some(Text::Borrowed(reason))) => Heading::Reason(Text::Borrowed(reason)),
            (None, reason) => Heading::Reason(reason.as_deref().map(bounded).unwrap_or_default().into()),
        };
        // Nearly always there is one: to look for it asks less than to make sure of a place for a new one.
        let group = match self.groups.get_mut(&heading) {
            Some(group) => group,
            None => self.groups.entry(heading.among(&self.groups, "--format json")).or_default(),
        };
        group.connections += 1;
        let better = |last: &E| (Reverse(d.verdict.confidence), c.id) < last.rank();
        if group.examples.len() < MAX_EXAMPLES || group.examples.last().is_some_and(better) {
            group.keep(make(c, d));
        }
    }

    pub(super) fn absorb(&mut self, other: Groups<E>) {
        for (heading, theirs) in other.groups {
            let ours = self.groups.entry(heading).or_default();
            ours.connections += theirs.connections;
            theirs.examples.into_iter().for_each(|e| ours.keep(e));
        }
        for (cause, theirs) in other.remarks {
            match self.remarks.entry(cause) {
                Entry::Vacant(new) => drop(new.insert(theirs)),
                Entry::Occupied(ours) => ours.into_mut().absorb(theirs),
            }
        }
    }

    /// The connections of which this cause is the verdict.
    pub(super) fn of(&self, outcome: Outcome, cause: &'static str) -> Option<&Group<E>> {
        self.groups.get(&Heading::Cause(outcome, cause))
    }
}

/// The same, apart for the edge's connections and for those of others, as it shows at the end which of them count.
#[derive(Debug)]
pub(super) struct Roles<E> {
    edge: Groups<E>,
    rest: Groups<E>,
}

impl<E> Default for Roles<E> {
    fn default() -> Roles<E> {
        Roles { edge: Groups::default(), rest: Groups::default() }
    }
}

impl<E: Ranked<Rank = Rank>> Roles<E> {
    /// Notes a connection.
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis, make: impl FnOnce(&Connection, &Diagnosis) -> E) {
        let groups = if c.role == Role::Edge { &mut self.edge } else { &mut self.rest };
        match d.verdict.outcome {
            Outcome::Ok => groups.remark(c, d),
            Outcome::Failed | Outcome::Inconclusive => groups.add(c, d, make),
        }
    }

    /// Those that count.
    pub(super) fn counted(&mut self, edge_only: bool) -> Groups<E> {
        let mut groups = std::mem::take(&mut self.edge);
        if !edge_only {
            groups.absorb(std::mem::take(&mut self.rest));
        }
        groups
    }
}

impl<E> Default for Group<E> {
    fn default() -> Group<E> {
        Group { connections: 0, examples: Vec::new() }
    }
}

impl<E: Ranked> Group<E> {
    /// Keeps one more, if it is among the best.
    pub(super) fn keep(&mut self, example: E) {
        self.examples.push(example);
        self.examples.sort_by_key(Ranked::rank);
        self.examples.truncate(MAX_EXAMPLES);
    }
}
