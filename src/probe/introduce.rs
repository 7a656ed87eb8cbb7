//! PROXY protocol headers, as a load balancer would send them.

use std::net::{IpAddr, SocketAddr};

/// The client that such a header names: an address for documentation.
const CLIENT: &str = "192.0.2.1";

/// The header of this version; nothing where none is wanted.
pub(super) fn header(version: Option<u8>, server: Option<SocketAddr>) -> Vec<u8> {
    let (Some(version), Some(server)) = (version, server) else { return Vec::new() };
    let v4 = match server.ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => [192, 0, 2, 2],
    };
    if version == 1 {
        let [a, b, c, d] = v4;
        return format!("PROXY TCP4 {CLIENT} {a}.{b}.{c}.{d} 50000 {}\r\n", server.port()).into_bytes();
    }
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    header.extend([192, 0, 2, 1]);
    header.extend(v4);
    header.extend(50_000_u16.to_be_bytes());
    header.extend(server.port().to_be_bytes());
    header
}
