use crate::causes::proxy::{is_load_balancer, names_header, send_it_or_stop_waiting, without_a_byte};
use crate::diagnosis::{Confidence, Edge, Finding, SecondLook};
use crate::observation::http1::{Exchange, Request};
use crate::observation::{Connection, End};

cause! {
    /// The origin hangs up on a request because it waits for a PROXY protocol header.
    ///
    /// # What happened
    /// The listener on this port is set up for a load balancer that begins each connection with a PROXY protocol
    /// header. The edge, or a load balancer that does not send it, begins with the request. The listener takes that for
    /// a malformed header and ends the connection, or says what it wants.
    ///
    /// # Evidence
    /// A request without a header before it, and an answer that asks for the header: `certain`. nginx, HAProxy and
    /// Apache only hang up, at once and without a byte; so do other programs for other reasons. Behind a load balancer
    /// this is then said as `possible`, beside `http.reset-before-response` or `http.closed-before-response`, and as
    /// `likely` where connections that begin with a header work on this port in the same capture.
    ///
    /// # Who must act
    /// Whoever configures the listener on the origin, or the load balancer's target group: both must say the same.
    ///
    /// # How to confirm
    /// - `nginx -T | grep proxy_protocol`, `grep -r accept-proxy /etc/haproxy`, `grep -ri RemoteIPProxyProtocol /etc/apache2`.
    /// - The log: nginx "broken header … while reading PROXY protocol", HAProxy "Received something which does not look
    ///   like a PROXY protocol header". Apache says nothing above level `debug`.
    /// - `curl --haproxy-protocol -v http://HOST:PORT/` works, `curl -v http://HOST:PORT/` does not.
    ///
    /// # How to fix
    /// - nginx: `listen 80;` for whoever sends no header, `listen 8080 proxy_protocol;` for the load balancer.
    /// - HAProxy: no `accept-proxy` on the `bind` line, or `tcp-request connection expect-proxy layer4 if { src LB }`.
    /// - Apache: `RemoteIPProxyProtocol Off`, or `RemoteIPProxyProtocolExceptions` with the addresses that send none.
    /// - NLB: `proxy_protocol_v2.enabled=true` in the target group. An ALB and CloudFront itself never send a header.
    /// - Node: what reads the header must let connections without one pass, or listen on a port of its own.
    ///
    /// # Often confused with
    /// - `http.unexpected-proxy-header`: the other way round.
    /// - `http.closed-before-response`, `http.reset-before-response`: all that hangs up for other reasons.
    ///
    /// # References
    /// - The PROXY protocol, versions 1 and 2 (HAProxy project), section 2 (a receiver must not guess), RFC 9112 section 9.5
    /// - AWS: User Guide for Network Load Balancers, "Proxy protocol"
    edge: Edge::status(502),
    second_look: SecondLook::WorksWithHeader,
    needs: [ErrorStatus, NoReply],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let http = c.http.as_ref().filter(|_| c.proxy_protocol.is_none())?;
    let exchange = http.exchanges.first().filter(|e| e.index == 0)?;
    let request = exchange.request.as_ref().filter(|r| c.sees_all() && c.comes_first(r.frame))?;
    let finding = named(c, exchange, request).or_else(|| hung_up(c, request))?;
    Some(send_it_or_stop_waiting(c, finding.exchange(exchange.index)))
}

/// The answer says so.
fn named(c: &Connection, exchange: &Exchange, request: &Request) -> Option<Finding> {
    let answer = exchange.response.as_ref().filter(|r| (400..500).contains(&r.status))?;
    if !names_header(&answer.extra.body_excerpt) && !names_header(answer.reason().as_bytes()) {
        return None;
    }
    let message = format!(
        "{} answered {} with status {} and asks for a PROXY protocol header.",
        c.server,
        super::name(request),
        answer.status
    );
    Some(
        Finding::new(answer.frame, Confidence::Certain, message)
            .edge(Edge::status(answer.status))
            .evidence(request.frame, "the request, with no PROXY header before it")
            .evidence(answer.frame, format!("status {}, which names the PROXY protocol", answer.status)),
    )
}

/// It ends as soon as it has read what is no header.
fn hung_up(c: &Connection, request: &Request) -> Option<Finding> {
    // Where no load balancer stands between that could send the header, other reasons are more ordinary.
    let end = c.hung_up_on(request.last_frame()).filter(|_| request.complete && is_load_balancer(c))?;
    let message = format!(
        "{} answered {} {}, as a listener does that waits for a PROXY protocol header.",
        c.server,
        super::name(request),
        without_a_byte(&end)
    );
    let packet = if end.how == End::Rst { "RST" } else { "FIN" };
    Some(
        Finding::new(end.frame, Confidence::Possible, message)
            .evidence(request.frame, "the request, with no PROXY header before it")
            .evidence(end.frame, format!("{packet} {} later", end.frame.since(request.last_frame()))),
    )
}
