//! IPv6 (RFC 8200).

use super::Datagram;
use super::extension::{self, Behind};
use crate::link::{Span, Undecodable};
use std::net::Ipv6Addr;

/// Reads the header. A payload length of 0 is a jumbogram (RFC 2675), or a segment that the card cuts up after the
/// capture: either way the frame's own length stands.
#[inline(always)]
pub(super) fn header(span: Span<'_>) -> Result<Datagram<'_, Ipv6Addr>, Undecodable> {
    let ([_, _, _, _, l1, l2, protocol, ttl], rest) = span.head::<8>()?;
    let (source, rest) = rest.head::<16>()?;
    let (destination, payload) = rest.head::<16>()?;
    let payload = match u32::from(u16::from_be_bytes([l1, l2])) {
        0 => payload,
        length => payload.limit(length),
    };
    Ok(Datagram {
        source: Ipv6Addr::from(source),
        destination: Ipv6Addr::from(destination),
        protocol,
        payload,
        id: None,
        ttl,
        part: None,
    })
}

/// Reads the header and the extension headers.
pub(super) fn read(span: Span<'_>) -> Result<Datagram<'_, Ipv6Addr>, Undecodable> {
    let datagram = header(span)?;
    let Behind { protocol, payload, part } = extension::follow(datagram.protocol, datagram.payload)?;
    Ok(Datagram { protocol, payload, part, ..datagram })
}
