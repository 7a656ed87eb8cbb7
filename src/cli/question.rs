//! The commands that answer one question about captures.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _};
use std::path::Path;

use why502::analysis::{self, MAX_CONNECTIONS, Options};
use why502::base::escape;
use why502::report::compare::{self, Comparison, Picture};
use why502::report::why;

use super::args::{Compare, ShortFormat, Why};
use super::sandbox::{self, Needs};
use super::{FAILED, colour, open_one, print};
use crate::options;

/// `why502 why`.
pub(super) fn why(typed: &Why) -> Result<u8, String> {
    sandbox::brace(typed.look.confined, MAX_CONNECTIONS);
    let options = options::look(&typed.look)?;
    let path = typed.file.to_string_lossy();
    let source = open_one(&typed.file, None)?;
    let filter = typed.look.filter.as_deref();
    sandbox::enter(typed.look.confined, &Needs::of(MAX_CONNECTIONS).filters(filter));
    let answer = analysis::why(&path, source, &options, typed.frame)
        .map_err(|failure| format!("{}: {failure}", escape(&path)))?;
    let mut page = Vec::new();
    let written = match typed.format {
        ShortFormat::Text => why::text(&mut page, &answer, colour(typed.look.color, io::stdout().is_terminal())),
        ShortFormat::Json => why::json(&mut page, &answer),
    };
    written.map_err(|e| e.to_string()).and_then(|()| print(&page)).map(|()| 0)
}

/// `why502 compare`.
pub(super) fn compare(typed: &Compare) -> Result<u8, String> {
    sandbox::brace(typed.look.confined, MAX_CONNECTIONS);
    let options = Options { all_roles: typed.all_peers, ..options::look(&typed.look)? };
    let files = [typed.before.as_path(), &typed.after];
    let needs = Needs::of(MAX_CONNECTIONS).filters(typed.look.filter.as_deref()).reads(files);
    sandbox::enter(typed.look.confined, &needs);
    let before = picture(&typed.before, &options)?;
    let comparison = Comparison::of(before, picture(&typed.after, &options)?);
    let mut page = Vec::new();
    let written = match typed.format {
        ShortFormat::Text => {
            compare::text(&mut page, &comparison, colour(typed.look.color, io::stdout().is_terminal()))
        }
        ShortFormat::Json => compare::json(&mut page, &comparison),
    };
    written.map_err(|e| e.to_string()).and_then(|()| print(&page))?;
    Ok(if comparison.got_worse() { FAILED } else { 0 })
}

/// Of a capture, or of a report, by content.
fn picture(file: &Path, options: &Options) -> Result<Picture, String> {
    let path = file.to_string_lossy();
    let named = |why: String| format!("{}: {why}", escape(&path));
    if let Some(report) = report(file) {
        return Picture::read(&path, report).map_err(named);
    }
    let source = open_one(file, None)?;
    analysis::picture(&path, source, options).map_err(|failure| named(failure.to_string()))
}

/// The file, if it begins as JSON does; no capture begins with a brace.
fn report(file: &Path) -> Option<BufReader<File>> {
    let is_file = file.metadata().is_ok_and(|m| m.is_file());
    let mut reader = BufReader::new(File::open(file).ok().filter(|_| is_file)?);
    let first = reader.fill_buf().ok()?.iter().find(|b| !b.is_ascii_whitespace()).copied();
    (first == Some(b'{')).then_some(reader)
}
