use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::Connection;

cause! {
    /// Nothing listens on the port: the host answers the SYN with RST.
    ///
    /// # What happened
    /// The edge asks for a connection, and this host refuses it at once. Usually no program listens on that address
    /// and port: it is stopped, is restarting, or listens on another port or only on 127.0.0.1.
    ///
    /// # Evidence
    /// A SYN from the edge, answered by RST from the host, with no SYN-ACK between. A RST with sequence number 0 that
    /// acknowledges the SYN proves it; one with another number might belong to a connection of which the capture missed
    /// the beginning, and makes it `likely`.
    ///
    /// # Who must act
    /// Whoever runs the service on the host, or the distribution's origin settings if the port is not the one meant.
    ///
    /// # How to confirm
    /// - `ss -ltnp` on the host: is there a listener on that port, on `0.0.0.0`, `[::]` or the right address?
    /// - A packet filter that rejects with a TCP reset looks the same. `nft list ruleset` shows `reject with tcp reset`;
    ///   `nstat -az TcpOutRsts` counts the resets that the host's TCP itself sent: it grows when nothing listens.
    ///
    /// # How to fix
    /// - Start the service, or make it listen on the right address: nginx `listen 443 ssl;`, Apache `Listen 443`,
    ///   HAProxy `bind :443`, Node `server.listen(443)`.
    /// - Or set the distribution's origin to the port on which it does: HTTP port, HTTPS port, origin protocol policy.
    /// - A load balancer in front: register the target with the port that the service uses.
    ///
    /// # Often confused with
    /// - `tcp.reset-on-accept`: there the host first answers SYN-ACK.
    /// - `tcp.syn-unanswered`: there the host says nothing.
    /// - `tcp.icmp-rejected`: there the answer is an ICMP error.
    ///
    /// # References
    /// - RFC 9293 section 3.10.7.1
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)", origin not responding on the
    ///   specified ports
    edge: Edge::status(502).detail("OriginConnectError"),
    deed: "refused the connection",
    needs: [Silence],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let syn = c.tcp.syn?;
    let rst = c.tcp.end.rst.server?;
    // An edge that acknowledges something has had an answer, though the capture missed it.
    let answered = c.tcp.syn_ack.is_some() || c.tcp.streams.stream_bytes.server > 0 || c.tcp.acknowledgements.client;
    if answered || rst < syn {
        return None;
    }
    // Other numbers are those of a connection that was open, or of a device in between.
    let confidence = if c.tcp.end.refusal == Some(rst) { Confidence::Certain } else { Confidence::Likely };
    let message = format!("{} refused the connection: its SYN was answered by RST after {}.", c.server, rst.since(syn));
    Some(
        Finding::new(rst, confidence, message)
            .evidence(syn, "SYN from the edge")
            .evidence(rst, "RST from the host: nothing listens on this port, or a filter rejects it")
            .rules_out("tcp.syn-unanswered", format!("the host answered in frame {}", rst.named()))
            .rules_out("tcp.reset-on-accept", "there was no SYN-ACK")
            .fix(format!("`ss -ltnp 'sport = :{}'` on the host: is anything listening, and on which address?", c.server.port))
            .fix(format!("Start the service on port {}, or set the origin's port in the distribution to the one it uses.", c.server.port))
            .fix("If something does listen there: `nft list ruleset` for a rule that rejects with a TCP reset."),
    )
}
