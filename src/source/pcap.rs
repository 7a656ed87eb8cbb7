//! The classic libpcap format (draft-ietf-opsawg-pcap), in all its variants.

use super::buffer::{Buffer, Short};
use super::fields::{ByteOrder, Fields};
use super::{LinkType, MAX_PACKET, Problem, ProblemKind, Record, Stop, cut};
use crate::base::Timestamp;

/// Length of the file header, in bytes.
pub(super) const HEADER_LEN: usize = 24;

/// The only major version that was ever in wide use.
pub(super) const MAJOR: u16 = 2;

/// What the magic number says beside the byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    /// Nanoseconds in the unit of a record's fraction of a second.
    unit: u32,
    /// Length of a record's header, in bytes.
    record_len: usize,
}

impl Variant {
    /// The variant of a magic number that was read in the right byte order.
    pub(super) const fn of(magic: u32) -> Option<Self> {
        match magic {
            0xa1b2_c3d4 => Some(Self { unit: 1_000, record_len: 16 }),
            0xa1b2_3c4d => Some(Self { unit: 1, record_len: 16 }),
            // Kuznetzov's: interface, protocol, packet type and padding follow the usual fields.
            0xa1b2_cd34 => Some(Self { unit: 1_000, record_len: 24 }),
            _ => None,
        }
    }
}

/// The file header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) major: u16,
    pub(super) minor: u16,
    /// In bytes; 0: unlimited.
    pub(super) snap_length: u32,
    pub(super) link_type: LinkType,
}

impl Header {
    pub(super) fn read(bytes: &[u8], order: ByteOrder) -> Option<Self> {
        let mut fields = Fields::new(bytes, order);
        fields.u32()?;
        let (major, minor) = (fields.u16()?, fields.u16()?);
        let _zone_and_accuracy = fields.u64()?;
        let snap_length = fields.u32()?;
        // The upper half says whether frames end in a checksum, which no length below relies on.
        let link_type = LinkType((fields.u32()? & 0xffff) as u16);
        Some(Self { major, minor, snap_length, link_type })
    }
}

/// Reads the records.
pub(super) struct Reader {
    order: ByteOrder,
    variant: Variant,
    link_type: LinkType,
    /// Until version 2.3 some writers had the two lengths the other way round.
    may_be_swapped: bool,
    frame: u64,
}

impl Reader {
    pub(super) const fn new(variant: Variant, order: ByteOrder, header: &Header) -> Self {
        Self { order, variant, link_type: header.link_type, may_be_swapped: header.minor <= 3, frame: 0 }
    }

    /// The next record, or the end of the file.
    #[inline]
    pub(super) fn next(&mut self, buffer: &mut Buffer) -> Result<Option<Record>, Stop> {
        loop {
            let header_len = self.variant.record_len;
            if let Some((time, captured, original)) = self.header(buffer.ahead())
                && captured <= MAX_PACKET
                && let Some(record) = buffer.take(header_len + captured as usize)
            {
                self.frame += 1;
                return Ok(Some(Record {
                    frame: self.frame,
                    time: Some(time),
                    link_type: self.link_type,
                    span: record.start + header_len..record.end,
                    original_len: original.max(captured),
                }));
            }
            if !self.fetch(buffer)? {
                return Ok(None);
            }
        }
    }

    /// Reads until the next record is whole in the buffer; `false` at the end of the file.
    #[cold]
    #[inline(never)]
    fn fetch(&self, buffer: &mut Buffer) -> Result<bool, Stop> {
        let (frame, header_len) = (self.frame + 1, self.variant.record_len);
        let captured = match buffer.fill(header_len) {
            Ok(bytes) => self.header(bytes).map_or(0, |(_, captured, _)| captured),
            Err(Short::Ended(0)) => return Ok(false),
            Err(short) => return Err(cut(short, buffer, frame, header_len)),
        };
        if captured > MAX_PACKET {
            return Err(impossible(frame, buffer.position(), captured).into());
        }
        let needed = header_len + captured as usize;
        match buffer.fill(needed) {
            Ok(_) => Ok(true),
            Err(short) => Err(cut(short, buffer, frame, needed)),
        }
    }

    /// Time, captured and original length.
    #[inline]
    fn header(&self, bytes: &[u8]) -> Option<(Timestamp, u32, u32)> {
        // What every variant begins with.
        let [seconds, fraction, captured, original] = self.order.four(bytes.first_chunk()?);
        let time = Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.variant.unit));
        if self.may_be_swapped && captured > original {
            return Some((time, original, captured));
        }
        Some((time, captured, original))
    }
}

#[cold]
fn impossible(frame: u64, offset: u64, captured: u32) -> Problem {
    Problem::at(
        ProblemKind::ImpossibleLength,
        frame,
        offset,
        format_args!("a packet of {captured} bytes, more than the {MAX_PACKET} that any tool writes"),
        "all before it was read; the file is damaged from here on: copy it again in binary mode",
    )
}
