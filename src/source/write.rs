//! The blocks of pcapng that are written (draft-ietf-opsawg-pcapng), in little-endian.
//!
//! Each function writes one block and says how many bytes it took.

use std::io::{self, Write};

use super::{LinkType, Packet};
use crate::base::Timestamp;

/// Bytes of a packet's block beside the packet.
const OVERHEAD: usize = 32;

/// Bytes of a comment that are written: an option's length has sixteen bits.
const MAX_COMMENT: usize = 32 * 1024;

/// A clock of nanoseconds.
const NANOSECONDS: u8 = 9;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// `opt_comment`, of any block.
const COMMENT: u16 = 1;
/// `if_name`, and `shb_userappl`.
const NAME: u16 = 2;
const USER_APPLICATION: u16 = 4;
/// `if_tsresol`.
const RESOLUTION: u16 = 9;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What its packets begin with.
    pub link_type: LinkType,
    /// In bytes; 0: unlimited.
    pub snap_length: u32,
    /// Its name.
    pub name: Option<String>,
    /// Digits of a second in its times, at most 9.
    pub resolution: u8,
}

impl Interface {
    /// One without a name, with a clock of nanoseconds.
    #[must_use]
    pub const fn of(link_type: LinkType) -> Interface {
        Interface { link_type, snap_length: 0, name: None, resolution: NANOSECONDS }
    }

    /// A time in the units of its clock.
    const fn ticks(&self, time: Timestamp) -> u64 {
        let digits = if self.resolution > NANOSECONDS { NANOSECONDS } else { self.resolution };
        time.0.div_euclid(10_i64.pow((NANOSECONDS - digits) as u32)).cast_unsigned()
    }
}

/// What a file begins with: a section, and the interfaces in it.
///
/// # Errors
/// What the output said.
pub fn begin(out: &mut impl Write, interfaces: &[LinkType]) -> io::Result<usize> {
    let mut bytes = section(out, None)?;
    for link_type in interfaces {
        bytes += interface(out, &Interface::of(*link_type))?;
    }
    Ok(bytes)
}

/// A section, which says of itself what a comment says.
///
/// # Errors
/// What the output said.
pub fn section(out: &mut impl Write, comment: Option<&str>) -> io::Result<usize> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    // The length of the section is not known.
    body.extend([0xff; 8]);
    if let Some(comment) = comment {
        option(&mut body, COMMENT, shortened(comment).as_bytes());
        option(&mut body, USER_APPLICATION, concat!("why502 ", env!("CARGO_PKG_VERSION")).as_bytes());
        end_of_options(&mut body);
    }
    block(out, SECTION, &body)
}

/// An interface of the section.
///
/// # Errors
/// What the output said.
pub fn interface(out: &mut impl Write, interface: &Interface) -> io::Result<usize> {
    let mut body = interface.link_type.0.to_le_bytes().to_vec();
    body.extend([0; 2]);
    body.extend(interface.snap_length.to_le_bytes());
    if let Some(name) = &interface.name {
        option(&mut body, NAME, shortened(name).as_bytes());
    }
    option(&mut body, RESOLUTION, &[interface.resolution.min(NANOSECONDS)]);
    end_of_options(&mut body);
    block(out, INTERFACE, &body)
}

/// What is known of an interface as a whole: each an option's code, and a number.
///
/// # Errors
/// What the output said.
pub fn statistics(
    out: &mut impl Write,
    number: u32,
    interface: &Interface,
    time: Timestamp,
    counts: &[(u16, u64)],
) -> io::Result<usize> {
    let ticks = interface.ticks(time);
    let mut body = number.to_le_bytes().to_vec();
    body.extend(((ticks >> 32) as u32).to_le_bytes());
    body.extend((ticks as u32).to_le_bytes());
    for (code, count) in counts {
        option(&mut body, *code, &count.to_le_bytes());
    }
    end_of_options(&mut body);
    block(out, STATISTICS, &body)
}

/// Secrets of a kind, such as [`Secrets::TLS_KEY_LOG`](super::Secrets::TLS_KEY_LOG), for the packets behind them.
///
/// # Errors
/// What the output said.
pub fn secrets(out: &mut impl Write, kind: u32, data: &[u8]) -> io::Result<usize> {
    let mut body = kind.to_le_bytes().to_vec();
    body.extend(length(data.len())?.to_le_bytes());
    body.extend(data);
    block(out, SECRETS, &body)
}

/// A packet of the interface of this number, with a clock of nanoseconds.
///
/// # Errors
/// What the output said.
pub fn packet(out: &mut impl Write, interface: u32, packet: &Packet<'_>) -> io::Result<usize> {
    let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
    let total = length(OVERHEAD + padded(packet.bytes.len()))?;
    let time = packet.time.0.cast_unsigned();
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

/// A packet of an interface, with what is said of it.
///
/// # Errors
/// What the output said.
pub fn told_packet(
    out: &mut impl Write,
    number: u32,
    interface: &Interface,
    packet: &Packet<'_>,
    comments: &[String],
) -> io::Result<usize> {
    let ticks = interface.ticks(packet.time);
    let mut body = Vec::with_capacity(20 + padded(packet.bytes.len()));
    for field in [number, (ticks >> 32) as u32, ticks as u32, length(packet.bytes.len())?, packet.original_len] {
        body.extend(field.to_le_bytes());
    }
    body.extend(packet.bytes);
    body.resize(padded(body.len()), 0);
    for comment in comments {
        option(&mut body, COMMENT, shortened(comment).as_bytes());
    }
    if !comments.is_empty() {
        end_of_options(&mut body);
    }
    block(out, PACKET, &body)
}

/// The time of a packet's block, in nanoseconds, and its length, by its first bytes.
#[must_use]
pub fn read_head(head: &[u8; 20]) -> (i64, usize) {
    let field = |at: usize| head.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let time = u64::from(field(12)) << 32 | u64::from(field(16));
    (time.cast_signed(), field(4) as usize)
}

/// The text, cut before a character that does not fit.
fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_COMMENT)).unwrap_or_default()
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend(value);
    body.resize(padded(body.len()), 0);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
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
