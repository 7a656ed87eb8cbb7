//! Exchanges that are not over.

use super::transcript::Exchange;
use std::collections::VecDeque;

/// Exchanges that are not over, oldest first. Hardly any client pipelines: one alone needs no list.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    front: Option<Box<Exchange>>,
    /// Those behind it; none where there is no front.
    others: VecDeque<Box<Exchange>>,
}

impl Pending {
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.front.is_some()) + self.others.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    #[inline]
    pub(super) fn front(&self) -> Option<&Exchange> {
        self.front.as_deref()
    }

    #[inline]
    pub(super) fn front_mut(&mut self) -> Option<&mut Exchange> {
        self.front.as_deref_mut()
    }

    #[inline]
    pub(super) fn back_mut(&mut self) -> Option<&mut Exchange> {
        self.others.back_mut().or(self.front.as_mut()).map(|exchange| &mut **exchange)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.front.iter().chain(&self.others).map(|exchange| &**exchange)
    }

    #[inline]
    pub(super) fn push_back(&mut self, exchange: Box<Exchange>) {
        if self.front.is_none() {
            self.front = Some(exchange);
        } else {
            self.others.push_back(exchange);
        }
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<Box<Exchange>> {
        let front = self.front.take();
        self.front = self.others.pop_front();
        front
    }

    pub(super) fn clear(&mut self) {
        self.front = None;
        self.others.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_out_in_the_order_in_which_they_went_in() {
        let mut pending = Pending::default();
        assert!(pending.pop_front().is_none() && pending.back_mut().is_none());
        for index in 0..3 {
            pending.push_back(Box::new(Exchange::new(index, None)));
            assert_eq!(pending.back_mut().map(|e| e.index), Some(index));
        }
        assert_eq!(pending.iter().map(|e| e.index).collect::<Vec<_>>(), [0, 1, 2]);
        for index in 0..3 {
            assert_eq!((pending.len(), pending.is_empty()), (3 - index as usize, false));
            assert_eq!(pending.front().map(|e| e.index), Some(index));
            assert_eq!(pending.pop_front().map(|e| e.index), Some(index));
        }
        pending.push_back(Box::new(Exchange::new(3, None)));
        pending.clear();
        assert!(pending.is_empty() && pending.front_mut().is_none());
    }
}
