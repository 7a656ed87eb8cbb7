//! Which exchanges and connections a row may be about, by time, peer, method and path.

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;

use crate::base::{Endpoint, Micros, Timestamp};
use crate::diagnosis::Outcome;
use crate::observation::Role;

use super::meaning::may_be_connect;
use super::row::{Row, Target, Vantage};
use super::seen::{Kind, Seen, path_number};
use super::skew::Skew;

/// Exchanges looked at for one row.
const MAX_LOOKED: usize = 4_096;

/// How long a request is taken to have lasted at most where its row does not say.
const UNTOLD: Micros = Micros::from_secs(30);

/// A web server may log a request when it came or when it was over, this long apart at most.
const LONGEST: Micros = Micros::from_secs(120);

/// When the request of a row was on its way, by the capture's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// By how much either may be wrong.
    pub(super) slack: Micros,
    /// The row tells how long it took.
    told: bool,
}

impl Window {
    pub(super) fn of(row: &Row, skew: &Skew) -> Window {
        let ahead = skew.ahead.unwrap_or_default();
        let fine = if row.grain >= Micros::from_secs(1) { 1_000 } else { 500 };
        let slack = Micros::from_millis(if skew.ahead.is_some() { fine } else { 2_000 });
        let time = row.time.plus(Micros(-ahead.0));
        let taken = row.taken.unwrap_or(if row.vantage == Vantage::Host { Micros(0) } else { UNTOLD });
        Window { start: time.plus(Micros(-taken.0)), end: time.plus(row.grain), slack, told: row.taken.is_some() }
    }

    /// How badly something fits that began and ended then; less is better.
    fn score(&self, row: &Row, seen: &Seen) -> i64 {
        let start = seen.start.since(self.start).0.abs();
        let end = self.end.since(seen.end).0.abs();
        match (row.vantage, self.told) {
            (Vantage::Host, _) => start.min(end),
            (_, true) => start,
            (_, false) => end,
        }
    }
}

/// What is known of the capture that a row is compared with.
pub(super) struct Picker<'w> {
    seen: &'w [Seen],
    /// Connections that carry what cannot be compared, by beginning.
    dark: Vec<usize>,
    clients: HashSet<IpAddr>,
    servers: HashSet<Endpoint>,
    edge_only: bool,
    /// Rows of these logs are known by their identifiers.
    pub(super) ids_work: [bool; 3],
}

impl<'w> Picker<'w> {
    /// Over what was seen, in the order of time.
    pub(super) fn new(seen: &'w [Seen]) -> Picker<'w> {
        let dark = |seen: &Seen| matches!(seen.kind, Kind::Hidden | Kind::Unlisted);
        Picker {
            seen,
            dark: (0..).zip(seen).filter(|(_, seen)| dark(seen)).map(|(i, _)| i).collect(),
            clients: seen.iter().map(|seen| seen.client.ip).collect(),
            servers: seen.iter().map(|seen| seen.server).collect(),
            edge_only: seen.iter().any(|seen| seen.role == Role::Edge),
            ids_work: [false; 3],
        }
    }

    /// Those that began in these limits, in the order of time.
    fn between(&self, from: Timestamp, to: Timestamp) -> Range<usize> {
        let begin = self.seen.partition_point(|seen| seen.start < from);
        let end = self.seen.partition_point(|seen| seen.start <= to);
        begin..end.min(begin + MAX_LOOKED)
    }

    fn near(&self, row: &Row, w: &Window) -> impl Iterator<Item = (usize, &'w Seen)> + use<'w> {
        let before = if row.vantage == Vantage::Host { LONGEST.0 } else { 0 };
        let range = self.between(w.start.plus(Micros(-w.slack.0 - before)), w.end.plus(w.slack));
        let seen = self.seen;
        range.filter_map(move |i| Some((i, seen.get(i)?)))
    }

    /// Exchanges that may be the row's, and how badly each fits.
    pub(super) fn exchanges(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        let path = path_number(&row.target);
        let fits = |(_, seen): &(usize, &Seen)| {
            seen.kind == Kind::Exchange
                && self.asks(row, seen, path)
                && self.is_at_hand(row, seen)
                && in_time(row, seen, w)
        };
        self.near(row, w).filter(fits).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    /// Exchanges that were under way together with the row's request and ask for the same.
    pub(super) fn beside(&self, row: &Row, w: &Window) -> Vec<usize> {
        let path = path_number(&row.target);
        let long = Micros(-LONGEST.0);
        let fits = |i: &usize| {
            let Some(seen) = self.seen.get(*i) else { return false };
            let same = seen.kind == Kind::Exchange && seen.path == path && *seen.method == *row.method;
            same && seen.end.since(w.start).0 >= 0 && w.end.since(seen.start).0 >= 0 && self.counts(seen)
        };
        self.between(w.start.plus(long), w.end).filter(fits).collect()
    }

    /// Connections that failed without a request that can be read, and may be the row's.
    pub(super) fn attempts(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        if row.vantage == Vantage::Host || !may_be_connect(row) || row.to == Target::None {
            return Vec::new();
        }
        // Nothing comes between a request and its first attempt to connect.
        let at_once = |seen: &Seen| !w.told || seen.start.since(w.start).0.abs() <= w.slack.0 + row.grain.0;
        let fits = |(_, seen): &(usize, &Seen)| {
            let failed = matches!(seen.kind, Kind::Attempt | Kind::Hidden) && seen.verdict.outcome != Outcome::Ok;
            failed && at_once(seen) && self.counts(seen) && self.is_target(row, seen)
        };
        self.near(row, w).filter(fits).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    /// Connections on which the request may have passed without being seen.
    pub(super) fn dark(&self, row: &Row, w: &Window) -> Vec<usize> {
        let begun = self.dark.partition_point(|i| self.seen.get(*i).is_some_and(|seen| seen.start <= w.end));
        let before = self.dark.get(..begun).unwrap_or_default().iter().rev().take(MAX_LOOKED);
        let fits = |i: &&usize| {
            let Some(seen) = self.seen.get(**i) else { return false };
            let fits = seen.end >= w.start.plus(Micros(-w.slack.0)) && self.counts(seen) && self.is_target(row, seen);
            // What is not listed was answered without a fault: it cannot be what a server error of the host's is about.
            fits && (seen.kind == Kind::Hidden || !row.is_server_error() || row.vantage == Vantage::Edge)
        };
        before.filter(fits).copied().collect()
    }

    fn counts(&self, seen: &Seen) -> bool {
        !self.edge_only || seen.role == Role::Edge
    }

    /// Whether a load balancer's row names another host than this one.
    pub(super) fn is_elsewhere(&self, row: &Row) -> bool {
        match row.to {
            Target::Is(target) => !self.servers.contains(&target),
            Target::None => true,
            Target::Untold => false,
        }
    }

    fn is_target(&self, row: &Row, seen: &Seen) -> bool {
        match row.to {
            Target::Is(target) => seen.server == target,
            Target::None => false,
            Target::Untold => true,
        }
    }

    /// Whether the ends are those of the row, and its status that of the response.
    fn is_at_hand(&self, row: &Row, seen: &Seen) -> bool {
        let same = |told: u16| seen.status == 0 || told == seen.status;
        match row.vantage {
            Vantage::Edge => self.counts(seen),
            Vantage::LoadBalancer => {
                let status = row.more.as_deref().and_then(|more| more.target_status);
                self.counts(seen) && self.is_target(row, seen) && status.is_none_or(same)
            }
            Vantage::Host => {
                let peer = row.peer.filter(|peer| self.clients.contains(peer));
                peer.is_none_or(|peer| peer == seen.client.ip) && same(row.status)
            }
        }
    }

    /// Whether it is the same request, as far as its identifier, method and path tell.
    fn asks(&self, row: &Row, seen: &Seen, path: u64) -> bool {
        let known_by_id = self.ids_work.get(row.vantage.index()).copied().unwrap_or_default();
        let other = row.id.is_some() && seen.id.is_some() && (known_by_id || row.id == seen.id);
        let differs = other && row.id != seen.id;
        let method = row.method.is_empty() || row.method == seen.method;
        // The distribution may put a path of its own before what the viewer asked for.
        let behind = || row.vantage == Vantage::Edge && row.path().len() > 1 && seen.target.contains(row.path());
        !differs && method && (seen.path == path || behind() && super::row::path_of(&seen.target).ends_with(row.path()))
    }
}

fn in_time(row: &Row, seen: &Seen, w: &Window) -> bool {
    if row.vantage == Vantage::Host {
        return seen.end.since(w.start).0 >= -w.slack.0;
    }
    // An answer that is whole was whole before the row was written.
    !seen.is_fine() || w.end.since(seen.end).0 >= -w.slack.0
}
