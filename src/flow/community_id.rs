//! Community ID version 1: a name for a flow that Zeek, Suricata and Arkime compute alike.
//!
//! Source: the Community ID specification, version 1, seed 0.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::base::Endpoint;

/// IANA protocol number of TCP.
const TCP: u8 = 6;

/// The Community ID of a TCP connection, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`.
#[must_use]
pub fn community_id(one: Endpoint, other: Endpoint) -> String {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    for end in [low, high] {
        match end.ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
    }
    hash.update([TCP, 0]);
    hash.update(low.port.to_be_bytes());
    hash.update(high.port.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The baseline values of the specification's own test data.
    #[test]
    fn the_published_values_come_out() {
        let end = |ip: &str, port| Endpoint { ip: ip.parse().unwrap(), port };
        let (a, b) = (end("128.232.110.120", 34855), end("66.35.250.204", 80));
        assert_eq!(community_id(a, b), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
