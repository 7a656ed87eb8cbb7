//! Connections told of while the input goes on: what files leave to the end is wanted at once of an interface.

use crate::base::Timestamp;
use crate::flow::FlowKey;
use crate::ip::TcpSegment;
use crate::observation::{Connection, Ended};

use super::super::open::Due;
use super::Engine;

/// Open connections looked at in one sweep, those first that were not for the longest time: a look costs as much as some
/// dozen packets, and packets do not wait.
const MAX_LOOKS: usize = 1_000;

/// What a sweep meets.
pub enum Swept<'c> {
    /// A connection as it is so far.
    Open(&'c Connection),
    /// One that is over.
    Over(Box<Connection>),
}

impl<'o> Engine<'o> {
    /// Lets time pass without a packet; `done` gets the connections that are over by then.
    ///
    /// # Errors
    /// What `done` said.
    pub fn tick<E>(
        &mut self,
        time: Timestamp,
        mut done: impl FnMut(Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.clock.tick(time);
        self.let_expire(&mut |_, connection| done(connection))
    }

    /// The clock was set, and says this now: no time passes by that, and what lasts across it means nothing.
    pub fn clock_set(&mut self, time: Timestamp) {
        self.clock.set(time);
    }

    /// Puts away the connections that have ended, and shows those that are open, as they would be if the capture ended
    /// now, where something came since the last sweep or a silence grew long.
    ///
    /// # Errors
    /// What `take` said.
    pub fn sweep<E>(&mut self, mut take: impl FnMut(Swept<'_>) -> Result<(), E>) -> Result<(), E> {
        let clock = &self.clock;
        let flows = (0..).zip(&self.shards).flat_map(|(at, shard)| shard.table.all().map(move |flow| (at, flow)));
        let due =
            flows.filter_map(|(at, (slot, _, flow))| flow.due(clock).map(|(due, looked)| (due, looked, (at, slot))));
        let mut due: Vec<_> = due.collect();
        due.sort_unstable_by_key(|&(what, looked, place)| (what != Due::Close, looked, place));
        let over = due.partition_point(|&(what, ..)| what == Due::Close);
        due.truncate(over + MAX_LOOKS);
        for (what, _, (at, slot)) in due {
            let Some(shard) = self.shards.get_mut::<usize>(at) else { continue };
            if what == Due::Close {
                let Some(left) = shard.put_away(slot, self.clock.now()) else { continue };
                take(Swept::Over(self.close(left, Ended::Closed)))?;
            } else if let Some((key, id)) = shard.table.name(slot)
                && let Some(flow) = shard.table.get_mut(slot)
            {
                let seen = flow.follow(&key, &self.options.keys).look(self.order);
                let mut c = seen.finish(id, Ended::CaptureEnd, (&self.clock, &self.options.prefixes));
                c.chain = self.judge.judge(&c);
                self.register.assign(&mut c);
                take(Swept::Open(&c))?;
            }
        }
        Ok(())
    }

    /// Whether a segment of no open connection belongs to one that is over.
    #[cold]
    pub(super) fn is_late(&mut self, at: usize, key: &FlowKey, segment: &TcpSegment<'_>) -> bool {
        self.shards.get_mut(at).is_some_and(|shard| shard.gone.has(key, segment, self.clock.now()))
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shards.iter().map(|shard| shard.table.len()).sum()
    }
}
