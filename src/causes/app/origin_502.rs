use crate::diagnosis::{Edge, Finding, SecondLook};
use crate::observation::Connection;

cause! {
    /// The origin itself answered 502: a proxy there could not use what its own upstream gave it.
    ///
    /// # What happened
    /// The connection between edge and origin is in order. The origin is a proxy or load balancer, and *its* upstream
    /// refused, reset, closed without an answer, sent a malformed response, or a head larger than its buffers.
    /// CloudFront passed the status on.
    ///
    /// # Evidence
    /// A proper response with status 502. Where its page or Server header is that of a known program, it is named.
    /// Where the capture has the host's own connections as well (`tcpdump -i any`), what failed there while the
    /// exchange was open is named with its packets: there lies the real cause.
    ///
    /// # Who must act
    /// Whoever runs the proxy and the program behind it.
    ///
    /// # How to confirm
    /// - nginx error.log: "connect() failed (111: Connection refused)", "upstream prematurely closed connection",
    ///   "upstream sent too big header", "no live upstreams".
    /// - Apache error log: AH01114 (cannot connect), AH01102 (error reading status line). HAProxy: termination state
    ///   SH, PH.
    /// - ALB: target_processing_time or response_processing_time -1 in its log.
    /// - Capture the inner leg, too: `tcpdump -i any`. The report then names what failed there.
    ///
    /// # How to fix
    /// - Upstream down or restarting: start it, drain it, health checks (nginx `max_fails`, HAProxy `check`).
    /// - nginx: "too big header" wants `proxy_buffer_size 16k; proxy_buffers 8 16k;`. HAProxy: `tune.bufsize`.
    /// - Keep-alive race on the inner leg: the upstream must keep idle connections longer than the proxy (Node
    ///   `keepAliveTimeout`, gunicorn `--keep-alive`; nginx upstream `keepalive_timeout`; ALB 60 s).
    /// - Apache: `ProxyPass ... retry=0`, `ProxyTimeout`; gunicorn: workers that are killed show in its log.
    /// - ALB: targets that close or reset, health checks, protocol of the target group.
    ///
    /// # Often confused with
    /// - A 502 made by CloudFront, which no capture at the origin can show: then the connection itself failed.
    /// - `app.origin-503` (no upstream is available), `app.origin-504` (the upstream was too slow).
    ///
    /// # References
    /// - RFC 9110 section 15.6.3
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)"; Application Load Balancers,
    ///   troubleshooting
    edge: Edge::status(502),
    second_look: SecondLook::FailedBehind,
    needs: [ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    Some(
        super::detect(c, 502, Edge::status(502))?
            .rules_out("http.closed-before-response", "the origin did answer")
            .fix("Is the upstream alive, and on the address and port that the proxy uses? `curl` it from the origin host.")
            .fix("If it happens now and then: a keep-alive race or restarts on the inner leg; capture there, too (`tcpdump -i any`)."),
    )
}
