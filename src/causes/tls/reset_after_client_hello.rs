use crate::base::Side;
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, End};

use super::{EDGE, for_name, s_client};

cause! {
    /// The origin reset the connection on the edge's ClientHello, without an alert or any other byte.
    ///
    /// # What happened
    /// The connection is established, the edge begins TLS, and the origin's side answers with RST. A TLS server that
    /// merely refuses sends an alert; a bare RST comes from something that does not speak TLS here, or not yet: a proxy that
    /// routes by server name and has no rule for this one, a listener that expects a PROXY protocol header, a program
    /// that crashes or closes with unread data, a firewall that inspects TLS.
    ///
    /// # Evidence
    /// The ClientHello, whole or in part, then RST from the origin's side, and no byte of the origin's between.
    ///
    /// # Who must act
    /// Whoever runs what accepts connections on this port.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null` from the host itself: the same RST
    ///   ("Connection reset by peer", `write:errno=104`)? If only from outside, something in between resets.
    /// - The error log of the program at the time of the RST. nginx: "broken header … while reading PROXY protocol".
    /// - With a PROXY header in front: `printf 'PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n' | nc HOST 443` is not reset at once
    ///   by a listener that expects one.
    ///
    /// # How to fix
    /// - nginx: no `proxy_protocol` in `listen 443 ssl …` unless a load balancer in front sends the header; CloudFront does
    ///   not. `stream` with `ssl_preread`: a `default` in the `map` that leads somewhere.
    /// - HAProxy: no `accept-proxy` on the `bind` line that CloudFront reaches; a `default_backend` for names without a rule;
    ///   look for `tcp-request content reject` and `silent-drop`.
    /// - Apache: no `RemoteIPProxyProtocol On` there.
    /// - NLB: targets that are unhealthy or gone reset; PROXY protocol v2 of the target group must be as the target expects.
    /// - Node: an exception in a `connection` handler, or `socket.destroy()` by an address filter.
    ///
    /// # Often confused with
    /// - `tcp.reset-on-accept`: there the edge had sent nothing.
    /// - `tls.closed-after-client-hello`: the same by FIN.
    /// - `tls.no-server-hello`: there nothing at all comes back, and the edge gives up.
    ///
    /// # References
    /// - RFC 9293 section 3.5.2 (resets), section 3.6.1 (a close with unread data resets), RFC 8446 section 6 (alerts)
    /// - The PROXY protocol, versions 1 and 2 (HAProxy project)
    edge: EDGE,
    needs: [NoReply],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let begins = c.hello_begins()?;
    let rst = c.ended_with(Side::Server, End::Rst)?;
    if begins > rst || c.tcp.streams.first_data.server.is_some() {
        return None;
    }
    let whole = c.hello_ends().filter(|&frame| frame <= rst);
    let part = if whole.is_some() { "ClientHello" } else { "the first part of its ClientHello" };
    let message = format!(
        "{} reset the connection {} after the edge's {part}{}, without an alert or any byte of its own.",
        c.server,
        rst.since(whole.unwrap_or(begins)),
        for_name(c)
    );
    Some(
        Finding::new(rst, Confidence::Certain, message)
            .evidence(begins, "the edge's ClientHello begins")
            .evidence_if(whole.filter(|&frame| frame != begins), "the ClientHello is complete")
            .evidence(rst, "RST from the origin's side")
            .rules_out("tcp.reset-on-accept", format!("the edge had begun its ClientHello in frame {}", begins.named()))
            .rules_out("tls.no-common-cipher", "a TLS server that refuses sends an alert")
            .fix("Does this listener expect a PROXY protocol header? CloudFront sends none: nginx `proxy_protocol`, HAProxy `accept-proxy`, Apache `RemoteIPProxyProtocol`.")
            .fix("Does a proxy here route by server name (nginx `ssl_preread`, HAProxy `req.ssl_sni`)? Give this name a rule, or the proxy a default.")
            .fix(format!("{} on the host itself: if that works, something in front of the host resets.", s_client(c, ""))),
    )
}
