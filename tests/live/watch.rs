//! `why502 live` as it runs: what it says, and when.
#![allow(unreachable_pub, reason = "the tests beside it use it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime};

use crate::lab::Lab;

/// Lines, and when each was there.
pub type Lines = Arc<Mutex<Vec<(SystemTime, String)>>>;

/// Gathers lines as they come.
pub fn gather(from: impl Read + Send + 'static) -> Lines {
    gathered(from).0
}

fn gathered(from: impl Read + Send + 'static) -> (Lines, JoinHandle<()>) {
    let lines = Lines::default();
    let heard = Arc::clone(&lines);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            heard.lock().unwrap().push((SystemTime::now(), line));
        }
    });
    (lines, reader)
}

/// Waits for a line that fits, after so many that were there before.
pub fn hears(lines: &Lines, from: usize, fits: impl Fn(&str) -> bool, what: &str, at_most: Duration) -> SystemTime {
    let end = Instant::now() + at_most;
    loop {
        let told = lines.lock().unwrap().clone();
        if let Some((when, _)) = told.iter().skip(from).find(|(_, line)| fits(line)) {
            return *when;
        }
        let last = &told[told.len().saturating_sub(12)..];
        assert!(Instant::now() < end, "{what} was not told within {at_most:?}: {last:#?}");
        sleep(Duration::from_millis(10));
    }
}

/// `why502 live`, and what it has said so far.
pub struct Watch {
    child: Child,
    /// On standard error.
    pub told: Lines,
    /// On standard output.
    pub written: Lines,
    /// Whether findings are on standard output.
    pub writes_lines: bool,
    report: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins, and waits until it says that it watches.
    pub fn begin(lab: &Lab, arguments: &[&str]) -> Watch {
        let mut command = lab.at_origin(env!("CARGO_BIN_EXE_why502"));
        command.arg("live").args(arguments).current_dir(&lab.dir);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let told = gather(child.stderr.take().unwrap());
        let (written, report) = gathered(child.stdout.take().unwrap());
        let watch = Watch { child, told, written, writes_lines: false, report: Some(report) };
        watch.hears("why502: watching", Duration::from_secs(10));
        watch
    }

    /// With `--format ndjson`.
    pub fn lines(lab: &Lab, arguments: &[&str]) -> Watch {
        let mut watch = Watch::begin(lab, &[arguments, &["--format", "ndjson"]].concat());
        watch.writes_lines = true;
        watch
    }

    /// Waits for a line that contains this.
    pub fn hears(&self, what: &str, at_most: Duration) -> SystemTime {
        hears(&self.told, 0, |line| line.contains(what), what, at_most)
    }

    /// What it has told so far.
    pub fn heard(&self) -> Vec<(SystemTime, String)> {
        self.told.lock().unwrap().clone()
    }

    /// How many lines there are so far, on standard error and on standard output.
    pub fn so_far(&self) -> (usize, usize) {
        (self.told.lock().unwrap().len(), self.written.lock().unwrap().len())
    }

    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// What it reported, once it has ended.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.report.take().unwrap().join().unwrap();
        let written = self.written.lock().unwrap();
        (status, written.iter().map(|(_, line)| format!("{line}\n")).collect())
    }

    /// A line of `/proc/PID/status`.
    pub fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Bytes of memory that are its own: the kernel's buffers are not.
    pub fn memory(&self) -> u64 {
        self.status("RssAnon").split(' ').next().unwrap().parse::<u64>().unwrap() * 1_024
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
