//! Display filters that show in Wireshark what a report speaks of.

use std::fmt;

use crate::base::{CaptureIndex, Endpoint};
use crate::diagnosis::Finding;
use crate::observation::Connection;

/// The packets of one connection, as `ip.addr==… && ip.addr==… && tcp.port==… && tcp.port==…`.
#[derive(Debug, Clone, Copy)]
pub struct Conversation(Endpoint, Endpoint);

impl Conversation {
    /// Of this connection.
    #[must_use]
    pub fn of(c: &Connection) -> Conversation {
        Conversation(c.server, c.client)
    }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conversation(server, client) = self;
        for end in [server, client] {
            write!(f, "{}.addr=={} && ", if end.ip.is_ipv4() { "ip" } else { "ipv6" }, end.ip)?;
        }
        write!(f, "tcp.port=={} && tcp.port=={}", client.port, server.port)
    }
}

/// The packets that prove a finding, with those of what failed behind it, as `frame.number in {6, 9}`: those of one capture, which is the one that the
/// first of them is in.
#[derive(Debug, Clone, Copy)]
pub struct Frames<'a> {
    finding: &'a Finding,
    capture: CaptureIndex,
}

impl<'a> Frames<'a> {
    /// Of this finding; `capture` is where to look if it cites no packet.
    #[must_use]
    pub fn of(finding: &'a Finding, capture: CaptureIndex) -> Frames<'a> {
        Frames { finding, capture: finding.evidence.first().map_or(capture, |e| e.frame.capture()) }
    }
}

impl Frames<'_> {
    /// The capture that these frames are numbers of.
    #[must_use]
    pub fn capture(&self) -> CaptureIndex {
        self.capture
    }
}

impl fmt::Display for Frames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.finding.inner.iter().flat_map(|inner| &inner.evidence);
        let cited = self.finding.evidence.iter().chain(inner).map(|e| e.frame);
        let mut frames: Vec<u64> = cited.filter(|r| r.capture() == self.capture).map(|r| r.frame).collect();
        if frames.is_empty() {
            frames.push(self.finding.at.frame);
        }
        frames.sort_unstable();
        frames.dedup();
        f.write_str("frame.number in {")?;
        for (i, frame) in frames.iter().enumerate() {
            write!(f, "{}{frame}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}
