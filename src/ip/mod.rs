//! From an IP packet to the TCP segment in it, or to the ICMP error that speaks of one.
//!
//! Invariant: constant work and no allocation per packet, and checksums decide nothing: on the host that
//! sends, the network card fills them in after the capture.

mod extension;
mod icmp;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;
mod v4;
mod v6;

pub use icmp::{IcmpError, IcmpKind};
pub use tcp::{TcpFlags, TcpOptions, TcpSegment};

use crate::link::{IpFrame, MAX_ENCAPSULATION, Span, Undecodable};
use std::net::IpAddr;

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(TcpSegment<'a>),
    /// An ICMP error about a TCP segment.
    Icmp(IcmpError),
    /// A fragment of something, the first one included.
    Fragment,
    /// Something else: UDP, an echo, ARP within a tunnel.
    OtherProtocol,
    /// Nothing that can be told.
    Undecodable(Undecodable),
}

/// An IP header, of either version, and what follows it.
#[derive(Debug, Clone, Copy)]
struct Datagram<'a> {
    source: IpAddr,
    destination: IpAddr,
    /// What `payload` begins with (IANA protocol numbers), extension headers left behind.
    protocol: u8,
    /// Without the link's padding.
    payload: Span<'a>,
    /// The identification field of IPv4.
    id: Option<u16>,
    /// Time to live, or hop limit.
    ttl: u8,
    is_fragment: bool,
}

/// IANA protocol numbers.
mod protocol {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ICMP: u8 = 1;
    pub(super) const IPV4: u8 = 4;
    pub(super) const TCP: u8 = 6;
    pub(super) const UDP: u8 = 17;
    pub(super) const IPV6: u8 = 41;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const GRE: u8 = 47;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const ICMP_V6: u8 = 58;
    pub(super) const DESTINATION: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HOST_IDENTITY: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// Decodes an IP packet, and those in it: the innermost is the one that counts.
#[inline]
#[must_use]
pub fn decode(frame: IpFrame<'_>) -> Decoded<'_> {
    let mut frame = frame;
    for _ in 0..=MAX_ENCAPSULATION {
        match one(frame) {
            Ok(Step::Done(decoded)) => return decoded,
            Ok(Step::Inner(inner)) => frame = inner,
            Err(reason) => return Decoded::Undecodable(reason),
        }
    }
    Decoded::Undecodable(Undecodable::TooDeep)
}

enum Step<'a> {
    Done(Decoded<'a>),
    Inner(IpFrame<'a>),
}

/// One header, and what follows it.
#[inline]
fn one(frame: IpFrame<'_>) -> Result<Step<'_>, Undecodable> {
    let span = Span { bytes: frame.bytes, wire_len: frame.wire_len };
    let datagram = datagram(span)?;
    if datagram.is_fragment {
        return Ok(Step::Done(Decoded::Fragment));
    }
    if datagram.protocol == protocol::TCP {
        return TcpSegment::read(&datagram, frame.encapsulation).map(|tcp| Step::Done(Decoded::Tcp(tcp)));
    }
    other(&datagram, frame)
}

#[inline]
fn datagram(span: Span<'_>) -> Result<Datagram<'_>, Undecodable> {
    match span.bytes.first().map(|first| first >> 4) {
        Some(4) => v4::read(span),
        Some(6) => v6::read(span),
        Some(version) => Err(Undecodable::IpVersion(version)),
        None => Err(span.missing(1)),
    }
}

/// Everything but TCP, kept off the usual path.
#[inline(never)]
fn other<'a>(datagram: &Datagram<'a>, frame: IpFrame<'a>) -> Result<Step<'a>, Undecodable> {
    let (payload, around) = (datagram.payload, frame.encapsulation);
    let inner = match datagram.protocol {
        protocol::ICMP | protocol::ICMP_V6 => {
            let error = icmp::read(datagram)?;
            return Ok(Step::Done(error.map_or(Decoded::OtherProtocol, Decoded::Icmp)));
        }
        protocol::IPV4 | protocol::IPV6 => tunnel::ip_in_ip(payload, around)?,
        protocol::GRE => tunnel::gre(payload, around)?,
        protocol::UDP => tunnel::udp(payload, around)?,
        _ => None,
    };
    Ok(inner.map_or(Step::Done(Decoded::OtherProtocol), Step::Inner))
}
