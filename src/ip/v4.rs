//! IPv4 (RFC 791).

use super::extension::{self, Behind};
use super::{Datagram, protocol};
use crate::link::{Span, Undecodable};
use std::net::Ipv4Addr;

/// The shortest header, in bytes.
const MIN_HEADER: usize = 20;

/// More fragments follow, or a fragment offset: anything but "don't fragment" and the reserved bit.
const FRAGMENT: u16 = 0x3fff;

/// Reads the header. A total length of 0 is a segment that the card cuts up after the capture.
#[inline(always)]
pub(super) fn read(span: Span<'_>) -> Result<Datagram<'_, Ipv4Addr>, Undecodable> {
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
    let is_fragment = u16::from_be_bytes([f1, f2]) & FRAGMENT != 0;
    let payload = span.skip(header_len)?;
    let Behind { protocol, payload, is_fragment } = match protocol {
        protocol::AUTHENTICATION if !is_fragment => extension::follow(protocol, payload)?,
        _ => Behind { protocol, payload, is_fragment },
    };
    Ok(Datagram {
        source: Ipv4Addr::new(s1, s2, s3, s4),
        destination: Ipv4Addr::new(d1, d2, d3, d4),
        protocol,
        payload,
        id: Some(u16::from_be_bytes([i1, i2])),
        ttl,
        is_fragment,
    })
}
