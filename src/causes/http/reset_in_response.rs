use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::http1::Framing;
use crate::observation::{Connection, End};

cause! {
    /// The origin reset the connection in the middle of a response.
    ///
    /// # What happened
    /// The response begins well and breaks off by RST: the program crashed or was killed while it sent the body, it
    /// ended its socket hard, or a proxy lost its upstream and said so in the only way that is left.
    ///
    /// # Evidence
    /// The response's head, a body shorter than Content-Length (or without its last chunk), then RST from the origin's
    /// side. A body that only the end of the connection delimits counts as cut when that end is RST (`likely`).
    ///
    /// # Who must act
    /// Whoever runs the program that makes the response.
    ///
    /// # How to confirm
    /// - The viewer saw the origin's status, most often 200, and a cut body: browsers say
    ///   `ERR_CONTENT_LENGTH_MISMATCH`, `ERR_INCOMPLETE_CHUNKED_ENCODING` or `ERR_HTTP2_PROTOCOL_ERROR`, and
    ///   CloudFront's log has OriginReadError.
    /// - Log of the program, `journalctl -k`, and of the proxy: nginx "upstream prematurely closed connection while
    ///   reading upstream".
    ///
    /// # How to fix
    /// - Crash or kill within the response: mend what the log names; drain before restarts.
    /// - nginx: `send_timeout` with `reset_timedout_connection on`; an upstream that fails within a response; a full
    ///   disk under `proxy_temp_path`. HAProxy: `timeout server`, `timeout client`.
    /// - gunicorn: `--timeout` kills a worker that streams for long (sync workers). Node: `response.destroy()`, errors
    ///   in a pipe that nobody handles (`stream.pipeline`).
    /// - Apache: children that die show as "exit signal" in the error log.
    ///
    /// # Often confused with
    /// - A complete response followed by RST: that is healthy.
    /// - `http.closed-in-response`: FIN in place of RST.
    ///
    /// # References
    /// - RFC 9112 section 8, RFC 9293 section 3.10.7
    /// - AWS: Amazon CloudFront Developer Guide, request and response behavior for custom origins, dropped TCP
    ///   connections
    edge: Edge::UNKNOWN,
    deed: "broke off its response",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let cut = c.unfinished().filter(|u| u.end.side == Side::Server && u.end.how == End::Rst)?;
    let rst = cut.end.frame;
    let confidence = if cut.response.framing == Framing::UntilClose { Confidence::Likely } else { Confidence::Certain };
    let message = format!(
        "{} reset the connection in the middle of its response to {}: {}.",
        c.server,
        super::name(cut.request),
        super::missing(cut.response)
    );
    Some(
        super::told_cut(&cut, Finding::new(rst, confidence, message))
            .evidence(rst, "RST from the origin's side")
            .rules_out("http.reset-before-response", format!("the response began in frame {}", cut.response.frame.named()))
            .fix("Read the log of the program that made the response, and `journalctl -k`, at this time: crash, kill, timeout.")
            .fix("If a proxy stands between: its error log names the upstream that broke off."),
    )
}
