//! From a captured frame to the IP packet in it, through whatever is wrapped around that.
//!
//! Invariant: constant work and no allocation per frame; every loop is bounded by [`MAX_ENCAPSULATION`], and what
//! cannot be followed says why.

mod cooked;
mod encapsulation;
mod ether;
mod ppp;
mod rare;
mod span;
#[cfg(test)]
mod tests;
mod wireless;

pub use encapsulation::{Encapsulation, Layer, MAX_ENCAPSULATION};
pub(crate) use ether::{IPV4, IPV6, ether_type, ethernet};
pub(crate) use ppp::ppp;
pub(crate) use span::Span;

use crate::source::LinkType;
use std::fmt;

/// What a captured frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// An IP packet.
    Ip(IpFrame<'a>),
    /// Something else, whole or not: ARP, spanning tree, a beacon.
    NotIp,
    /// Nothing that can be told.
    Undecodable(Undecodable),
}

/// An IP packet, and what it was wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpFrame<'a> {
    /// What was captured, from the IP header on; the link's padding and checksum may follow the packet.
    pub bytes: &'a [u8],
    /// As many bytes were on the wire from the IP header on, by the capture's account.
    pub wire_len: u32,
    /// What is around it, outermost first.
    pub encapsulation: Encapsulation,
}

/// Why a frame could not be followed down to a transport header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undecodable {
    /// No decoder for this link type.
    LinkType(LinkType),
    /// The snap length cut the frame within its headers.
    SnapLength,
    /// The frame was shorter on the wire than its headers need.
    TooShort,
    /// A header whose length field cannot be right.
    HeaderLength,
    /// Neither IPv4 nor IPv6, where IP was announced.
    IpVersion(u8),
    /// More than [`MAX_ENCAPSULATION`] headers around each other.
    TooDeep,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link_type) => write!(f, "link type {link_type} is not known"),
            Self::SnapLength => f.write_str("cut by the snap length within its headers"),
            Self::TooShort => f.write_str("shorter than its headers need"),
            Self::HeaderLength => f.write_str("a header length that cannot be right"),
            Self::IpVersion(version) => write!(f, "IP version {version}"),
            Self::TooDeep => write!(f, "more than {MAX_ENCAPSULATION} headers around each other"),
        }
    }
}

/// `None`: not IP.
pub(crate) type Found<'a> = Result<Option<IpFrame<'a>>, Undecodable>;

/// What seems to be an IP packet, where nothing but the link's own header is around it. `None` tells nothing; [`decode`]
/// does.
#[inline(always)]
pub(crate) fn plain(link_type: LinkType, bytes: &[u8], original_len: u32) -> Option<Span<'_>> {
    let span = Span { bytes, wire_len: original_len };
    if link_type == LinkType::ETHERNET {
        let (kind, rest) = ether::plain(span)?;
        return matches!(kind, IPV4 | IPV6).then_some(rest);
    }
    if is_raw(link_type) { Some(span) } else { unwrapped(link_type, span) }
}

/// Whether nothing is in front of the IP header. The second and third are what some writers put for RAW: the number of
/// their own system.
#[inline]
const fn is_raw(link_type: LinkType) -> bool {
    matches!(link_type, LinkType::RAW | LinkType(12 | 14) | LinkType::IPV4 | LinkType::IPV6)
}

#[inline(never)]
fn unwrapped(link_type: LinkType, span: Span<'_>) -> Option<Span<'_>> {
    let frame = by_link_type(link_type, span).ok()??;
    frame.encapsulation.is_empty().then_some(Span { bytes: frame.bytes, wire_len: frame.wire_len })
}

/// Finds the IP packet in a frame of which `bytes` were captured and `original_len` were on the wire.
#[must_use]
pub fn decode(link_type: LinkType, bytes: &[u8], original_len: u32) -> Decoded<'_> {
    match by_link_type(link_type, Span { bytes, wire_len: original_len }) {
        Ok(Some(frame)) => Decoded::Ip(frame),
        Ok(None) => Decoded::NotIp,
        Err(reason) => Decoded::Undecodable(reason),
    }
}

fn by_link_type(link_type: LinkType, span: Span<'_>) -> Found<'_> {
    match link_type {
        LinkType::PPI => rare::ppi(span),
        _ => by_plain_link_type(link_type, span),
    }
}

/// Every link type but the one that contains another.
fn by_plain_link_type(link_type: LinkType, span: Span<'_>) -> Found<'_> {
    let around = Encapsulation::default();
    match link_type {
        LinkType::ETHERNET => ethernet(span, around),
        LinkType::LINUX_SLL => cooked::version_1(span),
        LinkType::LINUX_SLL2 => cooked::version_2(span),
        raw if is_raw(raw) => Ok(Some(span.ip(around))),
        LinkType::NULL | LinkType::LOOP => cooked::loopback(span),
        LinkType::PPP | LinkType::PPP_HDLC => ppp(span, around),
        LinkType::PPP_ETHER => ppp::session(span, around),
        LinkType::C_HDLC => ppp::cisco(span),
        LinkType::IEEE802_11 => wireless::frame(span),
        LinkType::IEEE802_11_RADIOTAP => wireless::radiotap(span),
        LinkType::NFLOG => rare::nflog(span),
        LinkType::IPOIB => rare::infiniband(span),
        LinkType::ARCNET_BSD => rare::arcnet(span, 2),
        LinkType::ARCNET_LINUX => rare::arcnet(span, 4),
        LinkType::DSA_TAG_BRCM => rare::broadcom(span),
        other => Err(Undecodable::LinkType(other)),
    }
}
