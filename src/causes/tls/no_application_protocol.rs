use crate::base::escape;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, http1, tls};

use super::{EDGE, NAMES_IN_A_SENTENCE, alert, client_hello, for_name, is_host_name, s_client, told_hello};

/// no_application_protocol (RFC 7301 section 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;

cause! {
    /// Edge and origin have no application protocol in common (ALPN).
    ///
    /// # What happened
    /// The edge's ClientHello lists the protocols that it would speak inside of TLS (`h2`, `http/1.1`). The origin speaks
    /// none of them, and refuses before it sends a ServerHello.
    ///
    /// # Evidence
    /// The ClientHello with its list, then the fatal alert no_application_protocol (120), and no ServerHello. Some servers do
    /// not refuse by an alert: they finish the handshake and answer inside of it (Node in HTTP/2-only mode by a 403), which
    /// only keys (`--keylog`) show.
    ///
    /// # Who must act
    /// Whoever configures TLS on the origin; or the distribution, where gRPC is switched on for an origin that has no HTTP/2.
    ///
    /// # How to confirm
    /// - `openssl s_client -connect HOST:443 -servername NAME -alpn h2 </dev/null`, and with `-alpn http/1.1`: which one
    ///   fails, and what does the other print under "ALPN protocol"?
    /// - Does the distribution have gRPC switched on for this behavior? For gRPC CloudFront speaks HTTP/2 to the origin, for all
    ///   else HTTP/1.1. Whether its ClientHello carries ALPN is not documented; the evidence has what this edge sent.
    ///
    /// # How to fix
    /// - The edge offers `h2` only (gRPC), the origin has no HTTP/2. nginx: `listen 443 ssl http2;` (from 1.25.1 `http2 on;`).
    ///   Apache: `Protocols h2 http/1.1` with mod_http2. HAProxy: `alpn h2,http/1.1` on the `bind` line. Node:
    ///   `http2.createSecureServer`. Caddy: do not leave `h2` out of `protocols`. ALB: a target group of protocol version gRPC
    ///   or HTTP2, and an HTTPS listener.
    /// - Or switch gRPC off in the distribution's behavior, if the origin does not speak it.
    /// - The edge offers `http/1.1` only, the origin has only HTTP/2 (a gRPC server): CloudFront needs HTTP/1.1 there, unless
    ///   gRPC is switched on. Node: `allowHTTP1: true`. Others: add `http/1.1` to the list.
    /// - A TLS proxy by ALPN (nginx `$ssl_preread_alpn_protocols`, HAProxy `req.ssl_alpn`): give it a default.
    ///
    /// # Often confused with
    /// - `tls.no-common-cipher`: the alert is handshake_failure (40).
    /// - `tls.unrecognized-name`: the alert is unrecognized_name (112).
    /// - HTTP/2 errors after a good handshake: there the protocol had been agreed on.
    ///
    /// # References
    /// - RFC 7301 section 3.2, RFC 9113 section 3.3
    /// - AWS: Amazon CloudFront Developer Guide, "Using gRPC with CloudFront distributions"
    edge: EDGE,
    needs: [Alert, ErrorStatus],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let Some(refusal) = c.refusal().filter(|refusal| refusal.description == Some(NO_APPLICATION_PROTOCOL)) else {
        return told_in_http(c, client_hello(c)?);
    };
    let hello = client_hello(c);
    let alpn = hello.map(|hello| hello.alpn.as_slice()).unwrap_or_default();
    let offer = hello.map(|hello| format!(": {}", offered(&hello.alpn))).unwrap_or_default();
    let message = format!("{} speaks no protocol that the edge offered{}{offer}.", c.server, for_name(c));
    let finding = Finding::new(refusal.frame, Confidence::Certain, message);
    let finding = told_hello(c, |hello| offered(&hello.alpn), finding)
        .evidence(refusal.frame, format!("fatal alert of the origin: {}", alert(refusal)))
        .rules_out("tls.no-common-cipher", "the alert would be handshake_failure (40)")
        .rules_out("tls.certificate-rejected", "the origin had shown no certificate: there is no ServerHello");
    let name = alpn.first().filter(|name| is_host_name(name)).map_or("h2", String::as_str);
    let try_it = format!("{} refuses as long as the fault lasts.", s_client(c, &format!("-alpn {name}")));
    // An edge that offers anything at all by ALPN wants HTTP/2.
    Some(advised(alpn.iter().all(|name| name == "h2"), finding).fix(try_it))
}

/// The origin finishes the handshake without a protocol, and refuses inside of it, in Node's words.
fn told_in_http(c: &Connection, hello: &tls::ClientHello) -> Option<Finding> {
    const MISSING: &str = "ALPN Protocol, expected";
    let first = c.http.as_ref().filter(|_| c.tls.as_ref().is_some_and(|tls| tls.decrypted))?.exchanges.first()?;
    let refuses = |r: &&http1::Response| r.status == 403 && String::from_utf8_lossy(&r.extra.body_excerpt).contains(MISSING);
    let (request, response) = (first.request.as_ref()?, first.response.as_ref().filter(refuses)?);
    let offered = offered(&hello.alpn);
    let message = format!("{} speaks no protocol that the edge offered{}: {offered}.", c.server, for_name(c));
    let finding = Finding::new(hello.frame, Confidence::Certain, message)
        .evidence(hello.frame, offered)
        .evidence(request.frame, "the edge's request: for the edge the handshake has succeeded")
        .evidence(response.frame, format!("the origin: {}, for want of a protocol by ALPN", response.status))
        .exchange(first.index)
        .edge(Edge::status(response.status));
    let try_it = s_client(c, "-alpn http/1.1");
    let try_it = format!("{try_it} names no protocol under \"ALPN protocol\", or fails, as long as the fault lasts.");
    let only_http2 = !hello.alpn.is_empty() && hello.alpn.iter().all(|name| name == "h2");
    Some(advised(only_http2, finding).fix(try_it))
}

fn advised(only_http2: bool, finding: Finding) -> Finding {
    finding
            .fix_if(
                only_http2,
                "Switch HTTP/2 on at the origin (nginx `http2`, Apache `Protocols h2 http/1.1`, HAProxy `alpn h2,http/1.1`), or gRPC off in the distribution.",
            )
            .fix_if(
                !only_http2,
                "Let the origin speak HTTP/1.1 as well: `http/1.1` in its list of protocols (HAProxy `alpn`, Apache `Protocols`, Node `allowHTTP1: true`).",
            )
}

/// `ALPN "h2", "http/1.1"`.
fn offered(alpn: &[String]) -> String {
    let names: Vec<_> = alpn.iter().take(NAMES_IN_A_SENTENCE).map(|name| format!("\"{}\"", escape(name))).collect();
    match (names.as_slice(), alpn.len().saturating_sub(NAMES_IN_A_SENTENCE)) {
        ([], _) => "its ClientHello has no ALPN".to_owned(),
        (names, 0) => format!("ALPN {}", names.join(", ")),
        (names, more) => format!("ALPN {} and {more} more", names.join(", ")),
    }
}
