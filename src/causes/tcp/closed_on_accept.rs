use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Edge, Finding, RestsOn};
use crate::observation::{Connection, End};

/// A connection that the origin closes later than this without having been asked anything was idle: the edge
/// opened it ahead of need, and lost nothing.
const IDLE: Micros = Micros::from_secs(1);

cause! {
    /// The origin closed the connection right after it was established, before either side sent a byte.
    ///
    /// # What happened
    /// The TCP handshake succeeds, and then the origin's side sends FIN without having said anything or having been
    /// asked: a proxy that refuses by rule, a limit of connections, a backend that is down.
    ///
    /// # Evidence
    /// SYN, SYN-ACK, ACK, then FIN from the origin's side, and no byte of the edge's before it.
    ///
    /// # Who must act
    /// Whoever runs the service that accepts on this port.
    ///
    /// # How to confirm
    /// The log of the program that `ss -ltnp` shows on the port: limits, rules by address, errors towards a backend.
    ///
    /// # How to fix
    /// - HAProxy: `tcp-request connection reject`, `maxconn`, servers marked down. nginx stream: `deny`, `limit_conn`,
    ///   an upstream that refuses. TCP wrappers, `fail2ban` and the like.
    /// - Allow CloudFront's origin-facing prefixes wherever a list of addresses decides.
    ///
    /// # Often confused with
    /// - `tls.closed-after-client-hello`, `http.closed-before-response`: there the edge had sent something.
    /// - An idle connection that the origin closes later: that is healthy.
    ///
    /// # References
    /// - RFC 9293 section 3.6
    edge: Edge::status(502).detail("OriginConnectError"),
    rests_on: RestsOn::Duration("how soon the origin closed the connection"),
    deed: "closed the connection",
    needs: [Silence],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let established = c.tcp.established?;
    let fin = c.ended_with(Side::Server, End::Fin)?;
    let spoke = c.tcp.streams.first_data.client.is_some_and(|data| data < fin) || c.tcp.streams.first_data.server.is_some();
    if spoke || !c.counts_all() || fin.since(established) > IDLE {
        return None;
    }
    let message = format!("{} accepted the connection and closed it after {}, before either side sent a byte.", c.server, fin.since(established));
    Some(
        Finding::new(fin, Confidence::Certain, message)
            .evidence(established, "the edge's ACK: connection established")
            .evidence(fin, "FIN from the origin's side")
            .evidence_if(c.tcp.streams.first_data.client, "the edge's first bytes, after the FIN")
            .rules_out("tcp.port-closed", "a SYN-ACK came first")
            .fix("Look at what listens there for rules by address, limits of connections and dead backends.")
            .fix("Allow CloudFront's origin-facing prefixes wherever a list of addresses decides."),
    )
}
