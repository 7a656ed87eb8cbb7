use crate::base::{FrameRef, Side};
use crate::diagnosis::{Confidence, Edge, Effect, Finding};
use crate::observation::http1::{Exchange, Framing};
use crate::observation::{Connection, End};

cause! {
    /// Whether a response inside TLS is whole cannot be told: nothing but FIN ends it.
    ///
    /// # What happened
    /// The response has neither Content-Length nor chunks, so that its body lasts until the close. Inside TLS that close is
    /// a close_notify; here there is FIN alone, which anybody on the way can send, and which a program that crashes sends
    /// as well as one that is done. What CloudFront makes of it is not documented: the viewer saw the status and this body.
    ///
    /// # Evidence
    /// The head without Content-Length and Transfer-Encoding, and FIN from the origin's side with no close_notify before
    /// it. Seen with keys only.
    ///
    /// # Who must act
    /// Whoever runs the program that makes the response.
    ///
    /// # How to confirm
    /// - `curl -v`: "TLS connection was non-properly terminated", or "unexpected eof while reading".
    /// - The same URL gives bodies of different lengths.
    ///
    /// # How to fix
    /// - Send Content-Length, or answer in HTTP/1.1 with chunks: every server does for a body that the program hands over
    ///   as a whole. Python's `http.server`: `protocol_version = "HTTP/1.1"` and a Content-Length.
    /// - nginx and Apache in front of an old program give its responses chunks.
    /// - Or let the program close TLS before the socket (`unwrap()` in Python, `SSL_shutdown` in OpenSSL).
    ///
    /// # Often confused with
    /// - `http.closed-in-response`: there the response itself shows that it is not whole.
    ///
    /// # References
    /// - RFC 9112 section 9.8, RFC 9112 section 6.3, RFC 8446 section 6.1
    effect: Effect::Note,
    needs: [HttpAndTls],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let tls = c.tls.as_ref().filter(|tls| tls.decrypted)?;
    let exchange = c.http.as_ref()?.exchanges.last()?;
    let response = exchange.response.as_ref().filter(|r| r.framing == Framing::UntilClose && r.complete && !r.gaps)?;
    let fin = c.ended_with(Side::Server, End::Fin).filter(|_| c.sees_all_of(Side::Server))?;
    // An edge that has said that it leaves is answered by a FIN alone.
    let farewell = tls.alerts.iter().any(|alert| alert.frame <= fin);
    (!farewell).then(|| told(c, exchange, response.frame, response.status, response.body_bytes, fin))
}

fn told(c: &Connection, exchange: &Exchange, head: FrameRef, status: u16, bytes: u64, fin: FrameRef) -> Finding {
    let asked = exchange.request.as_ref().map_or_else(|| "a request".to_owned(), super::name);
    let message = format!(
        "The body of {}'s response to {asked}, {bytes} bytes, lasts until the close, and the close is FIN without a \
         close_notify: whether it is whole cannot be told.",
        c.server
    );
    Finding::new(fin, Confidence::Certain, message)
        .exchange(exchange.index)
        .edge(Edge::status(status))
        .evidence_if(exchange.request.as_ref().map(|r| r.frame), format!("the request: {asked}"))
        .evidence(head, format!("status {status}, with neither Content-Length nor chunks"))
        .evidence(fin, "FIN from the origin's side, and no close_notify before it")
        .fix("Send Content-Length, or chunks.")
}
