//! What is told while interfaces are watched: on standard error a line for each finding, and on a terminal how it goes;
//! counters to who asks for them.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::PoisonError;
use std::time::SystemTime;

use anstyle::{AnsiColor, Style};
use why502::analysis::{Listener, Status, Watcher};
use why502::base::{Timestamp, escape};
use why502::diagnosis::{Cause, Confidence, Diagnosis, Effect, Outcome};
use why502::observation::{Connection, Role};
use why502::report::Metrics;
use why502::source::live::Change;

use super::metrics::Shared;
use super::say;
use crate::options::follow::Followed;

/// Findings told in one second; further ones are counted. Nobody reads faster, and a slow terminal keeps packets waiting.
const MAX_LINES: u32 = 20;

/// Open connections of which it is remembered what was told: as many as are followed at once, unless somebody wants more.
const MAX_TOLD: usize = 131_072;

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
    told: HashMap<u64, HashSet<&'static str>>,
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
            told: HashMap::new(),
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

    /// Tells what was not told yet of what has failed on a connection.
    fn findings(&mut self, c: &Connection, d: &Diagnosis) {
        let meant = self.is_meant(c) && self.findings;
        let failed = |cause: &Cause, effect: Option<Effect>| effect.unwrap_or(cause.effect) == Effect::Failed;
        for (i, (cause, finding)) in d.findings.iter().enumerate() {
            let is_verdict = i == 0 && d.verdict.cause.is_some();
            let sure = failed(cause, finding.effect) && finding.confidence >= Confidence::Likely;
            if !is_verdict && !sure {
                continue;
            }
            let full = self.told.len() >= MAX_TOLD && !self.told.contains_key(&c.id);
            if !full && !self.told.entry(c.id).or_default().insert(cause.id()) {
                continue;
            }
            self.count(|metrics| metrics.found(c, cause));
            if !meant {
                continue;
            }
            if self.lines >= MAX_LINES {
                self.unsaid += 1;
                continue;
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
    }

    /// Connections of others say little about the edge's, once there are any of the edge's.
    fn is_meant(&mut self, c: &Connection) -> bool {
        self.edge_seen |= c.role == Role::Edge;
        self.all_roles || !self.edge_seen || matches!(c.role, Role::Edge | Role::Inner)
    }
}

impl Listener for Lines {
    fn failing(&mut self, c: &Connection, d: &Diagnosis) {
        self.findings(c, d);
    }

    fn judged(&mut self, c: &Connection, d: &Diagnosis) {
        self.counts.connections += 1;
        self.count(|metrics| metrics.over(c, d.verdict.outcome));
        match d.verdict.outcome {
            Outcome::Ok => {
                self.is_meant(c);
            }
            Outcome::Inconclusive => self.counts.inconclusive += 1,
            Outcome::Failed => {
                self.counts.failed += 1;
                self.findings(c, d);
            }
        }
        let told = self.told.remove(&c.id);
        if told.is_some() && d.verdict.outcome != Outcome::Failed && self.findings {
            let outcome = if d.verdict.outcome == Outcome::Ok { "in order" } else { "not to be told" };
            let text = format!("{} connection {} is {outcome} after all", clock(c.watched_until), c.id);
            self.line(&text);
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
