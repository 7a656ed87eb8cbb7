use crate::diagnosis::{Edge, Finding};
use crate::observation::Connection;

cause! {
    /// A response in HTTP/2 that is none: its frames are in order, what they say is not.
    ///
    /// # What happened
    /// The response has no `:status`, or one that is no number; a header field that HTTP/2 does not allow (`connection`,
    /// `transfer-encoding`, upper-case letters, line ends); DATA before its head; or a Content-Length that is not the
    /// length of its DATA. A client must treat it as a fault of the stream. Programs that copy fields of HTTP/1 into
    /// HTTP/2 are the usual source.
    ///
    /// # Evidence
    /// The header block or the frame, and what the edge did: mostly RST_STREAM with PROTOCOL_ERROR. If it took the
    /// response all the same, this is a note: clients differ in what they let pass.
    ///
    /// # Who must act
    /// Whoever wrote the program that makes the response.
    ///
    /// # How to confirm
    /// - `nghttp -nv http://ORIGIN:PORT/PATH` names the field and the error; `curl --http2-prior-knowledge -v` as well.
    ///
    /// # How to fix
    /// - Do not set `Connection`, `Keep-Alive`, `Transfer-Encoding` or `Upgrade` on a response in HTTP/2; drop them where
    ///   fields of an upstream are copied (nginx `proxy_hide_header`, HAProxy `http-response del-header`, Node: delete
    ///   them before `stream.respond`).
    /// - Content-Length: leave it out, or count bytes and not characters; do not compress after it was set.
    /// - gRPC: trailers only behind a HEADERS frame with `:status` 200.
    ///
    /// # Often confused with
    /// - `http2.malformed-frame`: the frame itself cannot be.
    /// - `app.grpc-error`: a response in order that tells of an error.
    ///
    /// # References
    /// - RFC 9113 sections 8.1.1, 8.2 and 8.3
    edge: Edge::status(502),
    supersedes: ["http2.response-timeout", "http2.reset-before-response", "http2.closed-before-response"],
    deed: "sent a malformed response",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let http = c.http2.as_ref()?;
    let (exchange, fault) = http.exchanges.iter().find_map(|e| Some((e, e.fault.server.as_ref()?)))?;
    let asked = exchange.request.as_ref().map(|r| super::name(r, exchange.stream));
    let asked = asked.unwrap_or_else(|| format!("stream {}", exchange.stream));
    let message = format!(
        "{} answered {asked} with a malformed response ({}){}.",
        c.server,
        fault.kind,
        super::outcome(c, fault)
    );
    let finding = super::faulty(c, fault, message)?;
    let finding = match &exchange.request {
        Some(request) => finding.evidence(request.frame, format!("the request: {asked}")),
        None => finding,
    };
    Some(
        finding
            .evidence(fault.frame, format!("what it breaks: {}", fault.kind.clause()))
            .fix("Look for the code that sets header fields, or the length, of this response."),
    )
}
