//! Which addresses are this host's: those that somebody else connects to.
//!
//! What is learnt comes from the first packet of each connection, in the order of the capture, and from nothing else:
//! its addresses, its ports, its SYN. So whoever hands out packets can learn it before any of them is looked into, and
//! the roles are the same however the connections are then shared out, as long as each goes by what had been learnt
//! when it was put away. That the edge's connection begins before the one that it causes is in the nature of things;
//! what began earlier, a check or a pool, is told by what is learnt until it ends.
//!
//! An address of this host that nobody connects to stays unknown: the near end of a container's bridge, a second
//! interface that only looks inward. What it asks for is taken for a load balancer's.

use std::net::IpAddr;

use foldhash::HashMap;

use crate::base::{Endpoint, Reach};

use super::Prefixes;

/// Addresses of servers that are remembered. A host has a handful; a mirror port may show a few hundred hosts.
const MAX_HOSTS: usize = 1_024;

/// Ports from here on are given to clients (Linux: `ip_local_port_range`); few servers listen there.
const EPHEMERAL: u16 = 32_768;

/// Addresses that accept connections from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Each with the first client that it was learnt from.
    known: HashMap<IpAddr, IpAddr>,
    not_remembered: u64,
}

impl Hosts {
    /// Learns from the first packet of a connection. `by_syn`: it says who is the client.
    pub fn meet(&mut self, client: Endpoint, server: Endpoint, by_syn: bool, prefixes: &Prefixes) {
        // Mostly it is one that was met before.
        if by_syn && self.contains(server.ip) {
            return;
        }
        let (client, server) = match by_syn {
            // Which end is CloudFront's is known whatever the ports are.
            false if prefixes.contains(server.ip) => (server, client),
            _ => (client, server),
        };
        let edge = prefixes.contains(client.ip);
        let oriented = by_syn || edge || (server.port < EPHEMERAL && client.port >= EPHEMERAL);
        if !oriented || server.reach() == Reach::Loopback {
            return;
        }
        // What goes out to the Internet, or to an upstream, tells nothing of this host.
        let outward = client.reach() != Reach::Global && server.reach() == Reach::Global;
        if (outward || self.contains(client.ip)) && !edge && client.ip != server.ip {
            return;
        }
        self.learn(server.ip, client.ip);
    }

    /// Whether this address is known to be this host's.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.known.contains_key(&ip)
    }

    /// Servers that could not be remembered, each as often as it was met.
    #[must_use]
    pub fn not_remembered(&self) -> u64 {
        self.not_remembered
    }

    fn learn(&mut self, host: IpAddr, from: IpAddr) {
        if self.contains(host) {
            return;
        }
        // What it was a client of before it was known is its upstream.
        self.known.retain(|_, client| *client != host);
        if self.known.len() < MAX_HOSTS {
            self.known.insert(host, from);
        } else {
            self.not_remembered += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = "130.176.1.2:40000";
    const ALB: &str = "10.0.1.7:2000";
    const HOST: &str = "10.0.0.5:80";
    const FROM_HOST: &str = "10.0.0.5:41000";
    const UPSTREAM: &str = "10.0.2.9:8080";
    const INTERNET: &str = "192.88.99.1:443";

    #[test]
    fn a_host_is_what_others_connect_to() {
        // Client, server, whether a SYN was seen; then which addresses are known for hosts.
        type Met = &'static [(&'static str, &'static str, bool)];
        let table: [(Met, &str); 12] = [
            (&[(EDGE, HOST, true)], "10.0.0.5"),
            (&[(ALB, HOST, true)], "10.0.0.5"),
            (&[(EDGE, HOST, true), (FROM_HOST, UPSTREAM, true)], "10.0.0.5"),
            (&[(ALB, HOST, true), (FROM_HOST, UPSTREAM, true)], "10.0.0.5"),
            (&[(FROM_HOST, UPSTREAM, true), (EDGE, HOST, true)], "10.0.0.5"),
            (&[(FROM_HOST, UPSTREAM, true), (ALB, HOST, true)], "10.0.0.5"),
            (&[(FROM_HOST, INTERNET, true)], ""),
            (&[(INTERNET, HOST, true)], "10.0.0.5"),
            // Without a SYN the ports must leave no doubt, or the address must be CloudFront's.
            (&[("10.0.1.7:40000", HOST, false)], "10.0.0.5"),
            (&[("10.0.0.5:8080", "10.0.1.7:2000", false)], ""),
            (&[("10.0.0.5:8443", "130.176.1.2:2000", false)], "10.0.0.5"),
            (&[("127.0.0.1:40000", "127.0.0.1:8080", true)], ""),
        ];
        for (met, known) in table {
            let mut hosts = Hosts::default();
            let end = |text: &str| {
                let (ip, port) = text.split_once(':').unwrap();
                Endpoint { ip: ip.parse().unwrap(), port: port.parse().unwrap() }
            };
            for (client, server, by_syn) in met {
                hosts.meet(end(client), end(server), *by_syn, &Prefixes::default());
            }
            let told: Vec<_> = hosts.known.keys().map(ToString::to_string).collect();
            assert_eq!(told.join(" "), known, "{met:?}");
        }
    }

    #[test]
    fn more_hosts_than_are_remembered_are_counted() {
        let mut hosts = Hosts::default();
        for i in 0..=MAX_HOSTS as u32 {
            let server = Endpoint { ip: std::net::Ipv4Addr::from_bits(0x0a00_0000 + i).into(), port: 80 };
            let client = Endpoint { ip: "130.176.1.2".parse().unwrap(), port: 40_000 };
            hosts.meet(client, server, true, &Prefixes::default());
        }
        assert_eq!((hosts.known.len(), hosts.not_remembered()), (MAX_HOSTS, 1));
    }
}
