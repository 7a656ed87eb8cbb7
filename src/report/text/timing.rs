//! How long the steps took: a line for each over all connections, and a few words on one that failed.

use std::io::{self, Write};

use crate::base::{Micros, Side};
use crate::diagnosis::Finding;
use crate::observation::{Connection, Role, Step, Timings};
use crate::report::layout::{Paint, Tone, WIDTH, count};
use crate::report::steps::TOLD;
use crate::tcp::End;

/// With fewer values a line is not worth its place, unless several connections have one each.
const ENOUGH: u64 = 10;

/// A step that takes longer is worth a word: the host's answer to a SYN, and the steps within a handshake.
const SLOW: Micros = Micros::from_millis(10);

/// A connection that was idle for less was in use.
const IDLE: Micros = Micros::from_millis(100);

/// Writes a line for each step of which enough is known, of so many connections.
pub(super) fn section(out: &mut dyn Write, paint: Paint, timings: &Timings, connections: u64) -> io::Result<()> {
    let mut lines = Vec::new();
    for (step, histogram) in timings.steps() {
        let Some((_, name, noun)) = TOLD.iter().find(|(told, ..)| *told == step) else { continue };
        let (true, Some((_, max))) = (histogram.count() >= if connections > 1 { 2 } else { ENOUGH }, histogram.range())
        else {
            continue;
        };
        let [p50, p99] = [50, 99].map(|p| histogram.percentile(p).unwrap_or(max).to_string());
        let line = format!("  {name:14}  p50 {p50:>8}  p99 {p99:>8}  max {:>8}", max.to_string());
        let of = format!("  ({})", count(histogram.count(), noun));
        let room = line.chars().count() + of.chars().count() <= WIDTH;
        lines.push(if room { line + &of } else { line });
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", paint.text(Tone::Strong, "TIMING"))?;
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
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
