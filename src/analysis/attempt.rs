//! Connections that were asked for, and nothing more.
//!
//! A scan or a flood asks for connections by the hundred thousand of which nothing comes. Of each no more is kept than what
//! its SYN said: what follows a connection is several times as large, and begins when there is something to follow.

use crate::base::{Endpoint, FrameRef, SeqNumber};
use crate::ip::{TcpFlags, TcpOptions, TcpSegment};
use crate::link::Encapsulation;
use crate::observation::{Connection, Ended, Prefixes};
use crate::session::Protocols;
use crate::session::tls::Keys;
use crate::tcp::Summary;

use super::clock::Clock;
use super::engine::Opened;
use super::open::{Course, Due, Open};

/// Bytes of the options of a SYN, as operating systems send it.
const OPTIONS: usize = 24;

/// A SYN, and no packet behind it.
pub(super) struct Attempt {
    id: u64,
    frame: FrameRef,
    /// How far the capture's clock was from the engine's.
    shift: i64,
    /// Most packets have nothing but the link's own header around them.
    encapsulation: Option<Box<Encapsulation>>,
    client: Endpoint,
    server: Endpoint,
    seq: SeqNumber,
    ack: SeqNumber,
    window: u16,
    ip_id: Option<u16>,
    options: TcpOptions,
    flags: TcpFlags,
    ttl: u8,
    option_len: u8,
    option_bytes: [u8; OPTIONS],
}

impl Attempt {
    /// The first packet of a connection, if it is a SYN that brings nothing else.
    fn of(segment: &TcpSegment<'_>, frame: FrameRef, shift: i64) -> Option<Attempt> {
        let flags = segment.flags;
        let bare = segment.payload_len == 0 && segment.payload.is_empty();
        if !flags.syn() || flags.ack() || flags.rst() || flags.fin() || !bare {
            return None;
        }
        let mut option_bytes = [0; OPTIONS];
        option_bytes.get_mut(..segment.option_bytes.len())?.copy_from_slice(segment.option_bytes);
        Some(Attempt {
            id: 0,
            frame,
            shift,
            encapsulation: (!segment.encapsulation.is_empty()).then(|| Box::new(segment.encapsulation)),
            client: segment.source,
            server: segment.destination,
            seq: segment.seq,
            ack: segment.ack,
            window: segment.window,
            ip_id: segment.ip_id,
            options: segment.options,
            flags,
            ttl: segment.ttl,
            option_len: segment.option_bytes.len() as u8,
            option_bytes,
        })
    }

    /// The SYN.
    fn segment(&self) -> TcpSegment<'_> {
        TcpSegment {
            source: self.client,
            destination: self.server,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            window: self.window,
            options: self.options,
            option_bytes: self.option_bytes.get(..usize::from(self.option_len)).unwrap_or_default(),
            payload: &[],
            payload_len: 0,
            ip_id: self.ip_id,
            ttl: self.ttl,
            encapsulation: self.encapsulation.as_deref().copied().unwrap_or_default(),
        }
    }

    /// Closes the account, as if it had been followed.
    fn finish(self, ended: Ended, clock: &Clock, prefixes: &Prefixes) -> Box<Connection> {
        let tcp = Box::new(Summary::of_syn(&self.segment(), self.frame));
        let course = Course {
            id: self.id,
            client: self.client,
            server: self.server,
            by_syn: true,
            encapsulation: self.encapsulation,
            first: self.frame,
            last: self.frame,
            shift: self.shift,
            clock_step: None,
        };
        course.finish(ended, tcp, Protocols::default(), (clock, prefixes))
    }

    /// Begins to follow it.
    fn begin(&self, keys: &Keys) -> Box<Open> {
        let segment = self.segment();
        let mut open = Box::new(Open::new(&segment, self.frame, self.shift, keys.clone()));
        open.number(self.id);
        open.segment(&segment, self.frame, false, self.shift);
        open
    }
}

/// A connection that is not over.
pub(super) enum Flow {
    /// It was asked for.
    Attempt(Box<Attempt>),
    /// It is followed.
    Open(Box<Open>),
}

impl Flow {
    /// Begins with the first packet that was captured of a connection. What is followed has yet to take that packet.
    pub(super) fn new(segment: &TcpSegment<'_>, frame: FrameRef, shift: i64, keys: &Keys) -> Flow {
        match Attempt::of(segment, frame, shift) {
            Some(attempt) => Flow::Attempt(Box::new(attempt)),
            None => Flow::Open(Box::new(Open::new(segment, frame, shift, keys.clone()))),
        }
    }

    /// What follows it, from now on.
    #[inline]
    pub(super) fn follow(&mut self, keys: &Keys) -> &mut Open {
        loop {
            match self {
                Flow::Open(open) => return open,
                Flow::Attempt(attempt) => *self = Flow::Open(attempt.begin(keys)),
            }
        }
    }

    /// Closes the account.
    pub(super) fn finish(self, ended: Ended, clock: &Clock, prefixes: &Prefixes) -> Box<Connection> {
        match self {
            Flow::Open(open) => open.finish(ended, clock, prefixes),
            Flow::Attempt(attempt) => attempt.finish(ended, clock, prefixes),
        }
    }

    /// What is followed, if it is.
    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Flow::Open(open) => Some(open),
            Flow::Attempt(_) => None,
        }
    }

    /// Gives it its number.
    pub(super) fn number(&mut self, id: u64) {
        match self {
            Flow::Open(open) => open.number(id),
            Flow::Attempt(attempt) => attempt.id = id,
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> u64 {
        match self {
            Flow::Open(open) => open.id(),
            Flow::Attempt(attempt) => attempt.id,
        }
    }

    /// The ends as they were met.
    pub(super) fn introduce(&self) -> Opened {
        match self {
            Flow::Open(open) => open.introduce(),
            Flow::Attempt(attempt) => {
                Opened { order: attempt.frame.order(), client: attempt.client, server: attempt.server, by_syn: true }
            }
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
    use crate::base::Timestamp;
    use crate::ip::Checksum;
    use crate::link::Layer;

    const SYN: u8 = 0x02;
    const ECE_CWR: u8 = 0xc0;

    fn frame(order: u64) -> FrameRef {
        FrameRef::new(order, order + 1, Timestamp(order as i64 * 1_000_000), 0)
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

    /// What comes of a connection that was followed from its SYN on, and of one that was not before something followed it.
    fn both_ways(syn: &TcpSegment<'_>, next: &[TcpSegment<'_>]) -> [String; 2] {
        let (keys, mut clock) = (Keys::default(), Clock::new());
        let kept = Flow::new(syn, frame(5), clock.shift(), &keys);
        let mut followed = Box::new(Open::new(syn, frame(5), clock.shift(), keys.clone()));
        followed.segment(syn, frame(5), false, clock.shift());
        [Flow::Open(followed), kept].map(|mut flow| {
            clock.tick(frame(9).time);
            flow.number(3);
            for (segment, order) in next.iter().zip(6..) {
                flow.follow(&keys).segment(segment, frame(order), false, clock.shift());
            }
            format!("{:?}", flow.finish(Ended::Idle, &clock, &Prefixes::new([([130, 176, 0, 0].into(), 16)])))
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
            ("tunnelled", TcpSegment { encapsulation: tunnel, ..syn() }),
            (
                "IPv6",
                TcpSegment { source: v6(1), destination: v6(2), ip_id: None, option_bytes: &[1; OPTIONS], ..syn() },
            ),
        ] {
            assert!(Flow::new(&syn, frame(5), 0, &Keys::default()).open().is_none(), "{what}");
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
    fn what_brings_more_than_a_syn_is_followed_at_once() {
        for more in [
            TcpSegment { flags: TcpFlags(SYN | 0x10), ..syn() },
            TcpSegment { flags: TcpFlags(SYN | 0x01), ..syn() },
            TcpSegment { payload: b"GET", payload_len: 3, ..syn() },
            TcpSegment { payload_len: 3, ..syn() },
            TcpSegment { option_bytes: &[1; OPTIONS + 4], ..syn() },
        ] {
            assert!(Flow::new(&more, frame(0), 0, &Keys::default()).open().is_some(), "{more:?}");
        }
    }
}
