use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Effect, Finding};
use crate::observation::{Connection, End};

/// An edge that waits this long within its own message may not have been able to go on: its packets are lost.
const AT_ONCE: Micros = Micros::from_secs(1);

/// Characters of a target that are shown: a message is one sentence.
const TARGET_SHOWN: usize = 80;

cause! {
    /// The edge reset the connection in the middle of what it was saying, with nothing owed by the origin.
    ///
    /// # What happened
    /// The edge had begun a message (a ClientHello, the head of a request, an upload) and ended the connection by RST
    /// before it was whole. The host had acknowledged every byte, had its window open, and owed no answer yet. Mostly the
    /// viewer has gone in the middle of its upload. A device between edge and origin that resets in the edge's name looks
    /// the same. No error of the origin is to be seen, and no viewer may have seen one; hence the outcome is
    /// `inconclusive`.
    ///
    /// A RST of the edge at any other time has another name, or none: after a complete exchange, after a TCP or TLS
    /// handshake without a request (checks and scans do that), or when it is done, it is in order. While a response is
    /// owed it is `http.edge-abandoned` or a timeout; after the origin's certificate it is `tls.certificate-rejected`.
    ///
    /// # Evidence
    /// A message of the edge that is not whole, acknowledged by the host as far as it goes; then RST from the edge. Within
    /// a second of its last byte it is `likely` that the edge chose to; later, the rest of the message may as well have
    /// been lost on the way: `possible`.
    ///
    /// # Who must act
    /// Nobody, as long as it is rare. If it is frequent: whoever runs the devices between edge and origin, or knows the
    /// viewers.
    ///
    /// # How to confirm
    /// - CloudFront's log for this time: `sc-status` 000, ClientHungUpRequest or ClientCommError name the viewer.
    /// - The time to live (`ip.ttl`, `ipv6.hlim`) of the RST and of the edge's packets before it: another value means that
    ///   somebody else sent the RST.
    /// - nginx logs 400 or 499 with fewer bytes than announced, Apache "Error reading request entity data", Node
    ///   `ECONNRESET` on the request, ALB 400 or 460.
    ///
    /// # How to fix
    /// - Nothing on the origin, if the log names the viewer.
    /// - Firewalls and intrusion prevention between edge and origin: look for rules that reset uploads of this size or
    ///   content.
    /// - Behind a load balancer: its limits of time and size for requests (HAProxy `timeout http-request`, ALB's limits).
    ///
    /// # Often confused with
    /// - `http.edge-abandoned`: there the request was whole, or the response under way.
    /// - `http.request-not-read`: there the host's window was shut, or the host reset.
    /// - `tcp.segment-loss-stall`: there bytes were not acknowledged.
    ///
    /// # References
    /// - RFC 9293 section 3.5.2, RFC 9112 section 9.6
    /// - AWS: Amazon CloudFront Developer Guide, standard logging reference
    effect: Effect::Inconclusive,
    supersedes: ["http.edge-abandoned"],
    needs: [NoReply, Unserved],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    c.tcp.established?;
    let rst = c.ended_with(Side::Client, End::Rst)?;
    let last = c.closer()?.last_data.client?;
    let taken = c.tcp.unacknowledged(Side::Client) == 0 && c.tcp.odd.zero_windows.server == 0;
    if !c.counts_all() || !taken {
        return None;
    }
    let (began, message) = half_a_request(c, rst).or_else(|| half_a_hello(c))?;
    let wait = rst.since(last);
    let confidence = if wait < AT_ONCE { Confidence::Likely } else { Confidence::Possible };
    let told = format!(
        "The edge reset the connection in the middle of {message}, {wait} after its last byte: {} had acknowledged all of it and owed nothing.",
        c.server
    );
    let finding = Finding::new(rst, confidence, told).evidence(began, format!("the edge begins {message}"));
    Some(
        finding
            .evidence_if(Some(last).filter(|&last| last != began), "the last of it that came")
            .evidence_if(c.tcp.streams.last_progress.client.filter(|&f| f < rst), "the host has acknowledged all of that")
            .evidence(rst, "RST from the edge")
            .rules_out("http.edge-abandoned", "no response was owed: the edge had not finished")
            .rules_out("tcp.segment-loss-stall", "every byte that came was acknowledged")
            .fix("Look for this time in CloudFront's log: did the viewer hang up?")
            .fix("If it is frequent: compare the time to live of the RST with that of the edge's other packets; a device on the way may have sent it."),
    )
}

/// The request that the edge had not finished, and nobody had answered.
fn half_a_request(c: &Connection, rst: FrameRef) -> Option<(FrameRef, String)> {
    let exchange = c.http.as_ref().filter(|_| c.sees_all())?.exchanges.last()?;
    let request = exchange.request.as_ref().filter(|r| !r.complete && r.frame < rst && r.extra.fault.is_none())?;
    // Whoever asks for a 100 before it goes on is owed that.
    let owed = request.expect_continue && exchange.interim.first.is_empty();
    if owed || exchange.response.is_some() {
        return None;
    }
    let named = if request.head_complete {
        let target: String = request.target.chars().take(TARGET_SHOWN).collect();
        format!("its upload ({} {target}, {} bytes of the body were sent)", request.method(), request.extra.body_bytes)
    } else {
        format!("the head of a request ({} bytes were sent)", request.header_bytes)
    };
    Some((request.frame, named))
}

/// The ClientHello that it had not finished.
fn half_a_hello(c: &Connection) -> Option<(FrameRef, String)> {
    let begins = c.hello_begins()?;
    let whole = c.hello_ends().is_some() || c.tcp.streams.first_data.server.is_some();
    (!whole).then(|| (begins, format!("its ClientHello ({} bytes were sent)", c.tcp.streams.stream_bytes.client)))
}
