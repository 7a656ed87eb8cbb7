//! Which exchanges of a long connection are kept.

use super::transcript::{Exchange, Unlisted};
use std::collections::VecDeque;

/// Exchanges kept from the beginning of a connection.
pub const MAX_FIRST: usize = 64;
/// Exchanges kept from its end.
pub const MAX_LAST: usize = 64;
/// Exchanges kept from between because there is something to say about them.
pub const MAX_NOTABLE: usize = 256;
/// Of these, those that are nothing but slow.
pub const MAX_SLOW: usize = 64;

/// Finished exchanges, as many as are kept, in the order in which they ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    first: Vec<Exchange>,
    notable: Vec<Exchange>,
    slow: usize,
    recent: VecDeque<Exchange>,
    unlisted: Option<Box<Unlisted>>,
}

impl Log {
    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.notable.len() + self.recent.len()
    }

    /// Adds the next one, and hands out the one that is counted only because of it.
    pub(super) fn push(&mut self, exchange: Exchange) -> Option<Exchange> {
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

    /// The exchange on this stream, if it is among those that ended last.
    pub(super) fn ended(&mut self, stream: u32) -> Option<&mut Exchange> {
        self.recent.iter_mut().rev().chain(self.first.iter_mut().rev()).find(|exchange| exchange.stream == stream)
    }

    fn sift(&mut self, exchange: Exchange) -> Option<Exchange> {
        let only_slow = !exchange.is_notable();
        let ordinary = only_slow && (!exchange.is_slow() || self.slow >= MAX_SLOW);
        if ordinary || self.notable.len() >= MAX_NOTABLE {
            let unlisted = self.unlisted.get_or_insert_default();
            exchange.first_byte().into_iter().for_each(|took| unlisted.first_byte.add(took));
            exchange.duration().into_iter().for_each(|took| unlisted.duration.add(took));
            return Some(exchange);
        }
        self.slow += usize::from(only_slow);
        self.notable.push(exchange);
        None
    }

    /// All that were kept, in the order in which they began, and the times of the others.
    pub(super) fn into_exchanges(self) -> (Vec<Exchange>, Option<Box<Unlisted>>) {
        let mut all = self.first;
        all.extend(self.notable);
        all.extend(self.recent);
        all.sort_by_key(|exchange| exchange.index);
        (all, self.unlisted)
    }
}
