//! Connections that are over and were put away, while packets of theirs may still come.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::base::{Endpoint, Micros, SeqNumber, Timestamp};
use crate::flow::FlowKey;
use crate::ip::TcpSegment;

/// So many of a shard are remembered: those of two minutes at 500 in a second.
const MAX_GONE: usize = 8_192;

/// A packet may be under way, or be sent again, for so long: twice the longest life of a segment (RFC 9293 section 3.4.1
/// has two minutes for one, hosts go by 30 s).
const LATE: Micros = Micros::from_secs(120);

/// What is remembered of each: no more than half a line of a processor's cache, but for addresses that are longer than most.
#[derive(Debug)]
struct Grave {
    ends: Ends,
    until: Timestamp,
    /// The client's first number.
    first: Option<SeqNumber>,
}

/// The key of a connection, and which end of it began.
#[derive(Debug)]
enum Ends {
    V4 { addresses: u64, ports: u32, client_is_lower: bool },
    V6 { addresses: Box<[[u64; 2]; 2]>, ports: u32, client_is_lower: bool },
}

impl Ends {
    fn new(key: FlowKey, client: Endpoint) -> Ends {
        let client_is_lower = key.is_lower(client);
        match key {
            FlowKey::V4 { addresses, ports } => Ends::V4 { addresses, ports, client_is_lower },
            FlowKey::V6 { addresses, ports } => Ends::V6 { addresses: Box::new(addresses), ports, client_is_lower },
        }
    }

    #[inline]
    fn key(&self) -> FlowKey {
        match self {
            Ends::V4 { addresses, ports, .. } => FlowKey::V4 { addresses: *addresses, ports: *ports },
            Ends::V6 { addresses, ports, .. } => FlowKey::V6 { addresses: **addresses, ports: *ports },
        }
    }

    fn client_is_lower(&self) -> bool {
        match self {
            Ends::V4 { client_is_lower, .. } | Ends::V6 { client_is_lower, .. } => *client_is_lower,
        }
    }
}

/// The memory of them.
///
/// Nearly everything that is looked for is not here: to know that takes a look at the index alone.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// In the order in which they ended; some were replaced since.
    graves: VecDeque<Grave>,
    /// How many have left the queue; what counts them may come round.
    left: u32,
    /// Of each key, how many had entered the queue before the last one with it.
    index: HashTable<u32>,
    hasher: RandomState,
}

impl Gone {
    /// Remembers one that is over by `now`: who began it, and with which number.
    pub(super) fn bury(&mut self, key: FlowKey, (client, first): (Endpoint, Option<SeqNumber>), now: Timestamp) {
        while self.graves.front().is_some_and(|grave| grave.until <= now) || self.graves.len() >= MAX_GONE {
            self.forget_first();
        }
        let grave = Grave { ends: Ends::new(key, client), until: now.plus(LATE), first };
        let place = self.left.wrapping_add(self.graves.len() as u32);
        let Self { graves, left, index, hasher } = self;
        let at = |place: &u32| graves.get(place.wrapping_sub(*left) as usize);
        let rehash = |place: &u32| at(place).map_or(0, |grave| hasher.hash_one(grave.ends.key()));
        match index.entry(hasher.hash_one(key), |place| at(place).is_some_and(|grave| grave.ends.key() == key), rehash)
        {
            Entry::Occupied(mut known) => *known.get_mut() = place,
            Entry::Vacant(none) => drop(none.insert(place)),
        }
        self.graves.push_back(grave);
    }

    fn forget_first(&mut self) {
        let Some(grave) = self.graves.pop_front() else { return };
        if let Ok(entry) = self.index.find_entry(self.hasher.hash_one(grave.ends.key()), |place| *place == self.left) {
            entry.remove();
        }
        self.left = self.left.wrapping_add(1);
    }

    /// Whether this segment between the same ends belongs to one of them. A SYN with another number begins anew.
    pub(super) fn has(&mut self, key: &FlowKey, segment: &TcpSegment<'_>, now: Timestamp) -> bool {
        let Some(grave) = self.find(key) else { return false };
        let asks = segment.flags.syn() && !segment.flags.ack();
        let again =
            key.is_lower(segment.source) == grave.ends.client_is_lower() && grave.first == Some(segment.seq.plus(1));
        let late = now < grave.until && (!asks || again);
        if !late {
            // Nothing belongs to it any more.
            grave.until = Timestamp(i64::MIN);
        }
        late
    }

    /// The last one with this key.
    fn find(&mut self, key: &FlowKey) -> Option<&mut Grave> {
        if self.graves.is_empty() {
            return None;
        }
        let Self { graves, left, index, hasher } = self;
        let same =
            |place: &u32| graves.get(place.wrapping_sub(*left) as usize).is_some_and(|grave| grave.ends.key() == *key);
        let place = *index.find(hasher.hash_one(key), same)?;
        graves.get_mut(place.wrapping_sub(*left) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(n: u32, port: u16) -> Endpoint {
        Endpoint { ip: std::net::Ipv4Addr::from_bits(0x0a00_0000 | n).into(), port }
    }

    #[test]
    fn the_last_ones_are_found_as_long_as_there_is_room_and_time() {
        let mut gone = Gone::default();
        let key = |n: usize| FlowKey::new(end(n as u32, 40_000), end(1 << 20, 443));
        let now = Timestamp(0);
        assert!(gone.find(&key(0)).is_none());
        for n in 0..3 * MAX_GONE {
            gone.bury(key(n), (end(n as u32, 40_000), Some(SeqNumber(n as u32))), now);
        }
        let found = |gone: &mut Gone| (0..3 * MAX_GONE).filter(|&n| gone.find(&key(n)).is_some()).collect::<Vec<_>>();
        assert_eq!(found(&mut gone), (2 * MAX_GONE..3 * MAX_GONE).collect::<Vec<_>>());
        // One that ends again is known by its last beginning, and what is too old is forgotten.
        let again = key(3 * MAX_GONE - 1);
        gone.bury(again, (end(1 << 20, 443), None), now.plus(LATE));
        let grave = gone.find(&again).unwrap();
        assert_eq!((grave.first, grave.ends.client_is_lower()), (None, false));
        assert_eq!(found(&mut gone), [3 * MAX_GONE - 1]);
    }

    #[test]
    fn the_ends_of_a_key_are_told_apart() {
        let v6 = |ip: &str, port| Endpoint { ip: ip.parse().unwrap(), port };
        for (low, high) in [
            (end(1, 2), end(2, 1)),
            (end(1, 1), end(1, 2)),
            (v6("2001:db8::1", 2), v6("2001:db8::2", 1)),
            (end(1, 1), v6("2001:db8::1", 1)),
        ] {
            let key = FlowKey::new(high, low);
            assert!(key.is_lower(low) && !key.is_lower(high), "{low} {high}");
            assert_eq!((Ends::new(key, low).key(), Ends::new(key, high).client_is_lower()), (key, false));
        }
    }

    #[test]
    fn two_take_a_line_of_the_cache() {
        assert_eq!(size_of::<Grave>(), 32);
    }
}
