use crate::diagnosis::{Finding, RestsOn};
use crate::observation::{Connection, End};

use super::EDGE;

cause! {
    /// The origin closed the connection in the middle of the TLS handshake, without an alert.
    ///
    /// # What happened
    /// The origin had answered the ClientHello and then sent FIN before both sides had finished. A server that merely
    /// refuses sends an alert first; this one gave the connection up: a handler that ends it, a worker that stops, a time limit
    /// for handshakes, a TCP proxy in between whose backend went away.
    ///
    /// # Evidence
    /// The origin's first TLS bytes, then its FIN, with no alert, no Finished of both sides, and no end of the edge's before.
    ///
    /// # Who must act
    /// Whoever runs the TLS server on the origin, or the TCP proxy in front of it.
    ///
    /// # How to confirm
    /// - The log of the server and of any proxy at that time: restarts, reloads, time limits, backends that went away.
    /// - `openssl s_client -connect HOST:443 -servername NAME </dev/null`, several times: "unexpected eof while reading"?
    ///
    /// # How to fix
    /// - A time limit for handshakes: nginx `client_header_timeout` (60 s) and `ssl_handshake_timeout` (stream), HAProxy
    ///   `timeout client` or `timeout http-request`, Apache `RequestReadTimeout handshake=`, Node `handshakeTimeout`
    ///   (120 s). If it is short, raise it; if the server itself is slow, find out why.
    /// - Node: an `end()` in a handler of `newSession`, `resumeSession`, `OCSPRequest` or `SNICallback`.
    /// - Reloads that do not wait: let old workers finish (`nginx -s reload`, HAProxy in master-worker mode).
    /// - NLB or TCP proxy: healthy targets, and no deregistration while connections begin.
    ///
    /// # Often confused with
    /// - `tls.closed-after-client-hello`: there the origin had sent nothing.
    /// - `tls.certificate-rejected`: there the edge ends it, or is silent until the origin gives up.
    /// - `tls.client-certificate-required`: there the edge's Certificate was empty.
    ///
    /// # References
    /// - RFC 8446 section 6.1, RFC 9293 section 3.6
    edge: EDGE,
    rests_on: RestsOn::Duration("whether the origin closed on its own, or gave up on a silent edge"),
    needs: [HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (finding, answer) = super::left_handshake(c, End::Fin)?;
    Some(
        finding
            .rules_out("tls.closed-after-client-hello", format!("the origin had answered in frame {}", answer.named()))
            .fix("Look at the server's log at that time: a reload, a time limit for handshakes, a handler that ends the connection.")
            .fix("Behind a TCP proxy or NLB, look at the target: did it go away?")
            .fix(super::try_again(c)),
    )
}
