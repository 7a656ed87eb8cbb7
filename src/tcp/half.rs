//! One direction of a connection, in sequence space.

use crate::base::{FrameRef, Micros, SeqNumber, Side, Timestamp};
use crate::ip::TcpSegment;

use super::copies::{Burst, MAX_RECENT, Print, Young};
use super::loss::Losses;
use super::pending::{Pending, Stored, slice};
use super::stream::{End, Missing, Stream};

/// A hole that the peer acknowledged is given up after this long: packets reordered by the capture arrive
/// within microseconds, a retransmission of what was acknowledged never comes.
const HOLE_PATIENCE: Micros = Micros::from_secs(1);

/// Further from the expected byte than any window allows (RFC 7323 section 2.3): not of this stream.
const MAX_DISTANCE: i64 = 1 << 30;

/// A RST whose number lies further ahead than one window of an ordinary host is not of this stream.
const MAX_CLAIM: u64 = 1 << 24;

/// What a segment with payload turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next bytes, or the first beyond a hole.
    New,
    /// Bytes sent before, all of them.
    Old,
    /// The same, so soon that it is a copy made by the capture, cut in other places.
    Copy,
    /// Bytes that fill a hole.
    Late,
    /// Not within any window of this stream.
    Astray,
}

/// Sequence space of what one side sends. Offset 0 is the first byte after the SYN.
///
/// Many connections are open and say nothing: what only payload or an end asks for has a place of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Half {
    /// Sequence number of offset 0.
    base: Option<SeqNumber>,
    /// Everything before this offset was handed on.
    next: u64,
    /// The highest offset that was seen.
    pub seen: u64,
    /// The highest offset that the peer acknowledged.
    pub acknowledged: u64,
    /// The offset that this side gave as its own when it reset the connection: what comes before it was sent.
    claimed: u64,
    ended: bool,
    /// The peer acknowledged the FIN.
    pub fin_acknowledged: bool,
    /// There is a hole, and perhaps something behind it.
    holed: bool,
    /// How many packets were remembered, as far as this goes.
    remembered: u8,
    /// The first of them; the last are with `more`, once there are more than these.
    first: Burst<FIRST>,
    more: Option<Box<More>>,
}

/// Packets of a side that opens a connection and says nothing.
const FIRST: usize = 2;

/// What is known of a side since it sent payload, its FIN, or more than [`FIRST`] packets.
#[derive(Debug, Clone, Default)]
struct More {
    recent: Burst<MAX_RECENT>,
    /// Offset of the FIN.
    fin: Option<(u64, FrameRef)>,
    young: Young,
    /// Where the last new bytes begin.
    last_start: Option<SeqNumber>,
    losses: Losses,
    pending: Pending,
    hole_since: Option<FrameRef>,
    not_captured: u64,
    not_acknowledged: u64,
    conflicts: u32,
    /// No room was left for a segment at least once.
    limit_reached: bool,
}

/// What became of the packets of one side.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Bytes acknowledged or claimed, but not in the capture.
    pub not_captured: u64,
    /// Neither.
    pub not_acknowledged: u64,
    /// Segments that repeat bytes with other content.
    pub conflicts: u32,
    /// No room was left for a segment at least once.
    pub limit_reached: bool,
    /// Which packets arrived, and which did not.
    pub losses: Losses,
}

impl Half {
    /// The sequence number of the first byte, where it is not known yet.
    pub(super) fn begin(&mut self, first_byte: SeqNumber) {
        self.base.get_or_insert(first_byte);
    }

    pub(super) fn base(&self) -> Option<SeqNumber> {
        self.base
    }

    /// Offset of a sequence number, by its distance from the next byte that is due.
    pub(super) fn offset(&self, seq: SeqNumber) -> Option<i64> {
        let near = self.base?.plus(self.next as u32);
        let distance = i64::from(seq.distance_from(near));
        (distance.abs() <= MAX_DISTANCE).then(|| self.next as i64 + distance)
    }

    /// Whether a segment of `len` bytes at `seq` is a keep-alive probe: one byte before the next, already acknowledged.
    pub(super) fn is_keep_alive(&self, seq: SeqNumber, len: u32) -> bool {
        len <= 1
            && self.next > 0
            && self.acknowledged >= self.next
            && self.offset(seq).is_some_and(|at| at + 1 == self.next as i64)
    }

    /// Where the last new bytes begin.
    pub(super) fn last_start(&self) -> Option<SeqNumber> {
        self.more.as_ref()?.last_start
    }

    /// Memory that bytes out of order take.
    #[inline]
    pub(super) fn held(&self) -> usize {
        if self.holed { self.more.as_ref().map_or(0, |more| more.pending.held()) } else { 0 }
    }

    /// What became of its packets, once nothing more will come.
    pub(super) fn told(&mut self) -> Told {
        let Some(more) = self.more.as_deref_mut() else { return Told::default() };
        Told {
            not_captured: more.not_captured,
            not_acknowledged: more.not_acknowledged,
            conflicts: more.conflicts,
            limit_reached: more.limit_reached,
            losses: std::mem::take(&mut more.losses),
        }
    }

    #[inline]
    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_with(|| {
            let mut more = Box::<More>::default();
            more.recent = self.first.spread();
            more
        })
    }

    /// Whether this packet was here before; it is remembered if not.
    #[inline]
    pub(super) fn repeats(&mut self, segment: &TcpSegment<'_>, time: Timestamp) -> bool {
        let (print, number) = (Print::of(segment, time), self.remembered);
        if self.more.is_none() && usize::from(number) < FIRST {
            if self.first.has(print) {
                return true;
            }
            self.first.put(number, print);
        } else {
            let recent = &mut self.more().recent;
            if recent.has(print) {
                return true;
            }
            recent.put(number, print);
        }
        self.remembered = number.wrapping_add(1);
        false
    }

    /// Takes no packet for a copy of one before.
    pub(super) fn forget_packets(&mut self) {
        (self.first, self.remembered) = (Burst::default(), 0);
        if let Some(more) = &mut self.more {
            more.recent = Burst::default();
        }
    }

    fn fin(&self) -> Option<(u64, FrameRef)> {
        self.more.as_ref()?.fin
    }

    /// Offset of the first byte that is kept for later.
    fn first_pending(&self) -> Option<u64> {
        self.more.as_ref()?.pending.first_offset()
    }

    /// Gives up all holes instead of waiting for what fills them.
    #[cold]
    pub(super) fn make_room(&mut self, side: Side, frame: FrameRef, out: &mut impl Stream) {
        while self.held() > 0 {
            self.more().limit_reached = true;
            self.skip_hole(side, frame, out);
        }
    }

    /// Notes the peer's acknowledgement, `pure` in a packet that says nothing else. Says whether it acknowledges more.
    pub(super) fn acknowledge(&mut self, ack: SeqNumber, frame: FrameRef, pure: bool) -> bool {
        let Some(base) = self.base else {
            self.base = Some(ack);
            return false;
        };
        let reference = self.seen.max(self.acknowledged);
        let at = reference as i64 + i64::from(ack.distance_from(base.plus(reference as u32)));
        let at = match self.fin() {
            Some((fin, _)) => {
                self.fin_acknowledged |= at == fin as i64 + 1;
                at.min(fin as i64)
            }
            None => at,
        };
        if at > self.acknowledged as i64 && at - reference as i64 <= MAX_DISTANCE {
            self.acknowledged = at as u64;
            if let Some(more) = &mut self.more {
                more.losses.acknowledged(self.acknowledged);
            }
            return true;
        }
        if let Some(more) = self.more.as_mut().filter(|_| pure && at == self.acknowledged as i64) {
            more.losses.asked(frame);
        }
        false
    }

    /// Whether a packet that begins at `seq` may be under way: not before what the peer acknowledged, not beyond what was
    /// sent (RFC 5927 section 4.1).
    pub(super) fn is_under_way(&self, seq: SeqNumber) -> bool {
        self.offset(seq).is_some_and(|at| (self.acknowledged as i64..=self.seen as i64).contains(&at))
    }

    /// Whether bytes are under way that the peer has not acknowledged.
    #[inline]
    pub(super) fn is_owed(&self) -> bool {
        self.seen > self.acknowledged
    }

    /// Notes bytes that the peer has without those before them.
    #[cold]
    pub(super) fn selectively_acknowledge(&mut self, (from, to): (SeqNumber, SeqNumber)) {
        let (Some(from), Some(to)) = (self.offset(from), self.offset(to)) else { return };
        // A block of what is acknowledged anyway tells of a packet that came twice (RFC 2883).
        if from > self.acknowledged as i64 && to > from && to <= self.seen as i64 {
            let run = u32::try_from(to - from).unwrap_or(u32::MAX);
            let losses = &mut self.more().losses;
            losses.longest_sack = losses.longest_sack.max(run);
        }
    }

    /// Notes the sequence number of this side's RST: it comes after everything that was sent.
    pub(super) fn claim(&mut self, seq: SeqNumber) {
        let reach = self.seen.saturating_add(MAX_CLAIM);
        let claimed = self.offset(seq).and_then(|at| u64::try_from(at).ok()).filter(|at| *at <= reach);
        self.claimed = self.claimed.max(claimed.unwrap_or_default());
    }

    /// Whether `ack` acknowledges bytes that were not seen yet: more than a FIN.
    pub(super) fn is_ahead(&self, ack: SeqNumber) -> bool {
        self.base.is_some_and(|base| ack.distance_from(base.plus(self.seen as u32).plus(1)) > 0)
    }

    /// Whether `seq` lies right after a FIN that should follow the last byte seen, and that was not captured.
    pub(super) fn is_after_unseen_fin(&self, seq: SeqNumber) -> bool {
        self.fin().is_none() && self.base.is_some_and(|base| base.plus(self.seen as u32).plus(1) == seq)
    }

    /// Takes a segment's payload: `bytes` captured of `len` on the wire.
    pub(super) fn payload(
        &mut self,
        side: Side,
        (seq, bytes, len): (SeqNumber, &[u8], u32),
        frame: FrameRef,
        out: &mut impl Stream,
    ) -> Arrival {
        let Some(at) = self.offset(seq) else { return Arrival::Astray };
        let (end, before, acknowledged) = (at + i64::from(len), self.seen, self.acknowledged);
        let old = end <= self.next as i64;
        let known = u64::try_from(at).ok().zip(u64::try_from(end).ok()).filter(|_| old);
        let more = self.more();
        if known.is_some_and(|(at, end)| more.young.covers(at, end, frame.time)) {
            return Arrival::Copy;
        }
        if at == acknowledged as i64 && at < before as i64 {
            more.losses.sent_again(seq, len, frame);
        }
        more.losses.sent(at.max(0) as u64, len);
        if old {
            return Arrival::Old;
        }
        // Here at least the last byte is new, so that the end is positive.
        let end = end as u64;
        let skipped = usize::try_from(self.next as i64 - at).unwrap_or(0);
        let start = at.max(self.next as i64) as u64;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        self.seen = self.seen.max(end);
        if start == self.next {
            self.deliver(side, bytes, end - start, frame, out);
            self.drain(side, frame, out);
        } else {
            self.keep(side, (start, bytes, end - start), frame, out);
        }
        let more = self.more();
        more.last_start = Some(seq);
        if start < before {
            return Arrival::Late;
        }
        more.young.grew(start, frame.time);
        Arrival::New
    }

    /// Notes the FIN at the end of a segment's payload.
    pub(super) fn finish(&mut self, side: Side, (seq, len): (SeqNumber, u32), frame: FrameRef, out: &mut impl Stream) {
        if let (None, Some(at)) = (self.fin(), self.offset(seq)) {
            let at = (at + i64::from(len)).max(0) as u64;
            self.more().fin = Some((at, frame));
            self.acknowledged = self.acknowledged.min(at);
            self.end_if_due(side, out);
        }
    }

    /// Gives up a hole whose bytes the peer has, once waiting makes no more sense.
    #[inline]
    pub(super) fn give_up_holes(&mut self, side: Side, frame: FrameRef, out: &mut impl Stream) {
        if self.holed && self.is_given_up(frame) {
            self.skip_hole(side, frame, out);
        }
    }

    fn is_given_up(&self, frame: FrameRef) -> bool {
        let Some(more) = self.more.as_deref() else { return false };
        let Some(since) = more.hole_since else { return false };
        let acknowledged = more.pending.first_offset().is_some_and(|first| self.acknowledged >= first);
        acknowledged && frame.since(since) >= HOLE_PATIENCE
    }

    /// Hands on everything that is left; nothing more will come.
    pub(super) fn flush(&mut self, side: Side, last: FrameRef, out: &mut impl Stream) {
        while self.first_pending().is_some() {
            self.skip_hole(side, last, out);
        }
        self.claimed = self.fin().map_or(self.claimed, |(at, _)| at.min(self.claimed));
        let known = self.acknowledged.max(self.claimed);
        let end = self.fin().map_or(known, |(at, _)| at.max(known));
        // One acknowledged number beyond the last byte may be a FIN that was not captured.
        if end > self.next + u64::from(self.fin().is_none()) {
            self.miss(side, end, last, out);
        }
        self.end_if_due(side, out);
    }

    /// Keeps a segment for later. Where there is no room, holes are given up until there is, or until it is its turn.
    fn keep(&mut self, side: Side, (offset, bytes, len): (u64, &[u8], u64), frame: FrameRef, out: &mut impl Stream) {
        while self.next < offset {
            self.holed = true;
            let more = self.more();
            more.hole_since.get_or_insert(frame);
            match more.pending.store(offset, bytes, len, frame) {
                Stored::Yes => return,
                Stored::Conflict => {
                    more.conflicts += 1;
                    return;
                }
                Stored::Full => more.limit_reached = true,
            }
            if self.first_pending().is_some_and(|first| first < offset) {
                self.skip_hole(side, frame, out);
            } else {
                self.miss(side, offset, frame, out);
            }
        }
        let (start, end) = (self.next, offset + len);
        if end > start {
            self.deliver(side, slice(bytes, offset, start, end), end - start, frame, out);
        }
        self.drain(side, frame, out);
    }

    fn deliver(&mut self, side: Side, bytes: &[u8], len: u64, frame: FrameRef, out: &mut impl Stream) {
        self.next += len;
        if !bytes.is_empty() {
            out.data(side, bytes, frame);
        }
        let cut = len - bytes.len() as u64;
        if cut > 0 {
            out.gap(side, cut, Missing::CutShort, frame);
        }
    }

    /// Hands on what is due of the segments that were kept.
    fn drain(&mut self, side: Side, frame: FrameRef, out: &mut impl Stream) {
        while self.holed && self.first_pending().is_some_and(|first| first <= self.next) {
            let Some(segment) = self.more().pending.pop() else { break };
            if segment.end() > self.next {
                let start = self.next;
                let rest = slice(&segment.bytes, segment.offset, start, segment.end());
                self.deliver(side, rest, segment.end() - start, segment.frame, out);
            }
        }
        if self.holed {
            let left = self.first_pending().is_some();
            let since = &mut self.more().hole_since;
            *since = since.filter(|_| left).map(|_| frame);
            self.holed = since.is_some();
        }
        self.end_if_due(side, out);
    }

    fn skip_hole(&mut self, side: Side, frame: FrameRef, out: &mut impl Stream) {
        if let Some(first) = self.first_pending() {
            self.miss(side, first, frame, out);
            self.drain(side, frame, out);
        } else {
            self.more().hole_since = None;
            self.holed = false;
        }
    }

    /// Accounts for the bytes from the next one to `to`, which are not there.
    fn miss(&mut self, side: Side, to: u64, frame: FrameRef, out: &mut impl Stream) {
        let sent = self.acknowledged.max(self.claimed);
        for (until, why) in [(sent.min(to), Missing::NotCaptured), (to, Missing::NotAcknowledged)] {
            if until > self.next {
                let len = until - self.next;
                match why {
                    Missing::NotCaptured => self.more().not_captured += len,
                    _ => self.more().not_acknowledged += len,
                }
                self.next = until;
                self.seen = self.seen.max(until);
                out.gap(side, len, why, frame);
            }
        }
    }

    fn end_if_due(&mut self, side: Side, out: &mut impl Stream) {
        if let Some((at, frame)) = self.fin()
            && at <= self.next
            && !self.ended
        {
            self.ended = true;
            out.end(side, End::Fin, frame);
        }
    }
}
