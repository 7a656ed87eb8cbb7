//! Two network namespaces joined by a virtual cable, and no way out of them.

use super::process::{output, signal_to};
use anyhow::{Context as _, Result};
use rustix::thread::LinkNameSpaceType;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The edge's address, from the range for benchmarks (RFC 2544).
pub(crate) const EDGE_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The origin's address.
pub(crate) const ORIGIN_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
/// The address of a host behind the origin, on the far end of the cable as the edge is.
pub(crate) const UPSTREAM_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 1, 1);
/// The edge's address, from the range for documentation (RFC 3849).
pub(crate) const EDGE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x18, 0, 0, 0, 0, 1);
/// The origin's address.
pub(crate) const ORIGIN_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x18, 0, 0, 0, 0, 2);

/// The address of the router between them, where there is one.
const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// See [`ROUTER_V4`].
const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The name of the interface in each namespace.
pub(super) const INTERFACE: &str = "eth0";
/// Namespaces are called `PREFIX-PID-NUMBER-ROLE`.
const PREFIX: &str = "make-captures";
/// Where `ip netns` keeps its handles.
const HANDLES: &str = "/run/netns";

/// The two namespaces; dropping deletes them and the cable with them.
pub(super) struct Namespaces {
    origin: String,
    edge: String,
    /// Where the edge is once a router took its place at the cable.
    beyond: Option<String>,
}

impl Namespaces {
    pub(super) fn new() -> Result<Namespaces> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |role: &str| format!("{PREFIX}-{}-{number}-{role}", std::process::id());
        let namespaces = Namespaces { origin: name("origin"), edge: name("edge"), beyond: None };
        namespaces.lay_out().context("cannot make the network namespaces (this needs root)")?;
        Ok(namespaces)
    }

    fn lay_out(&self) -> Result<()> {
        let (origin, edge) = (self.origin.as_str(), self.edge.as_str());
        ip(&["netns", "add", origin])?;
        ip(&["netns", "add", edge])?;
        // The edge's end carries the address of the gateway, through which all of a real origin's traffic comes.
        ip(&["link", "add", INTERFACE, "address", "06:0a:00:00:00:05", "netns", origin, "type", "veth"]
            .iter()
            .chain(&["peer", "name", INTERFACE, "address", "06:0a:00:00:00:01", "netns", edge])
            .copied()
            .collect::<Vec<_>>())?;
        for (namespace, v4, v6) in [(origin, ORIGIN_V4, ORIGIN_V6), (edge, EDGE_V4, EDGE_V6)] {
            ip(&["-n", namespace, "address", "add", &format!("{v4}/30"), "dev", INTERFACE])?;
            ip(&["-n", namespace, "address", "add", &format!("{v6}/64"), "dev", INTERFACE, "nodad"])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", namespace, "link", "set", INTERFACE, "up"])?;
        }
        ip(&["-n", edge, "address", "add", &format!("{UPSTREAM_V4}/32"), "dev", INTERFACE])?;
        ip(&["-n", origin, "route", "add", &format!("{UPSTREAM_V4}/32"), "dev", INTERFACE])?;
        // What comes from the wire is cut to the MTU and has its checksums; what the origin sends is captured before
        // its network card does either, as on a real host.
        let offloads = ["-K", INTERFACE, "tx", "off", "tso", "off", "gso", "off"];
        output(Command::new("ip").args(["netns", "exec", edge, "ethtool"]).args(offloads))?;
        Ok(())
    }

    /// Puts a router where the edge was, and the edge behind it, at the end of a cable on which the router sends no
    /// packet longer than `mtu` bytes; the edge does not know of that. What lies before it is then the router's.
    pub(super) fn put_router_between(&mut self, mtu: u16) -> Result<()> {
        const INNER: &str = "eth1";
        let (router, beyond) = (self.edge.clone(), self.edge.replace("-edge", "-beyond"));
        ip(&["netns", "add", &beyond])?;
        let beyond = self.beyond.insert(beyond).as_str();
        // Addresses are used at once, not after a second of asking whether somebody else has them.
        for namespace in [&router, beyond] {
            let settings = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"];
            output(Command::new("ip").args(["netns", "exec", namespace, "sysctl", "-qw"]).args(settings))?;
        }
        let cable =
            ["link", "add", INNER, "netns", &router, "type", "veth", "peer", "name", INTERFACE, "netns", beyond];
        ip(&cable)?;
        ip(&["-n", &router, "link", "set", INNER, "mtu", &mtu.to_string(), "up"])?;
        ip(&["-n", beyond, "link", "set", "lo", "up"])?;
        ip(&["-n", beyond, "link", "set", INTERFACE, "up"])?;
        ip(&["-n", beyond, "address", "add", &format!("{EDGE_V4}/30"), "dev", INTERFACE])?;
        ip(&["-n", beyond, "address", "add", &format!("{EDGE_V6}/64"), "dev", INTERFACE, "nodad"])?;
        let (edge_v4, edge_v6) = (EDGE_V4.to_string(), EDGE_V6.to_string());
        let (origin_v4, origin_v6) = (ORIGIN_V4.to_string(), ORIGIN_V6.to_string());
        ip(&["-n", &router, "address", "flush", "dev", INTERFACE, "scope", "global"])?;
        ip(&["-n", &router, "address", "add", &format!("{ROUTER_V4}/32"), "dev", INTERFACE])?;
        ip(&["-n", &router, "address", "add", &format!("{ROUTER_V6}/128"), "dev", INTERFACE, "nodad"])?;
        // The origin, and the edge, go on taking each other for neighbours: the router answers for both.
        for (interface, other, v4, v6) in
            [(INTERFACE, INNER, &origin_v4, &origin_v6), (INNER, INTERFACE, &edge_v4, &edge_v6)]
        {
            ip(&["-n", &router, "route", "add", v4, "dev", interface])?;
            ip(&["-n", &router, "-6", "route", "add", v6, "dev", interface])?;
            ip(&["-n", &router, "neighbor", "add", "proxy", v6, "dev", other])?;
        }
        let settings =
            ["ipv4.ip_forward", "ipv4.conf.all.proxy_arp", "ipv6.conf.all.forwarding", "ipv6.conf.all.proxy_ndp"];
        // It answers for them at once, not after up to 0.8 s.
        let at_once =
            ["ipv4", "ipv6"].map(|ip| [INTERFACE, INNER].map(|on| format!("net.{ip}.neigh.{on}.proxy_delay=0")));
        let settings = settings.iter().map(|name| format!("net.{name}=1")).chain(at_once.into_iter().flatten());
        output(Command::new("ip").args(["netns", "exec", &router, "sysctl", "-qw"]).args(settings))?;
        let offloads = ["-K", INTERFACE, "tx", "off", "tso", "off", "gso", "off"];
        output(Command::new("ip").args(["netns", "exec", beyond, "ethtool"]).args(offloads))?;
        enter(beyond)
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn edge(&self) -> &str {
        &self.edge
    }

    /// Moves the calling thread into the edge's namespace, for good.
    pub(super) fn enter_edge(&self) -> Result<()> {
        enter(&self.edge)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.origin, &self.edge].into_iter().chain(&self.beyond) {
            // Nothing to be done if either fails; the next run sweeps.
            let _ = kill_all(name);
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

/// Moves the calling thread into a namespace, for good.
pub(super) fn enter(name: &str) -> Result<()> {
    let handle = File::open(Path::new(HANDLES).join(name)).with_context(|| format!("no namespace {name}"))?;
    rustix::thread::move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("cannot enter namespace {name}"))
}

/// Deletes the namespaces of runs that were killed.
pub(crate) fn sweep() {
    let Ok(handles) = std::fs::read_dir(HANDLES) else { return };
    for name in handles.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let Some(pid) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1)) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            let _ = ip(&["netns", "delete", &name]);
        }
    }
}

/// Ends what still runs in a namespace: workers outlive a master that is killed.
fn kill_all(name: &str) -> Result<()> {
    let pids = output(Command::new("ip").args(["netns", "pids", name]))?;
    for pid in pids.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid != std::process::id()) {
        // It may have ended by itself by now.
        let _ = signal_to(pid, rustix::process::Signal::KILL);
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    output(Command::new("ip").args(arguments)).map(drop)
}
