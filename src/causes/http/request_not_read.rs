use crate::base::Side;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, End, Unanswered};

cause! {
    /// The origin did not read the request's body: its window stayed shut, or it reset in the middle of the upload.
    ///
    /// # What happened
    /// The edge sends a request with a body, and the program on the origin does not take it. Either the receive window
    /// fills up and stays at zero until the edge gives up, or the program closes its socket while bytes are unread and
    /// the kernel resets. An answer that was on its way is lost with the reset.
    ///
    /// # Evidence
    /// A request whose body is not whole, no final response, and either packets of the host that announce a window of 0
    /// followed by the edge's end of the connection, or RST from the origin's side.
    ///
    /// # Who must act
    /// Whoever runs the program that answers on this port.
    ///
    /// # How to confirm
    /// - `ss -tnm 'sport = :PORT'` during an upload: Recv-Q grows and is not taken.
    /// - The program's log: a limit on the body's size, a handler that returns without reading, a worker that is busy.
    ///
    /// # How to fix
    /// - Read the body, or answer with `Connection: close` and read on for a while (lingering close) before the socket
    ///   is closed.
    /// - Limits: nginx `client_max_body_size` (and `lingering_close always;`), Apache `LimitRequestBody`, HAProxy
    ///   `option http-buffer-request`, Node body parsers' `limit`, gunicorn applications that never read `wsgi.input`.
    /// - Node: do not `destroy()` the request; `request.resume()` drains it.
    /// - ALB: targets must read the body even when they answer 413.
    ///
    /// # Often confused with
    /// - `http.reset-before-response`: the same reset, with the whole request sent.
    /// - A complete response (413) before the reset: that is delivered, and no failure.
    ///
    /// # References
    /// - RFC 9112 section 9.6, RFC 9293 section 3.8.6.1, RFC 9110 section 15.5.14
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginWriteError`)
    edge: Edge::status(502),
    supersedes: ["http.edge-abandoned"],
    needs: [Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| !u.is_asked() && !u.exchange.lost.client && u.request.head_complete)?;
    let finding = match owed.end.side {
        Side::Server => reset(c, &owed)?,
        Side::Client => shut(c, &owed)?,
    };
    Some(
        finding
            .fix("Find out why the program does not read the body: a limit on its size, a handler that returns early, a busy worker.")
            .fix("Answer first and read on for a while before closing (nginx `lingering_close always`, Node `request.resume()`)."),
    )
}

fn reset(c: &Connection, owed: &Unanswered<'_>) -> Option<Finding> {
    let rst = owed.end.frame;
    let message = format!(
        "{} reset the connection in the middle of {}{}, without having read it.",
        c.server,
        super::name(owed.request),
        super::progress(owed)
    );
    (owed.end.how == End::Rst).then(|| {
        super::told_request(owed, Finding::new(rst, Confidence::Certain, message))
            .evidence(rst, "RST from the origin's side, with the body under way")
            .rules_out("http.edge-abandoned", "the origin ended the connection, not the edge")
    })
}

fn shut(c: &Connection, owed: &Unanswered<'_>) -> Option<Finding> {
    let (end, wait) = (owed.end.frame, owed.wait());
    if c.tcp.odd.zero_windows.server == 0 || wait < super::TIMEOUT {
        return None;
    }
    let message = format!(
        "{} shut its receive window in the middle of {}{} and did not open it for {wait}; then the edge gave up.",
        c.server,
        super::name(owed.request),
        super::progress(owed)
    );
    Some(
        super::told_request(owed, Finding::new(end, Confidence::Likely, message).edge(Edge::UNKNOWN))
            .evidence_if(
                c.tcp.last_packet.server.filter(|last| *last < end),
                format!(
                    "one of {} packets from the host around here that announce a window of 0",
                    c.tcp.odd.zero_windows.server
                ),
            )
            .evidence(end, format!("the edge gives up, {wait} after the last byte that it could send"))
            .rules_out("http.response-timeout", "the request was never whole"),
    )
}
