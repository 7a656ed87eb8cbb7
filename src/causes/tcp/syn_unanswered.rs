use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Finding, RestsOn};
use crate::observation::Connection;

/// An unanswered SYN proves something once its sender has given it this long: Linux repeats it after one second,
/// CloudFront's shortest connection timeout is one second (the default is ten).
const PROVEN_AFTER: Micros = Micros::from_secs(3);

cause! {
    /// The edge's SYN reached this host, and the host never answered it.
    ///
    /// # What happened
    /// SYN packets arrive at the interface that was captured. No SYN-ACK and no RST leaves. tcpdump sees a packet
    /// before the host's packet filter does, so a SYN that is dropped there is still in the capture.
    ///
    /// # Evidence
    /// The SYN and its retransmissions (same port, same sequence number), and no packet from the host. Where the TCP
    /// checksum of every SYN is wrong, that is said: the host drops such packets without a word.
    ///
    /// # Who must act
    /// Whoever runs the host or its packet filter.
    ///
    /// # How to confirm
    /// - `nft list ruleset` or `iptables -L -v -n`: a DROP rule whose counter grows with each attempt.
    /// - `nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtTCPReqQFullDrop`: a counter that grows means a
    ///   full queue and not a filter.
    /// - `ip route get ADDRESS` for the edge's address, and `sysctl net.ipv4.conf.all.rp_filter`: strict reverse-path
    ///   filtering drops packets whose way back is another interface.
    ///
    /// # How to fix
    /// - Packet filter: allow the port from CloudFront's origin-facing addresses. In AWS, the managed prefix list
    ///   `com.amazonaws.global.cloudfront.origin-facing` does that in a security group.
    /// - Full queue of half-open connections: raise `net.ipv4.tcp_max_syn_backlog`, keep `net.ipv4.tcp_syncookies=1`.
    /// - Full accept queue: raise the listener's backlog (nginx `listen … backlog=`, Apache `ListenBacklog`, HAProxy
    ///   `backlog`, Node `server.listen({backlog})`) together with `net.core.somaxconn`, and find out why the program
    ///   does not accept.
    ///
    /// # Often confused with
    /// - `tcp.port-closed`: the host answers with RST.
    /// - `tcp.icmp-rejected`: the host, or a router, answers with an ICMP error.
    /// - `tcp.syn-ack-unacknowledged`: the host answers, the answer does not arrive.
    /// - A security group or network ACL that drops: then not even the SYN is in the capture.
    ///
    /// # References
    /// - RFC 9293 section 3.5
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 504 status code (Gateway Timeout)"; another AWS page names 502
    ///   for the same fault, so that neither is promised here.
    rests_on: RestsOn::Silence("whether the host answered"),
    deed: "did not answer the SYN",
    needs: [Unheard],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let syn = c.tcp.syn?;
    let last = c.tcp.last_syn()?;
    // Any other packet of the client's (an ACK, a RST) answers something that was not captured, or ends a scan.
    if c.tcp.heard(Side::Server) || !c.tcp.sent_only_syns() {
        return None;
    }
    let waited = c.watched_until.since(syn.time);
    if waited < PROVEN_AFTER {
        return None;
    }
    let damaged = c.tcp.odd.damaged_syns == c.tcp.syns;
    let confidence = if c.tcp.syns > 1 && !damaged { Confidence::Certain } else { Confidence::Likely };
    let repeated = match c.tcp.syns {
        1 => "once and not repeated".to_owned(),
        n => format!("{n} times within {}", last.since(syn)),
    };
    let mut message = format!(
        "{} asked {} for a connection ({repeated}); in the {waited} that the capture watched, the host never answered.",
        c.client.ip, c.server
    );
    if damaged {
        message += " The SYN's TCP checksum is wrong, and a host drops such a packet unseen: it was damaged on the way, or \
                    else the capture was changed afterwards.";
    }
    let mut finding = Finding::new(syn, confidence, message).evidence(syn, "SYN from the edge, never answered");
    if last != syn {
        finding = finding.evidence(last, format!("last of {} SYNs with the same sequence number", c.tcp.syns));
    }
    if damaged {
        finding = finding.fix(
            "`nstat -az TcpInCsumErrors` on the host: where it grows, look for what damages packets: the card, or a NAT or tunnel on the way that rewrites them.",
        );
    }
    Some(
        finding
            .rules_out("tcp.port-closed", "the host sent no RST")
            .rules_out("tcp.syn-ack-unacknowledged", "the host sent no SYN-ACK")
            .fix(format!("Look for a rule that drops port {} on this host: `nft list ruleset`, `iptables -L -v -n`.", c.server.port))
            .fix("If no rule matches, look at the queues: `nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtTCPReqQFullDrop`.")
            .fix(format!("Allow port {} from CloudFront's origin-facing prefixes.", c.server.port)),
    )
}
