//! The life of one connection, packet by packet.
//!
//! ```text
//!            SYN           SYN-ACK          ACK             FIN            FIN
//!  (nothing) ---> attempt ---------> reply ----> established ----> half ----------> over
//!                    |                 |              |            closed            ^
//!                    +-----------------+------ RST ---+--------------+---------------+
//! ```
//! A capture may begin anywhere on this way: then the earlier steps were not seen, and `Summary` says so.

use crate::base::{FrameRef, Micros, PerSide, SeqNumber, Side};
use crate::ip::{Checksum, IcmpError, TcpSegment};

use super::ConnState;
use super::copies::is_young;
use super::half::{Arrival, Half};
use super::stream::{End, Stream};
use super::summary::{Closer, Closing, Summary};

/// A connection that ended is kept this long for packets that come late, while there is room.
const LINGER: Micros = Micros::from_secs(300);
/// The same where many connections are open: the answer to a FIN, and what crossed it, come within this time.
const LINGER_CROWDED: Micros = Micros::from_millis(300);
/// The same where the capture has both FINs and their acknowledgements: nothing is owed, and copies come soon.
const LINGER_SETTLED: Micros = Micros::from_millis(20);
/// An attempt is kept this long: Linux sends its last SYN after 63 s and gives up 64 s later.
pub const ATTEMPT_IDLE: Micros = Micros::from_secs(130);
/// A connection that one side has closed is kept this long without a packet.
const HALF_CLOSED_IDLE: Micros = Micros::from_secs(300);
/// An established connection is kept this long without a packet: past CloudFront's longest wait for a response
/// (180 s by quota), its WebSocket limit (10 min) and a network load balancer's idle time (350 s).
const ESTABLISHED_IDLE: Micros = Micros::from_secs(900);
/// A late segment this soon after the hole it fills was reordered, not sent again.
const REORDER_WINDOW: Micros = Micros::from_millis(3);

/// Follows one connection. "Client" is the best guess at its first packet; `Summary::swap` mends a wrong one.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    /// What was seen so far; what the end of the connection tells is missing until [`Tracker::finish`]. It stays where it
    /// is when the connection is over.
    pub summary: Box<Summary>,
    halves: PerSide<Half>,
    /// A RST took effect.
    was_reset: bool,
    /// The client's first ACK, where the capture has the SYN-ACK later, if at all.
    answered: Option<Box<(SeqNumber, FrameRef)>>,
}

/// Whether a segment opens another connection on a four-tuple that is in use: a SYN with a sequence number
/// that is not the one known (RFC 9293 section 3.6.1), or any SYN after the end.
#[must_use]
pub fn is_new_connection(tracker: &Tracker, from: Side, segment: &TcpSegment<'_>) -> bool {
    if !segment.flags.syn() || segment.flags.rst() {
        return false;
    }
    let known = tracker.halves[from].base();
    if segment.flags.ack() {
        return tracker.is_over() && known != Some(segment.seq.plus(1));
    }
    match known {
        Some(base) => base != segment.seq.plus(1),
        None => tracker.is_over() || tracker.summary.heard(from),
    }
}

impl Summary {
    /// What a SYN tells of which nothing came, neither before nor after it: the same as a [`Tracker`] that took it alone.
    #[must_use]
    pub fn of_syn(syn: &TcpSegment<'_>, frame: FrameRef) -> Box<Summary> {
        // Written in place. To be copied, it would be loaded by more bytes at once than were stored, and such a load is not
        // served before all stores up to there have reached the cache.
        let mut summary = Box::<Summary>::default();
        summary.syn = Some(frame);
        summary.syns = 1;
        summary.mss.client = syn.options.mss;
        summary.packets.client = 1;
        summary.last_packet.client = Some(frame);
        summary.state = ConnState::S0;
        summary.history.once(Side::Client, b'S');
        if syn.options.checksum == Checksum::Wrong {
            summary.odd.damaged_syns = 1;
        }
        summary
    }
}

impl Tracker {
    /// Takes the next packet of this connection.
    pub fn segment(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef, out: &mut impl Stream) {
        self.count(from, segment, frame);
        if self.halves[from].repeats(segment, frame.time) {
            self.summary.odd.duplicates[from] += 1;
            return;
        }
        if segment.flags.syn() && !self.syn(from, segment, frame) {
            self.summary.odd.duplicates[from] += 1;
            return;
        }
        if segment.flags.ack() && !segment.flags.rst() {
            self.acknowledge(from, segment, frame);
        }
        self.watch_order(from, segment);
        if segment.flags.rst() {
            self.reset(from, segment, frame, out);
        } else {
            self.payload(from, segment, frame, out);
        }
        if segment.flags.fin() && !segment.flags.rst() {
            self.fin(from, segment, frame, out);
        }
        self.halves.client.give_up_holes(Side::Client, frame, out);
        self.halves.server.give_up_holes(Side::Server, frame, out);
    }

    /// Takes an ICMP error that quotes a packet of `about`; `false` where that cannot be one under way, or was not kept.
    /// Anybody can send an error: only one that knows the numbers is believed.
    #[cold]
    pub fn icmp(&mut self, about: Side, error: &IcmpError, frame: FrameRef) -> bool {
        let (half, s) = (&self.halves[about], &self.summary);
        let is_syn = half.base() == Some(error.seq.plus(1));
        let syn_arrived = match about {
            Side::Client => s.syn_ack.is_some(),
            Side::Server => s.established.is_some(),
        };
        let under_way = if is_syn { !syn_arrived && half.seen == 0 } else { half.is_under_way(error.seq) };
        s.heard(about) && under_way && self.summary.odd.icmp.push(error, about, frame)
    }

    /// The number of the first byte of a side, where that is known.
    #[must_use]
    pub fn first_number(&self, side: Side) -> Option<SeqNumber> {
        self.halves[side].base()
    }

    /// Where in the stream of a side this number is, going by what is next; none beyond any window of it.
    #[must_use]
    pub fn offset(&self, side: Side, seq: SeqNumber) -> Option<i64> {
        self.halves[side].offset(seq)
    }

    /// Memory that bytes out of order take, in bytes.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        self.halves.client.held() + self.halves.server.held()
    }

    /// Hands on what is out of order as if what is missing would never come: memory is short.
    #[cold]
    pub fn make_room(&mut self, frame: FrameRef, out: &mut impl Stream) {
        for side in [Side::Client, Side::Server] {
            self.halves[side].make_room(side, frame, out);
        }
    }

    /// Hands on what is left of both streams and closes the account.
    #[inline]
    pub fn finish(&mut self, last: FrameRef, out: &mut impl Stream) {
        for side in [Side::Client, Side::Server] {
            let half = &mut self.halves[side];
            half.flush(side, last, out);
            let mut told = half.told();
            if half.seen.max(half.acknowledged) > 0 {
                let streams = &mut *self.summary.streams;
                streams.stream_bytes[side] = half.seen;
                streams.acknowledged[side] = half.acknowledged;
                streams.largest_acknowledged[side] = told.losses.largest_acknowledged();
            }
            self.summary.missed(side, &mut told);
            for n in 1..=u32::from(told.not_captured > 0) {
                self.summary.history.counted(side, b'G', n);
            }
        }
        let complete = self.summary.odd.not_captured.client + self.summary.odd.not_captured.server == 0;
        let doubtful = |closing: Closing| self.answers_unseen_fin(closing) || (closing.early && complete);
        if self.summary.end.closing.is_some_and(doubtful) {
            self.summary.end.closer_in_doubt = true;
        }
        self.summary.state = ConnState::of(&self.summary);
    }

    /// How long after its last packet this connection counts as over; `crowded` where many others are open.
    #[must_use]
    #[inline]
    pub fn patience(&self, crowded: bool) -> Micros {
        let s = &self.summary;
        if self.is_over() {
            match crowded {
                true if self.is_settled() => LINGER_SETTLED,
                true => LINGER_CROWDED,
                false => LINGER,
            }
        } else if s.end.fin.client.is_some() || s.end.fin.server.is_some() {
            HALF_CLOSED_IDLE
        } else if s.syns > 0 && s.syn_acks == 0 {
            ATTEMPT_IDLE
        } else {
            ESTABLISHED_IDLE
        }
    }

    /// Whether both sides closed, or one reset.
    #[must_use]
    #[inline]
    pub fn is_over(&self) -> bool {
        self.was_reset || (self.summary.end.fin.client.is_some() && self.summary.end.fin.server.is_some())
    }

    /// Whether both sides closed, and know it of each other.
    fn is_settled(&self) -> bool {
        !self.was_reset && self.halves.client.fin_acknowledged && self.halves.server.fin_acknowledged
    }

    #[inline(always)]
    fn count(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef) {
        let s = &mut self.summary;
        s.packets[from] += 1;
        if segment.payload_len > 0 {
            s.streams.payload_bytes[from] += u64::from(segment.payload_len);
        }
        s.last_packet[from] = Some(frame);
        if segment.payload.len() < segment.payload_len as usize {
            s.odd.cut[from].get_or_insert(frame);
        }
    }

    /// Takes a SYN; `false` where it is a copy that comes after more packets than are compared.
    #[inline(never)]
    fn syn(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef) -> bool {
        let s = &mut self.summary;
        // A SYN-ACK may well come twice at once: as the answer to a further SYN, and because none came to the first.
        let first_of_all = from == Side::Client && !segment.flags.ack();
        if s.last_syn().is_some_and(|last| first_of_all && is_young(frame.since(last))) {
            return false;
        }
        self.halves[from].begin(segment.seq.plus(1));
        s.mss[from] = s.mss[from].or(segment.options.mss);
        if segment.flags.ack() {
            match s.syn_ack {
                None => s.syn_ack = Some(frame),
                Some(_) => s.odd.last_syn_ack = Some(frame),
            }
            s.syn_acks += 1;
            let early = self.answered.as_deref().filter(|(ack, _)| *ack == segment.seq.plus(1)).map(|&(_, at)| at);
            s.established = s.established.or(early);
            if s.syn_acks > 1 {
                Self::count_retransmission(s, from);
            }
            s.history.once(from, b'H');
        } else if from == Side::Client {
            match s.syn {
                None => s.syn = Some(frame),
                Some(_) => s.odd.last_syn = Some(frame),
            }
            s.syns += 1;
            if segment.options.checksum == Checksum::Wrong {
                s.odd.damaged_syns += 1;
            }
            if s.syns > 1 {
                Self::count_retransmission(s, from);
            }
            s.history.once(from, b'S');
            // Each SYN is answered by a SYN-ACK like the one before, to the last bit.
            self.halves[from.peer()].forget_packets();
        } else {
            s.odd.simultaneous_open = true;
            s.history.once(from, b'S');
        }
        if segment.flags.fin() || segment.flags.rst() {
            s.history.once(from, b'I');
        }
        true
    }

    #[inline(always)]
    fn acknowledge(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef) {
        let s = &mut self.summary;
        s.acknowledgements[from] = true;
        let pure = segment.payload_len == 0 && !segment.flags.fin() && !segment.flags.syn();
        if !segment.flags.syn() {
            if pure {
                s.history.once(from, b'A');
            }
            if from == Side::Client && s.established.is_none() && s.syn.is_some() {
                if s.syn_ack.is_some() {
                    s.established = Some(frame);
                } else {
                    self.answered.get_or_insert_with(|| Box::new((segment.ack, frame)));
                }
            }
            self.halves[from].begin(segment.seq);
            if segment.window == 0 {
                s.odd.zero_windows[from] += 1;
                s.history.counted(from, b'W', s.odd.zero_windows[from]);
            }
        }
        let peers = &mut self.halves[from.peer()];
        if peers.acknowledge(segment.ack, frame, pure) {
            self.summary.streams.last_progress[from.peer()] = Some(frame);
        }
        if peers.is_owed() {
            segment.sack_blocks().for_each(|block| peers.selectively_acknowledge(block));
        }
    }

    #[inline(never)]
    fn reset(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef, out: &mut impl Stream) {
        self.halves[from].claim(segment.seq);
        if segment.flags.ack() && self.halves[from.peer()].acknowledge(segment.ack, frame, false) {
            self.summary.streams.last_progress[from.peer()] = Some(frame);
        }
        let asked = self.halves.client.base().filter(|_| from == Side::Server && segment.flags.ack());
        if segment.seq == SeqNumber(0) && asked.is_some_and(|first| segment.ack.distance_from(first) >= 0) {
            self.summary.end.refusal.get_or_insert(frame);
        }
        self.summary.history.once(from, b'R');
        self.was_reset = true;
        if self.summary.end.rst[from].is_none() {
            self.summary.end.rst[from] = Some(frame);
            self.close((from, End::Rst), segment, frame);
            out.end(from, End::Rst, frame);
        }
    }

    /// Notes a FIN or RST, if it is what closes the connection: the first one, or one that the first one answers.
    fn close(&mut self, (side, how): (Side, End), segment: &TcpSegment<'_>, frame: FrameRef) {
        let after = segment.seq.plus(segment.payload_len).plus(1);
        let answered = |closing: &Closing| how == End::Fin && closing.side != side && closing.ack == Some(after);
        if self.summary.end.closing.as_ref().is_none_or(answered) {
            let ack = Some(segment.ack).filter(|_| segment.flags.ack());
            let early = self.summary.odd.early.client.is_some() || self.summary.odd.early.server.is_some();
            let last = self.halves[side.peer()].last_start();
            let unread = ack.zip(last).is_some_and(|(ack, last)| ack.distance_from(last) <= 0);
            let last_data = self.summary.streams.last_data;
            let end = &mut self.summary.end;
            end.closing = Some(Closing { side, seq: segment.seq, ack, early });
            end.closer = Some(Closer { side, how, frame, last_data, unread });
        }
    }

    /// Notes what acknowledges bytes that the capture has later: mirrors and merged files have the packets of the two
    /// sides in an order in which they cannot have been sent.
    #[inline(always)]
    fn watch_order(&mut self, from: Side, segment: &TcpSegment<'_>) {
        let flags = segment.flags;
        let speaks = segment.payload_len > 0 || flags.fin() || flags.rst();
        if speaks && flags.ack() && self.halves[from.peer()].is_ahead(segment.ack) {
            self.summary.odd.early[from] = Some(segment.ack);
        }
        if segment.payload_len > 0
            && let Some(ack) = self.summary.odd.early[from.peer()]
            && segment.seq.distance_from(ack) >= 0
        {
            self.summary.odd.early[from.peer()] = None;
        }
    }

    /// Whether a FIN that was not captured came before the one packet that seems to have closed the connection.
    fn answers_unseen_fin(&self, closing: Closing) -> bool {
        let peers = closing.ack.is_some_and(|ack| self.halves[closing.side.peer()].is_after_unseen_fin(ack));
        peers || self.halves[closing.side].is_after_unseen_fin(closing.seq)
    }

    #[inline(always)]
    fn payload(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef, out: &mut impl Stream) {
        let half = &mut self.halves[from];
        if half.is_keep_alive(segment.seq, segment.payload_len) && !segment.flags.fin() && !segment.flags.syn() {
            self.summary.odd.keep_alives[from] += 1;
            return;
        }
        if segment.payload_len == 0 {
            return;
        }
        // Data in a SYN begins one number later (RFC 7413, TCP Fast Open).
        let seq = if segment.flags.syn() { segment.seq.plus(1) } else { segment.seq };
        half.begin(seq);
        let arrival = half.payload(from, (seq, segment.payload, segment.payload_len), frame, out);
        let s = &mut self.summary;
        s.streams.first_data[from].get_or_insert(frame);
        match arrival {
            Arrival::Old => Self::count_retransmission(s, from),
            Arrival::Copy => s.odd.duplicates[from] += 1,
            Arrival::Late => {
                let soon = s.streams.last_data[from].is_some_and(|last| frame.since(last) <= REORDER_WINDOW);
                if soon {
                    s.odd.out_of_order[from] += 1
                } else {
                    Self::count_retransmission(s, from)
                }
                if half.base().is_some_and(|first| seq.distance_from(first) <= 0) {
                    s.streams.first_data[from] = Some(frame);
                }
            }
            Arrival::New | Arrival::Astray => {}
        }
        if matches!(arrival, Arrival::New | Arrival::Late) {
            s.history.once(from, b'D');
            s.streams.last_data[from] = Some(frame);
            if s.end.rst[from].is_some() {
                // New data after its own RST: that RST was not this side's, or took no effect.
                self.was_reset = false;
                s.end.closer = s.end.closer.filter(|c| c.how != End::Rst || c.side != from);
                s.end.closing = s.end.closing.filter(|_| s.end.closer.is_some());
            }
        }
    }

    #[inline(never)]
    fn fin(&mut self, from: Side, segment: &TcpSegment<'_>, frame: FrameRef, out: &mut impl Stream) {
        let s = &mut self.summary;
        s.history.once(from, b'F');
        s.end.fin[from].get_or_insert(frame);
        self.close((from, End::Fin), segment, frame);
        let seq = if segment.flags.syn() { segment.seq.plus(1) } else { segment.seq };
        self.halves[from].begin(seq);
        self.halves[from].finish(from, (seq, segment.payload_len), frame, out);
    }

    fn count_retransmission(s: &mut Summary, from: Side) {
        s.odd.retransmissions[from] += 1;
        s.history.counted(from, b'T', s.odd.retransmissions[from]);
    }
}
