use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Finding, RestsOn};
use crate::observation::Connection;

/// A SYN-ACK that was sent only once proves nothing until it has gone unanswered this long: Linux repeats it
/// after one second.
const PROVEN_AFTER: Micros = Micros::from_secs(3);

cause! {
    /// The host answered, and its answer was never acknowledged: the way back is blocked or leads elsewhere.
    ///
    /// # What happened
    /// The edge's SYN arrives, the host answers with SYN-ACK again and again, and nothing comes back. The SYN-ACK is
    /// lost after it left this interface.
    ///
    /// # Evidence
    /// The SYN, the SYN-ACK and its retransmissions, and no ACK or RST from the edge. The edge's SYN repeated after the
    /// SYN-ACK shows that the edge did not get it.
    ///
    /// # Who must act
    /// Whoever runs the network between the host and the edge: routing, NAT, stateful filters, network ACLs.
    ///
    /// # How to confirm
    /// - `ip route get ADDRESS` for the edge's address: does the answer leave by the interface by which the SYN came?
    /// - A network ACL must allow the ephemeral ports (1024-65535) outwards; a security group is stateful and does not
    ///   need that.
    /// - Capture on the next hop: is the SYN-ACK there?
    ///
    /// # How to fix
    /// - Asymmetric routes: policy routing by source address (`ip rule add from ADDRESS lookup TABLE`), or one way in and out.
    /// - Network ACL: allow outbound TCP 1024-65535 to CloudFront's addresses.
    /// - Direct server return or NAT in front: let the answer pass the device that translated the SYN.
    ///
    /// # Often confused with
    /// - `tcp.syn-unanswered`: there the host does not answer at all.
    /// - A half-open port scan: there the client answers the SYN-ACK with RST.
    ///
    /// # References
    /// - RFC 9293 section 3.5
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 504 status code (Gateway Timeout)"
    rests_on: RestsOn::Silence("whether the edge acknowledged it"),
    needs: [Silence],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (syn, syn_ack) = (c.tcp.syn?, c.tcp.syn_ack?);
    let only_syns = c.tcp.sent_only_syns();
    if !only_syns || c.tcp.streams.stream_bytes.client > 0 || c.tcp.streams.first_data.server.is_some() {
        return None;
    }
    // A program that closes the connection was given it: the ACK came, though not into the capture.
    if c.tcp.end.fin.server.is_some() {
        return None;
    }
    let waited = c.watched_until.since(syn_ack.time);
    if waited < PROVEN_AFTER {
        return None;
    }
    let last_syn = c.tcp.last_syn().filter(|&last| last > syn_ack);
    let repeated = c.tcp.syn_acks > 1 || last_syn.is_some();
    let confidence = if repeated { Confidence::Certain } else { Confidence::Likely };
    let message = format!(
        "{} answered the edge's SYN {}, and in {waited} nothing came back from {}.",
        c.server,
        match c.tcp.syn_acks {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        },
        c.client.ip
    );
    Some(
        Finding::new(syn_ack, confidence, message)
            .evidence(syn, "SYN from the edge")
            .evidence(syn_ack, "SYN-ACK from the host, never acknowledged")
            .evidence_if(last_syn, "the edge repeats its SYN: it did not get the SYN-ACK")
            .evidence_if(c.tcp.last_packet[Side::Server].filter(|&f| f != syn_ack), "the host's last try")
            .rules_out("tcp.syn-unanswered", format!("the host answered in frame {}", syn_ack.named()))
            .fix(format!("`ip route get {}` on the host: does the answer take the way by which the SYN came?", c.client.ip))
            .fix("Allow the answer out: network ACL (ephemeral ports 1024-65535), stateful filters that never saw the SYN.")
            .fix("Capture on the next hop towards the edge to see where the SYN-ACK is lost."),
    )
}
