//! IP packets, and those in fragments.

use why502::base::Timestamp;
use why502::ip::{Decoded, Defragmenter, decode};
use why502::link::{Encapsulation, IpFrame};

use super::in_proportion;

fn frame(bytes: &[u8]) -> IpFrame<'_> {
    let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    IpFrame { bytes, wire_len, encapsulation: Encapsulation::default() }
}

/// Packets, two bytes of length before each: what a segment carries lies in its packet, and fragments are few enough to be
/// held.
pub(super) fn packets(bytes: &[u8]) {
    in_proportion(bytes.len(), || {
        let mut fragments = Defragmenter::default();
        let (mut rest, mut taken, mut now) = (bytes, 0_u64, 0);
        while let Some((&[a, b], after)) = rest.split_first_chunk::<2>() {
            let (packet, next) = after.split_at(after.len().min(usize::from(u16::from_be_bytes([a, b]))));
            rest = next;
            now += 1_000_000;
            match decode(frame(packet)) {
                Decoded::Tcp(segment) => {
                    let (within, found) = (packet.as_ptr_range(), segment.payload.as_ptr_range());
                    assert!(segment.payload.is_empty() || (within.start <= found.start && found.end <= within.end));
                    assert!(segment.payload.len() <= segment.payload_len as usize);
                    assert!(segment.payload_len <= 65_535, "no packet is longer");
                }
                Decoded::Fragment(fragment) => {
                    taken += 1;
                    if let Some(whole) = fragments.take(&fragment, Timestamp(now)) {
                        assert!(whole.frame().bytes.len() <= 65_535 + 60, "no packet is longer");
                        let _ = decode(whole.frame());
                    }
                    assert!(fragments.waiting() + fragments.lost() <= taken, "each is told once");
                }
                Decoded::Icmp(_) | Decoded::OtherProtocol | Decoded::Undecodable(_) => {}
            }
        }
    });
}

/// A packet of IPv4 with a segment of TCP, cut where the input says, in the order that it says: what comes out is the packet.
pub(super) fn model(bytes: &[u8]) {
    let Some((&[a, b, first, ..], cuts)) = bytes.split_first_chunk::<3>() else { return };
    let body: Vec<u8> = segment(usize::from(u16::from_be_bytes([a, b])) % 4_000);
    // Offsets are in units of eight bytes.
    let mut ends: Vec<usize> =
        cuts.iter().take(24).map(|c| (usize::from(*c) * 16) & !7).filter(|e| *e < body.len()).collect();
    ends.push(body.len());
    ends.sort_unstable();
    ends.dedup();
    ends.retain(|end| *end > 0);
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    for end in ends {
        pieces.push((pieces.last().map_or(0, |(_, end)| *end), end));
    }
    let many = pieces.len();
    if many < 2 {
        return;
    }
    pieces.rotate_left(usize::from(first) % many);
    if first & 1 == 1 {
        pieces.reverse();
    }
    let mut fragments = Defragmenter::default();
    let mut whole = None;
    for (i, (from, to)) in pieces.iter().copied().enumerate() {
        assert!(whole.is_none(), "not before the last one");
        let packet = fragment(&body[from..to], from, to < body.len());
        let Decoded::Fragment(fragment) = decode(frame(&packet)) else { panic!("{from}..{to} is a fragment") };
        whole = fragments.take(&fragment, Timestamp(i as i64 * 1_000_000));
    }
    let whole = whole.expect("all of it came");
    let Decoded::Tcp(segment) = decode(whole.frame()) else { panic!("it is a segment") };
    assert_eq!(segment.payload, &body[20..]);
    assert_eq!((fragments.waiting(), fragments.lost(), fragments.conflicts()), (0, 0, 0));
}

/// A header of TCP, and as many bytes.
fn segment(len: usize) -> Vec<u8> {
    let mut bytes = vec![0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];
    bytes.extend((0..len).map(|i| (i * 31 % 251) as u8));
    bytes
}

fn fragment(body: &[u8], offset: usize, more: bool) -> Vec<u8> {
    let total = u16::try_from(20 + body.len()).expect("it is short");
    let flags = u16::try_from(offset / 8).expect("it is short") | if more { 0x2000 } else { 0 };
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0x12, 0x34]);
    packet.extend(flags.to_be_bytes());
    packet.extend([64, 6, 0, 0, 130, 176, 1, 2, 10, 0, 0, 5]);
    packet.extend(body);
    packet
}
