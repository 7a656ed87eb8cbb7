//! The classic capture file, as `tcpdump` writes it on this machine: little-endian, microseconds, Ethernet, or Linux
//! cooked where it listens on every interface.

use anyhow::{Context as _, Result, bail, ensure};

/// A whole capture file.
pub(crate) struct File {
    header: [u8; File::HEADER],
    pub(crate) packets: Vec<Packet>,
}

/// One packet as captured.
#[derive(Clone)]
pub(crate) struct Packet {
    /// Microseconds since 1970.
    pub(crate) time_us: u64,
    /// The length on the wire; the data may be shorter.
    pub(crate) wire_length: u32,
    pub(crate) link: Link,
    pub(crate) data: Vec<u8>,
}

/// What stands before the IP header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// LINKTYPE_ETHERNET: of one interface.
    Ethernet,
    /// LINKTYPE_LINUX_SLL2: of `-i any`.
    Cooked,
}

impl Link {
    fn of(header: &[u8; File::HEADER]) -> Result<Link> {
        match header.last_chunk().map(|word| u32::from_le_bytes(*word)) {
            Some(1) => Ok(Link::Ethernet),
            Some(276) => Ok(Link::Cooked),
            other => bail!("link type {other:?}"),
        }
    }

    /// Where the EtherType stands, and the IP header.
    const fn offsets(self) -> (usize, usize) {
        match self {
            Link::Ethernet => (12, 14),
            Link::Cooked => (0, 20),
        }
    }
}

impl File {
    const HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    const MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();

    /// Reads a file, which may still be growing: a last, incomplete record is left out.
    pub(crate) fn read(bytes: &[u8]) -> Result<File> {
        let (header, mut rest) = bytes.split_first_chunk().context("the capture has no header yet")?;
        ensure!(header.starts_with(&Self::MAGIC), "not a little-endian microsecond pcap file");
        let link = Link::of(header)?;
        let mut packets = Vec::new();
        while let Some((packet, length)) = Self::record(rest, link) {
            packets.push(packet);
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(File { header: *header, packets })
    }

    fn record(bytes: &[u8], link: Link) -> Option<(Packet, usize)> {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let end = Self::RECORD_HEADER.checked_add(word(8)? as usize)?;
        let data = bytes.get(Self::RECORD_HEADER..end)?.to_vec();
        let time_us = u64::from(word(0)?) * 1_000_000 + u64::from(word(4)?);
        Some((Packet { time_us, wire_length: word(12)?, link, data }, end))
    }

    /// The file as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.to_vec();
        for packet in &self.packets {
            let words = [
                (packet.time_us / 1_000_000) as u32,
                (packet.time_us % 1_000_000) as u32,
                packet.data.len() as u32,
                packet.wire_length,
            ];
            words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
            bytes.extend(&packet.data);
        }
        bytes
    }
}

/// What of a frame the generator looks at.
pub(crate) struct Segment<'a> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) flags: u8,
    pub(crate) payload: &'a [u8],
}

/// TCP flags, as they stand in the header.
pub(crate) const FIN: u8 = 1;
/// See [`FIN`].
pub(crate) const SYN: u8 = 2;
/// See [`FIN`].
pub(crate) const RST: u8 = 4;
/// See [`FIN`].
pub(crate) const ACK: u8 = 16;

impl Packet {
    /// The EtherType, and where the IP header begins.
    pub(crate) fn network(&self) -> Option<([u8; 2], usize)> {
        let (protocol, ip) = self.link.offsets();
        Some((*self.data.get(protocol..)?.first_chunk()?, ip))
    }

    /// The TCP segment in this frame, if there is one.
    pub(crate) fn segment(&self) -> Option<Segment<'_>> {
        let (ether_type, ip) = self.network()?;
        let (ip_end, protocol, end) = match (ether_type, self.data.get(ip)?) {
            ([0x08, 0x00], first) => {
                let total = usize::from(u16::from_be_bytes(*self.data.get(ip + 2..)?.first_chunk()?));
                (ip + usize::from(first & 15) * 4, *self.data.get(ip + 9)?, ip + total)
            }
            ([0x86, 0xdd], _) => {
                let length = usize::from(u16::from_be_bytes(*self.data.get(ip + 4..)?.first_chunk()?));
                (ip + 40, *self.data.get(ip + 6)?, ip + 40 + length)
            }
            _ => return None,
        };
        let tcp = self.data.get(ip_end..)?;
        if protocol != 6 {
            return None;
        }
        let header = usize::from(tcp.get(12)? >> 4) * 4;
        Some(Segment {
            source_port: u16::from_be_bytes(*tcp.first_chunk()?),
            destination_port: u16::from_be_bytes(*tcp.get(2..)?.first_chunk()?),
            flags: *tcp.get(13)?,
            payload: self.data.get(ip_end + header..end.min(self.data.len())).unwrap_or_default(),
        })
    }
}
