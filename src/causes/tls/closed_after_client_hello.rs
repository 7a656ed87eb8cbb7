use crate::base::{FrameRef, Side};
use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, End, tls};

use super::{EDGE, for_name, s_client};

cause! {
    /// The origin closed the connection on the edge's ClientHello, without an alert that says why.
    ///
    /// # What happened
    /// The connection is established, the edge begins TLS, and the origin's side answers with FIN. A TLS server that
    /// refuses sends an alert first; a bare close comes from a TCP proxy whose backend is down or missing, from a router by
    /// server name that has no rule for this one, or from a program that gave the connection up.
    ///
    /// # Evidence
    /// The ClientHello, whole or in part, then FIN from the origin's side, and no byte of the origin's between but, at most,
    /// a close_notify.
    ///
    /// # Who must act
    /// Whoever runs what accepts connections on this port, or what stands behind it.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null`: "unexpected eof while reading". With another name?
    /// - The log of the proxy that listens: backends down, no upstream for the name, limits.
    /// - `ss -ltnp` on the host and on the backend: is the program behind the proxy there at all?
    ///
    /// # How to fix
    /// - nginx `stream`: an upstream that answers; with `ssl_preread` a `default` in the `map` that leads somewhere.
    /// - HAProxy in `mode tcp`: servers that are up, a `default_backend`; look for `tcp-request content reject`.
    /// - A proxy or tunnel in a container or a sidecar: start what it forwards to, and let it wait for that.
    /// - NLB: healthy targets, and a target port that speaks TLS.
    /// - Node: do not `end()` the socket in a `connection` handler; log `tlsClientError`.
    ///
    /// # Often confused with
    /// - `tcp.closed-on-accept`: there the edge had sent nothing.
    /// - `tls.reset-after-client-hello`: the same by RST.
    /// - `tls.certificate-rejected`: there the origin had sent its certificate.
    ///
    /// # References
    /// - RFC 8446 section 6.1 (a close without close_notify), RFC 9293 section 3.6
    edge: EDGE,
    needs: [NoReply, HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let begins = c.hello_begins()?;
    let fin = c.ended_with(Side::Server, End::Fin)?;
    let tls = c.tls.as_ref()?;
    let farewell = farewell(c, tls);
    if begins > fin || (c.tcp.streams.first_data.server.is_some() && farewell.is_none()) {
        return None;
    }
    let whole = c.hello_ends().filter(|&frame| frame <= fin);
    let part = if whole.is_some() { "ClientHello" } else { "the first part of its ClientHello" };
    let without =
        if farewell.is_some() { "with nothing but a close_notify" } else { "without an alert or any byte of its own" };
    let message = format!(
        "{} closed the connection {} after the edge's {part}{}, {without}.",
        c.server,
        fin.since(whole.unwrap_or(begins)),
        for_name(c)
    );
    Some(
        Finding::new(fin, Confidence::Certain, message)
            .evidence(begins, "the edge's ClientHello begins")
            .evidence_if(whole.filter(|&frame| frame != begins), "the ClientHello is complete")
            .evidence_if(farewell, "close_notify of the origin, which says no reason")
            .evidence(fin, "FIN from the origin's side")
            .rules_out("tcp.closed-on-accept", format!("the edge had begun its ClientHello in frame {}", begins.named()))
            .rules_out("tls.no-common-cipher", "a TLS server that refuses sends an alert")
            .fix("Is this a TCP proxy? Look at its log and at what it forwards to: is that up, on the address and port that the proxy uses?")
            .fix("Does it route by server name (nginx `ssl_preread`, HAProxy `req.ssl_sni`)? Give this name a rule, or the proxy a default.")
            .fix(format!("{}, and the same with a name that works.", s_client(c, ""))),
    )
}

/// A close_notify that is all the origin ever said.
fn farewell(c: &Connection, tls: &tls::Transcript) -> Option<FrameRef> {
    let alert = c.ending_alert(Side::Server).filter(|alert| alert.is_close_notify())?;
    (tls.records.server.count == 1 && tls.fault.is_none() && !tls.lost.server).then_some(alert.frame)
}
