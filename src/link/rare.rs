//! Links that a host seldom has, but captures do.

use super::ether::ether_type;
use super::{Encapsulation, Found, Span, Undecodable, by_plain_link_type};
use crate::source::LinkType;

/// The most fields of a netfilter log message that are looked at: the kernel knows fewer than 20.
const MAX_NFLOG_FIELDS: usize = 32;

/// Per-packet information (LINKTYPE_PPI): version, flags, length and link type, the last two little-endian.
pub(super) fn ppi(span: Span<'_>) -> Found<'_> {
    let ([_version, _flags, l1, l2, t1, t2, t3, t4], _) = span.head()?;
    let link_type = u16::try_from(u32::from_le_bytes([t1, t2, t3, t4])).map(LinkType);
    let rest = span.skip(usize::from(u16::from_le_bytes([l1, l2])).max(8))?;
    by_plain_link_type(link_type.map_err(|_| Undecodable::LinkType(LinkType::PPI))?, rest)
}

/// Linux netfilter log: fields of length, type and value, of which one is the packet.
pub(super) fn nflog(span: Span<'_>) -> Found<'_> {
    const PAYLOAD: u16 = 9;
    let ([family, ..], mut span) = span.head::<4>()?;
    if !matches!(family, 2 | 10) {
        return Ok(None);
    }
    for _ in 0..MAX_NFLOG_FIELDS {
        let ([l1, l2, t1, t2], rest) = span.head()?;
        // In the capturing host's byte order, and the type is a small number.
        let (length, kind) = match u16::from_le_bytes([t1, t2]) {
            kind @ 0..=0xff => (u16::from_le_bytes([l1, l2]), kind),
            _ => (u16::from_be_bytes([l1, l2]), u16::from_be_bytes([t1, t2])),
        };
        if length < 4 {
            return Err(Undecodable::HeaderLength);
        }
        if kind & 0x7fff == PAYLOAD {
            return Ok(Some(rest.ip(Encapsulation::default())));
        }
        span = span.skip(usize::from(length).next_multiple_of(4))?;
    }
    Err(Undecodable::TooDeep)
}

/// IP over InfiniBand (RFC 4391): 40 bytes of addresses, then EtherType and two reserved bytes.
pub(super) fn infiniband(span: Span<'_>) -> Found<'_> {
    let ([a, b, _, _], rest) = span.skip(40)?.head()?;
    ether_type(u16::from_be_bytes([a, b]), rest, Encapsulation::default())
}

/// ARCNET with so many bytes of addresses (Linux adds an offset to them): RFC 1051, or unfragmented RFC 1201.
pub(super) fn arcnet(span: Span<'_>, addresses: usize) -> Found<'_> {
    let ([kind], rest) = span.skip(addresses)?.head()?;
    match kind {
        0xf0 => Ok(Some(rest.ip(Encapsulation::default()))),
        0xd4 => {
            let ([split, _, _], rest) = rest.head()?;
            Ok((split == 0).then(|| rest.ip(Encapsulation::default())))
        }
        _ => Ok(None),
    }
}

/// Ethernet with a Broadcom switch's four-byte tag behind the addresses.
pub(super) fn broadcom(span: Span<'_>) -> Found<'_> {
    let ([a, b], rest) = span.skip(16)?.head()?;
    ether_type(u16::from_be_bytes([a, b]), rest, Encapsulation::default())
}
