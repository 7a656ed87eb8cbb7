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

/// Looks for values that were removed: in every packet and plan, and in what is said of them, where what is `known` to
/// everybody may stand.
pub(super) fn search(document: &Document, removed: &Removed, known: &[u8]) -> Result<(), String> {
    let clean = |bytes: &[u8]| removed.find(bytes, &[], 0).map_or(Ok(()), |value| Err(found("a packet", value)));
    document
        .store
        .records
        .iter()
        .filter(|r| document.store.has(r))
        .try_for_each(|r| clean(&document.store.packet(r).0))?;
    document.store.plans().try_for_each(|plan| clean(plan.words()))?;
    search_text("the section's comment", document.section.as_bytes(), removed, known)?;
    let mut comments = document.comments.values().flatten();
    comments.try_for_each(|comment| search_text("a comment", comment.as_bytes(), removed, known))
}

/// Shorter values stand in any text.
const IN_TEXT: usize = 12;

/// The same in a text that is made of packets that were looked through.
pub(super) fn search_text(name: &str, text: &[u8], removed: &Removed, known: &[u8]) -> Result<(), String> {
    removed.find(text, known, IN_TEXT).map_or(Ok(()), |value| Err(found(name, value)))
}

/// What it is must not be told either.
fn found(name: &str, value: &[u8]) -> String {
    format!("{} bytes that were to be removed still stand in {name}", value.len())
}
