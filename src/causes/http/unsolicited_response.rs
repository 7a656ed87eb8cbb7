use crate::causes::fault::{self, Found, Known};
use crate::diagnosis::Finding;
use crate::observation::Connection;
use crate::observation::http1::{Exchange, Fault};

/// An origin says it when it closes an idle connection (RFC 9110 section 15.5.9).
const REQUEST_TIMEOUT: u16 = 408;

cause! {
    /// The origin sent a response that no request asked for.
    ///
    /// # What happened
    /// On a connection each response answers the oldest request that has none. Here one came while nothing was asked:
    /// an answer sent twice, or one whose request had been given up. An edge that takes it for the answer to its next
    /// request gives a viewer somebody else's page; one that sees it closes.
    /// What CloudFront does with it is not documented. If the edge goes on, or the connection ends otherwise: `ok` with
    /// a finding. If it ends the connection at once: `failed`, `possible`. A 408 on an idle connection is ordinary and
    /// no finding.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that answers twice.
    ///
    /// # How to confirm
    /// - The program's log: one request, two answers (an error handler after the answer was sent).
    /// - `printf 'GET /PATH HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 2000 |
    ///   xxd`: the bytes as they are; curl and browsers forgive much
    ///
    /// # How to fix
    /// - Node, PHP, Python: after the answer is sent, an error handler must not write another one (`if
    ///   (res.headersSent) return`). Servers refuse that; raw sockets and `nph-` scripts do not.
    /// - A proxy of your own: when the client's request is given up, close the connection to the upstream, and do not
    ///   keep it.
    ///
    /// # Often confused with
    /// - `http.excess-bytes`: what follows is no response.
    /// - 408 before a close, as Apache, HAProxy and Node send it.
    ///
    /// # References
    /// - RFC 9112 section 9.2, RFC 9110 section 15.5.9
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [Unasked],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let http = fault::whole(c)?;
    let found = http.unsolicited.iter().filter_map(|unasked| {
        let status = unasked.status().filter(|&status| status != REQUEST_TIMEOUT)?;
        let complete = |e: &&Exchange| e.response.as_ref().is_some_and(|r| r.complete);
        let before = |e: &&Exchange| e.response.as_ref().is_some_and(|r| r.frame <= unasked.frame);
        let mut answered = http.exchanges.iter().filter(complete);
        // Segments out of order may bring the second one first.
        let exchange = answered.clone().rev().find(before).or_else(|| answered.next())?;
        let excerpt = format!("HTTP/1.1 {status}").into_bytes();
        let fault = Fault { kind: unasked.kind(), frame: unasked.frame, offset: 0, excerpt };
        let what = format!("a second response, status {status}, that no request asked for");
        Some(Found { exchange, fault, known: Known::Harmless, what })
    });
    fault::tell(c, found, fault::after_the_end)
        .map(|finding| {
            finding
            .fix("Find what answers twice: an error handler that runs after the answer, or a proxy that keeps a connection on which an answer was owed.")
        })
}
