use crate::diagnosis::{Edge, Finding};
use crate::observation::http2::Scope;
use crate::observation::Connection;

cause! {
    /// The origin sent a frame of HTTP/2 that cannot be.
    ///
    /// # What happened
    /// A frame is larger than the edge takes, has a length that its type does not have, belongs to a stream where it
    /// must not or to none where it must, has more padding than bytes, or comes in the middle of a header block. Every
    /// client must end the connection then, and with it all requests on it.
    ///
    /// # Evidence
    /// The frame, its place among the origin's bytes, and what the edge did: mostly a GOAWAY with PROTOCOL_ERROR or
    /// FRAME_SIZE_ERROR. If it went on, this is a note.
    ///
    /// # Who must act
    /// Whoever runs, or wrote, the program on this port.
    ///
    /// # How to confirm
    /// - `nghttp -nv http://ORIGIN:PORT/PATH` shows each frame, and ends with the error.
    /// - `tshark -r FILE -d tcp.port==PORT,http2 -Y http2`
    ///
    /// # How to fix
    /// - Take a newer version of the program, or of the HTTP/2 library in it; look whether its list of changes names it.
    /// - Two programs that write to one socket (a debugging print, a process that forked) make such bytes as well.
    /// - Until then let the edge speak HTTP/1.1: ALB protocol version HTTP1; nginx, HAProxy or Caddy in front.
    ///
    /// # Often confused with
    /// - `http2.malformed-message`: the frames are in order, the header fields in them are not.
    /// - `http2.settings-invalid`: it is the first frame, or a value in SETTINGS.
    ///
    /// # References
    /// - RFC 9113 sections 4.2, 5.4.1 and 6
    edge: Edge::status(502),
    supersedes: ["http2.response-timeout", "http2.reset-before-response", "http2.closed-before-response"],
    deed: "sent a malformed frame",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let fault = super::server_fault(c, Scope::Frame)?;
    let message = format!("{} sent {}{}.", c.server, fault.kind, super::outcome(c, fault));
    Some(
        super::faulty(c, fault, message)?
            .evidence(fault.frame, format!("what it breaks: {}", fault.kind.clause()))
            .fix("Look for a newer version of the program on this port, or of its HTTP/2 library."),
    )
}
