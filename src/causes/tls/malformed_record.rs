use crate::base::Side;
use crate::diagnosis::{Confidence, Finding};
use crate::observation::tls::{Fault, FaultKind, RecordHeader};
use crate::observation::{Connection, Malformed, protocol};

use super::{EDGE, for_name, hex, s_client, shown};

cause! {
    /// Within TLS there are bytes that are no TLS record, or a handshake message that cannot be decoded.
    ///
    /// # What happened
    /// One side had begun to speak TLS, and then there is something in its stream that no TLS stack sends: clear text, a
    /// record that claims to be longer than any may be, a handshake message whose lengths contradict each other. The other
    /// side cannot go on. A correct TLS library does not do that by itself: something writes into the connection beside it,
    /// or changes what it sends.
    ///
    /// # Evidence
    /// The packet, the place in the sender's stream, the bytes there, and what was due. The stream is whole in the capture up
    /// to there: no packet is missing or cut. `certain` within the handshake; `likely` after it, where an answer may have
    /// been complete before; `possible` where the capture has two versions of the same bytes.
    ///
    /// # Who must act
    /// Whoever runs the TLS server if a program on the origin writes beside TLS; else whoever runs what stands between: a
    /// proxy, a firewall that inspects TLS, a load balancer. The message says who sent the bytes.
    ///
    /// # How to confirm
    /// - Read the bytes. HTML or `HTTP/1.1 403` is the page of a filter or of a proxy; a line of a log or a stack trace is a
    ///   program that writes to the wrong descriptor.
    /// - Make the same handshake on the host itself (`openssl s_client -connect 127.0.0.1:443 -servername NAME -msg </dev/null`)
    ///   and from outside: if only the second fails, something in between changes the bytes. Capture at both places.
    /// - `openssl s_client` says "wrong version number", "packet length too long", "length mismatch" or "unexpected message".
    ///
    /// # How to fix
    /// - Node: never write to the socket of the `connection` event of a TLS server; write to that of `secureConnection`.
    ///   Python, Java, Go: the same for a raw socket that TLS has been wrapped around.
    /// - A program that is started with the connection as its standard output or error (inetd, a `fork` that keeps
    ///   descriptors): send its messages elsewhere.
    /// - Filters, intrusion prevention, parental controls: exempt this traffic, or let them reset and not write.
    /// - nginx `stream`, HAProxy `mode tcp`: two services must not share one connection; look for `tcp-request content` and
    ///   Lua or njs scripts that send data themselves.
    /// - nftables or eBPF rules that change payload: exempt port 443. Then suspect network cards and drivers (offloads):
    ///   `ethtool -K IFACE tso off gso off`, as a test only.
    /// - Handshake messages beyond 64 KiB: remove needless certificates from the chain, and names from the list of
    ///   certification authorities.
    ///
    /// # Often confused with
    /// - `tls.not-tls-reply`, `tls.plaintext-http-reply`: there the origin spoke no TLS at all.
    /// - `tls.origin-alert`, `tls.edge-alert` with bad_record_mac (20): bytes were changed inside of a record, which only the
    ///   two ends can see.
    /// - `capture.lost-packets`, `capture.snap-length`: there it is the capture that lacks bytes.
    ///
    /// # References
    /// - RFC 8446 section 5.1 (records) and section 4 (handshake messages), RFC 5246 section 6.2.1
    edge: EDGE,
    supersedes: ["tls.no-server-hello", "tls.edge-alert", "tls.origin-alert"],
    needs: [TlsFault],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let found = c.malformed()?;
    let Malformed { fault, finished, reaction, contested } = found;
    let confidence = match (contested, finished) {
        (true, _) => Confidence::Possible,
        (false, Some(_)) => Confidence::Likely,
        (false, None) => Confidence::Certain,
    };
    let sender = match fault.from {
        Side::Client => "The edge".to_owned(),
        Side::Server => c.server.to_string(),
    };
    let stage = if finished.is_some() { "after the handshake" } else { "within the handshake" };
    let message = format!(
        "{sender} sent {} {stage}{}, at byte {} of its stream, where {} was due.",
        what(fault),
        for_name(c),
        fault.offset,
        due(fault)
    );
    let tls = c.tls.as_ref()?;
    let last = tls.records[fault.from].last.filter(|&frame| frame < fault.frame);
    let finding = Finding::new(fault.frame, confidence, message)
        .evidence_if(tls.client_hello.as_ref().map(|hello| hello.frame), format!("ClientHello{}", for_name(c)))
        .evidence_if(last.filter(|_| fault.from == Side::Server), "the origin's last TLS record before")
        .evidence(fault.frame, format!("byte {}: {}", fault.offset, hex(&fault.excerpt)))
        .evidence_if(reaction.filter(|&frame| frame > fault.frame), "what came of it")
        .rules_out("capture.lost-packets", "the stream is whole up to there");
    let finding = match contested {
        true => finding.fix("The capture has other bytes at the same place: somebody injects packets. Capture closer to each end."),
        false => finding,
    };
    Some(
        finding
            .fix("Read the bytes: text of a filter or proxy, or output of a program that writes to the socket beside TLS?")
            .fix(format!("{} on the host itself and from outside: if only the second fails, something in between changes the bytes.", s_client(c, "-msg"))),
    )
}

/// What stands there, in words.
fn what(fault: &Fault) -> String {
    match fault.kind {
        FaultKind::NotARecord => {
            let known = protocol(&fault.excerpt).unwrap_or("bytes that are no TLS");
            format!("{known} ({})", shown(&fault.excerpt))
        }
        FaultKind::RecordTooLong { .. } | FaultKind::Ssl2 => fault.kind.to_string(),
        kind => format!("a message that cannot be read ({kind})"),
    }
}

/// What should have stood there.
fn due(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::NotARecord if fault.excerpt.len() < RecordHeader::LEN => "the header of a record",
        FaultKind::NotARecord => "the header of a record (type 20 to 24, version 3.x)",
        FaultKind::RecordTooLong { .. } | FaultKind::Ssl2 => "a record",
        FaultKind::MalformedHandshake { .. }
        | FaultKind::UnknownHandshake { .. }
        | FaultKind::HandshakeTooLong { .. } => "a handshake message that can be read",
    }
}
