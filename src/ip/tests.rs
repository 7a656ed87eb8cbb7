//! Packets built byte by byte, and etherparse as the oracle.

use super::*;
use crate::link::{self, Layer};
use crate::source::LinkType;
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};

const MAC: [u8; 12] = [0; 12];

pub(super) fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b] = (payload.len() as u16 + 20).to_be_bytes();
    let header = [0x45, 0, a, b, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header[..], payload].concat()
}

pub(super) fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b] = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, a, b, next, 63];
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    [header, payload.to_vec()].concat()
}

/// 40000 to 443, sequence number 7, PSH and ACK.
pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [0x9c, 0x40, 1, 0xbb, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    [&header[..], payload].concat()
}

pub(super) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let ([a, b], [c, d]) = (port.to_be_bytes(), (payload.len() as u16 + 8).to_be_bytes());
    [&[0xc0, 0, a, b, c, d, 0, 0][..], payload].concat()
}

pub(super) fn framed(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
    [&MAC[..], &kind, payload].concat()
}

fn raw(bytes: &[u8], wire_len: usize) -> Decoded<'_> {
    match link::decode(LinkType::RAW, bytes, wire_len as u32) {
        link::Decoded::Ip(frame) => decode(frame),
        other => panic!("{other:?}"),
    }
}

pub(super) fn segment(bytes: &[u8]) -> TcpSegment<'_> {
    match raw(bytes, bytes.len()) {
        Decoded::Tcp(segment) => segment,
        other => panic!("{other:?} in {bytes:02x?}"),
    }
}

#[test]
fn extension_headers_are_stepped_over() {
    let t = tcp(b"data");
    let ah = |next: u8| [&[next, 4, 0, 0][..], &[0; 20]].concat();
    for packet in [
        v4(6, &t),
        v4(51, &[ah(6), t.clone()].concat()),
        v6(6, &t),
        v6(0, &[&[6, 0, 1, 4, 0, 0, 0, 0][..], &t].concat()),
        v6(60, &[&[43, 1][..], &[0; 14], &[6, 0, 0, 0, 0, 0, 0, 0], &t].concat()),
        v6(44, &[&[51, 0, 0, 0, 0, 0, 0, 1][..], &ah(6), &t].concat()),
    ] {
        let got = segment(&packet);
        assert_eq!((got.source.port, got.destination.port, got.seq.0), (40000, 443, 7));
        assert_eq!((got.payload, got.payload_len), (&b"data"[..], 4));
        for len in 0..packet.len() {
            assert!(!matches!(raw(&packet[..len], packet.len()), Decoded::OtherProtocol | Decoded::Fragment(_)));
        }
    }
    let endless = [0, 0, 1, 4, 0, 0, 0, 0].repeat(20);
    assert_eq!(raw(&v6(0, &endless), 200), Decoded::Undecodable(Undecodable::TooDeep));
}

#[test]
fn lengths_are_those_of_the_wire() {
    let packet = v4(6, &tcp(b"data"));
    // Padding of the link is not payload; what the snap length cut is payload that was not captured.
    assert_eq!(segment(&[&packet[..], &[0; 6]].concat()).payload, b"data");
    let Decoded::Tcp(cut) = raw(&packet[..42], 44) else { panic!() };
    assert_eq!((cut.payload, cut.payload_len), (&b"da"[..], 4));
    // Offload: no length in the header, or one larger than any link's.
    let mut offloaded = packet.clone();
    offloaded[2..4].fill(0);
    assert_eq!(segment(&offloaded).payload_len, 4);
    let Decoded::Tcp(big) = raw(&offloaded, 100_000) else { panic!() };
    assert_eq!((big.payload, big.payload_len), (&b"data"[..], 99_960));
    let mut jumbo = v6(6, &tcp(&[1; 300]));
    jumbo[4..6].fill(0);
    assert_eq!(segment(&jumbo).payload_len, 300);
}

#[test]
fn what_is_no_segment_says_why() {
    let good = v4(6, &tcp(b""));
    let with = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet
    };
    for (packet, decoded) in [
        (v4(17, &udp(53, b"")), Decoded::OtherProtocol),
        (v4(1, &[8, 0, 0, 0, 0, 0, 0, 0]), Decoded::OtherProtocol),
        (v4(50, b"esp"), Decoded::OtherProtocol),
        (with(0, 0x44), Decoded::Undecodable(Undecodable::HeaderLength)),
        (with(3, 19), Decoded::Undecodable(Undecodable::HeaderLength)),
        (with(3, 39), Decoded::Undecodable(Undecodable::TooShort)),
        (with(32, 0x40), Decoded::Undecodable(Undecodable::HeaderLength)),
        (with(32, 0x60), Decoded::Undecodable(Undecodable::HeaderLength)),
        (with(0, 0x75), Decoded::Undecodable(Undecodable::IpVersion(7))),
        (vec![], Decoded::Undecodable(Undecodable::TooShort)),
    ] {
        assert_eq!(raw(&packet, packet.len()), decoded, "{packet:02x?}");
    }
}

#[test]
fn errors_name_the_segment_they_are_about() {
    let about = v4(6, &tcp(b""))[..28].to_vec();
    let about6 = v6(6, &tcp(b""))[..48].to_vec();
    let error = |head: [u8; 8], quoted: &[u8]| [&head[..], quoted].concat();
    for (packet, kind, mtu) in [
        (v4(1, &error([3, 13, 0, 0, 0, 0, 0, 0], &about)), IcmpKind::Prohibited, None),
        (v4(1, &error([3, 3, 0, 0, 0, 0, 0, 0], &about)), IcmpKind::PortUnreachable, None),
        (v4(1, &error([3, 4, 0, 0, 0, 0, 5, 120], &about)), IcmpKind::PacketTooBig, Some(1400)),
        (v4(1, &error([11, 0, 0, 0, 0, 0, 0, 0], &about)), IcmpKind::TimeExceeded, None),
        (v6(58, &error([2, 0, 0, 0, 0, 0, 5, 0], &about6)), IcmpKind::PacketTooBig, Some(1280)),
        (v6(58, &error([1, 4, 0, 0, 0, 0, 0, 0], &about6)), IcmpKind::PortUnreachable, None),
    ] {
        let Decoded::Icmp(got) = raw(&packet, packet.len()) else { panic!("{packet:02x?}") };
        assert_eq!((got.kind, got.mtu, got.seq.0), (kind, mtu, 7));
        assert_eq!((got.about.0.port, got.about.1.port), (40000, 443));
    }
    let other = v4(1, &error([3, 3, 0, 0, 0, 0, 0, 0], &v4(17, &udp(53, b""))));
    assert_eq!(raw(&other, other.len()), Decoded::OtherProtocol);
}

#[test]
fn tunnels_lead_to_the_innermost_packet() {
    let packet = v4(6, &tcp(b"data"));
    let frame = framed([8, 0], &packet);
    let gre = |head: &[u8], rest: &[u8]| v4(47, &[head, rest].concat());
    let vxlan = |rest: &[u8]| v4(17, &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], rest].concat()));
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 4][..], &frame].concat();
    let gtp = [&[0x34, 255, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0][..], &packet].concat();
    let teredo = [&[0, 1, 0, 0][..], &[0; 9], &[0; 8], &v6(6, &tcp(b"data"))].concat();
    let erspan = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 3, 0, 0, 0, 0][..], &frame].concat();
    for (packet, layers) in [
        (v4(4, &packet), vec![Layer::IpInIp]),
        (v6(41, &v6(6, &tcp(b"data"))), vec![Layer::IpInIp]),
        (gre(&[0, 0, 8, 0], &packet), vec![Layer::Gre]),
        (gre(&[0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 2], &frame), vec![Layer::Gre]),
        (gre(&[0x30, 0x81, 0x88, 0xb, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x21], &packet), vec![Layer::Gre]),
        (v4(47, &erspan), vec![Layer::Erspan(3)]),
        (vxlan(&frame), vec![Layer::Vxlan(7)]),
        (vxlan(&framed([0x81, 0], &[&[0, 5, 8, 0][..], &packet].concat())), vec![Layer::Vxlan(7), Layer::Vlan(5)]),
        (v4(17, &udp(6081, &geneve)), vec![Layer::Geneve(9)]),
        (v4(17, &udp(2152, &gtp)), vec![Layer::Gtp]),
        (v4(17, &udp(3544, &teredo)), vec![Layer::Teredo]),
    ] {
        let got = segment(&packet);
        assert_eq!((got.payload, got.payload_len), (&b"data"[..], 4), "{layers:?}");
        assert!(got.encapsulation.iter().eq(layers));
        for len in 0..packet.len() {
            let _ = raw(&packet[..len], packet.len());
        }
    }
    let deep = (0..9).fold(packet, |inner, _| v4(4, &inner));
    assert_eq!(raw(&deep, deep.len()), Decoded::Undecodable(Undecodable::TooDeep));
    let no_vxlan = v4(17, &udp(4789, b"something else"));
    assert_eq!(raw(&no_vxlan, no_vxlan.len()), Decoded::OtherProtocol);
}

/// A small generator, the same every time (Marsaglia's xorshift).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub(super) fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.below(256) as u8).collect()
    }
}

/// An Ethernet frame with up to three tags, IPv4 options or IPv6 extension headers, TCP options and padding.
fn random_frame(random: &mut Random) -> Vec<u8> {
    let (options, data) = (random.below(11) * 4, random.below(200));
    let mut tcp = random.bytes(20 + options + data);
    tcp[12] = ((5 + options / 4) << 4) as u8;
    let (kind, ip) = if random.below(2) == 0 {
        let options = random.below(11) * 4;
        let mut ip = [random.bytes(20 + options), tcp].concat();
        ip[0] = 0x45 + (options / 4) as u8;
        let len = ip.len() as u16;
        ip[2..4].copy_from_slice(&len.to_be_bytes());
        (ip[6], ip[7], ip[9]) = (0x40, 0, 6);
        ([8, 0], ip)
    } else {
        let (mut next, mut rest) = (6, tcp);
        for _ in 0..random.below(3) {
            let units = random.below(3);
            let mut header = random.bytes(8 + units * 8);
            (header[0], header[1]) = (next, units as u8);
            next = [60, 43][random.below(2)];
            rest = [header, rest].concat();
        }
        ([0x86, 0xdd], v6(next, &rest))
    };
    let tags: Vec<u8> = (0..random.below(4)).flat_map(|_| [0x81, 0, 0, random.below(256) as u8]).collect();
    let padding = random.below(3) * 7;
    [&MAC[..], &tags, &kind, &ip, &random.bytes(padding)].concat()
}

/// Whether a short way leads to a segment, which then is the one that the long way leads to.
fn is_plain(frame: &[u8], original_len: usize) -> bool {
    let span = link::plain(LinkType::ETHERNET, frame, original_len as u32);
    let Some(short) = span.and_then(plain).or_else(|| span.and_then(plain_v6)) else { return false };
    let link::Decoded::Ip(ip) = link::decode(LinkType::ETHERNET, frame, original_len as u32) else {
        panic!("{short:?} in no IP packet");
    };
    assert_eq!(decode(ip), Decoded::Tcp(short));
    true
}

/// Holds the segment found here against the one that etherparse finds, where it finds one.
fn same_as_the_oracle(frame: &[u8], original_len: usize, is_strict: bool) {
    let shortest = match (&frame[12..14], frame.get(14).map(|first| usize::from(first & 0xf) * 4), frame.get(20)) {
        ([8, 0], Some(header), _) => 14 + header + 20,
        ([0x86, 0xdd], _, Some(6)) => 14 + 40 + 20,
        _ => usize::MAX,
    };
    assert_eq!(is_plain(frame, original_len), frame.len() >= shortest);
    let ours = match link::decode(LinkType::ETHERNET, frame, original_len as u32) {
        link::Decoded::Ip(ip) => decode(ip),
        _ => Decoded::OtherProtocol,
    };
    let theirs = LaxSlicedPacket::from_ethernet(frame).unwrap();
    let (Decoded::Tcp(ours), Some(TransportSlice::Tcp(tcp))) = (ours, &theirs.transport) else {
        assert!(!is_strict, "{ours:?} against {theirs:?}");
        return;
    };
    assert_eq!((ours.source.port, ours.destination.port), (tcp.source_port(), tcp.destination_port()));
    assert_eq!((ours.seq.0, ours.ack.0), (tcp.sequence_number(), tcp.acknowledgment_number()));
    assert_eq!((ours.window, ours.flags.0), (tcp.window_size(), tcp.slice()[13]));
    assert_eq!(ours.payload, tcp.payload());
    let ends: (IpAddr, IpAddr) = match theirs.net.as_ref().unwrap() {
        LaxNetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        LaxNetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        LaxNetSlice::Arp(_) => panic!("ARP"),
    };
    assert_eq!((ours.source.ip, ours.destination.ip), ends);
    assert!(ours.encapsulation.iter().eq(theirs.vlan_ids().iter().map(|id| Layer::Vlan(id.value()))));
}

#[test]
fn generated_frames_read_as_etherparse_reads_them() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let frame = random_frame(&mut random);
        same_as_the_oracle(&frame, frame.len(), true);
        let cut = random.below(frame.len() - 14) + 14;
        same_as_the_oracle(&frame[..cut], frame.len(), false);
    }
}

#[test]
fn damaged_frames_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..200_000 {
        let mut frame = random_frame(&mut random);
        for _ in 0..=random.below(4) {
            let at = random.below(frame.len());
            frame[at] = random.below(256) as u8;
        }
        is_plain(&frame, frame.len());
        if let link::Decoded::Ip(ip) = link::decode(LinkType::ETHERNET, &frame, frame.len() as u32)
            && let Decoded::Tcp(TcpSegment { payload, payload_len, .. }) = decode(ip)
        {
            assert!(payload.len() as u32 <= payload_len && payload.len() < frame.len());
        }
    }
}
