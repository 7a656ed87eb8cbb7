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

/// Looks for values that were removed, in every packet, comment and text.
pub(super) fn search(document: &Document, removed: &Removed) -> Result<(), String> {
    let found = |text: &[u8]| match removed.find(text) {
        // What it is must not be told either.
        Some(value) => Err(format!("{} bytes that were to be removed still stand in it", value.len())),
        None => Ok(()),
    };
    (0..).map_while(|n| document.block(n)).try_for_each(|block| found(&block))?;
    document.store.plans().try_for_each(|plan| found(plan.words()))
}

/// The same in one file of a bundle.
pub(super) fn search_file(name: &str, text: &[u8], removed: &Removed) -> Result<(), String> {
    match removed.find(text) {
        Some(value) => Err(format!("{name}: {} bytes that were to be removed still stand in it", value.len())),
        None => Ok(()),
    }
}
