use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Closer, Connection, End};

cause! {
    /// The edge begins HTTP/2, and the origin answers with no byte.
    ///
    /// # What happened
    /// The edge sent the preface of HTTP/2 (`PRI * HTTP/2.0`) and its SETTINGS, perhaps requests as well. The origin
    /// did not send its own SETTINGS: it closed or reset the connection, or kept silent until the edge gave up. Mostly
    /// its port does not speak HTTP/2, and waits for, or hangs up on, what it takes for a broken request.
    ///
    /// # Evidence
    /// The preface, no byte of the origin after it, and the end of the connection.
    ///
    /// # Who must act
    /// Whoever runs the program on this port; or whoever told the edge to speak HTTP/2 or gRPC to it.
    ///
    /// # How to confirm
    /// - `curl -v --http2-prior-knowledge http://ORIGIN:PORT/` fails and `curl -v --http1.1 http://ORIGIN:PORT/` works;
    ///   inside TLS, `openssl s_client -connect ORIGIN:PORT -alpn h2` shows "No ALPN negotiated".
    ///
    /// # How to fix
    /// - nginx: `http2 on;` (from 1.25.1), `listen PORT http2` or `listen 443 ssl http2` (before). HAProxy:
    ///   `bind :PORT proto h2` in clear, `bind :443 ssl crt FILE alpn h2,http/1.1`. Apache: `Protocols h2 h2c http/1.1`.
    /// - Caddy: `servers { protocols h1 h2 h2c }` for HTTP/2 in clear. Node: the module `http2`.
    /// - Or the other side: an ALB target group of protocol version HTTP1, gRPC switched off in the cache behavior of
    ///   CloudFront, which speaks HTTP/2 to origins for gRPC only.
    ///
    /// # Often confused with
    /// - `http2.http1-reply`: the origin answers in HTTP/1.
    /// - `http2.closed-before-response`: the origin speaks HTTP/2, and closes without a response.
    ///
    /// # References
    /// - RFC 9113 section 3.4
    /// - AWS: Application Load Balancers, target groups, protocol version
    edge: Edge::status(502),
    supersedes: [
        "http2.response-timeout", "http2.reset-before-response", "http2.closed-before-response",
        "http2.flow-control-stall", "http.request-not-read",
    ],
    deed: "did not answer in HTTP/2",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let http = c.http2.as_ref().filter(|http| !http.lost.server && c.counts_all())?;
    let preface = http.preface?;
    let answered = http.frames.server > 0 || http.fault.server.is_some() || c.http.is_some();
    let end = c.certain_end().filter(|end| end.frame > preface)?;
    let wait = end.frame.since(preface);
    let by_origin = end.side == Side::Server;
    if answered || (!by_origin && wait < super::TIMEOUT) || c.foreign.server.is_some() {
        return None;
    }
    let confidence = if by_origin { Confidence::Certain } else { super::timeout_confidence(wait) };
    let message = match by_origin {
        true => format!("{} {} {wait} after the edge's preface of HTTP/2, without a byte.", c.server, deed(&end)),
        false => format!(
            "{} did not answer the edge's preface of HTTP/2 with a byte in {wait}, and the edge gave up.",
            c.server
        ),
    };
    let who = if by_origin { "the origin" } else { "the edge" };
    Some(
        Finding::new(end.frame, confidence, message)
            .waited((!by_origin).then_some(wait))
            .evidence(preface, "the edge's preface: PRI * HTTP/2.0")
            .evidence(end.frame, format!("{} from {who}", how(&end)))
            .rules_out("http2.http1-reply", "the origin sent no byte")
            .fix(format!("Let port {} of the origin speak HTTP/2, or the edge HTTP/1.1.", c.server.port)),
    )
}

fn how(end: &Closer) -> &'static str {
    if end.how == End::Rst { "RST" } else { "FIN" }
}

fn deed(end: &Closer) -> &'static str {
    if end.how == End::Rst { "reset the connection" } else { "closed the connection" }
}
