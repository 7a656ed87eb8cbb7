use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::http1::{Exchange, Request};
use crate::observation::Connection;

cause! {
    /// The origin did not accept a WebSocket.
    ///
    /// # What happened
    /// The viewer wanted a WebSocket and got an ordinary response. Either the request was no complete handshake any more
    /// when it came here, because something on the way dropped headers, or the program behind this host did not take it
    /// for one, or did not want it. The connection itself is in order.
    ///
    /// # Evidence
    /// The request with its `Upgrade` and `Sec-WebSocket-*` headers, as far as it has them, and the response.
    ///
    /// # Who must act
    /// Headers are missing: whoever runs the distribution, or a proxy between it and this host. Else: whoever runs this
    /// host's proxy and the program behind it.
    ///
    /// # How to confirm
    /// - `curl -sv --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13'
    ///   -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' https://ORIGIN/PATH`: 101 is right.
    /// - The same to the program itself, past its proxy: 101 there and not here is the proxy's configuration.
    ///
    /// # How to fix
    /// - CloudFront: let the behaviour forward `Sec-WebSocket-*` (the origin request policy AllViewer or
    ///   AllViewerExceptHostHeader does). CloudFront speaks WebSocket over HTTP/1.1 alone.
    /// - nginx: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`.
    ///   Apache: `mod_proxy_wstunnel` with `upgrade=websocket`. HAProxy and ALB pass it on by themselves.
    /// - 403: the program checks `Origin`, or cookies that the distribution does not forward. 400 and 426: a header is
    ///   missing. 404 and 200: the path is not the WebSocket's, or the request was taken for an ordinary one.
    ///
    /// # Often confused with
    /// - `http.websocket-closed`: there it was accepted and ended later.
    /// - `app.origin-502`: there the proxy could not reach the program.
    ///
    /// # References
    /// - RFC 6455 section 4.1, RFC 6455 section 4.4, RFC 9110 section 7.8
    /// - AWS: Amazon CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"
    effect: Effect::Note,
    needs: [WebSocket],
    detect: detect,
}

/// What is missing of the handshake.
enum Lack {
    Upgrade,
    Key,
    Nothing,
}

impl Lack {
    fn of(request: &Request) -> Option<Lack> {
        let asks = request.asks_for_websocket();
        match &request.extra.websocket {
            None if !asks => None,
            Some(_) if !asks => Some(Lack::Upgrade),
            Some(fields) if fields.key.is_some() => Some(Lack::Nothing),
            _ => Some(Lack::Key),
        }
    }
}

/// What is an error of the origin has its own cause.
const ERRORS: u16 = 500;

fn detect(c: &Connection) -> Option<Finding> {
    let exchanges = c.http.iter().flat_map(|http| &http.exchanges);
    exchanges.filter_map(|exchange| told(c, exchange)).next()
}

fn told(c: &Connection, exchange: &Exchange) -> Option<Finding> {
    let request = exchange.request.as_ref().filter(|request| request.head_complete)?;
    let response = exchange.response.as_ref().filter(|r| (200..ERRORS).contains(&r.status))?;
    let lack = Lack::of(request)?;
    let asked = super::asked(request.method(), &request.target);
    let (what, fix) = match lack {
        Lack::Upgrade => (
            format!("{asked} has Sec-WebSocket headers and no `Upgrade: websocket`: something in front of this host dropped it, or it was not sent"),
            "Find what drops `Upgrade` on the way here: nginx needs `proxy_set_header Upgrade $http_upgrade` and `Connection \"upgrade\"`; CloudFront drops it where the viewer's request is no whole handshake.",
        ),
        Lack::Key => (
            format!("{asked} asks for a WebSocket without Sec-WebSocket-Key: something in front of this host dropped it, or it was not sent"),
            "Let the distribution forward the `Sec-WebSocket-*` headers: origin request policy AllViewer or AllViewerExceptHostHeader.",
        ),
        Lack::Nothing => (
            format!("{asked} asks for a WebSocket as it should"),
            "Ask the program behind this host past its proxy: where it says 101 there, the proxy does not pass `Upgrade` on (nginx `proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; proxy_http_version 1.1`).",
        ),
    };
    let message = format!("{what}, and {} answered {} in place of 101.", c.server, response.status);
    Some(
        Finding::new(response.frame, Confidence::Certain, message)
            .exchange(exchange.index)
            .edge(Edge::status(response.status))
            .evidence(request.frame, format!("the request: {asked}"))
            .evidence(response.frame, format!("status {}", response.status))
            .fix(fix),
    )
}
