//! Which exchanges and connections a row may be about, by time, peer, method and path.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use crate::base::{Endpoint, Micros, Timestamp};
use crate::diagnosis::Outcome;
use crate::observation::Role;

use super::index::{Index, Tails};
use super::meaning::may_be_connect;
use super::row::{Row, Target, Vantage, path_of};
use super::seen::{Kind, Seen, path_number};
use super::skew::Skew;

/// Exchanges, or connections that failed, looked at for one row, the nearest in time.
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

/// What is looked at for one row.
#[derive(Debug, Default)]
struct Looked {
    places: Vec<usize>,
    /// There is more.
    is_cut: bool,
}

/// What tells requests apart beside their paths.
type Class<'w> = (&'w str, bool, bool);

/// What is known of the capture that a row is compared with.
pub(super) struct Picker<'w> {
    seen: &'w [Seen],
    /// Numbers of the methods, those of requests with an identifier and of those that count by themselves.
    classes: BTreeMap<Class<'w>, usize>,
    /// Exchanges by class and path.
    exchanges: Index<(usize, u64)>,
    /// Those that failed, likewise.
    failures: Index<(usize, u64)>,
    /// Those of each class by the ends of their paths, where a row asks for that.
    tails: Vec<Tails<'w>>,
    /// Connections that failed without a request that can be read, by server and all together.
    failed: Index<Option<Endpoint>>,
    /// Connections that carry what cannot be compared, likewise; by themselves those of which only the list is cut short.
    dark: Index<(Option<Endpoint>, bool)>,
    /// How many are looked at for all rows together.
    all_looks: usize,
    /// How many may still be.
    looks: Cell<usize>,
    /// More were to be looked at.
    spent: Cell<bool>,
    clients: HashSet<IpAddr>,
    servers: HashSet<Endpoint>,
    edge_only: bool,
    /// Rows of these logs are known by their identifiers.
    pub(super) ids_work: [bool; 3],
}

impl<'w> Picker<'w> {
    /// Over what was seen, in the order of time, for these rows.
    pub(super) fn new(seen: &'w [Seen], rows: &[Row]) -> Picker<'w> {
        let edge_only = seen.iter().any(|seen| seen.role == Role::Edge);
        let counts = |seen: &Seen| !edge_only || seen.role == Role::Edge;
        let end = |place: usize| seen.get(place).map_or(Timestamp(i64::MAX), |seen| seen.end);
        let of_kind = |kinds: &'static [Kind]| (0..).zip(seen).filter(|(_, seen)| kinds.contains(&seen.kind));
        let mut classes: BTreeMap<Class<'w>, usize> = BTreeMap::new();
        let (mut exchanges, mut failures, mut paths): (Vec<_>, Vec<_>, Vec<Vec<_>>) = Default::default();
        let is_behind = rows.iter().any(|row| behind(row).is_some());
        for (place, seen) in of_kind(&[Kind::Exchange]) {
            let next = classes.len();
            let class = *classes.entry((&seen.method, seen.id.is_some(), counts(seen))).or_insert(next);
            exchanges.push(((class, seen.path), place));
            failures.extend(seen.is_failure().then_some(((class, seen.path), place)));
            paths.resize_with(classes.len(), Vec::new);
            if let Some(paths) = paths.get_mut(class).filter(|_| is_behind) {
                paths.push((path_of(&seen.target), place));
            }
        }
        let of_server = |seen: &Seen| [None, Some(seen.server)];
        let failed = of_kind(&[Kind::Attempt, Kind::Hidden]).filter(|(_, seen)| seen.verdict.outcome != Outcome::Ok);
        let failed = failed.filter(|(_, seen)| counts(seen));
        let failed = failed.flat_map(|(place, seen)| of_server(seen).map(|server| (server, place)));
        let dark = of_kind(&[Kind::Hidden, Kind::Unlisted])
            .filter(|(_, seen)| counts(seen))
            .flat_map(|(place, seen)| of_server(seen).map(|server| ((server, seen.kind == Kind::Unlisted), place)));
        let looks = MAX_LOOKS.max((rows.len() + seen.len()).saturating_mul(MAX_LOOKS_EACH));
        Picker {
            seen,
            classes,
            exchanges: Index::new(exchanges, end),
            failures: Index::new(failures, end),
            tails: paths.into_iter().map(Tails::new).collect(),
            failed: Index::new(failed.collect(), end),
            dark: Index::new(dark.collect(), end),
            all_looks: looks,
            looks: Cell::new(looks),
            spent: Cell::new(false),
            clients: seen.iter().map(|seen| seen.client.ip).collect(),
            servers: seen.iter().map(|seen| seen.server).collect(),
            edge_only,
            ids_work: [false; 3],
        }
    }

    /// How many began before that.
    fn begun(&self, time: Timestamp) -> usize {
        self.seen.partition_point(|seen| seen.start < time)
    }

    /// Those that began in these limits, in the order of time.
    fn between(&self, (from, to): (Timestamp, Timestamp)) -> Range<usize> {
        self.begun(from)..self.seen.partition_point(|seen| seen.start <= to)
    }

    /// Whether more may be a row's, as far as path, method and identifier tell, than are looked at: what is not found may
    /// be there.
    pub(super) fn is_cut(&self, row: &Row, w: &Window) -> bool {
        let is_beside = row.vantage == Vantage::Edge && row.is_error();
        self.near(row, w).is_cut || is_beside && self.near_beside(row, w).is_cut || self.near_attempts(row, w).is_cut
    }

    /// Whether so many may be looked at.
    fn may_look(&self, count: usize) -> bool {
        let left = self.looks.get().checked_sub(count);
        self.looks.set(left.unwrap_or(0));
        self.spent.set(self.spent.get() || left.is_none());
        !self.is_spent()
    }

    /// Whether more were to be looked at than may be.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get()
    }

    /// As much as before may be looked at once more, unless it was too little: what is asked last does not depend on what
    /// was asked first.
    pub(super) fn ask_again(&self) {
        self.looks.set(self.all_looks);
    }

    /// What may be looked at of these parts, each in the order of time.
    fn looked_at(&self, around: Timestamp, parts: &[&[usize]]) -> Looked {
        let middle = self.begun(around);
        let mut places = Vec::new();
        for part in parts {
            let at = part.partition_point(|place| *place < middle);
            let nearest = at.saturating_sub(MAX_LOOKED + 1)..part.len().min(at + MAX_LOOKED + 1);
            let nearest = part.get(nearest).filter(|nearest| self.may_look(nearest.len()));
            places.extend_from_slice(nearest.unwrap_or_default());
        }
        if self.is_spent() {
            return Looked::default();
        }
        if parts.len() > 1 {
            places.sort_unstable();
            places.dedup();
        }
        let is_cut = places.len() > MAX_LOOKED;
        if is_cut {
            let apart = |place: &usize| self.seen.get(*place).map(|seen| (seen.start.since(around).0.abs(), *place));
            places.select_nth_unstable_by_key(MAX_LOOKED, apart);
            places.truncate(MAX_LOOKED);
            places.sort_unstable();
        }
        Looked { places, is_cut }
    }

    /// What is looked at, with its place.
    fn looked(&self, looked: Looked) -> impl Iterator<Item = (usize, &'w Seen)> {
        looked.places.into_iter().filter_map(|place| Some((place, self.seen.get(place)?)))
    }

    /// The classes of exchanges that may be a row's.
    fn classes(&self, row: &Row) -> Vec<usize> {
        let method = &*row.method;
        let any = method.is_empty();
        let classes = if any { self.classes.range(..) } else { self.classes.range(of_method(method)) };
        // What has an identifier is then known by it.
        let by_id = row.id.is_some() && self.known_by_id(row);
        let counts = row.vantage == Vantage::Host;
        let classes = classes.take_while(|_| !any || self.may_look(1));
        classes.filter(|((_, id, edge), _)| (!by_id || !id) && (counts || *edge)).map(|(_, class)| *class).collect()
    }

    /// Exchanges that may be the row's by path, method and identifier.
    fn near(&self, row: &Row, w: &Window) -> Looked {
        if self.is_spent() {
            return Looked::default();
        }
        let path = path_number(&row.target);
        let within = self.between(near(row, w));
        let classes = self.classes(row);
        if row.vantage == Vantage::Host {
            let began = self.begun(w.end).clamp(within.start, within.end);
            let (before, after) = (within.start..began, began..within.end);
            let over = w.start.plus(Micros(-w.slack.0));
            let lasting = classes.iter().map(|class| last(self.exchanges.lasting((*class, path), &before, over)));
            let lasting: Vec<Vec<usize>> = lasting.collect();
            let later = classes.iter().map(|class| self.exchanges.places((*class, path), &after));
            let parts: Vec<&[usize]> = lasting.iter().map(Vec::as_slice).chain(later).collect();
            return self.looked_at(w.end, &parts);
        }
        let mut parts: Vec<&[usize]> = Vec::new();
        for class in classes {
            parts.extend(Some(self.exchanges.places((class, path), &within)).filter(|part| !part.is_empty()));
            let tails = behind(row).and_then(|path| Some((path, self.tails.get(class)?)));
            parts.extend(tails.map(|(path, tails)| tails.ending_with(path, &within)).unwrap_or_default());
        }
        self.looked_at(if w.told { w.start } else { w.end }, &parts)
    }

    /// Exchanges that may be the row's, and how badly each fits.
    pub(super) fn exchanges(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        let fits =
            |(_, seen): &(usize, &Seen)| self.may_ask(row, seen) && self.is_at_hand(row, seen) && in_time(row, seen, w);
        self.looked(self.near(row, w)).filter(fits).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    fn near_beside(&self, row: &Row, w: &Window) -> Looked {
        if self.is_spent() {
            return Looked::default();
        }
        let within = self.between((w.start.plus(Micros(-LONGEST.0)), w.end));
        let path = path_number(&row.target);
        let classes = self.classes.range(of_method(&row.method)).filter(|((.., counts), _)| *counts);
        let lasting = classes.map(|(_, class)| last(self.failures.lasting((*class, path), &within, w.start)));
        let lasting: Vec<Vec<usize>> = lasting.collect();
        let parts: Vec<&[usize]> = lasting.iter().map(Vec::as_slice).collect();
        self.looked_at(w.end, &parts)
    }

    /// Exchanges that failed, were under way together with the row's request, and ask for the same.
    pub(super) fn beside(&self, row: &Row, w: &Window) -> Vec<usize> {
        self.near_beside(row, w).places
    }

    fn near_attempts(&self, row: &Row, w: &Window) -> Looked {
        let Some(server) = server(row).filter(|_| row.vantage != Vantage::Host && may_be_connect(row)) else {
            return Looked::default();
        };
        let (from, to) = near(row, w);
        // Nothing comes between a request and its first attempt to connect.
        let (around, to) = if w.told { (w.start, to.min(w.start.plus(w.slack).plus(row.grain))) } else { (w.end, to) };
        self.looked_at(around, &[self.failed.places(server, &self.between((from, to)))])
    }

    /// Connections that failed without a request that can be read, and may be the row's.
    pub(super) fn attempts(&self, row: &Row, w: &Window) -> Vec<(usize, i64)> {
        self.looked(self.near_attempts(row, w)).map(|(i, seen)| (i, w.score(row, seen))).collect()
    }

    /// Connections on which the request may have passed without being seen, a few.
    pub(super) fn dark(&self, row: &Row, w: &Window) -> Vec<usize> {
        let begun = 0..self.between((w.start, w.end)).end;
        let over = w.start.plus(Micros(-w.slack.0));
        // What is not listed was answered without a fault: it cannot be what a server error of the host's is about.
        let unlisted = !row.is_server_error() || row.vantage == Vantage::Edge;
        let kinds = [Some(false), unlisted.then_some(true)].into_iter().flatten();
        let kinds = kinds.filter_map(|unlisted| Some((server(row)?, unlisted)));
        let mut dark: Vec<usize> = kinds.flat_map(|key| self.dark.lasting(key, &begun, over).take(MAX_DARK)).collect();
        dark.sort_unstable_by(|one, other| other.cmp(one));
        dark.truncate(MAX_DARK);
        dark
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

    fn known_by_id(&self, row: &Row) -> bool {
        self.ids_work.get(row.vantage.index()).copied().unwrap_or_default()
    }

    /// Whether it may be the same request, as far as its identifier and method tell.
    fn may_ask(&self, row: &Row, seen: &Seen) -> bool {
        let other = row.id.is_some() && seen.id.is_some() && (self.known_by_id(row) || row.id == seen.id);
        let differs = other && row.id != seen.id;
        !differs && (row.method.is_empty() || row.method == seen.method)
    }
}

/// When what a row is about may have begun.
fn near(row: &Row, w: &Window) -> (Timestamp, Timestamp) {
    let before = if row.vantage == Vantage::Host { LONGEST.0 } else { 0 };
    (w.start.plus(Micros(-w.slack.0 - before)), w.end.plus(w.slack))
}

/// What a path of the distribution's own may stand before, of a row of CloudFront's.
fn behind(row: &Row) -> Option<&str> {
    Some(row.path()).filter(|path| row.vantage == Vantage::Edge && path.len() > 1)
}

/// The server that a row names, or any; `None` where it names none at all.
fn server(row: &Row) -> Option<Option<Endpoint>> {
    match row.to {
        Target::Is(server) => Some(Some(server)),
        Target::Untold => Some(None),
        Target::None => None,
    }
}

/// All classes of a method.
fn of_method(method: &str) -> RangeInclusive<Class<'_>> {
    (method, false, false)..=(method, true, true)
}

/// The last ones of as many as are looked at, in the order of time.
fn last(backwards: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut last: Vec<usize> = backwards.take(MAX_LOOKED + 1).collect();
    last.reverse();
    last
}

fn in_time(row: &Row, seen: &Seen, w: &Window) -> bool {
    if row.vantage == Vantage::Host {
        return seen.end.since(w.start).0 >= -w.slack.0;
    }
    // An answer that is whole was whole before the row was written.
    !seen.is_fine() || w.end.since(seen.end).0 >= -w.slack.0
}
