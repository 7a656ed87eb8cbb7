//! `analyze --format parquet`.

use std::fs;
use std::path::Path;

use why502::analysis::{self, Options};
use why502::base::escape;
use why502::report::tables::{Tables, TablesOptions};

use super::args::Analyze;
use super::progress::Progress;
use super::stop::Stop;
use super::{ERROR, needs, open_all, sandbox, say, status};

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
    Ok(if unreadable { ERROR } else { status(&summary) })
}

/// The directory, which is made where it is missing.
fn directory(path: &Path) -> Result<std::path::PathBuf, String> {
    let cannot = |e| format!("{}: cannot be a directory of tables: {e}", escape(&path.to_string_lossy()));
    fs::create_dir_all(path).map_err(cannot)?;
    fs::canonicalize(path).map_err(cannot)
}
