//! The four-tuple of a connection, the same in both directions.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::base::Endpoint;

/// A four-tuple with its ends in a fixed order, so that both directions find the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowKey {
    /// Two IPv4 ends: addresses and ports side by side.
    V4 {
        /// Lower end's address, then higher end's.
        addresses: u64,
        /// Lower end's port, then higher end's.
        ports: u32,
    },
    /// Any other pair.
    V6 {
        /// Lower end's address, then higher end's; IPv4 in its mapped form.
        addresses: [u128; 2],
        /// Lower end's port, then higher end's.
        ports: u32,
    },
}

impl FlowKey {
    /// The key of the connection between two ends, in either order.
    #[must_use]
    #[inline]
    pub fn new(one: Endpoint, other: Endpoint) -> FlowKey {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let ports = u32::from(low.port) << 16 | u32::from(high.port);
        match (low.ip, high.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                FlowKey::V4 { addresses: u64::from(a.to_bits()) << 32 | u64::from(b.to_bits()), ports }
            }
            (a, b) => FlowKey::V6 { addresses: [mapped(a), mapped(b)], ports },
        }
    }
}

/// No more is hashed than it takes: this is done for every packet.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            FlowKey::V4 { addresses, ports } => state.write_u128(u128::from(*addresses) << 32 | u128::from(*ports)),
            FlowKey::V6 { addresses: [low, high], ports } => {
                state.write_u128(*low);
                state.write_u128(*high);
                state.write_u32(*ports);
            }
        }
    }
}

fn mapped(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_key() {
        let end = |ip: &str, port| Endpoint { ip: ip.parse().unwrap(), port };
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2"), ("10.0.0.1", "10.0.0.1")] {
            assert_eq!(FlowKey::new(end(a, 1), end(b, 2)), FlowKey::new(end(b, 2), end(a, 1)));
            assert_ne!(FlowKey::new(end(a, 1), end(b, 2)), FlowKey::new(end(a, 2), end(b, 3)));
        }
    }
}
