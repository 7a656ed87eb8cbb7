use crate::diagnosis::{Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin reset the connection after an encrypted request, without any answer.
    ///
    /// # What happened
    /// The TLS handshake succeeds and the edge sends application data; the origin's side answers with RST. What lies
    /// inside of TLS cannot be read without keys; by all appearance it is `http.reset-before-response`.
    ///
    /// # Evidence
    /// The handshake, application data from the edge, no application data from the origin after it, and RST from the
    /// origin's side. In TLS 1.3 session tickets look like data: two records of one length are taken for them.
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - The program's log and `journalctl -k` at this time: crash, kill, restart, worker timeout.
    /// - Capture again with a key log, and give it as `--keylog`: Node `--tls-keylog`, Go `KeyLogWriter`, `openssl s_server
    ///   -keylogfile`, Apache `SSLKEYLOGFILE`, HAProxy `tune.ssl.keylog on`; nginx and Java need something put before
    ///   them. `docs/keylog.md` has each. Or capture behind the program that ends TLS.
    ///
    /// # How to fix
    /// - As for `http.reset-before-response`: nginx `return 444`, workers that are killed (gunicorn `--timeout`,
    ///   memory), Node exceptions and `socket.destroy()`, HAProxy `http-request reject`, Apache children that die,
    ///   restarts without draining.
    /// - An ALB or NLB that ends TLS: the log of its targets.
    ///
    /// # Often confused with
    /// - `tls.client-certificate-required`: in TLS 1.3 the origin ends the connection after the handshake, too; the
    ///   edge's empty Certificate shows it.
    /// - `http.keep-alive-race`: there the origin had closed before the request came.
    ///
    /// # References
    /// - RFC 9112 section 9.5, RFC 8446 section 6.1
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)"
    edge: Edge::status(502),
    deed: "reset the connection",
    needs: [HiddenRequest],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let request = super::stopped_by_origin(c, End::Rst)?;
    let end = request.end.frame;
    let message = format!(
        "{} reset the connection {} after the edge's request (encrypted), without an answer.",
        c.server,
        request.wait()
    );
    Some(
        super::told_encrypted(&request, Finding::new(end, super::encrypted_confidence(&request), message))
            .evidence(end, "RST from the origin's side, in place of an answer")
            .rules_out("http.encrypted-response-timeout", "the origin ended the connection, not the edge")
            .fix("Read the log of the program on this port, and `journalctl -k`, at this time: crash, kill, restart, timeout.")
            .fix("Look for rules that drop requests on purpose (nginx `return 444`, HAProxy `http-request reject`, a WAF).")
            .fix("To see the request itself: capture with a key log, or behind the program that ends TLS."),
    )
}
