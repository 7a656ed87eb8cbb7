use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// The response has a Transfer-Encoding other than `chunked`.
    ///
    /// # What happened
    /// CloudFront supports one transfer coding from origins, `chunked`. Here there is another one (`gzip, chunked`,
    /// `identity`, `deflate`), or a misspelt one, or `chunked` twice.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that writes the header. Two programs that both add `chunked` are the usual source.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - --raw https://ORIGIN/PATH | grep -i '^transfer-encoding'`
    ///
    /// # How to fix
    /// - Compression belongs into Content-Encoding: `Content-Encoding: gzip` with `Transfer-Encoding: chunked`.
    /// - Applications: do not set Transfer-Encoding; the server does. PHP: remove `header('Transfer-Encoding: ...')`.
    ///   Node: remove `setHeader('Transfer-Encoding', ...)`.
    /// - A proxy that copies its upstream's headers must leave Transfer-Encoding out: it is between two hops (nginx
    ///   refuses two of them from its upstream since 1.23).
    ///
    /// # Often confused with
    /// - `http.length-and-chunked`: chunked, and a Content-Length beside it.
    ///
    /// # References
    /// - RFC 9112 section 6.1, RFC 9112 section 7
    /// - AWS: Amazon CloudFront Developer Guide, request and response behavior for custom origins
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::TransferEncodingUnsupported).then_some(Known::Unsupported);
    fault::tell(c, fault::of_responses(c, is), fault::refused_head)
        .map(|finding| {
            finding
            .fix("Do not set Transfer-Encoding in the application: the server frames the body by itself.")
            .fix("To compress, use Content-Encoding.")
        })
}
