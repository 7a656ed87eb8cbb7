//! ICMP errors about TCP segments (RFC 792, RFC 1191, RFC 4443).

use super::{Datagram, protocol, v4, v6, version};
use crate::base::{Endpoint, SeqNumber};
use crate::link::{Span, Undecodable};
use std::fmt;
use std::net::IpAddr;

/// An error message that quotes the segment it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpError {
    /// Who sent the message: the host, or a router on the way.
    pub sender: IpAddr,
    /// Source and destination of the quoted segment.
    pub about: (Endpoint, Endpoint),
    /// Sequence number of the quoted segment.
    pub seq: SeqNumber,
    /// What the message says.
    pub kind: IcmpKind,
    /// The type as written, of the sender's version of IP.
    pub icmp_type: u8,
    /// The code as written.
    pub code: u8,
    /// The largest packet that passes, in bytes, where the message says it.
    pub mtu: Option<u32>,
}

/// What an error message says, in the words of either version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IcmpKind {
    /// No route to the network.
    NetUnreachable,
    /// The host does not answer on its link.
    HostUnreachable,
    /// The host has no such protocol.
    ProtocolUnreachable,
    /// Nothing listens on the port, or a firewall says so.
    PortUnreachable,
    /// A firewall or a router's policy forbids it.
    Prohibited,
    /// The packet is too big for a link on the way.
    PacketTooBig,
    /// The packet went round in circles, or a fragment of it was missing.
    TimeExceeded,
    /// A header cannot be understood.
    ParameterProblem,
    /// An obsolete or rare error.
    Other,
}

impl IcmpKind {
    /// RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1; `None`: not an error.
    const fn of_v4(icmp_type: u8, code: u8) -> Option<Self> {
        Some(match (icmp_type, code) {
            (3, 0 | 5 | 6 | 8 | 11) => Self::NetUnreachable,
            (3, 1 | 7 | 12) => Self::HostUnreachable,
            (3, 2) => Self::ProtocolUnreachable,
            (3, 3) => Self::PortUnreachable,
            (3, 4) => Self::PacketTooBig,
            (3, 9 | 10 | 13 | 14 | 15) => Self::Prohibited,
            (3..=5, _) => Self::Other,
            (11, _) => Self::TimeExceeded,
            (12, _) => Self::ParameterProblem,
            _ => return None,
        })
    }

    /// RFC 4443 section 3; `None`: not an error.
    const fn of_v6(icmp_type: u8, code: u8) -> Option<Self> {
        Some(match (icmp_type, code) {
            (1, 0 | 2) => Self::NetUnreachable,
            (1, 1 | 5 | 6) => Self::Prohibited,
            (1, 3) => Self::HostUnreachable,
            (1, 4) => Self::PortUnreachable,
            (2, _) => Self::PacketTooBig,
            (3, _) => Self::TimeExceeded,
            (4, _) => Self::ParameterProblem,
            (1 | 5..=127, _) => Self::Other,
            _ => return None,
        })
    }
}

impl fmt::Display for IcmpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetUnreachable => "network unreachable",
            Self::HostUnreachable => "host unreachable",
            Self::ProtocolUnreachable => "protocol unreachable",
            Self::PortUnreachable => "port unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::PacketTooBig => "packet too big",
            Self::TimeExceeded => "time exceeded",
            Self::ParameterProblem => "parameter problem",
            Self::Other => "other error",
        })
    }
}

/// Reads an error that quotes a TCP segment; `None`: something else.
pub(super) fn read(outer: &Datagram<'_, IpAddr>) -> Result<Option<IcmpError>, Undecodable> {
    let ([icmp_type, code, _, _, m1, m2, m3, m4], quoted) = outer.payload.head()?;
    let is_v4 = outer.protocol == protocol::ICMP;
    let kind = if is_v4 { IcmpKind::of_v4(icmp_type, code) } else { IcmpKind::of_v6(icmp_type, code) };
    let Some(kind) = kind else { return Ok(None) };
    let mtu = if is_v4 { u32::from_be_bytes([0, 0, m3, m4]) } else { u32::from_be_bytes([m1, m2, m3, m4]) };
    let Some((about, seq)) = segment(quoted)? else { return Ok(None) };
    Ok(Some(IcmpError {
        sender: outer.source,
        about,
        seq,
        kind,
        icmp_type,
        code,
        // Routers older than RFC 1191 say 0: they do not know.
        mtu: (kind == IcmpKind::PacketTooBig && mtu != 0).then_some(mtu),
    }))
}

/// Source, destination and sequence number of a quoted segment.
type Quoted = ((Endpoint, Endpoint), SeqNumber);

/// Reads a quoted segment, of which 8 bytes are enough.
fn segment(quoted: Span<'_>) -> Result<Option<Quoted>, Undecodable> {
    let inner = match version(quoted)? {
        4 => v4::read(quoted)?.of_any_version(),
        6 => v6::read(quoted)?.of_any_version(),
        version => return Err(Undecodable::IpVersion(version)),
    };
    if inner.protocol != protocol::TCP || inner.part.is_some() {
        return Ok(None);
    }
    let ([s1, s2, d1, d2, q1, q2, q3, q4], _) = inner.payload.head()?;
    let source = Endpoint { ip: inner.source, port: u16::from_be_bytes([s1, s2]) };
    let destination = Endpoint { ip: inner.destination, port: u16::from_be_bytes([d1, d2]) };
    Ok(Some(((source, destination), SeqNumber(u32::from_be_bytes([q1, q2, q3, q4])))))
}
