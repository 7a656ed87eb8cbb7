//! From packets to finished connections.

mod gone;
mod register;
mod shard;
mod sweep;

use crate::base::{CaptureIndex, Endpoint, FrameRef, Micros, Timestamp};
use crate::flow::{FlowKey, Leaving, Slot};
use crate::ip::{self, Defragmenter, Fragment, IcmpError, TcpSegment, Whole};
use crate::link::{self, MAX_ENCAPSULATION, Undecodable};
use crate::observation::{Connection, Ended, Judge};
use crate::source::{Packet, Secrets};
use crate::tcp::{self, ATTEMPT_IDLE};

use super::attempt::Flow;
use super::clock::Clock;
use super::open::Open;
use super::{MANY, Options};
pub use register::{Noticed, NoticedIn};
pub(super) use register::{Opened, Register};
use shard::{Left, Shard};
pub(super) use shard::{Part, Place, SHARDS};
pub use sweep::Swept;

/// Deadlines are looked at as often as this.
const LOOK_EVERY: Micros = Micros::from_millis(10);

/// Connections that a shard has room for at least.
const MIN_SHARD: usize = 1_024;

/// Memory that the bytes out of order of all connections of a shard take: beyond it, a connection gives up its own holes.
const MAX_HELD_BYTES: usize = 8 << 20;

/// Memory that what the sides of all connections of a shard said takes, about so many bytes: beyond it, the least useful
/// ones are put away.
const MAX_KEPT_BYTES: usize = 256 << 20;

/// Whether connections are divided into shards. A small table is not: its bound would be met too early.
pub(super) fn is_divided(options: &Options) -> bool {
    options.max_connections >= SHARDS * MIN_SHARD
}

/// Follows the connections of the input, all at once or one part of them.
pub struct Engine<'o> {
    options: &'o Options,
    shards: Vec<Shard>,
    part: Part,
    defragmenter: Defragmenter,
    register: Register<'o>,
    /// Connections that were opened, where `register` has but a part of them: what it says is then a guess.
    opened: Vec<Opened>,
    judge: Judge<'o>,
    order: u64,
    clock: Clock,
    /// When deadlines are looked at next.
    look_at: Timestamp,
}

impl<'o> Engine<'o> {
    /// Begins with no connection.
    #[must_use]
    pub fn new(options: &'o Options) -> Engine<'o> {
        Engine::of_part(options, Part::ALL)
    }

    /// The same for one part of the connections. Whoever has all parts keeps the register.
    pub(super) fn of_part(options: &'o Options, part: Part) -> Engine<'o> {
        let shards = if is_divided(options) { SHARDS } else { 1 };
        Engine {
            options,
            shards: (0..shards).map(|_| Shard::default()).collect(),
            part,
            defragmenter: Defragmenter::default(),
            register: Register::new(&options.prefixes),
            opened: Vec::new(),
            judge: Judge::new(&options.trust),
            order: 0,
            clock: Clock::new(),
            look_at: Timestamp(i64::MIN),
        }
    }

    /// The connections that were opened since this was last asked.
    pub(super) fn take_opened(&mut self) -> Vec<Opened> {
        std::mem::take(&mut self.opened)
    }

    /// How many packets it has taken: the position of the next one.
    pub(super) fn order(&self) -> u64 {
        self.order
    }

    /// Takes the secrets that a capture has brought, all but the first `known`. Says how many there are.
    #[cold]
    pub(super) fn learn(&self, secrets: &[Secrets], known: usize) -> usize {
        let wanted = |secrets: &&Secrets| secrets.kind == Secrets::TLS_KEY_LOG && !self.options.without_secrets;
        for secrets in secrets.iter().skip(known).filter(wanted) {
            // Reading from memory cannot fail.
            let _ = self.options.keys.read(secrets.data.as_slice());
        }
        secrets.len()
    }

    /// The open connection between two ends, and what TCP has seen of it so far.
    pub(super) fn open_between(&mut self, one: Endpoint, other: Endpoint) -> Option<(u64, tcp::Summary)> {
        let key = FlowKey::new(one, other);
        let at = self.part.shard(&key, self.shards.len())?;
        let table = &mut self.shards.get_mut(at)?.table;
        let slot = table.find(&key)?;
        let (_, id) = table.name(slot)?;
        let flow = table.get_mut(slot)?;
        Some((id, flow.follow(&key, &self.options.keys).so_far().clone()))
    }

    /// The open connection whose last packet is this one.
    pub(super) fn open_that_took(&self, frame: u64) -> Option<u64> {
        let mut flows = self.shards.iter().flat_map(|shard| shard.table.all());
        flows.find(|(_, _, flow)| flow.last_frame() == frame).map(|(_, id, _)| id)
    }

    /// Takes the next packet; `done` gets the connections that are over by its time.
    ///
    /// # Errors
    /// What `done` said.
    #[inline]
    pub fn packet<E>(
        &mut self,
        capture: CaptureIndex,
        packet: &Packet<'_>,
        mut done: impl FnMut(Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.follow(capture, packet, |_, connection| done(connection))
    }

    /// The same; `done` gets the place of each connection among those that one packet ends, whoever follows them.
    #[inline]
    pub(super) fn follow<E>(
        &mut self,
        capture: CaptureIndex,
        packet: &Packet<'_>,
        mut done: impl FnMut(Place, Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        let frame = FrameRef::new(self.order, packet.frame, packet.time, capture);
        self.order += 1;
        self.clock.tick(packet.time);
        if self.clock.now() >= self.look_at {
            self.let_expire(&mut done)?;
        }
        let span = link::plain(packet.link_type, packet.bytes, packet.original_len);
        let mut completed = None;
        let segment = match span.and_then(ip::plain) {
            Some(segment) => segment,
            None => match span.and_then(ip::plain_v6).or_else(|| self.otherwise(packet, frame, &mut completed)) {
                Some(segment) => segment,
                None => return Ok(()),
            },
        };
        // Called here alone, so that the whole way of a packet is compiled into one function.
        self.segment(&segment, frame, done)
    }

    /// The segment in a packet that is not plain, if there is one; what was put together of fragments is kept in
    /// `completed`.
    #[inline(never)]
    fn otherwise<'p>(
        &mut self,
        packet: &Packet<'p>,
        frame: FrameRef,
        completed: &'p mut Option<Whole>,
    ) -> Option<TcpSegment<'p>> {
        let mut decoded = match link::decode(packet.link_type, packet.bytes, packet.original_len) {
            link::Decoded::Ip(whole) => ip::decode(whole),
            link::Decoded::NotIp => return None,
            link::Decoded::Undecodable(why) => ip::Decoded::Undecodable(why),
        };
        if let ip::Decoded::Fragment(fragment) = &decoded {
            decoded = ip::decode(completed.insert(self.completed(fragment, frame)?).frame());
        }
        match decoded {
            ip::Decoded::Tcp(segment) => return Some(segment),
            ip::Decoded::Undecodable(why) => self.undecodable(frame, &why),
            ip::Decoded::Icmp(error) => self.icmp(&error, frame),
            ip::Decoded::Fragment(_) | ip::Decoded::OtherProtocol => {}
        }
        None
    }

    /// The input ended: gives all that is left.
    ///
    /// # Errors
    /// What `done` said.
    pub fn finish<E>(mut self, mut done: impl FnMut(Box<Connection>) -> Result<(), E>) -> Result<Noticed, E> {
        let tables = std::mem::take(&mut self.shards).into_iter().map(|shard| shard.table);
        for left in Leaving::of(tables) {
            let ended = if left.value.open().is_some_and(Open::is_over) { Ended::Closed } else { Ended::CaptureEnd };
            done(self.close(left, ended))?;
        }
        let mut noticed = self.register.finish();
        // Every engine puts fragments together, for whatever connection; one of them tells of it.
        if self.part.index == 0 {
            noticed.fragments = self.defragmenter.lost() + self.defragmenter.waiting();
            noticed.conflicting_fragments = self.defragmenter.conflicts();
        }
        Ok(noticed)
    }

    /// Closes the accounts whose deadlines have come. Those of many connections come together: what closes them is as much
    /// code as what follows packets.
    #[inline(never)]
    fn let_expire<E>(&mut self, done: &mut impl FnMut(Place, Box<Connection>) -> Result<(), E>) -> Result<(), E> {
        let now = self.clock.now();
        self.look_at = now.plus(LOOK_EVERY);
        for at in 0..self.shards.len() {
            while let Some((left, ended)) = self.shards.get_mut(at).and_then(|shard| shard.expire(now)) {
                done(Place(at), self.close(left, ended))?;
            }
        }
        Ok(())
    }

    /// The packet that a fragment completes. Where that is, or carries, a fragment again, the one that it completes in
    /// turn.
    #[inline(never)]
    fn completed(&mut self, fragment: &Fragment<'_>, frame: FrameRef) -> Option<Whole> {
        let mut whole = self.defragmenter.take(fragment, self.clock.now())?;
        for _ in 0..=MAX_ENCAPSULATION {
            let ip::Decoded::Fragment(inner) = ip::decode(whole.frame()) else { return Some(whole) };
            whole = self.defragmenter.take(&inner, self.clock.now())?;
        }
        self.undecodable(frame, &Undecodable::TooDeep);
        None
    }

    fn segment<E>(
        &mut self,
        segment: &TcpSegment<'_>,
        frame: FrameRef,
        mut done: impl FnMut(Place, Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        let ports = &self.options.ports;
        if !ports.is_empty() && !ports.contains(&segment.source.port) && !ports.contains(&segment.destination.port) {
            return Ok(());
        }
        let key = FlowKey::new(segment.source, segment.destination);
        let Some(at) = self.part.shard(&key, self.shards.len()) else { return Ok(()) };
        let Some(shard) = self.shards.get_mut(at) else { return Ok(()) };
        let mut slot = shard.table.find(&key);
        let keys = &self.options.keys;
        if let Some(taken) = slot
            && segment.flags.syn()
            && shard.table.get_mut(taken).is_some_and(|flow| flow.follow(&key, keys).is_replaced_by(segment))
        {
            if let Some(old) = shard.remove(taken) {
                let ended = if old.value.open().is_some_and(Open::is_over) { Ended::Closed } else { Ended::Replaced };
                done(Place::BEHIND, self.close(old, ended))?;
            }
            slot = None;
        }
        let slot = match slot {
            Some(slot) => slot,
            None if self.is_late(at, &key, segment) => return Ok(()),
            None => match self.open((at, key), segment, frame, &mut done)? {
                Some(slot) => slot,
                None => return Ok(()),
            },
        };
        let Some(shard) = self.shards.get_mut(at) else { return Ok(()) };
        let crowded = shard.is_crowded();
        let Shard { table, held, kept, .. } = shard;
        table.hear(slot, |flow| {
            let open = flow.follow(&key, keys);
            let patience = open.segment(segment, frame, crowded, self.clock.shift());
            *held = held.wrapping_add_signed(open.held_more());
            if *held > MAX_HELD_BYTES {
                open.make_room();
                *held = held.wrapping_add_signed(open.held_more());
            }
            if segment.payload_len > 0 {
                *kept = kept.wrapping_add_signed(open.kept_more());
            }
            self.clock.now().plus(patience)
        });
        if shard.kept > MAX_KEPT_BYTES { self.relieve(at, done) } else { Ok(()) }
    }

    /// Puts away the least useful connections of a shard until what is left fits.
    #[cold]
    fn relieve<E>(
        &mut self,
        at: usize,
        mut done: impl FnMut(Place, Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        let heavy = |shard: &&mut Shard| shard.kept > MAX_KEPT_BYTES;
        while let Some(least) = self.shards.get_mut(at).filter(heavy).and_then(Shard::evict) {
            self.register.noticed.relieved += 1;
            done(Place::RELIEVED, self.close(least, Ended::Evicted))?;
        }
        Ok(())
    }

    /// An error about a connection that is not known says nothing: it may be anybody's.
    #[cold]
    fn icmp(&mut self, error: &IcmpError, frame: FrameRef) {
        let (from, to) = error.about;
        let key = FlowKey::new(from, to);
        if let Some(at) = self.part.shard(&key, self.shards.len())
            && let Some(shard) = self.shards.get_mut(at)
            && let Some(slot) = shard.table.find(&key)
            && let Some(flow) = shard.table.get_mut(slot)
        {
            flow.follow(&key, &self.options.keys).icmp(error, frame);
        }
    }

    /// Begins with a packet of no open connection. Gives the place of what has yet to take that packet; `None` where all
    /// is done.
    fn open<E>(
        &mut self,
        (at, key): (usize, FlowKey),
        segment: &TcpSegment<'_>,
        frame: FrameRef,
        mut done: impl FnMut(Place, Box<Connection>) -> Result<(), E>,
    ) -> Result<Option<Slot>, E> {
        let room = (self.options.max_connections / self.shards.len().max(1)).max(1);
        let full = |shard: &&mut Shard| shard.table.len() >= room;
        if let Some(least) = self.shards.get_mut(at).filter(full).and_then(Shard::evict) {
            self.register.noticed.evicted += 1;
            done(Place::BEHIND, self.close(least, Ended::Evicted))?;
        }
        let opened = Opened::by(segment, frame);
        if self.part.is_one_of_several() {
            self.opened.push(opened);
        }
        let id = self.register.open(&opened);
        if id == MANY
            && let Some(on_many) = self.options.on_many
        {
            on_many();
        }
        let flow = Flow::new(segment, &key, frame, self.clock.shift(), &self.options.keys);
        let Some(shard) = self.shards.get_mut(at) else { return Ok(None) };
        let is_attempt = flow.open().is_none();
        let slot = shard.table.insert(key, id, flow);
        if is_attempt {
            shard.table.hear(slot, |_| self.clock.now().plus(ATTEMPT_IDLE));
        }
        Ok(Some(slot).filter(|_| !is_attempt))
    }

    fn close(&mut self, left: Left, ended: Ended) -> Box<Connection> {
        let about = (&self.clock, &self.options.prefixes);
        let mut c = left.value.finish(&left.key, left.id, ended, about);
        c.chain = self.judge.judge(&c);
        self.register.close(&mut c);
        c
    }

    #[cold]
    fn undecodable(&mut self, frame: FrameRef, why: &dyn std::fmt::Display) {
        // Every engine looks at every packet; one of them tells of it.
        if self.part.index > 0 {
            return;
        }
        let noticed = self.register.noticed.captures.entry(frame.capture()).or_default();
        noticed.undecodable += 1;
        if noticed.first_undecodable.is_none() {
            noticed.first_undecodable = Some((frame.frame, why.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LinkType;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An IPv6 packet.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let [a, b] = (payload.len() as u16).to_be_bytes();
        [&[0x60, 0, 0, 0, a, b, next, 64][..], &[1; 16], &[2; 16], payload].concat()
    }

    /// The packet cut in two, and those again, as often as `levels` says; what completes another comes last.
    fn cut(packet: &[u8], levels: u8, id: u16) -> Vec<Vec<u8>> {
        if levels == 0 {
            return vec![packet.to_vec()];
        }
        let (first, last) = packet[40..].split_at((packet.len() - 40) / 16 * 8);
        let part = |offset: u16, bytes: &[u8]| {
            let ([a, b], [c, d]) = (offset.to_be_bytes(), id.to_be_bytes());
            let packet = v6(44, &[&[packet[6], 0, a, b, 0, 0, c, d], bytes].concat());
            cut(&packet, levels - 1, id * 2 + u16::from(offset > 1))
        };
        [part(1, first), part(first.len() as u16, last)].concat()
    }

    #[test]
    fn whoever_gives_the_memory_learns_once_of_many_connections() {
        static TOLD: AtomicU64 = AtomicU64::new(0);
        let options = Options { on_many: Some(|| _ = TOLD.fetch_add(1, Ordering::Relaxed)), ..Options::default() };
        let mut engine = Engine::new(&options);
        for n in 1..=MANY + 1 {
            let mut syn = [0; 20];
            syn[..4].copy_from_slice(&[(n >> 8) as u8, n as u8, 0, 80]);
            (syn[12], syn[13]) = (0x50, 2);
            let (time, bytes) = (Timestamp(0), &v6(6, &syn)[..]);
            let packet = Packet { frame: n, time, link_type: LinkType::RAW, bytes, original_len: bytes.len() as u32 };
            engine.packet(0, &packet, |_| Ok::<_, Infallible>(())).unwrap();
            assert_eq!(TOLD.load(Ordering::Relaxed), u64::from(n >= MANY), "{n}");
        }
    }

    #[test]
    fn what_came_in_fragments_counts_once_at_the_frame_that_completes_it() {
        let mut syn = vec![0; 1_000];
        (syn[1], syn[3], syn[12], syn[13]) = (9, 80, 0x50, 2);
        let packet = v6(6, &syn);
        // Levels, packets left out at the end; then connections, fragments not put together, undecodable packets.
        for (levels, missing, expected) in [
            (0, 0, (1, 0, 0)),
            (1, 0, (1, 0, 0)),
            (1, 1, (0, 1, 0)),
            (3, 0, (1, 0, 0)),
            (3, 1, (0, 3, 0)),
            (9, 0, (1, 0, 0)),
            (10, 0, (0, 0, 1)),
        ] {
            let options = Options::default();
            let mut engine = Engine::new(&options);
            let mut parts = cut(&packet, levels, 1);
            parts.truncate(parts.len() - missing);
            for (bytes, frame) in parts.iter().zip(1..) {
                let original_len = bytes.len() as u32;
                let packet = Packet { frame, time: Timestamp(0), link_type: LinkType::RAW, bytes, original_len };
                engine.packet(0, &packet, |_| Ok::<_, Infallible>(())).unwrap();
            }
            let mut found = Vec::new();
            let keep = |c| {
                found.push(c);
                Ok::<_, Infallible>(())
            };
            let noticed = engine.finish(keep).unwrap();
            let got = (noticed.connections, noticed.fragments, noticed.captures.get(&0).map_or(0, |n| n.undecodable));
            assert_eq!((got, noticed.conflicting_fragments), (expected, 0), "{levels} levels without {missing}");
            for c in found {
                assert_eq!((c.tcp.packets.client, c.first.frame), (1, parts.len() as u64), "{levels}");
            }
        }
    }
}
