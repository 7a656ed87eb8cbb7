//! Which addresses are CloudFront's.

mod table;

use std::net::IpAddr;

/// The day of the newest list in the built-in table.
pub const SNAPSHOT_DATE: &str = "2026-10-26";

/// A set of address prefixes.
#[derive(Debug, Clone)]
pub struct Prefixes {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    /// Every client is `why502 probe`.
    probe: bool,
}

impl Default for Prefixes {
    /// The built-in snapshot.
    fn default() -> Self {
        let v4 = table::V4.iter().map(|&(ip, bits)| (IpAddr::V4(ip), bits));
        let v6 = table::V6.iter().map(|&(ip, bits)| (IpAddr::V6(ip), bits));
        Prefixes::new(v4.chain(v6))
    }
}

impl Prefixes {
    /// A set of prefixes, each a network address and its number of bits; bits past the address's width count as
    /// the whole address.
    #[must_use]
    pub fn new(prefixes: impl IntoIterator<Item = (IpAddr, u8)>) -> Prefixes {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (ip, bits) in prefixes {
            match ip {
                IpAddr::V4(ip) => {
                    let host = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
                    v4.push((ip.to_bits() & !host, ip.to_bits() | host));
                }
                IpAddr::V6(ip) => {
                    let host = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
                    v6.push((ip.to_bits() & !host, ip.to_bits() | host));
                }
            }
        }
        merge(&mut v4);
        merge(&mut v6);
        Prefixes { v4, v6, probe: false }
    }

    /// For the capture that a probe made of its own connections: it stands for the edge, whatever its address.
    #[must_use]
    pub const fn of_a_probe() -> Prefixes {
        Prefixes { v4: Vec::new(), v6: Vec::new(), probe: true }
    }

    /// Whether every client is the probe that made the capture.
    #[must_use]
    pub const fn are_a_probes(&self) -> bool {
        self.probe
    }

    /// Whether an address is within one of them.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => within(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(v4) => within(&self.v4, v4.to_bits()),
                None => within(&self.v6, ip.to_bits()),
            },
        }
    }
}

/// Sorts ranges and joins those that overlap, so that a range is found by its first address.
fn merge<T: Copy + Ord>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlap = next.0 <= kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
}

fn within<T: Copy + Ord>(ranges: &[(T, T)], ip: T) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= ip);
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|&(_, last)| ip <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_knows_cloudfront() {
        let p = Prefixes::default();
        for (ip, known) in [
            ("130.176.1.2", true),
            ("::ffff:130.176.1.2", true),
            ("13.124.199.0", true),
            ("13.124.199.255", true),
            ("13.124.200.0", false),
            ("2600:9000:1000::1", true),
            ("2001:db8::1", false),
            ("8.8.8.8", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
        ] {
            assert_eq!(p.contains(ip.parse().unwrap()), known, "{ip}");
        }
    }

    #[test]
    fn prefixes_of_every_width_work() {
        let p = Prefixes::new([
            ("10.1.2.3".parse().unwrap(), 32),
            ("0.0.0.0".parse().unwrap(), 5),
            ("::".parse().unwrap(), 0),
        ]);
        assert!(p.contains("10.1.2.3".parse().unwrap()));
        assert!(!p.contains("10.1.2.4".parse().unwrap()));
        assert!(p.contains("7.255.255.255".parse().unwrap()));
        assert!(p.contains("ff::".parse().unwrap()));
    }
}
