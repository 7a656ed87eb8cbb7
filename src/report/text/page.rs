//! The text report as a page.

use std::io::{self, Write};

use super::{Kept, example, timing};
use crate::base::escape;
use crate::diagnosis::{Limit, Outcome};
use crate::observation::Connection;
use crate::report::example::{Example, told_limit};
use crate::report::facts::title;
use crate::report::groups::{Group, Heading};
use crate::report::layout::{Paint, Tone, WIDTH, count, paragraph};
use crate::report::words::{beside, path_of, span, sureness, viewer, when};
use crate::report::{Capture, CauseCount, Fleet, NO_EDGE_TRAFFIC, NO_EDGE_TRAFFIC_ID, Summary};

/// Problems told of one capture; real ones have two or three.
const MAX_PROBLEMS: usize = 12;

/// Captures told of one by one.
const MAX_CAPTURES: usize = 20;

/// Hosts told of one by one, those with the most failures first.
const MAX_HOSTS: usize = 50;

/// Servers of which it is told after how long idle they close.
const MAX_SERVERS: usize = 8;

/// Slow targets told of.
const MAX_TARGETS: usize = 5;

/// A longer path gets a line of its own.
const SHORT_PATH: usize = 32;

/// What the page is made of.
pub(super) struct Page<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) paint: Paint,
    pub(super) captures: &'a [Capture],
    pub(super) summary: &'a Summary,
    pub(super) kept: &'a Kept,
    /// The section about access logs.
    pub(super) logs: &'a [u8],
}

impl<'a> Page<'a> {
    pub(super) fn write(&mut self, all: bool) -> io::Result<()> {
        self.headline()?;
        self.about()?;
        self.hosts()?;
        for told in self.summary.causes.iter().filter(|c| c.outcome == Outcome::Failed) {
            self.cause(told)?;
        }
        for told in self.summary.causes.iter().filter(|c| c.outcome != Outcome::Failed) {
            self.inconclusive_cause(told)?;
        }
        let kept = self.kept;
        for (heading, group) in &kept.groups.groups {
            if let Heading::Reason(reason) = heading {
                self.inconclusive_reason(reason, group)?;
            }
        }
        self.out.write_all(self.logs)?;
        self.healthy(all)?;
        timing::section(self.out, self.paint, &self.summary.timings, self.summary.counts.connections)?;
        self.idle_closes()?;
        self.slow_targets()
    }

    /// The hosts beside each other.
    fn hosts(&mut self) -> io::Result<()> {
        let Some(Fleet { hosts, .. }) = &self.summary.fleet else { return Ok(()) };
        if hosts.len() > 1 {
            writeln!(self.out, "\n{}", self.paint.text(Tone::Strong, "HOSTS"))?;
            for host in hosts.iter().take(MAX_HOSTS) {
                paragraph(self.out, "  ", &host.in_words())?;
            }
            if let Some(more @ 1..) = hosts.len().checked_sub(MAX_HOSTS) {
                paragraph(self.out, "  ", &format!("and {}", count(more as u64, "more host")))?;
            }
        }
        Ok(())
    }

    /// After how long idle the origins close.
    fn idle_closes(&mut self) -> io::Result<()> {
        let closes = &self.summary.idle_closes;
        if closes.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.paint.text(Tone::Strong, "IDLE CONNECTIONS"))?;
        for server in closes.iter().take(MAX_SERVERS) {
            paragraph(self.out, "  ", &escape(&server.in_words()))?;
        }
        if let Some(more @ 1..) = closes.len().checked_sub(MAX_SERVERS) {
            paragraph(self.out, "  ", &format!("and {}, see --format json", count(more as u64, "more server")))?;
        }
        Ok(())
    }

    /// Where responses were long in coming.
    fn slow_targets(&mut self) -> io::Result<()> {
        let targets = &self.summary.slow_targets;
        if targets.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\n{}", self.paint.text(Tone::Strong, "SLOW RESPONSES"))?;
        for target in targets.iter().take(MAX_TARGETS) {
            paragraph(self.out, "  ", &escape(&target.in_words()))?;
        }
        let shown: u64 = targets.iter().take(MAX_TARGETS).map(|target| target.responses).sum();
        let all: u64 = targets.iter().map(|target| target.responses).sum::<u64>() + self.summary.slow_unlisted;
        if let Some(more @ 1..) = all.checked_sub(shown) {
            paragraph(self.out, "  ", &format!("and {}, see --format json", count(more, "more slow response")))?;
        }
        Ok(())
    }

    fn headline(&mut self) -> io::Result<()> {
        let tone = match (self.summary.counts.failed, self.summary.counts.inconclusive) {
            (0, 0) => Tone::Good,
            (0, _) => Tone::Unsure,
            _ => Tone::Bad,
        };
        let mut lines = Vec::new();
        paragraph(&mut lines, "", &format!("why502: {}", escape(&self.summary.headline)))?;
        for line in String::from_utf8_lossy(&lines).lines() {
            writeln!(self.out, "{}", self.paint.text(tone, line))?;
        }
        writeln!(self.out)
    }

    /// What was read, and what limits the conclusions.
    fn about(&mut self) -> io::Result<()> {
        let fleet = self.summary.fleet.as_ref();
        if let Some(all) = fleet.and_then(Fleet::in_words) {
            paragraph(self.out, "  ", &all)?;
        }
        let listed = || self.captures.iter().filter(|capture| fleet.is_none_or(|fleet| fleet.lists(capture)));
        for capture in listed().take(MAX_CAPTURES) {
            let path = escape(&capture.path);
            let length = path.chars().count();
            if length <= SHORT_PATH {
                paragraph(self.out, "  ", &format!("{path}: {}", span(&capture.info)))?;
            } else {
                // The end of a path is what tells captures apart.
                let cut = length.checked_sub(WIDTH - 2).filter(|&over| over > 0).map_or(0, |over| over + 1);
                let end: String = path.chars().skip(cut).collect();
                writeln!(self.out, "  {}{end}", if cut > 0 { "\u{2026}" } else { "" })?;
                paragraph(self.out, "  ", &span(&capture.info))?;
            }
            let read = capture.info.problems.iter().map(|p| (p.kind.as_str(), p.count, &p.detail));
            let met = capture.problems.iter().map(|p| (&*p.kind, p.count, &p.detail));
            for (kind, n, detail) in read.chain(met).take(MAX_PROBLEMS) {
                paragraph(self.out, "    ! ", &format!("{} ({n}): {}", escape(kind), escape(detail)))?;
            }
        }
        if let Some(more @ 1..) = listed().count().checked_sub(MAX_CAPTURES) {
            let text = format!("and {}, see {}", count(more as u64, "more capture"), self.elsewhere());
            paragraph(self.out, "  ", &text)?;
        }
        for missing in fleet.iter().flat_map(|fleet| &fleet.missing) {
            paragraph(self.out, "    ! ", &format!("not analysed: {}", escape(missing)))?;
        }
        let c = self.summary.counts;
        let text = format!(
            "{}: {} failed, {} inconclusive, {} in order",
            count(c.connections, "connection"),
            c.failed,
            c.inconclusive,
            c.ok
        );
        paragraph(self.out, "  ", &text)?;
        let other = self.summary.other;
        if other.connections > 0 {
            paragraph(self.out, "  ", &beside(other))?;
        }
        if let Some(left_out @ 1..) = self.summary.not_selected {
            let text = format!("{} not selected and not counted", count(left_out, "further connection"));
            paragraph(self.out, "  ", &text)?;
        }
        if self.summary.no_edge_traffic && c.connections > 0 {
            paragraph(self.out, "  Note: ", &format!("{NO_EDGE_TRAFFIC} See why502 explain {NO_EDGE_TRAFFIC_ID}."))?;
        }
        if let Some(shared) = &self.summary.shared {
            paragraph(self.out, "  Shared: ", &shared.in_words())?;
        }
        if let Some(retried) = self.summary.retried.in_words() {
            paragraph(self.out, "  Note: ", &retried)?;
        }
        for near in &self.summary.near_misses {
            paragraph(self.out, "  Note: ", &escape(&near.message))?;
        }
        if let unlisted @ 1.. = self.summary.near_misses_unlisted {
            paragraph(
                self.out,
                "  Note: ",
                &format!("{} of that kind, see --format json", count(unlisted, "more note")),
            )?;
        }
        Ok(())
    }

    fn cause(&mut self, told: &CauseCount) -> io::Result<()> {
        let Some(group) = self.group(told) else { return Ok(()) };
        let best = group.examples.first();
        self.title(Tone::Bad, "FAILED", told)?;
        let facts = [best.and_then(|e| e.confidence).map(sureness), viewer(told), Some(when(told))];
        paragraph(self.out, "  ", &facts.into_iter().flatten().collect::<Vec<_>>().join(" "))?;
        for example in &group.examples {
            self.example(example, "")?;
        }
        let more = told.connections.saturating_sub(group.examples.len() as u64);
        if more > 0 {
            let elsewhere = self.elsewhere();
            writeln!(self.out, "\n    and {more} more, see {elsewhere}")?;
        }
        if let Some(best) = best {
            self.advice(told.cause.id(), best)?;
        }
        Ok(())
    }

    fn advice(&mut self, id: &str, best: &Example) -> io::Result<()> {
        writeln!(self.out)?;
        for (i, step) in best.fix.iter().enumerate() {
            paragraph(self.out, &format!("  {:11}{}. ", if i == 0 { "Fix" } else { "" }, i + 1), step)?;
        }
        for (i, (cause, why)) in best.ruled_out.iter().enumerate() {
            paragraph(
                self.out,
                &format!("  {:11}", if i == 0 { "Not" } else { "" }),
                &format!("{cause}: because {why}"),
            )?;
        }
        let path = best.filter_capture.and_then(|capture| path_of(self.captures, capture));
        let place = path.map_or_else(String::new, |path| format!(" (in {})", escape(path)));
        paragraph(self.out, &format!("  {:11}", "Wireshark"), &format!("{}{place}", best.filter))?;
        if let Some(command) = &best.probe {
            paragraph(self.out, &format!("  {:11}", "Probe"), command)?;
        }
        paragraph(self.out, &format!("  {:11}", "More"), &format!("why502 explain {id}"))
    }

    fn inconclusive_cause(&mut self, told: &CauseCount) -> io::Result<()> {
        self.title(Tone::Unsure, "INCONCLUSIVE", told)?;
        let Some(example) = self.group(told).and_then(|g| g.examples.first()) else { return Ok(()) };
        paragraph(self.out, "  ", &when(told))?;
        self.example(example, "For example ")?;
        for step in &example.fix {
            paragraph(self.out, "    - ", step)?;
        }
        Ok(())
    }

    /// Verdict, cause and number in one line, and the cause's title.
    fn title(&mut self, tone: Tone, verdict: &str, told: &CauseCount) -> io::Result<()> {
        let (verdict, id) = (self.paint.text(tone, verdict), self.paint.text(Tone::Strong, told.cause.id()));
        writeln!(self.out, "\n{verdict}  {id}  {}", count(told.connections, "connection"))?;
        paragraph(self.out, "  ", told.cause.title())
    }

    fn example(&mut self, shown: &Example, lead: &str) -> io::Result<()> {
        writeln!(self.out)?;
        let captures = self.captures;
        example::write(shown, self.out, self.paint, lead, |capture| path_of(captures, capture), &self.summary.headline)
    }

    fn inconclusive_reason(&mut self, reason: &str, group: &Group<Example>) -> io::Result<()> {
        let verdict = self.paint.text(Tone::Unsure, "INCONCLUSIVE");
        writeln!(self.out, "\n{verdict}  {}", count(group.connections, "connection"))?;
        let mut letters = reason.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        paragraph(self.out, "  ", &format!("{first}{}.", letters.as_str().trim_end_matches('.')))?;
        match group.examples.first() {
            Some(example) => self.example(example, "For example "),
            None => Ok(()),
        }
    }

    fn healthy(&mut self, all: bool) -> io::Result<()> {
        let kept = self.kept;
        if self.summary.counts.ok > 0 {
            let tone = self.paint.text(Tone::Good, "OK");
            let hint = if all || self.summary.fleet.is_some() { "" } else { " (--all lists them)" };
            writeln!(self.out, "\n{tone}  {} in order{hint}", count(self.summary.counts.ok, "connection"))?;
        }
        for (cause, remark) in &kept.groups.remarks {
            let (at, message) = (remark.first.0.frame, escape(&remark.first.1));
            let text = format!(
                "{cause}: seen on {} of them, which is no failure by itself. First on connection {}{}, frame {at}: {message}",
                remark.seen,
                remark.connection,
                escape(&remark.of)
            );
            paragraph(self.out, "  ", &text)?;
        }
        for line in &kept.healthy {
            paragraph(self.out, "  ", line)?;
        }
        if kept.healthy_unlisted > 0 {
            writeln!(self.out, "  and {} more, see --format ndjson", kept.healthy_unlisted)?;
        }
        Ok(())
    }

    /// Where everything is that this page has no room for.
    fn elsewhere(&self) -> &'static str {
        if self.summary.fleet.is_some() { "the tables" } else { "--format json" }
    }

    fn group(&self, told: &CauseCount) -> Option<&'a Group<Example>> {
        self.kept.groups.of(told.outcome, told.cause.id())
    }
}

/// A connection that is in order, in one line.
pub(super) fn healthy_line(c: &Connection, limits: &[Limit]) -> String {
    let exchanges = c.exchanges_total();
    let spoken = match (&c.tls, exchanges) {
        (Some(_), _) => ", TLS".to_owned(),
        (None, 0) => String::new(),
        (None, n) => format!(", {}", count(n, "request")),
    };
    let limits: String = limits.iter().map(|l| format!("; {}", told_limit(l))).collect();
    format!("{}, frames {} to {}{spoken}{limits}", title(c), c.first.frame, c.last.frame)
}
