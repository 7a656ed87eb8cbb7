//! What leaves the host: `analyze --format pcapng`, and `why502 bundle`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use why502::analysis::Options;
use why502::base::escape;
use why502::correlate::Log;
use why502::share::{Case, Input, Shared, Wish};

use super::args::{Analyze, Bundle};
use super::output::{self, Output};
use super::stop::Stop;
use super::{ERROR, needs, sandbox, say, status};
use crate::options;

/// `why502 analyze --format pcapng`.
pub(super) fn capture(typed: &Analyze, options: &Options) -> Result<u8, String> {
    if typed.output.is_none() && io::stdout().is_terminal() {
        return Err("standard output is a terminal; say by -o where the packets go".to_owned());
    }
    if !typed.past.access_log.is_empty() {
        return Err("access logs add nothing to packets: `why502 bundle` takes them".to_owned());
    }
    let stop = Stop::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;
    let Some(inputs) = inputs(&typed.files, &stop) else { return Ok(ERROR) };
    let out = opened(typed, stop)?;
    let (shared, unreadable) = prepared(inputs, typed, Vec::new(), options)?;
    write(out, |out| shared.write(out))?;
    told(&shared, &shared.remarks(), unreadable)
}

/// `why502 bundle`.
pub(super) fn bundle(typed: Bundle) -> Result<u8, String> {
    let typed = Analyze::from(typed);
    sandbox::brace(typed.confined, typed.told.max_connections.get());
    let options = options::analysis(&typed)?;
    output::refuse_inputs(typed.output.as_deref(), &[typed.files.as_slice(), &typed.past.access_log].concat())?;
    let (logs, unreadable_log) = options::access_log::open(&typed)?;
    let stop = Stop::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;
    let Some(inputs) = inputs(&typed.files, &stop) else { return Ok(ERROR) };
    let out = opened(&typed, stop)?;
    let (shared, unreadable) = prepared(inputs, &typed, logs, &options)?;
    let case = Case::new(shared, &went_by(&typed)).map_err(|e| e.to_string())?;
    write(out, |out| case.write(out))?;
    told(case.shared(), &case.remarks(), unreadable || unreadable_log)
}

/// Opens what is written, and lets go of everything else but the captures, which are read more than once.
fn opened(typed: &Analyze, stop: Stop) -> Result<Output, String> {
    let output = typed.output.as_deref();
    if stop.came() {
        say("a signal ended the reading: what came before is written");
    }
    stop.heeded();
    let out = Output::open(output, false)?;
    let files = typed.files.iter().map(PathBuf::as_path);
    sandbox::enter(typed.confined, &needs(typed).reads(files).output(output));
    // It has a thread of its own, and what a thread may do is settled when it begins.
    stop.abandon(out.draft().map(Path::to_owned));
    Ok(out)
}

/// Reads the captures that can be read, and whether there is one that cannot.
fn prepared(
    (inputs, unreadable): (Vec<Input>, bool),
    typed: &Analyze,
    logs: Vec<Log>,
    options: &Options,
) -> Result<(Shared, bool), String> {
    let wish = Wish {
        all: typed.told.all,
        redact: typed.sanitised.redact.clone(),
        keep_addresses: typed.sanitised.keep_addresses,
    };
    let shared = Shared::prepare(&inputs, logs, options, &wish).map_err(|e| e.to_string())?;
    Ok((shared, unreadable))
}

/// Captures that can be read more than once, and whether there is one that cannot be read; nothing where none can.
fn inputs(files: &[PathBuf], stop: &Stop) -> Option<(Vec<Input>, bool)> {
    let mut inputs = Vec::with_capacity(files.len());
    let mut unreadable = false;
    for path in files {
        match input(path, stop) {
            Ok(input) => inputs.push(input),
            Err(why) => {
                say(&why);
                unreadable = true;
            }
        }
    }
    (!inputs.is_empty()).then_some((inputs, unreadable))
}

fn input(path: &Path, stop: &Stop) -> Result<Input, String> {
    let name = path.to_string_lossy();
    let cannot = |e: io::Error| format!("{}: cannot be kept to be read twice: {e}", escape(&name));
    let input = if path == Path::new("-") {
        if io::stdin().is_terminal() {
            return Err("-: standard input is a terminal; pipe a capture in".to_owned());
        }
        let pipe = io::stdin().as_fd().try_clone_to_owned().map_err(cannot)?;
        Input::spooled("-", stop.until_stopped(File::from(pipe))).map_err(cannot)?
    } else if path.metadata().is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        let pipe = File::open(path).map_err(|e| format!("{}: {e}", escape(&name)))?;
        Input::spooled(&name, stop.until_stopped(pipe)).map_err(cannot)?
    } else {
        Input::file(path)
    };
    input.check().map(|()| input)
}

fn write(mut out: Output, what: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    match what(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(format!("cannot write: {e}")),
        Ok(()) => out.finish(),
    }
}

fn told(shared: &Shared, remarks: &[String], unreadable: bool) -> Result<u8, String> {
    remarks.iter().for_each(|remark| say(remark));
    Ok(if unreadable { ERROR } else { shared.summary().map_or(0, status) })
}

/// What the analysis went by: names of options, and values that say nothing of anybody.
fn went_by(typed: &Analyze) -> Vec<String> {
    let count = |n: usize, what: &str| (n > 0).then(|| format!("{what}: {n}"));
    let named = |is: bool, what: &str| is.then(|| what.to_owned());
    [
        count(typed.files.len(), "captures"),
        count(typed.past.access_log.len(), "--access-log"),
        count(typed.keylog.len(), "--keylog"),
        count(typed.judged.trust.len(), "--trust"),
        count(typed.judged.origin_name.len(), "--origin-name"),
        count(typed.sanitised.redact.len(), "--redact"),
        count(typed.port.len(), "--port"),
        named(typed.filter.is_some(), "--filter"),
        named(typed.ip_ranges.is_some(), "--ip-ranges"),
        named(typed.told.all, "--all"),
        named(typed.told.all_peers, "--all-peers"),
        named(typed.sanitised.keep_addresses, "--keep-addresses"),
        typed.past.since.as_ref().map(|time| format!("--since {time}")),
        typed.past.until.as_ref().map(|time| format!("--until {time}")),
        typed.judged.at.as_ref().map(|time| format!("--at {time}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
