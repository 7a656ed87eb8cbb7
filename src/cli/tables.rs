//! `analyze --format parquet`, and `report`.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use why502::analysis::{self, Options};
use why502::base::escape;
use why502::report::TextOptions;
use why502::report::fleet::{self, Failure, Found, Page};
use why502::report::tables::{Tables, TablesOptions};

use super::args::{Analyze, PageFormat, Report};
use super::output::Output;
use super::progress::Progress;
use super::sandbox::Needs;
use super::stop::Stop;
use super::{ERROR, FAILED, colour, needs, open_all, sandbox, say, status};

/// A signal ended the reading of what tables were made of: who asked for all of it takes them for nothing.
const CUT_SHORT: u8 = 3;

/// Writes the tables of an analysis.
pub(super) fn analyze(typed: &Analyze, mut options: Options) -> Result<u8, String> {
    let Some(dir) = typed.output.as_deref() else {
        return Err("tables are files in a directory: say by -o which".to_owned());
    };
    if !typed.past.access_log.is_empty() {
        return Err("access logs are joined with tables by who reads them (docs/fleet.md), not while they are written"
            .to_owned());
    }
    let stop = Stop::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;
    let (sources, unreadable) = open_all(typed, &mut options, &stop);
    if sources.is_empty() {
        return Ok(ERROR);
    }
    let own = options.selection.own.map_or(sources.len(), usize::from);
    let mut renderer = Tables::new(TablesOptions {
        dir: directory(dir)?,
        unit: typed.tabled.unit.clone().unwrap_or_else(|| "0".to_owned()),
        host: typed.tabled.capture_host.clone(),
        partitioned: typed.tabled.partition_by.is_some(),
        paths: sources.iter().map(|(path, _)| path.clone()).collect(),
        context: (0..sources.len()).map(|i| i >= own).collect(),
    });
    let mut progress = Progress::new(&sources, true);
    sandbox::enter(typed.confined, &needs(typed).tables(dir));
    let done = analysis::run(sources, &options, &mut renderer, |capture, bytes| progress.report(capture, bytes));
    progress.clear();
    if stop.came() {
        say("a signal ended the reading: the tables are of what came before");
    }
    let summary = done.map_err(|failure| failure.to_string())?;
    Ok(match (stop.came(), unreadable) {
        (true, _) => CUT_SHORT,
        (_, true) => ERROR,
        _ => status(&summary),
    })
}

/// The directory, which is made where it is missing.
fn directory(path: &Path) -> Result<std::path::PathBuf, String> {
    let cannot = |e| format!("{}: cannot be a directory of tables: {e}", escape(&path.to_string_lossy()));
    fs::create_dir_all(path).map_err(cannot)?;
    fs::canonicalize(path).map_err(cannot)
}

/// Tells of tables.
pub(super) fn report(typed: &Report) -> Result<u8, String> {
    let suffix = typed.output.as_deref().and_then(Path::extension).map(|s| s.to_string_lossy().to_ascii_lowercase());
    let html = typed.format.map_or(matches!(suffix.as_deref(), Some("html" | "htm")), |f| f == PageFormat::Html);
    let found = Found::below(&typed.dirs).map_err(|e| e.to_string())?;
    let to_terminal = typed.output.is_none() && io::stdout().is_terminal();
    let text = TextOptions { colour: colour(typed.color, to_terminal), all: false };
    let stop = Stop::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;
    let mut out = Output::open(typed.output.as_deref(), true)?;
    let needs = Needs::of(0).reads(typed.dirs.iter().map(std::path::PathBuf::as_path)).output(typed.output.as_deref());
    sandbox::enter(typed.confined, &needs);
    stop.abandon(out.draft().map(Path::to_owned));
    match fleet::report(&found, if html { Page::Html } else { Page::Text(text) }, typed.all_peers, &mut out) {
        Ok(counts) => {
            out.finish()?;
            Ok(if counts.failed > 0 { FAILED } else { 0 })
        }
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(failure) => Err(failure.to_string()),
    }
}
