//! Connections that are over and were put away, while packets of theirs may still come.

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::base::{Endpoint, Micros, SeqNumber, Timestamp};
use crate::flow::FlowKey;
use crate::ip::TcpSegment;

/// So many of a shard are remembered: those of two minutes at 500 in a second.
const MAX_GONE: usize = 8_192;

/// A packet may be under way, or be sent again, for so long: twice the longest life of a segment (RFC 9293 section 3.4.1
/// has two minutes for one, hosts go by 30 s).
const LATE: Micros = Micros::from_secs(120);

/// What is remembered of each.
#[derive(Debug)]
struct Grave {
    client: Endpoint,
    first: Option<SeqNumber>,
    until: Timestamp,
}

/// The memory of them.
#[derive(Debug, Default)]
pub(super) struct Gone {
    graves: HashMap<FlowKey, Grave>,
    /// In the order in which they ended; some were replaced since.
    order: VecDeque<(Timestamp, FlowKey)>,
}

impl Gone {
    /// Remembers one that is over by `now`: who began it, and with which number.
    pub(super) fn bury(&mut self, key: FlowKey, (client, first): (Endpoint, Option<SeqNumber>), now: Timestamp) {
        let until = now.plus(LATE);
        self.graves.insert(key, Grave { client, first, until });
        self.order.push_back((until, key));
        while let Some(&(until, key)) = self.order.front().filter(|(end, _)| *end <= now || self.order.len() > MAX_GONE)
        {
            self.order.pop_front();
            if self.graves.get(&key).is_some_and(|grave| grave.until <= until) {
                self.graves.remove(&key);
            }
        }
    }

    /// Whether this segment between the same ends belongs to one of them. A SYN with another number begins anew.
    pub(super) fn has(&mut self, key: &FlowKey, segment: &TcpSegment<'_>, now: Timestamp) -> bool {
        let Some(grave) = self.graves.get(key) else { return false };
        let asks = segment.flags.syn() && !segment.flags.ack();
        let again = segment.source == grave.client && grave.first == Some(segment.seq.plus(1));
        let late = now < grave.until && (!asks || again);
        if !late {
            self.graves.remove(key);
        }
        late
    }
}
