use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::Connection;
use crate::diagnosis::Edge;
use crate::observation::http1::{FaultKind, Response};

cause! {
    /// The head of the response is larger than CloudFront accepts: 32,768 bytes.
    ///
    /// # What happened
    /// Status line and headers together may have 32,768 bytes (a quota of CloudFront, names and values and line ends
    /// counted). This head goes beyond. CloudFront gives up on it.
    ///
    /// # Evidence
    /// The request, the packet in which the head passes 32,768 bytes, and what the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that sets the headers: cookies, `Link` preloads and policies grow unnoticed.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - https://ORIGIN/PATH | wc -c`
    /// - Which one: `curl -s -o /dev/null -D - https://ORIGIN/PATH | awk '{print length, substr($0, 1, 40)}' | sort -n
    ///   | tail`
    ///
    /// # How to fix
    /// - Keep state on the server and send an identifier in the cookie. Stop setting the same cookie several times.
    /// - Fewer `Link: rel=preload` headers; a Content-Security-Policy with hashes moved to a nonce.
    /// - Debug headers of frameworks (profilers, Server-Timing, ChromeLogger) off in production.
    /// - nginx, Apache, HAProxy: `proxy_hide_header NAME`, `Header unset NAME`, `http-response del-header NAME` for
    ///   what the viewer does not need.
    ///
    /// # Often confused with
    /// - `app.origin-502`: a proxy on the host has a smaller limit (nginx `proxy_buffer_size`, 4 or 8 KB) and made the
    ///   502 itself.
    /// - 494: the request's headers were too large, and came from the viewer.
    ///
    /// # References
    /// - RFC 9110 section 5.4
    /// - AWS: Amazon CloudFront Developer Guide, quotas; Amazon CloudFront Developer Guide, standard logging reference
    ///   (`OriginHeaderTooBigError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent too large headers",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::HeadersTooLarge).then_some(Known::Refused);
    fault::tell(c, fault::of_responses(c, is), too_big)
        .map(|finding| {
            finding
            .fix("Measure the headers by name (`curl -D -`), and send less: cookies, `Link`, policies, debug headers.")
            .fix("The quota of 32,768 bytes cannot be raised at the origin; a proxy there can drop what the viewer does not need.")
        })
}

const fn too_big(_: &Response) -> Edge {
    Edge::status(502).detail("OriginHeaderTooBigError")
}
