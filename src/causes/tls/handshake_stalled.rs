use crate::base::Micros;
use crate::diagnosis::{Confidence, Finding, RestsOn, SecondLook};
use crate::observation::{Connection, Owed, HandshakeStall, tls};

use super::{EDGE, TIMEOUT, WATCHED, for_name, s_client, version};

cause! {
    /// The origin began the handshake and stopped half-way, until the edge gave up.
    ///
    /// # What happened
    /// The origin answered the ClientHello, and then owes something that never comes: the rest of its flight, the ServerHello
    /// after a HelloRetryRequest, its Finished. The host acknowledges what the edge sends; the program, or a proxy in front of
    /// it, does nothing more: it is stopped or busy, or waits for a session store, a key store (HSM, KMS), an OCSP responder,
    /// or what stands behind it. The edge gives up.
    ///
    /// # Evidence
    /// The origin's first TLS bytes, what is missing, and a silence of at least one second until the edge ends the
    /// connection. A wait near a whole number of seconds is a time limit by all appearance (`likely`); any other length may
    /// have another reason (`possible`). Every byte of both sides had arrived: it is no loss of packets. In TLS 1.3 a missing
    /// rest shows only where a record is not whole, where nothing follows the ServerHello, or where the rest comes too late.
    ///
    /// # Who must act
    /// Whoever runs the TLS server, or the proxy in front of it.
    ///
    /// # How to confirm
    /// - `time openssl s_client -connect HOST:443 -servername NAME -state </dev/null` from the host itself: after which message
    ///   does it hang? Without `-state` lines after "read server hello" the flight is missing.
    /// - State of the process: `ps -o stat,wchan,time -p PID` (`T` is stopped, `D` waits for a disk), `strace -f -p PID`: which
    ///   connection of its own does it wait for?
    /// - Behind a TCP proxy: make the same handshake with its target directly.
    ///
    /// # How to fix
    /// - nginx: keys in an HSM (`ssl_engine`) block the worker while it signs; in `stream`, `proxy_download_rate` holds back
    ///   the flight, and a `proxy_pass` to a stalled server stalls as well.
    /// - Apache: `SSLSessionCache` in memcache or on a slow disk; `SSLStaplingResponderTimeout` (10 s by default) while the OCSP
    ///   responder does not answer: lower it.
    /// - HAProxy: `mode tcp` waits for its server; `ssl-mode-async` or Lua in the handshake; `maxconn` and CPU.
    /// - Node: a handler of `newSession`, `resumeSession`, `OCSPRequest` or `SNICallback` that never calls back; give its store a
    ///   time limit, and call back also when it fails.
    /// - NLB or ALB: a TLS listener answers by itself; a TCP listener passes on what its target does: look there.
    /// - Containers and virtual machines that are paused or short of CPU: look at the throttling counters of their cgroup.
    ///
    /// # Often confused with
    /// - `tls.no-server-hello`: there the origin had not answered at all.
    /// - `tls.certificate-rejected`: there the origin's flight was whole and it is the edge that is silent, for 10 to 30 s where
    ///   s2n-tls hides the reason.
    /// - `tls.closed-in-handshake`, `tls.reset-in-handshake`: there the origin gave up first.
    /// - `tcp.path-mtu-black-hole`: there the flight was sent, and its large packets did not arrive.
    ///
    /// # References
    /// - RFC 8446 section 2 and section 4.1.4, RFC 5246 section 7.3
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, connection timeout (1 to 10 s, 10 by default). Which of
    ///   its timeouts covers the TLS handshake is not documented
    edge: EDGE,
    rests_on: RestsOn::Silence("whether the origin went on with the handshake before the edge gave up"),
    supersedes: ["tls.certificate-rejected", "tls.edge-alert"],
    second_look: SecondLook::RecurringWait,
    needs: [HalfHandshake, Alert],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    let stall = c.handshake_stall()?;
    let tls = c.tls.as_ref()?;
    let hello = tls.client_hello.as_ref()?;
    let wait = stall.wait(c.watched_until);
    // A time limit may run from the beginning of the handshake or from what was last heard.
    let whole = stall.until.is_some_and(|end| end.since(hello.first_frame).is_near_whole_seconds());
    let confidence = confidence(&stall, wait, whole)?;
    let (how, last) = match stall.until {
        Some(end) => ("until the edge gave up", format!("the edge gives up, {} after it began", end.since(hello.frame))),
        None => ("as long as the capture watched", String::new()),
    };
    let missing = missing(stall.owed, tls);
    let message = format!("{} stopped half-way in the edge's handshake{}: {missing} did not come in {wait}, {how}.", c.server, for_name(c));
    let answer = tls.records.server.first.filter(|&frame| frame < stall.since);
    let chosen = tls.server_hello.as_ref().map(|hello| format!("the origin's first TLS record; it chose {}", version(hello.version)));
    let finding = Finding::new(stall.until.unwrap_or(stall.since), confidence, message)
        .waited(stall.until.map(|end| end.since(hello.frame)))
        .evidence(hello.frame, format!("ClientHello{}", for_name(c)))
        .evidence_if(answer, chosen.unwrap_or_else(|| "the origin's first TLS record".to_owned()))
        .evidence(stall.since, format!("the last of the handshake: {missing} is missing"))
        .evidence_if(stall.until, last);
    Some(
        finding
            .rules_out("tls.no-server-hello", format!("the origin had answered in frame {}", answer.unwrap_or(stall.since).named()))
            .rules_out("tls.certificate-rejected", "it was the origin's turn, not the edge's")
            .rules_out("tcp.segment-loss-stall", "what both sides had sent was acknowledged")
            .fix("Look at the program, and at any proxy in front of it: stopped, blocked, or waiting for a session store, key store, OCSP responder or backend.")
            .fix(format!("{} on the host itself: after which message does it hang?", s_client(c, "-state"))),
    )
}

/// How sure it is that the edge waited for the origin; `None` where it did not wait long enough.
fn confidence(stall: &HandshakeStall, wait: Micros, whole: bool) -> Option<Confidence> {
    match stall.until {
        None => (wait >= WATCHED).then_some(Confidence::Likely),
        Some(_) if wait < TIMEOUT => None,
        Some(_) if whole || wait.is_near_whole_seconds() => Some(Confidence::Likely),
        Some(_) => Some(Confidence::Possible),
    }
}

/// What the origin owes, in words.
fn missing(owed: Owed, tls: &tls::Transcript) -> &'static str {
    match owed {
        Owed::ServerHello => "its ServerHello after the HelloRetryRequest",
        Owed::Finished => "its Finished",
        Owed::Flight if tls.server_hello.is_none() => "the rest of its first record",
        Owed::Flight => "the rest of its flight",
    }
}
