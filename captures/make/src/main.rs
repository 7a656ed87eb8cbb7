//! Makes the captures beside this directory again, one command each.
//!
//! A run lays out two network namespaces joined by a virtual cable, an origin and an edge. `tcpdump` listens on the
//! origin's end, a real server with a real fault runs there, and the edge speaks TLS and HTTP to it as CloudFront does.
//! When the connection is over in the capture, the file alone is edited: addresses become those of a real origin.
//! Nothing is ever sent outside the two namespaces: neither has a route to anywhere else.
//!
//! ```text
//! make-captures --list                                   every scenario
//! make-captures tls/no-common-cipher/nginx-tls12         one
//! make-captures tls/                                     all whose path begins so
//! make-captures all                                      all
//! ```
//! Options: `--jobs N` (scenarios side by side, 4), `--out DIR` (default: the directory above this project).

mod certs;
mod checksum;
mod edge;
mod lab;
mod ocsp;
mod origin_md;
mod pcap;
mod rewrite;
mod scenario;
mod scenarios;
mod servers;

use anyhow::{Context as _, Result, bail, ensure};
use scenario::Scenario;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was typed.
struct Arguments {
    wanted: Vec<String>,
    list: bool,
    jobs: usize,
    out: PathBuf,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("make-captures: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs what was asked for; true when every scenario came out.
fn run() -> Result<bool> {
    let arguments = parse(std::env::args().skip(1))?;
    if arguments.list {
        for scenario in scenarios::all() {
            println!("{:<58} {}", scenario.path, scenario.title);
        }
        return Ok(true);
    }
    let chosen = choose(&arguments.wanted)?;
    lab::sweep();
    let failed = make_all(&chosen, &arguments);
    for path in &failed {
        eprintln!("failed: {path}");
    }
    Ok(failed.is_empty())
}

fn parse(mut typed: impl Iterator<Item = String>) -> Result<Arguments> {
    let mut arguments = Arguments {
        wanted: Vec::new(),
        list: false,
        jobs: 4,
        out: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
    };
    while let Some(argument) = typed.next() {
        match argument.as_str() {
            "--list" => arguments.list = true,
            "--jobs" => {
                arguments.jobs = typed.next().context("--jobs wants a number")?.parse().context("--jobs")?;
                ensure!(arguments.jobs > 0, "--jobs wants a number above 0");
            }
            "--out" => arguments.out = typed.next().context("--out wants a directory")?.into(),
            option if option.starts_with('-') => bail!("unknown option {option}; there are --list, --jobs and --out"),
            _ => arguments.wanted.push(argument),
        }
    }
    ensure!(arguments.list || !arguments.wanted.is_empty(), "name a scenario, or `all`; --list shows them");
    Ok(arguments)
}

/// The scenarios that the arguments name: `all`, a whole path, or the beginning of one that ends in `/`.
fn choose(wanted: &[String]) -> Result<Vec<&'static Scenario>> {
    let mut chosen: Vec<&'static Scenario> = Vec::new();
    for name in wanted {
        let before = chosen.len();
        let fits = |s: &&Scenario| name == "all" || s.path == name || name.ends_with('/') && s.path.starts_with(name);
        chosen.extend(scenarios::all().filter(fits));
        ensure!(chosen.len() > before, "no scenario {name}; --list shows them");
    }
    Ok(chosen)
}

/// Makes the captures side by side (most of their time is waiting) and returns the paths of those that failed.
fn make_all(chosen: &[&'static Scenario], arguments: &Arguments) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.min(chosen.len()) {
            scope.spawn(|| {
                while let Some(scenario) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match scenario.make(&arguments.out) {
                        Ok(packets) => println!("{:<58} {packets} packets", scenario.path),
                        Err(error) => {
                            eprintln!("{}: {error:#}", scenario.path);
                            if let Ok(mut failed) = failed.lock() {
                                failed.push(scenario.path);
                            }
                        }
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_default()
}
