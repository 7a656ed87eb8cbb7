//! The blocks of pcapng that are written (draft-ietf-opsawg-pcapng), in little-endian.

use std::io::{self, Write};

#[cfg(feature = "probe")]
use crate::source::Secrets;
use crate::source::{LinkType, Packet};

/// Bytes of a packet's block beside the packet.
const OVERHEAD: usize = 32;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
#[cfg(feature = "probe")]
const SECRETS: u32 = 10;

/// What a file begins with: a section, and the interfaces in it.
pub(crate) fn begin(out: &mut impl Write, interfaces: &[LinkType]) -> io::Result<usize> {
    let mut bytes = section(out)?;
    for link_type in interfaces {
        bytes += interface(out, *link_type)?;
    }
    Ok(bytes)
}

fn section(out: &mut impl Write) -> io::Result<usize> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    // The length of the section is not known.
    body.extend([0xff; 8]);
    block(out, SECTION, &body)
}

/// An interface with a clock of nanoseconds.
fn interface(out: &mut impl Write, link_type: LinkType) -> io::Result<usize> {
    let mut body = link_type.0.to_le_bytes().to_vec();
    body.extend([0; 6]);
    // if_tsresol 9, then the end of the options.
    body.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    block(out, INTERFACE, &body)
}

/// A packet of the interface of this number.
pub(crate) fn packet(out: &mut impl Write, interface: u32, packet: &Packet<'_>) -> io::Result<usize> {
    let time = packet.time.0.cast_unsigned();
    let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
    let total = length(OVERHEAD + padded(packet.bytes.len()))?;
    let mut head = [0; 28];
    let fields = [PACKET, total, interface, (time >> 32) as u32, time as u32, captured, packet.original_len];
    for (place, field) in head.chunks_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    out.write_all(&head)?;
    out.write_all(packet.bytes)?;
    pad(out, packet.bytes.len())?;
    out.write_all(&total.to_le_bytes())?;
    Ok(total as usize)
}

/// Secrets of TLS, as lines of an NSS key log: they stand before the packets that they open.
#[cfg(feature = "probe")]
pub(crate) fn secrets(out: &mut impl Write, log: &[u8]) -> io::Result<usize> {
    let mut body = Secrets::TLS_KEY_LOG.to_le_bytes().to_vec();
    body.extend(length(log.len())?.to_le_bytes());
    body.extend(log);
    block(out, SECRETS, &body)
}

/// The time of a packet's block, in nanoseconds, and its length, by its first bytes.
pub(super) fn read_head(head: &[u8; 20]) -> (i64, usize) {
    let field = |at: usize| head.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let time = u64::from(field(12)) << 32 | u64::from(field(16));
    (time.cast_signed(), field(4) as usize)
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<usize> {
    let total = length(12 + padded(body.len()))?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(body)?;
    pad(out, body.len())?;
    out.write_all(&total.to_le_bytes())?;
    Ok(total as usize)
}

fn length(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

const fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

fn pad(out: &mut impl Write, len: usize) -> io::Result<()> {
    out.write_all([0; 3].get(..padded(len) - len).unwrap_or_default())
}
