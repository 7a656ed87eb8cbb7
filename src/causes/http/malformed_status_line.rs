use crate::base::FrameRef;
use crate::diagnosis::{Confidence, Edge, Finding};
use crate::observation::{Connection, protocol};
use crate::observation::http1::{Exchange, FaultKind};

cause! {
    /// What the origin sends where a response is due does not begin with an HTTP status line.
    ///
    /// # What happened
    /// A response begins with `HTTP/1.x NNN reason`. Here it begins with something else: a header without a status
    /// line, a status that is no number of three digits, the banner of another protocol, or output that a program wrote
    /// to the socket by mistake.
    ///
    /// # Evidence
    /// The request, and the first bytes that came back. A banner (SSH, SMTP, FTP, MySQL) may even come before the
    /// request.
    ///
    /// # Who must act
    /// Whoever runs the program on this port; or the distribution's origin settings if it is the wrong port.
    ///
    /// # How to confirm
    /// - `printf 'GET / HTTP/1.1\r\nHost: ORIGIN\r\nConnection: close\r\n\r\n' | nc ORIGIN PORT | head -c 200 | xxd`
    /// - `ss -ltnp 'sport = :PORT'`: which program is it?
    ///
    /// # How to fix
    /// - Another protocol: set the origin's port to that of the web server.
    /// - FastCGI, uWSGI or SCGI sockets do not speak HTTP: put them behind nginx (`fastcgi_pass`, `uwsgi_pass`) or
    ///   Apache.
    /// - A program that writes its own status line: three digits, one space before and after, CRLF at the end. CGI
    ///   scripts under Apache print `Status: 200`, except `nph-` scripts, which must print the whole status line.
    ///
    /// # Often confused with
    /// - `http.http2-reply`: what comes back are frames of HTTP/2.
    /// - `http.plaintext-on-tls-port`: what comes back is a TLS record.
    /// - `tls.not-tls-reply`: the same inside out, where the edge speaks TLS.
    ///
    /// # References
    /// - RFC 9112 section 4, RFC 9110 section 15
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference (`OriginInvalidResponseError`)
    edge: Edge::status(502).detail("OriginInvalidResponseError"),
    supersedes: [
        "http.reset-before-response", "http.closed-before-response", "http.response-timeout", "http.edge-abandoned",
        "http.reset-in-response", "http.closed-in-response", "http.response-stalled",
    ],
    deed: "sent a malformed response",
    needs: [ResponseFault, Foreign],
    detect: detect,
}

/// Bytes that stand where a status line should.
struct Wrong<'c> {
    exchange: &'c Exchange,
    frame: FrameRef,
    bytes: &'c [u8],
    line: bool,
}

fn detect(c: &Connection) -> Option<Finding> {
    let wrong = in_response(c).or_else(|| banner(c))?;
    // A request in HTTP/0.9, as some health checks send it, has an answer without a head.
    let request = wrong.exchange.request.as_ref().filter(|r| r.version().starts_with("HTTP/1"))?;
    let what = match known(wrong.bytes) {
        _ if wrong.line => "a malformed status line",
        Some(what) => what,
        None => "bytes that are no HTTP",
    };
    let shown = shown(wrong.bytes);
    let message = format!("{} answered {} with {what}: \"{shown}\".", c.server, super::name(request));
    let finding = Finding::new(wrong.frame, Confidence::Certain, message)
        .exchange(wrong.exchange.index)
        .evidence(request.frame, format!("the request: {}", super::name(request)))
        .evidence(wrong.frame, format!("the origin's first bytes: \"{shown}\""))
        .rules_out("http.closed-before-response", format!("the origin sent bytes in frame {}", wrong.frame.named()));
    Some(match wrong.line {
        true => finding
            .fix("Mend the program that writes the status line: `HTTP/1.1 NNN reason`, three digits, CRLF at the end.")
            .fix("CGI under Apache: print `Status: NNN reason` and not a line of your own, unless the script's name begins with `nph-`."),
        false => finding
            .fix(format!("`ss -ltnp 'sport = :{}'` on the host: which program listens there?", c.server.port))
            .fix("Set the origin's port in the distribution to that of the web server, or put a web server before this program."),
    })
}

fn in_response(c: &Connection) -> Option<Wrong<'_>> {
    let http = c.http.as_ref()?;
    http.exchanges.iter().find_map(|exchange| {
        let response = exchange.response.as_ref().filter(|r| super::begins_an_answer(c, exchange, r.frame))?;
        let fault = response.extra.fault.as_ref()?;
        let line = match fault.kind {
            FaultKind::NoStatusLine => false,
            FaultKind::MalformedStatusLine => true,
            _ => return None,
        };
        Some(Wrong { exchange, frame: response.frame, bytes: &fault.excerpt, line })
    })
}

/// Another protocol's greeting, sent before the request.
fn banner(c: &Connection) -> Option<Wrong<'_>> {
    let foreign = c.foreign.server.as_ref().filter(|_| c.counts_all())?;
    let exchange = c.http.as_ref()?.exchanges.first().filter(|e| e.index == 0 && e.response.is_none())?;
    Some(Wrong { exchange, frame: foreign.frame, bytes: &foreign.bytes, line: false })
}

/// Whose first bytes these are.
fn known(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x15 | 0x16, 3, ..] => Some("a TLS record"),
        // A status line that is wrong is told apart before.
        [b'H', b'T', b'T', b'P', b'/', ..] => None,
        _ => protocol(bytes),
    }
}

/// The first line, short.
fn shown(bytes: &[u8]) -> String {
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_end().chars().take(super::TARGET_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        assert_eq!(known(b"\0\0\x12\x04\0\0\0\0\0\0\x03"), Some("HTTP/2 frames"));
        assert_eq!(known(b"SSH-2.0-OpenSSH_9.2"), Some("the banner of an SSH server"));
        assert_eq!(known(b"hello"), None);
        assert_eq!(shown(b"220 mail ESMTP\r\nmore"), "220 mail ESMTP");
    }
}
