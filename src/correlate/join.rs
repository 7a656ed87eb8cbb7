//! Rows joined with what was seen: by identifier, else by time, peer, method and path.
//!
//! ```text
//! 1. the same identifier                                certain as far as CloudFront keeps it
//! 2. rows of errors with exchanges that failed           by time, each with one
//! 3. other rows with exchanges that were in order        so that these are nobody else's
//! 4. rows of errors with connections that failed early   by time and peer alone
//! 5. rows of errors with exchanges in order              the error arose behind the edge
//! 6. further attempts, and rows that share an exchange
//! ```
//! What is left never reached this host, where the capture covers it and nothing hides it.

use std::collections::{HashMap, HashSet};

use crate::base::{Micros, Timestamp};
use crate::diagnosis::{Confidence, Outcome};
use crate::observation::Role;

use super::answer::{Answer, Answered, By, Joined, Match, Retried};
use super::gather::Gathered;
use super::meaning::{is_plain, leaves, may_reach};
use super::pick::{Picker, Window};
use super::row::{Row, Vantage};
use super::seen::{Kind, Seen, Watched, path_number};
use super::skew::Skew;

/// Answers that are told; further ones are counted.
const MAX_ANSWERS: usize = 10_000;

/// Attempts told of one row: an edge makes three.
const MAX_ATTEMPTS: usize = 4;

/// Exchanges with the identifier of a row that are kept for it, the first and the last ones by halves.
const MAX_OF_ID: usize = 16;

/// Pairs of a row and an exchange that are weighed against each other at once.
const MAX_WEIGHED: usize = 1_000_000;

/// An edge tries again within this time.
const AGAIN: Micros = Micros::from_millis(1_500);

/// An attempt that went before another one lasted no longer.
const LONGEST: Micros = Micros::from_secs(30);

/// Exchanges looked at before and after one for other attempts at it.
const MAX_AROUND: usize = 256;

/// How long CloudFront answers from the cache with an error, unless it is told otherwise.
const CACHED: Micros = Micros::from_secs(10);

/// Why a row is undecided although all was there that it takes.
const TOO_MANY: &str = "these are more rows and requests than could be compared with each other";
/// The same of one row.
const TOO_MANY_NEAR: &str =
    "more requests were under way then than are compared with one row, and it is in none of those";

/// What the capture covers.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// From the first to the last packet of each file.
    pub spans: Vec<(Timestamp, Timestamp)>,
    /// Packets were dropped, or left out by a filter.
    pub incomplete: bool,
}

/// What a row was found to be, while it is worked on.
#[derive(Debug, Clone)]
struct Found {
    by: By,
    confidence: Confidence,
    seen: Vec<usize>,
    /// Further ones between them.
    further: usize,
    alternatives: usize,
    shared: bool,
}

impl Found {
    fn new(by: By, confidence: Confidence, seen: Vec<usize>) -> Found {
        Found { by, confidence, seen, further: 0, alternatives: 0, shared: false }
    }
}

struct Work<'w> {
    rows: &'w [Row],
    seen: &'w [Seen],
    picker: Picker<'w>,
    windows: Vec<Window>,
    skews: Vec<Skew>,
    found: Vec<Option<Found>>,
    /// Which row has each.
    claimed: Vec<Option<usize>>,
    retried: Vec<(usize, usize)>,
    /// Rows of errors that did not come from the cache, by target, in the order in which they ended.
    alike: HashMap<&'w str, Vec<(Timestamp, usize)>>,
    /// Other rows than those of errors could not all be looked at and weighed.
    overloaded: bool,
    /// So many rows of errors were weighed against all that fits them, from the first.
    weighed: usize,
}

/// Joins what was read of logs with what was seen.
#[must_use]
pub fn join(mut watched: Watched, gathered: Gathered, known: &Known) -> Joined {
    watched.sort();
    let seen = &watched.seen;
    let mut work = Work {
        rows: &gathered.rows,
        seen,
        picker: Picker::new(seen, &gathered.rows),
        windows: Vec::new(),
        skews: Vec::new(),
        found: vec![None; gathered.rows.len()],
        claimed: vec![None; seen.len()],
        retried: Vec::new(),
        alike: HashMap::new(),
        overloaded: false,
        weighed: gathered.rows.len(),
    };
    work.by_id(&watched);
    work.clocks();
    work.targets();
    work.by_time();
    work.again();
    work.shared();
    work.tell(&watched, &gathered, known)
}

impl Work<'_> {
    fn by_id(&mut self, watched: &Watched) {
        let mut ids = watched.by_id();
        for (i, row) in self.rows.iter().enumerate() {
            let Some((seen, further)) = row.id.as_deref().and_then(|id| ids.get_mut(id)) else { continue };
            // All are the first row's; of so many that no edge asks so often, each row has some.
            for &s in seen.iter() {
                self.claim(s, i);
            }
            if seen.len() > MAX_OF_ID {
                *further = seen.len() - MAX_OF_ID;
                seen.drain(MAX_OF_ID / 2..MAX_OF_ID / 2 + *further);
            }
            if let Some(works) = self.picker.ids_work.get_mut(row.vantage.index()) {
                *works = true;
            }
            let found = Found::new(By::Id, Confidence::Certain, seen.clone());
            self.set(i, Found { further: *further, ..found });
        }
    }

    fn clocks(&mut self) {
        for vantage in Vantage::ALL {
            let own = || (0..).zip(self.rows).filter(move |(_, row)| row.vantage == vantage);
            let by_id = own().filter_map(|(i, row): (usize, &Row)| {
                let found = self.found.get(i)?.as_ref()?;
                Some((row, self.seen.get(*found.seen.first()?)?))
            });
            let skew = Skew::by_id(vantage, by_id).unwrap_or_else(|| {
                let rows: Vec<&Row> = own().map(|(_, row)| row).collect();
                Skew::by_time(vantage, &rows, self.seen)
            });
            self.skews.push(skew);
        }
        let window = |row: &Row| {
            let none = Skew { vantage: row.vantage, ahead: None, by: None, rows: 0 };
            Window::of(row, self.skews.get(row.vantage.index()).unwrap_or(&none))
        };
        self.windows = self.rows.iter().map(window).collect();
    }

    fn targets(&mut self) {
        for ((i, row), w) in (0..).zip(self.rows).zip(&self.windows) {
            if row.is_error() && !is_plain(row) {
                self.alike.entry(&*row.target).or_default().push((w.end, i));
            }
        }
        for ended in self.alike.values_mut() {
            ended.sort_unstable();
        }
    }

    fn by_time(&mut self) {
        let failures = |work: &Work<'_>, row: &Row, w: &Window| {
            let all = if row.is_error() { work.picker.exchanges(row, w) } else { Vec::new() };
            work.free(all, |seen| seen.is_failure() || seen.verdict.outcome == Outcome::Inconclusive)
        };
        self.weighed = self.match_up(failures, |_| Confidence::Likely);
        let interesting = self.interesting();
        let fine = |work: &Work<'_>, row: &Row, w: &Window| {
            if row.is_error() || !interesting.contains(&path_number(&row.target)) {
                return Vec::new();
            }
            let same = |seen: &Seen| seen.is_fine() && (row.vantage != Vantage::Host || seen.status == row.status);
            work.free(work.picker.exchanges(row, w), same)
        };
        self.overloaded = self.match_up(fine, |_| Confidence::Likely) < self.rows.len();
        let attempts = |work: &Work<'_>, row: &Row, w: &Window| {
            let asked = row.is_error() && work.before(row, w).is_none();
            let all = if asked { work.picker.attempts(row, w) } else { Vec::new() };
            work.free(all, |_| true)
        };
        let weighed = self.match_up(attempts, |seen| match seen.kind {
            Kind::Hidden => Confidence::Possible,
            _ => Confidence::Likely,
        });
        self.weighed = self.weighed.min(weighed);
        self.overloaded |= self.picker.is_spent();
        if !self.overloaded {
            let in_order = |work: &Work<'_>, row: &Row, w: &Window| {
                let all = if row.is_error() { work.picker.exchanges(row, w) } else { Vec::new() };
                work.free(all, Seen::is_fine)
            };
            let weighed = self.match_up(in_order, |_| Confidence::Possible);
            self.weighed = self.weighed.min(weighed);
        }
        self.retries_by_time();
    }

    /// Paths of which rows or failures are still without the other.
    fn interesting(&self) -> HashSet<u64> {
        let open = |(row, found): (&Row, &Option<Found>)| found.is_none() && row.is_error();
        let rows =
            self.rows.iter().zip(&self.found).filter(|pair| open(*pair)).map(|(row, _)| path_number(&row.target));
        let free = |(seen, claimed): (&Seen, &Option<usize>)| claimed.is_none() && seen.is_failure();
        let seen = self.seen.iter().zip(&self.claimed).filter(|pair| free(*pair)).map(|(seen, _)| seen.path);
        rows.chain(seen).collect()
    }

    fn free(&self, all: Vec<(usize, i64)>, fits: impl Fn(&Seen) -> bool) -> Vec<(usize, i64)> {
        let free = |s: usize| self.claimed.get(s).is_some_and(Option::is_none) && self.seen.get(s).is_some_and(&fits);
        all.into_iter().filter(|(s, _)| free(*s)).collect()
    }

    /// Gives rows without an answer one of the candidates each, the best fitting pairs first. Says how many of all rows
    /// could be weighed, from the first.
    fn match_up(
        &mut self,
        candidates: impl Fn(&Work<'_>, &Row, &Window) -> Vec<(usize, i64)>,
        sureness: impl Fn(&Seen) -> Confidence,
    ) -> usize {
        let mut pairs: Vec<(i64, usize, usize, bool, usize)> = Vec::new();
        let mut weighed = self.rows.len();
        for (i, (row, w)) in self.rows.iter().zip(&self.windows).enumerate() {
            if self.found.get(i).is_some_and(Option::is_some) {
                continue;
            }
            let found = candidates(self, row, w);
            if pairs.len() + found.len() > MAX_WEIGHED {
                weighed = i;
                break;
            }
            let cause = |s: usize| self.seen.get(s).and_then(|seen| seen.verdict.cause);
            let first = found.first().and_then(|(s, _)| cause(*s));
            let one = found.len() == 1 || first.is_some() && found.iter().all(|(s, _)| cause(*s) == first);
            let others = found.len().saturating_sub(1);
            pairs.extend(found.into_iter().map(|(s, score)| (score, i, s, one, others)));
        }
        pairs.sort_unstable();
        for (_, i, s, one, alternatives) in pairs {
            let open =
                self.found.get(i).is_some_and(Option::is_none) && self.claimed.get(s).is_some_and(Option::is_none);
            let Some(seen) = self.seen.get(s).filter(|_| open) else { continue };
            let confidence = if one { sureness(seen) } else { Confidence::Possible };
            self.claim(s, i);
            self.set(i, Found { alternatives, ..Found::new(By::Time, confidence, vec![s]) });
        }
        weighed
    }

    /// Failures of an exchange that a row without an error tells of: the edge tried again, and that went well.
    fn retries_by_time(&mut self) {
        let mut retried = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            let good = self.found.get(i).and_then(Option::as_ref).filter(|_| !row.is_error());
            let (Some(found), Some(w)) = (good, self.windows.get(i)) else { continue };
            let failed = |s: &&usize| self.seen.get(**s).is_some_and(Seen::is_failure);
            retried.extend(found.seen.iter().filter(failed).map(|s| (i, *s)));
            let well = found.seen.last().and_then(|s| self.seen.get(*s));
            if let (By::Time, Some(well)) = (found.by, well) {
                let before = self.picker.exchanges(row, w).into_iter().map(|(s, _)| s);
                let before = before.filter(|s| {
                    let is_before =
                        |seen: &Seen| seen.is_failure() && seen.end <= well.start && seen.method == well.method;
                    self.claimed.get(*s).is_some_and(Option::is_none) && self.seen.get(*s).is_some_and(is_before)
                });
                retried.extend(before.map(|s| (i, s)));
            }
        }
        retried.sort_unstable();
        retried.dedup();
        for &(i, s) in &retried {
            self.claim(s, i);
        }
        self.retried = retried;
    }

    /// Attempts that were made right before or after one that a row has.
    fn again(&mut self) {
        for s in 0..self.seen.len() {
            let free = self.claimed.get(s).is_some_and(Option::is_none);
            let Some(seen) = self.seen.get(s).filter(|seen| free && seen.is_failure()) else { continue };
            if !matches!(&*seen.method, "GET" | "HEAD" | "") {
                continue;
            }
            let Some(i) = self.attempts_around(s, seen).find_map(|b| self.claimed.get(b).copied().flatten()) else {
                continue;
            };
            let near = |w: &Window| seen.start <= w.end.plus(w.slack) && seen.end >= w.start.plus(Micros(-w.slack.0));
            if self.windows.get(i).is_some_and(near) {
                self.claim(s, i);
                if let Some(Some(found)) = self.found.get_mut(i) {
                    found.seen.push(s);
                }
            }
        }
    }

    /// Failures of the same kind, from the same peer and for the same request, that ended right before this one or began
    /// right after it, and that a row of an error has.
    fn attempts_around(&self, s: usize, seen: &Seen) -> impl Iterator<Item = usize> {
        let from = seen.start.plus(Micros(-AGAIN.0 - LONGEST.0));
        let begin = self.seen.partition_point(|other| other.start < from);
        let end = self.seen.partition_point(|other| other.start <= seen.end.plus(AGAIN));
        let around = (begin..s).rev().take(MAX_AROUND).chain((s + 1..end).take(MAX_AROUND));
        around.filter(move |&b| {
            let row = self.claimed.get(b).copied().flatten().and_then(|i| self.rows.get(i));
            let Some(other) = self.seen.get(b).filter(|_| row.is_some_and(Row::is_error)) else { return false };
            let gap = if b < s { seen.start.since(other.end) } else { other.start.since(seen.end) };
            let same = (other.kind, &other.method, other.path) == (seen.kind, &seen.method, seen.path);
            // A further attempt may come through another cache, a regional one or Origin Shield's. Where no request is to
            // be seen, the peer is all that ties them.
            let edges = [seen, other].into_iter().all(|seen| seen.role == Role::Edge && !seen.method.is_empty());
            let peer = other.client.ip == seen.client.ip || edges;
            let alike = same && other.id == seen.id && peer && other.is_failure();
            alike && (0..AGAIN.0).contains(&gap.0)
        })
    }

    /// Rows of errors that were on their way together with an exchange that another row has: one request to the origin
    /// served both.
    fn shared(&mut self) {
        for i in 0..self.rows.len() {
            let open = self.found.get(i).is_some_and(Option::is_none);
            let pair = self.rows.get(i).zip(self.windows.get(i)).filter(|(row, _)| open && row.is_error());
            let Some((row, w)) = pair.filter(|(row, _)| row.vantage == Vantage::Edge && may_reach(row)) else {
                continue;
            };
            let other = self.picker.beside(row, w).into_iter().find(|s| {
                let by = self.claimed.get(*s).copied().flatten().and_then(|i| self.rows.get(i));
                by.is_some_and(Row::is_error)
            });
            if let Some(s) = other {
                self.set(i, Found { shared: true, ..Found::new(By::Time, Confidence::Possible, vec![s]) });
            }
        }
    }

    fn claim(&mut self, s: usize, i: usize) {
        if let Some(claimed) = self.claimed.get_mut(s) {
            claimed.get_or_insert(i);
        }
    }

    fn set(&mut self, i: usize, found: Found) {
        if let Some(place) = self.found.get_mut(i) {
            *place = Some(found);
        }
    }
}

impl Work<'_> {
    fn tell(self, watched: &Watched, gathered: &Gathered, known: &Known) -> Joined {
        let mut joined = Joined {
            logs: gathered.logs.clone(),
            not_remembered: watched.not_kept,
            incomplete: known.incomplete,
            ..Joined::default()
        };
        self.picker.ask_again();
        let used = |skew: &&Skew| self.rows.iter().any(|row| row.vantage == skew.vantage);
        joined.skews = self.skews.iter().filter(used).copied().collect();
        let mut order: Vec<usize> =
            self.rows.iter().enumerate().filter(|(_, row)| row.is_error()).map(|(i, _)| i).collect();
        order.sort_by_key(|i| self.rows.get(*i).map(|row| (row.time, row.log, row.line)));
        joined.counts.errors = gathered.outside;
        joined.counts.not_covered = gathered.outside;
        for i in order {
            let (Some(row), Some(w)) = (self.rows.get(i), self.windows.get(i)) else { continue };
            let answer = self.answer(i, row, w, known, watched.not_kept > 0);
            joined.counts.add(&answer);
            if joined.rows.len() < MAX_ANSWERS {
                joined.rows.push(Answered { row: row.clone(), answer });
            }
        }
        joined.counts.retried = self.retried.len() as u64;
        let retried = self.retried.iter().take(MAX_ANSWERS);
        joined.retried = retried
            .filter_map(|(i, s)| Some(Retried { row: self.rows.get(*i)?.clone(), seen: self.seen.get(*s)?.clone() }))
            .collect();
        self.unmentioned(&mut joined);
        joined.limited = joined.counts.unmentioned > 0 && self.is_limited();
        joined
    }

    fn answer(&self, i: usize, row: &Row, w: &Window, known: &Known, forgot: bool) -> Answer {
        if let Some(found) = self.found.get(i).and_then(Option::as_ref) {
            return Answer::Joined(self.full(found));
        }
        let inside = |(first, last): &(Timestamp, Timestamp)| {
            let begins = w.start.since(*first).0 >= -row.grain.0;
            begins && last.since(w.end).0 >= -row.grain.0
        };
        if !known.spans.iter().any(inside) {
            return Answer::NotCovered;
        }
        if !may_reach(row) || self.picker.is_elsewhere(row) {
            return Answer::NeverReached(leaves(row));
        }
        if let Some(cached) = self.cached(row, w) {
            return Answer::NeverReached(cached);
        }
        let dark = self.picker.dark(row, w);
        if !dark.is_empty() {
            let why = "possible: connections were open then whose requests cannot be read, or not all be told; they can \
                       be joined by time only";
            let named = dark.iter().filter_map(|s| self.seen.get(*s)).map(|seen| seen.connection).collect();
            return Answer::Undecided(why.to_owned(), named);
        }
        if forgot {
            return Answer::Undecided("more was captured than could be remembered".to_owned(), Vec::new());
        }
        let (is_unweighed, is_cut) = (self.is_unweighed(i, row, w), self.picker.is_cut(row, w));
        if is_unweighed || self.picker.is_spent() {
            return Answer::Undecided(TOO_MANY.to_owned(), Vec::new());
        }
        if is_cut {
            return Answer::Undecided(TOO_MANY_NEAR.to_owned(), Vec::new());
        }
        Answer::NeverReached(leaves(row))
    }

    fn is_all_weighed(&self) -> bool {
        self.weighed == self.rows.len() && !self.overloaded
    }

    /// Whether a row without an answer may have one, had all been weighed.
    fn is_unweighed(&self, i: usize, row: &Row, w: &Window) -> bool {
        if self.is_all_weighed() {
            return false;
        }
        // What another row got when both were weighed remains that row's, however many more are.
        let is_weighed = |i: usize| i < self.weighed;
        let taken = |s: usize| is_weighed(i) && self.claimed.get(s).copied().flatten().is_some_and(is_weighed);
        let fits = |all: Vec<(usize, i64)>| all.into_iter().any(|(s, _)| !taken(s));
        // What was not given to another row may be, and be shared with that one then.
        let shares = || row.vantage == Vantage::Edge && !self.picker.beside(row, w).is_empty();
        fits(self.picker.exchanges(row, w))
            || fits(self.picker.attempts(row, w))
            || self.weighed < self.rows.len() && shares()
    }

    /// Whether a row may have a failure that it was not given, as not all was compared with it.
    fn is_limited(&self) -> bool {
        let interesting = self.interesting();
        let may_have = |row: &Row, found: &Option<Found>| match row.is_error() {
            true => found.is_none(),
            false => interesting.contains(&path_number(&row.target)),
        };
        let rows = self.rows.iter().zip(&self.windows).zip(&self.found);
        let mut open = rows.filter(|((row, _), found)| may_have(row, found));
        let is_cut = !self.is_all_weighed() || open.any(|((row, w), _)| self.picker.is_cut(row, w));
        is_cut || self.picker.is_spent()
    }

    /// The row before with the same target whose error may have come from the cache.
    fn before(&self, row: &Row, w: &Window) -> Option<usize> {
        if !is_plain(row) || row.detail().is_none() {
            return None;
        }
        let ended = self.alike.get(&*row.target)?;
        let earlier = ended.partition_point(|(end, _)| w.end.since(*end).0 >= 0);
        let (end, before) = ended.get(..earlier)?.last()?;
        (w.end.since(*end).0 <= CACHED.0 + w.slack.0).then_some(*before)
    }

    /// What came from the cache, in words.
    fn cached(&self, row: &Row, w: &Window) -> Option<String> {
        let before = self.before(row, w)?;
        let found = self.found.get(before)?.as_ref();
        let seen = found.and_then(|found| self.seen.get(*found.seen.last()?));
        let of = seen.map(|seen| format!(", that of connection {}", seen.connection)).unwrap_or_default();
        Some(format!("most likely an error from the cache (10 s by default{of}): the same path failed shortly before"))
    }

    fn full(&self, found: &Found) -> Match {
        let mut all = found.seen.clone();
        all.sort_unstable();
        let attempts = all.len() + found.further;
        if all.len() > MAX_ATTEMPTS {
            all.drain(1..all.len() - (MAX_ATTEMPTS - 1));
        }
        let seen = all.iter().filter_map(|s| self.seen.get(*s)).cloned().collect();
        Match {
            by: found.by,
            confidence: found.confidence,
            seen,
            attempts,
            alternatives: found.alternatives,
            shared: found.shared,
        }
    }

    /// Failures that no row tells of, within the time of the logs.
    fn unmentioned(&self, joined: &mut Joined) {
        // The web server of this host knows nothing of a connection on which nothing was asked.
        let outer = self.rows.iter().any(|row| row.vantage != Vantage::Host);
        let counted = |row: &Row| !outer || row.vantage != Vantage::Host;
        let times = || self.rows.iter().zip(&self.windows).filter(|(row, _)| counted(row)).map(|(_, w)| w);
        let (first, last) = (times().map(|w| w.start).min(), times().map(|w| w.end).max());
        let (Some(first), Some(last)) = (first, last) else { return };
        let edge_only = self.seen.iter().any(|seen| seen.role == Role::Edge);
        for (seen, claimed) in self.seen.iter().zip(&self.claimed) {
            let failed = seen.is_failure() && claimed.is_none() && (!edge_only || seen.role == Role::Edge);
            if !failed || !outer && seen.kind != Kind::Exchange {
                continue;
            }
            if seen.start > last || seen.end < first {
                joined.counts.outside_logs += 1;
                continue;
            }
            joined.counts.unmentioned += 1;
            if joined.unmentioned.len() < MAX_ANSWERS {
                joined.unmentioned.push(seen.clone());
            }
        }
    }
}
