//! Edits addresses in captured frames, and nothing else.
//!
//! The origin's own packets are captured before the network card fills in the checksum (offload), as on any real host:
//! the field then holds the sum of the pseudo header, uncomplemented. Both kinds are updated so that what was valid
//! stays valid and what was partial stays partial.

use crate::checksum;
use crate::lab::{EDGE_V4, EDGE_V6, ORIGIN_V4, ORIGIN_V6, UPSTREAM_V4};
use crate::pcap::Packet;
use crate::scenario::{Family, Peer, Scenario};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;

/// Each address of the laboratory with the address that the file shows in its place.
pub(crate) struct Addresses {
    pairs: [(IpAddr, IpAddr); 3],
}

impl Addresses {
    /// The addresses of a scenario; the edge's depends on its path, so that captures differ.
    pub(crate) fn of(scenario: &Scenario) -> Addresses {
        // FNV-1a, 32 bits: any hash that stays the same between versions of Rust will do.
        let hash = scenario.path.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        let [a, b, ..] = hash.to_be_bytes();
        let host = b % 250 + 2;
        let edge: IpAddr = match (scenario.family, scenario.peer) {
            (Family::V4, Peer::CloudFront) => Ipv4Addr::new(130, 176, a % 64, host).into(),
            (Family::V4, Peer::LoadBalancer) => Ipv4Addr::new(10, 0, 1, host).into(),
            // Anycast of 6to4 relays, which RFC 7526 took out of use: a global address that is nobody's.
            (Family::V4, Peer::Stranger) => Ipv4Addr::new(192, 88, 99, host).into(),
            (Family::V6, Peer::Stranger) => {
                Ipv6Addr::new(0x2002, 0xc058, 0x6300 | u16::from(host), 0, 0, 0, 0, 1).into()
            }
            (Family::V6, Peer::CloudFront) => {
                Ipv6Addr::new(0x2406, 0xda14, 0x80bb, 0xea00 | u16::from(a), 0, 0, 0, u16::from(host)).into()
            }
            (Family::V6, Peer::LoadBalancer) => Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, u16::from(host)).into(),
        };
        let upstream = (UPSTREAM_V4.into(), Ipv4Addr::new(10, 0, 2, 9).into());
        let pairs = match scenario.family {
            Family::V4 => [(EDGE_V4.into(), edge), (ORIGIN_V4.into(), Ipv4Addr::new(10, 0, 0, 5).into()), upstream],
            Family::V6 => {
                let origin = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5);
                [(EDGE_V6.into(), edge), (ORIGIN_V6.into(), origin.into()), upstream]
            }
        };
        Addresses { pairs }
    }

    /// A text, such as a log, in which the same is done.
    pub(crate) fn in_text(&self, text: &[u8]) -> Vec<u8> {
        let mut text = String::from_utf8_lossy(text).into_owned();
        for (from, to) in &self.pairs {
            text = text.replace(&from.to_string(), &to.to_string());
        }
        text.into_bytes()
    }

    fn new_v4(&self, old: [u8; 4]) -> Option<[u8; 4]> {
        self.pairs.iter().find_map(|pair| match pair {
            (IpAddr::V4(from), IpAddr::V4(to)) if from.octets() == old => Some(to.octets()),
            _ => None,
        })
    }

    fn new_v6(&self, old: [u8; 16]) -> Option<[u8; 16]> {
        self.pairs.iter().find_map(|pair| match pair {
            (IpAddr::V6(from), IpAddr::V6(to)) if from.octets() == old => Some(to.octets()),
            _ => None,
        })
    }
}

/// Whether a frame belongs to the story at all: TCP, or an ICMP error. Neighbour discovery and the like do not.
pub(crate) fn is_story(packet: &Packet) -> bool {
    let Some((ether_type, ip)) = packet.network() else { return false };
    let byte = |at: usize| packet.data.get(ip + at).copied().unwrap_or(0);
    match ether_type {
        [0x08, 0x00] => matches!((byte(9), byte(20)), (TCP, _) | (ICMP, 3 | 11 | 12)),
        [0x86, 0xdd] => matches!((byte(6), byte(40)), (TCP, _) | (ICMPV6, 1..=4)),
        _ => false,
    }
}

/// Replaces the addresses of a frame and keeps its checksums right.
pub(crate) fn addresses(frame: &mut Packet, map: &Addresses) {
    let Some((ether_type, ip)) = frame.network() else { return };
    let Some(packet) = frame.data.get_mut(ip..) else { return };
    match ether_type {
        [0x08, 0x00] => ipv4(packet, map),
        [0x86, 0xdd] => ipv6(packet, map),
        _ => None,
    };
}

fn ipv4(packet: &mut [u8], map: &Addresses) -> Option<()> {
    let header = usize::from(packet.first()? & 15) * 4;
    let protocol = *packet.get(9)?;
    let length = usize::from(read(packet, 2)?).saturating_sub(header);
    let before = checksum::sum(packet.get(12..20)?);
    for at in [12, 16] {
        let field: &mut [u8; 4] = packet.get_mut(at..)?.first_chunk_mut()?;
        *field = map.new_v4(*field).unwrap_or(*field);
    }
    let after = checksum::sum(packet.get(12..20)?);
    let ip_checksum = checksum::update(read(packet, 10)?, before, after);
    write(packet, 10, ip_checksum)?;
    let body = packet.get_mut(header..)?;
    match protocol {
        TCP => tcp(body, length, before, after),
        ICMP => {
            ipv4(body.get_mut(8..)?, map);
            write(body, 2, 0)?;
            let sum = !checksum::sum(body);
            write(body, 2, sum)
        }
        _ => None,
    }
}

fn ipv6(packet: &mut [u8], map: &Addresses) -> Option<()> {
    let protocol = *packet.get(6)?;
    let length = usize::from(read(packet, 4)?);
    let before = checksum::sum(packet.get(8..40)?);
    for at in [8, 24] {
        let field: &mut [u8; 16] = packet.get_mut(at..)?.first_chunk_mut()?;
        *field = map.new_v6(*field).unwrap_or(*field);
    }
    let after = checksum::sum(packet.get(8..40)?);
    let body = packet.get_mut(40..)?;
    match protocol {
        TCP => tcp(body, length, before, after),
        ICMPV6 => {
            ipv6(body.get_mut(8..)?, map);
            write(body, 2, 0)?;
            let pseudo = checksum::add(checksum::add(after, length as u16), u16::from(ICMPV6));
            let sum = !checksum::add(checksum::sum(body), pseudo);
            write(body, 2, sum)
        }
        _ => None,
    }
}

/// Updates the checksum of a TCP segment whose addresses summed up to `before` and now sum up to `after`.
fn tcp(segment: &mut [u8], length: usize, before: u16, after: u16) -> Option<()> {
    const CHECKSUM: usize = 16;
    let old = read(segment, CHECKSUM)?;
    let rest = checksum::add(u16::from(TCP), length as u16);
    let partial = old == checksum::add(before, rest);
    let new = if partial { checksum::add(after, rest) } else { checksum::update(old, before, after) };
    write(segment, CHECKSUM, new)
}

fn read(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn write(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut()? = value.to_be_bytes();
    Some(())
}
