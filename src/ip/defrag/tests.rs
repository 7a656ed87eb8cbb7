//! Fragments built byte by byte, in every order.

use super::super::tests::{Random, framed, segment, tcp, udp, v4, v6};
use super::super::{Decoded, decode};
use super::*;
use crate::base::SeqNumber;
use crate::link::Layer;

/// Bytes `from..to` of the payload of an IPv4 packet without options.
fn part4(packet: &[u8], from: usize, to: usize, is_last: bool) -> Vec<u8> {
    let mut part = [&packet[..20], &packet[20 + from..20 + to]].concat();
    let len = part.len() as u16;
    part[2..4].copy_from_slice(&len.to_be_bytes());
    let field = (from as u16 / 8) | (u16::from(!is_last) << 13);
    part[6..8].copy_from_slice(&field.to_be_bytes());
    part
}

/// An IPv4 packet cut into fragments of `size` bytes.
fn cut4(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let total = packet.len() - 20;
    (0..total).step_by(size).map(|at| part4(packet, at, total.min(at + size), at + size >= total)).collect()
}

/// An IPv6 packet cut into fragments, each with `before` (of which the last byte but `before.len() - 1` is 44).
fn cut6(packet: &[u8], kind: u8, before: &[u8], size: usize, id: u8) -> Vec<Vec<u8>> {
    let payload = &packet[40..];
    let cut = |(i, bytes): (usize, &[u8])| {
        let is_more = (i + 1) * size < payload.len();
        let [a, b] = ((i * size) as u16 | u16::from(is_more)).to_be_bytes();
        v6(kind, &[before, &[packet[6], 0, a, b, 0, 0, 0, id], bytes].concat())
    };
    payload.chunks(size).enumerate().map(cut).collect()
}

fn frame(bytes: &[u8]) -> IpFrame<'_> {
    IpFrame { bytes, wire_len: bytes.len() as u32, encapsulation: Encapsulation::default() }
}

fn give_frame(d: &mut Defragmenter, frame: IpFrame<'_>, seconds: i64) -> Option<Whole> {
    match decode(frame) {
        Decoded::Fragment(fragment) => d.take(&fragment, Timestamp(seconds * 1_000_000_000)),
        other => panic!("{other:?} is no fragment"),
    }
}

fn give(d: &mut Defragmenter, bytes: &[u8]) -> Option<Whole> {
    give_frame(d, frame(bytes), 0)
}

/// All that comes out of `parts`.
fn give_all<'a>(d: &mut Defragmenter, parts: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<Whole> {
    parts.into_iter().filter_map(|part| give(d, part)).collect()
}

/// Every order of `0..n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let longer = |order: Vec<usize>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, order.len());
            order
        })
    };
    (0..n).fold(vec![vec![]], |all, _| all.into_iter().flat_map(longer).collect())
}

/// Nothing is kept of packets in progress, and what is kept is counted right.
fn is_tidy(d: &Defragmenter) -> bool {
    let kept: usize = d.partials.values().chain(d.finished.iter().map(|(_, p)| p)).map(|p| p.bytes).sum();
    d.partials.len() == d.births.len() && d.bytes == kept && kept <= MAX_BYTES
}

#[test]
fn fragments_come_together_in_every_order() {
    let data: Vec<u8> = (0..60).collect();
    let (four, six) = (v4(6, &tcp(&data)), v6(6, &tcp(&data)));
    // The packet behind hop-by-hop options, then behind destination options and a routing header too.
    let hops = [44, 0, 1, 4, 0, 0, 0, 0];
    let many = [&[60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0][..], &hops].concat();
    for parts in [
        cut4(&four, 16),
        cut6(&six, 44, &[], 16, 1),
        cut6(&six, 0, &hops, 16, 1),
        cut6(&six, 0, &many, 16, 1),
        cut4(&four, 24),
        vec![part4(&four, 0, 32, false), part4(&four, 8, 48, false), part4(&four, 40, 80, true)],
        vec![part4(&four, 0, 80, false), part4(&four, 72, 80, true)],
    ] {
        for order in orders(parts.len()) {
            let mut d = Defragmenter::default();
            let wholes = give_all(&mut d, order.iter().map(|&i| &parts[i]));
            let [whole] = &wholes[..] else { panic!("{order:?}: {wholes:?}") };
            let got = segment(&whole.bytes);
            assert_eq!((got.payload, got.payload_len, got.seq), (&data[..], 60, SeqNumber(7)), "{order:?}");
            assert_eq!(got.ip_id, (whole.bytes[0] >> 4 == 4).then_some(0x1234));
            assert_eq!((d.lost(), d.waiting(), d.conflicts()), (0, 0, 0), "{order:?}");
            assert!(is_tidy(&d));
        }
    }
}

#[test]
fn the_packet_is_what_was_sent() {
    let sent = v4(6, &tcp(&[7; 100]));
    let wholes = give_all(&mut Defragmenter::default(), &cut4(&sent, 48));
    let mut received = sent.clone();
    received[6] = 0; // "don't fragment" cannot have been set
    assert_eq!(wholes[0].bytes, received);
    let sent = v6(6, &tcp(&[7; 100]));
    assert_eq!(give_all(&mut Defragmenter::default(), &cut6(&sent, 44, &[], 48, 1))[0].bytes, sent);
    // Options of IPv4, of which later fragments have a part only.
    let sent = v4(6, &tcp(&[7; 100]));
    let mut parts = cut4(&sent, 64);
    let options = [0x83, 7, 4, 10, 0, 0, 9, 0];
    parts[0] = [&parts[0][..20], &options, &parts[0][20..]].concat();
    (parts[0][0], parts[0][3]) = (0x47, parts[0][3] + 8);
    let whole = &give_all(&mut Defragmenter::default(), parts.iter().rev())[0];
    assert_eq!((whole.bytes[0], &whole.bytes[20..28], &whole.bytes[28..]), (0x47, &options[..], &sent[20..]));
    assert_eq!(segment(&whole.bytes).payload, [7; 100]);
    // An authentication header is read once the packet is whole.
    let sent = v4(51, &[&[6, 4, 0, 0][..], &[0; 20], &tcp(&[7; 100])].concat());
    assert_eq!(segment(&give_all(&mut Defragmenter::default(), &cut4(&sent, 16))[0].bytes).payload_len, 100);
}

#[test]
fn the_first_copy_stays_and_differences_are_counted() {
    let one = v4(6, &tcp(&[1; 60]));
    let two = v4(6, &tcp(&[2; 60]));
    let (a, b) = (cut4(&one, 40), cut4(&two, 40));
    // Parts, conflicts, fragments that wait at the end, and the payload.
    for (parts, conflicts, waiting, payload) in [
        (vec![&a[0], &a[0], &a[1]], 0, 0, Some([[1; 20], [1; 20], [1; 20]])),
        (vec![&a[1], &a[1], &a[0]], 0, 0, Some([[1; 20], [1; 20], [1; 20]])),
        (vec![&a[0], &b[0], &b[1]], 1, 0, Some([[1; 20], [2; 20], [2; 20]])),
        (vec![&b[1], &a[1], &a[0]], 1, 0, Some([[1; 20], [2; 20], [2; 20]])),
        (vec![&a[0], &part4(&two, 32, 80, true)], 1, 0, Some([[1; 20], [2; 20], [2; 20]])),
        (vec![&a[1], &part4(&two, 0, 48, false)], 1, 0, Some([[2; 20], [1; 20], [1; 20]])),
        // An end before what was seen, another end, and bytes beyond the end.
        (vec![&part4(&one, 40, 80, false), &part4(&one, 40, 48, true), &a[0]], 1, 3, None),
        (vec![&a[1], &part4(&one, 40, 72, true), &a[0]], 1, 0, Some([[1; 20], [1; 20], [1; 20]])),
        (vec![&part4(&one, 40, 48, true), &part4(&one, 48, 56, false)], 1, 2, None),
        // Missing: the first, one between, the last.
        (vec![&a[1]], 0, 1, None),
        (vec![&part4(&one, 0, 32, false), &a[1]], 0, 2, None),
        (vec![&a[0], &a[0]], 0, 2, None),
    ] {
        let mut d = Defragmenter::default();
        let wholes = give_all(&mut d, parts.iter().copied());
        assert_eq!((d.conflicts(), d.waiting(), d.lost()), (conflicts, waiting, 0), "{parts:02x?}");
        let got: Vec<_> = wholes.iter().map(|whole| segment(&whole.bytes).payload).collect();
        assert_eq!(got, payload.iter().map(|p| p.as_flattened()).collect::<Vec<_>>(), "{parts:02x?}");
        assert!(is_tidy(&d));
    }
}

#[test]
fn a_fragment_that_was_captured_twice_is_not_missed() {
    let parts = cut4(&v4(6, &tcp(&[1; 60])), 40);
    for order in [[0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]] {
        let mut d = Defragmenter::default();
        assert_eq!(give_all(&mut d, order.iter().map(|&i| &parts[i])).len(), 1, "{order:?}");
        assert_eq!((d.waiting(), d.lost(), d.conflicts()), (0, 0, 0), "{order:?}");
    }
    // The same identification again is another packet.
    let mut d = Defragmenter::default();
    let again = cut4(&v4(6, &tcp(&[2; 60])), 40);
    assert_eq!(give_all(&mut d, parts.iter().chain(&again).chain(&parts)).len(), 2);
    assert_eq!((d.waiting(), d.conflicts()), (0, 0));
}

#[test]
fn only_fragments_of_one_packet_belong_together() {
    let packet = v4(6, &tcp(&[1; 60]));
    let parts = cut4(&packet, 40);
    let with = |at: usize, value: u8| {
        let mut part = parts[1].clone();
        part[at] = value;
        part
    };
    for other in [with(5, 0x35), with(9, 17), with(15, 9), with(19, 9)] {
        let mut d = Defragmenter::default();
        assert_eq!(give_all(&mut d, [&parts[0], &other]), [], "{other:02x?}");
        assert_eq!((d.waiting(), d.conflicts()), (2, 0));
    }
    let mut around = Encapsulation::default();
    around.push(Layer::Vxlan(5)).unwrap();
    let tunneled = |i: usize| IpFrame { encapsulation: around, ..frame(&parts[i]) };
    let mut d = Defragmenter::default();
    assert_eq!(give_frame(&mut d, tunneled(0), 0), None);
    assert_eq!(give(&mut d, &parts[1]), None);
    assert_eq!(give_frame(&mut d, tunneled(1), 0).unwrap().frame().encapsulation, around);
    // The next header of IPv6 is that of the first fragment; others may say something else.
    let mut parts = cut6(&v6(6, &tcp(&[1; 60])), 44, &[], 40, 1);
    parts[1][40] = 17;
    let whole = &give_all(&mut Defragmenter::default(), parts.iter().rev())[0];
    assert_eq!(segment(&whole.bytes).payload_len, 60);
}

#[test]
fn impossible_fragments_are_given_up() {
    let packet = v4(6, &tcp(&[1; 60]));
    let at_the_end = |units: u16, len: usize| {
        let mut part = part4(&packet, 0, len, true);
        part[6..8].copy_from_slice(&units.to_be_bytes());
        part
    };
    for (part, lost) in [
        (part4(&packet, 0, 33, false), 1),
        (part4(&packet, 8, 8, false), 1),
        (part4(&packet, 8, 8, true), 1),
        (at_the_end(0x1fff, 7), 0),
        (at_the_end(0x1fff, 8), 1),
        (at_the_end(0x1ffe, 80), 1),
    ] {
        let mut d = Defragmenter::default();
        assert_eq!((give(&mut d, &part), d.lost(), d.waiting()), (None, lost, 1 - lost), "{part:02x?}");
    }
    // As much as fits without the header, and the header of IPv4 counts.
    for (len, wholes, lost) in [(65_515, 1, 0), (65_516, 0, 2)] {
        let mut large = v4(17, &[]);
        large.resize(20 + len, 5);
        let (mut d, parts) = (Defragmenter::default(), cut4(&large, 32_768));
        assert_eq!((give_all(&mut d, &parts).len(), d.lost(), d.waiting()), (wholes, lost, 0), "{len}");
        assert!(is_tidy(&d));
    }
}

#[test]
fn every_bound_gives_up_the_oldest() {
    let of_id = |id: u32, len: usize, is_last: bool| {
        let mut packet = v4(6, &[]);
        packet.resize(20 + len, 0);
        packet[4..6].copy_from_slice(&(id as u16).to_be_bytes());
        packet[15] = (id >> 16) as u8;
        part4(&packet, if is_last { len - 8 } else { 0 }, len, is_last)
    };
    // Too many packets: the first is gone, the second is not.
    let mut d = Defragmenter::default();
    let many = MAX_DATAGRAMS as u32;
    assert!((0..=many).all(|id| give(&mut d, &of_id(id, 16, false)).is_none()));
    assert_eq!((d.lost(), d.waiting()), (1, many.into()));
    assert!(give(&mut d, &of_id(1, 24, true)).is_some());
    assert_eq!((d.lost(), d.waiting()), (1, u64::from(many) - 1));
    // Too many bytes, finished packets first.
    let mut d = Defragmenter::default();
    let half = 32_768;
    for id in 0..MAX_FINISHED as u32 {
        assert!(give_all(&mut d, &[of_id(id, half, false), of_id(id, half + 8, true)]).len() == 1);
    }
    for id in 1_000..1_512 {
        assert!(give(&mut d, &of_id(id, half, false)).is_none());
    }
    assert_eq!((d.lost(), d.finished.len(), d.bytes), (0, 0, MAX_BYTES));
    assert_eq!(give(&mut d, &of_id(2_000, half, false)), None);
    assert_eq!((d.lost(), d.bytes), (1, MAX_BYTES));
    assert!(is_tidy(&d));
    // Too many pieces.
    let mut d = Defragmenter::default();
    let packet = v4(6, &[0; 2_000]);
    let pieces = 128;
    assert!((0..pieces).all(|i| give(&mut d, &part4(&packet, i * 8, i * 8 + 8, false)).is_none()));
    assert_eq!((d.lost(), d.waiting()), (0, pieces as u64));
    assert_eq!(give(&mut d, &part4(&packet, pieces * 8, 2_000, true)), None);
    assert_eq!((d.lost(), d.waiting(), d.bytes), (pieces as u64 + 1, 0, 0));
    // Finished packets are remembered up to a bound.
    let mut d = Defragmenter::default();
    assert!((0..200).all(|id| give_all(&mut d, &[of_id(id, 16, false), of_id(id, 24, true)]).len() == 1));
    assert_eq!((d.finished.len(), d.lost()), (MAX_FINISHED, 0));
    assert!(is_tidy(&d));
}

#[test]
fn fragments_wait_for_each_other_by_the_clock_of_the_capture() {
    let parts = cut4(&v4(6, &tcp(&[1; 60])), 40);
    for (seconds, lost, wholes) in [(0, 0, 1), (30, 0, 1), (31, 1, 0), (-20, 1, 0)] {
        let mut d = Defragmenter::default();
        assert_eq!(give_frame(&mut d, frame(&parts[0]), 1_000), None);
        assert_eq!(give_frame(&mut d, frame(&parts[1]), 1_000 + seconds).iter().count(), wholes);
        assert_eq!((d.lost(), d.waiting()), (lost, lost), "{seconds}");
        // Long after, nothing is kept.
        let _ = give_frame(&mut d, frame(&parts[0]), 2_000);
        assert_eq!((d.partials.len(), d.finished.len()), (1, 0));
        assert!(is_tidy(&d));
    }
}

#[test]
fn a_cut_by_the_snap_length_is_a_cut_of_the_packet() {
    let data: Vec<u8> = (0..60).collect();
    let parts = cut4(&v4(6, &tcp(&data)), 40);
    let cut = |i: usize, len: usize| IpFrame { bytes: &parts[i][..len], ..frame(&parts[i]) };
    for (frames, payload) in [
        ([cut(0, 60), cut(1, 50)], 0..50),
        ([cut(0, 50), cut(1, 60)], 0..10),
        ([cut(1, 20), cut(0, 60)], 0..20),
        ([cut(1, 60), cut(0, 40)], 0..0),
    ] {
        let mut d = Defragmenter::default();
        let whole = frames.into_iter().find_map(|frame| give_frame(&mut d, frame, 0)).unwrap();
        let Decoded::Tcp(got) = decode(whole.frame()) else { panic!("{whole:?}") };
        assert_eq!((got.payload, got.payload_len), (&data[payload], 60));
    }
}

#[test]
fn tunnels_within_fragments_may_carry_fragments() {
    let inner = v4(6, &tcp(&[1; 60]));
    let vxlan = |rest: &[u8]| v4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &framed([8, 0], rest)[..]].concat()));
    let mut d = Defragmenter::default();
    let mut found = Vec::new();
    for (i, part) in cut4(&inner, 40).iter().enumerate() {
        let mut outer = vxlan(part);
        outer[5] = i as u8;
        for outer in cut4(&outer, 32) {
            let Some(whole) = give(&mut d, &outer) else { continue };
            if let Some(whole) = give_frame(&mut d, whole.frame(), 0) {
                let got = segment(&whole.bytes);
                assert_eq!((got.payload, got.payload_len), (&[1; 60][..], 60));
                found.push(whole.frame().encapsulation.iter().collect::<Vec<_>>());
            }
        }
    }
    assert_eq!(found, [[Layer::Vxlan(7)]]);
    assert_eq!((d.lost(), d.waiting()), (0, 0));
}

#[test]
fn a_fragment_is_no_larger_than_a_segment() {
    assert!(size_of::<Fragment<'_>>() <= size_of::<super::super::TcpSegment<'_>>());
}

#[test]
fn random_packets_come_back_whole() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut d = Defragmenter::default();
    for round in 0..3_000 {
        let len = 1 + random.below(3_000);
        let (size, data) = (8 * (4 + random.below(100)), random.bytes(len));
        let (packet, mut parts) = if random.below(2) == 0 {
            let mut packet = v4(6, &tcp(&data));
            packet[4..6].copy_from_slice(&(round as u16).to_be_bytes());
            let parts = cut4(&packet, size);
            (packet, parts)
        } else {
            let packet = v6(6, &tcp(&data));
            let parts = cut6(&packet, 44, &[], size, round as u8);
            (packet, parts)
        };
        if parts.len() < 2 {
            continue;
        }
        parts.extend((0..random.below(3)).map(|_| parts[random.below(parts.len())].clone()).collect::<Vec<_>>());
        for i in (1..parts.len()).rev() {
            parts.swap(i, random.below(i + 1));
        }
        let wholes: Vec<_> = parts.iter().filter_map(|part| give_frame(&mut d, frame(part), round)).collect();
        let [whole] = &wholes[..] else { panic!("{round}: {}", wholes.len()) };
        assert_eq!(segment(&whole.bytes).payload, segment(&packet).payload);
    }
    assert_eq!((d.lost(), d.waiting(), d.conflicts()), (0, 0, 0));
}

#[test]
fn random_fragments_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut d = Defragmenter::default();
    let (mut now, mut given, mut wholes) = (0, 0, 0);
    for _ in 0..100_000 {
        for _ in 0..=random.below(5) {
            let len = random.below(20) * 8 + random.below(8) * random.below(2);
            let (a, b) = (random.below(256) as u8, random.below(256) as u8);
            let (a, b) = if random.below(4) == 0 { (a, b) } else { (a & 0x20, b & 7) };
            let payload = random.bytes(len);
            let mut bytes = if random.below(2) == 0 {
                let mut bytes = v4([6, 17, 4, 51][random.below(4)], &payload);
                (bytes[4], bytes[5], bytes[6], bytes[7]) = (0, random.below(8) as u8, a & 0x3f, b);
                bytes
            } else {
                v6(
                    44,
                    &[&[random.below(256) as u8, 0, a, b << 3 | a >> 5, 0, 0, 0, random.below(8) as u8], &payload[..]]
                        .concat(),
                )
            };
            if random.below(8) == 0 {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
            let kept = bytes.len() - random.below(2) * random.below(bytes.len());
            now += (random.below(400) / 399 * random.below(40)) as i64;
            if let Decoded::Fragment(fragment) = decode(IpFrame { bytes: &bytes[..kept], ..frame(&bytes) }) {
                given += 1;
                if let Some(whole) = d.take(&fragment, Timestamp(now * 1_000_000_000)) {
                    wholes += 1;
                    assert!(whole.bytes.len() <= whole.wire_len as usize);
                    let _ = decode(whole.frame());
                }
            }
        }
    }
    assert!(is_tidy(&d));
    assert!(d.lost() + d.waiting() <= given && wholes > 1_000, "{wholes} of {given}, {} lost", d.lost());
}
