//! What is told while interfaces are watched: on standard error a line for each finding, and on a terminal how it goes;
//! counters to who asks for them.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::PoisonError;
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use why502::analysis::{Listener, Status, Watcher};
use why502::base::{Timestamp, escape};
use why502::diagnosis::{Cause, Diagnosis, Finding, Outcome};
use why502::observation::{Connection, Role};
use why502::report::Metrics;
use why502::source::live::Change;

use super::metrics::Shared;
use super::say;
use crate::options::follow::Followed;

/// Findings told in one second; further ones are counted. Nobody reads faster, and a slow terminal keeps packets waiting.
const MAX_LINES: u32 = 20;

/// Tells.
pub(super) struct Lines {
    /// A line for each finding.
    findings: bool,
    /// Of connections of every role.
    all_roles: bool,
    colour: bool,
    /// How it goes, in a line that is written again and again.
    progress: bool,
    shown: bool,
    edge_seen: bool,
    lines: u32,
    unsaid: u32,
    dropped: u64,
    counts: Counts,
    metrics: Shared,
    /// Read before packets are taken that they may open.
    keys: Followed,
}

/// Connections that are over.
#[derive(Default)]
struct Counts {
    connections: u64,
    failed: u64,
    inconclusive: u64,
}

impl Lines {
    /// A line for each of the `findings`, of connections of `all_roles` or of those that matter.
    pub(super) fn new(findings: bool, all_roles: bool, colour: bool, keys: Followed) -> Lines {
        Lines {
            findings,
            all_roles,
            colour,
            progress: io::stderr().is_terminal(),
            shown: false,
            edge_seen: false,
            lines: 0,
            unsaid: 0,
            dropped: 0,
            counts: Counts::default(),
            metrics: Shared::default(),
            keys,
        }
    }

    /// What is counted.
    pub(super) fn metrics(&self) -> Shared {
        Shared::clone(&self.metrics)
    }

    fn count(&self, count: impl FnOnce(&mut Metrics)) {
        count(&mut self.metrics.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes away the line that says how it goes.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        // A terminal that is gone takes nothing away from the report.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Connections of others say little about the edge's, once there are any of the edge's.
    fn is_meant(&mut self, c: &Connection) -> bool {
        self.edge_seen |= c.role == Role::Edge;
        self.all_roles || !self.edge_seen || matches!(c.role, Role::Edge | Role::Inner)
    }
}

impl Listener for Lines {
    fn failing(&mut self, _: &Connection, _: &Diagnosis) {}

    fn found(&mut self, c: &Connection, (cause, finding): (&'static Cause, &Finding)) {
        self.count(|metrics| metrics.found(c, cause));
        if !self.is_meant(c) || !self.findings {
            return;
        }
        if self.lines >= MAX_LINES {
            self.unsaid += 1;
            return;
        }
        self.lines += 1;
        let bad = if self.colour { AnsiColor::Red.on_default().bold() } else { Style::new() };
        let behind = if c.role == Role::Inner { "behind the origin, " } else { "" };
        let text = format!(
            "{} {bad}FAILED{bad:#}  {} ({}) {behind}connection {}, {} → {}: {}",
            clock(c.watched_until),
            cause.id(),
            finding.confidence.as_str(),
            c.id,
            c.client,
            c.server,
            escape(&finding.message)
        );
        self.line(&text);
    }

    fn judged(&mut self, c: &Connection, d: &Diagnosis, told: bool) {
        self.is_meant(c);
        self.counts.connections += 1;
        self.count(|metrics| metrics.over(c, d.verdict.outcome));
        let outcome = match d.verdict.outcome {
            Outcome::Failed => {
                self.counts.failed += 1;
                return;
            }
            Outcome::Inconclusive => {
                self.counts.inconclusive += 1;
                "not to be told"
            }
            Outcome::Ok => "in order",
        };
        if told && self.findings {
            self.line(&format!("{} connection {} is {outcome} after all", clock(c.watched_until), c.id));
        }
    }
}

impl Watcher for Lines {
    fn before_packets(&mut self) {
        self.keys.read();
    }

    fn turn(&mut self, status: &Status) -> io::Result<()> {
        self.count(|metrics| metrics.now(status.packets, status.dropped, status.open));
        self.lines = 0;
        let unsaid = std::mem::take(&mut self.unsaid);
        if unsaid > 0 {
            let text = format!("{} FAILED  {unsaid} more within a second: the report tells of them", now());
            self.line(&text);
        }
        if status.dropped > self.dropped {
            let more = status.dropped - self.dropped;
            self.dropped = status.dropped;
            let text = format!(
                "{} {more} packets were dropped: what rests on a silence is no longer certain (a larger --buffer-size, a filter)",
                now()
            );
            self.line(&text);
        }
        if self.progress {
            let Counts { connections, failed, inconclusive } = self.counts;
            let text = format!(
                "{} {} packets, {} dropped; connections: {} open, {connections} over, {failed} failed, {inconclusive} inconclusive",
                now(),
                status.packets,
                status.dropped,
                status.open
            );
            self.clear();
            self.shown = true;
            let _ = write!(io::stderr(), "{text}");
            let _ = io::stderr().flush();
        }
        Ok(())
    }

    fn not_saved(&mut self, connections: u64) {
        self.clear();
        say(&format!(
            "--save: of {connections} failed connections no packets were saved, as too many failed within a second"
        ));
    }

    fn not_kept(&mut self, why: &io::Error) {
        self.clear();
        say(&format!("--ring: packets are not kept any more: {why}"));
    }

    fn changed(&mut self, interface: &str, change: &Change) {
        self.clear();
        let interface = escape(interface);
        match change {
            Change::Down(said) => {
                say(&format!("{interface}: down ({}); packets are missing until it is up again", escape(said)));
            }
            Change::Up => say(&format!("{interface}: up again")),
            Change::Gone(said) => say(&format!(
                "{interface}: gone ({}); one that comes under this name later is another: start again to watch it",
                escape(said)
            )),
        }
    }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    clock(Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)))
}

/// Hours, minutes and seconds, UTC.
fn clock(time: Timestamp) -> String {
    time.time_of_day().chars().take(8).collect()
}
