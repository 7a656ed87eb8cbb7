use crate::base::escape;
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::Connection;

cause! {
    /// A call of gRPC was answered with a status other than OK.
    ///
    /// # What happened
    /// The connection, the streams and the responses are in order, mostly with `:status` 200. The outcome of a call is
    /// told after the messages, in the trailers, by `grpc-status`: here it is not 0. CloudFront passes that on; only the
    /// client sees an error.
    ///
    /// # Evidence
    /// The request, and the trailers with `grpc-status` and, if there is one, `grpc-message`.
    ///
    /// # Who must act
    /// Whoever runs the service that answers; for INVALID_ARGUMENT, NOT_FOUND and the like whoever calls it.
    ///
    /// # How to confirm
    /// - `grpcurl -v -d @ HOST:PORT PACKAGE.SERVICE/METHOD` on the origin host, with the same message.
    ///
    /// # How to fix
    /// - UNAVAILABLE (14) from a proxy: its upstream is down (nginx `grpc_pass`, Envoy, HAProxy); look there.
    /// - DEADLINE_EXCEEDED (4): the client's deadline is shorter than the work takes.
    /// - UNIMPLEMENTED (12): another service, or an older version of it, listens on this port.
    /// - RESOURCE_EXHAUSTED (8): limits on the size of messages or on calls. UNAUTHENTICATED (16), PERMISSION_DENIED (7):
    ///   does the edge forward the header fields that the service wants (`authorization`)?
    ///
    /// # Often confused with
    /// - `http2.stream-reset`: the call has no outcome at all.
    /// - `app.origin-502` and its like: there `:status` itself tells the error.
    ///
    /// # References
    /// - RFC 9113 section 8.1
    /// - AWS: Amazon CloudFront Developer Guide, "Using gRPC with CloudFront distributions"
    effect: Effect::Note,
    deed: "answered a call of gRPC with an error",
    needs: [Http2],
    detect: detect,
}

/// The names of the statuses, as gRPC gives them.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A path is shown up to this many characters: a message is one sentence.
const PATH_SHOWN: usize = 80;

fn detect(c: &Connection) -> Option<Finding> {
    let http = c.http2.as_ref()?;
    let is_error = |e: &&crate::observation::http2::Exchange| e.grpc_status().is_some_and(|status| status > 0);
    let exchange = http.exchanges.iter().find(is_error)?;
    let total = http.exchanges.iter().filter(is_error).count();
    let trailers = exchange.response.as_ref()?.trailers.as_ref()?;
    let status = told(trailers.grpc_status?);
    let text = trailers.grpc_message.as_deref().filter(|text| !text.is_empty());
    let text = text.map(|text| format!(", \"{}\"", escape(text))).unwrap_or_default();
    let asked = exchange.request.as_ref().map(|r| r.path.chars().take(PATH_SHOWN).collect::<String>());
    let asked = asked.unwrap_or_else(|| "a call".to_owned());
    let more = if total > 1 { format!("; {} more calls on this connection failed so", total - 1) } else { String::new() };
    let message =
        format!("{} answered {asked} on stream {} with gRPC status {status}{text}{more}.", c.server, exchange.stream);
    let finding = Finding::new(trailers.frame, Confidence::Certain, message).exchange(exchange.index);
    let request = exchange.request.as_ref().map(|r| r.frame);
    Some(
        finding
            .evidence_if(request, format!("the call: {asked}"))
            .evidence(trailers.frame, format!("the trailers: grpc-status {status}{text}"))
            .rules_out("http2.stream-reset", "the call has an outcome")
            .fix("Look for this call in the log of the service; if a proxy made the status, in its own."),
    )
}

/// `14 (UNAVAILABLE)`.
fn told(status: u32) -> String {
    match NAMES.get(status as usize) {
        Some(name) => format!("{status} ({name})"),
        None => status.to_string(),
    }
}
