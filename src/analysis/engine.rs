//! From packets to finished connections.

mod gone;
mod sweep;

use std::collections::BTreeMap;

use crate::base::{CaptureIndex, Endpoint, FrameRef};
use crate::flow::{FlowKey, Slot, Table};
use crate::ip::{self, Defragmenter, Fragment, IcmpError, TcpSegment, Whole};
use crate::link::{self, MAX_ENCAPSULATION, Undecodable};
use crate::observation::{Connection, Ended, Hosts, Judge};
use crate::session::tls;
use crate::source::{Packet, Secrets};
use crate::tcp;

use super::Options;
use super::clock::Clock;
use super::open::Open;
use gone::Gone;
pub use sweep::Swept;

/// Memory that the bytes out of order of all connections take: beyond it, a connection gives up its own holes.
const MAX_HELD_BYTES: usize = 64 << 20;

/// With more open connections than this, one that ended makes room soon.
const MAX_LINGERING: usize = 1_024;

/// What the engine noticed beside the connections.
#[derive(Debug, Clone, Default)]
pub struct Noticed {
    /// What belongs to one capture.
    pub captures: BTreeMap<CaptureIndex, NoticedIn>,
    /// Fragments of IP packets that could not be put together.
    pub fragments: u64,
    /// Fragments that said something else than earlier ones about the same bytes.
    pub conflicting_fragments: u64,
    /// Connections that were put away because the table was full.
    pub evicted: u64,
    /// TCP connections.
    pub connections: u64,
    /// TLS connections that keys opened, or began to open.
    pub opened: u64,
    /// Those of which they opened nothing.
    pub not_opened: u64,
    /// Why, of the first of those.
    pub first_not_opened: Option<String>,
    /// Connections whose server could not be remembered for one.
    pub hosts_limited: u64,
}

/// What the engine noticed in one capture; a connection counts for the capture that its first packet is in.
#[derive(Debug, Clone, Default)]
pub struct NoticedIn {
    /// Packets that could not be decoded down to a segment, by damage or because the format is not known.
    pub undecodable: u64,
    /// The first of them, and why.
    pub first_undecodable: Option<(u64, String)>,
    /// Connections of which reassembly reached its bound.
    pub reassembly_limited: u64,
    /// Packets captured more than once.
    pub duplicates: u64,
    /// Connections of which only one direction was captured.
    pub one_sided: u64,
    /// TCP connections.
    pub connections: u64,
}

/// Follows all connections of the input at once.
pub struct Engine<'o> {
    options: &'o Options,
    table: Table<FlowKey, Box<Open>>,
    defragmenter: Defragmenter,
    noticed: Noticed,
    hosts: Hosts,
    judge: Judge<'o>,
    /// Memory that bytes out of order take.
    held: usize,
    order: u64,
    clock: Clock,
    /// Connections that were put away early, while packets of theirs may still come.
    gone: Gone,
}

impl<'o> Engine<'o> {
    /// Begins with no connection.
    #[must_use]
    pub fn new(options: &'o Options) -> Engine<'o> {
        Engine {
            options,
            table: Table::default(),
            defragmenter: Defragmenter::default(),
            noticed: Noticed::default(),
            hosts: Hosts::default(),
            judge: Judge::new(&options.trust),
            held: 0,
            order: 0,
            clock: Clock::new(),
            gone: Gone::default(),
        }
    }

    /// What was noticed so far, fragments aside: they are counted at the end.
    #[must_use]
    pub fn noticed(&self) -> &Noticed {
        &self.noticed
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
        let slot = self.table.find(&FlowKey::new(one, other))?;
        self.table.get_mut(slot).map(|open| (open.id(), open.so_far().clone()))
    }

    /// The open connection whose last packet is this one.
    pub(super) fn open_that_took(&self, frame: u64) -> Option<u64> {
        self.table.values().find(|open| open.last_frame() == frame).map(|open| open.id())
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
        let frame = FrameRef::new(self.order, packet.frame, packet.time, capture);
        self.order += 1;
        self.clock.tick(packet.time);
        while let Some(open) = self.table.expire(self.clock.now()) {
            done(self.expired(open))?;
        }
        let whole = match link::decode(packet.link_type, packet.bytes, packet.original_len) {
            link::Decoded::Ip(whole) => whole,
            link::Decoded::NotIp => return Ok(()),
            link::Decoded::Undecodable(why) => {
                self.undecodable(frame, &why);
                return Ok(());
            }
        };
        let completed;
        let mut decoded = ip::decode(whole);
        if let ip::Decoded::Fragment(fragment) = &decoded {
            // Back to the way of ordinary packets, which is compiled into one function as long as it is the only one.
            let Some(packet) = self.completed(fragment, frame) else { return Ok(()) };
            completed = packet;
            decoded = ip::decode(completed.frame());
        }
        match decoded {
            ip::Decoded::Tcp(segment) => self.segment(&segment, frame, done)?,
            ip::Decoded::Undecodable(why) => self.undecodable(frame, &why),
            ip::Decoded::Icmp(error) => self.icmp(&error, frame),
            ip::Decoded::Fragment(_) | ip::Decoded::OtherProtocol => {}
        }
        Ok(())
    }

    /// The input ended: gives all that is left.
    ///
    /// # Errors
    /// What `done` said.
    pub fn finish<E>(mut self, mut done: impl FnMut(Box<Connection>) -> Result<(), E>) -> Result<Noticed, E> {
        for open in self.table.drain() {
            let ended = if open.is_over() { Ended::Closed } else { Ended::CaptureEnd };
            done(self.close(open, ended))?;
        }
        self.noticed.hosts_limited = self.hosts.not_remembered();
        self.noticed.fragments = self.defragmenter.lost() + self.defragmenter.waiting();
        self.noticed.conflicting_fragments = self.defragmenter.conflicts();
        Ok(self.noticed)
    }

    /// The packet that a fragment completes. Where that is, or carries, a fragment again, the one that it completes in
    /// turn.
    #[cold]
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
        mut done: impl FnMut(Box<Connection>) -> Result<(), E>,
    ) -> Result<(), E> {
        let ports = &self.options.ports;
        if !ports.is_empty() && !ports.contains(&segment.source.port) && !ports.contains(&segment.destination.port) {
            return Ok(());
        }
        let key = FlowKey::new(segment.source, segment.destination);
        let mut slot = self.table.find(&key);
        if let Some(taken) = slot
            && self.table.get_mut(taken).is_some_and(|open| open.is_replaced_by(segment))
        {
            if let Some(old) = self.table.remove(taken) {
                let ended = if old.is_over() { Ended::Closed } else { Ended::Replaced };
                done(self.close(old, ended))?;
            }
            slot = None;
        }
        let slot = match slot {
            Some(slot) => slot,
            None if self.is_late(&key, segment) => return Ok(()),
            None => self.open(key, segment, frame, done)?,
        };
        let crowded = self.is_crowded();
        if let Some(open) = self.table.get_mut(slot) {
            let patience = open.segment(segment, frame, crowded, self.clock.shift());
            self.held = self.held.wrapping_add_signed(open.held_more());
            if self.held > MAX_HELD_BYTES {
                open.make_room();
                self.held = self.held.wrapping_add_signed(open.held_more());
            }
            self.table.set_deadline(slot, self.clock.now().plus(patience));
        }
        Ok(())
    }

    /// An error about a connection that is not known says nothing: it may be anybody's.
    #[cold]
    fn icmp(&mut self, error: &IcmpError, frame: FrameRef) {
        let (from, to) = error.about;
        if let Some(slot) = self.table.find(&FlowKey::new(from, to))
            && let Some(open) = self.table.get_mut(slot)
        {
            open.icmp(error, frame);
        }
    }

    fn open<E>(
        &mut self,
        key: FlowKey,
        segment: &TcpSegment<'_>,
        frame: FrameRef,
        mut done: impl FnMut(Box<Connection>) -> Result<(), E>,
    ) -> Result<Slot, E> {
        if self.table.len() >= self.options.max_connections.max(1)
            && let Some(least) = self.table.evict()
        {
            self.noticed.evicted += 1;
            done(self.close(least, Ended::Evicted))?;
        }
        self.noticed.connections += 1;
        let id = self.noticed.connections;
        let open = Box::new(Open::new(id, segment, frame, self.clock.shift(), self.options.keys.clone()));
        open.introduce(&mut self.hosts, &self.options.prefixes);
        Ok(self.table.insert(key, id, open))
    }

    /// Closes the account of one whose deadline has come.
    fn expired(&mut self, open: Box<Open>) -> Box<Connection> {
        if !open.is_over() {
            return self.close(open, Ended::Idle);
        }
        if self.is_crowded() {
            self.bury(&open);
        }
        self.close(open, Ended::Closed)
    }

    /// Remembers one that is over and put away early.
    fn bury(&mut self, open: &Open) {
        let (client, server) = open.ends();
        self.gone.bury(FlowKey::new(client, server), open.begun(), self.clock.now());
    }

    fn is_crowded(&self) -> bool {
        self.table.len() > MAX_LINGERING
    }

    fn close(&mut self, open: Box<Open>, ended: Ended) -> Box<Connection> {
        self.held = self.held.saturating_sub(open.held());
        let mut c = open.finish(ended, &self.clock, &self.options.prefixes, &self.hosts);
        c.chain = self.judge.judge(&c);
        if let Some(tls) = &c.tls {
            self.keys_of(tls);
        }
        let noticed = self.noticed.captures.entry(c.first.capture()).or_default();
        noticed.duplicates += u64::from(c.tcp.duplicates.client) + u64::from(c.tcp.duplicates.server);
        noticed.one_sided += u64::from(c.is_one_sided());
        noticed.reassembly_limited += u64::from(c.tcp.reassembly_limit_reached);
        c
    }

    /// Counts what the keys were good for.
    fn keys_of(&mut self, tls: &tls::Transcript) {
        match tls.not_opened {
            Some(shut) if !shut.partly => {
                self.noticed.not_opened += 1;
                if self.noticed.first_not_opened.is_none() {
                    self.noticed.first_not_opened = tls.not_opened_in_words();
                }
            }
            Some(_) => self.noticed.opened += 1,
            None => self.noticed.opened += u64::from(tls.decrypted),
        }
    }

    #[cold]
    fn undecodable(&mut self, frame: FrameRef, why: &dyn std::fmt::Display) {
        let noticed = self.noticed.captures.entry(frame.capture()).or_default();
        noticed.undecodable += 1;
        if noticed.first_undecodable.is_none() {
            noticed.first_undecodable = Some((frame.frame, why.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::source::LinkType;
    use std::convert::Infallible;

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
