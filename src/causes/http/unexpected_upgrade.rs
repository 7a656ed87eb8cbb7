use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The origin answered 101 to a request that asked for no upgrade.
    ///
    /// # What happened
    /// 101 Switching Protocols answers a request with `Upgrade`. CloudFront removes that header but for WebSocket. What
    /// follows a 101 is not HTTP, so that the edge has no response.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or takes the whole response and closes when idle: the viewer got it. It resets or closes at once: `failed`,
    /// `likely`. Neither is shown: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that sends 101; or the distribution, where a WebSocket's headers are lost on the way.
    ///
    /// # How to confirm
    /// - `curl -v https://ORIGIN/PATH`: 101 to a plain GET
    ///
    /// # How to fix
    /// - Answer 101 only where the request has `Upgrade` and `Connection: upgrade`; else 426 or 400.
    /// - WebSocket through CloudFront: forward all `Sec-WebSocket-*` headers (origin request policy AllViewer or one
    ///   that lists them).
    /// - nginx, Apache, HAProxy: `proxy_set_header Upgrade $http_upgrade` and a fixed `Connection: upgrade` is the
    ///   usual mistake: use a `map` so that plain requests have none. Node: listen to `upgrade` rather than write 101
    ///   in a handler.
    ///
    /// # Often confused with
    /// - 101 to a WebSocket handshake: that is healthy.
    ///
    /// # References
    /// - RFC 9110 section 7.8, RFC 9110 section 15.2.2
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginInvalidResponseError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::UnexpectedUpgrade).then_some(Known::Plausible);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Send 101 only to a request that has `Upgrade`.")
            .fix("Check whether a proxy on the way adds `Upgrade` to each request towards its upstream, or removes it from a WebSocket's.")
        })
}
