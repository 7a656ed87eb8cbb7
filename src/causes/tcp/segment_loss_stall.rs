use crate::base::{FrameRef, Micros, Side};
use crate::diagnosis::{Confidence, Finding, RestsOn};
use crate::observation::{Connection, Stall, encrypted, tls};

/// Two repetitions may cross an acknowledgement that was late; after the third the sender has waited three times.
const REPEATED: u32 = 3;
/// A connection is given up by its end, when the bytes have been under way this long.
const GIVEN_UP_AFTER: Micros = Micros::from_secs(1);
/// On a connection that nobody ended: a loss that lasts longer than any edge tries to connect by default.
const PROVEN_AFTER: Micros = Micros::from_secs(10);
/// Encrypted bytes that may be no more than a farewell: two records of a close_notify.
const FAREWELL: u64 = 64;

cause! {
    /// Bytes were lost on the way again and again and never acknowledged, until the connection was given up.
    ///
    /// # What happened
    /// The connection was in use, and then packets of one direction, or the acknowledgements for them, stopped getting
    /// through. The sender repeats the first bytes that are missing, at growing intervals, until somebody gives up.
    ///
    /// # Evidence
    /// Either bytes that one side sent at least four times with no acknowledgement of them, and no progress until the
    /// peer ended the connection, a second later or more, or for ten seconds on a connection that nobody ended; or a hole
    /// in what the edge sent that was never filled: the host acknowledges later bytes (SACK) and goes on asking for those before them.
    ///
    /// `certain` where the peer said something meanwhile that shows that it had not got them. Where it was silent, too, it
    /// may as well be gone, or its acknowledgements may be lost: `likely`. A window of zero is no loss, and what is left
    /// when the other side had closed before is not missed by anybody.
    ///
    /// # Who must act
    /// Whoever runs the network between the host and the edge, or the host's own packet filter.
    ///
    /// # How to confirm
    /// - Origin's bytes that are lost: capture on the next hop. Are they there, and do acknowledgements come back?
    /// - Edge's bytes that are lost although they are in this capture: they are dropped on this host after tcpdump saw
    ///   them. `nft list ruleset`, `iptables -L -v -n`, `conntrack -S` (`invalid`, `drop`), `nstat -az TcpInCsumErrors`.
    /// - `ip -s link`, `ethtool -S IFACE`: errors and drops of the network card. On EC2: `ethtool -S eth0 | grep exceeded`
    ///   counts packets beyond the instance's allowances.
    /// - `ss -tin dst ADDRESS` on a live connection: `backoff`, `retrans`, `lost`.
    ///
    /// # How to fix
    /// - Stateful devices (NAT, firewalls, `nf_conntrack`) that forget connections: longer timeouts, larger tables, both
    ///   directions by the same device.
    /// - Inspecting firewalls that drop by content: look in their log for this connection.
    /// - Several links or paths of which one is broken: the same five-tuple fails always, another works.
    /// - `net.netfilter.nf_conntrack_tcp_be_liberal=1` where a filter takes packets in order for invalid ones.
    ///
    /// # Often confused with
    /// - `tcp.path-mtu-black-hole`: there small packets pass and large ones never do.
    /// - `tcp.accept-queue-overflow`: there the host never acknowledged a byte of the connection.
    /// - `http.response-stalled`: there all that was sent had arrived.
    /// - Loss that heals: the repetition is acknowledged, and nothing is reported.
    ///
    /// # References
    /// - RFC 9293 section 3.8.1, RFC 6298 section 5
    /// - RFC 2018 section 3 (selective acknowledgements)
    /// - `man 7 tcp` (`tcp_retries2`)
    rests_on: RestsOn::Silence("whether the bytes were acknowledged"),
    supersedes: [
        "tcp.edge-reset",
        "http.keep-alive-race",
        "tls.no-server-hello",
        "http.response-timeout",
        "http.response-stalled",
        "http.edge-abandoned",
        "http.encrypted-response-timeout",
        "capture.lost-packets",
        "capture.still-open",
    ],
    needs: [Loss],
    detect: detect,
}

fn detect(c: &Connection) -> Option<Finding> {
    if c.is_one_sided() {
        return None;
    }
    stalled(c, Side::Server).or_else(|| stalled(c, Side::Client)).or_else(|| hole(c)).map(|finding| {
        finding
            .rules_out("tcp.accept-queue-overflow", "packets had passed in both directions before")
            .fix(format!("`ss -tin dst {}` on the host while it happens: retransmissions, backoff, what is lost.", c.client.ip))
            .fix("Capture on the next hop towards the edge as well: which of the two directions loses packets?")
            .fix("Look for filters and devices with a memory of connections on the way: `nft list ruleset`, `conntrack -S`, NAT, firewalls; and at `ethtool -S` for drops.")
    })
}

/// Bytes of this side that it sent in vain.
fn stalled(c: &Connection, side: Side) -> Option<Finding> {
    let stall = c.tcp.stall(side).filter(|s| s.times >= REPEATED)?;
    let peers_end = c.closer().filter(|end| end.side == side.peer()).map(|end| end.frame);
    let shut = c.tcp.odd.zero_windows[side.peer()] > 0;
    if shut || !is_begun(c, stall) || !is_sure(c, side, stall) || peers_end.is_some_and(|end| end < stall.first) || !is_missed(c, side, stall) {
        return None;
    }
    let waited = waited(c, stall.first)?;
    let (who, peer) = (name(side), name(side.peer()));
    let heard = heard(c, side, stall).filter(|&last| last > stall.first);
    let confidence = if heard.is_some() { Confidence::Certain } else { Confidence::Likely };
    let message = format!(
        "{who} sent the same {} bytes {} times, and {peer} acknowledged nothing of them in {waited}: {}.",
        stall.len,
        stall.times.saturating_add(1),
        match side {
            Side::Server => "packets to the edge, or its acknowledgements, are lost on the way",
            Side::Client => "they reached this interface and not the host's TCP",
        }
    );
    Some(
        Finding::new(stall.first, confidence, message)
            .evidence_if(c.tcp.streams.last_progress[side], format!("the last packet in which {peer} acknowledged more"))
            .evidence(stall.first, format!("{who} sends again what is not acknowledged"))
            .evidence(stall.last, format!("again the same, the last of {} repetitions", stall.times))
            .evidence_if(peers_end, format!("{peer} ends the connection"))
            .evidence_if(
                heard.filter(|_| peers_end.is_none()),
                format!("{peer} is alive, and does not acknowledge them"),
            ),
    )
}

/// Whether the connection had got further than its handshake, or the peer says that it is there: else whoever does not
/// acknowledge may not have accepted it.
fn is_begun(c: &Connection, stall: Stall) -> bool {
    c.tcp.streams.acknowledged.client > 0 || c.tcp.streams.first_data.server.is_some() || stall.last_asked.is_some()
}

/// Whether no acknowledgement can be among the packets that the capture missed: it missed none, or the peer speaks later.
fn is_sure(c: &Connection, side: Side, stall: Stall) -> bool {
    let whole = c.tcp.odd.not_captured.client == 0 && c.tcp.odd.not_captured.server == 0;
    whole || heard(c, side, stall).is_some_and(|last| last > stall.last)
}

/// The last packet of the peer that says how far it has got what this side sent. A RST may say nothing of that.
fn heard(c: &Connection, side: Side, stall: Stall) -> Option<FrameRef> {
    let peer = side.peer();
    [stall.last_asked, c.tcp.end.fin[peer], c.tcp.streams.last_data[peer]].into_iter().flatten().max()
}

/// Bytes of the edge that never came, before others that did: the host has these, as it says by SACK, and asks for those.
fn hole(c: &Connection) -> Option<Finding> {
    let (last, asked) = (c.tcp.streams.last_data.client?, c.tcp.last_packet.server?);
    let progress = c.tcp.streams.last_progress.client?;
    let stuck = c.tcp.odd.longest_sack.client > 0 && c.tcp.unacknowledged(Side::Client) > 0 && progress < last;
    let whole = c.tcp.odd.not_captured.server == 0 && c.tcp.odd.zero_windows.server == 0;
    if !stuck || !whole || asked < progress || c.tcp.stall(Side::Client).is_some() {
        return None;
    }
    let waited = waited(c, last)?;
    let message = format!(
        "{} has later bytes of the edge, but not some before them, which did not come in {waited}: packets from the edge are lost on the way.",
        c.server
    );
    let gives_up = c.closer().filter(|end| end.side == Side::Client).map(|end| end.frame);
    Some(
        Finding::new(last, Confidence::Likely, message)
            .evidence(progress, "the last packet in which the host acknowledged more")
            .evidence(last, "the last of the edge's bytes, beyond the hole")
            .evidence_if(Some(asked).filter(|&asked| Some(asked) != gives_up), "the host still asks for what is missing")
            .evidence_if(gives_up, "the edge gives up"),
    )
}

/// How long it lasted, where that was long enough.
fn waited(c: &Connection, since: FrameRef) -> Option<Micros> {
    let (waited, enough) = match c.closer() {
        Some(end) => (end.frame.max(c.last).since(since), GIVEN_UP_AFTER),
        None => (c.watched_until.since(since.time), PROVEN_AFTER),
    };
    (waited >= enough).then_some(waited)
}

/// Whether the bytes at which this side stalls were part of what the connection was for: of the handshake, of a request
/// without an answer, of a response. A farewell that nobody hears is none of these.
fn is_missed(c: &Connection, side: Side, stall: Stall) -> bool {
    if let Some(http) = &c.http {
        let last = http.exchanges.last().filter(|e| e.request.is_some() && http.upgraded.is_none());
        return last.is_some_and(|e| match side {
            Side::Server => e.response.is_some() && http.unsolicited_total == 0,
            Side::Client => e.response.as_ref().is_none_or(|r| !r.complete),
        });
    }
    if let Some(http) = &c.http2 {
        let last = http.exchanges.iter().rfind(|e| e.request.is_some());
        return last.is_some_and(|e| side == Side::Server || !e.is_whole(Side::Server));
    }
    c.tls.as_ref().is_some_and(|tls| is_missed_in_tls(c, tls, side, stall))
}

fn is_missed_in_tls(c: &Connection, tls: &tls::Transcript, side: Side, stall: Stall) -> bool {
    let alert = tls.alerts.iter().any(|alert| alert.ends_handshake()) || tls.tls13.alert_sized[side].is_some();
    let done = if tls.is_tls13() { tls.tls13.client_finished } else { tls.handshake_done() };
    if done.is_none_or(|done| done > stall.first) {
        return !alert;
    }
    let asked = encrypted::asked(tls);
    let answers = match side {
        Side::Server => asked.is_some() && c.tcp.streams.last_data.server > asked,
        Side::Client => asked.is_some() && c.tcp.streams.last_data.server < asked,
    };
    !alert && answers && c.tcp.unacknowledged(side) > FAREWELL
}

fn name(side: Side) -> &'static str {
    if side == Side::Client { "the edge" } else { "the origin" }
}
