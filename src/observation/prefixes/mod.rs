//! Which addresses are CloudFront's.

mod table;

use std::net::IpAddr;

/// The day of the newest list in the built-in table.
pub const SNAPSHOT_DATE: &str = "2026-10-26";

/// A set of address prefixes.
#[derive(Debug, Clone)]
pub struct Prefixes {
    v4: V4,
    v6: Vec<(u128, u128)>,
    /// Every client is `why502 probe`.
    probe: bool,
}

/// Ranges of IPv4 addresses: every connection asks for its client's, and few begin with the same octet.
#[derive(Debug, Clone)]
struct V4 {
    ranges: Vec<(u32, u32)>,
    /// How many ranges begin with a lower octet than each, and at last all of them.
    before: Vec<usize>,
}

impl V4 {
    fn new(ranges: Vec<(u32, u32)>) -> V4 {
        let lower = |octet: u32| ranges.partition_point(|(first, _)| first >> 24 < octet);
        V4 { before: (0..=256).map(lower).collect(), ranges }
    }

    fn contains(&self, ip: u32) -> bool {
        let octet = (ip >> 24) as usize;
        let (Some(&from), Some(&to)) = (self.before.get(octet), self.before.get(octet + 1)) else { return false };
        within(self.ranges.get(..to).unwrap_or_default(), from, ip)
    }
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
        Prefixes { v4: V4::new(v4), v6, probe: false }
    }

    /// For the capture that a probe made of its own connections: it stands for the edge, whatever its address.
    #[must_use]
    pub const fn of_a_probe() -> Prefixes {
        Prefixes { v4: V4 { ranges: Vec::new(), before: Vec::new() }, v6: Vec::new(), probe: true }
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
            IpAddr::V4(ip) => self.v4.contains(ip.to_bits()),
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(v4) => self.v4.contains(v4.to_bits()),
                None => within(&self.v6, 0, ip.to_bits()),
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

/// Whether an address is in one of the ranges, of which all before `from` begin before it.
fn within<T: Copy + Ord>(ranges: &[(T, T)], from: usize, ip: T) -> bool {
    let here = ranges.get(from..).unwrap_or_default();
    let after = from + here.partition_point(|&(first, _)| first <= ip);
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|&(_, last)| ip <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

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

    #[test]
    fn the_ends_of_every_prefix_are_found_and_what_is_beside_them_is_not() {
        let wide = ["0.0.0.0/8", "44.0.0.0/6", "45.1.2.3/32", "255.255.255.255/32"].map(|prefix| {
            let (ip, bits) = prefix.split_once('/').unwrap();
            (ip.parse().unwrap(), bits.parse().unwrap())
        });
        for list in [table::V4, &wide, &[]] {
            let ends = |&(ip, bits): &(Ipv4Addr, u8)| {
                let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
                (ip.to_bits() & !host, ip.to_bits() | host)
            };
            let ranges: Vec<_> = list.iter().map(ends).collect();
            let p = Prefixes::new(list.iter().map(|&(ip, bits)| (ip.into(), bits)));
            let beside = |&(a, b): &(u32, u32)| [a, b, a.wrapping_sub(1), b.wrapping_add(1)];
            for ip in ranges.iter().flat_map(beside).chain([0, u32::MAX]) {
                let known = ranges.iter().any(|&(first, last)| first <= ip && ip <= last);
                assert_eq!(p.contains(IpAddr::V4(ip.into())), known, "{}", Ipv4Addr::from(ip));
            }
        }
        assert!(!Prefixes::of_a_probe().contains([130, 176, 1, 2].into()));
    }
}
