//! A connection as a row of the table.

#[cfg(feature = "parquet")]
use crate::base::Endpoint;
use crate::base::Timestamp;
#[cfg(feature = "parquet")]
use crate::diagnosis::{Cause, Confidence};
use crate::diagnosis::{Diagnosis, Outcome};
use crate::observation::Connection;
use crate::report::layout::shorten;

use super::rich::short;

/// Columns of a name or a path.
const NAME: usize = 48;

/// What is kept of a connection to be listed.
#[derive(Debug)]
pub(in crate::report) struct Row {
    pub(super) id: u64,
    pub(super) outcome: Outcome,
    pub(super) cause: &'static str,
    pub(super) confidence: &'static str,
    /// What the viewer most likely saw.
    pub(super) status: Option<u16>,
    pub(super) client: String,
    pub(super) server: String,
    /// The host that was asked for, and what of it.
    pub(super) host: String,
    pub(super) asked: String,
    pub(super) first: Timestamp,
    pub(super) took: i64,
    pub(super) frames: (u64, u64),
}

impl Row {
    pub(super) fn of(c: &Connection, d: &Diagnosis) -> Row {
        let finding = d.verdict.cause.and(d.findings.first()).map(|(_, f)| f);
        let failing = finding.and_then(|f| c.exchange(f.exchange?));
        let asked = failing.or_else(|| c.exchanges().next()).and_then(|e| e.request);
        let host = asked.and_then(|r| r.host).or(c.sni()).map(|host| short(host, NAME)).unwrap_or_default();
        let asked = asked.map(|r| format!("{} {}", short(r.method, 16), short(r.target, NAME))).unwrap_or_default();
        Row {
            id: c.id,
            outcome: d.verdict.outcome,
            cause: d.verdict.cause.map_or("", |cause| cause.id()),
            confidence: d.verdict.confidence.map_or("", |confidence| confidence.as_str()),
            status: d.verdict.edge.status,
            client: c.client.to_string(),
            server: c.server.to_string(),
            host,
            asked: shorten(&asked, NAME).into_owned(),
            first: c.first.time,
            took: c.last.since(c.first).0,
            frames: (c.first.frame, c.last.frame),
        }
    }

    /// Of what tables tell.
    #[cfg(feature = "parquet")]
    pub(in crate::report) fn told(
        id: u64,
        (outcome, cause, confidence, status): (Outcome, Option<&'static Cause>, Option<Confidence>, Option<u16>),
        (client, server): (Endpoint, Endpoint),
        (host, asked): (&str, &str),
        (first, last, frames): (Timestamp, Timestamp, (u64, u64)),
    ) -> Row {
        Row {
            id,
            outcome,
            cause: cause.map_or("", |cause| cause.id()),
            confidence: confidence.map_or("", |confidence| confidence.as_str()),
            status,
            client: client.to_string(),
            server: server.to_string(),
            host: short(host, NAME),
            asked: short(asked, NAME),
            first,
            took: last.since(first).0,
            frames,
        }
    }

    /// Bytes that it takes on the page, at most.
    pub(super) fn weight(&self) -> usize {
        /// A quotation mark becomes five bytes.
        const ESCAPED: usize = 5;
        const MARKUP: usize = 220;
        let fixed = self.cause.len() + self.client.len() + self.server.len() + MARKUP;
        let plain =
            |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() { 1 } else { ESCAPED }).sum::<usize>();
        fixed + plain(&self.host) + plain(&self.asked)
    }
}
