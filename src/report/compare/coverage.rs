//! In what two captures differ beside what failed: they may not be comparable.

use std::collections::BTreeSet;

use super::picture::Picture;
use crate::base::Micros;
use crate::report::layout::count;

/// One capture that covers so many times what the other does is worth a word.
const MUCH: i64 = 3;

/// With fewer connections one more or less changes the picture.
const FEW: u64 = 20;

/// Names listed in one sentence.
const MAX_NAMES: usize = 4;

/// What a person must know before believing the comparison, most important first.
pub(super) fn differences(before: &Picture, after: &Picture) -> Vec<String> {
    let mut told = Vec::new();
    for (name, picture) in [("before", before), ("after", after)] {
        match picture.judged() {
            0 => told.push(format!("{name}: of no connection it can be told whether it failed")),
            n if n < FEW => {
                told.push(format!("{name}: {} judged, no more; few connections prove little", count(n, "connection")))
            }
            _ => {}
        }
        if picture.inconclusive > picture.connections / 5 {
            let (n, of) = (picture.inconclusive, picture.connections);
            told.push(format!("{name}: of {n} of {of} connections the capture cannot tell; they are left out"));
        }
    }
    let (ours, theirs) = (before.peers.counted(), after.peers.counted());
    told.extend(other("servers", &ours.servers, &theirs.servers));
    told.extend(other("kinds of clients", &ours.clients, &theirs.clients));
    let (short, long) = (before.length(), after.length());
    if let (Some(short), Some(long)) = (short, long)
        && (much(short, long) || much(long, short))
    {
        told.push(format!("length: {short} before, {long} after"));
    }
    let kinds: BTreeSet<_> = before.problems.keys().chain(after.problems.keys()).collect();
    for kind in kinds {
        let count = |picture: &Picture| picture.problems.get(kind).copied().unwrap_or(0);
        if (count(before) == 0) != (count(after) == 0) {
            told.push(format!("{kind}: {} before, {} after", count(before), count(after)));
        }
    }
    told
}

fn much(more: Micros, less: Micros) -> bool {
    more.0 / MUCH > less.0
}

/// What the two do not have in common.
fn other(what: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<String> {
    let list = |names: &BTreeSet<String>| {
        let mut listed: Vec<_> = names.iter().take(MAX_NAMES).map(String::as_str).collect();
        if names.len() > MAX_NAMES {
            listed.push("others");
        }
        if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }
    };
    (before != after).then(|| format!("{what} are not the same: {} before, {} after", list(before), list(after)))
}
