//! Waits that are a timeout of the edge (contract, ruling 4).

use crate::base::Micros;
use crate::diagnosis::Confidence;

/// A wait is a timeout of the edge only if it lasted this long.
pub(super) const TIMEOUT: Micros = Micros::from_secs(1);

/// A wait this near to a whole number of seconds was measured by a clock that somebody has set.
const NEAR: Micros = Micros::from_millis(150);

/// How sure it is that a wait was a timeout that somebody has set.
pub(super) fn confidence(wait: Micros) -> Confidence {
    if is_near_whole_seconds(wait) { Confidence::Likely } else { Confidence::Possible }
}

fn is_near_whole_seconds(wait: Micros) -> bool {
    let rest = wait.0.rem_euclid(Micros::from_secs(1).0);
    wait.0 >= Micros::from_secs(1).0 - NEAR.0 && (rest <= NEAR.0 || rest >= Micros::from_secs(1).0 - NEAR.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_whole_seconds() {
        for (ms, near) in [
            (0, false),
            (500, false),
            (900, true),
            (1_000, true),
            (1_149, true),
            (1_200, false),
            (2_990, true),
            (30_100, true),
            (30_400, false),
        ] {
            assert_eq!(is_near_whole_seconds(Micros::from_millis(ms)), near, "{ms}");
        }
    }
}
