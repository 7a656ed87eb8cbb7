use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin closed the connection in the middle of a response.
    ///
    /// # What happened
    /// The response begins well and breaks off by FIN: the body is shorter than Content-Length says, or its last chunk
    /// is missing, or even the head is not whole. The program ended, a proxy lost its upstream, or Content-Length is
    /// wrong.
    ///
    /// # Evidence
    /// The response's head, the bytes that came, and FIN from the origin's side.
    ///
    /// # Who must act
    /// Whoever runs the program that makes the response.
    ///
    /// # How to confirm
    /// - The viewer saw the origin's status, most often 200, and a cut body: browsers say `ERR_CONTENT_LENGTH_MISMATCH`
    ///   or `ERR_INCOMPLETE_CHUNKED_ENCODING`, and CloudFront's log has OriginReadError. CloudFront does not cache it.
    /// - `curl -v` on the host: "transfer closed with N bytes remaining to read".
    /// - The same number of missing bytes each time points to a wrong Content-Length, any number to a crash or timeout.
    ///
    /// # How to fix
    /// - Wrong Content-Length: let the server compute it; count bytes and not characters; do not set it before a filter
    ///   that compresses. HEAD, 204 and 304 are the only responses whose Content-Length needs no body.
    /// - nginx: "upstream prematurely closed connection" names the upstream; `proxy_max_temp_file_size`, full disks.
    ///   HAProxy: `timeout server`. Apache: `ProxyTimeout`, CGI scripts that end early.
    /// - gunicorn: an exception in a generator ends the response in the middle; `--timeout` kills the worker. Node: an
    ///   error in a stream that is piped into the response (`stream.pipeline`), an uncaught exception.
    /// - Restarts: drain before the program stops.
    ///
    /// # Often confused with
    /// - A body without Content-Length and chunks: it ends with the connection, and FIN is its proper end.
    /// - `http.reset-in-response`: RST in place of FIN.
    ///
    /// # References
    /// - RFC 9112 section 8
    /// - AWS: Amazon CloudFront Developer Guide, request and response behavior for custom origins, dropped TCP
    ///   connections
    edge: Edge::UNKNOWN,
    deed: "broke off its response",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let cut = c.unfinished().filter(|u| u.end.side == Side::Server && u.end.how == End::Fin)?;
    let fin = cut.end.frame;
    let message = format!(
        "{} closed the connection in the middle of its response to {}: {}.",
        c.server,
        super::name(cut.request),
        super::missing(cut.response)
    );
    Some(
        super::told_cut(&cut, Finding::new(fin, Confidence::Certain, message))
            .evidence(fin, "FIN from the origin's side")
            .rules_out("http.closed-before-response", format!("the response began in frame {}", cut.response.frame.named()))
            .fix("Compare Content-Length with what the program really sends: `curl -v` on the host, several times.")
            .fix("If the length varies: the log of the program and of the proxy before it at this time (crash, timeout, full disk)."),
    )
}
