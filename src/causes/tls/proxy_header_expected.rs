use crate::base::FrameRef;
use crate::causes::proxy::{is_load_balancer, names_header, send_it_or_stop_waiting, without_a_byte};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{Connection, End};

use super::{EDGE, clear_answer, for_name, s_client};

cause! {
    /// The origin hangs up on a ClientHello because it waits for a PROXY protocol header.
    ///
    /// # What happened
    /// The listener on this port is set up for a load balancer that begins each connection with a PROXY protocol
    /// header. The edge, or a load balancer that does not send it, begins with the ClientHello. The listener takes that
    /// for a malformed header and ends the connection.
    ///
    /// # Evidence
    /// A ClientHello without a header before it, and an answer in clear text that asks for the header: `certain`. nginx,
    /// HAProxy and Apache only hang up, at once and without a byte; so do other servers for other reasons. This is
    /// then said as `possible`, beside `tls.reset-after-client-hello` or (behind a load balancer)
    /// `tls.closed-after-client-hello`, and as `likely` where connections that begin with a header work on this port in
    /// the same capture.
    ///
    /// # Who must act
    /// Whoever configures the listener on the origin, or the load balancer's target group: both must say the same.
    ///
    /// # How to confirm
    /// - `nginx -T | grep proxy_protocol`, `grep -r accept-proxy /etc/haproxy`, `grep -ri RemoteIPProxyProtocol /etc/apache2`.
    /// - The log: nginx "broken header … while reading PROXY protocol", HAProxy "Received something which does not look
    ///   like a PROXY protocol header". Apache says nothing above level `debug`.
    /// - `curl --haproxy-protocol -vk https://HOST/` works, `curl -vk https://HOST/` does not.
    ///
    /// # How to fix
    /// - nginx: `listen 443 ssl;` for whoever sends no header, `listen 8443 ssl proxy_protocol;` for the load balancer.
    /// - HAProxy: no `accept-proxy` on the `bind` line, or `tcp-request connection expect-proxy layer4 if { src LB }`.
    /// - Apache: `RemoteIPProxyProtocol Off`, or `RemoteIPProxyProtocolExceptions` with the addresses that send none.
    /// - NLB: `proxy_protocol_v2.enabled=true` in the target group. An ALB and CloudFront itself never send a header.
    /// - Node: what reads the header must let connections without one pass, or listen on a port of its own.
    ///
    /// # Often confused with
    /// - `tls.unexpected-proxy-header`: the other way round.
    /// - `tls.reset-after-client-hello`, `tls.closed-after-client-hello`: all that hangs up for other reasons.
    ///
    /// # References
    /// - The PROXY protocol, versions 1 and 2 (HAProxy project), section 2 (a receiver must not guess), RFC 8446 section 6
    /// - AWS: User Guide for Network Load Balancers, "Proxy protocol"
    edge: EDGE,
    supersedes: ["tls.plaintext-http-reply"],
    second_look: SecondLook::WorksWithHeader,
    needs: [Unasked, NoReply],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let begins = c.hello_begins().filter(|_| c.proxy_protocol.is_none())?;
    let finding = named(c, begins).or_else(|| hung_up(c, begins))?;
    let finding = send_it_or_stop_waiting(c, finding);
    Some(finding.fix(format!("{} on the host itself fails in the same way.", s_client(c, ""))))
}

/// The answer says so.
fn named(c: &Connection, begins: FrameRef) -> Option<Finding> {
    let frame = in_http(c).filter(|&frame| frame > begins)?;
    let first = c.tcp.streams.first_data.server.is_none_or(|first| first >= frame);
    let message = format!(
        "{} answered the edge's ClientHello{} in clear text and asks for a PROXY protocol header.",
        c.server,
        for_name(c)
    );
    let finding = Finding::new(frame, Confidence::Certain, message)
        .evidence(begins, "the edge's ClientHello, with nothing before it")
        .evidence(frame, "the origin's answer, which names the PROXY protocol");
    first.then_some(finding)
}

fn in_http(c: &Connection) -> Option<FrameRef> {
    let http = c.http.as_ref()?;
    let (frame, ..) = clear_answer(http)?;
    let exchanges = http.exchanges.iter().filter_map(|e| e.response.as_ref());
    let mut all = exchanges.chain(http.unsolicited.iter().filter_map(|u| u.response.as_deref()));
    all.any(|r| r.frame == frame && (names_header(&r.extra.body_excerpt) || names_header(r.reason().as_bytes()))).then_some(frame)
}

/// It ends as soon as it has read what is no header.
fn hung_up(c: &Connection, begins: FrameRef) -> Option<Finding> {
    let hello = c.hello_ends()?;
    // A FIN has more ordinary reasons where no load balancer stands between that could send the header.
    let end = c.hung_up_on(hello).filter(|end| end.how == End::Rst || is_load_balancer(c))?;
    let message = format!(
        "{} answered the edge's ClientHello{} {}, as a listener does that waits for a PROXY protocol header.",
        c.server,
        for_name(c),
        without_a_byte(&end)
    );
    Some(
        Finding::new(end.frame, Confidence::Possible, message)
            .evidence(begins, "the edge's ClientHello, with no PROXY header before it")
            .evidence(end.frame, format!("the origin hangs up {} later", end.frame.since(hello))),
    )
}
