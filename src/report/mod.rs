//! What a person or a program is told.
//!
//! Invariant: a renderer sees connections as they are put away and keeps a bounded number of them; every byte that
//! came from the wire is escaped for the medium.

pub mod compare;
mod example;
pub mod explain;
mod facts;
#[cfg(feature = "parquet")]
pub mod fleet;
mod groups;
mod headline;
mod hosts;
mod html;
mod idle_closes;
mod joined;
mod json;
mod junit;
mod layout;
mod log_words;
mod metrics;
mod near_misses;
mod probe_command;
mod probed;
mod retries;
mod sample;
mod sarif;
mod shared;
mod slow;
mod steps;
mod summary;
#[cfg(feature = "parquet")]
pub mod tables;
mod text;
mod timeline;
pub mod why;
pub mod wireshark;
mod words;

pub use hosts::{Fleet, Host};
pub use html::Html;
pub use idle_closes::IdleCloses;
pub(crate) use json::document;
pub use json::{Json, NdJson, SCHEMA};
pub use junit::Junit;
pub use layout::WIDTH;
pub use metrics::Metrics;
pub use near_misses::NearMiss;
pub use probed::{NameTrouble, Probed, Row};
pub use retries::Retried;
pub use sarif::Sarif;
pub use shared::SharedTrait;
pub use slow::SlowTarget;
pub use summary::{Capture, CaptureProblem, CauseCount, Counts, OtherCounts, Summary, Tally};
pub use text::{Text, TextOptions};

use std::io;

use crate::correlate::Joined;
use crate::diagnosis::{Cause, Diagnosis, Finding};
use crate::observation::Connection;

/// The cause that no connection shows: the summary says it, once for all captures.
pub const NO_EDGE_TRAFFIC_ID: &str = "capture.no-edge-traffic";

/// What it says.
pub(crate) const NO_EDGE_TRAFFIC: &str = "no packet comes from a CloudFront address or carries CloudFront's headers: \
     this may not be the traffic that you mean. Connections from private addresses are taken for those of a load \
     balancer in front; where there are none, all connections count.";

/// Writes one kind of report.
pub trait Renderer {
    /// Takes a connection whose verdict stands, in the order in which the report lists them.
    ///
    /// # Errors
    /// What the output said.
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()>;

    /// Whether connections are wanted as soon as they are judged, and then [`refined`](Self::refined) where the second
    /// step changes a verdict, instead of once at the end (contract, ruling 23).
    fn wants_first_verdicts(&self) -> bool {
        false
    }

    /// Takes what was found on a connection that has failed already and is still open, so that it is given later; only
    /// where the input goes on, and where it [`wants_first_verdicts`](Self::wants_first_verdicts).
    ///
    /// # Errors
    /// What the output said.
    fn found(&mut self, _connection: &Connection, _found: (&'static Cause, &Finding)) -> io::Result<()> {
        Ok(())
    }

    /// Takes the changed diagnosis of a connection that was given before; only where it
    /// [`wants_first_verdicts`](Self::wants_first_verdicts).
    ///
    /// # Errors
    /// What the output said.
    fn refined(&mut self, _connection: &Connection, _diagnosis: &Diagnosis) -> io::Result<()> {
        Ok(())
    }

    /// Takes what access logs add, once all connections were given and before the end; only where there are any.
    ///
    /// # Errors
    /// What the output said.
    fn logs(&mut self, _logs: &Joined) -> io::Result<()> {
        Ok(())
    }

    /// Takes what a probe found beside the connections, before the end; only where the capture is a probe's own.
    ///
    /// # Errors
    /// What the output said.
    fn probe(&mut self, _probed: &Probed) -> io::Result<()> {
        Ok(())
    }

    /// Takes the whole, once all connections were given, and ends the report.
    ///
    /// # Errors
    /// What the output said.
    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()>;
}
