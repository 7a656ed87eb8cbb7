use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Effect, Finding, RestsOn};
use crate::observation::http2::Transcript;
use crate::observation::{Connection, OwedStream};

cause! {
    /// Flow control of HTTP/2 stood still until somebody gave up.
    ///
    /// # What happened
    /// A side may send DATA only as far as the other's window goes, 65,535 bytes at first; the receiver opens it again by
    /// WINDOW_UPDATE as it reads. Here the edge had more of a request to send, the window was used up to the last byte,
    /// and the origin did not open it again: its program does not read the body. The other way round, the origin had more
    /// of a response, and the edge did not read: its viewer is slow or gone, and nothing is wrong with the origin.
    ///
    /// # Evidence
    /// The request, the last DATA, and the windows of stream and connection, counted from the settings of both sides and
    /// every WINDOW_UPDATE: one of them is 0. Then the end of the stream or of the connection.
    ///
    /// # Who must act
    /// Whoever wrote the program that takes the upload; for a response that stands still, nobody at the origin.
    ///
    /// # How to confirm
    /// - `curl --http2-prior-knowledge --data-binary @BIGFILE http://ORIGIN:PORT/PATH` stops at 65,535 bytes.
    /// - `tshark -r FILE -d tcp.port==PORT,http2 -Y 'http2.type == 8'` lists each WINDOW_UPDATE.
    ///
    /// # How to fix
    /// - Read the body to its end, or answer without it and reset the stream with NO_ERROR. Node: consume the stream
    ///   (`stream.resume()`), do not `pause()` it for good. gRPC: receive every message of a client's stream.
    /// - A larger window only hides it: Node `initialWindowSize`, HAProxy `tune.h2.fe.initial-window-size`, nginx
    ///   `http2_body_preread_size`.
    /// - A proxy that waits for its upstream: look there.
    ///
    /// # Often confused with
    /// - `http2.response-timeout`: all was sent, and the origin does not answer.
    /// - A window of TCP that is shut: the host does not read from the socket at all.
    ///
    /// # References
    /// - RFC 9113 sections 5.2 and 6.9
    edge: Edge::UNKNOWN,
    rests_on: RestsOn::Duration("how long the window was used up"),
    supersedes: ["http2.response-timeout", "http2.closed-before-response", "http2.reset-before-response"],
    deed: "did not read the request",
    needs: [Http2],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let http = c.http2.as_ref().filter(|http| !http.lost.client && c.counts_all())?;
    let long = |owed: &OwedStream<'_>| owed.wait() >= super::TIMEOUT;
    c.owed_streams().filter(long).find_map(|owed| upload(c, http, &owed).or_else(|| download(c, http, &owed)))
}

/// Which window of a side is used up.
fn used_up(http: &Transcript, owed: &OwedStream<'_>, side: Side) -> Option<&'static str> {
    match (owed.exchange.window[side], http.window[side]) {
        (..=0, _) => Some("stream"),
        (_, ..=0) => Some("connection"),
        _ => None,
    }
}

/// The origin does not read the request.
fn upload(c: &Connection, http: &Transcript, owed: &OwedStream<'_>) -> Option<Finding> {
    let which = used_up(http, owed, Side::Client).filter(|_| !owed.request.complete && owed.response.is_none())?;
    let message = format!(
        "{} read {} bytes of {} and let its window for the {which} run out: for {} the edge could send nothing more.",
        c.server,
        owed.request.body_bytes,
        super::name(owed.request, owed.exchange.stream),
        owed.wait()
    );
    let finding = super::told(owed, Finding::new(owed.end.frame, Confidence::Certain, message));
    Some(
        finding
            .evidence(owed.end.frame, format!("the end, with a window of the {which} of 0 bytes and no WINDOW_UPDATE"))
            .rules_out("http2.response-timeout", "the request was not whole")
            .fix("Let the program read the body to its end, or answer and reset the stream with NO_ERROR."),
    )
}

/// The edge does not read the response.
fn download(c: &Connection, http: &Transcript, owed: &OwedStream<'_>) -> Option<Finding> {
    let response = owed.response?;
    let which = used_up(http, owed, Side::Server)?;
    let message = format!(
        "The edge took {} bytes of the response to {} and left its window for the {which} shut for {}: {} could send nothing more.",
        response.body_bytes,
        super::name(owed.request, owed.exchange.stream),
        owed.wait(),
        c.server
    );
    let finding = super::told(owed, Finding::new(owed.end.frame, Confidence::Certain, message));
    Some(
        finding
            .effect(Effect::Inconclusive)
            .evidence(owed.end.frame, format!("the end, with a window of the {which} of 0 bytes and no WINDOW_UPDATE"))
            .fix("Nothing on the origin: look for this request in the edge's log; its viewer was slow, or had gone."),
    )
}
