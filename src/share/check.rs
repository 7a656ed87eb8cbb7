//! Is what would be written what it should be?

use std::collections::BTreeMap;

use super::document::Document;
use super::gather::{Brief, Told};
use super::removed::Removed;

/// Why a connection is left out.
const CHANGED: &str = "its verdict rests on something that is removed";
const SPLIT: &str = "it cannot be told from another one in it";

/// Connections whose verdicts in the document are not those that are expected.
pub(super) fn changed(
    document: &Document,
    told: &[Told],
    expected: &[Brief],
    seen: &[(usize, Told)],
) -> BTreeMap<u32, &'static str> {
    let mut found: BTreeMap<usize, Vec<Brief>> = BTreeMap::new();
    for (number, told) in seen {
        found.entry(*number).or_default().push(told.alone);
    }
    let wrong = |number: usize| {
        let here = found.get(&number).map(Vec::as_slice);
        match (here, expected.get(number)) {
            (Some([one]), Some(expected)) if one == expected => None,
            (Some([_]) | None, _) => Some(CHANGED),
            _ => Some(SPLIT),
        }
    };
    let numbers = (0..told.len()).filter_map(|n| u32::try_from(n).ok());
    let written = numbers.filter(|number| !document.store.left_out.contains_key(number));
    written.filter_map(|number| Some((number, wrong(number as usize)?))).collect()
}

/// Whether nothing stands in packets and names of interfaces that was removed and is not excused.
pub(super) fn is_clean(document: &Document, removed: &Removed) -> bool {
    let is_clean = |bytes: &[u8]| removed.find(bytes, &[], 0).is_none();
    let mut clean = document.names().flatten().all(|name| is_clean(name.as_bytes()));
    document.each_written(|_, bytes| clean = clean && is_clean(bytes));
    clean
}

/// Shorter values stand in any text.
const IN_TEXT: usize = 12;

/// Whether the same stands in what is said of packets that were looked through. What is `known` to everybody may.
pub(super) fn is_said(text: &[u8], removed: &Removed, known: &[u8]) -> bool {
    removed.find(text, known, IN_TEXT).is_some()
}
