//! Packets that the capture has more than once.
//!
//! `-i any` shows a packet on every interface that it passes (veth, bridge, eth), a mirror port on its way in and on
//! its way out. A copy has another link header, perhaps a lower TTL and another MSS, and comes within milliseconds,
//! often with other packets between. A retransmission comes no sooner than the sender's clock allows: 200 ms on Linux,
//! 1 s before RTT is known (RFC 6298), a round trip where it is fast.

use crate::base::{Micros, Timestamp};
use crate::ip::TcpSegment;

/// Packets of one side that a further one is compared with: as many as come in one burst before their copies.
const MAX_RECENT: usize = 8;

/// Copies come within this time, where the packet carries something that a retransmission would have otherwise: the
/// identification of its IP header, or a timestamp (RFC 7323).
const MARKED: Micros = Micros::from_millis(100);

/// Copies of a packet without any such mark come within this time.
const UNMARKED: Micros = Micros::from_millis(1);

/// NOP, NOP and the timestamps option with its length: how everybody lays it out (RFC 7323 appendix A).
const TIMESTAMPS: [u8; 4] = [1, 1, 8, 10];

/// Bits of an entry that hold its time, in units of 2^16 ns: they come round after more than a minute.
const TIME: u64 = (1 << 20) - 1;

/// Packets of a side that opens a connection and says nothing.
const FIRST: usize = 2;

/// The last packets of one side: each a digest above the bits of its [`TIME`].
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    first: [u64; FIRST],
    /// All of them, once there are more, in one cache line.
    all: Option<Box<[u64; MAX_RECENT]>>,
    next: u8,
}

impl Recent {
    /// Whether this packet was here before; it is remembered if not.
    #[inline]
    pub(super) fn has(&mut self, segment: &TcpSegment<'_>, time: Timestamp) -> bool {
        let (print, within) = print(segment);
        let now = (time.0 >> 16) as u64 & TIME;
        let entry = print & !TIME | now;
        // Copies from several points of capture need not be in order.
        let apart = |then: u64| (now.wrapping_sub(then) & TIME).min(then.wrapping_sub(now) & TIME);
        let entries = self.all.as_deref().map_or(&self.first[..], |all| &all[..]);
        let mut same = entries.iter().filter(|&&known| (known ^ entry) <= TIME);
        if same.any(|&known| apart(known & TIME) << 16 <= within.0 as u64 * 1_000) {
            return true;
        }
        let place = usize::from(self.next) % MAX_RECENT;
        if let Some(oldest) = self.entries().get_mut(place) {
            *oldest = entry;
        }
        self.next = self.next.wrapping_add(1);
        false
    }

    /// Room for the next one.
    #[inline]
    fn entries(&mut self) -> &mut [u64] {
        if self.all.is_none() && usize::from(self.next) >= FIRST {
            self.all = Some(self.spread());
        }
        self.all.as_deref_mut().map_or(&mut self.first[..], |all| &mut all[..])
    }

    #[inline(never)]
    fn spread(&self) -> Box<[u64; MAX_RECENT]> {
        let mut all = Box::new([0; MAX_RECENT]);
        all.iter_mut().zip(&self.first).for_each(|(place, first)| *place = *first);
        all
    }
}

/// What the copies of one packet share, and the time within which they come.
#[inline]
fn print(segment: &TcpSegment<'_>) -> (u64, Micros) {
    let numbers = u64::from(segment.seq.0) << 32 | u64::from(segment.ack.0);
    let shape =
        u64::from(segment.payload_len & 0xff_ffff) << 24 | u64::from(segment.window) << 8 | u64::from(segment.flags.0);
    let (mark, within) = match segment.ip_id {
        Some(id @ 1..) => (u64::from(id) << 48, MARKED),
        _ => options(segment),
    };
    (mix(numbers ^ 0x9e37_79b9_7f4a_7c15, shape ^ mark ^ 0xd1b5_4a32_d192_ed03), within)
}

/// The same where there is no identification: the options, with timestamps and selective acknowledgements.
#[inline(never)]
fn options(segment: &TcpSegment<'_>) -> (u64, Micros) {
    let mut mark = 1;
    for chunk in segment.option_bytes.chunks(8) {
        let word = chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        mark = mix(mark ^ word, 0xa076_1d64_78bd_642f);
    }
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
