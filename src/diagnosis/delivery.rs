//! Whether a connection did what it was opened for, as far as its bytes show.
//!
//! This is the other half of "right": what no cause explains is `ok` only where the bytes show that the edge got
//! what it asked for, or asked nothing. Everything else is said to be unexplained.

use super::Text;
use crate::base::{FrameRef, Micros, Side};
use crate::observation::{Aftermath, Connection, End, HowEnded, Sign, Signs, encrypted, http1, http2, tls};

/// What the bytes show of a connection that no cause explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The edge got what it asked for, or asked nothing.
    Complete,
    /// It cannot be told, and why.
    Unexplained(Text),
}

/// Judges by what was delivered on a connection that shows these signs.
#[must_use]
pub(super) fn delivery(c: &Connection, signs: Signs) -> Delivery {
    if c.is_open() {
        return unexplained("the capture ended before the connection did");
    }
    if c.is_one_sided() {
        return unexplained("only one direction of the connection was captured");
    }
    if let Some(http) = &c.http
        && (http.total > 0 || http.unsolicited_total > 0)
    {
        return of_http(c, http);
    }
    if let Some(http) = &c.http2 {
        return of_http2(c, http);
    }
    if let Some(tls) = &c.tls {
        return of_tls(c, tls, signs);
    }
    if let Some(foreign) = c.foreign.client.as_ref().or(c.foreign.server.as_ref()) {
        return unexplained(format!("it speaks neither TLS nor HTTP (frame {}); not judged", foreign.frame.named()));
    }
    of_tcp(c)
}

fn unexplained(reason: impl Into<Text>) -> Delivery {
    Delivery::Unexplained(reason.into())
}

/// Every exchange has its response, or left HTTP/1 by agreement.
fn of_http(c: &Connection, http: &http1::Transcript) -> Delivery {
    if http.upgraded.is_some() {
        return Delivery::Complete;
    }
    if let Some(foreign) = &c.foreign.server {
        return unexplained(format!("the server's side speaks no HTTP/1 (frame {})", foreign.frame.named()));
    }
    let unasked = |e: &&http1::Exchange| e.request.is_none();
    if c.has_beginning()
        && let Some(e) = http.exchanges.iter().find(unasked)
    {
        return unexplained(format!("response {} answers no request in HTTP/1", e.index));
    }
    if c.has_beginning() && http.unsolicited_total > 0 && !c.tcp.is_whole(Side::Client) {
        return unexplained("a response answers no request in the capture, and bytes of the client are missing");
    }
    if http.lost.client {
        return unexplained("bytes of the client are missing, and a request may be among them");
    }
    // A response without a status is one whose first line could not be read.
    let unanswered = |e: &&http1::Exchange| {
        let whole = |r: &http1::Response| r.status > 0 && (r.complete || was_taken(c, e, r));
        !e.response.as_ref().is_some_and(whole)
    };
    match http.exchanges.iter().find(unanswered) {
        None => Delivery::Complete,
        Some(e) => unexplained(format!("exchange {} has no complete response", e.index)),
    }
}

/// Whether the edge went on after a body whose framing is broken, so that it had found its end.
fn was_taken(c: &Connection, exchange: &http1::Exchange, response: &http1::Response) -> bool {
    let broken = response.extra.fault.as_ref().filter(|f| matches!(f.kind, http1::FaultKind::MalformedChunk(_)));
    broken.is_some_and(|fault| matches!(c.aftermath(exchange, fault.frame), Aftermath::WentOn(_)))
}

/// Every stream has its response.
fn of_http2(c: &Connection, http: &http2::Transcript) -> Delivery {
    for (side, who) in [(Side::Server, "the origin"), (Side::Client, "the edge")] {
        if http.lost[side] {
            return unexplained(format!("bytes of {who} are missing, and what it sent from there on is not known"));
        }
    }
    if http.overflowed > 0 {
        return unexplained(format!("{} streams were open at once beside those that are watched", http.overflowed));
    }
    if let Some(owed) = c.owed_streams().next() {
        let who = if owed.end.side == Side::Client { "the edge" } else { "the origin" };
        let how = match owed.end.how {
            HowEnded::Reset(code) => format!("reset stream {} ({code})", owed.exchange.stream),
            HowEnded::Connection(_) => "ended the connection".to_owned(),
        };
        return unexplained(format!("{who} {how} before the response to its request was whole"));
    }
    let unknown = |e: &&http2::Exchange| {
        let status = e.response.as_ref().is_none_or(|r| r.status == 0);
        !e.is_whole(Side::Server) || (!e.pushed && e.request.is_none()) || status
    };
    match http.exchanges.iter().find(|e| unknown(e) && !e.pushed) {
        Some(e) => unexplained(format!("of stream {} the request or the response is not known as a whole", e.stream)),
        None if http.settings_frame.server.is_none() => unexplained("the edge's preface of HTTP/2 was not answered"),
        None => Delivery::Complete,
    }
}

/// The handshake was finished and what was asked behind the keys was answered, or nothing was asked.
fn of_tls(c: &Connection, tls: &tls::Transcript, signs: Signs) -> Delivery {
    let (asked, answered) = (encrypted::asked(tls), encrypted::answered(tls));
    let owed = || signs.show(Sign::HiddenRequest) && c.unanswered_encrypted().is_some();
    match (tls.handshake(), asked, answered) {
        (_, None, _) if c.has_beginning() && !c.tcp.is_whole(Side::Client) => {
            unexplained("bytes of the client are missing, and a request may be among them")
        }
        (_, Some(_), Some(_)) if c.certain_end().is_none() && encrypted::may_be_tickets(c, tls) => unexplained(
            "what came after the last request may be an answer or session tickets, and the end is not known",
        ),
        (_, Some(_), Some(_)) if !c.sees_all() && encrypted::may_be_tickets(c, tls) => {
            unexplained("bytes are missing that would tell an answer from a session ticket")
        }
        (_, Some(asked), Some(_)) if owed() => unexplained(format!(
            "nothing but what looks like session tickets came after the application data in frame {}",
            asked.named()
        )),
        (tls::Handshake::Complete | tls::Handshake::Unknown, Some(asked), Some(answered)) if answered > asked => {
            match tls.encrypted.server.last.filter(|record| !record.complete && c.sees_all()) {
                Some(half) => {
                    unexplained(format!("the origin's last record (frame {}) is not whole", half.frame.named()))
                }
                None => Delivery::Complete,
            }
        }
        (_, Some(asked), Some(answered)) if is_farewell(tls, asked, answered) => Delivery::Complete,
        (_, Some(asked), _) => {
            unexplained(format!("application data in frame {} was not answered behind the keys", asked.named()))
        }
        // A load balancer's TLS check, or a connection opened ahead of need.
        (tls::Handshake::Complete, None, _) => Delivery::Complete,
        (tls::Handshake::Unknown, None, _) if tls.tls13.client_finished.is_some() => Delivery::Complete,
        (tls::Handshake::Unknown, None, _) if !c.has_beginning() => unexplained("it was joined after its handshake"),
        (tls::Handshake::Unknown, None, _) => unexplained("the handshake is not in the capture as a whole"),
        (tls::Handshake::Failed | tls::Handshake::Incomplete, None, _) => {
            unexplained("the TLS handshake was not finished, and no cause in the catalogue explains why")
        }
    }
}

/// The largest record that holds no more than frames of HTTP/2 about the connection: SETTINGS, WINDOW_UPDATE, GOAWAY.
const FAREWELL: u64 = 64;

/// So soon after the last answer such a record belongs to it.
const SOON: Micros = Micros::from_secs(1);

/// Whether the last thing that the client said behind the keys may be what HTTP/2 says after an answer: a small record,
/// right after it.
fn is_farewell(tls: &tls::Transcript, asked: FrameRef, answered: FrameRef) -> bool {
    let last = tls.encrypted.client.last.filter(|record| record.frame >= asked);
    let small = last.is_some_and(|record| u64::from(record.len) <= FAREWELL);
    encrypted::may_be_http2(tls) && small && asked.since(answered) < SOON
}

/// Nobody sent a byte: a check, a scan, or a connection opened ahead of need and closed idle (ruling 7).
fn of_tcp(c: &Connection) -> Delivery {
    let sent = c.tcp.streams.stream_bytes.client + c.tcp.streams.stream_bytes.server;
    if c.is_only_introduced() {
        return match c.closed_by(Side::Server) {
            Some(_) => unexplained("the origin ended it on a PROXY protocol header, before anything was asked"),
            None if c.closer().is_some() => Delivery::Complete,
            None => unexplained("nothing but a PROXY protocol header was sent, and the end is not in the capture"),
        };
    }
    if sent > 0 {
        return unexplained("what was sent could not be read");
    }
    if c.tcp.syn.is_none() {
        return unexplained("the connection began before the capture, and nothing was sent in it");
    }
    let given_up = c.ended_with(Side::Client, End::Rst).is_some();
    let closed = c.closer().is_some_and(|end| end.side == Side::Client || c.tcp.established.is_some());
    if (c.tcp.syn_ack.is_some() && closed) || given_up {
        return Delivery::Complete;
    }
    unexplained("the connection was not brought to its end")
}
