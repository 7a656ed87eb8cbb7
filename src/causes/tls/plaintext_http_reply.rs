use crate::diagnosis::{Confidence, Finding};
use crate::observation::Connection;

use super::{EDGE, clear_answer};

cause! {
    /// The edge began TLS, and the origin answered in plain HTTP: HTTPS to a port that speaks HTTP.
    ///
    /// # What happened
    /// The edge sends a TLS ClientHello. The program on this port takes its bytes for an HTTP request that it cannot
    /// read and says so, most often by a 400. The edge cannot read that answer: to it, it is no TLS record.
    ///
    /// # Evidence
    /// The ClientHello, and as the first bytes of the origin `HTTP/1.x` in clear. It is `likely` where the capture cut
    /// that answer: its rest may name another reason.
    ///
    /// # Who must act
    /// Whoever configures the listener on the origin, or the origin settings of the distribution: one of the two
    /// names the wrong port or the wrong protocol.
    ///
    /// # How to confirm
    /// - `curl -sv http://HOST:PORT/` gets an answer, `curl -sv https://HOST:PORT/` fails with "wrong version number".
    /// - The origin's access log has a 400 with a garbled request line that begins with `\x16\x03\x01`.
    ///
    /// # How to fix
    /// - The port is meant to speak TLS. nginx: `listen 443 ssl;` with `ssl_certificate` and `ssl_certificate_key`
    ///   (`listen 443;` alone is plain). Apache: `SSLEngine on` in the `<VirtualHost *:443>`. HAProxy:
    ///   `bind :443 ssl crt FILE`. Node: `https.createServer({key, cert}, …)`.
    /// - The port is meant to speak HTTP: set the origin's protocol policy to "HTTP only", or its HTTPS port to one
    ///   that speaks TLS. With "Match viewer" an HTTPS viewer makes the edge use TLS.
    /// - ALB or NLB: the listener's protocol must be HTTPS or TLS, with a certificate; HTTP or TCP on 443 is not enough.
    /// - Behind a TLS terminator the target group's protocol must fit what the target speaks.
    ///
    /// # Often confused with
    /// - `tls.not-tls-reply`: what comes back is neither TLS nor HTTP.
    /// - `http.plaintext-on-tls-port`: the other way round, plain HTTP to a port that speaks TLS.
    /// - A 400 in the access log that looks like a scanner's: it may be CloudFront's ClientHello.
    ///
    /// # References
    /// - RFC 8446 section 5.1 (records), RFC 9112 section 2.2
    /// - AWS: Amazon CloudFront Developer Guide, "Values that you specify when you create or update a distribution",
    ///   origin protocol policy
    edge: EDGE,
    supersedes: ["tls.no-server-hello", "tls.edge-alert"],
    needs: [Unasked],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let begins = c.hello_begins()?;
    let (frame, status, server) = clear_answer(c.http.as_ref()?)?;
    // The origin's first bytes of all, so that it never spoke TLS here.
    if frame < begins || c.tcp.streams.first_data.server.is_some_and(|first| first < frame) {
        return None;
    }
    let said = status.map_or_else(|| "an HTTP response".to_owned(), |status| format!("HTTP status {status}"));
    let by = server.map(|name| format!(" from \"{name}\"")).unwrap_or_default();
    // What is hidden of an answer may name another reason, such as a PROXY protocol header that did not come.
    let whole = c.tcp.odd.cut.server.is_none_or(|cut| cut > frame);
    let confidence = if whole { Confidence::Certain } else { Confidence::Likely };
    let message = format!(
        "{} answered the edge's TLS ClientHello in plain HTTP, with {said}{by}: this port does not speak TLS.",
        c.server
    );
    Some(
        Finding::new(frame, confidence, message)
            .evidence(begins, "the edge's ClientHello")
            .evidence(frame, format!("the origin's first bytes: {said}, in clear"))
            .rules_out("tls.no-common-version", "the origin sent no TLS record at all")
            .fix(format!(
                "If port {} is meant to speak TLS, switch it on there: nginx `listen {0} ssl;`, Apache `SSLEngine on`, HAProxy `bind :{0} ssl crt FILE`.",
                c.server.port
            ))
            .fix("If it is meant to speak HTTP, set the origin's protocol policy to HTTP only, or its HTTPS port to one that speaks TLS.")
            .fix(format!("`curl -sv http://{}/` on the host: it answers, and so shows who listens there.", c.server)),
    )
}
