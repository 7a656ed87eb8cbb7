use crate::diagnosis::{Edge, Finding, SecondLook};
use crate::observation::Connection;

cause! {
    /// The origin itself answered 503: no upstream is available, or it is overloaded or in maintenance.
    ///
    /// # What happened
    /// The connection between edge and origin is in order. The origin says that it cannot serve at the moment: a load
    /// balancer without a healthy target, a limit of requests or connections, a maintenance page. CloudFront passed the
    /// status on.
    ///
    /// # Evidence
    /// A proper response with status 503. Where its page or Server header is that of a known program, it is named.
    /// Where the capture has the host's own connections as well (`tcpdump -i any`), what failed there while the
    /// exchange was open is named with its packets: there lies the real cause.
    ///
    /// # Who must act
    /// Whoever runs the proxy or program on the origin.
    ///
    /// # How to confirm
    /// - HAProxy: `echo "show servers state" | socat - /run/haproxy/admin.sock`; termination state SC or SQ, "<NOSRV>"
    ///   in the log.
    /// - ALB: no registered targets, or all of them unused; see the target group.
    /// - nginx: "limiting requests", "limiting connections" in error.log (`limit_req`, `limit_conn` answer 503 by
    ///   default).
    /// - Apache: AH01114 and AH00940, a backend that was unreachable and is left alone for `retry` seconds;
    ///   `server-status` for `MaxRequestWorkers`.
    ///
    /// # How to fix
    /// - Bring the upstream back and mend its health check.
    /// - Limits: raise them for CloudFront's addresses. All viewers come from few addresses, so that a limit by address
    ///   hits CloudFront as a whole: key on a viewer's header (`X-Forwarded-For`, `CloudFront-Viewer-Address`) instead.
    /// - Overload: more workers (gunicorn `--workers`, PHP-FPM `pm.max_children`), Node: look at the event loop and at
    ///   load shedding (`under-pressure`, `toobusy`).
    /// - Maintenance: expected; shorten the error caching minimum TTL of the distribution to see the end of it soon.
    ///
    /// # Often confused with
    /// - A 503 made by CloudFront itself (Lambda@Edge or CloudFront Functions, limits), which no capture at the origin
    ///   shows.
    /// - `app.origin-502`, `app.origin-504`: there the upstream was tried and failed.
    ///
    /// # References
    /// - RFC 9110 section 15.6.4
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 503 status code (Service Unavailable)"; Application Load
    ///   Balancers, troubleshooting
    edge: Edge::status(503),
    second_look: SecondLook::FailedBehind,
    needs: [ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    Some(
        super::detect(c, 503, Edge::status(503))?
            .rules_out("http.closed-before-response", "the origin did answer")
            .fix("Look at the health of the upstreams or targets: is any of them in service?")
            .fix("Look for limits of requests or connections by address: all of CloudFront's viewers share few addresses."),
    )
}
