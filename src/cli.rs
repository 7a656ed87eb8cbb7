//! What was typed, and what comes of it: the only place with standard output, the environment and an exit status.

mod args;
#[cfg(feature = "parquet")]
mod fleet;
#[cfg(feature = "pcap")]
mod live;
#[cfg(feature = "pcap")]
mod metrics;
mod output;
#[cfg(feature = "probe")]
mod probe;
mod progress;
mod question;
mod reference;
#[cfg(target_os = "linux")]
mod rights;
mod sandbox;
mod share;
mod stop;
#[cfg(feature = "parquet")]
mod tables;
mod units;
#[cfg(feature = "pcap")]
mod watcher;

#[cfg(feature = "pcap")]
pub(crate) use args::Live;
pub(crate) use args::{Analyze, Format, Incident, Judged, Look, Tabled};

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use args::{Cli, Color, Command, Explain};
use clap::Parser as _;
use output::Output;
use progress::Progress;
use sandbox::Needs;
use stop::Stop;
use why502::analysis::{self, Failure, Options};
use why502::base::CaptureIndex;
use why502::causes::{CATALOGUE, by_id};
use why502::report::{Html, Json, Junit, NdJson, Renderer, Sarif, Summary, Text, TextOptions, explain};
use why502::source::Source;

use crate::options;

/// Captures that are open at once: each has a buffer of 256 KiB.
const AT_ONCE: usize = 16;
/// At least one connection failed.
const FAILED: u8 = 1;
/// Wrong usage, unreadable input, or an error of the program.
const ERROR: u8 = 2;

/// Does what was typed.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        #[cfg(feature = "probe")]
        Some(Command::Probe(typed)) => probe::probe(&typed),
        #[cfg(not(feature = "probe"))]
        Some(Command::Probe(_)) => {
            Err("probe needs the TLS library of CloudFront's edge, which this build does without".to_owned())
        }
        Some(Command::Explain(explain)) => explained(&explain),
        Some(Command::Why(why)) => question::why(&why),
        Some(Command::Compare(compare)) => question::compare(&compare),
        Some(Command::Analyze(analyze)) => analyzed(&analyze),
        #[cfg(feature = "parquet")]
        Some(Command::Report(report)) => tables::report(&report),
        #[cfg(feature = "parquet")]
        Some(Command::Fleet(fleet)) => fleet::fleet(&fleet),
        #[cfg(not(feature = "parquet"))]
        Some(Command::Report(_) | Command::Fleet(_)) => {
            Err("tables need a library that this build does without".to_owned())
        }
        Some(Command::Completions(typed)) => reference::completions(&typed),
        Some(Command::Man(typed)) => reference::man(&typed),
        Some(Command::Bundle(bundle)) => share::bundle(*bundle),
        #[cfg(feature = "pcap")]
        Some(Command::Live(live)) => live::live(&live),
        #[cfg(not(feature = "pcap"))]
        Some(Command::Live(_)) => Err("live needs libpcap, which this build does without".to_owned()),
        None => analyzed(&cli.analyze),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(message) => {
            say(&message);
            ExitCode::from(ERROR)
        }
    }
}

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "the one place where the program speaks beside its report")]
pub(crate) fn say(message: &str) {
    eprintln!("why502: {message}");
}

fn analyzed(typed: &Analyze) -> Result<u8, String> {
    if typed.confined.sandbox_check {
        return print(sandbox::check().as_bytes()).map(|()| 0);
    }
    sandbox::brace(typed.confined, typed.told.max_connections.get());
    let format = options::format(typed.format, typed.output.as_deref())?;
    let mut options = options::analysis(typed)?;
    output::refuse_inputs(typed.output.as_deref(), &[typed.files.as_slice(), &typed.past.access_log].concat())?;
    let (logs, unreadable_log) = options::access_log::open(typed)?;
    match format {
        Format::Pcapng => return share::capture(typed, &options),
        #[cfg(feature = "parquet")]
        Format::Parquet => return tables::analyze(typed, options),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err("--format parquet needs a library that this build does without".to_owned()),
        _ => {}
    }
    let stop = Stop::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;
    let (sources, unreadable) = open_all(typed, &mut options, &stop);
    let unreadable = unreadable || unreadable_log;
    if sources.is_empty() {
        return Ok(ERROR);
    }
    let streams = matches!(format, Format::Json | Format::Ndjson);
    let to_terminal = typed.output.is_none() && io::stdout().is_terminal();
    // A capture that is still being written is watched line by line.
    let live = to_terminal || typed.files.iter().any(|path| path == Path::new("-"));
    let mut out = Output::open(typed.output.as_deref(), !streams)?;
    let text = TextOptions { colour: colour(typed.color, to_terminal), all: typed.told.all };
    let mut renderer = renderer(format, &mut out, text, live);
    let mut progress = Progress::new(&sources, !(streams && to_terminal));
    sandbox::enter(typed.confined, &needs(typed).output(typed.output.as_deref()));
    let done = analysis::run_with_logs(sources, logs, &options, renderer.as_mut(), |capture, bytes| {
        progress.report(capture, bytes);
    });
    drop(renderer);
    progress.clear();
    if stop.came() {
        say("a signal ended the reading: the report is of what came before");
    }
    match done {
        Ok(summary) => {
            out.finish()?;
            Ok(if unreadable { ERROR } else { status(&summary) })
        }
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(if unreadable { ERROR } else { 0 }),
        Err(failure) => Err(failure.to_string()),
    }
}

/// What is opened once the analysis has begun.
fn needs(typed: &Analyze) -> Needs {
    let needs = Needs::of(typed.told.max_connections.get()).filters(typed.filter.as_deref());
    // What rests is opened again.
    let all = || typed.files.iter().chain(&typed.tabled.context);
    if all().count() > AT_ONCE { needs.reads(all().map(PathBuf::as_path)) } else { needs }
}

/// Writes reports of this format; lines of a `live` one are sent off at once.
fn renderer(format: Format, out: &mut Output, text: TextOptions, live: bool) -> Box<dyn Renderer + '_> {
    match format {
        // Packets are written by `share`, and tables by `tables`.
        Format::Text | Format::Pcapng | Format::Parquet => Box::new(Text::new(out, text)),
        Format::Json => Box::new(Json::new(out)),
        Format::Ndjson => Box::new(NdJson::new(out, live)),
        Format::Html => Box::new(Html::new(out)),
        Format::Sarif => Box::new(Sarif::new(out)),
        Format::Junit => Box::new(Junit::new(out)),
    }
}

fn status(summary: &Summary) -> u8 {
    if summary.counts.failed > 0 { FAILED } else { 0 }
}

/// The captures that are told of and those beside them, under their names; and whether there is one that cannot be read.
fn open_all(typed: &Analyze, options: &mut Options, stop: &Stop) -> (Vec<(String, Source)>, bool) {
    let Tabled { context, capture_name: names, .. } = &typed.tabled;
    let many = typed.files.len() + context.len() > AT_ONCE;
    let names = names.iter().cloned().map(Some).chain(std::iter::repeat(None));
    let (mut sources, unreadable) = open(typed.files.iter().zip(names), many, stop);
    // Where none is to be told of, there is nothing to read.
    if sources.is_empty() || context.is_empty() {
        return (sources, unreadable);
    }
    options.selection.own = CaptureIndex::try_from(sources.len()).ok();
    let (beside, missing) = open(context.iter().zip(std::iter::repeat(None)), many, stop);
    sources.extend(beside);
    (sources, unreadable || missing)
}

/// The captures that can be read, and whether there is one that cannot; each such is told. Of `many` those that are files
/// rest until they are read.
fn open<'p>(
    files: impl Iterator<Item = (&'p PathBuf, Option<String>)>,
    many: bool,
    stop: &Stop,
) -> (Vec<(String, Source)>, bool) {
    let mut sources = Vec::new();
    let mut unreadable = false;
    for (path, name) in files {
        match open_one(path, Some(stop)) {
            Ok(mut source) => {
                if many {
                    source.rest();
                }
                sources.push((name.unwrap_or_else(|| path.to_string_lossy().into_owned()), source));
            }
            Err(why) => {
                say(&why);
                unreadable = true;
            }
        }
    }
    (sources, unreadable)
}

/// Opens a capture, which ends early where it is to `stop`.
fn open_one(path: &Path, stop: Option<&Stop>) -> Result<Source, String> {
    let opened = match stop {
        _ if path == Path::new("-") => return standard_input(stop),
        None => Source::open(path),
        Some(stop) => stop.capture(path),
    };
    opened.map_err(|e| e.to_string())
}

fn standard_input(stop: Option<&Stop>) -> Result<Source, String> {
    if io::stdin().is_terminal() {
        return Err(
            "-: standard input is a terminal; pipe a capture in, as `tcpdump -w - | why502 analyze -` does".into()
        );
    }
    let read = match stop {
        Some(stop) => stop.standard_input().map_err(|e| format!("-: {e}"))?,
        None => Box::new(io::stdin()),
    };
    Source::from_reader(read, "-").map_err(|e| e.to_string())
}

fn explained(typed: &Explain) -> Result<u8, String> {
    let mut page = Vec::new();
    let colour = colour(typed.color, io::stdout().is_terminal());
    let catalogue = || CATALOGUE.iter().copied();
    let written = match typed.cause.as_deref() {
        None => explain::list(&mut page, catalogue(), colour),
        Some(id) => match by_id(id) {
            Some(cause) => explain::page(&mut page, cause, colour),
            None if catalogue().any(|c| c.stage().as_str() == id) => {
                explain::list(&mut page, catalogue().filter(|c| c.stage().as_str() == id), colour)
            }
            None => {
                let near = explain::nearest(id, catalogue()).join(", ");
                let near = if near.is_empty() { near } else { format!("; did you mean {near}?") };
                let id = why502::base::escape(id);
                return Err(format!("no cause is called {id}{near} (`why502 explain` lists all)"));
            }
        },
    };
    written.map_err(|e| e.to_string()).and_then(|()| print(&page)).map(|()| 0)
}

/// Writes to standard output; a reader that goes away early is no error.
fn print(page: &[u8]) -> Result<(), String> {
    match io::stdout().lock().write_all(page) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write to standard output: {e}")),
        _ => Ok(()),
    }
}

/// Whether to colour what goes to a terminal, or not to one.
fn colour(wish: Color, to_terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match wish {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => to_terminal && !dumb && !set("NO_COLOR"),
    }
}
