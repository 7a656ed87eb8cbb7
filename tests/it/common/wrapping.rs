//! The same packets as other taps, tunnels and files would have them. Nothing that TCP says is changed.

use std::io::Write;

use super::tape::{ETHERNET, Packet, Tape};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Protocol numbers (IANA).
const IP_IN_IP: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;

/// LINKTYPE values (IANA, pcap).
pub(crate) const LINK_ETHERNET: u32 = 1;
pub(crate) const LINK_SLL: u32 = 113;
pub(crate) const LINK_SLL2: u32 = 276;

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// A capture file of these packets.
pub(crate) fn write(tape: &[Packet], link: u32) -> Vec<u8> {
    write_as(tape, link, u32::to_le_bytes, (0xa1b2_c3d4, 1))
}

/// The same with the byte order and the unit of time of another machine.
pub(crate) fn write_as(tape: &[Packet], link: u32, order: fn(u32) -> [u8; 4], (magic, unit): (u32, u32)) -> Vec<u8> {
    let version = if order(1) == 1u32.to_le_bytes() { 0x0004_0002 } else { 0x0002_0004 };
    let mut file: Vec<u8> = [magic, version, 0, 0, 262_144, link].into_iter().flat_map(order).collect();
    for p in tape {
        let fraction = (p.micros % 1_000_000) as u32 * unit;
        let words = [(p.micros / 1_000_000) as u32, fraction, p.bytes.len() as u32, p.wire];
        file.extend(words.into_iter().flat_map(order));
        file.extend(&p.bytes);
    }
    file
}

/// A pcapng file with two interfaces: Ethernet with nanoseconds for what the origin sends, SLL2 with microseconds for
/// what it gets.
pub(crate) fn write_pcapng(tape: &[Packet]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let body = [body, &vec![0; (4 - body.len() % 4) % 4][..]].concat();
        let len = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, &body, &len].concat()
    };
    let interface = |link: u16, resolution: u8| {
        let mut body = [&link.to_le_bytes()[..], &[0, 0], &262_144u32.to_le_bytes()].concat();
        body.extend([9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]);
        block(1, &body)
    };
    let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut file = [block(0x0a0d_0d0a, &section), interface(1, 9), interface(276, 6)].concat();
    for p in tape {
        let (index, unit, frame) = if p.is_origins() { (0u32, 1_000, p.clone()) } else { (1, 1, sll2(p)) };
        let ticks = p.micros * unit;
        let words = [index, (ticks >> 32) as u32, ticks as u32, frame.bytes.len() as u32, frame.wire];
        let mut body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        body.extend(&frame.bytes);
        file.extend(block(6, &body));
    }
    file
}

pub(crate) fn gzip(file: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(file).unwrap();
    out.finish().unwrap()
}

pub(crate) fn zstd(file: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(file).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn lz4(file: &[u8]) -> Vec<u8> {
    let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
    out.write_all(file).unwrap();
    out.finish().unwrap()
}

impl Packet {
    fn ether_type(&self) -> u16 {
        be16(&self.bytes, 12)
    }

    /// The IP packet: what was captured of it.
    fn ip(&self) -> &[u8] {
        &self.bytes[ETHERNET..]
    }

    /// The same packet with another frame around it.
    fn with(&self, bytes: Vec<u8>) -> Packet {
        let wire = self.wire + bytes.len() as u32 - self.bytes.len() as u32;
        Packet { micros: self.micros, wire, bytes }
    }

    /// The Ethernet header with `tags` between addresses and type.
    fn tagged(&self, tags: &[u8]) -> Packet {
        self.with([&self.bytes[..12], tags, &self.bytes[12..]].concat())
    }

    /// Another type, and bytes in front of what the frame carries.
    fn behind(&self, ether_type: u16, header: &[u8], from: usize) -> Packet {
        self.with([&self.bytes[..12], &ether_type.to_be_bytes(), header, &self.bytes[from..]].concat())
    }

    /// The whole frame as the payload of UDP.
    fn in_udp(&self, port: u16, header: &[u8]) -> Packet {
        let len = (self.bytes.len() + header.len() + 8) as u16;
        let udp = [&49_152u16.to_be_bytes()[..], &port.to_be_bytes(), &len.to_be_bytes(), &[0, 0], header].concat();
        self.behind(IPV4, &[ipv4(UDP, usize::from(len)), udp].concat(), 0)
    }
}

/// An IPv4 header without options.
fn ipv4(protocol: u8, payload: usize) -> Vec<u8> {
    let total = (payload + 20) as u16;
    let mut header = vec![0x45, 0];
    header.extend(total.to_be_bytes());
    header.extend([0x12, 0x34, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// An IPv6 header.
fn ipv6(next: u8, payload: usize, source: [u8; 16], destination: [u8; 16]) -> Vec<u8> {
    [&[0x60, 0, 0, 0][..], &(payload as u16).to_be_bytes(), &[next, 64], &source, &destination].concat()
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What `tcpdump -i any` wrote before libpcap 1.10.
pub(crate) fn sll(p: &Packet) -> Packet {
    let kind = if p.is_origins() { 4 } else { 0 };
    let mut header = vec![0, kind, 0, 1, 0, 6];
    header.extend(&p.bytes[6..12]);
    header.extend([0, 0]);
    p.with([&header, &p.bytes[12..]].concat())
}

/// What it writes since.
pub(crate) fn sll2(p: &Packet) -> Packet {
    let kind = if p.is_origins() { 4 } else { 0 };
    let mut header = p.bytes[12..14].to_vec();
    header.extend([0, 0, 0, 0, 0, 2, 0, 1, kind, 6]);
    header.extend(&p.bytes[6..12]);
    header.extend([0, 0]);
    p.with([&header, p.ip()].concat())
}

pub(crate) fn vlan(p: &Packet) -> Packet {
    p.tagged(&[0x81, 0, 0, 100])
}

pub(crate) fn qinq(p: &Packet) -> Packet {
    p.tagged(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 100])
}

/// Two labels, the second one the last.
pub(crate) fn mpls(p: &Packet) -> Packet {
    p.behind(0x8847, &[0, 0x01, 0x00, 64, 0, 0x02, 0x01, 64], ETHERNET)
}

/// Session 7 (RFC 2516), IPv4 or IPv6 in PPP.
pub(crate) fn pppoe(p: &Packet) -> Packet {
    let len = (p.ip().len() + 2) as u16;
    let ppp: [u8; 2] = if p.is_v6() { [0, 0x57] } else { [0, 0x21] };
    p.behind(0x8864, &[&[0x11, 0, 0, 7][..], &len.to_be_bytes(), &ppp].concat(), ETHERNET)
}

/// VPC traffic mirroring.
pub(crate) fn vxlan(p: &Packet) -> Packet {
    p.in_udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0])
}

/// A gateway load balancer: an Ethernet frame behind one option of four bytes.
pub(crate) fn geneve(p: &Packet) -> Packet {
    p.in_udp(6081, &[2, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 8, 1, 1, 0, 0, 0, 1])
}

/// With a key (RFC 2890).
pub(crate) fn gre(p: &Packet) -> Packet {
    let mut header = ipv4(GRE, p.ip().len() + 8);
    header.extend([0x20, 0]);
    header.extend(p.ether_type().to_be_bytes());
    header.extend([0, 0, 0, 42]);
    p.behind(IPV4, &header, ETHERNET)
}

/// A mirror port of a switch (draft-foschiano-erspan, type II).
pub(crate) fn erspan(p: &Packet) -> Packet {
    let mut header = ipv4(GRE, p.bytes.len() + 16);
    header.extend([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 1, 0, 0, 0, 0]);
    p.behind(IPV4, &header, 0)
}

/// RFC 2473.
pub(crate) fn in_ipv6(p: &Packet) -> Packet {
    let next = if p.is_v6() { 41 } else { IP_IN_IP };
    let (mut source, mut destination) = ([0; 16], [0; 16]);
    (source[0], destination[0]) = (0xfd, 0xfd);
    destination[15] = 1;
    p.behind(IPV6, &ipv6(next, p.ip().len(), source, destination), ETHERNET)
}

/// A mirror within a mirror: VLAN in VXLAN in GRE.
pub(crate) fn nested(p: &Packet) -> Packet {
    gre(&vxlan(&vlan(p)))
}

/// The connections themselves over IPv6, those of the edge from one of CloudFront's prefixes. ICMP and the loopback have
/// no counterpart: captures with either stay as they are.
pub(crate) fn as_ipv6(tape: &[Packet]) -> Tape {
    let translatable = |p: &Packet| p.is_tcp() && (p.is_v6() || p.bytes[ETHERNET + 12] != 127);
    let all = tape.iter().all(translatable);
    tape.iter().map(|p| if all && !p.is_v6() { translated(p) } else { p.clone() }).collect()
}

fn translated(p: &Packet) -> Packet {
    let address = |at: usize| {
        let prefix: [u8; 6] = if p.bytes[at] == 10 { [0x20, 1, 0xd, 0xb8, 0, 0] } else { [0x26, 0, 0x90, 0, 0x10, 0] };
        let mut address = [0; 16];
        address[..6].copy_from_slice(&prefix);
        address[12..].copy_from_slice(&p.bytes[at..at + 4]);
        address
    };
    let (source, destination) = (address(ETHERNET + 12), address(ETHERNET + 16));
    let tcp = p.tcp();
    // Padding of short frames is no part of the packet; a length of zero is what segmentation offload leaves.
    let total = usize::from(be16(&p.bytes, ETHERNET + 2));
    let end = if total == 0 { p.bytes.len() } else { p.bytes.len().min(ETHERNET + total) };
    let segment = &p.bytes[tcp..end];
    let length = if total == 0 { segment.len() } else { total - (tcp - ETHERNET) };
    let mut translated = p.behind(IPV6, &[&ipv6(TCP, length, source, destination), segment].concat(), p.bytes.len());
    if segment.len() == length {
        sum_tcp(&mut translated);
    }
    translated.wire = (ETHERNET + 40 + length) as u32;
    translated
}

/// Mends the checksum of a whole TCP segment over IPv6.
fn sum_tcp(p: &mut Packet) {
    let tcp = ETHERNET + 40;
    p.bytes[tcp + 16..tcp + 18].fill(0);
    let segment = &p.bytes[tcp..];
    let pseudo = [&p.bytes[ETHERNET + 8..tcp], &(segment.len() as u32).to_be_bytes(), &[0, 0, 0, TCP]].concat();
    let sum = checksum(&[&pseudo, segment].concat());
    p.bytes[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
}

/// Every packet larger than that in fragments, the last one first where `reversed`.
pub(crate) fn fragments(tape: &[Packet], size: usize, reversed: bool) -> Tape {
    let mut out = Vec::new();
    for (p, id) in tape.iter().zip(1u16..) {
        let whole = p.wire as usize == p.bytes.len();
        let mut parts = if p.ip().len() > size && whole { cut(p, size / 8 * 8, id) } else { vec![p.clone()] };
        if reversed {
            parts.reverse();
        }
        out.extend(parts);
    }
    out
}

fn cut(p: &Packet, size: usize, id: u16) -> Tape {
    let v6 = p.is_v6();
    let at = if v6 { ETHERNET + 40 } else { p.tcp() };
    let total = usize::from(be16(&p.bytes, ETHERNET + 2));
    let end = if v6 || total == 0 { p.bytes.len() } else { ETHERNET + total };
    let payload = &p.bytes[at..end];
    let pieces = payload.chunks(size).enumerate();
    let part = |(i, piece): (usize, &[u8])| {
        let offset = i * size;
        let more = offset + piece.len() < payload.len();
        let mut header = p.bytes[..at].to_vec();
        if v6 {
            header[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&(piece.len() as u16 + 8).to_be_bytes());
            let next = std::mem::replace(&mut header[ETHERNET + 6], FRAGMENT);
            header.extend([next, 0]);
            header.extend((offset as u16 | u16::from(more)).to_be_bytes());
            header.extend([0, 0]);
            header.extend(id.to_be_bytes());
        } else {
            let total = (at - ETHERNET + piece.len()) as u16;
            header[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&total.to_be_bytes());
            header[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&id.to_be_bytes());
            let place = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
            header[ETHERNET + 6..ETHERNET + 8].copy_from_slice(&place.to_be_bytes());
            header[ETHERNET + 10..ETHERNET + 12].fill(0);
            let sum = checksum(&header[ETHERNET..at]);
            header[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
        }
        let bytes = [&header, piece].concat();
        Packet { micros: p.micros, wire: bytes.len() as u32, bytes }
    };
    pieces.map(part).collect()
}

/// As a switch hands it to a mirror port a second time: routed, so that it has lived one hop longer, and tagged.
pub(crate) fn routed(p: &Packet) -> Packet {
    let mut p = p.clone();
    if p.is_v6() {
        p.bytes[ETHERNET + 7] -= 1;
    } else {
        p.bytes[ETHERNET + 8] -= 1;
        p.bytes[ETHERNET + 10..ETHERNET + 12].fill(0);
        let sum = checksum(&p.bytes[ETHERNET..p.tcp()]);
        p.bytes[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
    }
    p.bytes[..12].rotate_left(6);
    vlan(&p)
}

/// Copies come no later than this: what is one packet passes one host.
const COPIED_WITHIN: u64 = 1_000;

/// Every packet twice: groups of up to `group` packets, each followed by its copies.
pub(crate) fn doubled(tape: &[Packet], group: usize, copy: fn(&Packet) -> Packet) -> Tape {
    let together = tape.chunk_by(|a, b| b.micros.abs_diff(a.micros) <= COPIED_WITHIN / group as u64);
    let groups = together.flat_map(|together| together.chunks(group));
    let pairs = groups.map(|chunk| {
        let last = chunk[chunk.len() - 1].micros;
        let copies = chunk.iter().map(copy).map(|p| Packet { micros: last, ..p });
        chunk.iter().cloned().chain(copies).collect::<Tape>()
    });
    pairs.flatten().collect()
}

/// The packets in another order, each with its own time. The same order for the same seed.
pub(crate) fn shuffled(tape: &[Packet], seed: u64) -> Tape {
    let mut tape = tape.to_vec();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for i in (1..tape.len()).rev() {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        tape.swap(i, (state % (i as u64 + 1)) as usize);
    }
    tape
}

/// Each pair of neighbours exchanged, with their times or against them.
pub(crate) fn neighbours_swapped(tape: &[Packet], from: usize, with_time: bool) -> Tape {
    let mut tape = tape.to_vec();
    for pair in tape.iter_mut().skip(from).collect::<Vec<_>>().chunks_exact_mut(2) {
        let [a, b] = pair else { continue };
        std::mem::swap(*a, *b);
        if !with_time {
            std::mem::swap(&mut a.micros, &mut b.micros);
        }
    }
    tape
}
