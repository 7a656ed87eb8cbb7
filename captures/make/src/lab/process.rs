//! Programs that run in a namespace.

use anyhow::{Context as _, Result, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running program; dropping kills it.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with its output in a file.
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Process> {
        let file = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        Ok(Process { child, log: log.to_owned() })
    }

    /// The process identifier (of the program itself: the wrappers replace themselves by it).
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        signal_to(self.id(), signal)
    }

    /// Waits for the end.
    pub(super) fn wait(&mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }

    /// The last lines of what it said.
    pub(crate) fn log(&self) -> Option<String> {
        let said = std::fs::read_to_string(&self.log).ok()?;
        let lines: Vec<&str> = said.lines().collect();
        let last = lines.get(lines.len().saturating_sub(6)..)?.join("; ");
        (!last.is_empty()).then_some(last)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process by its identifier.
pub(crate) fn signal_to(id: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid = rustix::process::Pid::from_raw(id as i32).context("no such process")?;
    rustix::process::kill_process(pid, signal).with_context(|| format!("cannot signal process {id}"))
}

/// A command in a namespace, killed when the thread that starts it ends.
pub(super) fn command(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "setpriv", "--pdeathsig", "KILL", "--", program]);
    command
}

/// Runs a command to its end and returns its output.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{command:?} failed: {}", said.trim());
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The first line that a program says about its version that contains `mark`, on whichever of its outputs.
pub(crate) fn version(program: &str, argument: &str, mark: &str) -> Result<String> {
    let done = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let done = done.with_context(|| format!("{program} is not installed"))?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.contains(mark));
    Ok(line.with_context(|| format!("{program} {argument} names no version"))?.trim().to_owned())
}
