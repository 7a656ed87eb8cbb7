use crate::diagnosis::{Edge, Finding, SecondLook};
use crate::observation::Connection;

cause! {
    /// The origin itself answered 504: a proxy there waited for its own upstream in vain.
    ///
    /// # What happened
    /// The connection between edge and origin is in order. The origin is a proxy or load balancer whose upstream did
    /// not accept or did not answer within the proxy's timeout. CloudFront passed the status on.
    ///
    /// # Evidence
    /// A proper response with status 504. The time between request and response is the proxy's timeout.
    /// Where the capture has the host's own connections as well (`tcpdump -i any`), what failed there while the
    /// exchange was open is named with its packets: there lies the real cause.
    ///
    /// # Who must act
    /// Whoever runs the program behind the proxy; then whoever sets the proxy's timeout.
    ///
    /// # How to confirm
    /// - nginx error.log: "upstream timed out (110: Connection timed out) while reading response header" (slow) or
    ///   "while connecting to upstream" (unreachable). HAProxy: termination state sH (slow).
    /// - Apache: AH01075 or "The timeout specified has expired". ALB: target_processing_time -1.
    /// - `curl -w '%{time_starttransfer}\n' -o /dev/null -s` at the upstream, from the origin host.
    ///
    /// # How to fix
    /// - Make the request fast, or take it out of the request (a queue, 202 and polling).
    /// - Workers that are all busy: gunicorn `--workers`, `--threads`; PHP-FPM `pm.max_children`; Node: do not block
    ///   the loop.
    /// - If it may take long: nginx `proxy_read_timeout` (60 s), Apache `ProxyTimeout`, HAProxy `timeout server`, ALB
    ///   `idle_timeout.timeout_seconds` (60 s), and the response timeout of the origin in the distribution, which must
    ///   be longer than all of these for the origin's own page to be seen.
    /// - Upstream unreachable: packet filter, security group and network ACL between proxy and upstream.
    ///
    /// # Often confused with
    /// - `http.response-timeout`: there the edge gave up first and made the 504 itself.
    /// - `app.origin-502`: there the upstream refused or broke off.
    ///
    /// # References
    /// - RFC 9110 section 15.6.5
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 504 status code (Gateway Timeout)"; Application Load Balancers,
    ///   troubleshooting
    edge: Edge::status(504),
    second_look: SecondLook::FailedBehind,
    needs: [ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    Some(
        super::detect(c, 504, Edge::status(504))?
            .rules_out("http.response-timeout", "the edge did not give up, the origin answered")
            .fix("Find out what the upstream waited for: its own log, slow queries, busy workers.")
            .fix("If it may take this long: raise the proxy's timeout (nginx `proxy_read_timeout`, HAProxy `timeout server`, Apache `ProxyTimeout`) and the edge's."),
    )
}
