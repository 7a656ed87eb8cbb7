use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The response has several Content-Length values.
    ///
    /// # What happened
    /// Where several differ nobody can tell where the body ends, and where the next response begins: recipients must
    /// refuse the message. Several that are the same may be taken for one; that is a finding only where the edge did
    /// not take it.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or takes the whole response and closes when idle: the viewer got it. It resets or closes at once: `failed`,
    /// `likely`. Neither is shown: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the programs that each add one: the application and the framework, or a proxy and its upstream.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - https://ORIGIN/PATH | grep -ic '^content-length'`: more than 1
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    ///
    /// # How to fix
    /// - Let one of them set it: remove the header from the application.
    /// - A middleware that changes the body (compression, injection of a script) must replace the Content-Length, not
    ///   add one.
    /// - CGI and PHP: the script's own `Content-Length` beside that of the server. nginx refuses duplicates from its
    ///   upstream; Apache, HAProxy: `Header unset Content-Length`, `http-response del-header content-length`.
    ///
    /// # Often confused with
    /// - `http.closed-in-response`: one Content-Length, and the body is shorter.
    ///
    /// # References
    /// - RFC 9110 section 8.6, RFC 9112 section 6.3
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginInvalidResponseError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| match kind {
        FaultKind::ContentLengthConflict => Some(Known::Plausible),
        FaultKind::ContentLengthRepeated => Some(Known::Harmless),
        _ => None,
    };
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Find the two places that set Content-Length, and keep one: best the server's own.")
            .fix("What changes the body on its way (compression, injected scripts) must replace the header.")
        })
}
