use crate::base::Side;
use crate::diagnosis::{Edge, Finding, RestsOn, SecondLook};
use crate::observation::{Connection, HowEnded, OwedStream};

cause! {
    /// The origin did not answer a request in HTTP/2, or not to its end, until the edge gave up.
    ///
    /// # What happened
    /// The request was sent to its end, and the origin's HTTP/2 is alive (it sent its SETTINGS); but no HEADERS came, or
    /// the response stood still without END_STREAM, until the edge reset the stream (mostly CANCEL) or ended the
    /// connection. CloudFront waits 30 s for a response by default, a load balancer 60 s; for gRPC the viewer's own
    /// deadline may end it sooner.
    ///
    /// # Evidence
    /// The request with END_STREAM, then nothing on that stream for at least a second, then RST_STREAM, FIN or RST from
    /// the edge.
    ///
    /// # Who must act
    /// Whoever runs the program that answers, or sets the edge's timeout.
    ///
    /// # How to confirm
    /// - How long does the same request take on the host itself? `time curl --http2-prior-knowledge ...`, `grpcurl`.
    /// - Are other streams of the same connection answered meanwhile? Then it is this request, not the program.
    ///
    /// # How to fix
    /// - Make the answer faster, or begin it sooner: HEADERS first, DATA as it comes.
    /// - CloudFront: raise the origin's response timeout (up to 120 s, more by quota). ALB: `idle_timeout`.
    /// - gRPC: a stream that is idle by design needs messages within the timeout; PING does not count as a response.
    /// - nginx `grpc_read_timeout`, HAProxy `timeout server`: longer than the edge's, so that they tell what happened.
    ///
    /// # Often confused with
    /// - `http2.flow-control-stall`: a window was used up.
    /// - A viewer that hung up: then the edge ends the stream at no particular time.
    ///
    /// # References
    /// - RFC 9113 section 5.4.2
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, response timeout
    edge: Edge::status(504).detail("OriginCommError"),
    rests_on: RestsOn::Duration("how long the edge waited"),
    second_look: SecondLook::RecurringWait,
    deed: "did not answer in time",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let timed_out = |owed: &OwedStream<'_>| {
        owed.end.side == Side::Client && owed.request.complete && owed.wait() >= super::TIMEOUT
    };
    let owed = c.owed_streams().find(timed_out)?;
    c.http2.as_ref()?.settings_frame.server?;
    let wait = owed.wait();
    let asked = super::name(owed.request, owed.exchange.stream);
    let (ended, evidence) = match owed.end.how {
        HowEnded::Reset(code) => (format!("reset it ({code})"), format!("RST_STREAM from the edge: {code}")),
        HowEnded::Connection(_) => ("ended the connection".to_owned(), "the edge ends the connection".to_owned()),
    };
    let message = match owed.response {
        None => format!("{} did not answer {asked} in {wait}; then the edge {ended}{}.", c.server, super::others(c, &owed)),
        Some(r) => format!(
            "{} stopped in the response to {asked} after {} bytes of DATA, for {wait}; then the edge {ended}.",
            c.server, r.body_bytes
        ),
    };
    let finding = Finding::new(owed.end.frame, super::timeout_confidence(wait), message).waited(Some(wait));
    Some(
        super::told(&owed, finding)
            .evidence(owed.end.frame, evidence)
            .rules_out("http2.stream-reset", "the edge ended it, not the origin")
            .fix("Find out what this request waits for in the program; begin the response sooner, or raise the edge's timeout."),
    )
}
