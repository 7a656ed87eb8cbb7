//! What hosts capture on several interfaces at once, and on their loopback.

use super::ether::ether_type;
use super::{Encapsulation, Found, Span};

/// Linux's numbers for interfaces whose protocol field is not an EtherType: 802.11, with and without Prism or
/// radiotap headers, and netlink.
const OTHER_PROTOCOL: [u16; 4] = [801, 802, 803, 824];

/// Linux cooked capture, version 1 (LINKTYPE_LINUX_SLL).
pub(super) fn version_1(span: Span<'_>) -> Found<'_> {
    let (head, rest) = span.head::<16>()?;
    let [_, _, h1, h2, .., p1, p2] = head;
    by_protocol(u16::from_be_bytes([h1, h2]), u16::from_be_bytes([p1, p2]), rest)
}

/// Linux cooked capture, version 2 (LINKTYPE_LINUX_SLL2).
pub(super) fn version_2(span: Span<'_>) -> Found<'_> {
    let (head, rest) = span.head::<20>()?;
    let [p1, p2, _, _, _, _, _, _, h1, h2, ..] = head;
    by_protocol(u16::from_be_bytes([h1, h2]), u16::from_be_bytes([p1, p2]), rest)
}

/// Small values are kinds of frames without an EtherType; 4 is an 802.2 header, as after an Ethernet length.
fn by_protocol(hardware: u16, protocol: u16, span: Span<'_>) -> Found<'_> {
    if OTHER_PROTOCOL.contains(&hardware) || matches!(protocol, 0..=3 | 5..=0x5ff) {
        return Ok(None);
    }
    ether_type(protocol, span, Encapsulation::default())
}

/// BSD loopback: an address family, in the byte order of the host that captured or of the network.
pub(super) fn loopback(span: Span<'_>) -> Found<'_> {
    let (head, rest) = span.head::<4>()?;
    let family = u32::from_be_bytes(head).min(u32::from_le_bytes(head));
    // AF_INET; AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
    let is_ip = matches!(family, 2 | 10 | 23 | 24 | 28 | 30);
    Ok(is_ip.then(|| rest.ip(Encapsulation::default())))
}
