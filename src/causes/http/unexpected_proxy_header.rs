use crate::base::{FrameRef, Side};
use crate::causes::proxy::{ended_before, name, take_it_or_leave_it, told_header, without_a_byte};
use crate::diagnosis::{Confidence, Edge, Finding, SecondLook};
use crate::observation::http1::Response;
use crate::observation::{Connection, proxy};

/// What servers write into the 400 with which they answer what is no request, in lower case. A program that refuses a
/// request it has read writes something else.
const PHRASES: [&str; 7] = [
    "<center><h1>400 bad request</h1></center>",
    "your browser sent a request that this server could not understand",
    "your browser sent an invalid request",
    "400 bad request: malformed http",
    "invalid request line",
    "invalid http version",
    "invalid method",
];

/// The answer to a client that says nothing, by a server that has read the header as well as by one that has not.
const REQUEST_TIMEOUT: u16 = 408;

cause! {
    /// A PROXY protocol header comes before the request, and the origin does not expect one.
    ///
    /// # What happened
    /// The load balancer in front begins each connection with a PROXY protocol header, which tells for whom it speaks.
    /// The program on this port takes it for the request, cannot read it, and refuses. The request behind it is never
    /// looked at.
    ///
    /// # Evidence
    /// The header as the first bytes of the connection, then a 400 as the origin's first answer. It is `certain` where the
    /// refusal comes before the request has come. After the request it is `likely`, and said only where it is
    /// the server's own page for what is no request at all, and the last that it says: a program may well refuse a
    /// request that it has read. A 408, or a close after a second or more, tells only that no request came in time.
    ///
    /// # Who must act
    /// Whoever configures the load balancer's target group, or the listener on the origin: both must say the same.
    ///
    /// # How to confirm
    /// - `curl -v http://HOST:PORT/` from a host that sends no header works; with `--haproxy-protocol` it gets the 400.
    /// - The access log of the origin has a 400 whose request line is `PROXY TCP4 …`, or begins with `\x0D\x0A\x0D\x0A\x00`.
    /// - `aws elbv2 describe-target-group-attributes`: `proxy_protocol_v2.enabled` is `true`.
    ///
    /// # How to fix
    /// - nginx: `listen 80 proxy_protocol;`, with `set_real_ip_from` and `real_ip_header proxy_protocol`.
    /// - HAProxy: `bind :80 accept-proxy`. Apache: `RemoteIPProxyProtocol On` in the virtual host. gunicorn:
    ///   `--proxy-protocol` (version 1 only, in older releases).
    /// - Node, and what else has no notion of it: put nginx or HAProxy before it, or switch the header off.
    /// - NLB: `proxy_protocol_v2.enabled=false` in the target group. HAProxy in front: no `send-proxy…` on the
    ///   `server` line; for HTTP, `option forwardfor` tells the client's address as well. An ALB never sends a header.
    ///
    /// # Often confused with
    /// - `tls.unexpected-proxy-header`: there a ClientHello follows the header.
    /// - `http.proxy-header-expected`: the other way round.
    /// - A 400 of the program itself, which has read the request.
    ///
    /// # References
    /// - The PROXY protocol, versions 1 and 2 (HAProxy project), RFC 9112 sections 2.2 and 3
    /// - AWS: User Guide for Network Load Balancers, "Proxy protocol"
    edge: Edge::UNKNOWN,
    supersedes: [
        "http.malformed-status-line", "http.keep-alive-race", "http.request-not-read", "http.reset-before-response",
        "http.closed-before-response",
    ],
    second_look: SecondLook::WorksWithoutHeader,
    needs: [ProxyHeader],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let header = c.introduction().filter(|_| c.hello_begins().is_none())?;
    let request = c.http.as_ref()?.exchanges.iter().find_map(|e| e.request.as_ref()).map(|request| request.frame);
    let finding = refused(c, header, request).or_else(|| left(c, header, request?))?;
    Some(take_it_or_leave_it(c, "", told_header(header, finding)))
}

/// The origin says no.
fn refused(c: &Connection, header: &proxy::Header, request: Option<FrameRef>) -> Option<Finding> {
    let response = first_response(c).filter(|r| r.status >= 400 && r.status != REQUEST_TIMEOUT)?;
    if c.tcp.streams.first_data.server.is_some_and(|first| first < response.frame) {
        return None;
    }
    // As long as the client may still send something, that may be a ClientHello.
    let ended = c.tcp.end.fin.client.or(c.tcp.end.rst.client).is_some();
    if request.is_none() && !ended {
        return None;
    }
    // Where the packets are out of order, an answer may stand before its request; after a refusal the origin closes.
    let alone = request.is_none_or(|request| response.frame < request && c.closed_by(Side::Server).is_some());
    if !alone && !is_about_no_request(c, response) {
        return None;
    }
    let (confidence, then) = if alone { (Confidence::Certain, "") } else { (Confidence::Likely, " and a request") };
    let message = format!(
        "{} was sent {}{then}, and answered with status {}: this port does not expect the header.{}",
        c.server,
        name(header),
        response.status,
        malformed(header)
    );
    let finding = Finding::new(response.frame, confidence, message)
        .edge(Edge::status(response.status))
        .evidence_if(request.filter(|_| !alone), "the request, behind the header")
        .evidence(response.frame, format!("status {}, of a server that could not read the header", response.status))
        .evidence_if(request.filter(|_| alone), "the request, too late");
    Some(finding.rules_out("http.proxy-header-expected", format!("there is one, in frame {}", header.frame.named())))
}

/// The origin leaves before the request has come.
fn left(c: &Connection, header: &proxy::Header, request: FrameRef) -> Option<Finding> {
    let end = ended_before(c, header, request).filter(|_| c.tcp.streams.first_data.server.is_none())?;
    let message = format!(
        "{} was sent {}, and answered {}, before the request came: this port may not expect the header.{}",
        c.server,
        name(header),
        without_a_byte(&end),
        malformed(header)
    );
    let finding = Finding::new(end.frame, Confidence::Likely, message).edge(Edge::status(502));
    Some(finding.evidence(end.frame, "the origin hangs up").evidence(request, "the request, too late"))
}

fn malformed(header: &proxy::Header) -> String {
    header.fault.map(|fault| format!(" The header is malformed: {fault}.")).unwrap_or_default()
}

/// The first response of the connection, to a request or to none.
fn first_response(c: &Connection) -> Option<&Response> {
    let http = c.http.as_ref()?;
    let unasked = http.unsolicited.iter().filter_map(|u| u.response.as_deref());
    let exchange = http.exchanges.first().filter(|e| e.index == 0).and_then(|e| e.response.as_ref());
    exchange.into_iter().chain(unasked).min_by_key(|response| response.frame)
}

/// Whether a 400 answers bytes that are no request, as servers word it, and is the last that they say.
fn is_about_no_request(c: &Connection, response: &Response) -> bool {
    let body = String::from_utf8_lossy(&response.extra.body_excerpt).to_lowercase();
    // Node.js answers with a status line and nothing else.
    let bare = body.is_empty() && response.server.is_none() && response.header_bytes < 64;
    let words = bare || PHRASES.iter().any(|phrase| body.contains(phrase));
    let last = c.http.as_ref().is_some_and(|http| http.exchanges.iter().filter(|e| e.response.is_some()).count() <= 1);
    response.status == 400 && words && last
}
