//! How long steps took: of one connection, and of all that count.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use super::shown::micros;
use crate::base::{ERROR_PERCENT, Histogram};
use crate::observation::{Connection, Step, Timings};

/// The steps that a connection has once. Those of an exchange are with the exchange, and the whole TLS handshake is
/// with the handshake.
const ONCE: [Step; 7] = [
    Step::SynAck,
    Step::NetworkRtt,
    Step::ClientHello,
    Step::ServerHello,
    Step::ServerFlight,
    Step::ClientFlight,
    Step::IdleBeforeClose,
];

/// Of one connection.
pub(super) struct Timing<'a>(pub(super) &'a Connection);

impl Serialize for Timing<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(ONCE.len()))?;
        for step in ONCE {
            map.serialize_entry(&Name(step), &micros(self.0.took(step)))?;
        }
        map.end()
    }
}

/// `network_rtt_us`.
struct Name(Step);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{}_us", self.0.as_str()))
    }
}

/// Of all connections that count.
pub(super) struct Quantiles<'a>(pub(super) &'a Timings);

impl Serialize for Quantiles<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(1 + Step::ALL.len()))?;
        map.serialize_entry("error_percent", &ERROR_PERCENT)?;
        for (step, histogram) in self.0.steps() {
            map.serialize_entry(&Name(step), &Spread::of(histogram))?;
        }
        map.end()
    }
}

/// Durations in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::report) struct Spread {
    pub(in crate::report) count: u64,
    pub(in crate::report) min: i64,
    pub(in crate::report) p50: i64,
    pub(in crate::report) p90: i64,
    pub(in crate::report) p99: i64,
    pub(in crate::report) max: i64,
}

impl Spread {
    /// The quantiles of these durations, if there are any.
    pub(in crate::report) fn of(h: &Histogram) -> Option<Spread> {
        let (min, max) = h.range()?;
        let at = |percent| h.percentile(percent).map(|d| d.0);
        Some(Spread { count: h.count(), min: min.0, p50: at(50)?, p90: at(90)?, p99: at(99)?, max: max.0 })
    }
}
