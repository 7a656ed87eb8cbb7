//! `--access-log`, `--access-log-fields`.

use std::fs::File;
use std::path::Path;

use why502::base::escape;
use why502::correlate::{Columns, Log};

use crate::cli::Analyze;

/// The logs that can be read, and whether there is one that cannot; each such is told.
pub(crate) fn open(typed: &Analyze) -> Result<(Vec<Log>, bool), String> {
    let fields = typed.past.access_log_fields.as_deref().map(Columns::read).transpose();
    let fields = fields.map_err(|why| format!("--access-log-fields: {why}"))?;
    let mut logs = Vec::with_capacity(typed.past.access_log.len());
    let mut unreadable = false;
    for path in &typed.past.access_log {
        match one(path, fields.as_ref()) {
            Ok(log) => logs.push(log),
            Err(why) => {
                crate::cli::say(&format!("{}: {why}", escape(&path.to_string_lossy())));
                unreadable = true;
            }
        }
    }
    Ok((logs, unreadable))
}

fn one(path: &Path, fields: Option<&Columns>) -> Result<Log, String> {
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    Log::open(Box::new(file), &path.to_string_lossy(), fields)
}
