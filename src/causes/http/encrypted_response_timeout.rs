use crate::base::Side;
use crate::diagnosis::{Edge, Finding, RestsOn, SecondLook};
use crate::observation::{Connection, End};

cause! {
    /// The origin did not answer an encrypted request, until the edge gave up waiting.
    ///
    /// # What happened
    /// The TLS handshake succeeds, the edge sends application data and the host acknowledges it; no application data
    /// comes back. The edge waited for its response timeout (30 s by default) and ended the connection. What lies
    /// inside of TLS cannot be read without keys; by all appearance it is `http.response-timeout`.
    ///
    /// # Evidence
    /// The handshake, application data from the edge, a silence of at least a second, then the edge's end of the
    /// connection. In TLS 1.3 session tickets look like data: two records of one length are taken for them.
    ///
    /// # Who must act
    /// Whoever runs the program that answers, or what it waits for.
    ///
    /// # How to confirm
    /// - The program's access log with response times (nginx `$request_time` and status 499, Apache `%D`, HAProxy
    ///   timers).
    /// - CloudFront's log: OriginCommError, and `time-taken` near the timeout or a multiple of it.
    /// - Capture again with a key log, and give it as `--keylog`: Node `--tls-keylog`, Go `KeyLogWriter`, `openssl s_server
    ///   -keylogfile`, Apache `SSLKEYLOGFILE`, HAProxy `tune.ssl.keylog on`; nginx and Java need something put before
    ///   them. `docs/keylog.md` has each. Or capture behind the program that ends TLS.
    ///
    /// # How to fix
    /// - As for `http.response-timeout`: make the request fast, add workers (gunicorn `--workers`, Apache
    ///   `MaxRequestWorkers`, PHP-FPM `pm.max_children`; Node: do not block the event loop).
    /// - Or raise the response timeout of the origin in the distribution, and the timeouts behind it: nginx
    ///   `proxy_read_timeout`, HAProxy `timeout server`, ALB `idle_timeout`.
    ///
    /// # Often confused with
    /// - An idle connection that the edge closes after a response: there application data came back.
    /// - `http.encrypted-closed-before-response`: the origin ended the connection.
    ///
    /// # References
    /// - RFC 9110 section 15.6.5
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 504 status code (Gateway Timeout)"
    edge: Edge::status(504).detail("OriginCommError"),
    rests_on: RestsOn::Silence("whether the origin answered before the edge gave up"),
    second_look: SecondLook::RecurringWait,
    deed: "did not answer in time",
    needs: [HiddenRequest],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let request = c.unanswered_encrypted().filter(|r| r.end.side == Side::Client && r.wait() >= super::TIMEOUT)?;
    let acknowledged = c.tcp.unacknowledged(Side::Client) == 0;
    // A pause in a connection that has been answered before may also be the idle time before the edge's farewell.
    if !acknowledged || request.answered_before.is_some() {
        return None;
    }
    let (end, wait) = (request.end.frame, request.wait());
    let how = if request.end.how == End::Rst { "RST" } else { "FIN" };
    let confidence = super::timeout_confidence(wait).min(super::encrypted_confidence(&request));
    let message =
        format!("{} did not answer the edge's request (encrypted) within {wait}; then the edge gave up.", c.server);
    Some(
        super::told_encrypted(&request, Finding::new(end, confidence, message).waited(Some(wait)))
            .evidence(end, format!("{how} from the edge, after {wait} of silence"))
            .rules_out("http.encrypted-closed-before-response", "the edge ended the connection, not the origin")
            .fix("Find out what the program waited for at this time: its log, slow queries, busy workers.")
            .fix("If it may take this long: raise the response timeout of the origin in the distribution, and the timeouts behind it.")
            .fix("To see the request itself: capture with a key log, or behind the program that ends TLS."),
    )
}
