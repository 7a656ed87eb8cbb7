//! From an IP packet to the TCP segment in it, or to the ICMP error that speaks of one.
//!
//! Invariant: constant work and no allocation per packet, and checksums decide nothing: on the host that sends, the
//! network card fills them in after the capture. That of a SYN is noted. Only fragments are kept, within the bounds of
//! the [`Defragmenter`].

mod checksum;
mod defrag;
mod extension;
mod icmp;
mod icmp_names;
mod tcp;
#[cfg(test)]
mod tests;
mod tunnel;
mod v4;
mod v6;

pub use checksum::{Checksum, checksum, checksum_between};
pub use defrag::{Defragmenter, Fragment, Whole};
pub use icmp::{IcmpError, IcmpKind};
pub use icmp_names::{icmp_code_name, icmp_type_name};
pub use tcp::{TcpFlags, TcpOptions, TcpSegment};

use defrag::Part;

use crate::link::{Encapsulation, IpFrame, Span, Undecodable};
use std::net::IpAddr;

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A TCP segment.
    Tcp(TcpSegment<'a>),
    /// An ICMP error about a TCP segment.
    Icmp(IcmpError),
    /// A fragment of something, the first one included: for a [`Defragmenter`].
    Fragment(Fragment<'a>),
    /// Something else: UDP, an echo, ARP within a tunnel.
    OtherProtocol,
    /// Nothing that can be told.
    Undecodable(Undecodable),
}

/// An IP header and what follows it. The address is that of one version on the usual path, where an
/// [`IpAddr`], once copied, would cost more than all the rest.
#[derive(Debug, Clone, Copy)]
struct Datagram<'a, Address> {
    source: Address,
    destination: Address,
    /// What `payload` begins with (IANA protocol numbers), extension headers left behind.
    protocol: u8,
    /// Without the link's padding.
    payload: Span<'a>,
    /// The identification field of IPv4.
    id: Option<u16>,
    /// Time to live, or hop limit.
    ttl: u8,
    /// Set where this is a fragment.
    part: Option<Part>,
}

impl<'a, Address: Into<IpAddr> + Copy> Datagram<'a, Address> {
    /// The same of either version.
    fn of_any_version(self) -> Datagram<'a, IpAddr> {
        let Self { source, destination, protocol, payload, id, ttl, part } = self;
        Datagram { source: source.into(), destination: destination.into(), protocol, payload, id, ttl, part }
    }
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

/// The segment in a whole IPv4 packet with TCP in it: the way of almost every packet, compiled into the loop over all of
/// them. `None` tells nothing; [`decode`] does.
#[inline(always)]
pub(crate) fn plain(span: Span<'_>) -> Option<TcpSegment<'_>> {
    if version(span) != Ok(4) {
        return None;
    }
    carried_plainly(v4::header(span))
}

/// The same in IPv6: a way of its own, since two that meet again would hold up the first.
#[inline(never)]
pub(crate) fn plain_v6(span: Span<'_>) -> Option<TcpSegment<'_>> {
    if version(span) != Ok(6) {
        return None;
    }
    carried_plainly(v6::header(span))
}

#[inline(always)]
fn carried_plainly<Address: Into<IpAddr> + Copy>(
    datagram: Result<Datagram<'_, Address>, Undecodable>,
) -> Option<TcpSegment<'_>> {
    let datagram = datagram.ok().filter(|datagram| datagram.protocol == protocol::TCP && datagram.part.is_none())?;
    TcpSegment::read(&datagram, Encapsulation::default()).ok()
}

/// Decodes an IP packet, and those in it: the innermost is the one that counts.
#[must_use]
pub fn decode(frame: IpFrame<'_>) -> Decoded<'_> {
    let span = Span { bytes: frame.bytes, wire_len: frame.wire_len };
    match version(span) {
        Ok(4) => carried(v4::read(span), frame),
        Ok(6) => carried(v6::read(span), frame),
        Ok(version) => Decoded::Undecodable(Undecodable::IpVersion(version)),
        Err(reason) => Decoded::Undecodable(reason),
    }
}

#[inline]
fn version(span: Span<'_>) -> Result<u8, Undecodable> {
    span.bytes.first().map(|first| first >> 4).ok_or_else(|| span.missing(1))
}

/// What a datagram carries.
fn carried<'a, Address: Into<IpAddr> + Copy>(
    datagram: Result<Datagram<'a, Address>, Undecodable>,
    frame: IpFrame<'a>,
) -> Decoded<'a> {
    let around = frame.encapsulation;
    match datagram {
        Ok(datagram @ Datagram { part: Some(part), .. }) => {
            Decoded::Fragment(Fragment::new(frame, &datagram.of_any_version(), part))
        }
        Ok(datagram) if datagram.protocol == protocol::TCP => match TcpSegment::read(&datagram, around) {
            Ok(segment) => Decoded::Tcp(segment),
            Err(reason) => Decoded::Undecodable(reason),
        },
        Ok(datagram) => other(&datagram.of_any_version(), around).unwrap_or_else(Decoded::Undecodable),
        Err(reason) => Decoded::Undecodable(reason),
    }
}

/// Everything but TCP, kept off the usual path. The recursion ends: each tunnel adds to `around`, which is
/// bounded.
#[inline(never)]
fn other<'a>(datagram: &Datagram<'a, IpAddr>, around: Encapsulation) -> Result<Decoded<'a>, Undecodable> {
    let payload = datagram.payload;
    let inner = match datagram.protocol {
        protocol::ICMP | protocol::ICMP_V6 => {
            return Ok(icmp::read(datagram)?.map_or(Decoded::OtherProtocol, Decoded::Icmp));
        }
        protocol::IPV4 | protocol::IPV6 => tunnel::ip_in_ip(payload, around)?,
        protocol::GRE => tunnel::gre(payload, around)?,
        protocol::UDP => tunnel::udp(payload, around)?,
        _ => None,
    };
    Ok(inner.map_or(Decoded::OtherProtocol, decode))
}
