//! Waits that are a timeout of the edge (contract, ruling 4).

use crate::base::Micros;
use crate::diagnosis::Confidence;

/// A wait is a timeout of the edge only if it lasted this long: the shortest time limit that it can be given.
pub(super) const TIMEOUT: Micros = Micros::from_secs(1);

/// How sure it is that a wait was a timeout that somebody has set.
pub(super) fn confidence(wait: Micros) -> Confidence {
    if wait.is_near_whole_seconds() { Confidence::Likely } else { Confidence::Possible }
}
