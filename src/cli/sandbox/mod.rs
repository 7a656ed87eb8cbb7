//! A process that can do no harm: what reads what strangers sent has let go of everything else first.
//!
//! Once inputs and outputs are open, in this order:
//! 1. no capability, and `no_new_privs`;
//! 2. a limit on memory, and none of it written out after a crash: key logs are in it;
//! 3. Landlock: no path but those that are still needed, no TCP, no signal to others, no abstract socket;
//! 4. seccomp: no system call but those that reading, computing and writing need.
//!
//! What a kernel lacks of it is said once, and the rest holds. `unsafe` is in none of it.

#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod syscalls;

use std::path::{Path, PathBuf};

use clap::Args;
#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
#[cfg(target_os = "linux")]
use rustix::thread::CapabilitySet;
#[cfg(target_os = "linux")]
use why502::analysis::MAX_CONNECTIONS;

#[cfg(target_os = "linux")]
use super::rights;
use super::say;

#[cfg(target_os = "linux")]
pub(super) use check::check;

/// There is nothing to try.
#[cfg(not(target_os = "linux"))]
pub(super) fn check() -> String {
    "there is a sandbox on Linux alone\n".to_owned()
}

/// What is asked of the sandbox.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Confined {
    /// Read what strangers sent with every right of this user; else the program lets go of them once its files are open
    #[arg(long)]
    pub(crate) no_sandbox: bool,

    /// Try to get out, and say what came of it.
    #[arg(long, hide = true)]
    pub(crate) sandbox_check: bool,
}

#[cfg(target_os = "linux")]
/// Address space for everything that has a bound of its own (`docs/limits.md`): far more than was ever seen, far less than
/// brings a host down.
const MEMORY: u64 = 4 << 30;

#[cfg(target_os = "linux")]
/// More of it for each connection beyond the usual.
const MEMORY_CONNECTION: u64 = 32 << 10;

/// What is still needed.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Files that are opened later, and directories of such.
    reads: Vec<PathBuf>,
    /// The directory in which the report gets its name.
    names: Vec<PathBuf>,
    /// Directories in which files are made, written and removed.
    writes: Vec<PathBuf>,
    /// Directories below which files and directories are.
    trees: Vec<PathBuf>,
    /// Interfaces are watched.
    live: bool,
    /// Counters are served.
    serves: bool,
    connections: usize,
}

impl Needs {
    /// What an analysis of up to so many connections at once needs.
    pub(super) fn of(connections: usize) -> Needs {
        Needs { connections, ..Needs::default() }
    }

    /// These files are opened later, too.
    pub(super) fn reads<'p>(mut self, paths: impl IntoIterator<Item = &'p Path>) -> Needs {
        self.reads.extend(paths.into_iter().map(Path::to_owned));
        self
    }

    /// A filter is compiled later: libpcap looks up the names of ports, protocols and networks.
    pub(super) fn filters(self, filter: Option<&str>) -> Needs {
        const TABLES: [&str; 6] =
            ["/etc/services", "/etc/protocols", "/etc/networks", "/etc/ethers", "/etc/hosts", "/etc/nsswitch.conf"];
        if filter.is_some() { self.reads(TABLES.map(Path::new)) } else { self }
    }

    /// What is written gets its name in the end.
    pub(super) fn output(mut self, path: Option<&Path>) -> Needs {
        self.names.extend(path.map(directory));
        self
    }

    /// Interfaces are watched, their counters served or not; files of packets are kept in a directory, and key logs followed.
    #[cfg(feature = "pcap")]
    pub(super) fn live(mut self, interfaces: &[String], serves: bool, ring: Option<&Path>, logs: &[PathBuf]) -> Needs {
        (self.live, self.serves) = (true, serves);
        self.writes.extend(ring.map(Path::to_owned));
        // One that is replaced has the same name.
        self.reads.extend(logs.iter().map(|log| directory(log)));
        // libpcap reads there what an interface dropped.
        let device = |name: &String| std::fs::canonicalize(Path::new("/sys/class/net").join(name)).ok();
        self.reads.extend(interfaces.iter().filter_map(device));
        self
    }

    /// Tables are written below this directory.
    #[cfg(feature = "parquet")]
    pub(super) fn tables(mut self, directory: &Path) -> Needs {
        self.trees.push(directory.to_owned());
        self
    }

    fn opens(&self) -> bool {
        !self.reads.is_empty() || self.creates()
    }

    /// Files are made.
    fn creates(&self) -> bool {
        !self.writes.is_empty() || !self.trees.is_empty()
    }
}

/// Where a file lies.
fn directory(path: &Path) -> PathBuf {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Says that nothing is let go of, unless that is what was asked for.
#[cfg(not(target_os = "linux"))]
pub(super) fn enter(typed: Confined, _needs: &Needs) {
    if !typed.no_sandbox {
        say("sandbox: there is one on Linux alone");
    }
}

/// There is nothing to let go of.
#[cfg(not(target_os = "linux"))]
pub(super) fn brace(_typed: Confined, _connections: usize) {}

/// Lets go of what no opening of a file needs, before one is opened: from the first byte that is read memory has its limit,
/// and root no right but to files. What a kernel lacks is said by [`enter`].
#[cfg(target_os = "linux")]
pub(super) fn brace(typed: Confined, connections: usize) {
    if !typed.no_sandbox {
        let _ = memory(connections);
        let _ = rights::let_go(CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE);
    }
}

/// Lets go of everything but what is needed, unless it is not to. No other thread has begun.
#[cfg(target_os = "linux")]
pub(super) fn enter(typed: Confined, needs: &Needs) {
    if typed.no_sandbox {
        return;
    }
    let steps = [alone(), limit(needs), paths::restrict(needs), syscalls::restrict(needs)];
    let missing: Vec<String> = steps.into_iter().filter_map(Result::err).collect();
    if !missing.is_empty() {
        say(&format!("sandbox: {}; everything else of it holds", missing.join("; ")));
    }
}

/// Rights and paths are those of a thread: one that is there already keeps its own.
#[cfg(target_os = "linux")]
fn alone() -> Result<(), String> {
    match std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count) {
        0 | 1 => Ok(()),
        threads => Err(format!("{} of its threads had begun before and keep their rights", threads - 1)),
    }
}

/// Rights and memory.
#[cfg(target_os = "linux")]
fn limit(needs: &Needs) -> Result<(), String> {
    memory(needs.connections)?;
    rights::let_go(paths::kept_rights(needs, geteuid().as_raw()))
}

/// Memory for an analysis of up to so many connections at once, none of which is written out after a crash.
#[cfg(target_os = "linux")]
fn memory(connections: usize) -> Result<(), String> {
    let more = connections.saturating_sub(MAX_CONNECTIONS) as u64;
    let memory = MEMORY.saturating_add(more.saturating_mul(MEMORY_CONNECTION));
    for (what, most) in [(Resource::As, memory), (Resource::Core, 0)] {
        let known = getrlimit(what);
        let most = Some(known.maximum.map_or(most, |maximum| maximum.min(most)));
        setrlimit(what, Rlimit { current: most, maximum: most }).map_err(|e| format!("no limit could be set ({e})"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_needs_the_directory_in_which_it_gets_its_name() {
        assert_eq!(directory(Path::new("report.json")), Path::new("."));
        assert_eq!(directory(Path::new("/nowhere/report.json")), Path::new("/nowhere"));
        let needs = Needs::of(1).output(Some(Path::new("a.json")));
        assert!(!needs.opens(), "it is open");
        assert!(Needs::of(1).filters(Some("tcp")).opens() && !Needs::of(1).filters(None).opens());
    }
}
