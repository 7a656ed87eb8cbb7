use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The origin accepted a WebSocket with an answer that is not the answer to its key.
    ///
    /// # What happened
    /// A WebSocket begins with a random Sec-WebSocket-Key, and the 101 that accepts it must carry the
    /// Sec-WebSocket-Accept that is computed from it. Here it is missing or another one: a client that checks it, as every
    /// browser does, gives up. A cache, or a program that writes the 101 by hand, is the usual reason.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or closes when idle: the viewer got it. It resets or closes at once: `failed`, `likely`. Neither is shown:
    /// `failed`, `possible`.
    ///
    /// # Evidence
    /// The request with its key, the 101, the answer that it carries, and what the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that sends the 101.
    ///
    /// # How to confirm
    /// - `curl -sv --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13'
    ///   -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' https://ORIGIN/PATH`: the answer to this key is
    ///   `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`.
    ///
    /// # How to fix
    /// - Let a library write the handshake (Node `ws`, Python `websockets`, Java's container).
    /// - nginx, Apache, HAProxy: pass Sec-WebSocket-Key on unchanged, and do not cache the path.
    ///
    /// # Often confused with
    /// - `http.unexpected-upgrade`: there nobody asked for a WebSocket.
    /// - `app.websocket-refused`: there the origin does not accept it.
    ///
    /// # References
    /// - RFC 6455 section 4.1, RFC 6455 section 4.2.2
    /// - AWS: Amazon CloudFront Developer Guide, "Use WebSockets with CloudFront distributions"
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::WebSocketAccept).then_some(Known::Plausible);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head).map(|finding| {
        finding
            .fix("Answer Sec-WebSocket-Key as RFC 6455 section 4.2.2 says: base64 of the SHA-1 of the key and the fixed GUID.")
            .fix("Let a WebSocket library do it, and pass the key on unchanged where a proxy is in front.")
    })
}
