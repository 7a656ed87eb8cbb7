//! Packets and frames carried within IP.

use crate::link::{self, Encapsulation, Found, IPV4, IPV6, Layer, Span, Undecodable};

/// UDP ports of VXLAN: RFC 7348's, and the one that Linux used before it was assigned.
const VXLAN: [u16; 2] = [4789, 8472];
/// UDP port of Geneve (RFC 8926).
const GENEVE: u16 = 6081;
/// UDP port of GTP-U (3GPP TS 29.281).
const GTP: u16 = 2152;
/// UDP port of Teredo (RFC 4380).
const TEREDO: u16 = 3544;

/// The most extension headers of GTP-U that are followed.
const MAX_GTP_EXTENSIONS: usize = 4;

/// IP directly within IP.
pub(super) fn ip_in_ip(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    around.push(Layer::IpInIp)?;
    Ok(Some(span.ip(around)))
}

/// GRE (RFC 2784, RFC 2890) and the version of PPTP (RFC 2637).
pub(super) fn gre(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    let ([flags, version, p1, p2], span) = span.head()?;
    let kind = u16::from_be_bytes([p1, p2]);
    let bit = |byte: u8, mask: u8| usize::from(byte & mask != 0) * 4;
    let has_sequence = flags & 0x10 != 0;
    let (routed, optional) = match version & 7 {
        0 => (flags & 0x40 != 0, bit(flags, 0x80) + bit(flags, 0x20) + bit(flags, 0x10)),
        1 => (false, bit(flags, 0x20) + bit(flags, 0x10) + bit(version, 0x80)),
        _ => return Ok(None),
    };
    if routed {
        return Ok(None);
    }
    let span = span.skip(optional)?;
    match kind {
        // Type I has no header of its own, and no sequence number either.
        0x88be if !has_sequence => {
            around.push(Layer::Erspan(0))?;
            link::ethernet(span, around)
        }
        0x88be => {
            let ([_, _, s1, s2, ..], frame) = span.head::<8>()?;
            around.push(Layer::Erspan(u16::from_be_bytes([s1, s2]) & 0x3ff))?;
            link::ethernet(frame, around)
        }
        0x22eb => {
            let ([_, _, s1, s2, .., last], frame) = span.head::<12>()?;
            around.push(Layer::Erspan(u16::from_be_bytes([s1, s2]) & 0x3ff))?;
            link::ethernet(if last & 1 == 1 { frame.skip(8)? } else { frame }, around)
        }
        _ => {
            around.push(Layer::Gre)?;
            link::ether_type(kind, span, around)
        }
    }
}

/// Tunnels that are known by their UDP port.
pub(super) fn udp(span: Span<'_>, around: Encapsulation) -> Found<'_> {
    let ([s1, s2, d1, d2, ..], rest) = span.head::<8>()?;
    let (source, destination) = (u16::from_be_bytes([s1, s2]), u16::from_be_bytes([d1, d2]));
    let found = match destination {
        port if VXLAN.contains(&port) => vxlan(rest, around),
        GENEVE => geneve(rest, around),
        GTP => gtp(rest, around),
        TEREDO => teredo(rest, around),
        _ if source == TEREDO => teredo(rest, around),
        _ => return Ok(None),
    };
    // A port proves nothing: what does not fit is some other protocol.
    match found {
        Err(reason @ (Undecodable::SnapLength | Undecodable::TooDeep)) => Err(reason),
        other => Ok(other.unwrap_or_default()),
    }
}

/// A frame behind a network identifier, which a flag says is valid.
fn vxlan(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    let ([flags, _, _, _, n1, n2, n3, _], frame) = span.head()?;
    if flags & 0x08 == 0 {
        return Ok(None);
    }
    around.push(Layer::Vxlan(u32::from_be_bytes([0, n1, n2, n3])))?;
    link::ethernet(frame, around)
}

/// Anything with an EtherType, behind options of a length in units of four bytes.
fn geneve(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    let ([first, _, p1, p2, n1, n2, n3, _], rest) = span.head()?;
    if first >> 6 != 0 {
        return Ok(None);
    }
    around.push(Layer::Geneve(u32::from_be_bytes([0, n1, n2, n3])))?;
    let rest = rest.skip(usize::from(first & 0x3f) * 4)?;
    link::ether_type(u16::from_be_bytes([p1, p2]), rest, around)
}

/// A user's packet: version 1, GTP and not GTP', message type 255.
fn gtp(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    let ([flags, message, ..], mut rest) = span.head::<8>()?;
    if flags & 0xf0 != 0x30 || message != 255 {
        return Ok(None);
    }
    if flags & 7 != 0 {
        let ([_, _, _, mut next], after) = rest.head()?;
        rest = after;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if next == 0 {
                break;
            }
            let ([units], _) = rest.head()?;
            let size = usize::from(units).max(1) * 4;
            next = rest.bytes.get(size - 1).copied().ok_or_else(|| rest.missing(size))?;
            rest = rest.skip(size)?;
        }
    }
    around.push(Layer::Gtp)?;
    packet(rest, around)
}

/// An IPv6 packet, perhaps behind authentication and origin indication.
fn teredo(mut span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    if span.bytes.starts_with(&[0, 1]) {
        let ([_, _, id_len, authentication_len], _) = span.head()?;
        span = span.skip(13 + usize::from(id_len) + usize::from(authentication_len))?;
    }
    if span.bytes.starts_with(&[0, 0]) {
        span = span.skip(8)?;
    }
    around.push(Layer::Teredo)?;
    Ok(packet(span, around)?.filter(|frame| frame.bytes.first().is_some_and(|first| first >> 4 == 6)))
}

/// An IP packet that nothing announced, if the version says that it is one.
fn packet(span: Span<'_>, around: Encapsulation) -> Found<'_> {
    match span.bytes.first().map(|first| first >> 4) {
        Some(4) => link::ether_type(IPV4, span, around),
        Some(6) => link::ether_type(IPV6, span, around),
        _ => Ok(None),
    }
}
