//! Fragments of IP packets, put together (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Invariant: nothing is allocated before the first fragment, and every bound drops the oldest and counts it. The
//! first copy of a byte stays: RFC 5722 would have the receiver drop an IPv6 packet whose fragments overlap, and
//! what the receiver did after all is seen in its answer.

mod partial;
#[cfg(test)]
mod tests;

use super::Datagram;
use crate::base::{Micros, Timestamp};
use crate::link::{Encapsulation, IpFrame, Span};
use foldhash::fast::RandomState;
use partial::{Partial, Stored};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

/// Packets in progress: fragments of one follow each other closely, and as many may lose one within [`MAX_AGE`].
const MAX_DATAGRAMS: usize = 1_024;

/// Bytes kept of all packets in progress: what 256 of the largest need.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Finished packets kept to tell a fragment that was captured twice: the second copy comes soon.
const MAX_FINISHED: usize = 64;

/// How long fragments wait for each other, as in Linux. RFC 8200 says 60 seconds; but an identification of 16 bits
/// may come round sooner.
const MAX_AGE: Micros = Micros::from_secs(30);

/// Which fragment of which packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The identification field: 16 bits of IPv4, 32 of IPv6.
    pub(super) id: u32,
    /// Where the payload begins in that of the packet, in bytes.
    pub(super) offset: u16,
    /// Whether no more fragments follow.
    pub(super) is_last: bool,
}

/// A fragment of an IP packet, for a [`Defragmenter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    key: Key,
    /// The header of IPv4 with its options, or that of IPv6 without extension headers.
    header: &'a [u8],
    /// What the packet carries, if this is the first fragment.
    protocol: u8,
    offset: u16,
    is_last: bool,
    payload: Span<'a>,
}

/// What the fragments of one packet have in common. What is around them is part of it: two virtual networks may use
/// the same addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    /// The protocol of IPv4; 0 for IPv6, where it does not count (RFC 8200 section 4.5).
    protocol: u8,
    id: u32,
    around: Encapsulation,
}

/// A packet that was put together, as its sender might have sent it: for [`super::decode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    bytes: Vec<u8>,
    wire_len: u32,
    around: Encapsulation,
}

impl Whole {
    /// The packet: the header of the first fragment, of IPv4 with its options and of IPv6 without extension headers,
    /// and the payload up to the first byte that the snap length cut.
    #[must_use]
    pub fn frame(&self) -> IpFrame<'_> {
        IpFrame { bytes: &self.bytes, wire_len: self.wire_len, encapsulation: self.around }
    }
}

impl<'a> Fragment<'a> {
    /// The fragment that was found in `frame`.
    #[cold]
    pub(super) fn new(frame: IpFrame<'a>, datagram: &Datagram<'a, IpAddr>, part: Part) -> Self {
        let &Datagram { source, destination, protocol, payload, .. } = datagram;
        let (header_len, protocol_of_key) = match frame.bytes.first() {
            Some(first) if first >> 4 == 4 => (usize::from(first & 0xf) * 4, protocol),
            _ => (40, 0),
        };
        Fragment {
            key: Key { source, destination, protocol: protocol_of_key, id: part.id, around: frame.encapsulation },
            header: frame.bytes.get(..header_len).unwrap_or_default(),
            protocol,
            offset: part.offset,
            is_last: part.is_last,
            payload,
        }
    }

    /// Where the payload ends in that of the packet, in bytes.
    fn end(&self) -> u32 {
        u32::from(self.offset).saturating_add(self.payload.wire_len)
    }

    /// Whether any packet could have such a fragment: not empty, within the largest packet, and with others on their
    /// boundaries (RFC 791 section 3.2, RFC 8200 section 4.5).
    fn is_possible(&self) -> bool {
        let len = self.payload.wire_len;
        len > 0 && self.end() <= partial::MAX_DATAGRAM && (self.is_last || len.is_multiple_of(8))
    }
}

/// Puts fragments together, within bounds.
#[derive(Debug, Default)]
pub struct Defragmenter {
    /// Seeded by the process: a stranger who chooses addresses cannot choose collisions.
    partials: HashMap<Key, Partial, RandomState>,
    /// The keys of `partials`, oldest first.
    births: BTreeMap<u64, Key>,
    born: u64,
    /// Oldest first.
    finished: VecDeque<(Key, Partial)>,
    /// Kept of `partials` and `finished`.
    bytes: usize,
    lost: u64,
    conflicts: u64,
}

impl Defragmenter {
    /// Fragments that were given up so far, because others of their packet were missing, or too late, or because of
    /// a bound.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Fragments that still wait for others.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.partials.values().map(|p| p.fragments).sum()
    }

    /// Fragments that said something else than earlier ones about the same bytes, or about the packet's end.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.conflicts
    }

    /// Takes a fragment captured at `now`, which goes back only where the clock was set back; gives the packet that it
    /// completes.
    #[cold]
    #[inline(never)]
    pub fn take(&mut self, fragment: &Fragment<'_>, now: Timestamp) -> Option<Whole> {
        self.forget(now);
        if !fragment.is_possible() {
            self.lost += 1;
            return None;
        }
        let key = fragment.key;
        let is_new = !self.partials.contains_key(&key);
        if is_new && self.finished.iter().any(|(k, partial)| *k == key && partial.repeats(fragment)) {
            return None;
        }
        self.make_room(fragment.payload.bytes.len(), is_new);
        let (births, born) = (&mut self.births, &mut self.born);
        let partial = self.partials.entry(key).or_insert_with(|| {
            *born += 1;
            births.insert(*born, key);
            Partial::new(*born, now)
        });
        let before = partial.bytes;
        let stored = partial.add(fragment);
        self.bytes += partial.bytes - before;
        let is_whole = partial.is_whole();
        self.conflicts += u64::from(stored == Stored::Conflict);
        match stored {
            Stored::Full => self.give_up(&key),
            Stored::Yes | Stored::Conflict if is_whole => return self.complete(key),
            Stored::Yes | Stored::Conflict => {}
        }
        None
    }

    fn complete(&mut self, key: Key) -> Option<Whole> {
        let Some(whole) = self.partials.get(&key).and_then(|partial| partial.whole(key.around)) else {
            self.give_up(&key);
            return None;
        };
        if let Some(partial) = self.remove(&key) {
            while self.finished.len() >= MAX_FINISHED {
                self.forget_finished();
            }
            self.bytes += partial.bytes;
            self.finished.push_back((key, partial));
        }
        Some(whole)
    }

    /// Drops what is too old.
    fn forget(&mut self, now: Timestamp) {
        // A clock that was set back begins a new count.
        let is_old = |partial: &Partial| now < partial.since || partial.since.plus(MAX_AGE) < now;
        while self.finished.front().is_some_and(|(_, partial)| is_old(partial)) {
            self.forget_finished();
        }
        while let Some((_, &key)) = self.births.first_key_value()
            && self.partials.get(&key).is_none_or(is_old)
        {
            self.give_up(&key);
        }
    }

    /// Drops the least useful until `bytes` more fit, and one packet more if it is to be a new one.
    fn make_room(&mut self, bytes: usize, is_new: bool) {
        while self.bytes + bytes > MAX_BYTES && !self.finished.is_empty() {
            self.forget_finished();
        }
        while (self.bytes + bytes > MAX_BYTES || is_new && self.partials.len() >= MAX_DATAGRAMS)
            && let Some((_, &key)) = self.births.first_key_value()
        {
            self.give_up(&key);
        }
    }

    fn forget_finished(&mut self) {
        if let Some((_, partial)) = self.finished.pop_front() {
            self.bytes -= partial.bytes;
        }
    }

    fn give_up(&mut self, key: &Key) {
        self.lost += self.remove(key).map_or(0, |partial| partial.fragments);
    }

    fn remove(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partials.remove(key)?;
        self.births.remove(&partial.birth);
        self.bytes -= partial.bytes;
        Some(partial)
    }
}
