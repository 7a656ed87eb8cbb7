//! Which exchanges and connections a row may be about, by time, peer, method and path.

use std::cell::Cell;
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;

use crate::base::{Endpoint, Micros, Timestamp};
use crate::diagnosis::Outcome;
use crate::observation::Role;

use super::meaning::may_be_connect;
use super::row::{Row, Target, Vantage, path_of};
use super::seen::{Kind, Seen, path_number};
use super::skew::Skew;

/// Exchanges looked at for one row.
const MAX_LOOKED: usize = 4_096;

/// Exchanges and connections looked at for all rows together, where there are not many rows.
const MAX_LOOKS: usize = 64_000_000;

/// The same for each row and each exchange, where there are.
const MAX_LOOKS_EACH: usize = 1_000;

/// Connections named where any of them may be the one.
const MAX_DARK: usize = 4;

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

/// What an exchange asked for: looked at before the rest of it is.
struct Asked<'w> {
    /// See [`Seen::path`].
    number: u64,
    path: &'w str,
}

/// What is known of the capture that a row is compared with.
pub(super) struct Picker<'w> {
    seen: &'w [Seen],
    asked: Vec<Asked<'w>>,
    /// Connections that failed without a request that can be read.
    failed: Vec<usize>,
    /// How many may still be looked at.
    looks: Cell<usize>,
    /// More were to be looked at.
    spent: Cell<bool>,
    /// Connections that carry what cannot be compared, by beginning.
    dark: Vec<usize>,
    /// When the last one of each of these and those before it ended.
    dark_until: Vec<Timestamp>,
    clients: HashSet<IpAddr>,
    servers: HashSet<Endpoint>,
    edge_only: bool,
    /// Rows of these logs are known by their identifiers.
    pub(super) ids_work: [bool; 3],
}

impl<'w> Picker<'w> {
    /// Over what was seen, in the order of time, for so many rows.
    pub(super) fn new(seen: &'w [Seen], rows: usize) -> Picker<'w> {
        let dark = |seen: &Seen| matches!(seen.kind, Kind::Hidden | Kind::Unlisted);
        let failed =
            |seen: &Seen| matches!(seen.kind, Kind::Attempt | Kind::Hidden) && seen.verdict.outcome != Outcome::Ok;
        let dark: Vec<usize> = (0..).zip(seen).filter(|(_, seen)| dark(seen)).map(|(i, _)| i).collect();
        let ends = dark.iter().filter_map(|i| seen.get(*i)).map(|seen| seen.end);
        let dark_until = ends.scan(Timestamp(i64::MIN), |last, end| {
            *last = end.max(*last);
            Some(*last)
        });
        let looks = MAX_LOOKS.max((rows + seen.len()).saturating_mul(MAX_LOOKS_EACH));
        Picker {
            seen,
            asked: seen.iter().map(|seen| Asked { number: seen.path, path: path_of(&seen.target) }).collect(),
            failed: (0..).zip(seen).filter(|(_, seen)| failed(seen)).map(|(i, _)| i).collect(),
            looks: Cell::new(looks),
            spent: Cell::new(false),
            dark_until: dark_until.collect(),
            dark,
            clients: seen.iter().map(|seen| seen.client.ip).collect(),
            servers: seen.iter().map(|seen| seen.server).collect(),
            edge_only: seen.iter().any(|seen| seen.role == Role::Edge),
            ids_work: [false; 3],
        }
    }

    /// Those that began in these limits, in the order of time.
    fn between(&self, (from, to): (Timestamp, Timestamp)) -> Range<usize> {
        let begin = self.seen.partition_point(|seen| seen.start < from);
        let end = self.seen.partition_point(|seen| seen.start <= to);
        begin..end
    }

    /// As many of them as are looked at.
    fn looked_at(&self, times: (Timestamp, Timestamp)) -> Range<usize> {
        let all = self.between(times);
        all.start..all.end.min(all.start + MAX_LOOKED)
    }

    /// Whether more began or went on with the request of a row than is looked at: what is not found may be there.
    pub(super) fn is_cut(&self, row: &Row, w: &Window) -> bool {
        let is_beside = row.vantage == Vantage::Edge && row.is_error();
        let times = [Some(near(row, w)), is_beside.then(|| beside(w))];
        let unseen = self.dark_begun(w).checked_sub(MAX_LOOKED + 1).and_then(|last| self.dark_until.get(last));
        times.into_iter().flatten().any(|times| self.between(times).len() > MAX_LOOKED)
            || unseen.is_some_and(|until| *until >= w.start.plus(Micros(-w.slack.0)))
    }

    /// How many of those that carry what cannot be compared began before the request of a row was over.
    fn dark_begun(&self, w: &Window) -> usize {
        self.dark.partition_point(|i| self.seen.get(*i).is_some_and(|seen| seen.start <= w.end))
    }

    /// Whether so many may be looked at.
    fn may_look(&self, count: usize) -> bool {
        let left = self.looks.get().checked_sub(count);
        self.looks.set(left.unwrap_or(0));
        self.spent.set(self.spent.get() || left.is_none());
        left.is_some()
    }

    /// Whether more were to be looked at than may be.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get()
    }

    /// Those of a range that asked for something that fits.
    fn asking(
        &self,
        range: Range<usize>,
        fits: impl Fn(&Asked<'w>) -> bool,
    ) -> impl Iterator<Item = (usize, &'w Seen)> {
        let asked = self.asked.get(range.clone()).filter(|asked| self.may_look(asked.len())).unwrap_or_default();
        let seen = self.seen;
        range.zip(asked).filter(move |(_, asked)| fits(asked)).filter_map(move |(i, _)| Some((i, seen.get(i)?)))
    }

    /// Exchanges that may be the row's, and how badly each fits.
    pub(super) fn exchanges(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        let path = path_number(&row.target);
        // The distribution may put a path of its own before what the viewer asked for.
        let behind = Some(row.path()).filter(|path| row.vantage == Vantage::Edge && path.len() > 1);
        let same = |asked: &Asked<'_>| asked.number == path || behind.is_some_and(|path| asked.path.ends_with(path));
        let fits = |(_, seen): &(usize, &Seen)| {
            seen.kind == Kind::Exchange
                && self.may_ask(row, seen)
                && self.is_at_hand(row, seen)
                && in_time(row, seen, w)
        };
        let asking = self.asking(self.looked_at(near(row, w)), same);
        asking.filter(fits).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    /// Exchanges that were under way together with the row's request and ask for the same.
    pub(super) fn beside(&self, row: &Row, w: &Window) -> Vec<usize> {
        let path = path_number(&row.target);
        let fits = |(_, seen): &(usize, &Seen)| {
            let same = seen.kind == Kind::Exchange && *seen.method == *row.method;
            same && seen.end.since(w.start).0 >= 0 && w.end.since(seen.start).0 >= 0 && self.counts(seen)
        };
        let asking = self.asking(self.looked_at(beside(w)), |asked| asked.number == path);
        asking.filter(fits).map(|(i, _)| i).collect()
    }

    /// Connections that failed without a request that can be read, and may be the row's.
    pub(super) fn attempts(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        if row.vantage == Vantage::Host || !may_be_connect(row) || row.to == Target::None {
            return Vec::new();
        }
        // Nothing comes between a request and its first attempt to connect.
        let at_once = |seen: &Seen| !w.told || seen.start.since(w.start).0.abs() <= w.slack.0 + row.grain.0;
        let fits = |(_, seen): &(usize, &Seen)| at_once(seen) && self.counts(seen) && self.is_target(row, seen);
        let near = self.looked_at(near(row, w));
        let place = |limit: usize| self.failed.partition_point(|i| *i < limit);
        let failed = self.failed.get(place(near.start)..place(near.end));
        let failed = failed.filter(|failed| self.may_look(failed.len())).unwrap_or_default();
        let seen = failed.iter().filter_map(|i| Some((*i, self.seen.get(*i)?)));
        seen.filter(fits).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    /// Connections on which the request may have passed without being seen, a few.
    pub(super) fn dark(&self, row: &Row, w: &Window) -> Vec<usize> {
        let before = self.dark.get(..self.dark_begun(w)).unwrap_or_default().iter().rev().take(MAX_LOOKED);
        let fits = |i: &&usize| {
            let Some(seen) = self.seen.get(**i) else { return false };
            let fits = seen.end >= w.start.plus(Micros(-w.slack.0)) && self.counts(seen) && self.is_target(row, seen);
            // What is not listed was answered without a fault: it cannot be what a server error of the host's is about.
            fits && (seen.kind == Kind::Hidden || !row.is_server_error() || row.vantage == Vantage::Edge)
        };
        before.take_while(|_| self.may_look(1)).filter(fits).take(MAX_DARK).copied().collect()
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

    /// Whether it may be the same request, as far as its identifier and method tell.
    fn may_ask(&self, row: &Row, seen: &Seen) -> bool {
        let known_by_id = self.ids_work.get(row.vantage.index()).copied().unwrap_or_default();
        let other = row.id.is_some() && seen.id.is_some() && (known_by_id || row.id == seen.id);
        let differs = other && row.id != seen.id;
        !differs && (row.method.is_empty() || row.method == seen.method)
    }
}

/// When what a row is about may have begun.
fn near(row: &Row, w: &Window) -> (Timestamp, Timestamp) {
    let before = if row.vantage == Vantage::Host { LONGEST.0 } else { 0 };
    (w.start.plus(Micros(-w.slack.0 - before)), w.end.plus(w.slack))
}

/// When that may have begun which was under way together with it.
fn beside(w: &Window) -> (Timestamp, Timestamp) {
    (w.start.plus(Micros(-LONGEST.0)), w.end)
}

fn in_time(row: &Row, seen: &Seen, w: &Window) -> bool {
    if row.vantage == Vantage::Host {
        return seen.end.since(w.start).0 >= -w.slack.0;
    }
    // An answer that is whole was whole before the row was written.
    !seen.is_fine() || w.end.since(seen.end).0 >= -w.slack.0
}
