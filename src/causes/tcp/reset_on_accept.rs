use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin reset the connection right after it was established, before either side sent a byte.
    ///
    /// # What happened
    /// The TCP handshake succeeds, and then the origin's side sends RST without having said anything: a proxy that
    /// accepts and rejects by rule, a program that closes the socket with a linger time of zero, a full accept queue with
    /// `net.ipv4.tcp_abort_on_overflow=1`, or a device in front that accepts for a backend it cannot reach.
    ///
    /// # Evidence
    /// SYN, SYN-ACK, ACK, then RST from the origin's side, and no byte of the edge's before it.
    ///
    /// # Who must act
    /// Whoever runs the service that accepts on this port.
    ///
    /// # How to confirm
    /// - `sysctl net.ipv4.tcp_abort_on_overflow` and `nstat -az TcpExtListenOverflows TcpExtTCPAbortOnData TcpExtTCPAbortOnClose`.
    /// - The log of the proxy that listens there: a rule by address, a limit of connections, a backend that is down.
    ///
    /// # How to fix
    /// - HAProxy: `tcp-request connection reject` rules and `maxconn`; nginx stream: `deny`, `limit_conn`.
    /// - A full accept queue: raise backlog and `net.core.somaxconn`, and find what keeps the program from accepting.
    /// - A network load balancer without a healthy target resets: mend its health checks.
    ///
    /// # Often confused with
    /// - `tcp.port-closed`: there is no SYN-ACK.
    /// - `tls.reset-after-client-hello`, `http.reset-before-response`: there the edge had sent something.
    ///
    /// # References
    /// - RFC 9293 section 3.5.2
    /// - AWS: Network Load Balancers, troubleshooting (resets without healthy targets)
    edge: Edge::status(502).detail("OriginConnectError"),
    deed: "reset the connection",
    needs: [Silence],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let established = c.tcp.established?;
    let rst = c.ended_with(Side::Server, End::Rst)?;
    // What the edge sent before the RST decides (ruling 1); what it sent afterwards is not answered any more.
    let spoke = c.tcp.streams.first_data.client.is_some_and(|data| data < rst) || c.tcp.streams.first_data.server.is_some();
    if spoke || !c.counts_all() {
        return None;
    }
    let message = format!("{} accepted the connection and reset it after {}, before either side sent a byte.", c.server, rst.since(established));
    Some(
        Finding::new(rst, Confidence::Certain, message)
            .evidence(established, "the edge's ACK: connection established")
            .evidence(rst, "RST from the origin's side")
            .evidence_if(c.tcp.streams.first_data.client, "the edge's first bytes, after the RST")
            .rules_out("tcp.port-closed", "a SYN-ACK came first")
            .fix("Look at what listens there for rules by address, limits of connections and dead backends.")
            .fix("`sysctl net.ipv4.tcp_abort_on_overflow` and `nstat -az TcpExtListenOverflows`: a full accept queue may reset.")
    )
}
