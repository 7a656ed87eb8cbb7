//! Connections on which one fault shows in different pictures (contract, ruling 13).

use std::collections::BTreeMap;

use crate::base::{Endpoint, Micros, Timestamp};
use crate::causes::FAMILIES;
use crate::diagnosis::{Diagnosis, Family, Outcome};
use crate::observation::Connection;

/// Stretches of time that are told apart, of all servers.
const MAX_STRETCHES: usize = 1_024;

/// Connections with less than this between them belong to one stretch: an edge tries again within seconds, and what
/// keeps a program from accepting lasts or comes back.
const APART: Micros = Micros::from_secs(60);

/// Connections that may be pictures of one fault, by fault and server. Its size is bounded by [`MAX_STRETCHES`]; a
/// connection for which there is no room is told by its own cause.
#[derive(Debug, Default)]
pub(super) struct Joined {
    servers: BTreeMap<(usize, Endpoint), Vec<Stretch>>,
    stretches: usize,
}

/// A stretch of time without a long pause.
#[derive(Debug)]
struct Stretch {
    first: Timestamp,
    last: Timestamp,
    /// Connections, by picture.
    seen: Vec<u64>,
}

/// The connections at one server that are pictures of one fault.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) family: &'static Family,
    pub(super) server: Endpoint,
    seen: Vec<u64>,
}

impl Joined {
    /// Notes a failed connection, if its verdict is a picture of anything.
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis) {
        let Some(cause) = d.verdict.cause.filter(|_| d.verdict.outcome == Outcome::Failed) else { return };
        let of =
            |(i, family): (usize, &&'static Family)| Some((i, family.picture(cause.id(), c)?, family.pictures.len()));
        if let Some((family, picture, pictures)) = FAMILIES.iter().enumerate().find_map(of) {
            let seen = (0..pictures).map(|i| u64::from(i == picture)).collect();
            self.put((family, c.server), Stretch { first: c.first.time, last: c.last.time, seen });
        }
    }

    pub(super) fn absorb(&mut self, other: Joined) {
        for (key, stretches) in other.servers {
            stretches.into_iter().for_each(|stretch| self.put(key, stretch));
        }
    }

    fn put(&mut self, key: (usize, Endpoint), mut stretch: Stretch) {
        let full = self.stretches >= MAX_STRETCHES;
        let near = |s: &Stretch, other: &Stretch| s.is_near(other);
        if full && !self.servers.get(&key).is_some_and(|known| known.iter().any(|s| near(s, &stretch))) {
            return;
        }
        let known = self.servers.entry(key).or_default();
        let before = known.len();
        // What lies between two stretches makes them one.
        for old in known.extract_if(.., |s| near(s, &stretch)).collect::<Vec<_>>() {
            stretch.join(&old);
        }
        known.push(stretch);
        self.stretches = self.stretches + known.len() - before;
    }

    /// The faults that show, with the servers at which they do; most connections first.
    pub(super) fn groups(self) -> Vec<Group> {
        let mut groups = Vec::new();
        for ((family, server), stretches) in self.servers {
            let Some(&family) = FAMILIES.get(family) else { continue };
            let shown = stretches.iter().filter(|s| family.is_shown(|i| s.seen.get(i).is_some_and(|n| *n > 0)));
            let mut group = Group { family, server, seen: vec![0; family.pictures.len()] };
            for stretch in shown {
                add_up(&mut group.seen, &stretch.seen);
            }
            if group.connections() > 0 {
                groups.push(group);
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.connections()));
        groups
    }
}

impl Stretch {
    fn is_near(&self, other: &Stretch) -> bool {
        self.first.since(other.last) < APART && other.first.since(self.last) < APART
    }

    fn join(&mut self, other: &Stretch) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        add_up(&mut self.seen, &other.seen);
    }
}

impl Group {
    /// How many connections it is.
    pub(super) fn connections(&self) -> u64 {
        self.seen.iter().sum()
    }

    /// Whether the fault's own picture is among them. Without it, others may have come together by chance.
    pub(super) fn is_certain(&self) -> bool {
        self.seen.first().is_some_and(|&own| own > 0)
    }

    /// How many of them have this cause for their verdict.
    pub(super) fn with_cause(&self, cause: &str) -> u64 {
        let pictures = self.family.pictures.iter().zip(&self.seen);
        pictures.filter(|(picture, _)| picture.cause == cause).map(|(_, n)| n).sum()
    }

    /// The identifier of the fault's own cause.
    pub(super) fn cause(&self) -> &'static str {
        self.family.pictures.first().map_or("", |picture| picture.cause)
    }

    /// `data never acknowledged (12), SYN never answered (8)`: each picture and how often, most frequent first.
    pub(super) fn told(&self) -> String {
        let mut told: Vec<(&str, u64)> = Vec::new();
        for (picture, &n) in self.family.pictures.iter().zip(&self.seen) {
            match told.iter_mut().find(|(words, _)| *words == picture.told) {
                Some((_, sum)) => *sum += n,
                None => told.push((picture.told, n)),
            }
        }
        told.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let told = told.iter().filter(|(_, n)| *n > 0).map(|(words, n)| format!("{words} ({n})"));
        told.collect::<Vec<_>>().join(", ")
    }
}

fn add_up(sums: &mut [u64], further: &[u64]) {
    sums.iter_mut().zip(further).for_each(|(sum, n)| *sum += n);
}
