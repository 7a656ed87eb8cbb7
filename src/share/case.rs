//! The text to paste into a support case.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Endpoint, escape};
use crate::diagnosis::Outcome;

use super::gather::{Told, position};
use super::words::{cleaned, remarks, verdict};
use super::{Shared, bundle};

/// Names listed of a kind.
const MAX_NAMES: usize = 8;

/// Connections told of a cause.
const MAX_EXAMPLES: usize = 5;

/// A connection and its number among those of the original.
type Seen = (usize, Told);

/// The whole text: what, since when, where, why, and which files are beside it. Whatever it has of the capture is looked
/// through by itself.
pub(super) fn text(shared: &Shared, headline: &str, locations: &[String]) -> String {
    let seen: Vec<&Seen> = shared.seen.iter().filter(|(_, told)| told.alone.outcome == Outcome::Failed).collect();
    let mut lines = vec!["CloudFront answers 5xx: what a capture at the origin shows".to_owned(), String::new()];
    lines.push(format!("Summary: {}", shared.said(escape(headline))));
    times(shared, &seen, &mut lines);
    places(shared, &seen, locations, &mut lines);
    lines.push(String::new());
    let mut causes: BTreeMap<(usize, &str), Vec<&Seen>> = BTreeMap::new();
    for seen in seen {
        let original = shared.original.told.get(seen.0);
        let cause = original.and_then(|o| o.last_word.cause).or(seen.1.alone.cause).unwrap_or("no cause named");
        causes.entry((position(Some(cause)), cause)).or_default().push(seen);
    }
    for ((_, id), seen) in &causes {
        cause(shared, id, seen, &mut lines);
    }
    attached(shared, &mut lines);
    lines.push(String::new());
    cleaned(shared, lines.join("\n"))
}

/// Since when, how many, and when it was watched.
fn times(shared: &Shared, seen: &[&Seen], lines: &mut Vec<String>) {
    let first = seen.iter().map(|(_, told)| told.first.time).min();
    let last = seen.iter().map(|(_, told)| told.last.time).max();
    if let (Some(first), Some(last)) = (first, last) {
        lines.push(format!("Failing since: {first} (UTC, of the first failing connection in the capture)"));
        lines.push(format!("Failing until: {last} (UTC, of the last one)"));
    }
    if let Some(summary) = &shared.original.summary {
        let counts = summary.counts;
        lines.push(format!("Connections: {} looked at, {} failed", counts.connections, counts.failed));
    }
    let spans = shared.original.captures.iter().filter_map(|c| c.info.first_time.zip(c.info.last_time));
    lines.extend(spans.map(|(from, to)| format!("Captured: {from} to {to} (UTC), at the origin")));
}

/// Which origin, by which names, and from where.
fn places(shared: &Shared, seen: &[&Seen], locations: &[String], lines: &mut Vec<String>) {
    let names = |name: fn(&Told) -> Option<&str>| {
        let names: BTreeSet<_> = seen.iter().filter_map(|(_, told)| name(told)).collect();
        names.into_iter().take(MAX_NAMES).map(|name| shared.said(escape(name))).collect::<Vec<_>>().join(", ")
    };
    let servers: BTreeSet<Endpoint> = seen.iter().map(|(_, told)| told.server).collect();
    let servers: Vec<_> = servers.iter().take(MAX_NAMES).map(|server| shared.said(server.to_string())).collect();
    lines.push(format!("Origin: {}", servers.join(", ")));
    for (what, names) in [("SNI", names(|t| t.sni.as_deref())), ("Host", names(|t| t.host.as_deref()))] {
        if !names.is_empty() {
            lines.push(format!("{what}: {names}"));
        }
    }
    lines.push(match locations {
        [] => "Edge locations: not known from packets; x-edge-location of the access logs tells".to_owned(),
        known => {
            let known: Vec<_> = known.iter().map(|location| shared.said(escape(location))).collect();
            format!("Edge locations: {}", known.join(", "))
        }
    });
}

fn cause(shared: &Shared, id: &str, seen: &[&Seen], lines: &mut Vec<String>) {
    lines.push(format!("{id}: {} connection{}", seen.len(), if seen.len() == 1 { "" } else { "s" }));
    for (number, told) in seen.iter().take(MAX_EXAMPLES) {
        let ends = shared.said(format!("{} > {}", told.client, told.server));
        lines.push(format!("- {} (UTC), {ends}", told.first.time));
        lines.push(format!("  frames {}-{} of {}", told.first.frame, told.last.frame, super::NAME));
        lines.push(format!("  {}", verdict(shared, *number, told)));
        if !told.message.is_empty() {
            lines.push(format!("  {}", shared.said(escape(&told.message))));
        }
        lines.extend(told.ids.iter().map(|id| format!("  X-Amz-Cf-Id: {}", shared.said(escape(id)))));
        let ruled_out = told.ruled_out.iter().take(MAX_NAMES);
        lines.extend(ruled_out.map(|(cause, why)| format!("  not {cause}: {}", shared.said(escape(why)))));
    }
    if seen.len() > MAX_EXAMPLES {
        lines.push(format!("  and {} more, in report.html", seen.len() - MAX_EXAMPLES));
    }
    lines.push(String::new());
}

fn attached(shared: &Shared, lines: &mut Vec<String>) {
    lines.push("Attached:".to_owned());
    let with_logs = !shared.joined.logs.is_empty();
    for (name, about, is_made) in [
        (super::NAME, "the packets of the failing connections, evidence in packet comments", true),
        (bundle::PAGE, "the same as a page", true),
        (bundle::JSON, "the same for programs", true),
        (bundle::ROWS, "rows of access logs that belong to them", with_logs),
    ] {
        if is_made {
            lines.push(format!("- {name}: {about}"));
        }
    }
    lines.extend(remarks(shared).into_iter().map(|remark| format!("Note: {remark}.")));
    if shared.rules.addresses.maps() {
        lines.push("Note: addresses other than CloudFront's are encrypted in all of it.".to_owned());
    }
}
