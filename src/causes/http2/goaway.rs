use crate::base::escape;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::http2::ErrorCode;
use crate::observation::Connection;

cause! {
    /// The origin ended the HTTP/2 connection by GOAWAY while a response was owed.
    ///
    /// # What happened
    /// GOAWAY says that a side will take no more streams, and why. With an error code the connection is broken, and
    /// every response that is owed on it is lost. With NO_ERROR it is a graceful end: streams up to the number that it
    /// names are still answered, later ones were not touched. A request that crosses it on the way is such a later one:
    /// the keep-alive race of HTTP/2. The edge may send it again on another connection.
    ///
    /// # Evidence
    /// The request, the GOAWAY with its error code, its last stream and its text, and no response.
    ///
    /// # Who must act
    /// Whoever runs the program on this port.
    ///
    /// # How to confirm
    /// - The program's log at this time: restart, reload, limits, or what it took for a fault of the edge.
    /// - How old was the connection, and how many requests had it carried? Whole numbers are settings.
    ///
    /// # How to fix
    /// - NO_ERROR: let connections live longer than the edge's pool keeps them. nginx `keepalive_requests`,
    ///   `keepalive_time`, `keepalive_timeout`; Apache `MaxKeepAliveRequests`, `KeepAliveTimeout`; grpc-go
    ///   `MaxConnectionAge`, `MaxConnectionIdle` with `MaxConnectionAgeGrace`; Envoy `max_connection_duration`.
    /// - At deployments: drain (ALB deregistration delay, `nginx -s quit`, HAProxy soft stop) before the program stops.
    /// - ENHANCE_YOUR_CALM: limits against abuse, on PINGs (grpc-go `EnforcementPolicy`), resets or header sizes.
    /// - PROTOCOL_ERROR, COMPRESSION_ERROR, FRAME_SIZE_ERROR: the origin finds fault with the edge's frames; its log
    ///   says which.
    ///
    /// # Often confused with
    /// - A GOAWAY with NO_ERROR after the last response: that is how HTTP/2 connections should end.
    /// - `http2.stream-reset`: one stream fails, the connection goes on.
    ///
    /// # References
    /// - RFC 9113 sections 5.4.1, 6.8 and 7
    edge: Edge::status(502),
    supersedes: [
        "http2.closed-before-response", "http2.reset-before-response", "http2.response-timeout",
        "http2.flow-control-stall",
    ],
    deed: "ended the connection by GOAWAY",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (goaway, exchange, request) = c.goaway_while_owed()?;
    let asked = super::name(request, exchange.stream);
    let text = if goaway.debug.is_empty() { String::new() } else { format!(", \"{}\"", escape(&goaway.debug)) };
    let graceful = goaway.code == ErrorCode::NO_ERROR;
    let late = request.frame > goaway.frame;
    let what = match (graceful, late) {
        (true, true) => "was already closing by GOAWAY (NO_ERROR) when the edge asked",
        (true, false) => "closed by GOAWAY (NO_ERROR) and did not take up",
        (false, _) => "broke the connection by GOAWAY while a response was owed to",
    };
    let message = match graceful {
        true => format!("{} {what} {asked}: the last stream that it answers is {}{text}.", c.server, goaway.last_stream),
        false => format!("{} {what} {asked}: {}{text}.", c.server, goaway.code),
    };
    let at = goaway.frame.max(request.frame);
    let told = format!("GOAWAY from the origin: {}, last stream {}{text}", goaway.code, goaway.last_stream);
    let end = c.certain_end().map(|end| end.frame).filter(|frame| *frame > goaway.frame);
    let finding = Finding::new(at, Confidence::Certain, message)
        .exchange(exchange.index)
        .evidence(request.frame, format!("the request: {asked}"))
        .evidence(goaway.frame, told)
        .evidence_if(end, "the connection ends")
        .rules_out("http2.stream-reset", "it is the connection that ends, not the stream alone");
    Some(super::grpc_note(
        request,
        finding
            .fix_if(!graceful, super::advice(goaway.code))
            .fix_if(graceful, "Raise the age, the number of requests or the idle time at which the origin ends connections, or drain before it stops.")
            .fix("Read the log of the program on this port at this time."),
    ))
}
