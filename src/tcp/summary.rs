//! What the TCP stage has to say about a connection.

use crate::base::{FrameRef, Micros, PerSide, Side};

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

/// Facts about one TCP connection. Everything per side is what that side *sent*.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The first SYN without ACK.
    pub syn: Option<FrameRef>,
    /// The last SYN without ACK.
    pub last_syn: Option<FrameRef>,
    /// SYNs without ACK, retransmissions included.
    pub syns: u32,
    /// Of these, those whose checksum is wrong: the host drops them.
    pub damaged_syns: u32,
    /// The first SYN with ACK.
    pub syn_ack: Option<FrameRef>,
    /// The last SYN with ACK.
    pub last_syn_ack: Option<FrameRef>,
    /// SYNs with ACK, retransmissions included.
    pub syn_acks: u32,
    /// Both sides sent a SYN without ACK (RFC 9293 section 3.5, simultaneous open).
    pub simultaneous_open: bool,
    /// The client's first ACK after SYN and SYN-ACK: the connection is established.
    pub established: Option<FrameRef>,
    /// Maximum segment size that the side announced in its SYN, in bytes.
    pub mss: PerSide<Option<u16>>,
    /// Packets.
    pub packets: PerSide<u64>,
    /// TCP payload in bytes as the IP lengths say it, retransmissions included.
    pub payload_bytes: PerSide<u64>,
    /// Bytes of the stream: the highest offset seen.
    pub stream_bytes: PerSide<u64>,
    /// Bytes of this side's stream that the peer acknowledged.
    pub acknowledged: PerSide<u64>,
    /// This side acknowledged something of its peer's.
    pub acknowledgements: PerSide<bool>,
    /// The longest payload of a packet of this side that the peer acknowledged, in bytes; rather too long than too short
    /// where that is not sure. A card that cuts packets up later lets the capture show longer ones than the wire had.
    pub largest_acknowledged: PerSide<u32>,
    /// The longest run of this side's bytes that the peer has without those before it (RFC 2018), in bytes.
    pub longest_sack: PerSide<u32>,
    /// The last packet of the peer that acknowledged more of this side's bytes.
    pub last_progress: PerSide<Option<FrameRef>>,
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
    /// The packet with the first byte of the stream; the first one with payload, where that is not in the capture.
    pub first_data: PerSide<Option<FrameRef>>,
    /// The last packet with payload that was not sent before.
    pub last_data: PerSide<Option<FrameRef>>,
    /// The last packet of any kind.
    pub last_packet: PerSide<Option<FrameRef>>,
    /// The first FIN.
    pub fin: PerSide<Option<FrameRef>>,
    /// The first RST.
    pub rst: PerSide<Option<FrameRef>>,
    /// The server's RST whose numbers answer a SYN and nothing else: number 0, acknowledging the SYN (RFC 9293 section
    /// 3.10.7.1). A RST of a connection that was open carries the server's own number.
    pub refusal: Option<FrameRef>,
    /// ICMP errors about packets that were under way.
    pub icmp: IcmpErrors,
    /// What brought the connection to its end. A FIN that the peer's FIN or RST acknowledges came before that one, in
    /// whatever order the capture has them.
    pub closer: Option<Closer>,
    /// It cannot be told whether `closer` was the first: its numbers show a FIN before it that was not captured, or the
    /// capture has the packets before it in an order in which they cannot have been sent.
    pub closer_in_doubt: bool,
    /// Zeek's `conn_state`.
    pub state: ConnState,
    /// Zeek's `history`.
    pub history: History,
}

impl Summary {
    /// From the last SYN to the client's first ACK: one round trip, seen from the origin (Wireshark's iRTT).
    #[must_use]
    pub fn handshake_rtt(&self) -> Option<Micros> {
        let (syn, done) = (self.last_syn?, self.established?);
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
        self.packets.client == u64::from(self.syns) + u64::from(self.duplicates.client)
    }

    /// Bytes of this side that the peer has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self, side: Side) -> u64 {
        self.stream_bytes[side].saturating_sub(self.acknowledged[side])
    }

    /// Whether every byte of this side's stream is accounted for, though the snap length may have cut it off.
    #[must_use]
    pub fn counts_all(&self, side: Side) -> bool {
        self.not_captured[side] == 0 && self.not_acknowledged[side] == 0
    }

    /// The first bytes of this side that its peer never acknowledged, where this side sent them again.
    #[must_use]
    pub fn stall(&self, side: Side) -> Option<Stall> {
        self.stalls[side].as_deref().copied()
    }

    /// Whether every byte of this side's stream is at hand.
    #[must_use]
    pub fn is_whole(&self, side: Side) -> bool {
        self.counts_all(side) && self.cut[side].is_none()
    }

    /// Exchanges the sides, when it turns out that the client is the other end.
    pub fn swap(&mut self) {
        self.mss.swap();
        self.packets.swap();
        self.payload_bytes.swap();
        self.stream_bytes.swap();
        self.acknowledged.swap();
        self.acknowledgements.swap();
        self.largest_acknowledged.swap();
        self.longest_sack.swap();
        self.last_progress.swap();
        self.stalls.swap();
        self.icmp.swap();
        self.retransmissions.swap();
        self.out_of_order.swap();
        self.zero_windows.swap();
        self.keep_alives.swap();
        self.duplicates.swap();
        self.conflicting_overlaps.swap();
        self.not_captured.swap();
        self.not_acknowledged.swap();
        self.cut.swap();
        self.first_data.swap();
        self.last_data.swap();
        self.last_packet.swap();
        self.fin.swap();
        self.rst.swap();
        if let Some(closer) = &mut self.closer {
            closer.side = closer.side.peer();
            closer.last_data.swap();
        }
        self.state = self.state.flipped();
        self.history.flip();
    }
}
