//! `capture.*`: the capture itself limits what can be said.

use crate::scenario::Scenario;

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[];
