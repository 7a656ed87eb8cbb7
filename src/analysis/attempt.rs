//! Connections that were asked for, and nothing more.
//!
//! A scan or a flood asks for connections by the hundred thousand of which nothing comes. Of each no more is kept than what
//! its SYN said: what follows a connection is ten times as large, and begins when there is something to follow.

use crate::base::{FrameRef, SeqNumber};
use crate::flow::FlowKey;
use crate::ip::{TcpFlags, TcpOptions, TcpSegment};
use crate::link::Encapsulation;
use crate::observation::{Connection, Ended};
use crate::session::Protocols;
use crate::session::tls::Keys;
use crate::tcp::Summary;

use super::clock::Clock;
use super::open::{About, Course, Due, Open};

/// The longest options of a TCP header, in bytes (RFC 9293 section 3.1: it has at most 15 words, of which 5 are others).
const OPTIONS: usize = 40;

/// A SYN, and no packet behind it. It fills a line of a processor's cache: of a flood none is at hand any more when its
/// time has come. Its ends are what it is found by.
pub(super) struct Attempt {
    frame: FrameRef,
    /// How far the capture's clock was from the engine's.
    shift: i64,
    beside: Option<Box<Beside>>,
    seq: SeqNumber,
    options: TcpOptions,
    ip_id: Option<u16>,
    window: u16,
    flags: TcpFlags,
    ttl: u8,
    /// The lower of the two ends sent it.
    from_lower: bool,
}

/// What is kept of those that are wrapped in something, or have no identification: all of IPv6, and few of IPv4.
struct Beside {
    encapsulation: Encapsulation,
    ack: SeqNumber,
    option_len: u8,
    option_bytes: [u8; OPTIONS],
}

impl Beside {
    /// Of this packet, where it has any. Without a mark its options tell whether another one is a copy of it.
    fn of(segment: &TcpSegment<'_>) -> Option<Box<Beside>> {
        let options = if segment.mark().is_some() { &[] } else { segment.option_bytes };
        if segment.encapsulation.is_empty() && segment.ack == SeqNumber(0) && options.is_empty() {
            return None;
        }
        let mut option_bytes = [0; OPTIONS];
        option_bytes.iter_mut().zip(options).for_each(|(place, byte)| *place = *byte);
        let option_len = options.len().min(OPTIONS) as u8;
        Some(Box::new(Beside { encapsulation: segment.encapsulation, ack: segment.ack, option_len, option_bytes }))
    }

    fn options(&self) -> &[u8] {
        self.option_bytes.get(..usize::from(self.option_len)).unwrap_or_default()
    }
}

impl Attempt {
    /// The first packet of a connection, if it is a SYN that brings nothing else.
    #[inline]
    fn of(segment: &TcpSegment<'_>, key: &FlowKey, frame: FrameRef, shift: i64) -> Option<Attempt> {
        let flags = segment.flags;
        if !flags.syn() || flags.ack() || flags.rst() || flags.fin() || segment.payload_len > 0 {
            return None;
        }
        Some(Attempt {
            frame,
            shift,
            beside: Beside::of(segment),
            seq: segment.seq,
            options: segment.options,
            ip_id: segment.ip_id,
            window: segment.window,
            flags,
            ttl: segment.ttl,
            from_lower: key.is_lower(segment.source),
        })
    }

    /// The SYN, between the ends of this key.
    fn segment(&self, key: &FlowKey) -> TcpSegment<'_> {
        let [lower, higher] = key.ends();
        let (source, destination) = if self.from_lower { (lower, higher) } else { (higher, lower) };
        let beside = self.beside.as_deref();
        TcpSegment {
            source,
            destination,
            seq: self.seq,
            ack: beside.map_or(SeqNumber(0), |beside| beside.ack),
            flags: self.flags,
            window: self.window,
            options: self.options,
            option_bytes: beside.map_or(&[], Beside::options),
            payload: &[],
            payload_len: 0,
            ip_id: self.ip_id,
            ttl: self.ttl,
            encapsulation: beside.map(|beside| beside.encapsulation).unwrap_or_default(),
        }
    }

    /// Closes the account, as if it had been followed.
    fn finish(&self, key: &FlowKey, id: u64, ended: Ended, about: About<'_>) -> Box<Connection> {
        let segment = self.segment(key);
        let course = Course::begin(&segment, self.frame, self.shift);
        course.finish((id, ended), Summary::of_syn(&segment, self.frame), Protocols::default(), about)
    }

    /// Begins to follow it.
    fn begin(&self, key: &FlowKey, keys: &Keys) -> Box<Open> {
        let segment = self.segment(key);
        let mut open = Box::new(Open::new(&segment, self.frame, self.shift, keys.clone()));
        open.segment(&segment, self.frame, false, self.shift);
        open
    }
}

/// A connection that is not over.
pub(super) enum Flow {
    /// It was asked for.
    Attempt(Attempt),
    /// It is followed.
    Open(Box<Open>),
}

impl Flow {
    /// Begins with the first packet that was captured of a connection. What is followed has yet to take that packet.
    #[inline]
    pub(super) fn new(segment: &TcpSegment<'_>, key: &FlowKey, frame: FrameRef, shift: i64, keys: &Keys) -> Flow {
        match Attempt::of(segment, key, frame, shift) {
            Some(attempt) => Flow::Attempt(attempt),
            None => Flow::Open(Box::new(Open::new(segment, frame, shift, keys.clone()))),
        }
    }

    /// What follows the connection of this key, from now on.
    #[inline]
    pub(super) fn follow(&mut self, key: &FlowKey, keys: &Keys) -> &mut Open {
        loop {
            match self {
                Flow::Open(open) => return open,
                Flow::Attempt(attempt) => *self = Flow::Open(attempt.begin(key, keys)),
            }
        }
    }

    /// Closes the account of the connection with this key and this number.
    pub(super) fn finish(self, key: &FlowKey, id: u64, ended: Ended, about: About<'_>) -> Box<Connection> {
        match self {
            Flow::Open(open) => open.finish(id, ended, about),
            Flow::Attempt(attempt) => attempt.finish(key, id, ended, about),
        }
    }

    /// What is followed, if it is.
    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Flow::Open(open) => Some(open),
            Flow::Attempt(_) => None,
        }
    }

    /// The frame of its last packet.
    pub(super) fn last_frame(&self) -> u64 {
        match self {
            Flow::Open(open) => open.last_frame(),
            Flow::Attempt(attempt) => attempt.frame.frame,
        }
    }

    /// What is to be done about it now, where connections are told of before their end; and when it was last looked at, in
    /// packets.
    pub(super) fn due(&self, clock: &Clock) -> Option<(Due, u64)> {
        match self {
            Flow::Open(open) => open.due(clock).map(|due| (due, open.looked())),
            Flow::Attempt(_) => Some((Due::Look, 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Endpoint, Timestamp};
    use crate::ip::Checksum;
    use crate::link::Layer;
    use crate::observation::Prefixes;

    const SYN: u8 = 0x02;
    const ECE_CWR: u8 = 0xc0;

    fn frame(order: u64) -> FrameRef {
        FrameRef::new(order, order + 1, Timestamp(order as i64 * 10_000_000), 0)
    }

    /// A SYN with nothing unusual about it.
    fn syn<'a>() -> TcpSegment<'a> {
        TcpSegment {
            source: Endpoint { ip: [130, 176, 1, 2].into(), port: 40_000 },
            destination: Endpoint { ip: [10, 0, 0, 5].into(), port: 443 },
            seq: SeqNumber(u32::MAX),
            ack: SeqNumber(0),
            flags: TcpFlags(SYN),
            window: 64_240,
            options: TcpOptions { mss: Some(1_460), window_scale: Some(7), checksum: Checksum::Right },
            option_bytes: &[2, 4, 5, 0xb4],
            payload: &[],
            payload_len: 0,
            ip_id: Some(7),
            ttl: 64,
            encapsulation: Encapsulation::default(),
        }
    }

    fn new(syn: &TcpSegment<'_>) -> Flow {
        Flow::new(syn, &FlowKey::new(syn.source, syn.destination), frame(5), 0, &Keys::default())
    }

    /// What comes of a connection that was followed from its SYN on, and of one that was not before something followed it.
    fn both_ways(syn: &TcpSegment<'_>, next: &[TcpSegment<'_>]) -> [String; 2] {
        let (keys, mut clock) = (Keys::default(), Clock::new());
        let key = FlowKey::new(syn.source, syn.destination);
        let kept = Flow::new(syn, &key, frame(5), clock.shift(), &keys);
        let mut followed = Box::new(Open::new(syn, frame(5), clock.shift(), keys.clone()));
        followed.segment(syn, frame(5), false, clock.shift());
        [Flow::Open(followed), kept].map(|mut flow| {
            clock.tick(frame(9).time);
            for (segment, order) in next.iter().zip(6..) {
                flow.follow(&key, &keys).segment(segment, frame(order), false, clock.shift());
            }
            let prefixes = Prefixes::new([([130, 176, 0, 0].into(), 16)]);
            format!("{:?}", flow.finish(&key, 3, Ended::Idle, (&clock, &prefixes)))
        })
    }

    #[test]
    fn an_attempt_tells_what_following_it_would_have_told() {
        let mut tunnel = Encapsulation::default();
        tunnel.push(Layer::Vlan(12)).unwrap();
        let v6 = |n: u16| Endpoint { ip: [0x2001, 0xdb8, 0, 0, 0, 0, 0, n].into(), port: n };
        for (what, syn) in [
            ("usual", syn()),
            ("no options", TcpSegment { options: TcpOptions::default(), option_bytes: &[], ..syn() }),
            ("damaged", TcpSegment { options: TcpOptions { checksum: Checksum::Wrong, ..syn().options }, ..syn() }),
            ("asks for ECN", TcpSegment { flags: TcpFlags(SYN | ECE_CWR), window: 0, ack: SeqNumber(9), ..syn() }),
            ("without a mark", TcpSegment { ip_id: Some(0), option_bytes: &[1; OPTIONS], ..syn() }),
            ("the other way", TcpSegment { source: syn().destination, destination: syn().source, ..syn() }),
            ("tunnelled", TcpSegment { encapsulation: tunnel, ..syn() }),
            ("IPv6", TcpSegment { source: v6(1), destination: v6(2), ip_id: None, option_bytes: &[1; 20], ..syn() }),
        ] {
            assert!(new(&syn).open().is_none(), "{what}");
            let answer = TcpSegment {
                source: syn.destination,
                destination: syn.source,
                seq: SeqNumber(77),
                ack: syn.seq.plus(1),
                flags: TcpFlags(SYN | 0x10),
                ..syn
            };
            let reset = TcpSegment { flags: TcpFlags(0x14), ..answer };
            for next in [&[][..], &[syn], &[answer], &[reset], &[syn, answer]] {
                let [followed, kept] = both_ways(&syn, next);
                assert_eq!(kept, followed, "{what}, then {}", next.len());
            }
        }
    }

    #[test]
    fn it_fills_a_line_of_the_cache() {
        assert_eq!([size_of::<Attempt>(), size_of::<Flow>()], [64; 2]);
    }

    #[test]
    fn what_brings_more_than_a_syn_is_followed_at_once() {
        for more in [
            TcpSegment { flags: TcpFlags(SYN | 0x10), ..syn() },
            TcpSegment { flags: TcpFlags(SYN | 0x01), ..syn() },
            TcpSegment { payload: b"GET", payload_len: 3, ..syn() },
            TcpSegment { payload_len: 3, ..syn() },
        ] {
            assert!(new(&more).open().is_some(), "{more:?}");
        }
    }
}
