use crate::base::FrameRef;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::http1::{Exchange, FaultKind};
use crate::observation::{Connection, protocol};

cause! {
    /// A request of HTTP/1 is answered in HTTP/2 frames: the port speaks only HTTP/2.
    ///
    /// # What happened
    /// The edge asked in HTTP/1.1, and the origin answered, or greeted it before the request, with a SETTINGS or GOAWAY
    /// frame of HTTP/2. CloudFront speaks HTTP/2 to origins for gRPC only, and load balancers only to target groups of
    /// protocol version HTTP2 or gRPC.
    ///
    /// # Evidence
    /// The request, and bytes of the origin that are frames of HTTP/2.
    ///
    /// # Who must act
    /// Whoever runs the program on this port; or whoever chose the port, or the protocol, for the edge.
    ///
    /// # How to confirm
    /// - `curl -v --http1.1 http://ORIGIN:PORT/` fails, `curl -v --http2-prior-knowledge http://ORIGIN:PORT/` works.
    ///
    /// # How to fix
    /// - HAProxy: `bind` without `proto h2`. Node: `http.createServer`, or `http2.createSecureServer` with
    ///   `allowHTTP1: true`; `http2.createServer` speaks nothing else in clear.
    /// - nginx before 1.25.1: no `http2` on a `listen` without `ssl`. Apache: `Protocols h2c http/1.1`.
    /// - gRPC servers (grpc-go, grpc-java, tonic) speak only HTTP/2: let the edge speak gRPC to them (CloudFront: gRPC
    ///   allowed in the cache behavior, and HTTPS to the origin; ALB: protocol version GRPC), or put a proxy between.
    /// - nghttpd speaks only HTTP/2: put nghttpx, nginx or HAProxy in front.
    ///
    /// # Often confused with
    /// - `http.malformed-status-line`: what comes back is some other protocol.
    /// - `http2.http1-reply`: the same the other way round.
    ///
    /// # References
    /// - RFC 9113 section 3.4, RFC 9112 section 4
    /// - AWS: Amazon CloudFront Developer Guide, "Using gRPC with CloudFront distributions"
    edge: Edge::status(502).detail("OriginInvalidResponseError"),
    supersedes: [
        "http.malformed-status-line", "http.reset-before-response", "http.closed-before-response",
        "http.response-timeout", "http.edge-abandoned", "http.reset-in-response", "http.closed-in-response",
        "http.response-stalled",
    ],
    deed: "answered in HTTP/2",
    needs: [ResponseFault, Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let exchange = c.http.as_ref()?.exchanges.iter().find(|e| e.index == 0)?;
    let request = exchange.request.as_ref().filter(|r| r.version().starts_with("HTTP/1"))?;
    let (frame, greeted) = greeting(c).map(|frame| (frame, true)).or_else(|| Some((answer(c, exchange)?, false)))?;
    let how = if greeted { "greeted the edge" } else { "answered" };
    let asked = super::name(request);
    let message = if greeted {
        format!("{} {how} in HTTP/2 frames, and the edge asked in HTTP/1: {asked}.", c.server)
    } else {
        format!("{} {how} {asked} in HTTP/2 frames: this port speaks only HTTP/2.", c.server)
    };
    let finding = Finding::new(frame.max(request.frame), Confidence::Certain, message).exchange(exchange.index);
    let finding = finding
        .evidence(request.frame, format!("the request, in HTTP/1: {asked}"))
        .evidence(frame, "the origin's bytes: frames of HTTP/2");
    Some(
        finding
            .fix(format!("Let port {} speak HTTP/1.1 as well, or another port do so.", c.server.port))
            .fix("If it is a gRPC server: let the edge speak gRPC to it."),
    )
}

/// Frames in place of a response.
fn answer(c: &Connection, exchange: &Exchange) -> Option<FrameRef> {
    let response = exchange.response.as_ref().filter(|r| super::begins_an_answer(c, exchange, r.frame))?;
    let fault = response.extra.fault.as_ref().filter(|f| f.kind == FaultKind::NoStatusLine)?;
    (protocol(&fault.excerpt) == Some("HTTP/2 frames")).then_some(response.frame)
}

/// Frames before the request.
fn greeting(c: &Connection) -> Option<FrameRef> {
    let http2 = c.http2.as_ref().filter(|http| http.preface.is_none() && http.fault.server.is_none())?;
    http2.settings_frame.server
}
