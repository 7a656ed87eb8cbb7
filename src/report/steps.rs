//! What the steps of a connection are called where people read, and a few words on those of one that failed.

use crate::base::{Micros, Side};
use crate::diagnosis::Finding;
use crate::observation::{Connection, Role, Step};
use crate::tcp::End;

/// With fewer values a line is not worth its place, unless several connections have one each.
const ENOUGH: u64 = 10;

/// A step that takes longer is worth a word: the host's answer to a SYN, and the steps within a handshake.
const SLOW: Micros = Micros::from_millis(10);

/// A connection that was idle for less was in use.
const IDLE: Micros = Micros::from_millis(100);

/// The steps that are told, what they are called, and what one value is of.
pub(super) const TOLD: [(Step, &str, &str); 9] = [
    (Step::SynAck, "SYN to SYN-ACK", "connection"),
    (Step::NetworkRtt, "round trip", "connection"),
    (Step::ServerHello, "ServerHello", "handshake"),
    (Step::ServerFlight, "server flight", "handshake"),
    (Step::ClientFlight, "client answer", "handshake"),
    (Step::TlsHandshake, "TLS handshake", "handshake"),
    (Step::FirstByte, "first byte", "response"),
    (Step::Exchange, "whole response", "response"),
    (Step::IdleBeforeRequest, "idle between", "pause"),
];

/// Whether so many values of a step, of so many connections, are worth a line.
pub(super) const fn is_enough(values: u64, connections: u64) -> bool {
    values >= if connections > 1 { 2 } else { ENOUGH }
}

/// The times that matter of one connection, in the order in which they came; empty where none is known.
pub(super) fn decisive(c: &Connection, finding: Option<&Finding>) -> String {
    let mut told = Vec::new();
    let mut tell = |what: &str, took: Option<Micros>| told.extend(took.map(|took| text(what, took)));
    let slow = |step| c.took(step).filter(|&took| took >= SLOW);
    tell("SYN answered after", slow(Step::SynAck));
    tell("round trip", c.took(Step::NetworkRtt));
    let handshake = c.took(Step::TlsHandshake);
    tell("TLS handshake", handshake);
    tell("ClientHello after", slow(Step::ClientHello));
    tell("ServerHello after", if handshake.is_some() { slow(Step::ServerHello) } else { c.took(Step::ServerHello) });
    tell("the rest of the server's flight", slow(Step::ServerFlight));
    tell("the client's answer to it after", slow(Step::ClientFlight));
    let end = c.certain_end();
    if let Some(e) = finding.and_then(|f| c.exchange(f.exchange?)) {
        tell("idle before the request", e.idle_before.filter(|&idle| idle >= IDLE));
        let in_time = e.response.is_some_and(|r| end.is_none_or(|end| r.frame < end.frame));
        tell("first byte after", e.first_byte().filter(|took| took.0 >= 0 && in_time));
    }
    if let Some(end) = end {
        let (client, server) = if c.role == Role::Edge { ("edge", "origin") } else { ("client", "server") };
        let who = if end.side == Side::Client { client } else { server };
        let how = if end.how == End::Fin { "FIN" } else { "RST" };
        let last = end.last_data.client.max(end.last_data.server);
        let silent = last.map(|last| end.frame.since(last)).filter(|took| took.0 >= 0);
        tell(&format!("silent before the {who}'s {how}"), silent);
    }
    told.join(", ")
}

/// A time with its name, held together.
fn text(what: &str, took: Micros) -> String {
    format!("{what}\u{a0}{}", took.to_string().replace(' ', "\u{a0}"))
}
