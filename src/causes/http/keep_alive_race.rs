use crate::base::{Micros, Side};
use crate::causes::directive;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, Unanswered};

/// A connection that is closed sooner than this after it was opened was not idle: `tcp.closed-on-accept`.
const IDLE: Micros = Micros::from_secs(1);

/// A close that comes sooner than this after the request was decided before the request was read.
const AT_ONCE: Micros = Micros::from_millis(50);

/// Servers close this much before or after the time that their Keep-Alive header names (Node.js up to a second later).
const EARLY: Micros = Micros::from_millis(200);
const LATE: Micros = Micros::from_millis(1_300);

cause! {
    /// The origin closed an idle kept-alive connection while the edge's next request was on its way.
    ///
    /// # What happened
    /// After a response both ends keep the connection open. The origin's idle timeout ran out at the moment at which
    /// the edge sent its next request: the two crossed. The edge repeats GET and HEAD on another connection; POST, PUT,
    /// PATCH, DELETE and OPTIONS it does not repeat, and the viewer gets 502.
    ///
    /// # Evidence
    /// A complete response, a pause, FIN (or RST) from the origin's side, and the request captured after it. Or the
    /// request captured just before, when the pause is what the origin's own Keep-Alive header names (`likely`).
    ///
    /// # Who must act
    /// Whoever sets the origin's keep-alive timeout, or the edge's.
    ///
    /// # How to confirm
    /// - The pause before the close is the origin's idle timeout: Node up to 25 and uvicorn 5 s, gunicorn 2 s, Apache 5
    ///   s, nginx 75 s (65 s as Debian ships it), HAProxy `timeout http-keep-alive`.
    /// - It happens now and then, to requests that follow a pause of that length.
    ///
    /// # How to fix
    /// The origin must wait longer than the edge. CloudFront's keep-alive timeout is 5 s by default (1 to 120 s), an
    /// ALB's idle timeout 60 s.
    /// - nginx `keepalive_timeout 75s;` Apache `KeepAliveTimeout 75`; HAProxy `timeout http-keep-alive 75s`.
    /// - Node: `server.keepAliveTimeout = 75_000; server.headersTimeout = 80_000;`
    /// - gunicorn `--keep-alive 75` (threaded and asynchronous workers), uvicorn `--timeout-keep-alive 75`, Tomcat
    ///   `keepAliveTimeout="75000"`.
    /// - ALB: the targets behind it must wait longer than its `idle_timeout.timeout_seconds`.
    /// - A limit of requests per connection (`keepalive_requests`, `MaxKeepAliveRequests`) should be announced by
    ///   `Connection: close`.
    ///
    /// # Often confused with
    /// - `http.closed-before-response`, `http.reset-before-response`: there the origin had the request when it closed.
    /// - A connection that the origin closes when idle, with no request crossing: that is healthy.
    ///
    /// # References
    /// - RFC 9112 sections 9.3.1 and 9.5
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, keep-alive timeout
    /// - AWS: Application Load Balancers, troubleshooting, HTTP 502
    edge: Edge::status(502),
    supersedes: ["http.reset-before-response", "http.closed-before-response"],
    deed: "closed the idle connection as the request came",
    needs: [Unserved, HiddenRequest],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    crossed(c).or_else(|| announced(c)).or_else(|| encrypted(c))
}

/// The request comes after the close.
fn crossed(c: &Connection) -> Option<Finding> {
    let owed = c.overtaken()?;
    let just_opened = c.tcp.established.is_some_and(|opened| owed.end.frame.since(opened) <= IDLE);
    if owed.exchange.index == 0 && (just_opened || c.tcp.streams.first_data.server.is_some()) {
        return None;
    }
    let idle = match c.exchange_before(owed.exchange) {
        None => c.tcp.established.map(|opened| owed.end.frame.since(opened)),
        Some(before) => {
            let response = before.response.as_ref().filter(|r| r.complete && !r.wants_close)?;
            before.request.as_ref().is_none_or(|r| !r.wants_close).then_some(())?;
            Some(owed.end.frame.since(response.last_frame))
        }
    };
    let pause = idle.map(|idle| format!(" after {idle} of idleness")).unwrap_or_default();
    let message = match owed.request.frame.since(owed.end.frame) {
        Micros(..=0) => format!(
            "{} closed the connection{pause} while the edge's next request ({}) was arriving: it did not acknowledge it.",
            c.server,
            super::name(owed.request)
        ),
        lead => format!(
            "{} closed the connection{pause}, {lead} before the edge's next request ({}) arrived.",
            c.server,
            super::name(owed.request)
        ),
    };
    let finding = finding(c, &owed, Confidence::Certain, message)
        .evidence(owed.end.frame, "the origin closes: nothing was asked of it at this moment")
        .evidence(owed.request.frame, format!("the request that crossed it: {}", super::name(owed.request)))
        .evidence_if(c.tcp.end.rst.server.filter(|rst| *rst > owed.request.frame), "RST: nobody reads it any more");
    Some(advice(c, finding, idle))
}

/// The request comes just before the close, when the origin's own Keep-Alive timeout is over.
fn announced(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.end.side == Side::Server && u.exchange.interim.total == 0)?;
    let response = c.exchange_before(owed.exchange)?.response.as_ref().filter(|r| r.complete)?;
    let timeout = Micros::from_secs(i64::from(response.keep_alive_timeout?));
    let idle = owed.request.frame.since(response.last_frame);
    let expired = idle.0 >= timeout.0 - EARLY.0 && idle.0 <= timeout.0 + LATE.0;
    if !expired || owed.end.frame.since(owed.request.frame) > AT_ONCE {
        return None;
    }
    let message = format!(
        "{} closed the connection {} after {} had arrived: it had been idle for {idle}, and the origin keeps idle connections for {timeout}.",
        c.server,
        owed.end.frame.since(owed.request.frame),
        super::name(owed.request)
    );
    let finding = finding(c, &owed, Confidence::Likely, message)
        .evidence(owed.request.frame, format!("the request: {}", super::name(owed.request)))
        .evidence(owed.end.frame, "the origin closes at once, without a byte of a response");
    Some(advice(c, finding, Some(idle)))
}

/// The same inside of TLS.
fn encrypted(c: &Connection) -> Option<Finding> {
    let request = c.overtaken_encrypted()?;
    let answer = request.answered_before?;
    let idle = request.end.frame.since(answer);
    let message = format!(
        "{} closed the connection after {idle} of idleness, {} before the edge's next request (encrypted) arrived.",
        c.server,
        request.sent.since(request.end.frame)
    );
    let finding = Finding::new(request.sent, Confidence::Likely, message)
        .evidence(answer, "the origin's last answer, encrypted")
        .evidence(request.end.frame, "the origin closes: nothing was asked of it at this moment")
        .evidence(request.sent, "application data from the edge, after the close")
        .evidence_if(c.tcp.end.rst.server.filter(|rst| *rst > request.sent), "RST: nobody reads it any more")
        .rules_out("http.encrypted-closed-before-response", "the origin had closed before the request came");
    Some(advice(c, finding, Some(idle)))
}

fn finding(c: &Connection, owed: &Unanswered<'_>, confidence: Confidence, message: String) -> Finding {
    let before = c.exchange_before(owed.exchange).and_then(|e| e.response.as_ref()).map(|r| r.last_frame);
    Finding::new(owed.request.frame, confidence, message)
        .exchange(owed.exchange.index)
        .evidence_if(before, "the end of the response before: idle from here on")
        .rules_out("tcp.closed-on-accept", "the connection had been in use, or open for long")
        .rules_out("http.response-timeout", "the origin ended the connection, not the edge")
}

fn advice(c: &Connection, finding: Finding, idle: Option<Micros>) -> Finding {
    let responses = c.http.iter().flat_map(|http| &http.exchanges).filter_map(|e| e.response.as_ref());
    let software = responses.filter_map(|r| r.server.as_deref()).next_back();
    let measured = idle.map(|idle| format!(" It waited for {idle} here.")).unwrap_or_default();
    finding
        .fix(format!("Raise the origin's keep-alive timeout above the edge's (CloudFront 5 s by default, ALB 60 s).{measured}"))
        .fix(format!("{}.", directive(software)))
        .fix("Or lower the edge's: the keep-alive timeout of the origin in the distribution.")
}
