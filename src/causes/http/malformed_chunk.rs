use crate::causes::fault::{self, Known};
use crate::diagnosis::Finding;
use crate::observation::http1::{ChunkDefect, FaultKind};
use crate::observation::Connection;

cause! {
    /// The framing of a chunked response is broken.
    ///
    /// # What happened
    /// Each chunk is its size in hexadecimal, CRLF, the data, CRLF. Here the size is no number, something else stands
    /// behind it, or the data is not followed by CRLF: the program wrote a body that is not chunked under a header that
    /// says it is, or counted characters for bytes. LF alone as the end of a line is read on, and is a finding only
    /// where the edge did not take it.
    /// What CloudFront does with it is not documented. The edge's behaviour decides: it goes on using the connection,
    /// or takes the whole response and closes when idle: the viewer got it. It resets or closes at once: `failed`,
    /// `likely`. Neither is shown: `failed`, `possible`.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that writes the chunks.
    ///
    /// # How to confirm
    /// - `curl --raw -s https://ORIGIN/PATH | xxd | head`: the sizes as they are sent
    /// - `curl -v https://ORIGIN/PATH`: "Illegal or missing hexadecimal sequence"
    ///
    /// # How to fix
    /// - Do not frame by hand: remove `Transfer-Encoding: chunked` from the application's headers, and the server does
    ///   both or none.
    /// - If it must be by hand (CGI with `nph-`, a raw socket): the size counts bytes, in hexadecimal, without `0x`.
    /// - PHP, Node, gunicorn: an application that sets the header itself sends its body unframed, or framed twice.
    ///
    /// # Often confused with
    /// - `http.closed-in-response`: the chunks are good, and the last one is missing.
    ///
    /// # References
    /// - RFC 9112 section 7.1
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginReadError`,
    ///   `OriginInvalidResponseError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a malformed response",
    needs: [ResponseFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let is = |kind| match kind {
        FaultKind::MalformedChunk(ChunkDefect::BareLf) => Some(Known::Harmless),
        FaultKind::MalformedChunk(_) => Some(Known::Plausible),
        _ => None,
    };
    fault::tell(c, fault::of_responses(c, is), fault::refused_body)
        .map(|finding| {
            finding
            .fix("Remove `Transfer-Encoding: chunked` from the application: the server frames the body.")
            .fix("Where chunks are written by hand: sizes in hexadecimal, of bytes, CRLF after the size and after the data.")
        })
}
