use crate::base::{Micros, Side};
use crate::diagnosis::{Confidence, Family, Finding, Picture, RestsOn};
use crate::observation::{Connection, End, Stall};

/// An edge that gives up sooner was not waiting: the shortest time limit that it can be given.
const GIVEN_UP_AFTER: Micros = Micros::from_secs(1);
/// On a connection that nobody ended: a queue may overflow for a moment and be emptied.
const PROVEN_AFTER: Micros = Micros::from_secs(3);
/// One repetition may have crossed the acknowledgement.
const REPEATED: u32 = 2;

cause! {
    /// The program does not accept connections, and its accept queue is full: what the edge sends is never acknowledged.
    ///
    /// # What happened
    /// The kernel completes TCP handshakes for the program and keeps the connections in the listener's accept queue until
    /// the program takes them. The program does not: it is stopped, or busy with something else. When the queue is full,
    /// the kernel ignores the edge's ACK. The edge believes that it is connected and sends its ClientHello or request; the
    /// host does not know the connection, and acknowledges nothing.
    ///
    /// # Evidence
    /// SYN, SYN-ACK and the edge's ACK; then data of the edge, sent at least three times, and not one byte of it
    /// acknowledged until somebody gives up, or for three seconds. A host that goes on repeating its SYN-ACK after the
    /// edge's ACK has not taken note of that: `likely`. With SYN cookies it repeats nothing, which makes it `possible`: a
    /// filter on the host that passes a handshake and drops data looks the same. A filter that drops the edge's bare ACK
    /// looks like the first; hence it is never `certain`. Once the host has forgotten the handshake it answers by RST.
    ///
    /// A full queue has other pictures, which have their own causes: further SYNs are not answered
    /// (`tcp.syn-unanswered`); with `net.ipv4.tcp_abort_on_overflow=1` the host resets (`tcp.reset-on-accept`); those that
    /// are in the queue are acknowledged and never answered (`tls.no-server-hello`, `http.response-timeout`). Where a
    /// capture shows several of them at one server in one stretch of time, its headline joins them.
    ///
    /// # Who must act
    /// Whoever runs the program that listens on this port.
    ///
    /// # How to confirm
    /// - `ss -ltn 'sport = :443'`: for a listener, `Recv-Q` is how many connections wait to be accepted and `Send-Q` how
    ///   many may. `Recv-Q` above `Send-Q` is a full queue.
    /// - `nstat -az TcpExtListenOverflows TcpExtListenDrops`: they grow with each attempt.
    /// - State of the process: `ps -o stat,wchan -p PID` (`T` is stopped, `D` waits for a disk), `strace -f -p PID`: does
    ///   it ever call `accept`?
    /// - If the queue is empty: `nft list ruleset` for a rule that drops packets of connections that are open.
    ///
    /// # How to fix
    /// - First find out why the program does not accept: gunicorn with all workers busy (`--workers`, `--threads`), Node
    ///   with a blocked event loop, Apache at `MaxRequestWorkers`, HAProxy at `maxconn`, nginx at `worker_connections`, a
    ///   process that is stopped or swapped out.
    /// - A longer queue helps against bursts only: nginx `listen ... backlog=`, Apache `ListenBacklog`, HAProxy `backlog`,
    ///   Node `server.listen({backlog})`, gunicorn `--backlog`; each is cut to `net.core.somaxconn`.
    /// - ALB and NLB: more targets; health checks that notice a target which does not accept.
    ///
    /// # Often confused with
    /// - `tcp.syn-ack-unacknowledged`: there the edge never gets the SYN-ACK, and sends nothing but its SYN.
    /// - `tls.no-server-hello`, `http.response-timeout`: there the host acknowledges what the edge sends.
    /// - `tcp.segment-loss-stall`: there something had been acknowledged before.
    ///
    /// # References
    /// - RFC 9293 section 3.10.7.4, RFC 6298 section 5
    /// - RFC 4987 section 3.6 (SYN cookies)
    /// - `man 2 listen`, `man 7 tcp` (`tcp_abort_on_overflow`, `tcp_synack_retries`, `tcp_syncookies`)
    rests_on: RestsOn::Silence("whether the host ever acknowledged the data"),
    supersedes: [
        "tcp.syn-ack-unacknowledged",
        "tcp.segment-loss-stall",
        "tls.no-server-hello",
        "tls.reset-after-client-hello",
        "http.request-not-read",
        "http.reset-before-response",
        "http.response-timeout",
        "http.edge-abandoned",
        "capture.still-open",
    ],
    family: FAMILY,
    needs: [Loss],
    detect: detect,
}

/// The pictures of a full accept queue (contract, ruling 13).
static FAMILY: Family = Family {
    fault: "an accept queue that is full because the program does not accept",
    pictures: &[
        Picture { cause: "tcp.accept-queue-overflow", told: "data never acknowledged", fits: |_| true },
        Picture { cause: "tcp.syn-unanswered", told: "SYN never answered", fits: |_| true },
        Picture { cause: "tcp.reset-on-accept", told: "reset when established", fits: |_| true },
        Picture { cause: "tls.reset-after-client-hello", told: "reset after the ClientHello", fits: is_untaken },
        Picture { cause: "http.reset-before-response", told: "reset after the request", fits: is_untaken },
        Picture { cause: "tls.no-server-hello", told: "acknowledged and never answered", fits: is_unread },
        Picture { cause: "http.response-timeout", told: "acknowledged and never answered", fits: is_unread },
    ],
    shown_by: &[["tcp.syn-unanswered", "tls.no-server-hello"], ["tcp.syn-unanswered", "http.response-timeout"]],
};

/// The host took nothing of what the edge sent.
fn is_untaken(c: &Connection) -> bool {
    c.tcp.syn_ack.is_some() && c.tcp.streams.acknowledged.client == 0 && is_unread(c)
}

/// The program never said a word.
fn is_unread(c: &Connection) -> bool {
    c.tcp.streams.stream_bytes.server == 0
}

fn detect(c: &Connection) -> Option<Finding> {
    let (_, syn_ack, established) = (c.tcp.syn?, c.tcp.syn_ack?, c.tcp.established?);
    let (data, again) = (c.tcp.streams.first_data.client?, c.tcp.stall(Side::Client)?);
    let taken = c.tcp.streams.acknowledged.client > 0 || c.tcp.end.fin.server.is_some() || !is_unread(c);
    // An edge that acknowledges more than the SYN-ACK has had an answer, though the capture missed it.
    let answered = c.tcp.streams.acknowledged.server > 0 || c.tcp.odd.not_captured.server > 0;
    if taken || answered || again.times < REPEATED {
        return None;
    }
    let end = c.closer();
    let waited = end.map_or(c.watched_until, |end| end.frame.time.max(again.last.time)).since(data.time);
    if waited < if end.is_some() { GIVEN_UP_AFTER } else { PROVEN_AFTER } {
        return None;
    }
    let repeated = c.tcp.last_syn_ack().filter(|&last| last > established);
    let confidence = if repeated.is_some() { Confidence::Likely } else { Confidence::Possible };
    let sent = if c.tls.is_some() {
        "ClientHello"
    } else if c.shows_http() {
        "request"
    } else {
        "first bytes"
    };
    let message = format!(
        "{} answered the edge's SYN, but in {waited} it acknowledged nothing of its {sent}, sent {} times: {}.",
        c.server,
        again.times.saturating_add(1),
        match repeated {
            Some(_) => "it repeats its SYN-ACK, and by all appearance its accept queue is full",
            None => "the accept queue is full (with SYN cookies), or a filter on the host drops what comes",
        }
    );
    let reset = c.tcp.end.rst.server.filter(|_| c.ended_with(Side::Server, End::Rst).is_some());
    let gives_up = end.filter(|end| end.side == Side::Client).map(|end| end.frame);
    let acknowledged = format!("the edge acknowledged the SYN-ACK (frame {}) in frame {}", syn_ack.named(), established.named());
    let finding = told(c, Finding::new(data, confidence, message), again);
    Some(
        finding
            .evidence_if(repeated, format!("the last of {} SYN-ACKs: to the host the handshake is not complete", c.tcp.syn_acks))
            .evidence_if(gives_up, "the edge gives up")
            .evidence_if(reset, "the host does not know the connection any more, and resets")
            .rules_out("tcp.syn-ack-unacknowledged", acknowledged)
            .rules_out("tls.no-server-hello", "the host acknowledged nothing")
            .fix(format!(
                "`ss -ltnp 'sport = :{}'` on the host: `Recv-Q` above `Send-Q` means that the accept queue is full; then look at what the program does instead of accepting.",
                c.server.port
            ))
            .fix("`nstat -az TcpExtListenOverflows TcpExtListenDrops`: do they grow? If not, look for a rule that drops: `nft list ruleset`.")
            .fix("Against bursts: a longer queue (`backlog` of the listener, with `net.core.somaxconn`); against a program that is busy: more workers."),
    )
}

/// The handshake, and what the edge sends in vain.
fn told(c: &Connection, finding: Finding, again: Stall) -> Finding {
    let data = finding.at;
    let established = c.tcp.established.filter(|&established| established != data);
    finding
        .evidence_if(c.tcp.syn, "SYN from the edge")
        .evidence_if(c.tcp.syn_ack, "SYN-ACK from the host")
        .evidence_if(established, "the edge's ACK: it takes the connection for established")
        .evidence(data, "the edge's first bytes, never acknowledged")
        .evidence(again.last, format!("the same again, for the {} time", ordinal(again.times)))
}

/// `3rd`.
fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}
