//! What the TCP stage has to say about a connection.

use crate::base::{Blank, FrameRef, Micros, PerSide, Seldom, SeqNumber, Side};

use super::half::Told;
use super::{ConnState, End, History, IcmpErrors, Stall};

/// How a connection was brought to its end: the first FIN or RST that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closer {
    /// Who sent it.
    pub side: Side,
    /// What it was.
    pub how: End,
    /// Where it is.
    pub frame: FrameRef,
    /// The last packet of each side before it with payload that was not sent before.
    pub last_data: PerSide<Option<FrameRef>>,
    /// Its sender had not received the peer's last bytes before it, which crossed it on the way.
    pub unread: bool,
}

/// The numbers of the first FIN or RST: they tell what its sender had sent and received by then, in whatever order the
/// capture has the packets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    pub(super) side: Side,
    pub(super) seq: SeqNumber,
    pub(super) ack: Option<SeqNumber>,
    /// Something up to here had acknowledged bytes that the capture has only later, if at all.
    pub(super) early: bool,
}

/// Facts about one TCP connection. Everything per side is what that side *sent*.
///
/// Many connections are open at once, and most of them say little: what only an end tells, and what goes wrong in few, has
/// a place of its own.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The first SYN without ACK.
    pub syn: Option<FrameRef>,
    /// SYNs without ACK, retransmissions included.
    pub syns: u32,
    /// SYNs with ACK, retransmissions included.
    pub syn_acks: u32,
    /// The first SYN with ACK.
    pub syn_ack: Option<FrameRef>,
    /// The client's first ACK after SYN and SYN-ACK: the connection is established.
    pub established: Option<FrameRef>,
    /// Maximum segment size that the side announced in its SYN, in bytes.
    pub mss: PerSide<Option<u16>>,
    /// Packets.
    pub packets: PerSide<u64>,
    /// This side acknowledged something of its peer's.
    pub acknowledgements: PerSide<bool>,
    /// The last packet of any kind.
    pub last_packet: PerSide<Option<FrameRef>>,
    /// What became of the payload.
    pub streams: Seldom<Streams>,
    /// How it ended.
    pub end: Seldom<Ending>,
    /// What few connections have.
    pub odd: Seldom<Oddities>,
    /// Zeek's `conn_state`.
    pub state: ConnState,
    /// Zeek's `history`.
    pub history: History,
}

/// What the payload of a connection tells.
#[derive(Debug, Clone)]
pub struct Streams {
    /// TCP payload in bytes as the IP lengths say it, retransmissions included.
    pub payload_bytes: PerSide<u64>,
    /// Bytes of the stream: the highest offset seen.
    pub stream_bytes: PerSide<u64>,
    /// Bytes of this side's stream that the peer acknowledged.
    pub acknowledged: PerSide<u64>,
    /// The longest payload of a packet of this side that the peer acknowledged, in bytes; rather too long than too short
    /// where that is not sure. A card that cuts packets up later lets the capture show longer ones than the wire had.
    pub largest_acknowledged: PerSide<u32>,
    /// The last packet of the peer that acknowledged more of this side's bytes.
    pub last_progress: PerSide<Option<FrameRef>>,
    /// The packet with the first byte of the stream; the first one with payload, where that is not in the capture.
    pub first_data: PerSide<Option<FrameRef>>,
    /// The last packet with payload that was not sent before.
    pub last_data: PerSide<Option<FrameRef>>,
}

/// What the FINs and RSTs of a connection tell.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The first FIN.
    pub fin: PerSide<Option<FrameRef>>,
    /// The first RST.
    pub rst: PerSide<Option<FrameRef>>,
    /// The server's RST whose numbers answer a SYN and nothing else: number 0, acknowledging the SYN (RFC 9293 section
    /// 3.10.7.1). A RST of a connection that was open carries the server's own number.
    pub refusal: Option<FrameRef>,
    /// What brought the connection to its end. A FIN that the peer's FIN or RST acknowledges came before that one, in
    /// whatever order the capture has them.
    pub closer: Option<Closer>,
    /// It cannot be told whether `closer` was the first: its numbers show a FIN before it that was not captured, or the
    /// capture has the packets before it in an order in which they cannot have been sent.
    pub closer_in_doubt: bool,
    pub(super) closing: Option<Closing>,
}

/// What goes wrong with the packets of a connection, or is at least uncommon.
#[derive(Debug, Clone)]
pub struct Oddities {
    /// See [`Summary::last_syn`].
    pub(super) last_syn: Option<FrameRef>,
    /// See [`Summary::last_syn_ack`].
    pub(super) last_syn_ack: Option<FrameRef>,
    /// SYNs without ACK whose checksum is wrong: the host drops them.
    pub damaged_syns: u32,
    /// Both sides sent a SYN without ACK (RFC 9293 section 3.5, simultaneous open).
    pub simultaneous_open: bool,
    /// The longest run of this side's bytes that the peer has without those before it (RFC 2018), in bytes.
    pub longest_sack: PerSide<u32>,
    /// See [`Summary::stall`].
    pub(super) stalls: PerSide<Option<Box<Stall>>>,
    /// Segments that carry bytes sent before.
    pub retransmissions: PerSide<u32>,
    /// Segments that arrived after a later one.
    pub out_of_order: PerSide<u32>,
    /// Packets that announce a window of 0.
    pub zero_windows: PerSide<u32>,
    /// Keep-alive probes (RFC 9293 section 3.8.4).
    pub keep_alives: PerSide<u32>,
    /// The same packet, captured again (mirror port, `-i any`).
    pub duplicates: PerSide<u32>,
    /// Segments that repeat bytes with other content; the first copy counts.
    pub conflicting_overlaps: PerSide<u32>,
    /// Bytes that are not in the capture, though they were acknowledged, or the number of their sender's RST covers them.
    pub not_captured: PerSide<u64>,
    /// Bytes before later ones that were neither captured nor acknowledged.
    pub not_acknowledged: PerSide<u64>,
    /// The first packet that the snap length cut within its payload.
    pub cut: PerSide<Option<FrameRef>>,
    /// Stored out-of-order bytes reached their bound and holes were given up early.
    pub reassembly_limit_reached: bool,
    /// ICMP errors about packets that were under way.
    pub icmp: IcmpErrors,
    /// What a side acknowledged before the capture had it, until its peer has sent more.
    pub(super) early: PerSide<Option<SeqNumber>>,
}

impl Streams {
    const fn none() -> Streams {
        const NOTHING: PerSide<u64> = PerSide { client: 0, server: 0 };
        const NOWHERE: PerSide<Option<FrameRef>> = PerSide { client: None, server: None };
        Streams {
            payload_bytes: NOTHING,
            stream_bytes: NOTHING,
            acknowledged: NOTHING,
            largest_acknowledged: PerSide { client: 0, server: 0 },
            last_progress: NOWHERE,
            first_data: NOWHERE,
            last_data: NOWHERE,
        }
    }

    fn swap(&mut self) {
        self.payload_bytes.swap();
        self.stream_bytes.swap();
        self.acknowledged.swap();
        self.largest_acknowledged.swap();
        self.last_progress.swap();
        self.first_data.swap();
        self.last_data.swap();
    }
}

impl Default for Streams {
    fn default() -> Streams {
        Streams::none()
    }
}

impl Blank for Streams {
    const BLANK: &'static Streams = &Streams::none();
}

impl Ending {
    const fn none() -> Ending {
        Ending {
            fin: PerSide { client: None, server: None },
            rst: PerSide { client: None, server: None },
            refusal: None,
            closer: None,
            closer_in_doubt: false,
            closing: None,
        }
    }

    fn swap(&mut self) {
        self.fin.swap();
        self.rst.swap();
        if let Some(closer) = &mut self.closer {
            closer.side = closer.side.peer();
            closer.last_data.swap();
        }
        if let Some(closing) = &mut self.closing {
            closing.side = closing.side.peer();
        }
    }
}

impl Default for Ending {
    fn default() -> Ending {
        Ending::none()
    }
}

impl Blank for Ending {
    const BLANK: &'static Ending = &Ending::none();
}

impl Oddities {
    const fn none() -> Oddities {
        const NEVER: PerSide<u32> = PerSide { client: 0, server: 0 };
        const NOTHING: PerSide<u64> = PerSide { client: 0, server: 0 };
        Oddities {
            last_syn: None,
            last_syn_ack: None,
            damaged_syns: 0,
            simultaneous_open: false,
            longest_sack: NEVER,
            stalls: PerSide { client: None, server: None },
            retransmissions: NEVER,
            out_of_order: NEVER,
            zero_windows: NEVER,
            keep_alives: NEVER,
            duplicates: NEVER,
            conflicting_overlaps: NEVER,
            not_captured: NOTHING,
            not_acknowledged: NOTHING,
            cut: PerSide { client: None, server: None },
            reassembly_limit_reached: false,
            icmp: IcmpErrors::none(),
            early: PerSide { client: None, server: None },
        }
    }

    fn swap(&mut self) {
        self.longest_sack.swap();
        self.stalls.swap();
        self.retransmissions.swap();
        self.out_of_order.swap();
        self.zero_windows.swap();
        self.keep_alives.swap();
        self.duplicates.swap();
        self.conflicting_overlaps.swap();
        self.not_captured.swap();
        self.not_acknowledged.swap();
        self.cut.swap();
        self.icmp.swap();
        self.early.swap();
    }
}

impl Default for Oddities {
    fn default() -> Oddities {
        Oddities::none()
    }
}

impl Blank for Oddities {
    const BLANK: &'static Oddities = &Oddities::none();
}

impl Summary {
    /// The last SYN without ACK.
    #[must_use]
    pub fn last_syn(&self) -> Option<FrameRef> {
        self.odd.last_syn.or(self.syn)
    }

    /// The last SYN with ACK.
    #[must_use]
    pub fn last_syn_ack(&self) -> Option<FrameRef> {
        self.odd.last_syn_ack.or(self.syn_ack)
    }

    /// From the last SYN to the client's first ACK: one round trip, seen from the origin (Wireshark's iRTT).
    #[must_use]
    pub fn handshake_rtt(&self) -> Option<Micros> {
        let (syn, done) = (self.last_syn()?, self.established?);
        let rtt = done.since(syn);
        (rtt.0 >= 0).then_some(rtt)
    }

    /// Whether bytes of this side were acknowledged of which the capture shows nothing.
    #[must_use]
    pub fn acknowledged_blindly(&self, side: Side) -> bool {
        !self.heard(side) && self.acknowledgements[side.peer()]
    }

    /// Whether packets of this side are in the capture.
    #[must_use]
    pub fn heard(&self, side: Side) -> bool {
        self.packets[side] > 0
    }

    /// Whether the client sent nothing but SYNs.
    #[must_use]
    pub fn sent_only_syns(&self) -> bool {
        self.packets.client == u64::from(self.syns) + u64::from(self.odd.duplicates.client)
    }

    /// Bytes of this side that the peer has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self, side: Side) -> u64 {
        self.streams.stream_bytes[side].saturating_sub(self.streams.acknowledged[side])
    }

    /// Whether every byte of this side's stream is accounted for, though the snap length may have cut it off.
    #[must_use]
    pub fn counts_all(&self, side: Side) -> bool {
        self.odd.not_captured[side] == 0 && self.odd.not_acknowledged[side] == 0
    }

    /// The first bytes of this side that its peer never acknowledged, where this side sent them again.
    #[must_use]
    pub fn stall(&self, side: Side) -> Option<Stall> {
        self.odd.stalls[side].as_deref().copied()
    }

    /// Whether every byte of this side's stream is at hand.
    #[must_use]
    pub fn is_whole(&self, side: Side) -> bool {
        self.counts_all(side) && self.odd.cut[side].is_none()
    }

    /// Takes over what became of the packets of a side, where there is anything to say.
    pub(super) fn missed(&mut self, side: Side, told: &mut Told) {
        let stall = told.losses.take_stall();
        let Told { not_captured, not_acknowledged, conflicts, limit_reached, ref losses } = *told;
        let numbers = [not_captured, not_acknowledged, u64::from(conflicts), u64::from(losses.longest_sack)];
        if numbers == [0; 4] && stall.is_none() && !limit_reached {
            return;
        }
        let odd = &mut *self.odd;
        odd.not_captured[side] = not_captured;
        odd.not_acknowledged[side] = not_acknowledged;
        odd.conflicting_overlaps[side] = conflicts;
        odd.longest_sack[side] = losses.longest_sack;
        odd.stalls[side] = stall;
        odd.reassembly_limit_reached |= limit_reached;
    }

    /// Exchanges the sides, when it turns out that the client is the other end.
    pub fn swap(&mut self) {
        self.mss.swap();
        self.packets.swap();
        self.acknowledgements.swap();
        self.last_packet.swap();
        if let Some(streams) = self.streams.written() {
            streams.swap();
        }
        if let Some(end) = self.end.written() {
            end.swap();
        }
        if let Some(odd) = self.odd.written() {
            odd.swap();
        }
        self.state = self.state.flipped();
        self.history.flip();
    }
}
