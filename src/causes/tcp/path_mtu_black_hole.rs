use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Edge, Finding, RestsOn};
use crate::observation::{Connection, Icmp, IcmpKind, Stall};

/// A segment of fewer bytes is not lost for its size: with its headers it fits into the smallest packet that every link
/// has to carry (RFC 8200 section 5: 1,280 bytes; headers of up to 80).
const LARGE: u32 = 1_200;

/// Times that a segment has to be sent again before its loss is no accident.
const REPEATED: u32 = 2;

/// The same where no smaller one is known to have arrived since.
const REPEATED_ALONE: u32 = 3;

/// A connection that nobody has ended stands still after this long without progress: Linux sends again several times.
const STANDSTILL: Micros = Micros::from_secs(3);

cause! {
    /// The way carries small packets and loses large ones, and the sender never hears of it.
    ///
    /// # What happened
    /// A link between the host and the edge carries shorter packets than both ends believe: a tunnel (VPN, GRE, VXLAN,
    /// PPPoE), an interface with another MTU. Whoever cannot pass a packet on says so by ICMP ("fragmentation needed",
    /// in IPv6 "packet too big"), and the sender then sends shorter ones. Here that message is dropped on the way, or by
    /// the host's own firewall. The handshake of TCP works, small answers work, and everything larger is sent again and
    /// again until somebody gives up: the certificate, the response, a long request, a post-quantum ClientHello.
    ///
    /// # Evidence
    /// - The first segment of full size is sent again several times and never acknowledged, while no segment of its size
    ///   ever arrived on this connection. Smaller ones did: the edge acknowledged them, or says by SACK that it has the
    ///   short end without the long beginning.
    /// - Towards the host, a hole as long as full segments, which the host asks for by SACK in vain.
    /// - The maximum segment sizes of both sides: what each believes the other can receive.
    /// - The router's ICMP message, with the size that would pass, in the capture, and segments that go on being longer:
    ///   then it is `certain`, and the host ignores the message. Without it, it is `likely`.
    ///
    /// # Who must act
    /// Whoever runs the network of the host: the tunnel, the firewall that drops ICMP, the MTU of the interface.
    ///
    /// # How to confirm
    /// - `ping -M do -s 1472 ADDRESS`, then smaller, towards a host beyond the link; `tracepath ADDRESS` names the hop.
    /// - `ip route get ADDRESS` shows the MTU that the host has learned; `nstat -az TcpExtTCPMTUPFail IcmpInDestUnreachs`.
    /// - `nft list ruleset`, `iptables -L -v -n`, `ip6tables -L -v -n`: what becomes of ICMP type 3 code 4 and ICMPv6 type
    ///   2? In AWS, a network ACL and a security group must let them in.
    ///
    /// # How to fix
    /// - Let ICMP "fragmentation needed" (type 3 code 4) and ICMPv6 "packet too big" (type 2) in, everywhere on the way.
    /// - Or announce a smaller segment size: `iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS
    ///   --clamp-mss-to-pmtu` on the router; `nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt
    ///   mtu`; `ip route change default via GATEWAY advmss 1360 mtu 1400` on the host.
    /// - Or let the host find out by itself: `sysctl -w net.ipv4.tcp_mtu_probing=1`.
    /// - Or give the interface the MTU of the way: `ip link set eth0 mtu 1400`. Jumbo frames (9,001) do not leave a VPC.
    ///
    /// # Often confused with
    /// - `http.response-timeout`, `http.response-stalled`: there the program is slow; here what it said does not arrive.
    /// - `tls.certificate-rejected`: there the edge has the certificate; here it never gets it.
    /// - Ordinary loss: there, what is sent again arrives in the end, and large segments have arrived before.
    ///
    /// # References
    /// - RFC 2923 section 2.1, RFC 1191, RFC 8201, RFC 4821
    /// - RFC 4890 section 4.3.1: ICMPv6 messages that must not be dropped
    /// - AWS: Amazon EC2 User Guide, network maximum transmission unit, path MTU discovery
    edge: Edge::UNKNOWN,
    rests_on: RestsOn::Silence("whether a full-size packet ever arrived"),
    supersedes: [
        "tcp.segment-loss-stall",
        "tls.certificate-rejected",
        "tls.client-certificate-required",
        "tls.closed-in-handshake",
        "tls.reset-in-handshake",
        "tls.closed-after-client-hello",
        "tls.reset-after-client-hello",
        "tls.no-server-hello",
        "http.closed-before-response",
        "http.reset-before-response",
        "http.closed-in-response",
        "http.reset-in-response",
        "http.response-stalled",
        "http.response-timeout",
        "http.edge-abandoned",
        "http.request-not-read",
        "http.encrypted-response-timeout",
        "http.encrypted-closed-before-response",
        "http.encrypted-reset-before-response",
        "tcp.closed-on-accept",
        "tcp.reset-on-accept",
        "capture.still-open",
    ],
    needs: [Loss],
    detect: |c| towards_edge(c).or_else(|| towards_host(c)),
}

/// What the host sends does not arrive.
fn towards_edge(c: &Connection) -> Option<Finding> {
    let stall = c.tcp.stall(Side::Server)?;
    let size = on_the_wire(c, stall.len);
    let limit = ignored(c, &stall, size);
    let only_small = c.tcp.streams.largest_acknowledged.server < size && c.tcp.odd.longest_sack.server < size;
    let small_since = c.tcp.odd.longest_sack.server > 0;
    // An edge that says nothing more may be gone.
    let alive = c.tcp.last_packet.client.is_some_and(|last| last > stall.first);
    let enough = if small_since { REPEATED } else { REPEATED_ALONE };
    let without_word = only_small && size >= LARGE && stall.times >= enough && (small_since || alive);
    // What the edge has no room for is not lost.
    let excluded = c.tcp.odd.zero_windows.client > 0 || c.is_one_sided();
    if (limit.is_none() && !without_word) || excluded || !stands_still(c, c.tcp.streams.last_progress.server.or(c.tcp.established)?) {
        return None;
    }
    let confidence = if limit.is_some() { Confidence::Certain } else { Confidence::Likely };
    let arrived = match (c.tcp.streams.largest_acknowledged.server, c.tcp.odd.longest_sack.server) {
        (0, 0) => String::new(),
        (a, b) => format!(" Segments of up to {} bytes arrived.", a.max(b)),
    };
    let told = limit.and_then(|icmp| icmp.mtu.map(|mtu| (icmp, mtu)));
    let told = told.map_or_else(String::new, |(icmp, mtu)| format!(" {} had said that {mtu} bytes is the most.", icmp.sender));
    let message = format!(
        "{} sent a segment of {size} bytes again {} times, and the edge never acknowledged it.{arrived}{told}",
        c.server, stall.times
    );
    let finding = sizes(c, Finding::new(stall.first, confidence, message));
    let finding = match limit {
        Some(icmp) => finding.evidence(icmp.frame, format!("ICMP from {}: {}{}", icmp.sender, icmp.told(), most(icmp))),
        None => finding,
    };
    let finding = finding
        .evidence(stall.first, format!("a segment of {size} bytes is sent again"))
        .evidence_if(stall.last_asked, if small_since { "the edge has later, shorter segments, and still asks for this one" } else { "the edge still asks for it" })
        .evidence_if(Some(stall.last).filter(|&f| f != stall.first), format!("sent again for the last of {} times", stall.times));
    Some(advised(c, limit.is_some(), finding))
}

/// What the edge sends does not arrive: its end does.
fn towards_host(c: &Connection) -> Option<Finding> {
    let hole = u32::try_from(c.tcp.odd.not_acknowledged.client).ok()?;
    let tail = c.tcp.odd.longest_sack.client;
    let only_small = c.tcp.streams.largest_acknowledged.client < LARGE && c.tcp.streams.acknowledged.client < u64::from(LARGE);
    // A hole that full segments fill; the options of each take 12 bytes where there are timestamps.
    let mss = u32::from(c.tcp.mss.server?);
    let full = [mss, mss.saturating_sub(12)].into_iter().find(|&full| full >= LARGE && hole >= full && hole % full == 0)?;
    let last = c.tcp.streams.last_data.client?;
    if !only_small || tail == 0 || tail >= full || c.is_one_sided() || !stands_still(c, last) {
        return None;
    }
    let message = format!(
        "Of what {} sent, the first {hole} bytes, as long as {} of full size, never arrived; the {tail} bytes after them did.",
        c.client.ip,
        if hole == full { "one segment".to_owned() } else { format!("{} segments", hole / full) }
    );
    let finding = sizes(c, Finding::new(last, Confidence::Likely, message))
        .evidence(last, format!("a segment of at most {tail} bytes, and before it a hole of {hole}"))
        .evidence_if(c.tcp.last_packet.server.filter(|&f| f > last), "the host still acknowledges only what is before the hole");
    Some(advised(c, false, finding))
}

/// Nobody expects progress any more: one side ended the connection, or nothing moved for long.
fn stands_still(c: &Connection, since: FrameRef) -> bool {
    c.closer().is_some_and(|end| end.frame > since) || c.watched_until.since(since.time) >= STANDSTILL
}

/// The payload of the packets that the network saw: a card cuts up what is longer than the segments agreed on.
fn on_the_wire(c: &Connection, len: u32) -> u32 {
    let mss = [c.tcp.mss.client, c.tcp.mss.server].into_iter().flatten().min();
    mss.map_or(len, |mss| len.min(mss.into()))
}

/// The message that told the host of a size which it went on exceeding.
fn ignored<'c>(c: &'c Connection, stall: &Stall, size: u32) -> Option<&'c Icmp> {
    let (headers, least) = if c.server.ip.is_ipv6() { (60, 1_280) } else { (40, 68) };
    c.tcp.odd.icmp.about(Side::Server).find(|icmp| {
        let too_long = icmp.mtu.is_some_and(|mtu| mtu >= least && mtu < size.saturating_add(headers));
        icmp.kind == IcmpKind::PacketTooBig && too_long && icmp.frame < stall.last && stall.times >= REPEATED
    })
}

fn most(icmp: &Icmp) -> String {
    icmp.mtu.map_or_else(String::new, |mtu| format!("; at most {mtu} bytes pass"))
}

/// What both sides believe.
fn sizes(c: &Connection, finding: Finding) -> Finding {
    let mss = |side: Side| c.tcp.mss[side].map_or_else(String::new, |mss| format!(", maximum segment size {mss}"));
    finding
        .evidence_if(c.tcp.syn, format!("SYN from the edge{}", mss(Side::Client)))
        .evidence_if(c.tcp.syn_ack, format!("SYN-ACK from the host{}", mss(Side::Server)))
}

fn advised(c: &Connection, told: bool, finding: Finding) -> Finding {
    let finding = match told {
        true => finding.fix("Let the host hear it: allow ICMP type 3 code 4, and ICMPv6 type 2, in its packet filter."),
        false => finding.fix(format!("`tracepath {}` on the host: at which hop does the MTU fall, and who drops the ICMP message?", c.client.ip)),
    };
    finding
        .fix("Or announce smaller segments: clamp the MSS on the router, or `advmss` on the host's route.")
        .fix("Or let the host find out by itself: `sysctl -w net.ipv4.tcp_mtu_probing=1`.")
}
