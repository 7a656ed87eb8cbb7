//! Which exchanges of a long connection are kept.

use super::Exchanges;
use super::transcript::{Exchange, MAX_FIRST, MAX_LAST, MAX_NOTABLE, MAX_SLOW, Unlisted};
use std::collections::VecDeque;

/// Finished exchanges, as many as are kept. They are not moved until all are known: most connections have one or two,
/// and a list that grows has room for more.
#[derive(Debug, Clone, Default)]
#[expect(clippy::vec_box, reason = "an exchange is large, and a list that grows takes room for four")]
pub(super) struct Log {
    first: Exchanges,
    notable: Vec<Box<Exchange>>,
    slow: usize,
    recent: VecDeque<Box<Exchange>>,
    unlisted: Option<Box<Unlisted>>,
}

impl Log {
    /// Adds the next one, and hands out the one that is counted only because of it.
    pub(super) fn push(&mut self, exchange: Box<Exchange>) -> Option<Box<Exchange>> {
        if self.first.len() < MAX_FIRST {
            self.first.push(exchange);
            return None;
        }
        self.recent.push_back(exchange);
        if self.recent.len() <= MAX_LAST {
            return None;
        }
        self.recent.pop_front().and_then(|oldest| self.sift(oldest))
    }

    fn sift(&mut self, exchange: Box<Exchange>) -> Option<Box<Exchange>> {
        let only_slow = !exchange.is_notable();
        let ordinary = only_slow && (!exchange.is_slow() || self.slow >= MAX_SLOW);
        if ordinary || self.notable.len() >= MAX_NOTABLE {
            self.unlisted.get_or_insert_default().count(&exchange);
            return Some(exchange);
        }
        self.slow += usize::from(only_slow);
        self.notable.push(exchange);
        None
    }

    /// All that were kept, in order, and the times of the others.
    pub(super) fn into_exchanges(self) -> (Exchanges, Option<Box<Unlisted>>) {
        let mut all = self.first;
        all.extend(self.notable.into_iter().chain(self.recent));
        (all, self.unlisted)
    }
}

impl Unlisted {
    fn count(&mut self, exchange: &Exchange) {
        for (times, time) in [
            (&mut self.first_byte, exchange.first_byte()),
            (&mut self.duration, exchange.duration()),
            (&mut self.idle_before, exchange.idle_before()),
        ] {
            if let Some(time) = time {
                times.add(time);
            }
        }
    }
}
