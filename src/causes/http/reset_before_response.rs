use crate::base::Side;
use crate::diagnosis::{Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin reset the connection after the request, without a byte of a response.
    ///
    /// # What happened
    /// The request arrives, and the origin's side answers with RST: the program died or was killed with the request
    /// unread or half read, it closed its socket on purpose, or a device between cut the connection. An interim
    /// response (100, 103) is not a response.
    ///
    /// # Evidence
    /// The request, perhaps not yet whole, then RST from the origin's side, and no byte of a final response between.
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - The program's log and `journalctl -k` at this time: out of memory, segmentation fault, restart, worker
    ///   timeout.
    /// - A reset on a request with a body, soon after its first bytes: the program answers or closes without reading
    ///   the body. The kernel then resets, and an answer that was on its way is lost with it.
    /// - On a reused connection after an idle time: compare with `http.keep-alive-race`.
    ///
    /// # How to fix
    /// - Crash or kill: mend what the log names; give the service memory; drain before a restart (`nginx -s quit`,
    ///   `systemctl reload`, HAProxy soft stop, ALB deregistration delay).
    /// - nginx: `return 444` with `reset_timedout_connection on` resets by rule; `client_body_timeout` and
    ///   `client_header_timeout` do so when the edge is slow.
    /// - gunicorn: raise `--timeout` or find what blocks; `max_requests` restarts workers. Node: `socket.destroy()`,
    ///   `resetAndDestroy()`, `server.requestTimeout`, uncaught exceptions.
    /// - HAProxy: `http-request reject` with `option nolinger`. Apache: children that die show as "exit signal". ALB:
    ///   look at the log of its target.
    ///
    /// # Often confused with
    /// - `http.closed-before-response`: FIN in place of RST.
    /// - `http.keep-alive-race`: there the origin had closed before the request came.
    /// - `tcp.reset-on-accept`: there no request had been sent.
    /// - `http.proxy-header-expected`: a listener that waits for a PROXY protocol header hangs up in the same way.
    ///
    /// # References
    /// - RFC 9112 section 9.5, RFC 9293 section 3.10.7
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)"
    edge: Edge::status(502),
    deed: "reset the connection",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.end.side == Side::Server && u.end.how == End::Rst)?;
    let rst = owed.end.frame;
    let message = format!(
        "{} reset the connection {} after {}{}, without a byte of a response.{}",
        c.server,
        owed.wait(),
        super::name(owed.request),
        super::progress(&owed),
        super::told_unread(&owed),
    );
    let finding = super::told_request(&owed, Finding::new(rst, super::certain_of(c, &owed), message))
        .evidence(rst, "RST from the origin's side, in place of a response")
        .rules_out("http.closed-before-response", "it was RST and not FIN that ended the connection")
        .rules_out("http.response-timeout", "the origin ended the connection, not the edge");
    Some(
        super::told_reuse(c, &owed, finding)
            .fix("Read the log of the program on this port, and `journalctl -k`, at this time: crash, kill, restart, timeout.")
            .fix("If the request has a body: does the program close without reading it? Then the kernel resets.")
            .fix("Look for rules that drop requests on purpose (nginx `return 444`, HAProxy `http-request reject`, a WAF)."),
    )
}
