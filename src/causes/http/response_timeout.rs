use crate::base::Side;
use crate::diagnosis::{Edge, Finding, RestsOn, SecondLook};
use crate::observation::{Connection, End};

cause! {
    /// The origin did not begin to answer, until the edge gave up waiting.
    ///
    /// # What happened
    /// The request arrived and was acknowledged; the program that should answer it is slow or stuck. The edge waited
    /// for its response timeout (30 s by default, 1 to 120 s by setting, more by quota) and ended the connection.
    ///
    /// # Evidence
    /// The whole request, acknowledged by the host; a silence of at least a second; then FIN or RST from the edge. A
    /// silence near a whole number of seconds is a timeout by all appearance (`likely`); any other length may also be a
    /// viewer who left (`possible`).
    ///
    /// # Who must act
    /// Whoever runs the program that answers, or what it waits for: database, upstream, lock.
    ///
    /// # How to confirm
    /// - The program's access log with response times (nginx `$request_time`, `$upstream_response_time`; Apache `%D`;
    ///   HAProxy timers): was the request still running? nginx logs 499 when its client leaves first.
    /// - CloudFront's log: `x-edge-detailed-result-type` is OriginCommError, `time-taken` the timeout or a multiple, as
    ///   GET and HEAD are tried again.
    /// - ALB in front: its log has `target_processing_time` -1 when the target does not answer within the idle timeout.
    ///
    /// # How to fix
    /// - Make the request fast, or answer at once and let the client ask again (202, polling).
    /// - More workers where requests queue: gunicorn `--workers`, `--threads`; Apache `MaxRequestWorkers`; PHP-FPM
    ///   `pm.max_children`; Node: do not block the event loop.
    /// - If it may take long: raise the origin's response timeout in the distribution, and every timeout behind it:
    ///   nginx `proxy_read_timeout` (60 s), HAProxy `timeout server`, Apache `ProxyTimeout`, ALB `idle_timeout` (60 s),
    ///   gunicorn `--timeout` (30 s).
    /// - HAProxy `http-request silent-drop` leaves the edge waiting on purpose.
    ///
    /// # Often confused with
    /// - `app.origin-504`: a proxy on the origin gave up first and said so.
    /// - `http.edge-abandoned`: the edge left sooner than any timeout of its own explains.
    /// - `tcp.segment-loss-stall`: there the request was not acknowledged.
    ///
    /// # References
    /// - RFC 9110 section 15.6.5
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 504 status code (Gateway Timeout)"; origin settings, response
    ///   timeout
    edge: Edge::status(504).detail("OriginCommError"),
    rests_on: RestsOn::Silence("whether the origin began to answer before the edge gave up"),
    second_look: SecondLook::RecurringWait,
    deed: "did not answer in time",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.end.side == Side::Client && u.is_asked() && u.wait() >= super::TIMEOUT)?;
    // What the host never acknowledged it may never have got.
    if c.tcp.unacknowledged(Side::Client) > 0 {
        return None;
    }
    let (end, wait) = (owed.end.frame, owed.wait());
    let how = if owed.end.how == End::Rst { "RST" } else { "FIN" };
    let confidence = super::timeout_confidence(wait);
    let message = format!(
        "{} did not begin to answer {} within {wait}; then the edge gave up.",
        c.server,
        super::name(owed.request)
    );
    let finding = Finding::new(end, confidence, message).waited(Some(wait));
    let finding = match &owed.exchange.response {
        Some(late) => finding.rules_out(
            "http.closed-in-response",
            format!("the response began in frame {}, after the edge had gone", late.frame.named()),
        ),
        None => finding,
    };
    Some(
        super::told_request(&owed, finding)
            .evidence(end, format!("{how} from the edge, after {wait} of silence"))
            .rules_out("http.closed-before-response", "the edge ended the connection, not the origin")
            .rules_out("tcp.segment-loss-stall", "the host acknowledged the whole request")
            .fix(format!("Find out what {} waited for: the program's log, slow queries, busy workers.", super::name(owed.request)))
            .fix("nginx logs 499 for it, HAProxy a termination state that begins with C: the edge left first.")
            .fix("If it may take this long: raise the response timeout of the origin in the distribution, and the timeouts behind it."),
    )
}
