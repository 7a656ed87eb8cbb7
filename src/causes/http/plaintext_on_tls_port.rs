use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::http1::{Request, Response};
use crate::observation::{Connection, End};

/// What servers write into the 400 with which they answer clear text on a TLS port, in lower case: nginx and AWS load
/// balancers, Apache, Go (Caddy, Traefik), Tomcat.
const PHRASES: [&str; 4] = [
    "plain http request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
    "http request to an https server",
    "combination of host and port requires tls",
];

/// Ports on which nobody speaks clear text on purpose.
const TLS_PORTS: [u16; 2] = [443, 8443];

/// A TLS stack that reads a request in place of a ClientHello gives up at once.
const AT_ONCE: Micros = Micros::from_secs(1);

cause! {
    /// The edge speaks plain HTTP to a port on which the origin speaks TLS.
    ///
    /// # What happened
    /// The request arrives in clear text at a listener that waits for a TLS ClientHello. The listener answers with a
    /// TLS alert, with a 400 that says so, or hangs up.
    ///
    /// # Evidence
    /// A readable request, answered by a TLS record or by a 400 with a known wording. Without any answer (OpenSSL,
    /// HAProxy and Node.js hang up): a request in clear on port 443 or 8443 and the end of the connection at once,
    /// which makes it `possible`, beside `http.closed-before-response`.
    ///
    /// # Who must act
    /// Whoever owns the distribution's origin settings, or the settings of the load balancer in front.
    ///
    /// # How to confirm
    /// - `curl -v http://ORIGIN:PORT/` gives the same 400 or an empty reply, and `curl -vk https://ORIGIN:PORT/` works.
    /// - The origin's "Protocol" in the distribution: "HTTP only", or "Match viewer" with a viewer that came by HTTP,
    ///   and the HTTP port set to 443.
    ///
    /// # How to fix
    /// - CloudFront: origin protocol policy "HTTPS only", HTTPS port = this port. If HTTP is meant, set the HTTP port
    ///   to the listener that speaks it (mostly 80).
    /// - ALB or NLB in front: protocol of the target group HTTPS (or TLS), or the target's plain port.
    /// - nginx: `listen 80;` and `listen 443 ssl;` are two listeners; one `listen` cannot speak both. The same for
    ///   Apache (`SSLEngine on` in the virtual host of 443 only) and HAProxy (`bind :443 ssl`, `bind :80`).
    /// - Node, gunicorn behind a proxy: `proxy_pass https://...` where the upstream speaks TLS.
    ///
    /// # Often confused with
    /// - `tls.plaintext-http-reply`: the other way round, TLS sent to a port that speaks HTTP.
    /// - `http.closed-before-response`, `http.reset-before-response`: there the origin does speak HTTP.
    ///
    /// # References
    /// - RFC 9110 section 4.2.2, RFC 8446 section 6
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, "Protocol (custom origins only)"
    edge: Edge::status(502),
    supersedes: ["http.malformed-status-line"],
    needs: [HttpAndTls, ErrorStatus, Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    if c.tls.as_ref().is_some_and(|tls| tls.client_hello.is_some()) {
        // What keys show was not said in clear.
        return None;
    }
    let http = c.http.as_ref().filter(|http| http.upgraded.is_none() && !http.mid_stream)?;
    let exchange = http.exchanges.first().filter(|e| e.index == 0)?;
    let request = exchange.request.as_ref()?;
    let finding = answered_by_tls(c, request)
        .or_else(|| exchange.response.as_ref().and_then(|response| answered_by_400(c, request, response)))
        .or_else(|| hung_up(c))?;
    Some(
        finding
            .exchange(exchange.index)
            .rules_out("tls.plaintext-http-reply", "the edge sent no ClientHello")
            .fix("CloudFront: set the origin's protocol to \"HTTPS only\", and its HTTPS port to this one.")
            .fix(format!(
                "Or set the origin's HTTP port to a listener that speaks plain HTTP, instead of {}.",
                c.server.port
            ))
            .fix("Behind a load balancer: give the target group the protocol HTTPS, or the target's plain port."),
    )
}

fn answered_by_tls(c: &Connection, request: &Request) -> Option<Finding> {
    let tls = c.tls.as_ref().filter(|tls| tls.client_hello.is_none() && tls.records.client.count == 0)?;
    let record = tls.records.server.first.filter(|first| *first > request.frame)?;
    let alert = tls.alerts.iter().find(|a| a.from == Side::Server && !a.encrypted);
    let answer = match alert.map(|a| (a.name(), a.description)) {
        Some((Some(name), _)) => format!("the TLS alert {name}"),
        Some((None, Some(code))) => format!("TLS alert {code}"),
        _ => "a TLS record".to_owned(),
    };
    Some(told(c, request, record, Confidence::Certain, &answer))
}

fn answered_by_400(c: &Connection, request: &Request, response: &Response) -> Option<Finding> {
    if response.status != 400 {
        return None;
    }
    let body = String::from_utf8_lossy(&response.extra.body_excerpt).to_lowercase();
    PHRASES.iter().any(|phrase| body.contains(phrase)).then_some(())?;
    let answer = "a 400 that says that this port expects HTTPS";
    Some(told(c, request, response.frame, Confidence::Certain, answer).edge(Edge::status(response.status)))
}

/// No answer at all, where TLS is what one expects.
fn hung_up(c: &Connection) -> Option<Finding> {
    let owed = c.unanswered().filter(|u| u.exchange.index == 0 && u.exchange.interim.total == 0)?;
    let end = owed.end;
    if !TLS_PORTS.contains(&c.server.port) || end.side != Side::Server || owed.wait() > AT_ONCE || !owed.is_asked() {
        return None;
    }
    let answer = if end.how == End::Rst { "a reset, and no byte" } else { "the end of the connection, and no byte" };
    Some(told(c, owed.request, end.frame, Confidence::Possible, answer))
}

fn told(c: &Connection, request: &Request, answer: FrameRef, confidence: Confidence, what: &str) -> Finding {
    let speaks = if confidence == Confidence::Certain { "speaks" } else { "may speak" };
    let message = format!(
        "The edge sent {} in clear text to {}, and the answer was {what}: this port {speaks} TLS.",
        super::name(request),
        c.server
    );
    Finding::new(answer, confidence, message)
        .evidence(request.frame, "the request, readable: not inside TLS")
        .evidence(answer, format!("the origin's answer: {what}"))
}
