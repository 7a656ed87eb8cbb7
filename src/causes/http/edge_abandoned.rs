use crate::base::Side;
use crate::diagnosis::{Confidence, Effect, Finding, RestsOn};
use crate::observation::{Connection, End};

cause! {
    /// The edge ended the connection while a response was owed, sooner than a timeout of its own explains.
    ///
    /// # What happened
    /// The edge sent a request and left before the response was there. Mostly its viewer has gone: closed the tab, or
    /// gave up waiting. No error of the origin is to be seen, and no viewer may have seen one; hence the outcome is
    /// `inconclusive`.
    ///
    /// # Evidence
    /// The request, then FIN or RST from the edge within a second, or within its own upload, or in the middle of a
    /// response that was flowing.
    ///
    /// # Who must act
    /// Nobody, as long as it is rare. If it is frequent: whoever can make the answer faster, or knows the viewers.
    ///
    /// # How to confirm
    /// - CloudFront's log for this time: `sc-status` 000, ClientHungUpRequest or ClientCommError name the viewer.
    /// - nginx logs 499 for it, ALB 460.
    ///
    /// # How to fix
    /// - Nothing on the origin, if the log names the viewer.
    /// - nginx: `proxy_ignore_client_abort on` if the work must be finished all the same.
    /// - A load balancer or proxy between with a very short timeout: HAProxy `timeout server`, Node clients with
    ///   `AbortSignal.timeout`.
    ///
    /// # Often confused with
    /// - `http.response-timeout`: the edge waited for at least a second and got nothing.
    /// - `http.response-stalled`: the response had begun and stood still.
    ///
    /// # References
    /// - RFC 9112 section 9.6
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    effect: Effect::Inconclusive,
    rests_on: RestsOn::Duration("how long the edge waited"),
    deed: "did not answer in time",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    unanswered(c).or_else(|| unfinished(c))
}

fn unanswered(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.end.side == Side::Client)?;
    if owed.is_asked() && owed.wait() >= super::TIMEOUT {
        return None;
    }
    let end = owed.end.frame;
    let message = format!(
        "The edge ended the connection {} after {}{}, before {} had begun to answer: no timeout explains that, its viewer may have gone.",
        owed.wait(),
        super::name(owed.request),
        super::progress(&owed),
        c.server
    );
    let finding = super::told_request(&owed, Finding::new(end, Confidence::Likely, message))
        .evidence(end, format!("{} from the edge", how(owed.end.how)))
        .rules_out("http.closed-before-response", "the edge ended the connection, not the origin")
        .fix("Look for this request in CloudFront's log: did the viewer hang up?");
    Some(if owed.is_asked() {
        finding.rules_out("http.response-timeout", "the wait was shorter than a second")
    } else {
        finding
    })
}

fn unfinished(c: &Connection) -> Option<Finding> {
    let cut = c.unfinished().filter(|u| u.end.side == Side::Client && u.stood_still() < super::TIMEOUT)?;
    let end = cut.end.frame;
    let message = format!(
        "The edge ended the connection while {} was sending the response to {}: {}.",
        c.server,
        super::name(cut.request),
        super::missing(cut.response)
    );
    Some(
        Finding::new(end, Confidence::Likely, message)
            .exchange(cut.exchange.index)
            .evidence(cut.request.frame, format!("the request: {}", super::name(cut.request)))
            .evidence(cut.response.frame, format!("the response begins: status {}", cut.response.status))
            .evidence(end, format!("{} from the edge, in the middle of it", how(cut.end.how)))
            .rules_out("http.closed-in-response", "the edge ended the connection, not the origin")
            .fix("Look for this request in CloudFront's log: did the viewer hang up?"),
    )
}

fn how(end: End) -> &'static str {
    if end == End::Rst { "RST" } else { "FIN" }
}
