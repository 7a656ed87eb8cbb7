//! One scenario: a server, a fault, an edge, and the capture that comes of it.

use crate::lab::Lab;
use crate::pcap::{self, Packet};
use crate::rewrite::Addresses;
use crate::{origin_md, rewrite};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::time::Duration;

/// A capture that can be made again. Scenario files list these as plain constants, over [`Scenario::BLANK`].
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// Where the capture goes: `tls/no-common-cipher/nginx-tls12`. Area and slug are the cause.
    pub(crate) path: &'static str,
    /// What the title of `origin.md` says after the cause: `nginx, TLS 1.2`.
    pub(crate) title: &'static str,
    /// What was done, in one or two sentences.
    pub(crate) fault: &'static str,
    /// What was edited beside the addresses, for `origin.md`; empty for nothing.
    pub(crate) edited: &'static str,
    /// The cause that is found where the key log beside the capture is not used; empty where nothing fails then.
    pub(crate) without_keys: &'static str,
    /// Further causes that may rightly be found in the capture.
    pub(crate) also: &'static [&'static str],
    /// `RFC 8446 section 6.2` and the like.
    pub(crate) references: &'static [&'static str],
    /// IPv4 or IPv6.
    pub(crate) family: Family,
    /// Who connects to the origin.
    pub(crate) peer: Peer,
    /// When the capture has all that the story needs.
    pub(crate) over: Over,
    /// Further arguments for `tcpdump`: a snap length, a filter, [`ANY`].
    pub(crate) tcpdump: &'static [&'static str],
    /// What of the file is kept; the default keeps all TCP, and all ICMP errors.
    pub(crate) trim: fn(Vec<Packet>) -> Vec<Packet>,
    /// Starts the server and plays the edge. It runs on a thread in the edge's namespace.
    pub(crate) play: fn(&mut Lab) -> Result<()>,
}

/// The version of IP that the connection uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Captures on every interface, as is wise where a proxy talks to its upstream.
pub(crate) const ANY: &[&str] = &["-i", "any"];

/// Who the edge is: decides the address that the file shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// CloudFront, from one of its origin-facing prefixes.
    CloudFront,
    /// A load balancer in front of the origin, in the same private network.
    LoadBalancer,
    /// Somebody on the Internet who is not CloudFront.
    Stranger,
}

/// When a capture is complete.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    /// Every connection has seen a RST, or a FIN from both sides; waits this long for it at most.
    Closed(Duration),
    /// As soon as the scenario returns: the connection does not end, or the capture is to end first.
    AtOnce,
}

impl Scenario {
    /// What a scenario is unless it says otherwise.
    pub(crate) const BLANK: Scenario = Scenario {
        path: "",
        title: "",
        fault: "",
        edited: "",
        without_keys: "",
        also: &[],
        references: &[],
        family: Family::V4,
        peer: Peer::CloudFront,
        over: Over::Closed(Duration::from_secs(10)),
        tcpdump: &[],
        trim: |packets| packets,
        play: |_| Ok(()),
    };

    /// Makes the capture and its `origin.md` below `out`; returns the number of packets.
    pub(crate) fn make(&'static self, out: &Path) -> Result<usize> {
        // A thread of its own: it moves into the edge's namespace and must not come back to serve another scenario.
        let (bytes, notes, addresses) = std::thread::Builder::new()
            .name(self.path.to_owned())
            .spawn(|| self.record())?
            .join()
            .map_err(|_| anyhow::anyhow!("the scenario panicked"))??;
        let mut file = pcap::File::read(&bytes)?;
        file.packets.retain(rewrite::is_story);
        file.packets = (self.trim)(file.packets);
        ensure!(!file.packets.is_empty(), "nothing was captured");
        for packet in &mut file.packets {
            rewrite::addresses(packet, &addresses);
        }
        let folder = out.join(self.path);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(folder.join("capture.pcap"), file.to_bytes())?;
        std::fs::write(folder.join("origin.md"), origin_md::render(self, &notes)?)?;
        for (name, content) in &notes.files {
            let edited = name.ends_with(".log").then(|| addresses.in_text(content));
            std::fs::write(folder.join(name), edited.as_ref().unwrap_or(content))?;
        }
        Ok(file.packets.len())
    }

    fn record(&self) -> Result<(Vec<u8>, crate::lab::Notes, Addresses)> {
        let mut lab = Lab::new(self)?;
        let outcome = (self.play)(&mut lab).and_then(|()| lab.wait_over(self.over));
        let bytes = lab.stop_capture()?;
        if let Err(error) = outcome {
            return Err(lab.explain(error));
        }
        Ok((bytes, lab.notes(), Addresses::of(self)))
    }
}
