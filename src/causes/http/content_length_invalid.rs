use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The Content-Length of the response is not a number.
    ///
    /// # What happened
    /// Content-Length is a decimal number. Here it is empty, negative, a word, in hexadecimal, or larger than 64 bits,
    /// so that the end of the body cannot be found.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or takes the whole response and closes when idle: the viewer got it. It resets or closes at once: `failed`,
    /// `likely`. Neither is shown: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that writes the head: the application, a script, or a proxy that adds to it.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - https://ORIGIN/PATH | grep -i '^content-length'`
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    ///
    /// # How to fix
    /// - Do not compute Content-Length by hand: the servers of Node, gunicorn, uvicorn, PHP-FPM, Tomcat and Go do it,
    ///   or use chunked.
    /// - `undefined`, `NaN`, `None`, `-1` are a variable that was not set: the size of a stream or of a missing file.
    /// - nginx, Apache, HAProxy pass on no such value from an upstream; they answer 502 themselves.
    ///
    /// # Often confused with
    /// - `http.content-length-conflict`: good numbers that differ.
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
    let is = |kind| matches!(kind, FaultKind::ContentLengthInvalid).then_some(Known::Plausible);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Remove the header from the application: the server counts the body, or uses chunked.")
            .fix("If a size is not known (-1, NaN, None), send no Content-Length.")
        })
}
