//! What limits the conclusions, in the report's words: each under the capture that it belongs to.

use std::collections::BTreeMap;

use crate::base::CaptureIndex;
use crate::report::CaptureProblem;

use super::Noticed;
use super::desk::Limited;
use super::engine::NoticedIn;

/// All problems by capture. What belongs to no single one is told under the first of the `captures`.
pub(super) fn problems(
    noticed: &Noticed,
    limited: &Limited,
    captures: usize,
) -> BTreeMap<CaptureIndex, Vec<CaptureProblem>> {
    let mut told: BTreeMap<_, _> = noticed.captures.iter().map(|(i, of)| (*i, of_one(of))).collect();
    let all = of_all(noticed, limited, if captures > 1 { " (of all captures together)" } else { "" });
    if !all.is_empty() {
        told.entry(0).or_default().extend(all);
    }
    told
}

type Met = (&'static str, u64, String);

fn of_one(noticed: &NoticedIn) -> Vec<CaptureProblem> {
    let undecodable = match &noticed.first_undecodable {
        Some((frame, why)) => format!("packets that could not be decoded, the first in frame {frame}: {why}"),
        None => String::new(),
    };
    list([
        ("undecodable-frames", noticed.undecodable, undecodable),
        (
            "duplicate-frames",
            noticed.duplicates,
            "packets that were captured more than once (`-i any`, a mirror port); counted, but not as retransmissions"
                .to_owned(),
        ),
        (
            "one-sided",
            noticed.one_sided,
            "connections of which only one direction was captured; capture on the interface that carries both"
                .to_owned(),
        ),
        (
            "reassembly-limited",
            noticed.reassembly_limited,
            "connections with more bytes out of order than are kept; holes in them were given up early".to_owned(),
        ),
    ])
}

fn of_all(noticed: &Noticed, limited: &Limited, of: &str) -> Vec<CaptureProblem> {
    list([
        (
            "fragments-not-reassembled",
            noticed.fragments,
            format!("IP fragments of which others are missing{of}; what they carry was not looked at"),
        ),
        (
            "conflicting-fragments",
            noticed.conflicting_fragments,
            format!("IP fragments that differ from earlier ones where they overlap{of}; the earlier ones were taken"),
        ),
        (
            "connections-evicted",
            noticed.evicted,
            format!(
                "connections put away early because the table of open connections was full{of}; raise --max-connections"
            ),
        ),
        (
            "connections-evicted",
            noticed.relieved,
            format!(
                "connections put away early because what was said on all of them took more memory than is kept{of}; \
                 narrow it down with --filter, or cut the capture into shorter ones"
            ),
        ),
        (
            "roles-limited",
            noticed.hosts_limited,
            format!("connections to more servers than are remembered{of}; what these connect to counts as the edge's"),
        ),
        (
            "key-log-unused",
            if noticed.opened == 0 { noticed.not_opened } else { 0 },
            format!(
                "TLS connections, and the key log opens none of them{of}; of the first: {}",
                noticed.first_not_opened.as_deref().unwrap_or("no reason is known")
            ),
        ),
        (
            "verdicts-not-refined",
            limited.unrefined,
            format!("verdicts written without the second look that compares connections with each other{of}"),
        ),
        (
            "inner-failures-limited",
            limited.inner,
            format!(
                "failed connections from this host to its upstreams{of} that could not be named in what they caused"
            ),
        ),
    ])
}

fn list<const N: usize>(all: [Met; N]) -> Vec<CaptureProblem> {
    let met = all.into_iter().filter(|&(_, count, _)| count > 0);
    met.map(|(kind, count, detail)| CaptureProblem { kind: kind.into(), count, detail }).collect()
}
