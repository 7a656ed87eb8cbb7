use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The origin sent 100 Continue twice for one request.
    ///
    /// # What happened
    /// CloudFront accepts one 100 Continue before the final response and takes a second one for an error. Mostly two
    /// parts of the origin each send one: the server and the application, or a proxy and its upstream.
    ///
    /// # Evidence
    /// The request, the second 100, and what the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that writes the second one.
    ///
    /// # How to confirm
    /// - `curl -v -H 'Expect: 100-continue' -d @FILE https://ORIGIN/PATH`: count the lines `< HTTP/1.1 100 Continue`
    ///
    /// # How to fix
    /// - Let only the server send it: remove `writeContinue()` (Node) or a hand-written `HTTP/1.1 100 Continue` from
    ///   the application.
    /// - Node: a `checkContinue` listener calls `writeContinue()` once, and never for requests without Expect.
    /// - A proxy in front of the application: let it answer Expect itself (HAProxy `option http-buffer-request`), or
    ///   pass it on, not both.
    ///
    /// # Often confused with
    /// - 103 Early Hints: several are allowed, and what CloudFront does with them is not documented.
    ///
    /// # References
    /// - RFC 9110 section 10.1.1, RFC 9110 section 15.2.1
    /// - AWS: Amazon CloudFront Developer Guide, request and response behavior for custom origins
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent 100 Continue twice",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::RepeatedContinue).then_some(Known::Refused);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Find which two parts send 100 Continue, and leave it to the web server.")
            .fix("CloudFront removes Expect from requests: nothing needs a 100 at all.")
        })
}
