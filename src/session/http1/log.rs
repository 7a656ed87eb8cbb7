//! Which exchanges of a long connection are kept.

use super::transcript::{Exchange, MAX_FIRST, MAX_LAST, MAX_NOTABLE, MAX_SLOW};
use std::collections::VecDeque;

/// Finished exchanges, as many as are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    first: Vec<Exchange>,
    notable: Vec<Exchange>,
    slow: usize,
    recent: VecDeque<Exchange>,
}

impl Log {
    /// Adds the next one.
    pub(super) fn push(&mut self, exchange: Exchange) {
        if self.first.len() < MAX_FIRST {
            self.first.push(exchange);
            return;
        }
        self.recent.push_back(exchange);
        if self.recent.len() > MAX_LAST
            && let Some(oldest) = self.recent.pop_front()
        {
            self.sift(oldest);
        }
    }

    fn sift(&mut self, exchange: Exchange) {
        let only_slow = !exchange.is_notable();
        if only_slow && (!exchange.is_slow() || self.slow >= MAX_SLOW) {
            return;
        }
        if self.notable.len() < MAX_NOTABLE {
            self.slow += usize::from(only_slow);
            self.notable.push(exchange);
        }
    }

    /// All that were kept, in order.
    pub(super) fn into_exchanges(self) -> Vec<Exchange> {
        let mut all = self.first;
        all.extend(self.notable);
        all.extend(self.recent);
        all
    }
}
