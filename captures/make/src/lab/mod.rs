//! The laboratory of one scenario: two namespaces, a cable, `tcpdump`, servers, and a directory for their files.
//!
//! Everything ends with the [`Lab`]: servers are killed, namespaces deleted, files removed, also when a scenario fails.

mod namespaces;
mod process;
mod tcpdump;

pub(crate) use namespaces::{EDGE_V4, EDGE_V6, ORIGIN_V4, ORIGIN_V6, UPSTREAM_V4, sweep};
pub(crate) use process::{Process, version};

use crate::certs::Authority;
use crate::pcap::{self, FIN, RST};
use crate::scenario::{Family, Over, Scenario};
use anyhow::{Context as _, Result, bail};
use namespaces::Namespaces;
pub(crate) use rustix::process::Signal;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tcpdump::Tcpdump;

/// What a scenario says about itself while it runs, for `origin.md`.
#[derive(Default, Clone)]
pub(crate) struct Notes {
    pub(crate) server: Option<String>,
    pub(crate) edge: Option<String>,
    /// Further files of the capture's folder: `keys.log`, `ca.pem`.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// See the module. Fields are dropped in order: the capture ends before the servers die.
pub(crate) struct Lab {
    capture: Tcpdump,
    processes: Vec<Process>,
    namespaces: Namespaces,
    directory: tempfile::TempDir,
    family: Family,
    authority: Option<Authority>,
    notes: Notes,
    /// Servers are started on another host, behind the origin.
    behind: bool,
    /// What the edge connects to in place of the origin.
    detour: Option<SocketAddr>,
}

/// How long a server may take to listen, `tcpdump` to begin.
const START: Duration = Duration::from_secs(10);
/// How often something is looked at again while waiting for it.
const LOOK: Duration = Duration::from_millis(20);
/// Name of the key log beside a capture.
const KEY_LOG: &str = "keys.log";
/// How long the capture goes on after the last connection closed, for the segments that still follow.
const AFTERMATH: Duration = Duration::from_millis(300);

impl Lab {
    /// Lays out the namespaces, begins to capture, and moves this thread into the edge's namespace.
    pub(crate) fn new(scenario: &Scenario) -> Result<Lab> {
        let directory = tempfile::Builder::new().prefix("make-captures-").tempdir()?;
        let namespaces = Namespaces::new()?;
        let capture = Tcpdump::start(namespaces.origin(), directory.path(), scenario.tcpdump)?;
        namespaces.enter_edge()?;
        let processes = Vec::new();
        let (family, authority, notes) = (scenario.family, None, Notes::default());
        Ok(Lab { capture, processes, namespaces, directory, family, authority, notes, behind: false, detour: None })
    }

    /// Puts a router between edge and origin that sends the edge no packet longer than `mtu` bytes, and says so by ICMP.
    /// [`Lab::in_edge`] is then the router.
    pub(crate) fn put_router_between(&mut self, mtu: u16) -> Result<()> {
        self.namespaces.put_router_between(mtu).context("cannot put a router between")
    }

    /// The directory for configuration files, certificates and logs. It is gone afterwards.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file into the directory and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The origin's address.
    pub(crate) fn origin(&self, port: u16) -> SocketAddr {
        let ip: IpAddr = match self.family {
            Family::V4 => ORIGIN_V4.into(),
            Family::V6 => ORIGIN_V6.into(),
        };
        SocketAddr::new(ip, port)
    }

    /// What the edge connects to: the origin, or what stands on its way there.
    pub(crate) fn target(&self, port: u16) -> SocketAddr {
        self.detour.unwrap_or_else(|| self.origin(port))
    }

    /// Lets the edge connect to something in its own namespace in place of the origin, once it listens.
    pub(crate) fn detour(&mut self, front: SocketAddr) -> Result<()> {
        self.detour = Some(front);
        let filter = format!("sport = :{}", front.port());
        let deadline = Instant::now() + START;
        while self.in_edge("ss", &["-Hltn", &filter])?.trim().is_empty() {
            if Instant::now() > deadline {
                return Err(self.explain(anyhow::anyhow!("nothing listens on {front}")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The certification authority that the edge trusts; made when first asked for.
    pub(crate) fn authority(&mut self) -> Result<&Authority> {
        if self.authority.is_none() {
            self.authority = Some(Authority::new("Example")?);
        }
        self.authority.as_ref().context("no authority")
    }

    /// Starts servers on another host than the origin's, at [`UPSTREAM_V4`]: its upstream. What is behind the cable is
    /// one namespace, as what is behind a real host's is one gateway.
    pub(crate) fn behind(&mut self, start: impl FnOnce(&mut Lab) -> Result<u32>) -> Result<u32> {
        self.behind = true;
        let started = start(self);
        self.behind = false;
        started
    }

    /// A command that will run in the origin's namespace, or [`behind`](Self::behind) it, and die with this thread.
    pub(crate) fn origin_command(&self, program: &str) -> Command {
        let namespace = if self.behind { self.namespaces.edge() } else { self.namespaces.origin() };
        process::command(namespace, program)
    }

    /// A command that will run in the edge's namespace and die with this thread.
    pub(crate) fn edge_command(&self, program: &str) -> Command {
        process::command(self.namespaces.edge(), program)
    }

    /// Starts a program. Its output goes to a file, which [`Lab::explain`] shows.
    pub(crate) fn start(&mut self, command: Command) -> Result<u32> {
        let process = Process::start(command, &self.directory.path().join(format!("log.{}", self.processes.len())))?;
        let id = process.id();
        self.processes.push(process);
        Ok(id)
    }

    /// Starts a server and waits until something listens on the port.
    pub(crate) fn serve(&mut self, command: Command, port: u16) -> Result<u32> {
        let id = self.start(command)?;
        self.wait_listening(port)?;
        Ok(id)
    }

    /// Stops a process (SIGSTOP): the kernel goes on answering for it, it does nothing more.
    pub(crate) fn stop_process(&self, id: u32) -> Result<()> {
        process::signal_to(id, Signal::STOP)
    }

    /// Sends signals to a process, each so long after the one before, on another thread.
    pub(crate) fn signal_later(&self, id: u32, signals: Vec<(Duration, Signal)>) -> JoinHandle<Result<()>> {
        std::thread::spawn(move || {
            signals.into_iter().try_for_each(|(after, signal)| {
                std::thread::sleep(after);
                process::signal_to(id, signal)
            })
        })
    }

    /// Does something in the edge's namespace later, on another thread.
    pub(crate) fn later_in_edge(
        &self,
        after: Duration,
        act: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> JoinHandle<Result<()>> {
        // A new thread is in the namespace of the one that makes it: the edge's.
        std::thread::spawn(move || {
            std::thread::sleep(after);
            act()
        })
    }

    /// Lets a stopped process go on.
    pub(crate) fn continue_process(&self, id: u32) -> Result<()> {
        process::signal_to(id, Signal::CONT)
    }

    /// Waits until the origin listens on a port, without touching it: no probe appears in the capture.
    pub(crate) fn wait_listening(&self, port: u16) -> Result<()> {
        let filter = format!("sport = :{port}");
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if !self.in_origin("ss", &["-Hltn", &filter])?.trim().is_empty() {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        Err(self.explain(anyhow::anyhow!("nothing listens on port {port}")))
    }

    /// Runs a program in the origin's namespace to its end and returns its output.
    pub(crate) fn in_origin(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.origin_command(program);
        process::output(command.args(arguments))
    }

    /// Runs a program in the edge's namespace to its end and returns its output.
    pub(crate) fn in_edge(&self, program: &str, arguments: &[&str]) -> Result<String> {
        process::output(process::command(self.namespaces.edge(), program).args(arguments))
    }

    /// Notes what the server is, for `origin.md`.
    pub(crate) fn note_server(&mut self, server: impl Into<String>) {
        self.notes.server = Some(server.into());
    }

    /// Notes what the edge is, for `origin.md`.
    pub(crate) fn note_edge(&mut self, edge: impl Into<String>) {
        self.notes.edge = Some(edge.into());
    }

    /// Adds a file to the capture's folder.
    pub(crate) fn keep_file(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.notes.files.push((name.to_owned(), content.into()));
    }

    /// Adds lines to the key log beside the capture.
    pub(crate) fn keep_keys(&mut self, lines: &[u8]) {
        match self.notes.files.iter_mut().find(|(name, _)| name == KEY_LOG) {
            Some((_, kept)) => kept.extend(lines),
            None => self.keep_file(KEY_LOG, lines),
        }
    }

    /// Where a server of this lab writes its key log, if it does.
    pub(crate) fn origin_key_log(&self) -> PathBuf {
        self.directory.path().join(KEY_LOG)
    }

    /// Keeps the key log that the server has written.
    pub(crate) fn keep_origin_keys(&mut self) -> Result<()> {
        let (deadline, path) = (Instant::now() + START, self.origin_key_log());
        // Some write it on another thread.
        while std::fs::metadata(&path).map_or(0, |file| file.len()) == 0 && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        let log = std::fs::read(path).context("the server has written no key log")?;
        self.keep_keys(&log);
        Ok(())
    }

    /// What was noted.
    pub(crate) fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// What has been captured so far.
    pub(crate) fn captured(&self) -> Result<Vec<pcap::Packet>> {
        Ok(pcap::File::read(&self.capture.bytes()?)?.packets)
    }

    /// Waits until the capture shows what a scenario waits for.
    pub(crate) fn wait_captured(&self, limit: Duration, done: impl Fn(&[pcap::Packet]) -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !done(&self.captured()?) {
            if Instant::now() > deadline {
                bail!("after {limit:?} the capture still does not show what it should");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits until the connections are over in the capture.
    pub(crate) fn wait_over(&self, over: Over) -> Result<()> {
        if let Over::Closed(limit) = over {
            self.wait_captured(limit, all_closed).context("a connection is still open")?;
            std::thread::sleep(AFTERMATH);
        }
        Ok(())
    }

    /// Begins another capture in place of the one so far.
    pub(crate) fn begin_capture_again(&mut self) -> Result<()> {
        self.capture.stop()?;
        self.capture = Tcpdump::start(self.namespaces.origin(), self.directory.path(), &[])?;
        Ok(())
    }

    /// Ends the capture and returns the file.
    pub(crate) fn stop_capture(&mut self) -> Result<Vec<u8>> {
        self.capture.stop()?;
        self.capture.bytes()
    }

    /// Adds the servers' output to an error.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let logs: Vec<String> = self.processes.iter().filter_map(Process::log).collect();
        if logs.is_empty() { error } else { error.context(format!("servers said: {}", logs.join(" | "))) }
    }
}

/// True when there is a connection and each has seen a RST, or a FIN from both sides.
fn all_closed(packets: &[pcap::Packet]) -> bool {
    // Per connection: FIN of the side with the lower port, of the other side, RST.
    let mut connections: HashMap<(u16, u16), [bool; 3]> = HashMap::new();
    for segment in packets.iter().filter_map(pcap::Packet::segment) {
        let (a, b) = (segment.source_port, segment.destination_port);
        let [low, high, reset] = connections.entry((a.min(b), a.max(b))).or_default();
        *low |= segment.flags & FIN != 0 && a <= b;
        *high |= segment.flags & FIN != 0 && a > b;
        *reset |= segment.flags & RST != 0;
    }
    !connections.is_empty() && connections.values().all(|[low, high, reset]| *low && *high || *reset)
}
