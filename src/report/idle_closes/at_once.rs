//! Connections that were closed right after a response: a limit of requests, or an origin that reloads.

use crate::base::{Micros, Timestamp};

/// Connections that are closed within this time are closed on one occasion: workers stop one after the other.
const OCCASION: Micros = Micros::from_secs(1);

/// Closes right after a response.
#[derive(Debug, Default)]
pub(super) struct AtOnce {
    closes: u64,
    /// When the first and the last were closed.
    span: Option<(Timestamp, Timestamp)>,
    /// The fewest and the most requests that such a connection had; `None` where that of one is not known.
    requests: Option<(u64, u64)>,
}

impl AtOnce {
    /// Notes a connection that was closed after so many requests, where they could be counted.
    pub(super) fn add(&mut self, at: Timestamp, requests: Option<u64>) {
        self.absorb(&AtOnce { closes: 1, span: Some((at, at)), requests: requests.map(|n| (n, n)) });
    }

    pub(super) fn absorb(&mut self, other: &AtOnce) {
        if other.closes == 0 {
            return;
        }
        self.span = if self.closes == 0 { other.span } else { widest(self.span, other.span) };
        self.requests = if self.closes == 0 { other.requests } else { widest(self.requests, other.requests) };
        self.closes += other.closes;
    }

    /// How many there are.
    pub(super) fn closes(&self) -> u64 {
        self.closes
    }

    /// The number of requests that several of them had, all of them the same. Two may agree by chance, unless neither was
    /// kept at all.
    pub(super) fn after_requests(&self) -> Option<u64> {
        let (fewest, most) = self.requests?;
        let enough = self.closes > 2 || (self.closes == 2 && most == 1);
        (enough && fewest == most).then_some(fewest)
    }

    /// The time within which several of them were closed, if that was one occasion and no number of requests. Two may be
    /// near each other by chance.
    pub(super) fn within(&self) -> Option<Micros> {
        let (first, last) = self.span.filter(|_| self.closes > 2 && self.after_requests().is_none())?;
        Some(last.since(first)).filter(|&time| time < OCCASION)
    }
}

fn widest<T: Ord>(a: Option<(T, T)>, b: Option<(T, T)>) -> Option<(T, T)> {
    let ((a_low, a_high), (b_low, b_high)) = a.zip(b)?;
    Some((a_low.min(b_low), a_high.max(b_high)))
}
