//! Packets written anew: an IP header, a TCP header, and what the plan has for the payload.
//!
//! Invariant: of the captured packet only fields that are named here are written. What was around the IP packet, MAC
//! addresses, tags, tunnels and outer addresses, is not; a segment that came in fragments is one packet.

use std::net::IpAddr;

use crate::ip::{Checksum, IcmpError, TcpSegment, checksum, checksum_between};
use crate::link::IpFrame;

use super::address::Addresses;

const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMP_V6: u8 = 58;
const NOTHING: u8 = 59;

const TCP_HEADER: usize = 20;
/// Where the checksum stands in a TCP header.
const SUM: usize = 16;

/// Options of TCP that stay: all lengths and numbers, no cookies, keys or addresses.
const OPTIONS: [u8; 6] = [0, 1, 2, 3, 5, 8];
/// SACK permitted.
const SACK_PERMITTED: u8 = 4;

/// Fields of the IP header that a segment does not have.
#[derive(Debug, Clone, Copy, Default)]
struct Service {
    class: u8,
    dont_fragment: bool,
}

impl Service {
    /// Of a packet that is not wrapped in another one.
    fn of(whole: IpFrame<'_>) -> Service {
        match whole.bytes {
            [first, class, _, _, _, _, flags, _, _, TCP, ..] if first >> 4 == 4 => {
                Service { class: *class, dont_fragment: flags & 0x40 != 0 }
            }
            [first, second, _, _, _, _, TCP, ..] if first >> 4 == 6 => {
                Service { class: first << 4 | second >> 4, dont_fragment: false }
            }
            _ => Service::default(),
        }
    }
}

/// The headers of a segment, its checksums not yet filled in, and how long its payload was.
#[derive(Debug)]
pub(super) struct Head {
    /// From the IP header on.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the IP header among them.
    pub(super) ip: usize,
    /// The checksum was wrong, and stays so: the receiver dropped the packet.
    pub(super) damaged: bool,
}

/// The headers of a segment.
pub(super) fn segment(segment: &TcpSegment<'_>, whole: IpFrame<'_>, addresses: &Addresses) -> Head {
    let (source, destination) = (addresses.map(segment.source.ip), addresses.map(segment.destination.ip));
    let options = options(segment.option_bytes);
    let length = TCP_HEADER + options.len() + segment.payload_len as usize;
    let service = Service::of(whole);
    let id = segment.ip_id.unwrap_or_default();
    let mut bytes = ip_header((source, destination), TCP, length, (id, segment.ttl, service));
    let ip = bytes.len();
    bytes.extend(segment.source.port.to_be_bytes());
    bytes.extend(segment.destination.port.to_be_bytes());
    bytes.extend(segment.seq.0.to_be_bytes());
    bytes.extend(segment.ack.0.to_be_bytes());
    bytes.extend([((TCP_HEADER + options.len()) as u8 / 4) << 4, segment.flags.0]);
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(&options);
    // What the snap length cut off was not captured.
    bytes.truncate(bytes.len() - (options.len() - segment.option_bytes.len().min(options.len())));
    Head { bytes, ip, damaged: segment.options.checksum == Checksum::Wrong }
}

/// Options, padded to whole words; in place of those that do not stay are such that mean nothing.
fn options(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len().next_multiple_of(4));
    let mut rest = raw;
    while let [kind, behind @ ..] = rest {
        let len = match (*kind, behind.first()) {
            (0 | 1, _) => 1,
            (_, Some(len)) => usize::from(*len).max(2),
            (_, None) => 1,
        };
        let (option, others) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        if OPTIONS.contains(kind) || *kind == SACK_PERMITTED {
            out.extend_from_slice(option);
        } else {
            out.resize(out.len() + option.len(), 1);
        }
        rest = others;
    }
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An error about a segment, with no more of it than tells which one it was.
pub(super) fn icmp(error: &IcmpError, addresses: &Addresses) -> Vec<u8> {
    let (from, to) = error.about;
    let about = (addresses.map(from.ip), addresses.map(to.ip));
    let mut quote = ip_header(about, TCP, TCP_HEADER, (0, 64, Service::default()));
    quote.extend(from.port.to_be_bytes());
    quote.extend(to.port.to_be_bytes());
    quote.extend(error.seq.0.to_be_bytes());
    let four = error.about.0.ip.is_ipv4();
    let mtu = error.mtu.unwrap_or_default();
    let mut message = vec![error.icmp_type, error.code, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(quote);
    let (sender, receiver) = (addresses.map(error.sender), about.0);
    let sum = if four { checksum(&message) } else { checksum_between(sender, receiver, ICMP_V6, &message) };
    for (place, byte) in message.iter_mut().skip(2).zip(sum.to_be_bytes()) {
        *place = byte;
    }
    let protocol = if four { ICMP } else { ICMP_V6 };
    let mut packet = ip_header((sender, receiver), protocol, message.len(), (0, 64, Service::default()));
    packet.extend(message);
    packet
}

/// A packet that says nothing, at a time at which there were others.
pub(super) fn nothing() -> Vec<u8> {
    let nobody = IpAddr::from([0_u16; 8]);
    ip_header((nobody, nobody), NOTHING, 0, (0, 64, Service::default()))
}

/// An IP header in front of so many bytes. A length that does not fit is written as 0, as for segments that the card
/// cuts up.
fn ip_header(
    (source, destination): (IpAddr, IpAddr),
    protocol: u8,
    length: usize,
    (id, ttl, service): (u16, u8, Service),
) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let total = u16::try_from(length + 20).unwrap_or_default();
            let mut header = vec![0x45, service.class];
            header.extend(total.to_be_bytes());
            header.extend(id.to_be_bytes());
            header.extend([if service.dont_fragment { 0x40 } else { 0 }, 0, ttl, protocol, 0, 0]);
            header.extend(source.octets());
            header.extend(destination.octets());
            let sum = checksum(&header).to_be_bytes();
            for (place, byte) in header.iter_mut().skip(10).zip(sum) {
                *place = byte;
            }
            header
        }
        (source, destination) => {
            let mut header = vec![0x60 | service.class >> 4, service.class << 4, 0, 0];
            header.extend(u16::try_from(length).unwrap_or_default().to_be_bytes());
            header.extend([protocol, ttl]);
            header.extend(six(source));
            header.extend(six(destination));
            header
        }
    }
}

fn six(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Fills in the checksum of a packet whose segment begins at `ip`. One of which not all is there has none.
pub(super) fn fill_in(packet: &mut [u8], ip: usize, whole: bool, damaged: bool) {
    if !whole {
        return;
    }
    let Some((header, tcp)) = packet.split_at_mut_checked(ip) else { return };
    let Some((source, destination)) = ends(header) else { return };
    // Another one than the right one, where that was so.
    let right = checksum_between(source, destination, TCP, tcp) ^ if damaged { 0x0400 } else { 0 };
    for (place, byte) in tcp.iter_mut().skip(SUM).zip(right.to_be_bytes()) {
        *place = byte;
    }
}

/// The addresses of an IP header that is made here.
fn ends(header: &[u8]) -> Option<(IpAddr, IpAddr)> {
    if header.len() == 20 {
        let (source, rest) = header.get(12..)?.split_first_chunk::<4>()?;
        return Some(((*source).into(), (*rest.first_chunk::<4>()?).into()));
    }
    let (source, rest) = header.get(8..)?.split_first_chunk::<16>()?;
    Some(((*source).into(), (*rest.first_chunk::<16>()?).into()))
}
