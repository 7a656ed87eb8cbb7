//! Ethernet, and everything that is named by an EtherType.

use super::{Encapsulation, Found, Layer, MAX_ENCAPSULATION, Span, Undecodable, ppp};

/// EtherType of IPv4.
pub(crate) const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub(crate) const IPV6: u16 = 0x86dd;

/// VLAN tags: 802.1Q, 802.1ad, and three that were used before the latter.
const VLAN: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];
/// MPLS, unicast and multicast.
const MPLS: [u16; 2] = [0x8847, 0x8848];
const PPPOE_SESSION: u16 = 0x8864;
const PPP: u16 = 0x880b;
/// Ethernet within something else.
const BRIDGED: u16 = 0x6558;
/// Up to here the field is a length, and a header of IEEE 802.2 follows.
const MAX_LENGTH: u16 = 1500;

/// EtherType and payload of an Ethernet frame; `None` where it is shorter than its header.
#[inline]
pub(super) fn plain(span: Span<'_>) -> Option<(u16, Span<'_>)> {
    let (head, rest) = span.head::<14>().ok()?;
    let [.., a, b] = head;
    Some((u16::from_be_bytes([a, b]), rest))
}

/// An Ethernet frame, from its destination address on.
pub(crate) fn ethernet(span: Span<'_>, around: Encapsulation) -> Found<'_> {
    let (kind, rest) = plain(span).ok_or_else(|| span.missing(14))?;
    ether_type(kind, rest, around)
}

/// What an EtherType announced.
pub(crate) fn ether_type<'a>(kind: u16, span: Span<'a>, mut around: Encapsulation) -> Found<'a> {
    let (mut kind, mut span) = (kind, span);
    for _ in 0..=MAX_ENCAPSULATION {
        match kind {
            IPV4 | IPV6 => return Ok(Some(span.ip(around))),
            PPPOE_SESSION => return ppp::session(span, around),
            PPP => return ppp::ppp(span, around),
            BRIDGED => (kind, span) = plain(span).ok_or_else(|| span.missing(14))?,
            0..=MAX_LENGTH => match snap(span)? {
                Some(next) => (kind, span) = next,
                None => return Ok(None),
            },
            kind_of_tag if VLAN.contains(&kind_of_tag) => {
                let ([a, b, c, d], rest) = span.head()?;
                around.push(Layer::Vlan(u16::from_be_bytes([a, b]) & 0xfff))?;
                (kind, span) = (u16::from_be_bytes([c, d]), rest);
            }
            label if MPLS.contains(&label) => {
                span = labels(span, &mut around)?;
                match span.bytes.first().map(|first| first >> 4) {
                    Some(4 | 6) => return Ok(Some(span.ip(around))),
                    // A pseudowire with its control word (RFC 4385).
                    Some(0) => (kind, span) = (BRIDGED, span.skip(4)?),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        }
    }
    Err(Undecodable::TooDeep)
}

/// A stack of labels, down to the one that is marked as its bottom (RFC 3032).
fn labels<'a>(mut span: Span<'a>, around: &mut Encapsulation) -> Result<Span<'a>, Undecodable> {
    loop {
        let ([a, b, c, _ttl], rest) = span.head()?;
        around.push(Layer::Mpls(u32::from_be_bytes([0, a, b, c]) >> 4))?;
        span = rest;
        if c & 1 == 1 {
            return Ok(span);
        }
    }
}

/// The EtherType in an 802.2 header with SNAP (RFC 1042); `None` where there is no such header.
pub(super) fn snap(span: Span<'_>) -> Result<Option<(u16, Span<'_>)>, Undecodable> {
    let ([dsap, ssap, control], rest) = span.head()?;
    if (dsap, ssap, control) != (0xaa, 0xaa, 3) {
        return Ok(None);
    }
    let ([_, _, _, a, b], rest) = rest.head()?;
    Ok(Some((u16::from_be_bytes([a, b]), rest)).filter(|(kind, _)| *kind > MAX_LENGTH))
}
