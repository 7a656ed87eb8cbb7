//! After how long idle each origin closes a connection: its half of every keep-alive race, also of one that nobody lost.

mod at_once;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::base::{Endpoint, Micros, Side, Timestamp};
use crate::causes::directive;
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::{Connection, Step, http1};

use at_once::AtOnce;

/// Servers told of; a host has a handful.
const MAX_SERVERS: usize = 64;

/// Idle times kept of each server, the first ones: its timeout is the same in all.
const MAX_IDLE_TIMES: usize = 256;

/// A connection that is closed sooner after its last response was not idle: a limit of requests, a reload.
const IDLE: Micros = Micros::from_millis(500);

/// Idle times that lie closer together have one timer behind them.
const SAME: Micros = Micros::from_millis(250);

/// Connections that are closed within this time are closed together.
const TOGETHER: Micros = Micros::from_millis(100);

/// Of ten idle times so many are of one timer, where there is one.
const OF_TEN: usize = 8;

/// The cause that tells of a request that was lost so.
const RACE: &str = "http.keep-alive-race";

/// The closes of one server.
#[derive(Debug, Clone)]
pub struct IdleCloses {
    /// The server.
    pub server: Endpoint,
    /// What it calls itself.
    pub software: Option<String>,
    /// The seconds that its Keep-Alive header promises.
    pub announced: Option<u32>,
    /// Idle connections that it closed.
    pub closes: u64,
    /// Connections that it closed at once after a response, without having said so.
    pub at_once: u64,
    /// The number of requests after which it did that, where it was the same on several connections.
    pub after_requests: Option<u64>,
    /// The time within which it did that, where it did it to several connections together.
    pub within: Option<Micros>,
    /// Requests that crossed such a close.
    pub races: u64,
    /// The idle time in the middle of those that were kept; `None` where no connection was idle.
    pub typical: Option<Micros>,
    /// The shortest and the longest.
    pub range: Option<(Micros, Micros)>,
    /// Those that were kept, the shortest first.
    pub times: Vec<Micros>,
    /// One timer is behind them, as far as can be told: their times agree, or the one agrees with the Keep-Alive header
    /// or met a request.
    pub steady: bool,
}

impl IdleCloses {
    /// What that means, and what to do.
    #[must_use]
    pub fn in_words(&self) -> String {
        let who = match &self.software {
            Some(software) => format!("{} ({software})", self.server),
            None => self.server.to_string(),
        };
        let mut told = Vec::new();
        if let (Some(typical), Some((shortest, longest))) = (self.typical, self.range) {
            let spread = if longest.0 - shortest.0 <= SAME.0 {
                String::new()
            } else {
                format!(" (between {shortest} and {longest})")
            };
            let idle = if self.closes == 1 { "an idle connection" } else { "idle connections" };
            let often = if self.closes == 1 { String::new() } else { format!(", {} of them", self.closes) };
            told.push(format!("{who} closes {idle} after {typical}{spread}{often}."));
            if let Some(seconds) = self.announced.filter(|&s| !same(Micros::from_secs(i64::from(s)), typical)) {
                told.push(format!("Its Keep-Alive header promises {seconds} s."));
            }
        }
        if self.at_once > 0 {
            let who = if told.is_empty() { &who } else { "It" };
            told.push(format!("{who} {}", self.at_once_in_words()));
        }
        if self.steady {
            let kept = if self.closes == 1 { "it" } else { "them" };
            let crossed = match self.races {
                0 => {
                    "No request crossed such a close here; one that does is lost, unless the edge repeats it".to_owned()
                }
                1 => "One request crossed such a close here".to_owned(),
                n => format!("{n} requests crossed such a close here"),
            };
            told.push(format!(
                "The edge would have kept {kept} longer. {crossed} ({RACE}). Let the origin wait longer than the edge \
                 (CloudFront 5 s by default and 120 s at most, ALB 60 s by default): {}.",
                directive(self.software.as_deref())
            ));
        }
        told.join(" ")
    }
}

impl IdleCloses {
    /// What the connections that were closed at once have in common, and what that is.
    fn at_once_in_words(&self) -> String {
        let often = if self.at_once == 1 { "a connection".to_owned() } else { format!("{} connections", self.at_once) };
        let (when, reason) = match (self.after_requests, self.within) {
            (None, Some(within)) => (format!("within {within} of each other, "), "a reload or a restart"),
            (Some(1), _) => (String::new(), "it keeps none, although it does not say so"),
            (Some(requests), _) => (format!("at {requests} requests each, "), "a limit of requests per connection"),
            (None, None) => (String::new(), "a limit of requests per connection, or a reload"),
        };
        format!("closed {often} {when}right after a response, without `Connection: close`: {reason}.")
    }
}

/// Whether one timer may be behind both.
fn same(a: Micros, b: Micros) -> bool {
    (a.0 - b.0).abs() <= SAME.0
}

/// How long a connection had been idle when the origin closed it; a request may have crossed that.
fn idle(c: &Connection) -> Option<Micros> {
    let crossed = || {
        let owed = c.overtaken()?;
        Some(owed.end.frame.since(c.exchange_before(owed.exchange)?.response.as_ref()?.last_frame))
    };
    let crossed_in_tls = || {
        let request = c.overtaken_encrypted()?;
        Some(request.end.frame.since(request.answered_before?))
    };
    c.took(Step::IdleBeforeClose).or_else(crossed).or_else(crossed_in_tls)
}

/// What is kept of one server.
#[derive(Debug, Default)]
struct Server {
    software: Option<String>,
    announced: Option<u32>,
    times: Vec<Micros>,
    /// When the last of them was closed.
    last: Timestamp,
    closes: u64,
    at_once: AtOnce,
    races: u64,
}

/// The closes so far. Its size is bounded by [`MAX_SERVERS`] and [`MAX_IDLE_TIMES`].
#[derive(Debug, Default)]
pub(super) struct Closes {
    servers: BTreeMap<Endpoint, Server>,
    unlisted: u64,
}

impl Closes {
    /// Notes how a connection ended, if the origin closed it with nothing to do, or seemingly so.
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis) {
        let Some(end) = c.certain_end().filter(|end| end.side == Side::Server && c.clock_step.is_none()) else {
            return;
        };
        let raced = d.verdict.cause.is_some_and(|cause| cause.id() == RACE);
        if !raced && d.verdict.outcome != Outcome::Ok {
            return;
        }
        let Some(idle) = idle(c) else { return };
        let responses = || c.http.iter().flat_map(|http| &http.exchanges).rev().filter_map(|e| e.response.as_ref());
        let last = responses().find(|r| r.complete);
        let asked = |e: &http1::Exchange| e.request.as_ref().is_some_and(|r| r.wants_close);
        let announced = |e: &http1::Exchange| asked(e) || e.response.as_ref().is_some_and(|r| r.wants_close);
        let said_so = c.http.iter().flat_map(|http| &http.exchanges).any(announced);
        // A body that lasts until the close ends with it.
        let is_its_end = last.is_some_and(|r| r.framing == http1::Framing::UntilClose);
        if said_so || is_its_end || (idle < IDLE && last.is_none()) {
            return;
        }
        let room = self.servers.len() < MAX_SERVERS;
        let server = match self.servers.entry(c.server) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) if room => new.insert(Server::default()),
            Entry::Vacant(_) => {
                self.unlisted += 1;
                return;
            }
        };
        server.software = server.software.take().or_else(|| last?.server.as_deref().map(str::to_owned));
        server.announced = server.announced.or_else(|| last?.keep_alive_timeout);
        server.races += u64::from(raced);
        if idle < IDLE {
            server.at_once.add(end.frame.time, c.http.as_ref().map(|http| http.total));
            return;
        }
        server.closes += 1;
        // Connections that are closed together say it once: a timer that ran out for all of them, or a reload.
        let together = server.closes > 1 && end.frame.time.since(server.last).0.abs() < TOGETHER.0;
        server.last = end.frame.time;
        if !together && server.times.len() < MAX_IDLE_TIMES {
            server.times.push(idle);
        }
    }

    pub(super) fn absorb(&mut self, other: Closes) {
        self.unlisted += other.unlisted;
        for (endpoint, theirs) in other.servers {
            if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(&endpoint) {
                self.unlisted += theirs.closes + theirs.at_once.closes();
                continue;
            }
            let ours = self.servers.entry(endpoint).or_default();
            ours.software = ours.software.take().or(theirs.software);
            ours.announced = ours.announced.or(theirs.announced);
            ours.closes += theirs.closes;
            ours.at_once.absorb(&theirs.at_once);
            ours.races += theirs.races;
            let room = MAX_IDLE_TIMES.saturating_sub(ours.times.len());
            ours.times.extend(theirs.times.into_iter().take(room));
        }
    }

    /// All that are told of, and the closes of others.
    pub(super) fn into_list(self) -> (Vec<IdleCloses>, u64) {
        (self.servers.into_iter().map(|(server, kept)| kept.told(server)).collect(), self.unlisted)
    }
}

impl Server {
    fn told(mut self, server: Endpoint) -> IdleCloses {
        self.times.sort_unstable();
        let range = self.times.first().copied().zip(self.times.last().copied());
        let typical = self.times.get(self.times.len() / 2).copied();
        let steady = typical.is_some_and(|typical| match self.times.len() {
            1 => {
                let promised = self.announced.map(|seconds| Micros::from_secs(i64::from(seconds)));
                promised.is_some_and(|p| same(typical, p)) || (self.races > 0 && typical.is_near_whole_seconds())
            }
            n => self.times.iter().filter(|&&time| same(time, typical)).count() * 10 >= n * OF_TEN,
        });
        IdleCloses {
            server,
            software: self.software,
            announced: self.announced,
            closes: self.closes,
            at_once: self.at_once.closes(),
            after_requests: self.at_once.after_requests(),
            within: self.at_once.within(),
            races: self.races,
            typical,
            range,
            times: self.times,
            steady,
        }
    }
}
