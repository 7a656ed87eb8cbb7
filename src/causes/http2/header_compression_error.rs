use crate::diagnosis::{Edge, Finding};
use crate::observation::http2::Scope;
use crate::observation::Connection;

cause! {
    /// The origin sent header fields that cannot be decompressed.
    ///
    /// # What happened
    /// HTTP/2 compresses header fields with a table that both sides keep (HPACK). A block of the origin names an entry
    /// that its table does not have, breaks off within a field, or holds a string that is not in the code. From there
    /// on no later block can be read either: every client must end the connection.
    ///
    /// # Evidence
    /// The block, decompressed from the first of the connection on, and what the edge did: mostly a GOAWAY with
    /// COMPRESSION_ERROR. If it went on, this is a note.
    ///
    /// # Who must act
    /// Whoever runs, or wrote, the program on this port.
    ///
    /// # How to confirm
    /// - `nghttp -nv http://ORIGIN:PORT/PATH`, several times over one connection: the fault may need a filled table.
    ///
    /// # How to fix
    /// - Take a newer version of the program, or of the HTTP/2 library in it.
    /// - Node, grpc-node: a table of size 0 (`settings: { headerTableSize: 0 }`) hides faults of the table.
    /// - Until then let the edge speak HTTP/1.1: ALB protocol version HTTP1; nginx, HAProxy or Caddy in front.
    ///
    /// # Often confused with
    /// - `http2.goaway` with COMPRESSION_ERROR by the origin: there it is the edge's block that cannot be read.
    ///
    /// # References
    /// - RFC 7541 sections 2.3.3, 5.1 and 5.2; RFC 9113 section 4.3
    edge: Edge::status(502),
    supersedes: ["http2.response-timeout", "http2.reset-before-response", "http2.closed-before-response"],
    deed: "sent header fields that cannot be decompressed",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let fault = super::server_fault(c, Scope::Compression)?;
    let message = format!("{} sent {}{}.", c.server, fault.kind, super::outcome(c, fault));
    Some(
        super::faulty(c, fault, message)?
            .evidence(fault.frame, format!("what it breaks: {}", fault.kind.clause()))
            .fix("Look for a newer version of the program on this port, or of its HTTP/2 library."),
    )
}
