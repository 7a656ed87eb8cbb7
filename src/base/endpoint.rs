//! One end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and a TCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The IP address. An IPv4-mapped IPv6 address stays what it is on the wire.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}

/// How far an address reaches (IANA special-purpose address registries).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Only this host.
    Loopback,
    /// Not routed on the Internet: private, link-local, shared, benchmarking, documentation.
    Private,
    /// Everything else.
    Global,
}

impl Endpoint {
    /// How far this end's address reaches.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self.ip {
            ip if ip.is_loopback() => Reach::Loopback,
            IpAddr::V4(ip) => reach_v4(ip),
            IpAddr::V6(ip) => reach_v6(ip),
        }
    }
}

/// RFC 1918, RFC 3927, RFC 6598 (100.64/10), RFC 2544 (198.18/15), RFC 5737.
fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    let benchmark = a == 198 && b & 0xfe == 18;
    if ip.is_private() || ip.is_link_local() || ip.is_documentation() || ip.is_unspecified() || shared || benchmark {
        Reach::Private
    } else {
        Reach::Global
    }
}

/// RFC 4193 (fc00::/7), RFC 4291 (fe80::/10), RFC 3849 (2001:db8::/32), RFC 5180 (2001:2::/48).
fn reach_v6(ip: Ipv6Addr) -> Reach {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return if v4.is_loopback() { Reach::Loopback } else { reach_v4(v4) };
    }
    let [a, b, c, ..] = ip.segments();
    let documentation = a == 0x2001 && b == 0xdb8;
    let benchmark = a == 0x2001 && b == 2 && c == 0;
    if a & 0xfe00 == 0xfc00 || a & 0xffc0 == 0xfe80 || documentation || benchmark || ip.is_unspecified() {
        Reach::Private
    } else {
        Reach::Global
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_follows_the_special_purpose_registries() {
        for (ip, reach) in [
            ("127.0.0.1", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("10.0.0.5", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("100.128.0.1", Reach::Global),
            ("198.19.255.255", Reach::Private),
            ("198.20.0.0", Reach::Global),
            ("fd00::1", Reach::Private),
            ("fe80::1", Reach::Private),
            ("2001:db8::1", Reach::Private),
            ("2600:9000::1", Reach::Global),
            ("130.176.1.2", Reach::Global),
        ] {
            assert_eq!(Endpoint { ip: ip.parse().unwrap(), port: 1 }.reach(), reach, "{ip}");
        }
    }
}
