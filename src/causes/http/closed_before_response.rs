use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, End};

cause! {
    /// The origin closed the connection after the request, without a byte of a response.
    ///
    /// # What happened
    /// The request arrives, and the origin's side answers with FIN: the program died or was restarted within the
    /// request, or closed the connection on purpose. An interim response (100, 103) is not a response.
    ///
    /// # Evidence
    /// The request, then FIN from the origin's side, and no byte of a final response between. Where the FIN does not
    /// acknowledge the request, the origin may have closed before it came (`possible`).
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - The program's log and `journalctl -k` at this time: out of memory, exception, restart, worker timeout.
    /// - nginx: status 444 in its access log is a close by rule.
    /// - On a reused connection after an idle time: compare with `http.keep-alive-race`.
    ///
    /// # How to fix
    /// - nginx: remove the `return 444` that matches, or narrow it down. Apache: a child that died shows in the error
    ///   log as "exit signal".
    /// - gunicorn: a worker that was killed (memory, `--timeout`) closes without an answer; newer versions answer 500
    ///   on a timeout. Node: an uncaught exception ends the process with all its connections; `server.requestTimeout`
    ///   and `socket.setTimeout` close, too.
    /// - HAProxy: `http-request reject` closes by rule. A TCP (layer 4) proxy closes when its backend does: look there.
    ///   NLB: targets that are deregistered while requests run.
    /// - Restarts: drain first (`nginx -s quit`, HAProxy soft stop, `systemctl reload`, SIGTERM handling in the
    ///   program).
    ///
    /// # Often confused with
    /// - `http.reset-before-response`: RST in place of FIN.
    /// - `http.keep-alive-race`: there the origin had closed before the request came.
    /// - `http.plaintext-on-tls-port`: a TLS listener hangs up in the same way.
    /// - `http.proxy-header-expected`: a listener that waits for a PROXY protocol header hangs up in the same way.
    ///
    /// # References
    /// - RFC 9112 sections 9.5 and 9.6
    /// - AWS: Amazon CloudFront Developer Guide, "HTTP 502 status code (Bad Gateway)"
    edge: Edge::status(502),
    deed: "closed the connection",
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    ended(c).or_else(|| said_farewell(c))
}

/// Inside of TLS, where keys show it: the origin says goodbye, and the edge is the first to close. Only the first
/// request: a later one may have crossed it.
fn said_farewell(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref().filter(|tls| tls.decrypted)?;
    let first = c.http.as_ref()?.exchanges.first()?;
    let exchange = Some(first).filter(|e| e.index == 0 && e.response.is_none() && e.interim.total == 0)?;
    let request = exchange.request.as_ref()?;
    let farewell = tls.alerts.iter().find(|a| a.from == Side::Server && a.is_close_notify())?.frame;
    let gone_first = [c.tcp.end.fin.client, c.tcp.end.rst.client].into_iter().flatten().any(|end| end < farewell);
    if farewell <= request.last_frame() || gone_first {
        return None;
    }
    let (asked, wait) = (super::name(request), farewell.since(request.last_frame()));
    let message =
        format!("{} ended TLS by a close_notify {wait} after {asked}, without a byte of a response.", c.server);
    Some(
        Finding::new(farewell, Confidence::Certain, message)
            .exchange(exchange.index)
            .evidence(request.frame, format!("request: {asked}"))
            .evidence(farewell, "close_notify of the origin, in place of a response")
            .rules_out("http.response-timeout", "the origin ended the connection, not the edge")
            .fix("Read the log of the program on this port, and `journalctl -k`, at this time: exception, kill, restart, timeout.")
            .fix("Look for rules that close on purpose (nginx `return 444`, HAProxy `http-request reject`, a WAF)."),
    )
}

fn ended(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.end.side == Side::Server && u.end.how == End::Fin)?;
    let fin = owed.end.frame;
    let message = format!(
        "{} closed the connection {} after {}{}, without a byte of a response.{}",
        c.server,
        owed.wait(),
        super::name(owed.request),
        super::progress(&owed),
        super::told_unread(&owed),
    );
    let told = if owed.is_unread() { ", without acknowledging the request" } else { ", in place of a response" };
    let finding = super::told_request(&owed, Finding::new(fin, super::certain_of(c, &owed), message))
        .evidence(fin, format!("FIN from the origin's side{told}"))
        .rules_out("http.reset-before-response", "it was FIN and not RST that ended the connection")
        .rules_out("http.response-timeout", "the origin ended the connection, not the edge");
    Some(
        super::told_reuse(c, &owed, finding)
            .fix("Read the log of the program on this port, and `journalctl -k`, at this time: exception, kill, restart, timeout.")
            .fix("Look for rules that close on purpose (nginx `return 444`, HAProxy `http-request reject`, a WAF).")
            .fix("If it falls together with deployments: drain connections before the program stops."),
    )
}
