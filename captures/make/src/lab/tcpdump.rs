//! `tcpdump` on the origin's end of the cable.

use super::process::{Process, command};
use super::{LOOK, START, namespaces::INTERFACE};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A capture that is being taken.
pub(super) struct Tcpdump {
    process: Process,
    file: PathBuf,
}

impl Tcpdump {
    /// Starts to capture; returns when `tcpdump` listens. The further arguments come last, so they win.
    pub(super) fn start(namespace: &str, directory: &Path, further: &[&str]) -> Result<Tcpdump> {
        let file = directory.join("capture.pcap");
        let mut tcpdump = command(namespace, "tcpdump");
        // -B: the default buffer holds few packets of this length, and then misses some.
        // -Z: it would otherwise drop root and lose the right to write into the directory.
        tcpdump.args(["-i", INTERFACE, "-n", "-U", "--immediate-mode", "-B", "65536", "-s", "0", "-Z", "root", "-w"]);
        tcpdump.arg(&file).args(further);
        let process = Process::start(tcpdump, &directory.join("tcpdump.log"))?;
        let deadline = Instant::now() + START;
        while !process.log().is_some_and(|log| log.contains("listening on")) {
            if Instant::now() > deadline {
                bail!("tcpdump does not start: {}", process.log().unwrap_or_default());
            }
            std::thread::sleep(LOOK);
        }
        Ok(Tcpdump { process, file })
    }

    /// The file as it is now.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.file).context("tcpdump wrote no file")
    }

    /// Ends the capture; the file is then whole.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.process.signal(rustix::process::Signal::TERM)?;
        self.process.wait()
    }
}
