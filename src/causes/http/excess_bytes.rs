use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// Bytes follow the end of the response that belong to no response.
    ///
    /// # What happened
    /// The body is longer than Content-Length says, or something follows the last chunk. The response itself was whole
    /// before, so that its viewer mostly got it (cut, if the length is wrong); the rest would be taken for the next
    /// response, and an edge that sees it closes.
    /// What CloudFront does with it is not documented. If the edge goes on, or the connection ends otherwise: `ok` with
    /// a finding. If it ends the connection at once: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that counts the body.
    ///
    /// # How to confirm
    /// - `curl -v -o /dev/null https://ORIGIN/PATH`: "Excess found" or "Leftovers after chunking"
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    ///
    /// # How to fix
    /// - Count bytes, not characters: `Buffer.byteLength` (Node), `len(text.encode())` (Python), `strlen` and not
    ///   `mb_strlen` (PHP).
    /// - Compute the length after compression and after whatever changes the body.
    /// - A line end after the last byte (a script that prints one more) counts as well. nginx, Apache, HAProxy as
    ///   proxies cut the rest off.
    ///
    /// # Often confused with
    /// - `http.body-not-allowed`: after HEAD, 204 or 304.
    /// - `http.closed-in-response`: the body is shorter.
    ///
    /// # References
    /// - RFC 9112 section 6.3, RFC 9112 section 9.3
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::ExcessBytes).then_some(Known::Harmless);
    fault::tell(c, fault::of_responses(c, is), fault::after_the_end)
        .map(|finding| {
            finding
            .fix("Let the server count the body, or count bytes and not characters.")
            .fix("Compare `curl -s URL | wc -c` with Content-Length: the viewer may get a cut body.")
        })
}
