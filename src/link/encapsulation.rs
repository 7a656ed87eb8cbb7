//! What an IP packet is wrapped in: small values to be copied and compared.

use super::Undecodable;
use std::fmt;

/// The most headers around an IP packet that are followed: QinQ, a stack of labels and a tunnel are five.
pub const MAX_ENCAPSULATION: usize = 8;

/// One header around an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// A VLAN tag (IEEE 802.1Q, 802.1ad), with its 12-bit identifier.
    Vlan(u16),
    /// An MPLS label (RFC 3032), 20 bits.
    Mpls(u32),
    /// A PPPoE session (RFC 2516).
    Pppoe(u16),
    /// GRE (RFC 2784, RFC 2890, RFC 2637).
    Gre,
    /// A mirrored frame (draft-foschiano-erspan), with its 10-bit session.
    Erspan(u16),
    /// IPv4 or IPv6 within IPv4 or IPv6 (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// VXLAN (RFC 7348), with its 24-bit network identifier.
    Vxlan(u32),
    /// Geneve (RFC 8926), with its 24-bit network identifier.
    Geneve(u32),
    /// GTP-U (3GPP TS 29.281).
    Gtp,
    /// Teredo (RFC 4380).
    Teredo,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vlan(id) => write!(f, "vlan:{id}"),
            Self::Mpls(label) => write!(f, "mpls:{label}"),
            Self::Pppoe(session) => write!(f, "pppoe:{session}"),
            Self::Gre => f.write_str("gre"),
            Self::Erspan(session) => write!(f, "erspan:{session}"),
            Self::IpInIp => f.write_str("ip-in-ip"),
            Self::Vxlan(network) => write!(f, "vxlan:{network}"),
            Self::Geneve(network) => write!(f, "geneve:{network}"),
            Self::Gtp => f.write_str("gtp"),
            Self::Teredo => f.write_str("teredo"),
        }
    }
}

impl Layer {
    /// Kind (never 0) in the highest byte, value in the others.
    const fn pack(self) -> u32 {
        let (kind, value) = match self {
            Self::Vlan(id) => (1, id as u32),
            Self::Mpls(label) => (2, label),
            Self::Pppoe(session) => (3, session as u32),
            Self::Gre => (4, 0),
            Self::Erspan(session) => (5, session as u32),
            Self::IpInIp => (6, 0),
            Self::Vxlan(network) => (7, network),
            Self::Geneve(network) => (8, network),
            Self::Gtp => (9, 0),
            Self::Teredo => (10, 0),
        };
        kind << 24 | value & 0x00ff_ffff
    }

    const fn unpack(packed: u32) -> Option<Self> {
        let value = packed & 0x00ff_ffff;
        Some(match packed >> 24 {
            1 => Self::Vlan(value as u16),
            2 => Self::Mpls(value),
            3 => Self::Pppoe(value as u16),
            4 => Self::Gre,
            5 => Self::Erspan(value as u16),
            6 => Self::IpInIp,
            7 => Self::Vxlan(value),
            8 => Self::Geneve(value),
            9 => Self::Gtp,
            10 => Self::Teredo,
            _ => return None,
        })
    }
}

/// The headers around an IP packet, outermost first; at most [`MAX_ENCAPSULATION`] of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Encapsulation([u32; MAX_ENCAPSULATION]);

impl Encapsulation {
    /// Whether nothing but the link's own header is around the packet.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        let [first, ..] = self.0;
        first == 0
    }

    /// The headers, outermost first.
    pub fn iter(&self) -> impl Iterator<Item = Layer> + '_ {
        self.0.iter().map_while(|&packed| Layer::unpack(packed))
    }

    /// Adds the next inner header.
    pub(crate) fn push(&mut self, layer: Layer) -> Result<(), Undecodable> {
        let free = self.0.iter_mut().find(|packed| **packed == 0).ok_or(Undecodable::TooDeep)?;
        *free = layer.pack();
        Ok(())
    }
}

impl fmt::Debug for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_out_as_they_went_in() {
        let layers = [
            Layer::Vlan(4095),
            Layer::Mpls(0xf_ffff),
            Layer::Pppoe(u16::MAX),
            Layer::Gre,
            Layer::Erspan(1023),
            Layer::IpInIp,
            Layer::Vxlan(0xff_ffff),
            Layer::Geneve(0),
        ];
        let mut around = Encapsulation::default();
        assert!(around.is_empty());
        for layer in layers {
            around.push(layer).unwrap();
        }
        assert!(around.iter().eq(layers));
        assert_eq!(around.push(Layer::Gtp), Err(Undecodable::TooDeep));
        assert!([Layer::Gtp, Layer::Teredo].into_iter().all(|l| Layer::unpack(l.pack()) == Some(l)));
    }
}
