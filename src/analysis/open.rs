//! A connection while it is open: every stage's state of it.

use crate::base::{Endpoint, FrameRef, Micros, Side, Timestamp};
use crate::ip::TcpSegment;
use crate::link::Encapsulation;
use crate::observation::{Callers, Connection, Edge, Ended, Orientation, Prefixes, Role};
use crate::session::Session;
use crate::tcp::{Tracker, is_new_connection};

/// One open connection.
pub(super) struct Open {
    id: u64,
    /// The ends as guessed at the first packet.
    client: Endpoint,
    server: Endpoint,
    by_syn: bool,
    encapsulation: Encapsulation,
    first: FrameRef,
    last: FrameRef,
    tracker: Tracker,
    session: Session,
    /// Memory that bytes out of order took when the engine last asked.
    held: usize,
}

impl Open {
    /// Begins with the first packet that was captured of a connection.
    pub(super) fn new(id: u64, segment: &TcpSegment<'_>, frame: FrameRef) -> Open {
        let flags = segment.flags;
        let sender_is_client = match (flags.syn(), flags.ack()) {
            (true, false) => true,
            (true, true) => false,
            // The lower port is taken for the server's until the protocol tells.
            (false, _) => segment.source.port >= segment.destination.port,
        };
        let (client, server) = if sender_is_client {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        Open {
            id,
            client,
            server,
            by_syn: flags.syn(),
            encapsulation: segment.encapsulation,
            first: frame,
            last: frame,
            tracker: Tracker::default(),
            session: Session::new(flags.syn()),
            held: 0,
        }
    }

    fn side(&self, segment: &TcpSegment<'_>) -> Side {
        if segment.source == self.client { Side::Client } else { Side::Server }
    }

    /// Whether this segment begins another connection between the same ends.
    #[inline]
    pub(super) fn is_replaced_by(&self, segment: &TcpSegment<'_>) -> bool {
        segment.flags.syn() && is_new_connection(&self.tracker, self.side(segment), segment)
    }

    /// Takes the next packet; says how long without another one the connection counts as over, `crowded` or not.
    #[inline]
    pub(super) fn segment(&mut self, segment: &TcpSegment<'_>, frame: FrameRef, crowded: bool) -> Micros {
        let side = self.side(segment);
        self.last = frame;
        self.tracker.segment(side, segment, frame, &mut self.session);
        self.tracker.patience(crowded)
    }

    /// How much more memory bytes out of order take than when this was last asked; less where it is negative.
    #[inline]
    pub(super) fn held_more(&mut self) -> isize {
        let held = self.tracker.held();
        let more = held.wrapping_sub(self.held) as isize;
        self.held = held;
        more
    }

    /// Gives up waiting for what is missing.
    #[cold]
    pub(super) fn make_room(&mut self) {
        self.tracker.make_room(self.last, &mut self.session);
    }

    /// Memory that bytes out of order took when it was last asked.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether nothing more is to be expected.
    pub(super) fn is_over(&self) -> bool {
        self.tracker.is_over()
    }

    /// Closes the account.
    pub(super) fn finish(self, ended: Ended, watched_until: Timestamp, prefixes: &Prefixes) -> Connection {
        let mut session = self.session;
        let mut tcp = self.tracker.finish(self.last, &mut session);
        let protocols = session.finish();
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
        let mut callers = protocols.http.as_ref().map(Callers::of).unwrap_or_default();
        if let Some(header) = &protocols.proxy {
            callers.introduce(header, prefixes);
        }
        let edge = Edge::of(client, callers, prefixes);
        Connection {
            id: self.id,
            client,
            server,
            orientation,
            encapsulation: self.encapsulation,
            first: self.first,
            last: self.last,
            watched_until: watched_until.max(self.last.time),
            ended,
            tcp,
            proxy_protocol: protocols.proxy,
            tls: protocols.tls,
            http: protocols.http,
            foreign: protocols.foreign,
            edge,
            role: Role::of(client, server, edge, callers),
        }
    }
}
