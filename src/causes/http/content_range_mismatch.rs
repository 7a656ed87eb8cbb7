use crate::causes::fault::{self, Found, Known};
use crate::diagnosis::Finding;
use crate::observation::Connection;
use crate::diagnosis::Edge;
use crate::observation::http1::{Exchange, Fault, FaultKind, MAX_EXCERPT, Response};

cause! {
    /// The Content-Length of a 206 is not the length of its Content-Range.
    ///
    /// # What happened
    /// A partial response says twice how long it is: `Content-Range: bytes 0-99/1000` is 100 bytes, and Content-Length
    /// must say 100. CloudFront compares the two and refuses where they differ.
    ///
    /// # Evidence
    /// The request, the packet that completes the faulty place with its offset in the message and its bytes, and what
    /// the edge did then.
    ///
    /// # Who must act
    /// Whoever runs the program that serves ranges.
    ///
    /// # How to confirm
    /// - `curl -s -o /dev/null -D - -r 0-99 https://ORIGIN/PATH | grep -iE '^content-(length|range)'`
    ///
    /// # How to fix
    /// - The last position is included: `bytes 0-99` is 100 bytes. `end - start` without `+ 1` is the usual mistake.
    /// - Content-Length of a 206 is that of the part, not of the whole file.
    /// - Clamp the range to the file (`bytes=0-` up to the end), and answer 416 or 200 where it cannot be served.
    /// - Leave ranges to the server (nginx, Apache, Node `send`, Tomcat's default servlet), or send no `Accept-Ranges`
    ///   and answer 200.
    ///
    /// # Often confused with
    /// - `http.closed-in-response`: the header is right and the body is shorter.
    ///
    /// # References
    /// - RFC 9110 section 14.4, RFC 9110 section 15.3.7
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginContentRangeLengthError`)
    supersedes: ["http.edge-abandoned", "tcp.edge-reset"],
    deed: "sent a wrong range",
    needs: [Ranged],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let exchanges = fault::whole(c)?.exchanges.iter();
    fault::tell(c, exchanges.filter_map(mismatch), refused)
        .map(|finding| {
            finding
            .fix("The last position of a range is included: `Content-Length = last - first + 1`.")
            .fix("Or leave ranges to the web server, or answer 200 with the whole file.")
        })
}

/// A 206 whose two lengths differ.
fn mismatch(exchange: &Exchange) -> Option<Found<'_>> {
    let response = exchange.response.as_ref().filter(|r| r.status == 206)?;
    exchange.request.as_ref().filter(|r| r.method() != "HEAD")?;
    let (range, length) = (response.extra.content_range.as_deref()?, response.content_length()?);
    let ranged = length_of(range).filter(|ranged| *ranged != length)?;
    let excerpt = range.as_bytes().iter().copied().take(MAX_EXCERPT).collect();
    let frame = response.head_frame()?;
    let fault = Fault { kind: FaultKind::ContentRangeMismatch, frame, offset: 0, excerpt };
    let what = format!("Content-Length {length} for a Content-Range of {ranged} bytes ({range})");
    Some(Found { exchange, fault, known: Known::Refused, what })
}

/// `bytes 0-99/1000` is 100 bytes. `None` for another unit, or a range that is none.
fn length_of(range: &str) -> Option<u64> {
    let (unit, rest) = range.split_once(' ')?;
    let (first, last) = rest.split_once('/')?.0.trim().split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let bytes = unit.eq_ignore_ascii_case("bytes");
    last.checked_sub(first)?.checked_add(1).filter(|_| bytes)
}

const fn refused(_: &Response) -> Edge {
    Edge::status(502).detail("OriginContentRangeLengthError")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_lengths() {
        for (range, length) in [
            ("bytes 0-99/1000", Some(100)),
            ("bytes 5-5/*", Some(1)),
            ("BYTES 0-0/1", Some(1)),
            ("bytes */1000", None),
            ("items 0-9/10", None),
            ("bytes 9-0/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes", None),
        ] {
            assert_eq!(length_of(range), length, "{range}");
        }
    }
}
