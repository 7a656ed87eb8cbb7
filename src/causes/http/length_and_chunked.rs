use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The response has both Content-Length and Transfer-Encoding.
    ///
    /// # What happened
    /// A message is framed by one of the two. A sender must not send both; a recipient may take chunked, or refuse,
    /// because the two are how responses are smuggled.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or takes the whole response and closes when idle: the viewer got it. It resets or closes at once: `failed`,
    /// `likely`. Neither is shown: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the programs that each add one: often a framework that sets Content-Length, also for HEAD, behind a
    /// server that sends chunked.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - https://ORIGIN/PATH | grep -iE '^(content-length|transfer-encoding)'`: both
    /// - The same with `-I`: answers to HEAD have it more often.
    ///
    /// # How to fix
    /// - Remove `Transfer-Encoding` from the application's headers; the server adds it where it is needed.
    /// - A proxy written by hand that copies all headers of its upstream must leave Transfer-Encoding and Connection
    ///   out.
    /// - nginx, Apache and HAProxy drop Content-Length when both come from an upstream; Node `http-proxy` copies both;
    ///   ALB refuses by its mode of desync mitigation.
    ///
    /// # Often confused with
    /// - `http.transfer-encoding-unsupported`: a coding other than chunked.
    ///
    /// # References
    /// - RFC 9112 section 6.1, RFC 9112 section 6.3
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginInvalidResponseError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::LengthAndChunked).then_some(Known::Plausible);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Set neither in the application, or only Content-Length: the server frames the body.")
            .fix("A proxy of your own must not copy Transfer-Encoding from its upstream.")
        })
}
