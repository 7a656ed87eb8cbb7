//! One of the two things that are compared: a capture, or a report made of one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::chance::Share;
use crate::base::{Micros, Timestamp};
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::{Connection, Role, Step};
use crate::report::json::timing::Spread;
use crate::report::{Capture, Renderer, Summary};

/// Servers, and kinds of clients, that are told apart.
pub(super) const MAX_PEERS: usize = 64;

/// What is compared.
#[derive(Debug, Default)]
pub struct Picture {
    pub(super) path: String,
    pub(super) connections: u64,
    pub(super) failed: u64,
    pub(super) ok: u64,
    pub(super) inconclusive: u64,
    /// Failed connections by cause.
    pub(super) causes: BTreeMap<String, u64>,
    pub(super) timing: BTreeMap<Step, Spread>,
    pub(super) frames: u64,
    /// The first packet, and the last.
    pub(super) times: Option<(Timestamp, Timestamp)>,
    /// By kind.
    pub(super) problems: BTreeMap<String, u64>,
    pub(super) peers: Peers,
}

/// Who talked to whom: of the edge's connections, and of the others.
#[derive(Debug, Default)]
pub(super) struct Peers {
    edge: Ends,
    other: Ends,
}

/// Servers, and the kinds of their clients.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) servers: BTreeSet<String>,
    pub(super) clients: BTreeSet<String>,
}

impl Peers {
    /// Notes the ends of a connection.
    pub(super) fn add(&mut self, is_edge: bool, server: String, client: &str) {
        let ends = if is_edge { &mut self.edge } else { &mut self.other };
        if ends.servers.len() < MAX_PEERS {
            ends.servers.insert(server);
        }
        if ends.clients.len() < MAX_PEERS && !ends.clients.contains(client) {
            ends.clients.insert(client.to_owned());
        }
    }

    /// Those of the connections that count.
    pub(super) fn counted(&self) -> &Ends {
        if self.edge.servers.is_empty() { &self.other } else { &self.edge }
    }
}

impl Picture {
    /// Connections of which the capture tells whether they failed.
    pub(super) fn judged(&self) -> u64 {
        self.failed.saturating_add(self.ok)
    }

    /// How many of those failed, by one cause or by any.
    pub(super) fn share(&self, cause: Option<&str>) -> Share {
        let n = cause.map_or(self.failed, |cause| self.causes.get(cause).copied().unwrap_or(0));
        Share { n: n.min(self.judged()), of: self.judged() }
    }

    /// From the first packet to the last.
    pub(super) fn length(&self) -> Option<Micros> {
        self.times.map(|(first, last)| last.since(first)).filter(|length| length.0 >= 0)
    }

    /// Widens the time that is covered.
    pub(super) fn cover(&mut self, first: Option<Timestamp>, last: Option<Timestamp>) {
        let Some((first, last)) = first.zip(last) else { return };
        let (from, to) = self.times.unwrap_or((first, last));
        self.times = Some((from.min(first), to.max(last)));
    }
}

/// Takes in a capture while it is analysed.
#[derive(Debug, Default)]
pub struct Gatherer {
    peers: Peers,
    captures: Vec<Capture>,
}

impl Gatherer {
    /// The picture of what was taken in.
    #[must_use]
    pub fn into_picture(self, path: &str, summary: &Summary) -> Picture {
        let mut picture = Picture {
            path: path.to_owned(),
            connections: summary.counts.connections,
            failed: summary.counts.failed,
            ok: summary.counts.ok,
            inconclusive: summary.counts.inconclusive,
            peers: self.peers,
            ..Picture::default()
        };
        for told in summary.causes.iter().filter(|c| c.outcome == Outcome::Failed) {
            *picture.causes.entry(told.cause.id().to_owned()).or_default() += told.connections;
        }
        let spreads = summary.timings.steps().filter_map(|(step, h)| Some((step, Spread::of(h)?)));
        picture.timing = spreads.collect();
        for capture in self.captures {
            picture.frames += capture.info.frames;
            picture.cover(capture.info.first_time, capture.info.last_time);
            let read = capture.info.problems.iter().map(|p| (p.kind.as_str(), p.count));
            let met = capture.problems.iter().map(|p| (&*p.kind, p.count));
            for (kind, count) in read.chain(met) {
                *picture.problems.entry(kind.to_owned()).or_default() += count;
            }
        }
        picture
    }
}

impl Renderer for Gatherer {
    fn connection(&mut self, c: &Connection, _diagnosis: &Diagnosis) -> io::Result<()> {
        self.peers.add(c.role == Role::Edge, c.server.to_string(), c.edge.kind.as_str());
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        self.captures = captures.to_vec();
        Ok(())
    }
}
