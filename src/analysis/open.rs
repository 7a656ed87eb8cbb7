//! A connection while it is open: every stage's state of it.

use crate::base::{Endpoint, FrameRef, Micros, SeqNumber, Side};
use crate::ip::{IcmpError, TcpSegment};
use crate::link::Encapsulation;
use crate::observation::{Callers, Connection, Edge, Ended, Orientation, Prefixes, Role};
use crate::session::tls::Keys;
use crate::session::{Protocols, Session};
use crate::tcp::{Summary, Tracker, is_new_connection};

use super::clock::Clock;
use super::engine::Opened;

/// A packet that is so much earlier than the one before it on the same connection was stamped by a clock that was set
/// back: queues and mirrors reorder within less.
const SET_BACK: Micros = Micros::from_secs(1);

/// What it takes to close an account: the time, and which addresses are the edge's.
pub(super) type About<'a> = (&'a Clock, &'a Prefixes);

/// Between whom a connection is, and from when to when.
#[derive(Clone)]
pub(super) struct Course {
    /// The ends as guessed at the first packet.
    client: Endpoint,
    server: Endpoint,
    by_syn: bool,
    /// Most packets have nothing but the link's own header around them.
    encapsulation: Option<Box<Encapsulation>>,
    first: FrameRef,
    last: FrameRef,
    /// How far the capture's clock was from the engine's at the last packet.
    shift: i64,
    /// The first packet after it was set.
    clock_step: Option<Box<FrameRef>>,
}

/// One open connection.
#[derive(Clone)]
pub(super) struct Open {
    course: Course,
    tracker: Tracker,
    session: Session,
    /// Memory that bytes out of order took when the engine last asked.
    held: usize,
    /// Memory that what its sides said took when the engine last asked.
    kept: usize,
    /// How long it is kept after its end went by there being many others.
    hurried: bool,
    looked: Looked,
}

/// When a connection was last looked at before its end.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    /// How many packets of all connections had come by then.
    packets: u64,
    /// How often since its last packet.
    waits: u8,
}

/// What is to be done about a connection by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It is over, and nothing more is to be expected.
    Close,
    /// It is looked at: something came since the last time, or nothing for so long that this may tell something.
    Look,
}

/// What ended is put away after this time, so that what is on its way belongs to it.
const SETTLED: Micros = Micros::from_millis(300);

/// For how long nothing has come where a silence may tell something: what causes wait for, and a moment more.
const SILENCES: [Micros; 6] = [
    Micros::from_millis(1_050),
    Micros::from_millis(2_050),
    Micros::from_millis(3_050),
    Micros::from_millis(5_050),
    Micros::from_millis(10_050),
    Micros::from_millis(30_050),
];

impl Open {
    /// Begins with the first packet that was captured of a connection.
    pub(super) fn new(segment: &TcpSegment<'_>, frame: FrameRef, shift: i64, keys: Keys) -> Open {
        let course = Course::begin(segment, frame, shift);
        Open {
            course,
            tracker: Tracker::default(),
            session: Session::new(segment.flags.syn()).with_keys(keys),
            held: 0,
            kept: 0,
            hurried: false,
            looked: Looked::default(),
        }
    }

    fn side(&self, segment: &TcpSegment<'_>) -> Side {
        if segment.source == self.course.client { Side::Client } else { Side::Server }
    }

    /// Whether this segment begins another connection between the same ends.
    #[inline]
    pub(super) fn is_replaced_by(&self, segment: &TcpSegment<'_>) -> bool {
        is_new_connection(&self.tracker, self.side(segment), segment)
    }

    /// Takes the next packet, at this shift of the clock; says how long without another one the connection counts as
    /// over, `crowded` or not.
    #[inline]
    pub(super) fn segment(&mut self, segment: &TcpSegment<'_>, frame: FrameRef, crowded: bool, shift: i64) -> Micros {
        let side = self.side(segment);
        if shift != self.course.shift || self.course.last.time > frame.time.plus(SET_BACK) {
            self.course.shift = shift;
            self.course.clock_step.get_or_insert_with(|| Box::new(frame));
        }
        self.course.last = frame;
        self.hurried = crowded;
        self.tracker.segment(side, segment, frame, &mut self.session);
        self.tracker.patience(crowded)
    }

    /// Takes an ICMP error about a packet between these ends.
    #[cold]
    pub(super) fn icmp(&mut self, error: &IcmpError, frame: FrameRef) {
        let about = if error.about.0 == self.course.client { Side::Client } else { Side::Server };
        if self.tracker.icmp(about, error, frame) {
            self.course.last = frame;
        }
    }

    /// How much more memory bytes out of order take than when this was last asked; less where it is negative.
    #[inline]
    pub(super) fn held_more(&mut self) -> isize {
        let held = self.tracker.held();
        held.wrapping_sub(std::mem::replace(&mut self.held, held)) as isize
    }

    /// How much more memory what its sides said takes than when this was last asked; less where it is negative.
    #[inline]
    pub(super) fn kept_more(&mut self) -> isize {
        let kept = self.session.held();
        kept.wrapping_sub(std::mem::replace(&mut self.kept, kept)) as isize
    }

    /// Gives up waiting for what is missing.
    #[cold]
    pub(super) fn make_room(&mut self) {
        self.tracker.make_room(self.course.last, &mut self.session);
    }

    /// The frame of its last packet.
    pub(super) fn last_frame(&self) -> u64 {
        self.course.last.frame
    }

    /// What TCP has seen of it so far.
    pub(super) fn so_far(&self) -> &Summary {
        &self.tracker.summary
    }

    /// Memory that bytes out of order took when it was last asked.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Memory that what its sides said took when it was last asked.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_over(&self) -> bool {
        self.tracker.is_over()
    }

    /// What is to be done about it now, where connections are told of before their end.
    pub(super) fn due(&self, clock: &Clock) -> Option<Due> {
        let quiet = clock.as_of(self.course.shift).since(self.course.last.time);
        if self.is_over() {
            return (quiet >= SETTLED).then_some(Due::Close);
        }
        let silent = || SILENCES.get(usize::from(self.looked.waits)).is_some_and(|silence| quiet >= *silence);
        (self.course.last.order() >= self.looked.packets || silent()).then_some(Due::Look)
    }

    /// A copy to look at, when so many packets had come.
    pub(super) fn look(&mut self, packets: u64) -> Box<Open> {
        let waits = if self.course.last.order() >= self.looked.packets { 0 } else { self.looked.waits + 1 };
        self.looked = Looked { packets, waits };
        Box::new(self.clone())
    }

    /// When it was last looked at, in packets.
    pub(super) fn looked(&self) -> u64 {
        self.looked.packets
    }

    /// What tells a late packet of this connection from the first of another one: who began it, and with which number.
    pub(super) fn begun(&self) -> (Endpoint, Option<SeqNumber>) {
        (self.course.client, self.tracker.first_number(Side::Client))
    }

    /// Whether it is kept for a short time after its end.
    pub(super) fn was_hurried(&self) -> bool {
        self.hurried
    }

    /// Closes the account. Whose the connection is depends on others, and is for the register to say.
    pub(super) fn finish(mut self: Box<Self>, id: u64, ended: Ended, about: About<'_>) -> Box<Connection> {
        self.tracker.finish(self.course.last, &mut self.session);
        let protocols = self.session.finish();
        let Open { course, tracker, .. } = *self;
        course.finish((id, ended), tracker.summary, protocols, about)
    }
}

impl Course {
    /// Begins with the first packet that was captured of a connection.
    pub(super) fn begin(segment: &TcpSegment<'_>, frame: FrameRef, shift: i64) -> Course {
        let Opened { client, server, by_syn, .. } = Opened::by(segment, frame);
        Course {
            client,
            server,
            by_syn,
            encapsulation: (!segment.encapsulation.is_empty()).then(|| Box::new(segment.encapsulation)),
            first: frame,
            last: frame,
            shift,
            clock_step: None,
        }
    }

    /// The connection, once it is known what was said on it.
    #[inline]
    pub(super) fn finish(
        self,
        (id, ended): (u64, Ended),
        mut tcp: Box<Summary>,
        protocols: Protocols,
        (clock, prefixes): About<'_>,
    ) -> Box<Connection> {
        let (mut client, mut server) = (self.client, self.server);
        if protocols.flipped {
            std::mem::swap(&mut client, &mut server);
            tcp.swap();
        }
        let orientation = match (self.by_syn, protocols.oriented) {
            (true, _) => Orientation::Syn,
            (_, true) => Orientation::Protocol,
            _ => Orientation::Port,
        };
        let said = (protocols.http.as_deref(), protocols.http2.as_deref(), protocols.proxy.as_deref());
        let callers = Callers::of(said, prefixes);
        let edge = Edge::of(client, callers, prefixes);
        // Room first, and then what goes there: so it is written in place, where nothing forbids it.
        Box::write(
            Box::new_uninit(),
            Connection {
                id,
                client,
                server,
                orientation,
                encapsulation: self.encapsulation.map(|around| *around).unwrap_or_default(),
                first: self.first,
                last: self.last,
                watched_until: clock.as_of(self.shift).max(self.last.time),
                clock_step: self.clock_step.map(|step| *step),
                ended,
                tcp,
                proxy_protocol: protocols.proxy,
                tls: protocols.tls,
                chain: None,
                http: protocols.http,
                http2: protocols.http2,
                websocket: protocols.websocket,
                foreign: protocols.foreign,
                callers,
                edge,
                role: Role::Other,
            },
        )
    }
}
