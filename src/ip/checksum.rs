//! The checksum of the Internet (RFC 1071), and that of a TCP segment (RFC 9293 section 3.1, RFC 8200 section 8.1).

use super::protocol;
use crate::link::Span;
use std::net::IpAddr;

/// What a checksum says of its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Checksum {
    /// Not looked at, or the snap length cut the segment.
    #[default]
    Unknown,
    /// It is right.
    Right,
    /// It is left to the network card, or was cleared: nothing, or the sum of addresses and length alone.
    Unfilled,
    /// It is wrong: the receiver drops the segment unseen.
    Wrong,
}

impl Checksum {
    /// Of the segment between these addresses.
    pub(super) fn of(source: IpAddr, destination: IpAddr, segment: Span<'_>) -> Checksum {
        let whole = segment.bytes.get(..segment.wire_len as usize);
        let Some((bytes, [hi, lo])) = whole.and_then(|bytes| Some((bytes, *bytes.get(16..18)?.first_chunk::<2>()?)))
        else {
            return Checksum::Unknown;
        };
        let around = around(source, destination, protocol::TCP, bytes.len());
        match u16::from_be_bytes([hi, lo]) {
            _ if folded(around + sum(bytes)) == u16::MAX => Checksum::Right,
            0 => Checksum::Unfilled,
            field if field == folded(around) => Checksum::Unfilled,
            _ => Checksum::Wrong,
        }
    }
}

/// The checksum to be written over these bytes, in which that field is 0.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    !folded(sum(bytes))
}

/// The checksum to be written over the bytes of a protocol that counts the IP header in: TCP, ICMPv6.
#[must_use]
pub fn checksum_between(source: IpAddr, destination: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    !folded(around(source, destination, protocol, bytes.len()) + sum(bytes))
}

/// The sum of what is counted in of the IP header.
fn around(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> u64 {
    address(source) + address(destination) + u64::from(protocol) + length as u64
}

fn address(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    }
}

/// The sum of the 16-bit words; an odd last byte is the high one of a word.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let odd = rest.first().map_or(0, |&last| u64::from(last) << 8);
    words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>() + odd
}

/// In ones' complement: what does not fit is added again.
fn folded(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_right_left_to_the_card_or_wrong() {
        let (from, to): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut syn = vec![0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
        // Addresses 0xc000 + 0x0201 + 0xc000 + 0x0202, protocol 6 and length 20.
        let around = 0x841d_u16 + 1;
        let right = !folded(u64::from(around) + sum(&syn));
        for (field, expected) in [
            (right, Checksum::Right),
            (around, Checksum::Unfilled),
            (0, Checksum::Unfilled),
            (right ^ 0x0400, Checksum::Wrong),
        ] {
            syn[16..18].copy_from_slice(&field.to_be_bytes());
            let told = |len| Checksum::of(from, to, Span { bytes: &syn, wire_len: len });
            assert_eq!(told(20), expected, "{field:#x}");
            assert_eq!(told(24), Checksum::Unknown);
        }
        assert_eq!(sum(&[1, 2, 3]), 0x0102 + 0x0300);
        syn[16..18].fill(0);
        assert_eq!(checksum_between(from, to, protocol::TCP, &syn), right);
        // The example of RFC 1071 section 3.
        assert_eq!(checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }
}
