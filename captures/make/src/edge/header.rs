//! PROXY protocol headers, as a load balancer puts them before what it passes on.

use crate::lab::{Lab, version};
use anyhow::Result;

/// A header of version 1 for a client in one of CloudFront's prefixes.
pub(crate) const V1: &[u8] = b"PROXY TCP4 130.176.7.21 10.0.1.20 40112 443\r\n";
/// The same over IPv6.
pub(crate) const V1_IPV6: &[u8] = b"PROXY TCP6 2600:9000:1000::7:21 2001:db8::20 40112 443\r\n";
/// The same in version 2, as a Network Load Balancer writes it: with a checksum, and the endpoint of a VPC.
pub(crate) const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x2c\x82\xb0\x07\x15\x0a\x00\x01\x14\x9c\xb0\x01\xbb\
                               \x03\x00\x04\xa9\x54\x36\xef\xea\x00\x16\x01vpce-08d2bf15fac5001c";

/// Starts a HAProxy on the edge's side that passes connections on to a port of the origin and puts a header before
/// each; what connects to the origin from now on goes through it.
pub(crate) fn haproxy(lab: &mut Lab, port: u16, options: &str) -> Result<()> {
    let origin = lab.origin(port);
    let config = lab.write(
        "front.cfg",
        format!(
            "global\n    nbthread 1\n    maxconn 64\ndefaults\n    timeout connect 2s\n    timeout client 30s\n    \
             timeout server 30s\n    mode tcp\nlisten front\n    bind 127.0.0.1:9443\n    \
             tcp-request connection set-src ipv4(130.176.7.21)\n    tcp-request connection set-src-port int(40112)\n    \
             tcp-request connection set-dst ipv4(10.0.1.20)\n    tcp-request connection set-dst-port int({port})\n    \
             server origin {origin} {options}\n"
        ),
    )?;
    let mut command = lab.edge_command("haproxy");
    command.args(["-db", "-f"]).arg(config);
    lab.start(command)?;
    lab.detour(([127, 0, 0, 1], 9443).into())
}

/// Notes that the edge is such a HAProxy, before whatever was noted.
pub(crate) fn note_haproxy(lab: &mut Lab, options: &str, client: &str) -> Result<()> {
    let said = version("haproxy", "-v", "HAProxy version")?;
    let said = said.split(" - ").next().unwrap_or(&said).to_owned();
    lab.note_edge(format!("{said} (as a load balancer), `{options}`; its client: {client}"));
    Ok(())
}
