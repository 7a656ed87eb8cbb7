use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// A header line of the response, or a trailer, is not well formed.
    ///
    /// # What happened
    /// A header is `Name: value` with a name of letters, digits and a few signs, no white space before the colon, no
    /// control bytes in the value, on one line that ends in CRLF. Here a line has no colon, a bad name, white space
    /// before its colon, a control byte or a CR alone in its value, or goes on with the line before it (folding, which
    /// HTTP has given up).
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
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    /// - An ALB in front answers 502 to invalid headers.
    ///
    /// # How to fix
    /// - Clean values before they become headers: a file name, a user name or an error text with a line end in it is
    ///   the usual source, and an attack (response splitting) at worst.
    /// - A program's debug output between the headers (PHP notices under CGI, `print` before the blank line): send it
    ///   to a log.
    /// - Node: `setHeader` refuses such values; `res.socket.write` and `insecureHTTPParser` go around it. gunicorn and
    ///   uvicorn refuse most of them.
    /// - nginx: `add_header` with a variable from upstream; Apache: `Header` with `%{...}e`; HAProxy: `http-response
    ///   del-header NAME`.
    /// - Folded lines: send one line, however long.
    ///
    /// # Often confused with
    /// - `http.malformed-status-line`: the first line itself is wrong.
    /// - `app.origin-502`: a proxy on the host refused the header of its upstream and made the 502.
    ///
    /// # References
    /// - RFC 9112 section 5, RFC 9112 section 5.2, RFC 9110 section 5.5, RFC 9110 section 5.6.2
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginInvalidResponseError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::MalformedHeader(_)).then_some(Known::Plausible);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Find what writes this header, and clean or drop the value: no line ends, no control bytes, a name of letters, digits and hyphens.")
            .fix("If the bytes are a program's own output (a notice, a stack trace), send that to a log and not into the head.")
        })
}
