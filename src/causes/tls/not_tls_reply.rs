use crate::diagnosis::{Confidence, Finding};
use crate::observation::{Connection, NotTls, protocol};

use super::{EDGE, shown};

cause! {
    /// The edge began TLS, and the origin speaks another protocol, neither TLS nor HTTP/1.
    ///
    /// # What happened
    /// The edge sends a TLS ClientHello to a port where something else listens: an SSH, mail, FTP or database server, a
    /// cache, HTTP/2 without TLS. It answers in its own protocol, or had greeted before the ClientHello came. The edge
    /// cannot read that: to it, it is no TLS record.
    ///
    /// # Evidence
    /// The ClientHello, and the origin's first bytes, with which no TLS record begins. Where they give the protocol away it
    /// is named; where they do not it is `likely`, for they may be a record that was damaged on the way. The greeting of a
    /// server that speaks first (SSH, SMTP, FTP, MySQL) may come before the ClientHello.
    ///
    /// # Who must act
    /// Whoever sets the origin's port in the distribution, or whoever configures what listens there, or the proxy, NAT rule
    /// or target group that leads from that port to another service.
    ///
    /// # How to confirm
    /// - `ss -ltnp 'sport = :PORT'` on the host: which program is it? A TCP proxy shows only itself: look at what it forwards to.
    /// - `nc HOST PORT </dev/null | head -c 64 | xxd` shows a greeting; for a server that waits to be asked,
    ///   `printf '\r\n\r\n' | nc HOST PORT | head -c 64 | xxd`.
    /// - `openssl s_client -connect HOST:PORT </dev/null` fails with "wrong version number" or "packet length too long".
    ///
    /// # How to fix
    /// - The wrong port: set the origin's HTTPS port in the distribution to that of the web server.
    /// - The wrong target: nginx `stream` (`proxy_pass`), HAProxy `mode tcp` (`server`), `iptables -t nat` and
    ///   `docker run -p`, a Kubernetes Service's `targetPort`, the port of an NLB target group: let it lead to the web server.
    /// - A tool that shares port 443 between protocols (sslh, HAProxy with `req.ssl_hello_type`): check the rule for TLS.
    /// - HTTP/2 frames: the listener speaks HTTP/2 without TLS. nginx: `listen 443 ssl` beside `http2`. HAProxy:
    ///   `bind :443 ssl crt FILE alpn h2,http/1.1` and not `proto h2`. Node: `http2.createSecureServer` and not
    ///   `http2.createServer`. Envoy and gRPC servers: a TLS context on the listener. CloudFront speaks HTTP/1.1, and HTTP/2
    ///   for gRPC, always inside TLS when it speaks to the HTTPS port.
    /// - ALB: it has no such listeners; look at the port of the target group when the load balancer is the one that speaks
    ///   TLS here.
    ///
    /// # Often confused with
    /// - `tls.plaintext-http-reply`: what comes back is HTTP/1 in clear.
    /// - `tls.malformed-record`: there the origin had spoken TLS before.
    /// - `tls.closed-after-client-hello`, `tls.reset-after-client-hello`: there nothing at all comes back; servers of some
    ///   other protocols close like that.
    /// - `tls.no-server-hello`: a server that waits for the end of a line (Redis) may never answer.
    /// - `http.malformed-status-line`: the same where the edge speaks plain HTTP.
    ///
    /// # References
    /// - RFC 8446 section 5.1 (records)
    /// - RFC 4253 section 4.2 (SSH), RFC 5321 section 4.2 (SMTP), RFC 959 section 4.2 (FTP), RFC 9113 section 4.1 (HTTP/2)
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, HTTPS port
    edge: EDGE,
    supersedes: ["tls.malformed-record", "tls.no-server-hello", "tls.edge-alert"],
    needs: [HalfHandshake],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let begins = c.hello_begins()?;
    let NotTls { frame, bytes } = c.answer_not_tls()?;
    let known = protocol(bytes);
    let confidence = if known.is_some() { Confidence::Certain } else { Confidence::Likely };
    let what = known.unwrap_or("bytes of an unknown protocol");
    let shown = shown(bytes);
    let (verb, when) = if frame < begins {
        ("greeted the edge with", "the origin speaks first")
    } else {
        ("answered the edge's TLS ClientHello with", "the origin's first bytes")
    };
    let message = format!("{} {verb} {what}: {shown}. This port does not speak TLS.", c.server);
    let finding = Finding::new(frame.max(begins), confidence, message);
    let reply = format!("{when}: {shown}");
    let finding = if frame < begins {
        finding.evidence(frame, reply).evidence(begins, "the edge's ClientHello")
    } else {
        finding.evidence(begins, "the edge's ClientHello").evidence(frame, reply)
    };
    Some(
        finding
            .rules_out("tls.no-common-version", "the origin sent no TLS record at all")
            .rules_out("tls.plaintext-http-reply", "what it sent is no HTTP/1 either")
            .fix(format!(
                "`ss -ltnp 'sport = :{}'` on the host: which program listens there? If it is a proxy, look at what it forwards to.",
                c.server.port
            ))
            .fix("Set the origin's HTTPS port in the distribution to that of the web server, or let the proxy, NAT rule or target group lead to it.")
            .fix_if(what == "HTTP/2 frames", "HTTP/2 without TLS: switch TLS on there: nginx `listen … ssl` beside `http2`, HAProxy `ssl crt FILE alpn h2,http/1.1` in place of `proto h2`, Node `http2.createSecureServer`."),
    )
}
