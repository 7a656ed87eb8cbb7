use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::Connection;

cause! {
    /// The edge begins HTTP/2, and the origin answers in HTTP/1.
    ///
    /// # What happened
    /// The edge sent the preface of HTTP/2 (`PRI * HTTP/2.0`), because it was told that the origin speaks that, or by
    /// ALPN. The origin took it for a request of HTTP/1 and refused it, mostly with 400, 405 or 505.
    ///
    /// # Evidence
    /// The preface, and a response that begins with `HTTP/1`.
    ///
    /// # Who must act
    /// Whoever runs the program on this port; or whoever told the edge to speak HTTP/2 or gRPC to it.
    ///
    /// # How to confirm
    /// - `curl -v --http2-prior-knowledge http://ORIGIN:PORT/` fails, `curl -v --http1.1 http://ORIGIN:PORT/` works.
    ///
    /// # How to fix
    /// - nginx: `http2 on;` (from 1.25.1), `listen PORT http2` (before). HAProxy: `bind :PORT proto h2`. Apache:
    ///   `Protocols h2c http/1.1` with mod_http2. Node: the module `http2`. Caddy: `servers { protocols h1 h2c }`.
    /// - gunicorn, Node's `http`, PHP and most application servers speak no HTTP/2: put a proxy in front.
    /// - ALB: protocol version HTTP1 in the target group. CloudFront speaks HTTP/2 to origins for gRPC only: is gRPC
    ///   switched on in a cache behavior whose origin is no gRPC server?
    ///
    /// # Often confused with
    /// - `http.http2-reply`: the same the other way round.
    /// - `http2.preface-not-answered`: the origin says nothing at all.
    ///
    /// # References
    /// - RFC 9113 section 3.3
    /// - AWS: Application Load Balancers, target groups, protocol version; Amazon CloudFront Developer Guide, "Using
    ///   gRPC with CloudFront distributions"
    edge: Edge::status(502).detail("OriginInvalidResponseError"),
    supersedes: [
        "http2.preface-not-answered", "http2.response-timeout", "http2.reset-before-response",
        "http2.closed-before-response", "app.origin-502", "app.origin-503", "app.origin-504", "app.origin-500",
    ],
    deed: "answered in HTTP/1",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let preface = c.http2.as_ref().filter(|http| http.frames.server == 0)?.preface?;
    let http = c.http.as_ref()?;
    let exchanges = http.exchanges.iter().filter(|e| e.request.is_none()).filter_map(|e| e.response.as_ref());
    let mut responses = exchanges.chain(http.unsolicited.iter().filter_map(|u| u.response.as_deref()));
    let response = responses.find(|r| r.status > 0)?;
    let server = response.server.as_deref().map(|name| format!(" (Server: {name})")).unwrap_or_default();
    let message = format!(
        "{} answered the edge's preface of HTTP/2 in {}, with status {}{server}: this port speaks no HTTP/2.",
        c.server, response.version(), response.status
    );
    Some(
        Finding::new(response.frame, Confidence::Certain, message)
            .evidence(preface, "the edge's preface: PRI * HTTP/2.0")
            .evidence(response.frame, format!("the origin's answer: {} {}", response.version(), response.status))
            .rules_out("http2.preface-not-answered", "the origin did answer")
            .fix(format!("Let port {} of the origin speak HTTP/2, or the edge HTTP/1.1.", c.server.port)),
    )
}
