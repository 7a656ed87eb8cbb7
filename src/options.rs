//! What was typed, turned into what is meant.

pub(crate) mod access_log;
#[cfg(feature = "pcap")]
pub(crate) mod follow;
mod ip_ranges;
mod keylog;
mod probe_result;
mod selection;
mod trust;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use why502::analysis::Options;
use why502::base::escape;
use why502::observation::Prefixes;
#[cfg(feature = "pcap")]
use why502::observation::tls::Keys;
use why502_memory::take_huge_pages;

use crate::cli::{Analyze, Format, Look};

/// Suffixes of reports that other versions write: a text under such a name would mislead.
const NOT_WRITTEN: [&str; 4] = ["pcap", "parquet", "zip", "gz"];

/// Bytes of input from which on threads pay: one is over in some milliseconds.
const LARGE: u64 = 8 * 1024 * 1024;

/// The format: as asked for, else by the suffix of the output, else text.
pub(crate) fn format(wish: Option<Format>, output: Option<&Path>) -> Result<Format, String> {
    if let Some(format) = wish {
        return Ok(format);
    }
    let suffix = output.and_then(Path::extension).map(|s| s.to_string_lossy().to_ascii_lowercase());
    match suffix.as_deref() {
        Some("json") => Ok(Format::Json),
        Some("ndjson" | "jsonl") => Ok(Format::Ndjson),
        Some("html" | "htm") => Ok(Format::Html),
        Some("sarif") => Ok(Format::Sarif),
        Some("xml") => Ok(Format::Junit),
        Some("pcapng") => Ok(Format::Pcapng),
        Some(other) if NOT_WRITTEN.contains(&other) => Err(format!(
            "no report is written as .{other}: use .txt, .json, .ndjson, .html, .sarif, .xml or .pcapng, or say which by --format"
        )),
        _ => Ok(Format::Text),
    }
}

/// What the analysis goes by.
pub(crate) fn analysis(typed: &Analyze) -> Result<Options, String> {
    Ok(Options {
        prefixes: prefixes(typed.ip_ranges.as_deref())?,
        trust: trust::trust(&typed.judged)?,
        ports: typed.port.clone(),
        filter: typed.filter.clone(),
        keys: keylog::read(&typed.keylog)?,
        selection: selection::selection(typed)?,
        max_connections: typed.told.max_connections.get(),
        all_roles: typed.told.all_peers,
        threads: threads(typed.threads, &typed.files),
        learned: probe_result::read(&typed.probe_result)?,
        on_many: Some(take_huge_pages),
        ..Options::default()
    })
}

/// How many threads are worth their start: as many as are asked for, else more than one for large files. What comes
/// through a pipe is told as it comes.
fn threads(wish: Option<NonZeroUsize>, files: &[PathBuf]) -> usize {
    let length = |path: &PathBuf| std::fs::metadata(path).ok().filter(|about| about.is_file()).map(|about| about.len());
    let large = || files.iter().map(length).sum::<Option<u64>>().is_some_and(|bytes| bytes >= LARGE);
    match wish {
        Some(wish) => wish.get(),
        None if large() => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        None => 1,
    }
}

/// What an analysis goes by that serves a question about a capture.
pub(crate) fn look(typed: &Look) -> Result<Options, String> {
    Ok(Options {
        prefixes: prefixes(typed.ip_ranges.as_deref())?,
        trust: trust::trust(&typed.judged)?,
        ports: typed.port.clone(),
        filter: typed.filter.clone(),
        keys: keylog::read(&typed.keylog)?,
        on_many: Some(take_huge_pages),
        ..Options::default()
    })
}

/// What an analysis of interfaces goes by.
#[cfg(feature = "pcap")]
pub(crate) fn live(typed: &crate::cli::Live, keys: Keys) -> Result<Options, String> {
    if format(typed.format, typed.output.as_deref())? == Format::Pcapng {
        return Err(
            "live saves packets by --ring; of those `why502 analyze --format pcapng` makes a capture that can be \
                    passed on"
                .to_owned(),
        );
    }
    let look_at = &typed.look;
    Ok(Options {
        prefixes: prefixes(look_at.ip_ranges.as_deref())?,
        trust: trust::trust(&look_at.judged)?,
        ports: look_at.port.clone(),
        selection: selection::incident(&typed.incident)?,
        max_connections: typed.told.max_connections.get(),
        all_roles: typed.told.all_peers,
        without_secrets: false,
        keys,
        // The kernel runs it.
        filter: None,
        // What is told at once is judged at once.
        threads: 1,
        on_many: Some(take_huge_pages),
        ..Options::default()
    })
}

/// What certificates are judged by.
#[cfg(feature = "probe")]
pub(crate) fn trust(typed: &crate::cli::Judged) -> Result<why502::observation::Trust, String> {
    trust::trust(typed)
}

fn prefixes(path: Option<&Path>) -> Result<Prefixes, String> {
    match path {
        None => Ok(Prefixes::default()),
        Some(path) => ip_ranges::read(path).map_err(|why| format!("{}: {why}", escape(&path.to_string_lossy()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_says_the_format_unless_somebody_does() {
        for (wish, path, format) in [
            (None, None, Ok(Format::Text)),
            (None, Some("r.json"), Ok(Format::Json)),
            (None, Some("r.NDJSON"), Ok(Format::Ndjson)),
            (None, Some("r.log"), Ok(Format::Text)),
            (None, Some("json"), Ok(Format::Text)),
            (Some(Format::Text), Some("r.json"), Ok(Format::Text)),
            (None, Some("r.HTML"), Ok(Format::Html)),
            (None, Some("r.sarif"), Ok(Format::Sarif)),
            (None, Some("r.xml"), Ok(Format::Junit)),
            (None, Some("r.pcapng"), Ok(Format::Pcapng)),
            (None, Some("r.parquet"), Err(())),
            (Some(Format::Json), Some("r.parquet"), Ok(Format::Json)),
        ] {
            assert_eq!(super::format(wish, path.map(Path::new)).map_err(|_| ()), format, "{wish:?} {path:?}");
        }
    }
}
