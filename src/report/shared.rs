//! What connections that failed share and those in order do not.
//!
//! Each trait (the name asked for, where from, when, …) makes of all connections two groups. A trait is told where most
//! failures have it, those in order have it at most half as often, and chance would hardly make such a difference: Fisher's
//! exact test, with the level divided by the number of traits that were compared (Bonferroni). Else nothing is said.
//!
//! Connections are taken to fail independently of each other. Those of which a trait is not known are left out of its test;
//! a trait that is not known of most failures is not told.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::HashMap;

use crate::base::{Endpoint, Timestamp, escape};
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::Connection;
use crate::observation::tls::names::version_name;

use super::compare::chance::{Share, probability};
use super::layout::count;

/// Below this probability, corrected, chance is not taken for the explanation.
const LEVEL: f64 = 0.01;

/// Smaller probabilities are not told apart.
const SMALLEST: f64 = 1e-15;

/// So many failures must have it at least.
const FEWEST: u64 = 4;

/// Values of one trait that are compared; further ones are not.
const MAX_VALUES: usize = 256;

/// Stretches of time that are compared, as they are or several in a row; longer ones where these do not reach.
const MAX_STRETCHES: i64 = 64;

/// The longest value that is kept.
const MAX_LENGTH: usize = 256;

const SECOND: i64 = 1_000_000_000;

/// A trait that sets the connections that failed apart.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedTrait {
    /// Which: its name in reports.
    pub name: &'static str,
    /// The value that they share.
    pub value: String,
    /// Connections that failed, and have it; and all that failed, of which it is known.
    pub failed: (u64, u64),
    /// Connections in order, and have it; and all in order, of which it is known.
    pub ok: (u64, u64),
    /// How many differences were looked for.
    pub comparisons: u64,
    /// The probability that chance makes one of them as large, at most.
    pub probability: f64,
    /// What they share, in words: `asked for "a.example"`.
    deed: String,
    /// Of some connections that failed it is not known.
    partly_known: bool,
}

impl SharedTrait {
    /// In one sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        let odds = (1.0 / self.probability.max(1e-9)).floor();
        let odds = match odds {
            1e6.. => "a million".to_owned(),
            odds => format!("{odds:.0}"),
        };
        let (failed, of_failed) = self.failed;
        let (ok, of_ok) = self.ok;
        let ok = match ok {
            0 => format!("none of the {of_ok} in order did"),
            n => format!("{n} of the {of_ok} in order did"),
        };
        let known = if self.partly_known { " of which that is known" } else { "" };
        format!(
            "{failed} of {}{known} {}, and {ok}: chance would make such a difference in fewer than one of {odds} captures.",
            count(of_failed, "failed connection"),
            self.deed
        )
    }
}

/// Connections that failed, and those in order.
type Pair = [u64; 2];

/// The connections of each value of a trait.
#[derive(Debug)]
struct Values<K> {
    each: HashMap<K, Pair>,
    all: Pair,
}

impl<K> Default for Values<K> {
    fn default() -> Self {
        Values { each: HashMap::default(), all: [0; 2] }
    }
}

impl<K: Hash + Ord> Values<K> {
    fn add<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, which: usize, own: impl FnOnce(&Q) -> K)
    where
        K: Borrow<Q>,
    {
        one_more(&mut self.all, which);
        if let Some(known) = self.each.get_mut(key) {
            one_more(known, which);
        } else if self.each.len() < MAX_VALUES {
            one_more(self.each.entry(own(key)).or_default(), which);
        }
    }

    fn absorb(&mut self, other: Values<K>) {
        sum(&mut self.all, other.all);
        // Which of them there is room for does not depend on chance.
        let mut each: Vec<_> = other.each.into_iter().collect();
        each.sort_unstable();
        for (key, theirs) in each {
            if self.each.len() < MAX_VALUES || self.each.contains_key(&key) {
                sum(self.each.entry(key).or_default(), theirs);
            }
        }
    }
}

fn one_more(pair: &mut Pair, which: usize) {
    pair.iter_mut().skip(which).take(1).for_each(|n| *n += 1);
}

fn sum(ours: &mut Pair, theirs: Pair) {
    ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
}

/// When connections began, in stretches that grow with the whole.
#[derive(Debug)]
struct Times {
    /// Of one stretch, in nanoseconds.
    width: i64,
    each: BTreeMap<i64, Pair>,
}

impl Default for Times {
    fn default() -> Self {
        Times { width: SECOND, each: BTreeMap::new() }
    }
}

impl Times {
    fn add(&mut self, time: Timestamp, which: usize) {
        let at = time.0.div_euclid(self.width);
        if let Some(known) = self.each.get_mut(&at) {
            return one_more(known, which);
        }
        one_more(self.each.entry(at).or_default(), which);
        self.fit();
    }

    fn absorb(&mut self, mut other: Times) {
        while self.width < other.width {
            self.widen();
        }
        while other.width < self.width {
            other.widen();
        }
        other.each.into_iter().for_each(|(at, theirs)| sum(self.each.entry(at).or_default(), theirs));
        self.fit();
    }

    fn fit(&mut self) {
        let span = |each: &BTreeMap<i64, Pair>| {
            each.first_key_value().zip(each.last_key_value()).map_or(0, |((first, _), (last, _))| last - first)
        };
        while span(&self.each) >= MAX_STRETCHES {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        for (at, pair) in std::mem::take(&mut self.each) {
            sum(self.each.entry(at.div_euclid(2)).or_default(), pair);
        }
    }

    /// Every stretch, and every row of them, with what is in it.
    fn rows(&self) -> impl Iterator<Item = (Timestamp, Timestamp, Pair)> {
        self.each.keys().flat_map(move |&first| {
            let mut inside = [0; 2];
            self.each.range(first..).map(move |(&last, &pair)| {
                sum(&mut inside, pair);
                (Timestamp(first * self.width), Timestamp((last + 1).saturating_mul(self.width)), inside)
            })
        })
    }
}

/// The traits of all connections.
#[derive(Debug, Default)]
pub(super) struct Traits {
    names: Values<Box<str>>,
    servers: Values<Endpoint>,
    peers: Values<(IpAddr, u8)>,
    versions: Values<u16>,
    resumed: Values<bool>,
    paths: Values<Box<str>>,
    times: Times,
}

impl Traits {
    /// Notes one connection; of one that may have failed or not, nothing.
    pub(super) fn add(&mut self, c: &Connection, d: &Diagnosis) {
        let which = match d.verdict.outcome {
            Outcome::Failed => 0,
            Outcome::Ok => 1,
            Outcome::Inconclusive => return,
        };
        let boxed = |text: &str| Box::from(text);
        let named = d.findings.first().filter(|_| which == 0).and_then(|(_, finding)| finding.exchange);
        let exchange = match named {
            Some(index) => c.exchange(index),
            None => c.exchanges().next_back(),
        };
        let request = exchange.and_then(|e| e.request);
        if let Some(name) = c.sni().or(request.and_then(|r| r.host)) {
            self.names.add(bounded(name), which, boxed);
        }
        self.servers.add(&c.server, which, |server| *server);
        self.peers.add(&prefix(c.client.ip), which, |peer| *peer);
        if let Some(hello) = c.tls.as_ref().and_then(|tls| tls.server_hello.as_ref()) {
            self.versions.add(&hello.version, which, |version| *version);
        }
        if let Some(resumed) = c.tls.as_ref().and_then(|tls| tls.resumed()) {
            self.resumed.add(&resumed, which, |resumed| *resumed);
        }
        if let Some(path) = request.map(|r| path(r.target)) {
            self.paths.add(bounded(path), which, boxed);
        }
        self.times.add(c.first.time, which);
    }

    pub(super) fn absorb(&mut self, other: Traits) {
        self.names.absorb(other.names);
        self.servers.absorb(other.servers);
        self.peers.absorb(other.peers);
        self.versions.absorb(other.versions);
        self.resumed.absorb(other.resumed);
        self.paths.absorb(other.paths);
        self.times.absorb(other.times);
    }

    /// The trait that sets apart what failed most clearly, if one does.
    pub(super) fn shared(&self) -> Option<SharedTrait> {
        let all = self.times.each.values().fold([0; 2], |mut all, pair| {
            sum(&mut all, *pair);
            all
        });
        let mut best = Best { failed: all[0], ..Best::default() };
        best.of("server_name", &self.names, |name| (name.to_string(), format!("asked for \"{}\"", escape(name))));
        best.of("server", &self.servers, |server| (server.to_string(), format!("went to {server}")));
        best.of("peer", &self.peers, |(ip, bits)| (format!("{ip}/{bits}"), format!("came from {ip}/{bits}")));
        best.of("tls_version", &self.versions, |version| {
            let name = version_name(*version).map_or_else(|| format!("{version:#06x}"), |name| name.into_owned());
            (name.clone(), format!("spoke {name}"))
        });
        best.of("resumed", &self.resumed, |resumed| {
            let deed = if *resumed { "resumed a TLS session" } else { "began with a full TLS handshake" };
            (resumed.to_string(), deed.to_owned())
        });
        best.of("path", &self.paths, |path| (path.to_string(), format!("asked for {} or below it", escape(path))));
        for (from, to, inside) in self.times.rows() {
            let seconds = |time: Timestamp| time.time_of_day().chars().take(8).collect::<String>();
            let value = || (format!("{from}/{to}"), format!("began from {} to {} UTC", seconds(from), seconds(to)));
            best.look("time", (inside, all), value);
        }
        best.told()
    }
}

/// The clearest difference so far.
#[derive(Default)]
struct Best {
    /// All connections that failed.
    failed: u64,
    comparisons: u64,
    found: Option<SharedTrait>,
}

impl Best {
    fn of<K: Ord>(&mut self, name: &'static str, values: &Values<K>, words: impl Fn(&K) -> (String, String)) {
        // A trait that all share separates nothing, and two values of one trait are one difference.
        if values.each.len() > 1 {
            let mut each: Vec<_> = values.each.iter().collect();
            each.sort_unstable();
            each.into_iter().for_each(|(value, pair)| self.look(name, (*pair, values.all), || words(value)));
        }
    }

    fn look(&mut self, name: &'static str, (with, all): (Pair, Pair), words: impl FnOnce() -> (String, String)) {
        self.comparisons += 1;
        let ([failed, ok], [of_failed, of_ok]) = (with, all);
        let (Some(rate), Some(rate_ok)) =
            (Share { n: failed, of: of_failed }.rate(), Share { n: ok, of: of_ok }.rate())
        else {
            return;
        };
        let known = of_failed.saturating_mul(2) >= self.failed;
        if failed < FEWEST || rate < 0.5 || rate_ok > rate / 2.0 || !known {
            return;
        }
        let p = probability(Share { n: failed, of: of_failed }, Share { n: ok, of: of_ok }).max(SMALLEST);
        // Where chance explains neither, the one that parts them more clearly says more.
        let apart =
            |found: &SharedTrait| found.failed.0 as f64 / found.failed.1 as f64 - found.ok.0 as f64 / found.ok.1 as f64;
        let clearer = |found: &SharedTrait| (p, apart(found)) < (found.probability, rate - rate_ok);
        if self.found.as_ref().is_none_or(clearer) {
            let (value, deed) = words();
            let (failed, ok) = ((failed, of_failed), (ok, of_ok));
            let partly_known = failed.1 < self.failed;
            self.found =
                Some(SharedTrait { name, value, failed, ok, comparisons: 0, probability: p, deed, partly_known });
        }
    }

    fn told(self) -> Option<SharedTrait> {
        let comparisons = self.comparisons;
        let corrected = |found: &SharedTrait| (found.probability * comparisons as f64).min(1.0);
        let found = self.found?;
        let probability = corrected(&found);
        (probability < LEVEL).then_some(SharedTrait { comparisons, probability, ..found })
    }
}

/// The network of an address: /24, or /48 of IPv6.
fn prefix(ip: IpAddr) -> (IpAddr, u8) {
    match ip {
        IpAddr::V4(ip) => (IpAddr::V4((ip.to_bits() & 0xffff_ff00).into()), 24),
        IpAddr::V6(ip) => (IpAddr::V6((ip.to_bits() >> 80 << 80).into()), 48),
    }
}

/// The first two segments of a path: what comes behind them is most often a thing of its own.
fn path(target: &str) -> &str {
    let mut slashes = 0;
    let end = target.bytes().position(|byte| {
        slashes += u32::from(byte == b'/');
        slashes > 2 || matches!(byte, b'?' | b'#')
    });
    end.and_then(|end| target.get(..end)).unwrap_or(target)
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_LENGTH)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many failed, and in order, of each value.
    fn names(each: &[(&str, u64, u64)]) -> Traits {
        let mut traits = Traits::default();
        for (name, failed, ok) in each {
            for (which, n) in [(0, *failed), (1, *ok)] {
                (0..n).for_each(|_| traits.names.add(*name, which, |name: &str| Box::from(name)));
            }
        }
        traits
    }

    #[test]
    fn what_sets_failures_apart_is_told_and_nothing_else() {
        for (each, told) in [
            (&[("a", 12, 1), ("b", 1, 200)][..], Some("a")),
            (&[("a", 4, 0), ("b", 0, 200)], Some("a")),
            // Too few to rule out chance, or to be worth a word.
            (&[("a", 3, 0), ("b", 0, 200)], None),
            (&[("a", 4, 0), ("b", 0, 4)], None),
            // As among those in order.
            (&[("a", 50, 500), ("b", 50, 500)], None),
            (&[("a", 60, 500), ("b", 40, 500)], None),
            // All share it.
            (&[("a", 50, 500)], None),
            // Fewer than half of the failures have it.
            (&[("a", 20, 0), ("b", 30, 500)], None),
            (&[], None),
        ] {
            assert_eq!(names(each).shared().map(|s| s.value).as_deref(), told, "{each:?}");
        }
    }

    #[test]
    fn many_values_need_a_clearer_difference() {
        let clear = |others: usize| {
            let names_of: Vec<_> = (0..others).map(|n| format!("n{n}")).collect();
            let mut each: Vec<_> = names_of.iter().map(|name| (name.as_str(), 1, 1)).collect();
            each.extend([("a", 8, 2), ("b", 2, 12)]);
            names(&each).shared().is_some()
        };
        assert!(clear(0) && !clear(7));
    }

    #[test]
    fn a_stretch_of_time_is_found_however_long_the_whole_is() {
        for step in [1, 600] {
            let mut traits = Traits::default();
            for n in 0..300 {
                traits.times.add(Timestamp(n * step * SECOND), usize::from(!(100..120).contains(&n)));
            }
            assert!(traits.times.each.len() as i64 <= MAX_STRETCHES);
            let found = traits.shared().unwrap();
            assert_eq!((found.name, found.failed), ("time", (20, 20)));
            assert!(found.ok.0 < 10, "{found:?}");
        }
    }

    #[test]
    fn the_order_does_not_matter() {
        let half = |from: i64| {
            let mut times = Times::default();
            (from..from + 100).for_each(|n| times.add(Timestamp(n * 7 * SECOND), 0));
            times
        };
        let (mut one, mut other) = (half(0), half(1_000));
        one.absorb(half(1_000));
        other.absorb(half(0));
        assert_eq!((one.width, &one.each), (other.width, &other.each));
    }

    #[test]
    fn paths_and_prefixes_are_short() {
        for (target, is) in [("/a/b/c?d", "/a/b"), ("/a", "/a"), ("/", "/"), ("*", "*"), ("/a/b/", "/a/b")] {
            assert_eq!(path(target), is);
        }
        assert_eq!(prefix("192.0.2.9".parse().unwrap()), ("192.0.2.0".parse().unwrap(), 24));
        assert_eq!(prefix("2001:db8:1:2::3".parse().unwrap()), ("2001:db8:1::".parse().unwrap(), 48));
    }
}
