//! The TCP header (RFC 9293 section 3.1).

use super::{Checksum, Datagram};
use crate::base::{Endpoint, SeqNumber};
use crate::link::{Encapsulation, Span, Undecodable};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// The shortest header, in bytes.
const MIN_HEADER: usize = 20;

/// One TCP segment as it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment<'a> {
    /// Who sent it.
    pub source: Endpoint,
    /// For whom it is.
    pub destination: Endpoint,
    /// Number of the first byte of the payload, or of the SYN.
    pub seq: SeqNumber,
    /// The next number that the sender expects, where [`TcpFlags::ack`] is set.
    pub ack: SeqNumber,
    /// The control bits.
    pub flags: TcpFlags,
    /// The window as written: bytes, or in units that the options of the SYN chose (RFC 7323).
    pub window: u16,
    /// The options of a SYN; empty in any other segment.
    pub options: TcpOptions,
    /// What was captured of the options' bytes.
    pub option_bytes: &'a [u8],
    /// What was captured of the payload.
    pub payload: &'a [u8],
    /// Length of the payload on the wire, in bytes, as the IP header says: more than was captured where the
    /// snap length cut it.
    pub payload_len: u32,
    /// The identification field of IPv4, by which duplicates of a frame are told from retransmissions.
    pub ip_id: Option<u16>,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// What is around the IP packet, tunnels included.
    pub encapsulation: Encapsulation,
}

/// The control bits of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u8);

/// What a SYN offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpOptions {
    /// Maximum segment size, in bytes (RFC 9293 section 3.7.1).
    pub mss: Option<u16>,
    /// By how many bits the sender's later windows are shifted (RFC 7323 section 2).
    pub window_scale: Option<u8>,
    /// What the SYN's checksum says.
    pub checksum: Checksum,
}

impl TcpFlags {
    /// The sender has no more data.
    #[must_use]
    #[inline]
    pub const fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// The sender opens the connection.
    #[must_use]
    #[inline]
    pub const fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// The sender breaks the connection off.
    #[must_use]
    #[inline]
    pub const fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// The receiver should hand the data on at once.
    #[must_use]
    #[inline]
    pub const fn psh(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// The acknowledgment number counts.
    #[must_use]
    #[inline]
    pub const fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The urgent pointer counts.
    #[must_use]
    #[inline]
    pub const fn urg(self) -> bool {
        self.0 & 0x20 != 0
    }
}

/// The bits that are set, as `SYN|ACK`; `-` where none is.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut set = names.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name);
        f.write_str(set.next().unwrap_or(&"-"))?;
        set.try_for_each(|name| write!(f, "|{name}"))
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

impl<'a> TcpSegment<'a> {
    /// Reads the segment that a whole datagram carries.
    #[inline(always)]
    pub(super) fn read<Address: Into<IpAddr> + Copy>(
        datagram: &Datagram<'a, Address>,
        encapsulation: Encapsulation,
    ) -> Result<Self, Undecodable> {
        let (ends, span) = ((datagram.source.into(), datagram.destination.into()), datagram.payload);
        let (head, after) = span.head::<MIN_HEADER>()?;
        let [s1, s2, d1, d2, q1, q2, q3, q4, a1, a2, a3, a4, offset, flags, w1, w2, ..] = head;
        let header_len = usize::from(offset >> 4) * 4;
        if header_len < MIN_HEADER || span.wire_len < header_len as u32 {
            return Err(Undecodable::HeaderLength);
        }
        let flags = TcpFlags(flags);
        let option_bytes = after.bytes.get(..header_len - MIN_HEADER).unwrap_or(after.bytes);
        Ok(Self {
            source: Endpoint { ip: ends.0, port: u16::from_be_bytes([s1, s2]) },
            destination: Endpoint { ip: ends.1, port: u16::from_be_bytes([d1, d2]) },
            seq: SeqNumber(u32::from_be_bytes([q1, q2, q3, q4])),
            ack: SeqNumber(u32::from_be_bytes([a1, a2, a3, a4])),
            flags,
            window: u16::from_be_bytes([w1, w2]),
            options: if flags.syn() { of_syn(ends, span, option_bytes) } else { TcpOptions::default() },
            option_bytes,
            // The snap length may have cut the options off: then nothing of the payload was captured.
            payload: span.bytes.get(header_len..).unwrap_or_default(),
            payload_len: span.wire_len - header_len as u32,
            ip_id: datagram.id,
            ttl: datagram.ttl,
            encapsulation,
        })
    }
}

/// What only a SYN is asked for.
#[cold]
fn of_syn((source, destination): (IpAddr, IpAddr), segment: Span<'_>, option_bytes: &[u8]) -> TcpOptions {
    TcpOptions { checksum: Checksum::of(source, destination, segment), ..options(option_bytes) }
}

impl TcpSegment<'_> {
    /// The identification by which a copy of the packet is known, if it has one: 0 is what many send that have none (RFC
    /// 6864 section 4.1).
    #[inline]
    pub fn mark(&self) -> Option<NonZeroU16> {
        self.ip_id.and_then(NonZeroU16::new)
    }

    /// The first and the next number of each block of bytes that the sender has without those before them (RFC 2018).
    #[inline]
    pub fn sack_blocks(&self) -> impl Iterator<Item = (SeqNumber, SeqNumber)> {
        // What almost every segment carries: two paddings and a timestamp (RFC 7323 appendix A).
        let usual = matches!(self.option_bytes, [] | [1, 1, 8, 10, _, _, _, _, _, _, _, _]);
        let bytes = if usual { &[] } else { self.option_bytes };
        let blocks = Options(bytes).filter(|(kind, _)| *kind == 5).flat_map(|(_, value)| value.chunks_exact(8));
        blocks.filter_map(|block| match block {
            [a, b, c, d, e, f, g, h] => {
                Some((SeqNumber(u32::from_be_bytes([*a, *b, *c, *d])), SeqNumber(u32::from_be_bytes([*e, *f, *g, *h]))))
            }
            _ => None,
        })
    }
}

/// The options of a header as kind and value, as far as they were captured and make sense.
struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let [1, rest @ ..] = self.0 {
            self.0 = rest;
        }
        let (&[kind, len], _) = self.0.split_first_chunk()?;
        if kind == 0 {
            return None;
        }
        // At least the two bytes of kind and length; less is damage, and ends the list.
        let value = self.0.get(2..usize::from(len))?;
        self.0 = self.0.get(usize::from(len)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// What a SYN offers.
#[cold]
fn options(bytes: &[u8]) -> TcpOptions {
    let mut options = TcpOptions::default();
    for option in Options(bytes) {
        match option {
            (2, [a, b]) => options.mss = Some(u16::from_be_bytes([*a, *b])),
            (3, [shift]) => options.window_scale = Some(*shift),
            _ => {}
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_far_as_they_make_sense() {
        let all = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
        let (mss, window_scale, none) = (Some(1460), Some(7), TcpOptions::default());
        for (bytes, expected) in [
            (&all[..], TcpOptions { mss, window_scale, ..none }),
            (&all[..19], TcpOptions { mss, ..none }),
            (&[1, 1, 3, 3, 9], TcpOptions { window_scale: Some(9), ..none }),
            (&[8, 0, 3, 3, 7], none),
            (&[8, 1, 3, 3, 7], none),
            (&[0, 2, 4, 5, 0xb4], none),
            (&[2], none),
            (&[2, 4, 5], none),
        ] {
            assert_eq!(options(bytes), expected, "{bytes:?}");
        }
        assert_eq!(options(&all[..4]), TcpOptions { mss, ..none });
    }

    #[test]
    fn blocks_are_read_where_there_are_any() {
        let segment = [&[0; 12][..], &[0xb0, 0x10], &[0; 6]].concat();
        let block = [0, 0, 0, 9, 0, 0, 0, 12];
        for (options, blocks) in [
            (vec![], vec![]),
            ([&[1, 1, 8, 10][..], &[9; 8], &[1, 1, 5, 10], &block].concat(), vec![(9, 12)]),
            (
                [&[1, 1, 5, 18][..], &block, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]].concat(),
                vec![(9, 12), (u32::MAX, 1)],
            ),
            // Cut by the snap length, or of a length that there is not.
            ([&[1, 1, 5, 18][..], &block].concat(), vec![]),
            ([&[5, 9][..], &block[1..]].concat(), vec![]),
        ] {
            let bytes = [&segment[..], &options].concat();
            let payload = Span { bytes: &bytes, wire_len: 44 };
            let [source, destination] = [std::net::Ipv4Addr::LOCALHOST; 2];
            let datagram = Datagram { source, destination, protocol: 6, payload, id: None, ttl: 64, part: None };
            let segment = TcpSegment::read(&datagram, Encapsulation::default()).unwrap();
            let found: Vec<_> = segment.sack_blocks().map(|(from, to)| (from.0, to.0)).collect();
            assert_eq!(found, blocks, "{options:?}");
        }
    }

    #[test]
    fn flags_read_as_people_write_them() {
        assert_eq!(TcpFlags(0x12).to_string(), "SYN|ACK");
        assert_eq!(TcpFlags(0).to_string(), "-");
        assert!(TcpFlags(0x2c).rst() && TcpFlags(0x2c).psh() && TcpFlags(0x2c).urg() && !TcpFlags(0x2c).fin());
    }
}
