use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::FaultKind;
use crate::observation::Connection;

cause! {
    /// Bytes follow a response that has no body: 204, 304, or the answer to HEAD.
    ///
    /// # What happened
    /// These responses end with their head, whatever Content-Length says. The bytes behind it would be taken for the
    /// next response. The response itself was whole before them, so that its viewer mostly got it; the next request on
    /// the connection is in danger.
    /// What CloudFront does with it is not documented. If the edge goes on, or the connection ends otherwise: `ok` with
    /// a finding. If it ends the connection at once: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that writes the body.
    ///
    /// # How to confirm
    /// - `curl -v -I https://ORIGIN/PATH`, `curl -v -X DELETE ...`: "Excess found"
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    ///
    /// # How to fix
    /// - HEAD: run the same code as for GET and let the server drop the body; programs that write to the socket must
    ///   look at the method.
    /// - 204 and 304: send no body; an empty JSON `{}` or an error page belongs to 200.
    /// - CGI with `nph-`, raw sockets, Node `res.socket.write`: nobody drops the body for you. Apache, nginx, gunicorn
    ///   and uvicorn do.
    ///
    /// # Often confused with
    /// - `http.excess-bytes`: the same after a response with a body.
    ///
    /// # References
    /// - RFC 9112 section 6.3, RFC 9110 section 9.3.2, RFC 9110 section 15.3.5
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| matches!(kind, FaultKind::BodyNotAllowed).then_some(Known::Harmless);
    fault::tell(c, fault::of_responses(c, is), fault::after_the_end)
        .map(|finding| {
            finding
            .fix("Write no body to HEAD, 204 and 304.")
            .fix("Leave the writing to the server's own interface, which drops it.")
        })
}
