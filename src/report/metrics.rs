//! Counters for Prometheus, in its text format (version 0.0.4).
//!
//! The format is lines of a name, labels and a number: it is written here, as what is counted is known and no label comes
//! from the wire.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::base::{Histogram, Micros};
use crate::diagnosis::{Cause, Outcome};
use crate::observation::{Connection, Role, Step, Timings};

/// Upper bounds of the buckets of durations, in microseconds, and as they are written.
const BOUNDS: [(i64, &str); 14] = [
    (100, "0.0001"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];

/// The steps that are told, and what is said of them.
const STEPS: [(Step, &str, &str); 3] = [
    (Step::SynAck, "syn_ack", "From the first SYN to the first SYN-ACK."),
    (Step::TlsHandshake, "tls_handshake", "From the ClientHello to the end of the TLS handshake."),
    (Step::FirstByte, "first_byte", "From a request to the first byte of its response."),
];

const ROLES: [(Role, &str); 4] =
    [(Role::Edge, "edge"), (Role::Inner, "inner"), (Role::HealthCheck, "health-check"), (Role::Other, "other")];

const OUTCOMES: [Outcome; 3] = [Outcome::Ok, Outcome::Failed, Outcome::Inconclusive];

/// What was counted so far. Its size is bounded by the catalogue.
#[derive(Debug, Default)]
pub struct Metrics {
    packets: u64,
    dropped: u64,
    open: usize,
    connections: BTreeMap<(&'static str, &'static str), u64>,
    findings: BTreeMap<(&'static str, &'static str), u64>,
    timings: BTreeMap<&'static str, Timings>,
}

impl Metrics {
    /// Packets taken and dropped so far, and connections that are open now.
    pub fn now(&mut self, packets: u64, dropped: u64, open: usize) {
        (self.packets, self.dropped, self.open) = (packets, dropped, open);
    }

    /// A connection is over.
    pub fn over(&mut self, c: &Connection, outcome: Outcome) {
        let role = name(c.role);
        *self.connections.entry((role, outcome.as_str())).or_default() += 1;
        self.timings.entry(role).or_default().add(c);
    }

    /// A cause was found of a connection, open or over, for the first time.
    pub fn found(&mut self, c: &Connection, cause: &'static Cause) {
        *self.findings.entry((name(c.role), cause.id())).or_default() += 1;
    }

    /// The page that Prometheus reads.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "# HELP why502_{name} {help}\n# TYPE why502_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(page, "why502_{name}{labels} {value}");
            }
        };
        let plain = |value: u64| [(String::new(), value)];
        family("packets_total", "counter", "Packets that were captured.", &plain(self.packets));
        family(
            "packets_dropped_total",
            "counter",
            "Packets that the kernel or an interface dropped.",
            &plain(self.dropped),
        );
        family("connections_open", "gauge", "Connections that are open.", &plain(self.open as u64));
        let mut over = Vec::new();
        for (_, role) in ROLES {
            for outcome in OUTCOMES {
                let n = self.connections.get(&(role, outcome.as_str())).copied().unwrap_or_default();
                over.push((format!("{{role=\"{role}\",outcome=\"{}\"}}", outcome.as_str()), n));
            }
        }
        family(
            "connections_total",
            "counter",
            "Connections that are over, by whose they were and what became of them.",
            &over,
        );
        let found: Vec<_> = self
            .findings
            .iter()
            .map(|((role, cause), n)| (format!("{{role=\"{role}\",cause=\"{cause}\"}}"), *n))
            .collect();
        family("findings_total", "counter", "Causes of failures, counted as soon as they are known.", &found);
        for (step, name, help) in STEPS {
            self.histogram(&mut page, step, name, help);
        }
        page
    }

    fn histogram(&self, page: &mut String, step: Step, name: &str, help: &str) {
        let _ = writeln!(page, "# HELP why502_{name}_seconds {help}\n# TYPE why502_{name}_seconds histogram");
        let empty = Histogram::default();
        for (_, role) in ROLES {
            let known = self.timings.get(role).and_then(|t| t.steps().find(|(s, _)| *s == step));
            let h = known.map_or(&empty, |(_, h)| h);
            for (bound, le) in BOUNDS {
                let n = h.at_most(Micros(bound));
                let _ = writeln!(page, "why502_{name}_seconds_bucket{{role=\"{role}\",le=\"{le}\"}} {n}");
            }
            let (count, sum) = (h.count(), h.sum());
            let _ = writeln!(page, "why502_{name}_seconds_bucket{{role=\"{role}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(
                page,
                "why502_{name}_seconds_sum{{role=\"{role}\"}} {}.{:06}",
                sum / 1_000_000,
                sum % 1_000_000
            );
            let _ = writeln!(page, "why502_{name}_seconds_count{{role=\"{role}\"}} {count}");
        }
    }
}

fn name(role: Role) -> &'static str {
    ROLES.iter().find(|(known, _)| *known == role).map_or("other", |(_, name)| name)
}
