//! The exchanges of a connection, each in its own place in memory from its first byte on.

use super::Exchange;
use std::slice;

/// Exchanges in order. They stay where they were built: each has a quarter of a kilobyte, and a connection has one or two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::vec_box, reason = "an exchange is large, and a list that grows takes room for four")]
pub struct Exchanges(Vec<Box<Exchange>>);

/// Goes through [`Exchanges`] from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a>(slice::Iter<'a, Box<Exchange>>);

impl Exchanges {
    /// All of them.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first.
    #[must_use]
    pub fn first(&self) -> Option<&Exchange> {
        self.0.first().map(|exchange| &**exchange)
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<&Exchange> {
        self.0.last().map(|exchange| &**exchange)
    }

    pub(super) fn push(&mut self, exchange: Box<Exchange>) {
        if self.0.capacity() == 0 {
            // Many connections have one alone.
            self.0 = Vec::with_capacity(1);
        }
        self.0.push(exchange);
    }

    pub(super) fn extend(&mut self, exchanges: impl Iterator<Item = Box<Exchange>>) {
        self.0.extend(exchanges);
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Exchange;

    #[inline]
    fn next(&mut self) -> Option<&'a Exchange> {
        self.0.next().map(|exchange| &**exchange)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|exchange| &**exchange)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Exchanges {
    type Item = &'a Exchange;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
