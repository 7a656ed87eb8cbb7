//! The hosts of a fleet beside each other.

#[cfg(feature = "parquet")]
pub(super) use told::Hosts;

use super::layout::count;
use super::{Capture, Counts};
use crate::base::{Timestamp, escape};

/// Causes told of one host.
const MAX_CAUSES: usize = 3;

/// One host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Host {
    /// Its name; empty where the tables have none.
    pub name: String,
    /// Its captures.
    pub captures: u64,
    /// Its connections that count.
    pub counts: Counts,
    /// Of how many of them each cause is the verdict, the most frequent first.
    pub causes: Vec<(&'static str, u64)>,
    /// Parts of its captures that could not be analysed.
    pub failed_units: u64,
    /// The share of its connections that failed is another than that of the other hosts', by more than chance explains
    /// (Fisher's exact test at 5 %, divided by the number of hosts).
    pub differs: bool,
}

impl Host {
    /// In a line or two.
    pub(super) fn in_words(&self) -> String {
        let Counts { connections, failed, inconclusive, ok } = self.counts;
        let name = if self.name.is_empty() { "(no name)".into() } else { escape(&self.name) };
        let share = if connections == 0 { 0.0 } else { failed as f64 * 100.0 / connections as f64 };
        let mut text = format!(
            "{name}: {}, {failed} failed ({share:.1}\u{a0}%), {inconclusive} inconclusive, {ok} in order",
            count(connections, "connection")
        );
        let causes: Vec<_> = self.causes.iter().take(MAX_CAUSES).map(|(id, n)| format!("{n} {id}")).collect();
        if !causes.is_empty() {
            text.push_str(&format!("; {}", causes.join(", ")));
        }
        if let Some(more @ 1..) = self.causes.len().checked_sub(MAX_CAUSES) {
            text.push_str(&format!(" and {}", count(more as u64, "other cause")));
        }
        if self.failed_units > 0 {
            text.push_str(&format!("; {} of its captures not analysed", count(self.failed_units, "part")));
        }
        if self.differs {
            text.push_str(". It differs from the other hosts by more than chance explains");
        }
        text
    }
}

/// What was captured of a fleet, and what is missing of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    /// The hosts, those with the most failures first.
    pub hosts: Vec<Host>,
    /// Captures of all of them.
    pub captures: u64,
    /// Packets in these.
    pub packets: u64,
    /// The time of the first of them, and of the last.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Units that could not be read, or not all of them, and why.
    pub missing: Vec<String>,
}

impl Fleet {
    /// Which captures are told of one by one: all of one host; of several those of which something limits the conclusions.
    pub(super) fn lists(&self, capture: &Capture) -> bool {
        self.hosts.len() < 2 || !capture.problems.is_empty() || !capture.info.problems.is_empty()
    }

    /// How much was captured, of several hosts, in one line.
    pub(super) fn in_words(&self) -> Option<String> {
        let when = |(first, last): (Timestamp, Timestamp)| {
            let minute = |time: Timestamp| time.to_string().replace('T', " ").get(..16).unwrap_or_default().to_owned();
            format!(", {} to {} UTC", minute(first), minute(last))
        };
        (self.hosts.len() > 1).then(|| {
            format!(
                "{} of {}, {}{}",
                count(self.captures, "capture"),
                count(self.hosts.len() as u64, "host"),
                count(self.packets, "packet"),
                self.span.map(when).unwrap_or_default()
            )
        })
    }
}

/// Hosts while rows pass.
#[cfg(feature = "parquet")]
mod told {
    use std::collections::BTreeMap;

    use super::Host;
    use crate::diagnosis::{Cause, Outcome};
    use crate::report::Counts;
    use crate::report::compare::chance::{LEVEL, Share, probability};

    /// Hosts told apart; further ones are told as one.
    const MAX_HOSTS: usize = 4_096;

    /// Hosts by their names.
    #[derive(Debug, Default)]
    pub(in crate::report) struct Hosts(BTreeMap<String, (Host, BTreeMap<&'static str, u64>)>);

    impl Hosts {
        fn of(&mut self, name: &str) -> &mut (Host, BTreeMap<&'static str, u64>) {
            const REST: &str = "further hosts";
            let name = if self.0.len() < MAX_HOSTS || self.0.contains_key(name) { name } else { REST };
            self.0
                .entry(name.to_owned())
                .or_insert_with(|| (Host { name: name.to_owned(), ..Host::default() }, BTreeMap::new()))
        }

        pub(in crate::report) fn connection(&mut self, name: &str, outcome: Outcome, cause: Option<&'static Cause>) {
            let (host, causes) = self.of(name);
            host.counts.add(outcome);
            if let Some(cause) = cause {
                *causes.entry(cause.id()).or_default() += 1;
            }
        }

        pub(in crate::report) fn capture(&mut self, name: &str) {
            self.of(name).0.captures += 1;
        }

        pub(in crate::report) fn failed_unit(&mut self, name: &str) {
            self.of(name).0.failed_units += 1;
        }

        pub(in crate::report) fn absorb(&mut self, other: Hosts) {
            for (name, (theirs, causes)) in other.0 {
                let (ours, known) = self.of(&name);
                ours.captures += theirs.captures;
                ours.failed_units += theirs.failed_units;
                ours.counts.absorb(theirs.counts);
                causes.into_iter().for_each(|(id, n)| *known.entry(id).or_default() += n);
            }
        }

        /// All of them, those with the most failures first.
        pub(in crate::report) fn list(self) -> Vec<Host> {
            let hosts = self.0.len() as f64;
            let mut all = Counts::default();
            self.0.values().for_each(|(host, _)| all.absorb(host.counts));
            let differs = |own: Counts| {
                let share = |failed, of| Share { n: failed, of };
                let (rest, of) = (all.failed - own.failed, all.connections - own.connections);
                probability(share(own.failed, own.connections), share(rest, of)) * hosts < LEVEL
            };
            let told = self.0.into_values().map(|(host, causes)| {
                let mut causes: Vec<_> = causes.into_iter().collect();
                causes.sort_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
                Host { differs: differs(host.counts), causes, ..host }
            });
            let mut told: Vec<_> = told.collect();
            told.sort_by(|a, b| (b.counts.failed, &a.name).cmp(&(a.counts.failed, &b.name)));
            told
        }
    }
}
