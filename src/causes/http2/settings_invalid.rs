use crate::diagnosis::{Edge, Finding};
use crate::observation::http2::{FaultKind, Scope};
use crate::observation::{Connection, protocol};

cause! {
    /// The origin's SETTINGS are missing, or hold what they cannot hold.
    ///
    /// # What happened
    /// A server begins HTTP/2 with a SETTINGS frame, and a few settings have bounds: a largest frame of 16,384 to
    /// 16,777,215 bytes, a window below 2,147,483,648, no push by a server. Here the first bytes are something else, or
    /// a value is out of bounds, and every client must end the connection.
    ///
    /// # Evidence
    /// The preface of the edge, the origin's bytes, and what the edge did: a GOAWAY with PROTOCOL_ERROR,
    /// FLOW_CONTROL_ERROR or FRAME_SIZE_ERROR, or the end of the connection. If it went on, this is a note.
    ///
    /// # Who must act
    /// Whoever runs, or wrote, the program on this port.
    ///
    /// # How to confirm
    /// - `nghttp -nv http://ORIGIN:PORT/` shows the SETTINGS frame and what the client thinks of it.
    ///
    /// # How to fix
    /// - Set the values within their bounds: HAProxy `tune.h2.max-frame-size`, `tune.h2.initial-window-size`; Node
    ///   `settings: { maxFrameSize, initialWindowSize }`; nginx and Apache set sane ones themselves.
    /// - First bytes of another protocol: the port is another program's; set the one of the web server.
    /// - A library of one's own: take a well-kept one (nghttp2, h2, grpc).
    ///
    /// # Often confused with
    /// - `http2.http1-reply`: the first bytes are a response of HTTP/1.
    /// - `http2.malformed-frame`: the SETTINGS are in order, and a later frame is not.
    ///
    /// # References
    /// - RFC 9113 sections 3.4, 6.5 and 6.5.2
    edge: Edge::status(502),
    supersedes: [
        "http2.preface-not-answered", "http2.malformed-frame", "http2.response-timeout",
        "http2.reset-before-response", "http2.closed-before-response",
    ],
    deed: "sent invalid SETTINGS",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    c.http2.as_ref()?.preface?;
    let fault = super::server_fault(c, Scope::Settings)?;
    let what = match fault.kind {
        FaultKind::NoSettings => {
            let known = protocol(&fault.excerpt).map(|what| format!(", {what}")).unwrap_or_default();
            format!("answered the edge's preface of HTTP/2 with something else than SETTINGS{known}")
        }
        kind => format!("sent {kind}, which no SETTINGS frame may hold"),
    };
    let message = format!("{} {what}{}.", c.server, super::outcome(c, fault));
    Some(
        super::faulty(c, fault, message)?
            .fix("Look at the settings of HTTP/2 in the configuration of the program on this port."),
    )
}
