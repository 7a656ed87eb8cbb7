//! IPv6 (RFC 8200).

use super::{Datagram, extension, protocol};
use crate::link::{Span, Undecodable};
use std::net::{IpAddr, Ipv6Addr};

/// Reads the header and the extension headers. A payload length of 0 is a jumbogram (RFC 2675), or a segment
/// that the card cuts up after the capture: either way the frame's own length stands.
#[inline]
pub(super) fn read(span: Span<'_>) -> Result<Datagram<'_>, Undecodable> {
    let ([_, _, _, _, l1, l2, protocol, ttl], rest) = span.head::<8>()?;
    let (source, rest) = rest.head::<16>()?;
    let (destination, payload) = rest.head::<16>()?;
    let payload = match u32::from(u16::from_be_bytes([l1, l2])) {
        0 => payload,
        length => payload.limit(length),
    };
    let mut datagram = Datagram {
        source: IpAddr::V6(Ipv6Addr::from(source)),
        destination: IpAddr::V6(Ipv6Addr::from(destination)),
        protocol,
        payload,
        id: None,
        ttl,
        is_fragment: false,
    };
    if protocol != protocol::TCP {
        extension::follow(&mut datagram)?;
    }
    Ok(datagram)
}
