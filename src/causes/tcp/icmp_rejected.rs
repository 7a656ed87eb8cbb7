use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::{Connection, Ended, Icmp, IcmpKind};

/// An edge that has not sent its SYN again after this long took the error for an answer: Linux repeats it after one
/// second, and gives up at once where it hears of the error.
const GIVEN_UP_AFTER: Micros = Micros::from_millis(1_500);

cause! {
    /// The SYN is answered by an ICMP error: a firewall rejects the connection, or the host cannot pass it on.
    ///
    /// # What happened
    /// The edge asks for a connection, and in place of a SYN-ACK an ICMP "destination unreachable" comes back. Sent by
    /// the host itself, it is the work of its packet filter (`reject`), or of a port that leads on to a container or a
    /// virtual machine that is gone. Sent by another address, it is a router's or a firewall's on the way.
    ///
    /// # Evidence
    /// A SYN from the edge; an ICMP error that quotes that very SYN, with its sequence number; no SYN-ACK. The code says
    /// why: "communication administratively prohibited" is a rule, "port unreachable" is a rule too (the host's TCP would
    /// answer by RST), "host unreachable" a way that ends. An edge that tries again and is rejected again, or that leaves
    /// it at that, makes it `certain`. Where the capture ends at once after the only error, the edge may still try again
    /// and be let in: the verdict is `inconclusive`.
    ///
    /// # Who must act
    /// Whoever runs the packet filter of the host that sent the error.
    ///
    /// # How to confirm
    /// - `nft list ruleset`, `iptables -L -v -n`, `ip6tables -L -v -n`: a rule with `reject` whose counter grows. Its
    ///   `with` is the code that the capture shows: iptables' default is port-unreachable, firewalld's
    ///   admin-prohibited or host-prohibited.
    /// - `host unreachable` from the host itself: `nft list table nat`, `docker ps`; where does the port lead to, and does
    ///   that answer? `ip neigh` has it as FAILED.
    ///
    /// # How to fix
    /// - Allow the port from CloudFront's origin-facing prefixes: `nft insert rule inet filter input tcp dport 443
    ///   accept`, `firewall-cmd --add-service=https --permanent`, `ufw allow 443/tcp`; before the rule that rejects.
    /// - A published port of a container: start the container, or take the port back.
    /// - Do not reject IPv6 by a rule that was written for IPv4 alone, or take the AAAA record away.
    ///
    /// # Often confused with
    /// - `tcp.port-closed`: the answer is RST. A filter that rejects by TCP reset looks like that.
    /// - `tcp.syn-unanswered`: there is no answer at all.
    /// - A security group or a network ACL of AWS never rejects, it drops: then not even the SYN is in the capture.
    ///
    /// # References
    /// - RFC 792, RFC 1122 section 4.2.3.9, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1
    /// - RFC 5927 section 4.1: why the quoted sequence number matters
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)"
    edge: Edge::status(502).detail("OriginConnectError"),
    supersedes: ["tcp.syn-unanswered", "capture.still-open"],
    deed: "refused the connection",
    needs: [Rejected],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (syn, last_syn) = (c.tcp.syn?, c.tcp.last_syn()?);
    // An edge that acknowledges something has had an answer, though the capture missed it.
    if c.tcp.heard(Side::Server) || !c.tcp.sent_only_syns() || c.tcp.acknowledgements.client {
        return None;
    }
    let rejections: Vec<&Icmp> = c.tcp.odd.icmp.about(Side::Client).filter(|icmp| rejects(icmp.kind)).collect();
    let (&first, last) = (rejections.first()?, rejections.last()?);
    let left_it = c.ended != Ended::CaptureEnd || c.watched_until.since(last_syn.time) >= GIVEN_UP_AFTER;
    let (confidence, effect) = match left_it || rejections.len() > 1 {
        true => (Confidence::Certain, Effect::Failed),
        false => (Confidence::Likely, Effect::Inconclusive),
    };
    let itself = first.sender == c.server.ip;
    let sender = if itself { "the host itself".to_owned() } else { format!("{}, which is not the host,", first.sender) };
    let times = if rejections.len() > 1 { format!("{} times ", rejections.len()) } else { String::new() };
    let message = format!(
        "{} asked {} for a connection, and {sender} answered {times}by ICMP: {}.",
        c.client.ip, c.server, first.kind
    );
    let finding = Finding::new(first.frame, confidence, message)
        .effect(effect)
        .evidence(syn, "SYN from the edge")
        .evidence(first.frame, format!("ICMP from {}, about that SYN: {}", first.sender, first.told()))
        .evidence_if(Some(last_syn).filter(|&f| f != syn), "the edge tries again")
        .evidence_if(Some(last.frame).filter(|&f| f != first.frame), format!("ICMP once more: {}", last.told()))
        .rules_out("tcp.syn-unanswered", format!("an answer came in frame {}", first.frame.named()))
        .rules_out("tcp.port-closed", "the host sent no RST");
    Some(advised(c, first, itself, finding))
}

/// What to do by who rejects, and why.
fn advised(c: &Connection, first: &Icmp, itself: bool, finding: Finding) -> Finding {
    let port = c.server.port;
    let finding = match (itself, first.kind) {
        (true, IcmpKind::HostUnreachable | IcmpKind::NetUnreachable) => finding.fix(format!(
            "Where does port {port} lead to? `nft list table nat`, `iptables -t nat -L -n`: what it is passed on to does not answer."
        )),
        (true, _) => finding.fix(format!(
            "Look for a rule that rejects port {port} on this host: `nft list ruleset`, `iptables -L -v -n`."
        )),
        (false, _) => finding.fix(format!("Look for the rule, or the route, on {}: it sent the error.", first.sender)),
    };
    finding.fix(format!("Allow port {port} from CloudFront's origin-facing prefixes, before the rule that rejects."))
}

/// Whether an error says that a SYN will not get where it should.
fn rejects(kind: IcmpKind) -> bool {
    match kind {
        IcmpKind::NetUnreachable
        | IcmpKind::HostUnreachable
        | IcmpKind::ProtocolUnreachable
        | IcmpKind::PortUnreachable
        | IcmpKind::Prohibited => true,
        IcmpKind::PacketTooBig | IcmpKind::TimeExceeded | IcmpKind::ParameterProblem | IcmpKind::Other => false,
    }
}
