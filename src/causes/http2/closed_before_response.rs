use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin closed the connection while a response in HTTP/2 was owed, without saying why.
    ///
    /// # What happened
    /// A server that ends a connection of HTTP/2 in order says so by GOAWAY, and answers what it has begun. Here it sent
    /// FIN with requests on the table: the program died or was killed, or a device between cut the connection. Every
    /// stream that was open fails with it, those that were in the middle of a response as well.
    ///
    /// # Evidence
    /// The request, the origin's SETTINGS before it, no END_STREAM of the response, then FIN from the origin's side.
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - The program's log and `journalctl -k` at this time: out of memory, segmentation fault, restart.
    /// - A proxy there: its log, and its upstream's.
    ///
    /// # How to fix
    /// - Crash or kill: mend what the log names; give the service memory; drain before a restart (`nginx -s quit`,
    ///   HAProxy soft stop, ALB deregistration delay, `GracefulStop` in grpc-go and not `Stop`).
    /// - Node: an error that nobody handles ends the process; `session.destroy()` ends the connection so, too, and
    ///   `session.close()` does it in order.
    /// - Idle timeouts that do not look at open streams: HAProxy `timeout client` and `timeout server`, firewalls, NAT.
    ///
    /// # Often confused with
    /// - `http2.goaway`: the origin says why.
    /// - `http2.preface-not-answered`: the origin spoke no HTTP/2 at all.
    ///
    /// # References
    /// - RFC 9113 sections 5.4.1 and 6.8
    edge: Edge::status(502),
    deed: "closed the connection",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let owed = super::closed_by(c, Side::Server, End::Fin)?;
    c.http2.as_ref()?.settings_frame.server?;
    let asked = super::name(owed.request, owed.exchange.stream);
    let message = format!(
        "{} closed the connection {} after {asked}, {}, and without GOAWAY{}.",
        c.server,
        owed.wait(),
        super::progress(&owed),
        super::others(c, &owed)
    );
    let finding = super::told(&owed, Finding::new(owed.end.frame, Confidence::Certain, message))
        .evidence(owed.end.frame, "FIN from the origin's side")
        .rules_out("http2.stream-reset", "the connection ends, and no RST_STREAM came before")
        .fix("Read the log of the program on this port, and `journalctl -k`, at this time: crash, kill, restart.");
    Some(super::grpc_note(owed.request, finding))
}
