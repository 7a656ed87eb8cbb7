//! Which of several findings explains the failure: contract, ruling 24.

use std::cmp::Reverse;

use super::{Cause, Finding};

/// Drops what another finding makes a consequence; puts first what the edge met first, then what is surer, then
/// what stands earlier in the catalogue.
pub(super) fn rank(found: &mut Vec<(&'static Cause, Finding)>) {
    let superseded: Vec<&str> = found.iter().flat_map(|(cause, _)| cause.supersedes.iter().copied()).collect();
    found.retain(|(cause, _)| !superseded.contains(&cause.id()));
    // Findings come in the order of the catalogue, which a stable sort keeps.
    found.sort_by_key(|(_, f)| (f.at.order(), Reverse(f.confidence)));
}
