use crate::base::Side;
use crate::diagnosis::{Edge, Finding, RestsOn};
use crate::observation::{Connection, End};

cause! {
    /// The response began and then stopped, until the edge gave up.
    ///
    /// # What happened
    /// The origin sent the beginning of a response, then nothing more for as long as the edge waits between two packets
    /// (the origin's response timeout, 30 s by default). The edge ended the connection with the response unfinished.
    ///
    /// # Evidence
    /// The beginning of the response, all of it acknowledged by the edge; a silence of at least a second; then FIN or
    /// RST from the edge.
    ///
    /// # Who must act
    /// Whoever runs the program that makes the response, or what it waits for while it streams.
    ///
    /// # How to confirm
    /// - `curl -N --trace-time -v` on the host itself: where does the output stop?
    /// - The log of the program and of the proxy before it: nginx "upstream timed out ... while reading upstream".
    ///
    /// # How to fix
    /// - Streams with pauses (server-sent events, long polls, exports): send something more often than the response
    ///   timeout, or raise it in the distribution.
    /// - A Content-Length larger than the body makes every reader wait: let the server compute it.
    /// - nginx: `proxy_read_timeout`, `proxy_buffering off` for streams; HAProxy `timeout server`, `timeout tunnel`;
    ///   Apache `ProxyTimeout`; Node: end the response in every branch (`response.end()`); gunicorn: a generator that
    ///   blocks.
    ///
    /// # Often confused with
    /// - `http.response-timeout`: there not a byte of the response had come.
    /// - `http.closed-in-response`: there the origin ended the connection.
    ///
    /// # References
    /// - RFC 9112 section 8
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, response timeout (between packets)
    edge: Edge::UNKNOWN,
    rests_on: RestsOn::Silence("whether the response went on before the edge gave up"),
    deed: "broke off its response",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let cut = c.unfinished().filter(|u| u.end.side == Side::Client && u.stood_still() >= super::TIMEOUT)?;
    // What the edge had not received when it gave up was lost on the way; what it had no room for it did not want.
    if cut.end.unread || c.tcp.odd.zero_windows.client > 0 {
        return None;
    }
    let (end, wait) = (cut.end.frame, cut.stood_still());
    let how = if cut.end.how == End::Rst { "RST" } else { "FIN" };
    let message = format!(
        "{} began to answer {} and then stopped for {wait}, until the edge gave up: {}.",
        c.server,
        super::name(cut.request),
        super::missing(cut.response)
    );
    Some(
        Finding::new(end, super::timeout_confidence(wait), message)
            .exchange(cut.exchange.index)
            .edge(super::seen_by_viewer(cut.response))
            .evidence(cut.request.frame, format!("the request: {}", super::name(cut.request)))
            .evidence(cut.response.frame, format!("the response begins: status {}", cut.response.status))
            .evidence(cut.last_word(), "the last of it before the silence")
            .evidence(end, format!("{how} from the edge, after {wait} of silence"))
            .rules_out("http.response-timeout", format!("the response began in frame {}", cut.response.frame.named()))
            .rules_out("http.closed-in-response", "the edge ended the connection, not the origin")
            .fix("Find out what the program waits for while it sends the body.")
            .fix("If pauses are part of it: send something more often than the origin's response timeout, or raise it in the distribution."),
    )
}
