//! What a person or a program is told.
//!
//! Invariant: a renderer sees connections as they are put away and keeps a bounded number of them; every byte that
//! came from the wire is escaped for the medium.

mod headline;
mod summary;

pub use summary::{Capture, CaptureProblem, CauseCount, Counts, OtherCounts, Summary, Tally};

use std::io;

use crate::diagnosis::Diagnosis;
use crate::observation::Connection;

/// Writes one kind of report.
pub trait Renderer {
    /// Takes a connection whose verdict stands, in the order in which the report lists them.
    ///
    /// # Errors
    /// What the output said.
    fn connection(&mut self, connection: &Connection, diagnosis: &Diagnosis) -> io::Result<()>;

    /// Takes the whole, once all connections were given, and ends the report.
    ///
    /// # Errors
    /// What the output said.
    fn finish(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()>;
}
