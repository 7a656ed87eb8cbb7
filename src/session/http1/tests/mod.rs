//! Tables of byte strings: each is read whole, cut in two at every place, and one byte at a time, and the
//! transcript must be the same.

mod broken;
mod gaps;
mod limits;
mod valid;

use super::*;
use crate::base::{FrameRef, Side, Timestamp, escape_bytes};
use std::fmt::Write as _;

/// What happens on the connection; the n-th event is in frame n, at n milliseconds.
#[derive(Clone, Copy)]
pub(super) enum Event<'a> {
    /// The client sends.
    C(&'a [u8]),
    /// The server sends.
    S(&'a [u8]),
    /// So many of the client's bytes are not in the capture.
    LostC(u64),
    /// So many of the server's bytes are not in the capture.
    LostS(u64),
    /// The server ends its direction.
    Ends(End),
}
use Event::{C, Ends, LostC, LostS, S};

pub(super) fn frame(n: usize) -> FrameRef {
    FrameRef::new(n as u64, n as u64, Timestamp(n as i64 * 1_000_000), 0)
}

/// How the bytes of an event are cut into pieces, given its number.
type Cut<'a> = &'a dyn Fn(usize, &[u8]) -> Vec<Vec<u8>>;

fn play(observer: &mut Observer, events: &[Event<'_>], cut: Cut<'_>) {
    for (i, event) in events.iter().enumerate() {
        let at = frame(i + 1);
        match *event {
            C(bytes) => cut(i, bytes).iter().for_each(|b| {
                observer.data(Side::Client, b, at);
            }),
            S(bytes) => cut(i, bytes).iter().for_each(|b| {
                observer.data(Side::Server, b, at);
            }),
            LostC(n) => observer.gap(Side::Client, n, at),
            LostS(n) => observer.gap(Side::Server, n, at),
            Ends(how) => observer.end(Side::Server, at, how),
        }
    }
}

/// The transcript of `events`, the same however they are cut.
pub(super) fn transcript(new: impl Fn() -> Observer, events: &[Event<'_>]) -> Transcript {
    let read = |cut: Cut<'_>| {
        let mut observer = new();
        play(&mut observer, events, cut);
        observer.finish()
    };
    let whole = read(&|_, bytes| vec![bytes.to_vec()]);
    let single = read(&|_, bytes| bytes.iter().map(|b| vec![*b]).collect());
    assert_eq!(single, whole, "one byte at a time: {}\n{}", words(&single), words(&whole));
    for (i, event) in events.iter().enumerate() {
        let (C(bytes) | S(bytes)) = event else { continue };
        for at in 1..bytes.len() {
            let cut =
                |j: usize, b: &[u8]| if i == j { vec![b[..at].to_vec(), b[at..].to_vec()] } else { vec![b.to_vec()] };
            let got = read(&cut);
            assert_eq!(got, whole, "event {i} cut at {at}: {}\n{}", words(&got), words(&whole));
        }
    }
    whole
}

/// A transcript in few words, one line an exchange.
pub(super) fn words(t: &Transcript) -> String {
    let mut lines: Vec<String> = t.exchanges.iter().map(exchange).collect();
    for u in &t.unsolicited {
        lines.push(match &u.response {
            Some(r) => format!("unsolicited {} at {} in {}", response(r), u.offset, u.frame.frame),
            None => format!("excess {} {:?} at {} in {}", u.len, escape_bytes(&u.excerpt), u.offset, u.frame.frame),
        });
    }
    for (side, foreign) in [("client", &t.not_http.client), ("server", &t.not_http.server)] {
        if let Some(f) = foreign {
            lines.push(format!("{side} not HTTP {:?} at {} in {}", escape_bytes(&f.excerpt), f.offset, f.frame.frame));
        }
    }
    for (side, lost) in [("client", t.lost.client), ("server", t.lost.server)] {
        if lost {
            lines.push(format!("{side} lost"));
        }
    }
    if let Some(f) = t.upgraded {
        lines.push(format!("upgraded in {}", f.frame));
    }
    lines.join("\n")
}

fn exchange(e: &Exchange) -> String {
    let mut out = e.request.as_ref().map_or("?".to_owned(), request);
    for i in &e.interim.first {
        let _ = write!(out, " | {}", i.status);
    }
    let _ = write!(out, " | {}", e.response.as_ref().map_or("-".to_owned(), response));
    if let Some(f) = &e.interim.fault {
        let _ = write!(out, " | {}", fault(f));
    }
    out
}

fn request(r: &Request) -> String {
    let cut = if r.target_truncated { "..." } else { "" };
    let tail = tail(r.framing(), r.extra.body_bytes, r.complete, r.gaps, r.faults());
    format!("{} {}{cut} {}{tail}", r.method(), r.target, r.version())
}

fn response(r: &Response) -> String {
    let tail = tail(r.framing, r.body_bytes, r.complete, r.gaps, r.faults());
    format!("{} {}{tail}", r.status, r.reason())
}

fn tail<'a>(
    framing: Framing,
    bytes: u64,
    complete: bool,
    gaps: bool,
    faults: impl Iterator<Item = &'a Fault>,
) -> String {
    let mut out = format!(" {framing:?} {bytes}");
    if !complete {
        out.push_str(" cut");
    }
    if gaps {
        out.push_str(" gaps");
    }
    for f in faults {
        let _ = write!(out, " {}", fault(f));
    }
    out
}

fn fault(f: &Fault) -> String {
    let mark = if f.kind.is_note() { "~" } else { "!" };
    format!("{mark}{:?}@{} in {}", f.kind, f.offset, f.frame.frame)
}

/// Reads every row and compares it with the words beside it.
pub(super) fn check(rows: &[(&[Event<'_>], &str)]) {
    for (events, want) in rows {
        let got = words(&transcript(Observer::new, events));
        let shown: Vec<String> = events
            .iter()
            .map(|e| match e {
                C(b) => format!("C {}", escape_bytes(b)),
                S(b) => format!("S {}", escape_bytes(b)),
                LostC(n) => format!("C lost {n}"),
                LostS(n) => format!("S lost {n}"),
                Ends(how) => format!("S {how:?}"),
            })
            .collect();
        assert_eq!(got, *want, "{shown:#?}");
    }
}
