//! IPv4 (RFC 791).

use super::defrag::Part;
use super::extension::{self, Behind};
use super::{Datagram, protocol};
use crate::link::{Span, Undecodable};
use std::net::Ipv4Addr;

/// The shortest header, in bytes.
const MIN_HEADER: usize = 20;

/// More fragments follow.
const MORE: u16 = 0x2000;
/// The fragment offset, in units of 8 bytes.
const OFFSET: u16 = 0x1fff;

/// Reads the header. A total length of 0 is a segment that the card cuts up after the capture.
#[inline(always)]
pub(super) fn header(span: Span<'_>) -> Result<Datagram<'_, Ipv4Addr>, Undecodable> {
    let (head, _) = span.head::<MIN_HEADER>()?;
    let [first, _, l1, l2, i1, i2, f1, f2, ttl, protocol, _, _, s1, s2, s3, s4, d1, d2, d3, d4] = head;
    let header_len = usize::from(first & 0xf) * 4;
    let span = match u32::from(u16::from_be_bytes([l1, l2])) {
        0 => span,
        total => span.limit(total),
    };
    if header_len < MIN_HEADER || span.wire_len < header_len as u32 {
        return Err(Undecodable::HeaderLength);
    }
    let field = u16::from_be_bytes([f1, f2]);
    Ok(Datagram {
        source: Ipv4Addr::new(s1, s2, s3, s4),
        destination: Ipv4Addr::new(d1, d2, d3, d4),
        protocol,
        payload: span.skip(header_len)?,
        id: Some(u16::from_be_bytes([i1, i2])),
        ttl,
        part: (field & (MORE | OFFSET) != 0).then(|| Part {
            id: u32::from(u16::from_be_bytes([i1, i2])),
            offset: (field & OFFSET) << 3,
            is_last: field & MORE == 0,
        }),
    })
}

/// Reads the header, and the extension header that IPv4 has, too.
pub(super) fn read(span: Span<'_>) -> Result<Datagram<'_, Ipv4Addr>, Undecodable> {
    let datagram = header(span)?;
    if datagram.protocol != protocol::AUTHENTICATION || datagram.part.is_some() {
        return Ok(datagram);
    }
    let Behind { protocol, payload, part } = extension::follow(datagram.protocol, datagram.payload)?;
    Ok(Datagram { protocol, payload, part, ..datagram })
}
