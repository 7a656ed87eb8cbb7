//! The point-to-point protocol, and what is like it.

use super::ether::ether_type;
use super::{Encapsulation, Found, Layer, Span};

const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;

/// A PPP frame (RFC 1661): perhaps address and control (RFC 1662), then the protocol in two bytes or in one.
pub(crate) fn ppp(span: Span<'_>, around: Encapsulation) -> Found<'_> {
    let span = if span.bytes.starts_with(&[0xff, 3]) { span.skip(2)? } else { span };
    let ([first], rest) = span.head()?;
    let (protocol, rest) = if first & 1 == 1 {
        (u16::from(first), rest)
    } else {
        let ([second], rest) = rest.head()?;
        (u16::from_be_bytes([first, second]), rest)
    };
    Ok(matches!(protocol, IPV4 | IPV6).then(|| rest.ip(around)))
}

/// A PPPoE session header (RFC 2516), and the PPP frame in it.
pub(super) fn session(span: Span<'_>, mut around: Encapsulation) -> Found<'_> {
    let ([_version, code, a, b, c, d], rest) = span.head()?;
    if code != 0 {
        return Ok(None);
    }
    around.push(Layer::Pppoe(u16::from_be_bytes([a, b])))?;
    let length = u32::from(u16::from_be_bytes([c, d]));
    // More than there is, or nothing, is no length.
    let is_length = length > 0 && length <= rest.wire_len;
    ppp(if is_length { rest.limit(length) } else { rest }, around)
}

/// Cisco HDLC: address, control, EtherType.
pub(super) fn cisco(span: Span<'_>) -> Found<'_> {
    let ([_, _, a, b], rest) = span.head()?;
    ether_type(u16::from_be_bytes([a, b]), rest, Encapsulation::default())
}
