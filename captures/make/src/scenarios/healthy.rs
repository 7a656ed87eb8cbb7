//! What is in order, and has to stay without a verdict, however odd it looks.

use crate::scenario::Scenario;

/// See the module.
pub(super) const SCENARIOS: &[Scenario] = &[];
