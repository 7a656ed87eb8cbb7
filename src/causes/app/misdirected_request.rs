use crate::diagnosis::{Edge, Finding};
use crate::observation::Connection;

cause! {
    /// The origin answered 421: the request reached a server that does not serve this name.
    ///
    /// # What happened
    /// The connection is in order, and the program at its other end says that the Host of the request is none of its
    /// own, or does not belong to the name in the TLS handshake (SNI). CloudFront passed the status on.
    ///
    /// # Evidence
    /// A proper response with status 421, and the Host that was asked for. Inside of TLS it is not seen without keys.
    ///
    /// # Who must act
    /// Whoever runs the distribution (which Host it forwards) and the origin (which names it serves).
    ///
    /// # How to confirm
    /// - `curl -sv --connect-to ::ORIGIN:443 https://NAME/` with the Host that the report names, and with the origin
    ///   domain: the first gives 421, the second does not.
    /// - Apache's error log: AH02032 "Hostname ... provided via SNI and hostname ... provided via HTTP have no
    ///   compatible SSL setup".
    /// - A proxy in front of it (nginx, HAProxy) may only pass the 421 on: its own log names the upstream.
    ///
    /// # How to fix
    /// - CloudFront: forward the Host that the origin serves, or none (the managed origin request policy
    ///   AllViewerExceptHostHeader); the SNI follows the Host.
    /// - nginx in front of a TLS upstream: `proxy_ssl_server_name on; proxy_ssl_name $host;` beside
    ///   `proxy_set_header Host $host;`. Apache from 2.4.64 on refuses what does not agree.
    /// - HAProxy: `server ... ssl sni req.hdr(host)`.
    /// - Apache: the same `SSLProtocol`, `SSLVerifyClient` and so on in the virtual hosts concerned, or `ServerAlias`
    ///   for the name. Caddy: name the site, or set `strict_sni_host insecure_off`.
    /// - Node and others: look for the list of hosts that the program allows.
    ///
    /// # Often confused with
    /// - `tls.unrecognized-name`, `tls.sni-forwarded-host`: there the name fails in the handshake already.
    /// - `app.forbidden`: there the name is right and the sender is not welcome.
    ///
    /// # References
    /// - RFC 9110 section 15.5.20
    /// - AWS: Amazon CloudFront Developer Guide, "Request and response behavior for custom origins" (Host)
    edge: Edge::status(421),
    needs: [ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let (exchange, _) = c.answered_with(421)?;
    let host = exchange.request.and_then(|r| r.host);
    let mut finding = super::detect(c, 421, Edge::status(421))?;
    if let (Some(host), Some(request)) = (host, exchange.request) {
        finding = finding.evidence(request.frame, format!("Host: {host}"));
    }
    Some(
        finding
            .rules_out("tls.unrecognized-name", "the request got as far as HTTP")
            .fix(format!(
                "Which names does the origin serve? {} is not among them, or does not agree with the SNI.",
                host.unwrap_or("The Host of this request")
            ))
            .fix("Let CloudFront forward a Host that the origin serves, or none (AllViewerExceptHostHeader)."),
    )
}
