//! What causes of several areas say about PROXY protocol headers.

use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::Finding;
use crate::observation::{Closer, Connection, EdgeKind, End, Role, proxy};

/// Words with which an answer asks for a header, in lower case.
const NAMES: [&str; 4] = ["proxy protocol", "proxy-protocol", "proxyproto", "proxy header"];

/// Whoever cannot read the header gives up sooner. The shortest time for which servers wait for a client is longer.
const AT_ONCE: Micros = Micros::from_secs(1);

/// Whether an answer in clear says something about the PROXY protocol.
pub(super) fn names_header(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    NAMES.iter().any(|name| text.contains(name))
}

/// `a PROXY v2 header (for 198.51.100.7:40112)`.
pub(super) fn name(header: &proxy::Header) -> String {
    let said = match (header.command, header.source) {
        (proxy::Command::Local, _) => " (LOCAL)".to_owned(),
        (_, Some(client)) => format!(" (for {client})"),
        _ => String::new(),
    };
    format!("a PROXY v{} header{said}", header.version)
}

/// `by FIN, without a byte`.
pub(super) fn without_a_byte(end: &Closer) -> &'static str {
    match end.how {
        End::Fin => "by closing the connection, without a byte of its own",
        End::Rst => "by resetting the connection, without a byte of its own",
    }
}

/// The packets of the header, and what is odd about it.
pub(super) fn told_header(header: &proxy::Header, finding: Finding) -> Finding {
    let finding = finding.evidence(header.frame, header.to_string());
    match header.second {
        Some(second) => finding
            .evidence(second, "another PROXY header behind it")
            .fix("Two senders in a row add a header each, and a server takes one: switch one of them off, or let the one in the middle take the other's (HAProxy `accept-proxy`)."),
        None => finding,
    }
}

/// What to do where the origin does not take the header.
pub(super) fn take_it_or_leave_it(c: &Connection, ssl: &str, finding: Finding) -> Finding {
    finding
        .fix(format!(
            "If the load balancer is meant to send it, let this port take it: nginx `listen {0}{ssl} proxy_protocol;`, HAProxy `bind :{0} accept-proxy{ssl}`, Apache `RemoteIPProxyProtocol On`.",
            c.server.port
        ))
        .fix("If not, switch it off where it is sent: NLB target group attribute `proxy_protocol_v2.enabled=false`, HAProxy no `send-proxy` or `send-proxy-v2`, nginx `stream` no `proxy_protocol on`.")
}

/// What to do where the origin waits for a header.
pub(super) fn send_it_or_stop_waiting(c: &Connection, finding: Finding) -> Finding {
    finding
        .fix(format!(
            "CloudFront sends no PROXY header. If it connects to port {} itself, take `proxy_protocol` (nginx), `accept-proxy` (HAProxy) or `RemoteIPProxyProtocol` (Apache) away there, or give it a listener of its own.",
            c.server.port
        ))
        .fix("If a load balancer stands between, let it send the header: NLB target group attribute `proxy_protocol_v2.enabled=true`, HAProxy `send-proxy-v2`, nginx `stream` `proxy_protocol on;`.")
}

/// Whether the client is the load balancer in front: between the two, the header is a setting that both must share.
pub(super) fn is_load_balancer(c: &Connection) -> bool {
    c.edge.kind == EdgeKind::Private && c.role == Role::Edge
}

/// Whether the origin ended the connection on the header, before this frame. One that has read the header and waits for
/// more does so later.
pub(super) fn ended_before(c: &Connection, header: &proxy::Header, frame: FrameRef) -> Option<Closer> {
    c.closed_by(Side::Server).filter(|end| end.frame < frame && end.frame.since(header.last_frame) < AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::names_header;

    #[test]
    fn answers_that_name_the_header() {
        for (said, names) in [
            ("PROXY protocol header expected", true),
            ("Invalid Proxy-Protocol line", true),
            ("proxyproto: no proxy header", true),
            ("Bad Gateway: proxy error", false),
            ("", false),
        ] {
            assert_eq!(names_header(said.as_bytes()), names, "{said}");
        }
    }
}
