use crate::causes::fault::{self, Found, Known};
use crate::diagnosis::Finding;
use crate::observation::Connection;
use crate::observation::http1::{BODY_START, Exchange, Fault, FaultKind};

cause! {
    /// The body is not what Content-Encoding says it is.
    ///
    /// # What happened
    /// The header says gzip, deflate or zstd, and the body begins with other bytes than such a stream can: mostly plain
    /// text under `gzip`, or gzip under `deflate`. Viewers cannot decode it (`ERR_CONTENT_DECODING_FAILED`). Only the
    /// first bytes are looked at; Brotli has no mark, and is not checked.
    /// What CloudFront does with it is not documented; it has no need to decode. If the edge goes on, or the connection
    /// ends otherwise: `ok` with a finding, for the viewer's sake. If it ends the connection at once: `failed`,
    /// `possible`.
    ///
    /// # Evidence
    /// The request, the response's head, the first bytes of the body, and what the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program or proxy that sets Content-Encoding.
    ///
    /// # How to confirm
    /// - `curl -s -H 'Accept-Encoding: gzip' https://ORIGIN/PATH | head -c 4 | xxd`: gzip begins with 1f8b
    ///
    /// # How to fix
    /// - One of two middlewares decoded the body and left the header: drop Content-Encoding together with the coding.
    /// - An error page under the headers of the file that could not be served: clear headers before an error is
    ///   written.
    /// - Files that are compressed in storage: set Content-Encoding on those objects only.
    /// - nginx `gunzip`, Apache `mod_deflate`, Node `compression`, HAProxy `compression`: let one of them compress.
    ///
    /// # Often confused with
    /// - `http.malformed-chunk`: the framing is broken, not the content.
    ///
    /// # References
    /// - RFC 9110 section 8.4, RFC 1952 section 2.3.1, RFC 1950 section 2.2, RFC 8878 section 3.1.1
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a body that cannot be decoded",
    needs: [Coded],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let exchanges = fault::whole(c)?.exchanges.iter();
    fault::tell(c, exchanges.filter_map(mismatch), fault::after_the_end)
        .map(|finding| {
            finding
            .fix("Remove Content-Encoding where the body is sent plain, or compress the body.")
            .fix("Look for two layers that both compress or decode: a framework and a proxy.")
        })
}

/// A body that cannot be what its head says.
fn mismatch(exchange: &Exchange) -> Option<Found<'_>> {
    // A part of a stream begins anywhere; where there is no body nothing is coded.
    let response = exchange.response.as_ref().filter(|r| r.status != 206 && !r.gaps)?;
    exchange.request.as_ref()?;
    let coding = response.content_encoding()?.rsplit(',').next()?.trim();
    if response.body_bytes < BODY_START as u64 || may_be(coding, response.body_start) {
        return None;
    }
    let excerpt = response.body_start.to_vec();
    let frame = response.head_frame()?.max(response.frame);
    let fault =
        Fault { kind: FaultKind::ContentEncodingMismatch, frame, offset: response.header_bytes, excerpt };
    let what = format!("a body that is not {coding}, as its Content-Encoding says");
    Some(Found { exchange, fault, known: Known::Harmless, what })
}

/// Whether a stream of this coding may begin so.
fn may_be(coding: &str, start: [u8; BODY_START]) -> bool {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    let [a, b, ..] = start;
    let gzip = [a, b] == GZIP;
    match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => gzip,
        // A zlib header (RFC 1950), or the raw stream that some send: a block of the reserved type is neither.
        "deflate" => {
            let zlib = a & 0x0f == 8 && (u16::from(a) << 8 | u16::from(b)) % 31 == 0;
            zlib || (!gzip && a >> 1 & 3 != 3)
        }
        // A frame, or one to be skipped (RFC 8878 section 3.1).
        "zstd" => start == [0x28, 0xb5, 0x2f, 0xfd] || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18]),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_known_by_their_first_bytes() {
        for (coding, start, fits) in [
            ("gzip", *b"\x1f\x8b\x08\0", true),
            ("X-GZIP", *b"<htm", false),
            ("deflate", *b"\x78\x9c\x4b\x4c", true),
            ("deflate", *b"\x4b\x4c\x4a\x06", true),
            ("deflate", *b"\x1f\x8b\x08\0", false),
            ("deflate", *b"nope", false),
            ("zstd", *b"\x28\xb5\x2f\xfd", true),
            ("zstd", *b"\x5a\x2a\x4d\x18", true),
            ("zstd", *b"{\"a\"", false),
            ("br", *b"text", true),
            ("identity", *b"text", true),
        ] {
            assert_eq!(may_be(coding, start), fits, "{coding} {start:?}");
        }
    }
}
