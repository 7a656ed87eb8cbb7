use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, HowEnded};

cause! {
    /// The origin reset a stream of HTTP/2 (RST_STREAM) while its response was owed.
    ///
    /// # What happened
    /// RST_STREAM ends one request and leaves the connection alone; its error code says why. The program failed or gave
    /// up (INTERNAL_ERROR, CANCEL), did not begin (REFUSED_STREAM), or found fault with the request (PROTOCOL_ERROR). A
    /// proxy does so, too, when its own upstream breaks off in the middle of a response.
    ///
    /// # Evidence
    /// The request, RST_STREAM from the origin with its code, and no END_STREAM of a response before it.
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - The program's log at this time. HAProxy: termination state. nginx error.log: "upstream prematurely closed".
    /// - `nghttp -nv http://ORIGIN:PORT/PATH` or `grpcurl` shows the code.
    ///
    /// # How to fix
    /// - INTERNAL_ERROR, CANCEL: mend what the log names; in Node, `stream.close()` and uncaught errors reset; in gRPC,
    ///   a server that runs into its own deadline.
    /// - REFUSED_STREAM: allow more streams: nginx `http2_max_concurrent_streams`, HAProxy
    ///   `tune.h2.max-concurrent-streams`, Node `maxConcurrentStreams`, grpc-go `MaxConcurrentStreams`.
    /// - ENHANCE_YOUR_CALM: limits against abuse. HTTP_1_1_REQUIRED: speak HTTP/1.1 to it (ALB protocol version HTTP1).
    ///
    /// # Often confused with
    /// - RST_STREAM with NO_ERROR after a whole response: the origin does not want the rest of the upload, and all is
    ///   well (RFC 9113 section 8.1).
    /// - `http2.goaway`: the whole connection ends.
    ///
    /// # References
    /// - RFC 9113 sections 5.4.2, 6.4 and 7
    edge: Edge::status(502),
    deed: "reset a stream",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let by_origin = |owed: &crate::observation::OwedStream<'_>| {
        owed.end.side == Side::Server && matches!(owed.end.how, HowEnded::Reset(_))
    };
    let owed = c.owed_streams().find(by_origin)?;
    let HowEnded::Reset(code) = owed.end.how else { return None };
    let message = format!(
        "{} reset {} with {code}, {} after its last packet, {}.",
        c.server,
        super::name(owed.request, owed.exchange.stream),
        owed.wait(),
        super::progress(&owed)
    );
    let finding = super::told(&owed, Finding::new(owed.end.frame, Confidence::Certain, message))
        .evidence(owed.end.frame, format!("RST_STREAM from the origin: {code}"))
        .rules_out("http2.response-timeout", "the origin ended the stream, not the edge")
        .fix(super::advice(code));
    Some(super::grpc_note(owed.request, finding))
}
