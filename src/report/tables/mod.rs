//! Tables in Parquet, for engines: what many hosts saw, side by side.
//!
//! Invariant: a row is what the JSON report says, taken apart; of a table no more is kept than one row group, and a part
//! of it gets its name when it is whole.

mod column;
mod field;
mod part;
mod plan;
mod schema;
mod shred;
mod unit;

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::Timestamp;
use crate::diagnosis::Diagnosis;
use crate::observation::Connection;

use super::json::capture::Capture as CaptureRow;
use super::json::connection::Connection as ConnectionRow;
use super::json::shown::{Shown, Time};
use super::{Capture, Renderer, Summary};
use part::Part;
pub use schema::{Table, VERSION};
pub use unit::Unit;

/// Days of which parts are open at once; of further ones the earliest is closed, and begun again where it is needed.
const MAX_OPEN_DAYS: usize = 4;

/// How the tables of one analysis are written.
#[derive(Debug, Clone, Default)]
pub struct TablesOptions {
    /// The directory of the tables.
    pub dir: PathBuf,
    /// What the rows of this analysis have in common; it is in the names of the files, and nobody else's.
    pub unit: String,
    /// The host on which the captures were taken.
    pub host: Option<String>,
    /// Parts lie in directories `date=2026-01-02/host=NAME`, by the day on which a connection began, in UTC.
    pub partitioned: bool,
    /// The captures' paths, by their numbers.
    pub paths: Vec<String>,
    /// Captures that are read for the sake of others: they have no row of their own.
    pub context: Vec<bool>,
}

/// Writes tables.
pub struct Tables {
    options: TablesOptions,
    days: Vec<Day>,
    /// Parts that are whole, by table and directory, and their files.
    done: Vec<(Table, String, PathBuf)>,
    /// All of them are.
    whole: bool,
}

/// The parts of the connections that began on one day, or of all.
struct Day {
    directory: String,
    parts: Vec<Part>,
}

/// What each row begins with.
#[derive(Serialize)]
struct Head<'a> {
    unit: &'a str,
    capture_host: Option<&'a str>,
}

/// Which connection a row is about.
#[derive(Serialize)]
struct OfConnection<'a> {
    connection: u64,
    community_id: &'a str,
    role: &'static str,
    outcome: &'static str,
    connection_time: Time,
}

/// Which finding of the connection it is.
#[derive(Serialize)]
struct Number {
    number: usize,
    is_verdict: bool,
}

/// The host that has no name, as Hive has it.
const NO_HOST: &str = "__HIVE_DEFAULT_PARTITION__";

impl Tables {
    /// Writes to the directory that the options say, in which nothing of this unit is yet, or will be replaced.
    #[must_use]
    pub fn new(options: TablesOptions) -> Tables {
        Tables { options, days: Vec::new(), done: Vec::new(), whole: false }
    }

    /// The directory of what began at this time, below that of a table.
    fn directory(&self, time: Option<Timestamp>) -> String {
        if !self.options.partitioned {
            return String::new();
        }
        let day = time.map(|time| time.to_string().get(..10).unwrap_or(NO_HOST).to_owned());
        let host = self.options.host.as_deref().map_or_else(|| NO_HOST.to_owned(), partition_value);
        format!("date={}/host={host}", day.as_deref().unwrap_or(NO_HOST))
    }

    fn part(&mut self, table: Table, directory: &str) -> io::Result<(&mut Part, &TablesOptions)> {
        let at = match self.days.iter().position(|day| day.directory == directory) {
            Some(at) => at,
            None => {
                if self.days.len() >= MAX_OPEN_DAYS {
                    let earliest = (0..).zip(&self.days).min_by(|(_, a), (_, b)| a.directory.cmp(&b.directory));
                    let day = self.days.swap_remove(earliest.map_or(0, |(at, _)| at));
                    self.close(day)?;
                }
                self.days.push(Day { directory: directory.to_owned(), parts: Vec::new() });
                self.days.len() - 1
            }
        };
        let Some(day) = self.days.get_mut(at) else { return Err(io::Error::other("no day is open")) };
        let known = day.parts.iter().position(|part| part.table() == table);
        let place = match known {
            Some(place) => place,
            None => {
                let before = self.done.iter().filter(|(t, d, _)| *t == table && *d == directory).count();
                let again = if before == 0 { String::new() } else { format!("{AGAIN}{before}") };
                let name = format!("{}{again}.parquet", part_name(&self.options.unit));
                day.parts.push(Part::begin(table, &self.options.dir.join(table.name()).join(directory), &name)?);
                day.parts.len() - 1
            }
        };
        day.parts.get_mut(place).map(|part| (part, &self.options)).ok_or_else(|| io::Error::other("no part is open"))
    }

    fn close(&mut self, day: Day) -> io::Result<()> {
        for part in day.parts {
            let (table, path) = (part.table(), part.path().to_owned());
            part.finish()?;
            self.done.push((table, day.directory.clone(), path));
        }
        Ok(())
    }
}

impl Renderer for Tables {
    fn connection(&mut self, c: &Connection, d: &Diagnosis) -> io::Result<()> {
        let directory = self.directory(Some(c.first.time));
        let mut whole = ConnectionRow::of(c, d);
        let (exchanges, findings) = (std::mem::take(&mut whole.http), std::mem::take(&mut whole.findings));
        let community_id = whole.community_id.clone();
        let of = OfConnection {
            connection: c.id,
            community_id: &community_id,
            role: c.role.as_str(),
            outcome: d.verdict.outcome.as_str(),
            connection_time: Shown(c.first.time),
        };
        let (part, options) = self.part(Table::Connections, &directory)?;
        part.row(&options.paths, |row| {
            row.part(&head(options))?;
            row.part(&whole)
        })?;
        for exchange in &exchanges {
            let (part, options) = self.part(Table::Exchanges, &directory)?;
            part.row(&options.paths, |row| {
                row.part(&head(options))?;
                row.part(&of)?;
                row.part(exchange)
            })?;
        }
        for (number, finding) in findings.iter().enumerate() {
            let (part, options) = self.part(Table::Findings, &directory)?;
            let is_verdict = number == 0 && d.verdict.cause.is_some();
            part.row(&options.paths, |row| {
                row.part(&head(options))?;
                row.part(&of)?;
                row.part(&Number { number, is_verdict })?;
                row.part(finding)
            })?;
        }
        Ok(())
    }

    fn finish(&mut self, captures: &[Capture], _summary: &Summary) -> io::Result<()> {
        let own = || (0..).zip(captures).filter(|(i, _)| !self.options.context.get(*i).is_some_and(|context| *context));
        let first = own().filter_map(|(_, c)| c.info.first_time).min();
        let rows: Vec<_> = own().map(|(_, c)| (self.directory(c.info.first_time), CaptureRow::of(c))).collect();
        for (directory, capture) in &rows {
            let (part, options) = self.part(Table::Captures, directory)?;
            part.row(&options.paths, |row| {
                row.part(&head(options))?;
                row.part(capture)
            })?;
        }
        std::mem::take(&mut self.days).into_iter().try_for_each(|day| self.close(day))?;
        // A table that has no row has a schema all the same: engines read it, and find that there is nothing.
        let directory = self.directory(first);
        for table in Table::ALL {
            if !self.done.iter().any(|(written, ..)| *written == table) {
                self.part(table, &directory)?;
            }
        }
        std::mem::take(&mut self.days).into_iter().try_for_each(|day| self.close(day))?;
        self.whole = true;
        Ok(())
    }
}

impl Drop for Tables {
    /// What was written of an analysis that came to no end is of no use: a part of its rows looks like all of them.
    fn drop(&mut self) {
        if !self.whole {
            self.done.iter().for_each(|(.., path)| drop(fs::remove_file(path)));
        }
    }
}

fn head(options: &TablesOptions) -> Head<'_> {
    Head { unit: &options.unit, capture_host: options.host.as_deref() }
}

/// A value in the name of a partition's directory: what a path, Hive or a shell takes for something else is written by its
/// number, as Hive does (`FileUtils.escapePathName`).
fn partition_value(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    let mut value = String::new();
    for c in text.chars() {
        if plain(c) && !(value.is_empty() && c == '.') {
            value.push(c);
        } else {
            let mut utf8 = [0; 4];
            c.encode_utf8(&mut utf8).bytes().for_each(|byte| value.push_str(&format!("%{byte:02X}")));
        }
    }
    if value.is_empty() { NO_HOST.to_owned() } else { value }
}

/// What stands between the name of a unit and the number of a part that was begun again; it is in no name of a unit.
pub(super) const AGAIN: char = '~';

/// What the names of a unit's files begin with, and nobody else's.
pub(super) fn part_name(unit: &str) -> String {
    format!("part-{}", partition_value(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_make_names_of_directories() {
        for (host, name) in [
            ("web-1.example", "web-1.example"),
            ("a/b", "a%2Fb"),
            ("..", "%2E."),
            ("a=b c", "a%3Db%20c"),
            ("h\u{f6}st", "h\u{f6}st"),
            ("", NO_HOST),
        ] {
            assert_eq!(partition_value(host), name);
        }
        assert_eq!(part_name("2026/07~a"), "part-2026%2F07%7Ea");
    }
}
