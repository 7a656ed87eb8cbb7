//! `--trust`, `--origin-name`, `--at`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use why502::analysis::Moment;
use why502::base::{Timestamp, escape};
use why502::observation::Trust;

use crate::cli::Judged;

/// The most bytes of such a file: the whole Mozilla store has 220 KiB.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What certificates are judged by.
pub(super) fn trust(typed: &Judged) -> Result<Trust, String> {
    let mut trust = Trust::default();
    trust.names.clone_from(&typed.origin_name);
    trust.at = typed.at.as_deref().map(time).transpose()?;
    for path in &typed.trust {
        add(&mut trust, path).map_err(|why| format!("{}: {why}", escape(&path.to_string_lossy())))?;
    }
    Ok(trust)
}

fn add(trust: &mut Trust, path: &Path) -> Result<(), String> {
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    file.take(MAX_FILE).read_to_end(&mut pem).map_err(|e| format!("cannot be read: {e}"))?;
    trust.add_pem(&pem).map_err(|why| why.to_string())
}

fn time(text: &str) -> Result<Timestamp, String> {
    match Moment::parse(text) {
        Some(Moment::At(time)) => Ok(time),
        _ => Err(format!("--at {} is no time: write 2026-01-02T15:04:05Z", escape(text))),
    }
}
