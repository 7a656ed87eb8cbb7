//! The report of one host or of many, from their tables alone.
//!
//! Invariant: connections are read once and counted; of all further rows only those are kept that a page has room for,
//! whatever the number of files.

mod fold;
mod read;
mod rows;
mod show;

use std::io::Write;
use std::path::Path;

use super::Counts;
use super::tables::{Table, Unit};
use super::text::TextOptions;
use fold::Fold;
pub use read::{Failure, Found};
use show::Shows;

/// What is to be made of tables.
#[derive(Debug, Clone, Copy)]
pub enum Page {
    /// Text, for a terminal.
    Text(TextOptions),
    /// One page of HTML.
    Html,
}

/// The rows of the table `units` below a directory; none where there is no such table.
///
/// # Errors
/// [`Failure`]: which file cannot be read, and why.
pub fn units(dir: &Path) -> Result<Vec<Unit>, Failure> {
    let mut all = Vec::new();
    if dir.join(Table::Units.name()).is_dir() {
        Found::of(dir, Table::Units)?.each(Table::Units, rows::UNIT, |_, row| all.push(rows::unit(&row)))?;
    }
    Ok(all)
}

/// Reads the tables of these directories and writes one report of them.
///
/// # Errors
/// [`Failure`]: which file cannot be read, and why; or what the output said.
pub fn report(found: &Found, page: Page, all_peers: bool, out: &mut dyn Write) -> Result<Counts, Failure> {
    let mut fold = Fold::of(found.names(), all_peers);
    found.each(Table::Units, rows::UNIT, |at, row| fold.unit(at, rows::unit(&row)))?;
    found.each(Table::Captures, rows::CAPTURE, |at, row| fold.capture(rows::capture(at, &row)))?;
    found.each(Table::Connections, rows::CONNECTION, |at, row| fold.connection(rows::Connection::of(at, &row)))?;
    let mut shows = Shows::of(fold);
    found.each(Table::Findings, rows::FINDING, |at, row| shows.finding(at, &row))?;
    found.each(Table::Exchanges, rows::EXCHANGE, |at, row| shows.exchange(at, &row))?;
    let counts = shows.write(page, out)?;
    Ok(counts)
}
