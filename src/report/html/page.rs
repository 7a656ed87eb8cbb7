//! The page as a whole.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::base::Micros;
use crate::diagnosis::Outcome;
use crate::observation::EdgeKind;
use crate::report::example::bounded;
use crate::report::groups::{Groups, Heading, Remark};
use crate::report::layout::count;
use crate::report::steps::{TOLD, is_enough};
use crate::report::words::{beside, path_of, span, sureness, viewer, when};
use crate::report::{Capture, CauseCount, Counts, Fleet, Host, NO_EDGE_TRAFFIC, Summary};

use super::Kept;
use super::chart::{Idle, Timeline};
use super::outcomes::{Outcomes, Peers};
use super::probed::ProbedView;
use super::rich::{Part, Span, article, short, spans};
use super::row::Row;
use super::shown::Shown;
use super::view::{CaptureView, CauseView, ExampleView, HostView, Logs, PeerView, ReasonView, TimingView, word};

/// Captures told of one by one.
const MAX_CAPTURES: usize = 20;

/// Problems told of one capture.
const MAX_PROBLEMS: usize = 20;

/// Addresses shown.
const MAX_SHOWN_PEERS: usize = 12;

/// Servers of which it is shown after how long idle they close.
const MAX_SERVERS: usize = 8;

/// Hosts told of.
const MAX_HOSTS: usize = 200;

/// Causes told of one host.
const MAX_HOST_CAUSES: usize = 3;

/// Slow targets told of.
const MAX_TARGETS: usize = 8;

/// Connections shown packet by packet on the whole page; each cause has one of its own beyond that.
const MAX_SHOWN: usize = 60;

/// Bytes of the rows of connections. Ordinary ones do not reach it.
const MAX_TABLE: usize = 1_200_000;

/// Bytes that the page is to have at most: with many causes there is room for fewer rows.
const PAGE: usize = 1_900_000;

/// Bytes that a connection takes that is shown packet by packet, and rows that are listed whatever else there is.
const EXAMPLE: usize = 20_000;
const ROWS: usize = 150_000;

/// Columns of a path.
const PATH: usize = 200;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the template is filled in with.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    style: &'static str,
    script: &'static str,
    style_hash: String,
    script_hash: String,
    version: &'static str,
    title: String,
    tone: &'static str,
    headline: &'a str,
    counts: Outcomes,
    all: String,
    asides: Vec<String>,
    captures: Vec<CaptureView>,
    more_captures: usize,
    sound: bool,
    /// What has all that is not shown.
    whole: &'static str,
    /// How much was captured of a fleet.
    span: Option<String>,
    hosts: Vec<HostView>,
    all_hosts: usize,
    missing: Vec<Vec<Span>>,
    timeline: Option<Timeline>,
    peers: Vec<PeerView>,
    all_peers: usize,
    further: Outcomes,
    causes: Vec<CauseView>,
    reasons: Vec<ReasonView>,
    logs: Option<Logs>,
    probed: Option<ProbedView>,
    idle: Vec<Idle>,
    more_idle: u64,
    timings: Vec<TimingView>,
    slow: Vec<String>,
    /// Slow responses of further targets.
    more_slow: u64,
    notes: Vec<Vec<Span>>,
    more_notes: u64,
    remarks: Vec<RemarkView>,
    table: Table,
    /// Within what stands as it is, where the template would drop it.
    newline: &'static str,
}

/// The list of connections.
struct Table {
    rows: Vec<RowView>,
    /// How many of how many that are not in order, and that are.
    unwell: (usize, u64),
    healthy: (usize, u64),
    causes: Vec<&'static str>,
}

/// A finding that made no connection fail.
struct RemarkView {
    cause: &'static str,
    connections: String,
    connection: String,
    frame: u64,
    message: Vec<Span>,
}

struct RowView {
    row: Row,
    tone: &'static str,
    word: &'static str,
    began: String,
    took: String,
    /// The page shows it packet by packet.
    shown: bool,
}

impl<'a> Page<'a> {
    pub(super) fn of(
        captures: &'a [Capture],
        summary: &'a Summary,
        kept: Kept,
        (logs, probed): (Option<Logs>, Option<ProbedView>),
    ) -> Page<'a> {
        let Kept { mut groups, times, peers, unwell, healthy } = kept;
        let headings = groups.groups.len().max(1);
        let each = (MAX_SHOWN / headings).max(1);
        groups.groups.values_mut().for_each(|group| group.examples.truncate(each));
        let remarks = remarks(&groups);
        let causes: Vec<_> = summary
            .causes
            .iter()
            .filter_map(|told| cause(told, &mut groups, captures, summary, logs.as_ref()))
            .collect();
        let reasons = reasons(groups, captures, logs.as_ref());
        let ids = |views: &[ExampleView]| views.iter().map(|e| e.shown.told.id).collect::<Vec<_>>();
        let shown = causes.iter().flat_map(|c| ids(&c.examples)).chain(reasons.iter().flat_map(|r| ids(&r.examples)));
        let shown: Vec<u64> = shown.collect();
        let (all_peers, rest) = peers.list();
        let fleet = summary.fleet.as_ref();
        let listed = || captures.iter().filter(|capture| fleet.is_none_or(|fleet| fleet.lists(capture)));
        let told: Vec<_> = listed().take(MAX_CAPTURES).map(capture).collect();
        Page {
            style: STYLE,
            script: SCRIPT,
            style_hash: hash(STYLE),
            script_hash: hash(SCRIPT),
            version: env!("CARGO_PKG_VERSION"),
            title: short(&summary.headline, PATH),
            tone: tone(summary),
            headline: &summary.headline,
            counts: Outcomes {
                failed: summary.counts.failed,
                inconclusive: summary.counts.inconclusive,
                ok: summary.counts.ok,
            },
            all: count(summary.counts.connections, "connection"),
            asides: asides(summary),
            sound: captures.iter().all(|c| c.problems.is_empty() && c.info.problems.is_empty()),
            whole: if fleet.is_some() { "the tables" } else { "<code>--format json</code>" },
            more_captures: listed().count().saturating_sub(told.len()),
            span: fleet.and_then(Fleet::in_words),
            hosts: fleet.filter(|fleet| fleet.hosts.len() > 1).map(|fleet| hosts(&fleet.hosts)).unwrap_or_default(),
            all_hosts: fleet.map_or(0, |fleet| fleet.hosts.len()),
            missing: fleet.iter().flat_map(|fleet| &fleet.missing).map(|why| spans(&bounded(why))).collect(),
            captures: told,
            timeline: Timeline::of(&times),
            all_peers: all_peers.len(),
            peers: peer_views(&peers),
            further: rest,
            causes,
            reasons,
            logs,
            probed,
            idle: summary.idle_closes.iter().take(MAX_SERVERS).map(Idle::of).collect(),
            more_idle: summary.idle_closes.len().saturating_sub(MAX_SERVERS) as u64,
            timings: timings(summary),
            slow: summary.slow_targets.iter().take(MAX_TARGETS).map(|target| bounded(&target.in_words())).collect(),
            more_slow: more_slow(summary),
            notes: summary.near_misses.iter().map(|n| spans(&bounded(&n.message))).collect(),
            more_notes: summary.near_misses_unlisted,
            remarks,
            table: Table::of(unwell.into_list(|r| r.id), healthy.into_list(|r| r.id), &shown),
            newline: "\n",
        }
    }
}

/// A number on the page, as templates have it.
fn digits(n: impl std::borrow::Borrow<u64>) -> String {
    crate::report::layout::digits(*n.borrow())
}

/// A source of the page's policy: the hash of what is allowed (CSP level 3, section 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn tone(summary: &Summary) -> &'static str {
    match (summary.counts.failed, summary.counts.inconclusive) {
        (0, 0) => "good",
        (0, _) => "unsure",
        _ => "bad",
    }
}

/// The slow responses of targets that are not told of one by one.
fn more_slow(summary: &Summary) -> u64 {
    summary.slow_targets.iter().skip(MAX_TARGETS).map(|target| target.responses).sum::<u64>() + summary.slow_unlisted
}

/// What is to be known of the numbers.
fn asides(summary: &Summary) -> Vec<String> {
    let mut told = Vec::new();
    if summary.other.connections > 0 {
        told.push(format!("There are {}.", beside(summary.other)));
    }
    if let Some(left_out @ 1..) = summary.not_selected {
        told.push(format!("{} not selected and not counted.", count(left_out, "further connection")));
    }
    if summary.no_edge_traffic && summary.counts.connections > 0 {
        told.push(format!("Note: {NO_EDGE_TRAFFIC}"));
    }
    told.extend(summary.shared.as_ref().map(|shared| format!("Shared: {}", shared.in_words())));
    told.extend(summary.retried.in_words().map(|words| format!("Note: {words}")));
    told
}

fn capture(c: &Capture) -> CaptureView {
    let read = c.info.problems.iter().map(|p| (p.kind.as_str().to_owned(), p.count, spans(&bounded(&p.detail))));
    let met = c.problems.iter().map(|p| (bounded(&p.kind), p.count, spans(&bounded(&p.detail))));
    let links: String = c.info.link_types.iter().map(|link| format!(", {link}")).collect();
    let snap = c.info.snap_length.map(|n| format!(", at most {n} bytes of a packet")).unwrap_or_default();
    let compressed = c.info.compression.map(|name| format!(", {name}")).unwrap_or_default();
    CaptureView {
        path: short(&c.path, PATH),
        span: span(&c.info),
        how: format!("{}{compressed}{links}{snap}", c.info.format),
        more: (c.info.problems.len() + c.problems.len()).saturating_sub(MAX_PROBLEMS),
        problems: read.chain(met).take(MAX_PROBLEMS).collect(),
    }
}

fn peer_views(peers: &Peers) -> Vec<PeerView> {
    let view = |(ip, kind, o): (std::net::IpAddr, EdgeKind, Outcomes)| {
        let part = |n: u64| n as f64 / o.all().max(1) as f64 * 100.0;
        let (failed, unsure) = (part(o.failed), part(o.inconclusive));
        PeerView {
            ip: ip.to_string(),
            kind: match kind {
                EdgeKind::CloudFront => "CloudFront",
                EdgeKind::Private => "private",
                EdgeKind::Other => "other",
                EdgeKind::Probe => "why502 probe",
            },
            failed: o.failed,
            inconclusive: o.inconclusive,
            ok: o.ok,
            parts: (format!("{failed:.1}"), format!("{unsure:.1}"), format!("{:.1}", failed + unsure)),
        }
    };
    peers.list().0.into_iter().take(MAX_SHOWN_PEERS).map(view).collect()
}

fn hosts(hosts: &[Host]) -> Vec<HostView> {
    let view = |host: &Host| {
        let Counts { connections, failed, inconclusive, ok } = host.counts;
        let part = |n: u64| n as f64 / connections.max(1) as f64 * 100.0;
        let (bad, unsure) = (part(failed), part(inconclusive));
        let causes: Vec<_> = host.causes.iter().take(MAX_HOST_CAUSES).map(|(id, n)| format!("{n} {id}")).collect();
        HostView {
            name: if host.name.is_empty() { "(no name)".to_owned() } else { short(&host.name, PATH) },
            failed,
            inconclusive,
            ok,
            parts: (format!("{bad:.1}"), format!("{:.1}", bad + unsure)),
            causes: causes.join(", "),
            differs: host.differs,
            failed_units: host.failed_units,
        }
    };
    hosts.iter().take(MAX_HOSTS).map(view).collect()
}

fn remarks(groups: &Groups<Shown>) -> Vec<RemarkView> {
    let view = |(cause, remark): (&&'static str, &Remark)| RemarkView {
        cause,
        connections: count(remark.seen, "connection"),
        connection: bounded(&format!("{}{}", remark.connection, remark.of)),
        frame: remark.first.0.frame,
        message: spans(&bounded(&remark.first.1)),
    };
    groups.remarks.iter().map(view).collect()
}

fn cause(
    told: &CauseCount,
    groups: &mut Groups<Shown>,
    captures: &[Capture],
    summary: &Summary,
    logs: Option<&Logs>,
) -> Option<CauseView> {
    let id = told.cause.id();
    let heading = groups.groups.keys().find(|h| matches!(h, Heading::Cause(o, i) if *o == told.outcome && *i == id))?;
    let group = groups.groups.remove(&heading.clone())?;
    let best = &group.examples.first()?.told;
    let in_file = best.filter_capture.and_then(|capture| path_of(captures, capture));
    let more = told.connections.saturating_sub(group.examples.len() as u64);
    let failed = told.outcome == Outcome::Failed;
    let (tone, verdict) = word(told.outcome);
    let said = bounded(&summary.headline).starts_with(best.message.trim_end_matches('.'));
    Some(CauseView {
        id: id.to_owned(),
        tone,
        verdict,
        title: told.cause.title().to_owned(),
        connections: count(told.connections, "connection"),
        sure: best.confidence.filter(|_| failed).map(sureness).unwrap_or_default(),
        viewer: viewer(told).filter(|_| failed).unwrap_or_default(),
        when: when(told),
        status: told.edge.status.map(|status| status.to_string()).unwrap_or_default(),
        detail: told.edge.detail.unwrap_or_default(),
        message: if said { Vec::new() } else { spans(&best.message) },
        fix: best.fix.iter().map(|step| spans(step)).collect(),
        ruled_out: best.ruled_out.clone(),
        filter: best.filter.clone(),
        filter_in: in_file.map(|path| short(path, PATH)).unwrap_or_default(),
        examples: group.examples.into_iter().map(|e| ExampleView::of(e, logs, |c| path_of(captures, c))).collect(),
        more,
        article: article(told.cause),
    })
}

/// What is left of the groups: connections without a cause.
fn reasons(groups: Groups<Shown>, captures: &[Capture], logs: Option<&Logs>) -> Vec<ReasonView> {
    let view = |(heading, group): (Heading, super::super::groups::Group<Shown>)| {
        let Heading::Reason(reason) = heading else { return None };
        let mut letters = reason.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        let mut examples = group.examples;
        examples.truncate(1);
        Some(ReasonView {
            reason: format!("{first}{}.", letters.as_str().trim_end_matches('.')),
            connections: count(group.connections, "connection"),
            more: group.connections.saturating_sub(examples.len() as u64),
            examples: examples.into_iter().map(|e| ExampleView::of(e, logs, |c| path_of(captures, c))).collect(),
        })
    };
    groups.groups.into_iter().filter_map(view).collect()
}

fn timings(summary: &Summary) -> Vec<TimingView> {
    let steps = summary.timings.steps().filter_map(|(step, histogram)| {
        let (_, name, noun) = TOLD.iter().find(|(told, ..)| *told == step)?;
        let (_, max) = histogram.range().filter(|_| is_enough(histogram.count(), summary.counts.connections))?;
        let at = |percent| histogram.percentile(percent).unwrap_or(max).to_string();
        Some(TimingView { name, of: count(histogram.count(), noun), times: [at(50), at(99), max.to_string()] })
    });
    steps.collect()
}

impl Table {
    fn of(unwell: (Vec<Row>, u64), healthy: (Vec<Row>, u64), shown: &[u64]) -> Table {
        let evidence = shown.len().saturating_mul(EXAMPLE);
        let mut room = PAGE.saturating_sub(evidence).clamp(ROWS, MAX_TABLE);
        let mut fits = |row: &Row| {
            let weight = row.weight();
            let fits = weight <= room;
            room = room.saturating_sub(weight);
            fits
        };
        let bad: Vec<_> = unwell.0.into_iter().take_while(&mut fits).collect();
        let good: Vec<_> = healthy.0.into_iter().take_while(&mut fits).collect();
        let mut causes: Vec<_> = bad.iter().map(|row| row.cause).filter(|id| !id.is_empty()).collect();
        causes.sort_unstable();
        causes.dedup();
        let (bad_shown, good_shown) = (bad.len(), good.len());
        let day = |row: &Row| row.first.to_string().get(..10).map(str::to_owned);
        let first_day = bad.iter().chain(&good).next().and_then(day);
        let one_day = bad.iter().chain(&good).all(|row| day(row) == first_day);
        let view = |row: Row| {
            let (tone, word) = if row.outcome == Outcome::Ok { ("good", "ok") } else { word(row.outcome) };
            let time = row.first.to_string().replace('T', " ");
            let began = time.get(if one_day { 11 } else { 0 }..23).unwrap_or_default().to_owned();
            let shown = shown.contains(&row.id);
            RowView { tone, word, began, took: Micros(row.took).to_string(), shown, row }
        };
        Table {
            rows: bad.into_iter().chain(good).map(view).collect(),
            unwell: (bad_shown, unwell.1),
            healthy: (good_shown, healthy.1),
            causes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_style_and_script_ends_them() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--") && !text.contains("//") && !text.contains("url("));
        }
        assert_eq!(hash(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
}
