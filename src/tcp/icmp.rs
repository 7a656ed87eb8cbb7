//! What ICMP said about the packets of a connection.

use std::net::IpAddr;

use crate::base::{FrameRef, SeqNumber, Side};
use crate::ip::{IcmpError, IcmpKind, icmp_code_name, icmp_type_name};

/// Errors kept of one connection: one for each packet of a handshake or a stall, which are sent again less and less often.
const MAX_ICMP: usize = 16;

/// An ICMP error about a packet of this connection that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// Where it is.
    pub frame: FrameRef,
    /// Whose packet it quotes.
    pub about: Side,
    /// Who sent it: the other end, or a router on the way.
    pub sender: IpAddr,
    /// Sequence number of the quoted segment.
    pub seq: SeqNumber,
    /// What it says.
    pub kind: IcmpKind,
    /// The type as written, of the sender's version of IP.
    pub icmp_type: u8,
    /// The code as written.
    pub code: u8,
    /// The largest packet that passes, in bytes, where the error says it.
    pub mtu: Option<u32>,
}

impl Icmp {
    /// The name of the type (IANA).
    #[must_use]
    pub fn type_name(&self) -> Option<&'static str> {
        icmp_type_name(self.sender.is_ipv6(), self.icmp_type)
    }

    /// The name of the code (IANA).
    #[must_use]
    pub fn code_name(&self) -> Option<&'static str> {
        icmp_code_name(self.sender.is_ipv6(), self.icmp_type, self.code)
    }

    /// Type and code in words: `Destination Unreachable (3): Port Unreachable (3)`.
    #[must_use]
    pub fn told(&self) -> String {
        let name = self.type_name().unwrap_or("type");
        match self.code_name() {
            Some(code) => format!("{name} ({}): {code} ({})", self.icmp_type, self.code),
            None => format!("{name} ({}), code {}", self.icmp_type, self.code),
        }
    }
}

/// The errors about one connection, in order.
#[derive(Debug, Clone, Default)]
pub struct IcmpErrors {
    kept: Vec<Icmp>,
    /// How many there were.
    pub total: u32,
}

impl IcmpErrors {
    pub(super) const fn none() -> IcmpErrors {
        IcmpErrors { kept: Vec::new(), total: 0 }
    }

    /// Notes one; `false` where there is no more room.
    pub(super) fn push(&mut self, error: &IcmpError, about: Side, frame: FrameRef) -> bool {
        self.total = self.total.saturating_add(1);
        let room = self.kept.len() < MAX_ICMP;
        if room {
            let &IcmpError { sender, seq, kind, icmp_type, code, mtu, .. } = error;
            self.kept.push(Icmp { frame, about, sender, seq, kind, icmp_type, code, mtu });
        }
        room
    }

    /// The first of them.
    pub fn iter(&self) -> impl Iterator<Item = &Icmp> {
        self.kept.iter()
    }

    /// The first of them that are about packets of one side.
    pub fn about(&self, side: Side) -> impl Iterator<Item = &Icmp> {
        self.kept.iter().filter(move |icmp| icmp.about == side)
    }

    pub(super) fn swap(&mut self) {
        self.kept.iter_mut().for_each(|icmp| icmp.about = icmp.about.peer());
    }
}
