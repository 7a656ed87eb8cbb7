//! A row of the table `units`.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::part::Part;
use super::schema::Table;

/// A part of a fleet's captures that one process reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Its name, which its rows in the other tables have as well.
    pub unit: String,
    /// The host of its captures.
    pub capture_host: Option<String>,
    /// `done`; `partial`, where a capture could not be read and the others were; or `failed`, of which nothing is told.
    pub status: String,
    /// Why it is not done.
    pub message: Option<String>,
    /// Its own captures, of which it tells.
    pub files: Vec<String>,
    /// Those that it reads for the connections that begin or end in them.
    pub context: Vec<String>,
    /// Bytes of its own captures.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// The version of why502 that read it.
    pub version: String,
}

impl Unit {
    /// Whether its rows are whole: what an attempt left behind that came to no end is not told.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.status == "done" || self.status == "partial"
    }

    /// Writes the row below this directory, in a file of its own, in place of one of the same unit.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let name = format!("{}.parquet", super::part_name(&self.unit));
        let mut part = Part::begin(Table::Units, &dir.join(Table::Units.name()), &name)?;
        part.row(&[], |row| row.part(self))?;
        part.finish()
    }
}
