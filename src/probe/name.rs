//! What the origin's name is, as this host's resolver sees it, and what that means for CloudFront.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use crate::base::{Endpoint, Reach};
use crate::causes::by_id;
use crate::diagnosis::Confidence;
use crate::report::NameTrouble;

/// Addresses that are looked at; a name with more is odd, and the rest would not be tried.
const MAX_ADDRESSES: usize = 32;

/// Which addresses the edge uses (`IpAddressType` of the origin).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    /// CloudFront's default.
    V4,
    /// IPv6 alone.
    V6,
    /// Both.
    Both,
}

/// What became of a name.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Addresses to connect to.
    pub servers: Vec<SocketAddr>,
    /// What is wrong, as CloudFront would meet it.
    pub trouble: Option<NameTrouble>,
}

/// Asks the resolver of this host for one name, once. What CloudFront would make of its addresses is judged where the name
/// is the origin's; `in_place` of it another one may be private.
#[must_use]
pub fn resolve(host: &str, port: u16, version: IpVersion, in_place: bool) -> Named {
    let named = judge(host, version, (host, port).to_socket_addrs().map(Iterator::collect));
    Named { trouble: named.trouble.filter(|_| !in_place || named.servers.is_empty()), ..named }
}

fn judge(host: &str, version: IpVersion, answer: io::Result<Vec<SocketAddr>>) -> Named {
    let is_name = host.parse::<IpAddr>().is_err();
    let all = match answer {
        Ok(all) => all,
        Err(why) => return Named { servers: Vec::new(), trouble: not_found(host, &why) },
    };
    let mut servers: Vec<SocketAddr> = all.iter().copied().filter(|a| !is_name || version.has(*a)).collect();
    servers.dedup();
    servers.truncate(MAX_ADDRESSES);
    let trouble = match servers.first() {
        None if all.is_empty() => not_found(host, &"no address"),
        None => other_family(host, version),
        Some(_) if is_name => private(host, &servers),
        Some(_) => None,
    };
    Named { servers, trouble }
}

impl IpVersion {
    fn has(self, address: SocketAddr) -> bool {
        match self {
            IpVersion::V4 => address.is_ipv4(),
            IpVersion::V6 => address.is_ipv6(),
            IpVersion::Both => true,
        }
    }
}

fn not_found(host: &str, why: &dyn std::fmt::Display) -> Option<NameTrouble> {
    let why = why.to_string();
    let why = why.rsplit(": ").next().unwrap_or(&why);
    // EAI_AGAIN: the resolver could not be asked, or had no answer of its own.
    let unsure = why.contains("Temporary");
    Some(NameTrouble {
        cause: by_id("dns.name-not-found")?,
        confidence: if unsure { Confidence::Possible } else { Confidence::Likely },
        message: format!(
            "{host} does not resolve, as this host's resolver sees it ({why}). Where public DNS has no answer either, CloudFront cannot connect and no packet reaches the origin."
        ),
        fix: vec![
            format!("`dig {host} @1.1.1.1` shows what public DNS says, which is what CloudFront goes by."),
            "Correct the origin domain in the distribution, or its record in DNS.".to_owned(),
        ],
    })
}

fn other_family(host: &str, version: IpVersion) -> Option<NameTrouble> {
    let (has, wants, setting) = match version {
        IpVersion::V6 => ("IPv4", "IPv6", "ipv6"),
        _ => ("IPv6", "IPv4", "ipv4"),
    };
    Some(NameTrouble {
        cause: by_id("dns.name-not-found")?,
        confidence: Confidence::Likely,
        message: format!(
            "{host} has {has} addresses alone, as this host's resolver sees it. An origin whose `IpAddressType` is `{setting}` is looked up in {wants}."
        ),
        fix: vec![
            format!("Give the name an {wants} address, or make the origin's `IpAddressType` `dualstack`."),
            "`--ip-version dualstack` asks the addresses that there are.".to_owned(),
        ],
    })
}

fn private(host: &str, servers: &[SocketAddr]) -> Option<NameTrouble> {
    let inside = |a: &SocketAddr| Endpoint { ip: a.ip(), port: a.port() }.reach() != Reach::Global;
    if !servers.iter().all(inside) {
        return None;
    }
    let shown: Vec<_> = servers.iter().take(4).map(|a| a.ip().to_string()).collect();
    Some(NameTrouble {
        cause: by_id("dns.private-address")?,
        confidence: Confidence::Likely,
        message: format!(
            "{host} resolves to {}, as this host's resolver sees it: that is not routed on the Internet. Where public DNS says the same, CloudFront cannot reach it, unless it is a VPC origin.",
            shown.join(", ")
        ),
        fix: vec![
            format!("`dig +short {host} @1.1.1.1` shows what public DNS says, which is what CloudFront goes by."),
            "Where that is another address: `--resolve ADDRESS` asks there.".to_owned(),
            "An internal load balancer: use an internet-facing one, or make it a VPC origin.".to_owned(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_by_what_it_resolves_to() {
        let some = |list: &[&str]| Ok(list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 443)).collect());
        for (host, version, answer, servers, cause) in [
            ("a.example", IpVersion::V4, some(&["8.8.8.8", "2606::1"]), 1, None),
            ("a.example", IpVersion::Both, some(&["8.8.8.8", "2606::1"]), 2, None),
            ("a.example", IpVersion::V4, some(&["10.0.0.1", "8.8.8.8"]), 2, None),
            ("a.example", IpVersion::V4, some(&["10.0.0.1", "192.168.7.1"]), 2, Some("dns.private-address")),
            ("a.example", IpVersion::V4, some(&["2606::1"]), 0, Some("dns.name-not-found")),
            ("a.example", IpVersion::V4, some(&[]), 0, Some("dns.name-not-found")),
            (
                "a.example",
                IpVersion::V4,
                Err(io::Error::other("x: Name or service not known")),
                0,
                Some("dns.name-not-found"),
            ),
            ("10.0.0.1", IpVersion::V4, some(&["10.0.0.1"]), 1, None),
        ] {
            let named = judge(host, version, answer);
            assert_eq!(named.servers.len(), servers, "{host} {version:?}");
            assert_eq!(named.trouble.map(|t| t.cause.id()), cause, "{host} {version:?}");
        }
    }
}
