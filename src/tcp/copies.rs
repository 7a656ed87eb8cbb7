//! Packets that the capture has more than once.
//!
//! `-i any` shows a packet on every interface that it passes (veth, bridge, eth), a mirror port on its way in and on
//! its way out. A copy has another link header, perhaps a lower TTL and another MSS, and comes within milliseconds,
//! often with other packets between. A retransmission comes no sooner than the sender's clock allows: 200 ms on Linux,
//! 1 s before RTT is known (RFC 6298), a round trip where it is fast.

use crate::base::{Micros, Timestamp};
use crate::ip::TcpSegment;

/// Packets of one side that a further one is compared with: as many as come in one burst before their copies.
pub(super) const MAX_RECENT: usize = 8;

/// Copies come within this time, where the packet carries something that a retransmission would have otherwise: the
/// identification of its IP header, or a timestamp (RFC 7323).
const MARKED: Micros = Micros::from_millis(100);

/// Copies of a packet without any such mark come within this time.
const UNMARKED: Micros = Micros::from_millis(1);

/// NOP, NOP and the timestamps option with its length: how everybody lays it out (RFC 7323 appendix A).
const TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];

/// Nanoseconds of the unit in which a time is remembered, as a power of two, and the bits of it that are: they
/// come round after more than a minute.
const TIME_UNIT: u32 = 16;
const TIME: u32 = (1 << 20) - 1;

/// The last `N` packets of one side, all of them in one cache line: each a digest, of which one half can be compared with
/// that of many at once, and the other stands above the bits of its [`TIME`].
#[derive(Debug, Clone)]
pub(super) struct Burst<const N: usize> {
    tags: [u32; N],
    rests: [u32; N],
}

/// A packet as it is remembered.
#[derive(Clone, Copy)]
pub(super) struct Print {
    tag: u32,
    rest: u32,
    /// The time within which its copies come.
    within: Micros,
}

impl<const N: usize> Default for Burst<N> {
    fn default() -> Self {
        Self { tags: [0; N], rests: [0; N] }
    }
}

impl<const N: usize> Burst<N> {
    /// Whether this packet was here before.
    #[inline]
    pub(super) fn has(&self, print: Print) -> bool {
        // No branch for each of them: almost always there is none.
        self.tags.iter().fold(false, |any, tag| any | (*tag == print.tag)) && self.truly_has(print)
    }

    #[cold]
    fn truly_has(&self, print: Print) -> bool {
        // Copies from several points of capture need not be in order.
        let apart = |then: u32| (print.rest.wrapping_sub(then) & TIME).min(then.wrapping_sub(print.rest) & TIME);
        let soon = |then: u32| u64::from(apart(then)) << TIME_UNIT <= print.within.0 as u64 * 1_000;
        let mut known = self.tags.iter().zip(&self.rests);
        known.any(|(tag, rest)| *tag == print.tag && (rest ^ print.rest) <= TIME && soon(*rest))
    }

    /// Remembers a packet in place of the one that came `N` before it; `number` is that of the packet.
    #[inline]
    pub(super) fn put(&mut self, number: u8, print: Print) {
        let at = usize::from(number) % N;
        if let (Some(tag), Some(rest)) = (self.tags.get_mut(at), self.rests.get_mut(at)) {
            (*tag, *rest) = (print.tag, print.rest);
        }
    }

    /// The same packets where there is room for more: each in the place of its number.
    pub(super) fn spread<const M: usize>(&self) -> Burst<M> {
        let mut spread = Burst::default();
        spread.tags.iter_mut().zip(&self.tags).for_each(|(place, tag)| *place = *tag);
        spread.rests.iter_mut().zip(&self.rests).for_each(|(place, rest)| *place = *rest);
        spread
    }
}

impl Print {
    /// Of this packet.
    #[inline]
    pub(super) fn of(segment: &TcpSegment<'_>, time: Timestamp) -> Print {
        let (print, within) = print(segment);
        let rest = print as u32 & !TIME | (time.0 >> TIME_UNIT) as u32 & TIME;
        Print { tag: (print >> 32) as u32, rest, within }
    }
}

/// What the copies of one packet share, and the time within which they come.
#[inline]
fn print(segment: &TcpSegment<'_>) -> (u64, Micros) {
    let numbers = u64::from(segment.seq.0) << 32 | u64::from(segment.ack.0);
    let shape =
        u64::from(segment.payload_len & 0xff_ffff) << 24 | u64::from(segment.window) << 8 | u64::from(segment.flags.0);
    let (mark, within) = match segment.mark() {
        Some(id) => (u64::from(id.get()) << 48, MARKED),
        None => options(segment),
    };
    (mix(numbers ^ 0x9e37_79b9_7f4a_7c15, shape ^ mark ^ 0xd1b5_4a32_d192_ed03), within)
}

/// The same where there is no identification: the options, with timestamps and selective acknowledgements.
#[inline(never)]
fn options(segment: &TcpSegment<'_>) -> (u64, Micros) {
    let (words, rest) = segment.option_bytes.as_chunks::<8>();
    // Options are padded to four bytes, where they were not cut off.
    let last = rest.iter().fold(rest.len() as u64, |word, &byte| word << 8 | u64::from(byte));
    let mark = words.iter().fold(last, |mark, word| mix(mark ^ u64::from_le_bytes(*word), 0xa076_1d64_78bd_642f));
    // A SYN is not sent again within a second.
    let marked = segment.flags.syn() || segment.option_bytes.starts_with(&TIMESTAMPS);
    (mark, if marked { MARKED } else { UNMARKED })
}

/// Both halves of the product: every bit of either number has a say in every bit of the result.
#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// How long bytes are young: they are told by steps of half this length.
const YOUNG: Micros = Micros::from_millis(2);

/// Whether nobody sends the same again after so short a time.
#[inline]
pub(super) fn is_young(age: Micros) -> bool {
    (0..=YOUNG.0).contains(&age.0)
}

/// Since when the last bytes of a stream are here.
///
/// Copies of one segment may be cut in different places: offload joins segments (GRO) or leaves them whole until the
/// card (TSO), each at another point of the host. What repeats bytes that are this young is a copy.
#[derive(Debug, Clone, Default)]
pub(super) struct Young {
    /// Offset and time at which a step began: the one at hand, and the one before.
    steps: [(u64, Timestamp); 2],
    /// The last bytes that were sent again: where they begin and end, and when.
    again: (u64, u64, Timestamp),
}

impl Young {
    /// Notes new bytes from this offset on.
    #[inline]
    pub(super) fn grew(&mut self, offset: u64, time: Timestamp) {
        let [(_, began), _] = self.steps;
        if time < began || time.since(began).0 > YOUNG.0 / 2 {
            let [last, _] = self.steps;
            self.steps = [(offset, time), last];
        }
    }

    /// Whether the bytes from this offset to that one, which were here before, are young. They are from now on.
    pub(super) fn covers(&mut self, from: u64, to: u64, time: Timestamp) -> bool {
        let is_young = |began: Timestamp| is_young(time.since(began));
        let (again_from, again_to, again) = self.again;
        let repeats = from >= again_from && to <= again_to && is_young(again);
        if repeats || self.steps.iter().any(|&(begin, began)| from >= begin && is_young(began)) {
            return true;
        }
        // Several lost segments are sent again one behind the other.
        self.again = if from == again_to && is_young(again) { (again_from, to, again) } else { (from, to, time) };
        false
    }
}
