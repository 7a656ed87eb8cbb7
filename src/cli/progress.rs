//! How far the reading is, on a terminal, once it takes long.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use why502::base::escape;
use why502::source::Source;

/// Input that is read faster needs no word about it.
const AFTER: Duration = Duration::from_secs(1);
/// Between two words.
const EVERY: Duration = Duration::from_millis(200);
/// Columns shown of a name.
const NAME: usize = 40;

/// What is told of the reading.
pub(super) struct Progress {
    /// Name and length of each capture, the length where it is known.
    captures: Vec<(String, Option<u64>)>,
    began: Instant,
    told: Option<Instant>,
    enabled: bool,
}

impl Progress {
    /// Of these captures; silent unless standard error is a terminal and it is `allowed`.
    pub(super) fn new(sources: &[(String, Source)], allowed: bool) -> Progress {
        let enabled = allowed && io::stderr().is_terminal() && !sources.is_empty();
        let length = |path: &str, source: &Source| {
            let file = std::fs::metadata(Path::new(path)).ok().filter(|m| m.is_file() && path != "-");
            // Positions are those of the decompressed capture, of which the length is not known.
            file.filter(|_| source.info().compression.is_none()).map(|m| m.len())
        };
        let captures = if enabled { sources } else { &[] };
        let captures = captures.iter().map(|(path, source)| (short(path), length(path, source))).collect();
        Progress { captures, began: Instant::now(), told: None, enabled }
    }

    /// So many bytes of this capture were read.
    pub(super) fn report(&mut self, capture: usize, bytes: u64) {
        let now = Instant::now();
        let since = self.told.map_or(now - self.began, |told| now - told);
        if !self.enabled || since < if self.told.is_some() { EVERY } else { AFTER } {
            return;
        }
        let Some((name, length)) = self.captures.get(capture) else { return };
        let mib = bytes >> 20;
        let far = match length.filter(|&l| l > 0) {
            Some(length) => format!("{:3} % of {} MiB", bytes.saturating_mul(100) / length, length >> 20),
            None => format!("{mib} MiB"),
        };
        self.told = Some(now);
        // A terminal that is gone takes nothing away from the report.
        let _ = write!(io::stderr(), "\r\x1b[Kwhy502: reading {name}: {far}");
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.told.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// The end of a path, which is what tells captures apart.
fn short(path: &str) -> String {
    let path = escape(path);
    let skip = path.chars().count().saturating_sub(NAME);
    path.chars().skip(skip).collect()
}
