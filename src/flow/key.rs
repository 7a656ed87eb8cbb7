//! The four-tuple of a connection, the same in both directions.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
        addresses: [[u64; 2]; 2],
        /// Lower end's port, then higher end's.
        ports: u32,
    },
}

impl FlowKey {
    /// The key of the connection between two ends, in either order.
    #[must_use]
    #[inline]
    pub fn new(one: Endpoint, other: Endpoint) -> FlowKey {
        match (one.ip, other.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let [a, b] =
                    [(a, one.port), (b, other.port)].map(|(ip, port)| u64::from(ip.to_bits()) << 16 | u64::from(port));
                let (low, high) = (a.min(b), a.max(b));
                FlowKey::V4 {
                    addresses: low >> 16 << 32 | high >> 16,
                    ports: (low as u32) << 16 | high as u32 & 0xffff,
                }
            }
            _ => FlowKey::of_any_version(one, other),
        }
    }

    #[inline(never)]
    fn of_any_version(one: Endpoint, other: Endpoint) -> FlowKey {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let ports = u32::from(low.port) << 16 | u32::from(high.port);
        FlowKey::V6 { addresses: [mapped(low.ip), mapped(high.ip)], ports }
    }

    /// The two ends, the lower one first; of an unequal pair IPv4 in its mapped form.
    #[must_use]
    pub fn ends(&self) -> [Endpoint; 2] {
        let (addresses, ports): ([IpAddr; 2], _) = match *self {
            FlowKey::V4 { addresses, ports } => {
                ([addresses >> 32, addresses].map(|ip| Ipv4Addr::from_bits(ip as u32).into()), ports)
            }
            FlowKey::V6 { addresses, ports } => (addresses.map(|ip| Ipv6Addr::from_bits(joined(ip)).into()), ports),
        };
        let [low, high] = addresses;
        [Endpoint { ip: low, port: (ports >> 16) as u16 }, Endpoint { ip: high, port: ports as u16 }]
    }

    /// Whether this is the lower of the two ends.
    #[must_use]
    pub fn is_lower(&self, end: Endpoint) -> bool {
        let [lower, _] = self.ends();
        (mapped(lower.ip), lower.port) == (mapped(end.ip), end.port)
    }

    /// A number by which connections can be shared out: the same in every run, unlike a hash with a seed.
    #[must_use]
    #[inline]
    pub fn spread(&self) -> u32 {
        let (addresses, ports) = match *self {
            FlowKey::V4 { addresses, ports } => (addresses, ports),
            FlowKey::V6 { addresses: [low, high], ports } => {
                let both = joined(low) ^ joined(high).rotate_left(32);
                ((both >> 64) as u64 ^ both as u64, ports)
            }
        };
        // Fibonacci hashing: the upper bits of the product depend on all below them.
        let mixed = (addresses ^ u64::from(ports) << 24).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32 ^ (mixed >> 56) as u32
    }
}

/// No more is hashed than it takes: this is done for every packet.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            FlowKey::V4 { addresses, ports } => state.write_u128(u128::from(*addresses) << 32 | u128::from(*ports)),
            FlowKey::V6 { addresses: [low, high], ports } => {
                state.write_u128(joined(*low));
                state.write_u128(joined(*high));
                state.write_u32(*ports);
            }
        }
    }
}

/// Upper half, then lower: whole, an address would have to begin at each sixteenth byte, and the key be larger.
fn mapped(ip: IpAddr) -> [u64; 2] {
    let address = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    [(address >> 64) as u64, address as u64]
}

fn joined([upper, lower]: [u64; 2]) -> u128 {
    u128::from(upper) << 64 | u128::from(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_evenly() {
        let v4 = |n: u32| Endpoint { ip: std::net::Ipv4Addr::from_bits(0x0a00_0000 | n).into(), port: 443 };
        let v6 = |n: u32| Endpoint {
            ip: std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(n)).into(),
            port: 443,
        };
        let from = |end: Endpoint, port| Endpoint { port, ..end };
        let by_port: Vec<_> = (1_024..65_000).map(|port| FlowKey::new(from(v4(7), port), v4(1))).collect();
        let by_address: Vec<_> = (2..60_000).map(|n| FlowKey::new(from(v4(n), 40_000), v4(1))).collect();
        let by_v6: Vec<_> = (2..60_000).map(|n| FlowKey::new(from(v6(n), 40_000), v6(1))).collect();
        for (of, keys) in [("ports", by_port), ("addresses", by_address), ("IPv6", by_v6)] {
            let mut shares = [0_usize; 8];
            keys.iter().for_each(|key| shares[key.spread() as usize % 8] += 1);
            let even = keys.len() / 8;
            assert!(shares.iter().all(|share| share.abs_diff(even) < even / 10), "{of}: {shares:?}");
        }
    }

    #[test]
    fn both_directions_have_one_key() {
        let end = |ip: &str, port| Endpoint { ip: ip.parse().unwrap(), port };
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2"), ("10.0.0.1", "10.0.0.1")] {
            assert_eq!(FlowKey::new(end(a, 1), end(b, 2)), FlowKey::new(end(b, 2), end(a, 1)));
            assert_ne!(FlowKey::new(end(a, 1), end(b, 2)), FlowKey::new(end(a, 2), end(b, 3)));
            assert_eq!(FlowKey::new(end(b, 2), end(a, 1)).ends(), [end(a, 1), end(b, 2)]);
        }
    }
}
