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
}

impl Namespaces {
    pub(super) fn new() -> Result<Namespaces> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |role: &str| format!("{PREFIX}-{}-{number}-{role}", std::process::id());
        let namespaces = Namespaces { origin: name("origin"), edge: name("edge") };
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
        for name in [&self.origin, &self.edge] {
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
