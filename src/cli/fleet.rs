//! `why502 fleet`: many captures of many hosts, on one machine.
//!
//! Each unit is read by a process of its own, in its sandbox, and what becomes of it is a row: a damaged capture, or too
//! little memory, ends one unit and none of the others.

mod plan;

use std::cell::LazyCell;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, IsTerminal as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use why502::base::escape;
use why502::report::TextOptions;
use why502::report::fleet::units;
use why502::report::fleet::{Found, Page, report};
use why502::report::tables::{Table, Unit as Row};

use super::args::Fleet;
use super::{ERROR, FAILED, colour, print, say};
use plan::Unit;

/// Bytes of what a process says that are kept.
const MAX_WORDS: usize = 2_000;

/// What became of a unit.
enum Became {
    Done,
    /// It has rows, but not of everything, and why.
    Partial(String),
    Failed(String),
}

/// Reads what is new, and tells of everything.
pub(super) fn fleet(typed: &Fleet) -> Result<u8, String> {
    let program = std::env::current_exe().map_err(|e| format!("cannot find itself: {e}"))?;
    let all = plan::plan(typed, &salt(typed))?;
    if all.is_empty() {
        return Err(format!("{}: has no captures", escape(&typed.dir.to_string_lossy())));
    }
    fs::create_dir_all(&typed.output).map_err(|e| format!("{}: {e}", escape(&typed.output.to_string_lossy())))?;
    let done = settled(typed, &all)?;
    let (known, fresh): (Vec<Unit>, Vec<Unit>) = all.into_iter().partition(|unit| done.contains(&unit.id));
    if !known.is_empty() {
        say(&format!("{} of {} units were read before", known.len(), known.len() + fresh.len()));
    }
    let planned: BTreeSet<String> = known.iter().chain(&fresh).map(|unit| unit.id.clone()).collect();
    read_all(&program, typed, fresh)?;
    let lacking = |row: &Row| planned.contains(&row.unit) && row.status != "done";
    let troubles = units(&typed.output).map_err(|e| e.to_string())?.iter().any(lacking);
    let found = Found::below(std::slice::from_ref(&typed.output)).map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    let options = TextOptions { colour: colour(typed.look.color, io::stdout().is_terminal()), all: false };
    let counts = report(&found, Page::Text(options), typed.all_peers, &mut text).map_err(|e| e.to_string())?;
    print(&text)?;
    Ok(if troubles {
        ERROR
    } else if counts.failed > 0 {
        FAILED
    } else {
        0
    })
}

/// Reads units side by side.
fn read_all(program: &Path, typed: &Fleet, units: Vec<Unit>) -> Result<(), String> {
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = typed.jobs.map_or_else(cores, NonZeroUsize::get).min(units.len());
    let queue = Mutex::new(VecDeque::from(units));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        let work = || {
            while let Some(unit) = next() {
                read(program, typed, &unit)?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread ended".to_owned())))
    })
}

/// Reads one unit, and notes what became of it.
fn read(program: &Path, typed: &Fleet, unit: &Unit) -> Result<(), String> {
    let began = Instant::now();
    let found = LazyCell::new(|| found(&typed.output));
    let became = analyzed(program, typed, unit, || has_rows(&found, &unit.id));
    let (status, message) = match &became {
        Became::Done => ("done", None),
        Became::Partial(why) => ("partial", Some(why.as_str())),
        Became::Failed(why) => ("failed", Some(why.as_str())),
    };
    if matches!(became, Became::Failed(_)) {
        remove(&found, &unit.id);
    }
    if let Some(why) = message {
        say(&format!("unit {} of {}: {status}: {}", unit.id, escape(&unit.host), escape(why)));
    }
    let names = |captures: &[plan::Capture]| captures.iter().map(|c| c.path.to_string_lossy().into_owned()).collect();
    let row = Row {
        unit: unit.id.clone(),
        capture_host: Some(unit.host.clone()).filter(|host| !host.is_empty()),
        status: status.to_owned(),
        message: message.map(str::to_owned),
        files: names(&unit.own),
        context: names(&unit.context),
        bytes: unit.bytes(),
        seconds: began.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    row.write(&typed.output).map_err(|e| format!("{}: {e}", escape(&typed.output.to_string_lossy())))
}

/// Has another process write the tables of a unit, and asks, where it could not read all, whether there are rows of it.
fn analyzed(program: &Path, typed: &Fleet, unit: &Unit, has_rows: impl FnOnce() -> bool) -> Became {
    let mut command = Command::new(program);
    command.args([
        "analyze",
        "--format",
        "parquet",
        "--threads",
        "1",
        "--partition-by",
        "date,host",
        "--unit",
        &unit.id,
    ]);
    command.arg("--output").arg(&typed.output);
    if !unit.host.is_empty() {
        command.arg(format!("--capture-host={}", unit.host));
    }
    for capture in &unit.context {
        command.arg("--context").arg(&capture.path);
    }
    command.args(looks(typed));
    if typed.look.confined.no_sandbox {
        command.arg("--no-sandbox");
    }
    command.arg("--").args(unit.own.iter().map(|capture| &capture.path));
    let ended = match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output() {
        Ok(ended) => ended,
        Err(e) => return Became::Failed(format!("cannot be begun: {e}")),
    };
    let said = String::from_utf8_lossy(&ended.stderr);
    let said: String = said.trim().replace("why502: ", "").chars().take(MAX_WORDS).collect();
    match ended.status.code() {
        Some(0 | 1) => Became::Done,
        Some(2) if has_rows() => Became::Partial(said),
        Some(_) if !said.is_empty() => Became::Failed(said),
        _ => Became::Failed(format!("ended with {} {said}", ended.status).trim().to_owned()),
    }
}

/// What every unit is looked at by, as words for the command line.
fn looks(typed: &Fleet) -> Vec<OsString> {
    let look = &typed.look;
    let mut words = Vec::new();
    let mut option = |name: &str, value: &dyn AsRef<OsStr>| {
        words.extend([OsString::from(name), value.as_ref().to_owned()]);
    };
    look.port.iter().for_each(|port| option("--port", &port.to_string()));
    look.filter.iter().for_each(|filter| option("--filter", filter));
    look.keylog.iter().for_each(|path| option("--keylog", path));
    look.ip_ranges.iter().for_each(|path| option("--ip-ranges", path));
    look.judged.trust.iter().for_each(|path| option("--trust", path));
    look.judged.origin_name.iter().for_each(|name| option("--origin-name", name));
    look.judged.at.iter().for_each(|time| option("--at", time));
    if typed.all_peers {
        words.push("--all-peers".into());
    }
    words
}

/// What the rows of a unit depend on beside its captures: how it is looked at, and the files that this names.
fn salt(typed: &Fleet) -> String {
    let look = &typed.look;
    let files = look.keylog.iter().chain(&look.ip_ranges).chain(&look.judged.trust);
    let about = files.map(|path| fs::metadata(path).map(|about| (about.len(), about.modified().ok())).ok());
    format!("{:?} {:?}", looks(typed), about.collect::<Vec<_>>())
}

/// The units that were read before and need not be read again. What was made of captures that have changed since, or that
/// are divided in another way now, is removed; and the record of what could not be read and is not there any more.
fn settled(typed: &Fleet, planned: &[Unit]) -> Result<BTreeSet<String>, String> {
    let known = units(&typed.output).map_err(|e| e.to_string())?;
    let current: BTreeSet<&str> = planned.iter().map(|unit| unit.id.as_str()).collect();
    let files: BTreeSet<String> =
        planned.iter().flat_map(|unit| &unit.own).map(|c| c.path.to_string_lossy().into_owned()).collect();
    let (mut done, mut over) = (BTreeSet::new(), Vec::new());
    for row in known {
        let replaced = || row.files.iter().any(|file| files.contains(file));
        let gone = || !row.is_finished() && !row.files.iter().any(|file| Path::new(file).exists());
        if current.contains(row.unit.as_str()) {
            if row.is_finished() {
                done.insert(row.unit);
            }
        } else if replaced() || gone() {
            over.push(row.unit);
        }
    }
    if !over.is_empty() {
        let found = found(&typed.output);
        over.iter().for_each(|unit| remove(&found, unit));
    }
    Ok(done)
}

/// What is in the directory of tables: where there is nothing to be found, nothing.
fn found(output: &Path) -> Found {
    Found::below(&[output.to_owned()]).unwrap_or_default()
}

/// Removes all rows of a unit, and the record of it.
fn remove(found: &Found, unit: &str) {
    for (_, path) in found.of_unit(unit) {
        if let Err(e) = fs::remove_file(path) {
            say(&format!("{}: cannot be removed: {e}", escape(&path.to_string_lossy())));
        }
    }
}

/// Whether there are rows of a unit.
fn has_rows(found: &Found, unit: &str) -> bool {
    found.of_unit(unit).any(|(table, _)| table == Table::Connections)
}
