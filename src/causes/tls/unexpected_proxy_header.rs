use crate::base::FrameRef;
use crate::causes::proxy::{ended_before, name, take_it_or_leave_it, told_header, without_a_byte};
use crate::diagnosis::{Confidence, Finding, SecondLook};
use crate::observation::{Connection, proxy, tls};

use super::{EDGE, alert, clear_answer, s_client};

/// Alerts of a TLS stack that reads something else in place of a record: unexpected_message, record_overflow,
/// illegal_parameter, decode_error, protocol_version. The others answer a ClientHello that was understood.
const CHOKED: [u8; 5] = [10, 22, 47, 50, 70];

cause! {
    /// A PROXY protocol header comes before the ClientHello, and the origin does not expect one.
    ///
    /// # What happened
    /// The load balancer in front begins each connection with a PROXY protocol header, which tells for whom it speaks.
    /// The listener on this port waits for a ClientHello instead, takes the header for one, and refuses.
    ///
    /// # Evidence
    /// The header as the first bytes of the connection, then the origin's refusal: a 400 in clear text (nginx), an
    /// alert that answers what is no TLS record (GnuTLS), or the end of the connection without a byte (HAProxy, Apache,
    /// OpenSSL). It is `certain` where 400 or alert answer the header alone, before the ClientHello has come. Without a
    /// byte it is `possible`: a proxy that takes the header and has nowhere to go hangs up in the same way.
    ///
    /// # Who must act
    /// Whoever configures the load balancer's target group, or the listener on the origin: both must say the same.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null` from a host that sends no header works.
    /// - `aws elbv2 describe-target-group-attributes`: `proxy_protocol_v2.enabled` is `true`.
    /// - The log of the origin: nginx "client sent invalid request" with `PROXY TCP4 …` or `\r\n\r\n\x00\r\nQUIT\n`,
    ///   Apache AH02008 with "wrong version number", HAProxy "SSL handshake failure".
    ///
    /// # How to fix
    /// - nginx: `listen 443 ssl proxy_protocol;`, with `set_real_ip_from` and `real_ip_header proxy_protocol`.
    /// - HAProxy: `bind :443 accept-proxy ssl crt FILE`. Apache: `RemoteIPProxyProtocol On` in the virtual host.
    /// - Node, and what else has no notion of it: put nginx or HAProxy before it, or switch the header off.
    /// - NLB: `proxy_protocol_v2.enabled=false` in the target group. Health checks send the header, too. HAProxy in
    ///   front: no `send-proxy…` on the `server` line. An ALB never sends one.
    /// - All who connect to one port must send the header, or nobody: give direct clients a port of their own.
    ///
    /// # Often confused with
    /// - `tls.plaintext-http-reply`: there no header comes before the ClientHello.
    /// - `tls.no-common-version`: the same alert protocol_version, on a ClientHello that was read.
    /// - `tls.proxy-header-expected`: the other way round.
    ///
    /// # References
    /// - The PROXY protocol, versions 1 and 2 (HAProxy project), RFC 8446 section 5.1
    /// - AWS: User Guide for Network Load Balancers, "Proxy protocol"
    edge: EDGE,
    supersedes: [
        "tls.plaintext-http-reply", "tls.no-common-version", "tls.origin-alert", "tls.reset-after-client-hello",
        "tls.closed-after-client-hello",
    ],
    second_look: SecondLook::WorksWithoutHeader,
    needs: [ProxyHeader],
    detect: detect,
}

/// What the origin did in place of an answer to the ClientHello.
struct Refusal {
    frame: FrameRef,
    what: String,
    /// Whether it shows that the header was not understood; the mere end does not.
    spoken: bool,
}

fn detect(c: &Connection) -> Option<Finding> {
    let header = c.introduction()?;
    let begins = c.hello_begins();
    let refusal = in_clear(c, begins).or_else(|| by_alert(c)).or_else(|| silently(c, header, begins?))?;
    // Where the packets are out of order, an answer may stand before the ClientHello.
    let alone = begins.is_none_or(|hello| refusal.frame < hello && !c.tcp.end.closer_in_doubt);
    let confidence = match (refusal.spoken, alone) {
        (true, true) => Confidence::Certain,
        (true, false) | (false, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let finding = Finding::new(refusal.frame, confidence, message(c, header, &refusal, alone));
    let finding = told_header(header, finding)
        .evidence_if(begins.filter(|_| !alone), "the ClientHello begins, behind the header")
        .evidence(refusal.frame, format!("the origin answers {}", refusal.what))
        .evidence_if(begins.filter(|_| alone), "the ClientHello, too late")
        .rules_out("tls.proxy-header-expected", format!("there is one, in frame {}", header.frame.named()));
    let finding = take_it_or_leave_it(c, " ssl", finding);
    Some(match refusal.spoken {
        true => finding.fix(format!("{} without the header, on the host itself: does that work?", s_client(c, ""))),
        false => finding.fix("If this port does take the header: a TCP proxy that cannot reach its backend, or has no rule for the name, hangs up like this. Look at its log."),
    })
}

fn message(c: &Connection, header: &proxy::Header, refusal: &Refusal, alone: bool) -> String {
    let then = if alone { "" } else { " and a ClientHello" };
    let does = if refusal.spoken { "does" } else { "may" };
    let malformed = header.fault.map(|fault| format!(" The header is malformed: {fault}.")).unwrap_or_default();
    format!(
        "{} was sent {}{then}, and answered {}: this port {does} not expect the header.{malformed}",
        c.server,
        name(header),
        refusal.what
    )
}

/// In clear text, as the first that it says. Where no ClientHello came, the edge need not have meant TLS.
fn in_clear(c: &Connection, begins: Option<FrameRef>) -> Option<Refusal> {
    begins?;
    // A 408 tells that nothing came in time, no more.
    let (frame, status, _) = clear_answer(c.http.as_ref()?).filter(|(_, status, _)| *status != Some(408))?;
    let first = c.tcp.streams.first_data.server.is_none_or(|first| first >= frame);
    let what = status.map_or_else(|| "in plain HTTP".to_owned(), |s| format!("in plain HTTP, with status {s}"));
    first.then_some(Refusal { frame, what, spoken: true })
}

/// By an alert that no ClientHello explains.
fn by_alert(c: &Connection) -> Option<Refusal> {
    let tls = c.tls.as_ref().filter(|tls| tls.server_hello.is_none() && tls.fault.is_none())?;
    let asked_in_clear = c.http.as_ref().is_some_and(|http| http.total > 0);
    let first = tls.alerts.first().filter(|a| a.ends_handshake() && !a.encrypted && !asked_in_clear)?;
    let choked = first.from == crate::base::Side::Server
        && first.level == Some(tls::Alert::FATAL)
        && first.description.is_some_and(|code| CHOKED.contains(&code));
    let what = format!("with the alert {}", alert(first));
    (choked && c.before_end(first.frame)).then_some(Refusal { frame: first.frame, what, spoken: true })
}

/// By hanging up.
fn silently(c: &Connection, header: &proxy::Header, hello: FrameRef) -> Option<Refusal> {
    let before = ended_before(c, header, hello).filter(|_| c.tcp.streams.first_data.server.is_none());
    let end = before.or_else(|| c.hung_up_on(hello))?;
    Some(Refusal { frame: end.frame, what: without_a_byte(&end).to_owned(), spoken: false })
}
