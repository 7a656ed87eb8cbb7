use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Finding, RestsOn, SecondLook};
use crate::observation::{Closer, Connection, End};

use super::{EDGE, TIMEOUT, WATCHED, for_name, s_client};
use crate::causes::timeout;

cause! {
    /// The origin received the edge's ClientHello and never answered it.
    ///
    /// # What happened
    /// The connection is established and the host acknowledges the ClientHello, so that it lies in the host's socket. The
    /// program does not read it or does not answer: it is stopped, busy, out of workers or threads, waits for something
    /// (a backend, a key store, an OCSP responder, entropy), or nobody accepts the connection at all. The edge gives up.
    ///
    /// # Evidence
    /// The ClientHello and its acknowledgement, then nothing from the origin until the edge ends the connection, at least
    /// one second later. An answer that comes after that is too late.
    ///
    /// # Who must act
    /// Whoever runs the service on the host.
    ///
    /// # How to confirm
    /// - `ss -tlnp 'sport = :443'`: a `Recv-Q` above 0 on the listener means that connections wait to be accepted;
    ///   `ss -tnp 'sport = :443'`: a `Recv-Q` of the size of a ClientHello means that nobody reads.
    /// - State of the process: `ps -o stat,wchan,time -p PID` (`T` is stopped, `D` waits for a disk), `top -H -p PID`;
    ///   `strace -f -p PID` shows what it waits for.
    /// - `time openssl s_client -connect HOST:443 -servername NAME </dev/null` from the host itself.
    ///
    /// # How to fix
    /// - nginx: `worker_connections` reached, or workers blocked by a disk or by a blocking module.
    /// - Apache: `MaxRequestWorkers` reached ("server reached MaxRequestWorkers setting" in the error log);
    ///   `mod_reqtimeout` frees workers that slow clients hold.
    /// - HAProxy: `maxconn` of the process or the frontend reached: connections wait in the kernel's queue.
    /// - Node: the event loop is blocked by a long computation or a synchronous call; move it to a worker thread.
    /// - Java and .NET servers: thread pool exhausted, or a long pause of the garbage collector.
    /// - A TCP proxy or NLB in front: it accepts at once; look at the target behind it.
    ///
    /// # Often confused with
    /// - `tcp.accept-queue-overflow`: there the ClientHello is not even acknowledged.
    /// - `http.response-timeout`: there the request had been sent; CloudFront then answers 504.
    /// - A host with port 443 forwarded into nothing: there the origin closes or resets.
    ///
    /// # References
    /// - RFC 8446 section 4.1.2, RFC 9293 section 3.9.1
    /// - AWS: Amazon CloudFront Developer Guide, origin settings, connection timeout (1 to 10 s, 10 by default). Which of
    ///   its timeouts covers the TLS handshake is not documented
    edge: EDGE,
    rests_on: RestsOn::Silence("whether the origin answered the ClientHello"),
    second_look: SecondLook::RecurringWait,
    needs: [NoReply],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    c.hello_begins()?;
    let hello = c.hello_ends()?;
    if c.first_answer().is_some() || c.tcp.unacknowledged(Side::Client) > 0 {
        return None;
    }
    let end = c.closer();
    let (wait, confidence) = waited(c, end, hello)?;
    let (how, at) = match end {
        Some(Closer { how: End::Fin, frame, .. }) => ("until the edge closed", frame),
        Some(Closer { how: End::Rst, frame, .. }) => ("until the edge reset", frame),
        None => ("as long as the capture watched", hello),
    };
    let message = format!(
        "{} took the edge's ClientHello{} and did not answer it in {wait}, {how} the connection.",
        c.server,
        for_name(c)
    );
    let late = c.tcp.streams.first_data.server.filter(|&data| !c.before_end(data));
    Some(
        Finding::new(at, confidence, message)
            .waited(end.map(|_| wait))
            .evidence(hello, "ClientHello, acknowledged by the host and never answered")
            .evidence_if(end.map(|end| end.frame), format!("the edge gives up after {wait}"))
            .evidence_if(late, "the origin's first bytes, too late")
            .rules_out("tcp.accept-queue-overflow", "the host acknowledged the ClientHello")
            .rules_out("tls.closed-after-client-hello", "the origin had not ended the connection")
            .fix(format!(
                "`ss -tlnp 'sport = :{0}'` and `ss -tnp 'sport = :{0}'` on the host: bytes in Recv-Q mean that the program neither accepts nor reads.",
                c.server.port
            ))
            .fix("Look at the program: stopped, blocked, out of workers (`MaxRequestWorkers`, `maxconn`, thread pool), or a busy event loop.")
            .fix(format!("{} on the host itself: does it hang there too?", s_client(c, ""))),
    )
}

/// How long the edge waited, and how sure it is that it waited for an answer.
fn waited(c: &Connection, end: Option<Closer>, hello: FrameRef) -> Option<(Micros, Confidence)> {
    let Some(end) = end else {
        let watched = c.watched_until.since(hello.time);
        return (watched >= WATCHED).then_some((watched, Confidence::Likely));
    };
    let wait = end.frame.since(hello);
    let timed_out = end.side == Side::Client && wait >= TIMEOUT && hello < end.frame;
    let confidence = timeout::confidence(wait);
    timed_out.then_some((wait, confidence))
}
