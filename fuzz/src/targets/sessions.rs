//! What is said inside of TCP: what is told of it is the same in whatever pieces it comes.

use std::fmt::Debug;
use std::io::Cursor;

use why502::base::{FrameRef, PerSide, Side, Timestamp};
use why502::session::tls::{Inside, Keys};
use why502::session::{Protocols, Session, http1, http2, proxy, tls, websocket};
use why502::tcp::{End, Missing, Stream};

use super::in_proportion;
use super::ops::{Op, cut, ops};

/// The most that a connection is told to have, for each byte of it and beside them.
const TOLD: usize = 4_000;

/// Both ways of telling come out alike.
///
/// Not where what is told `depends` on where packets begin, as it must after a hole, and in a body without an end.
fn alike<T: Debug + PartialEq>(bytes: &[u8], depends: impl Fn(&T) -> bool, tell: impl Fn(&[Op<'_>]) -> T) -> T {
    let whole = ops(bytes);
    let told = in_proportion(bytes.len(), || tell(&whole));
    for most in [1, 13] {
        let pieces = tell(&cut(&whole, most));
        if pieces != told && !depends(&pieces) && !depends(&told) {
            let (pieces, told) = (shown(&pieces), shown(&told));
            let differs = pieces.lines().zip(told.lines()).find(|(a, b)| a != b);
            assert!(pieces == told, "in pieces of {most}: {differs:?}");
        }
    }
    told
}

/// Without excerpts: they have what was at hand of the place, which is more or less of it.
fn shown(told: &impl Debug) -> String {
    let text = format!("{told:#?}");
    let mut parts = text.split(" excerpt: [");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once(']').map_or("", |(_, rest)| rest))
}

pub(super) fn proxy(bytes: &[u8]) {
    let frame = FrameRef::new(1, 1, Timestamp(0), 0);
    let read = |most: usize| {
        let mut observer = proxy::Observer::default();
        observer.begin(frame);
        let (mut rest, mut taken) = (bytes, 0);
        while !rest.is_empty() && observer.is_reading() {
            let piece = &rest[..most.min(rest.len())];
            let n = observer.data(piece, frame);
            assert!(n <= piece.len());
            assert!(n == piece.len() || !observer.is_reading(), "it takes all that it is given");
            taken += n;
            rest = &rest[n..];
        }
        (taken, observer.is_lost(), observer.finish())
    };
    let whole = in_proportion(bytes.len(), || read(usize::MAX));
    assert_eq!(read(1), whole);
    assert_eq!(read(5), whole);
}

/// Says what was told inside of TLS.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    data: PerSide<Vec<u8>>,
    closed: PerSide<u32>,
}

impl Inside for Heard {
    fn data(&mut self, from: Side, bytes: &[u8], _: FrameRef) {
        self.data[from].extend(bytes);
    }

    fn closed(&mut self, from: Side, _: FrameRef) {
        self.closed[from] += 1;
    }
}

/// After a hole, and after what is wrong, records are known by what lies in one packet.
fn is_lost(told: &tls::Transcript) -> bool {
    told.lost.client || told.lost.server || told.fault.is_some()
}

fn tls_with(bytes: &[u8], keys: Option<&Keys>) {
    let lost = |(told, _): &(Box<tls::Transcript>, Heard)| is_lost(told);
    let (told, heard) = alike(bytes, lost, |ops| {
        let mut observer = keys.cloned().map_or_else(tls::Observer::new, tls::Observer::with_keys);
        let mut heard = Heard::default();
        for op in ops {
            match *op {
                Op::Data(side, bytes, frame) => observer.data_and(side, bytes, frame, &mut heard),
                Op::Gap(side, len, frame) => observer.gap(side, len, frame),
            }
        }
        (observer.into_transcript(), heard)
    });
    let total: usize = told.certificates.iter().map(|c| c.der.len()).sum();
    assert!(told.certificates.len() <= 24 && total <= 64 * 1024, "docs/limits.md");
    assert!(heard.data.client.len() + heard.data.server.len() <= bytes.len(), "no more is opened than was sent");
    in_proportion(bytes.len(), || told.certificates.iter().filter(|c| c.summary().is_ok()).count());
}

/// Records and the handshake.
pub(super) fn tls(bytes: &[u8]) {
    tls_with(bytes, None);
}

/// The same with a key log before it, behind two bytes of its length.
pub(super) fn decrypt(bytes: &[u8]) {
    let Some((&[a, b], rest)) = bytes.split_first_chunk::<2>() else { return };
    let (log, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([a, b]))));
    let keys = Keys::default();
    keys.read(Cursor::new(log)).expect("memory can be read");
    tls_with(rest, Some(&keys));
}

/// A response within a body without an end is told by where packets begin; so is what may be a head after what is none, and
/// a method that is known is believed before its line has come.
fn is_unmarked(told: &http1::Transcript) -> bool {
    let unmarked =
        |e: &http1::Exchange| e.response.as_ref().is_some_and(|r| matches!(r.framing, http1::Framing::UntilClose));
    let foreign = told.not_http.client.is_some() || told.not_http.server.is_some();
    foreign || told.lost.client || told.lost.server || told.exchanges.iter().any(unmarked)
}

pub(super) fn http1(bytes: &[u8]) {
    let depends = |(told, _): &(http1::Transcript, [usize; 2])| is_unmarked(told);
    let (told, _) = alike(bytes, depends, |ops| {
        let mut observer = http1::Observer::new();
        let mut left = [0, 0];
        for op in ops {
            match *op {
                Op::Data(side, bytes, frame) => {
                    let rest = observer.data(side, bytes, frame);
                    assert!(rest.len() <= bytes.len());
                    left[usize::from(side == Side::Server)] += rest.len();
                }
                Op::Gap(side, len, frame) => observer.gap(side, len, frame),
            }
        }
        (observer.finish(), left)
    });
    assert!(told.exchanges.len() <= 64 + 64 + 256, "docs/limits.md");
    assert!(format!("{told:?}").len() <= 200 * TOLD + 400 * bytes.len());
}

pub(super) fn http2(bytes: &[u8]) {
    let lost = |told: &http2::Transcript| told.lost.client || told.lost.server;
    let told = alike(bytes, lost, |ops| {
        let mut observer = http2::Observer::new();
        for op in ops {
            match *op {
                Op::Data(side, bytes, frame) => observer.data(side, bytes, frame),
                Op::Gap(side, len, frame) => observer.gap(side, len, frame),
            }
        }
        observer.finish()
    });
    assert!(told.exchanges.len() <= 64 + 64 + 256 + 64, "docs/limits.md");
}

pub(super) fn websocket(bytes: &[u8]) {
    let lost = |told: &websocket::Transcript| told.lost.client.is_some() || told.lost.server.is_some();
    alike(bytes, lost, |ops| {
        let mut observer = websocket::Observer::default();
        for op in ops {
            match *op {
                Op::Data(side, bytes, frame) => observer.data(side, bytes, frame),
                Op::Gap(side, len, frame) => observer.gap(side, len, frame),
            }
        }
        observer.finish()
    });
}

/// All of them, as they come: which protocol it is, too.
pub(super) fn session(bytes: &[u8]) {
    let tell = |ops: &[Op<'_>]| {
        let mut session = Session::new(true);
        for op in ops {
            match *op {
                Op::Data(side, bytes, frame) => session.data(side, bytes, frame),
                Op::Gap(side, len, frame) => session.gap(side, len, Missing::NotCaptured, frame),
            }
        }
        let last = FrameRef::new(1 << 40, 1 << 40, Timestamp(1 << 50), 0);
        session.end(Side::Server, End::Fin, last);
        session.end(Side::Client, End::Fin, last);
        session.finish()
    };
    let whole = ops(bytes);
    let told = in_proportion(bytes.len(), || tell(&whole));
    // Both sides are never known to be one end.
    assert!(!(told.flipped && told.oriented), "a SYN told who is the client");
    let pieces = tell(&cut(&whole, 13));
    // What speaks no known protocol is looked at again where a packet begins: there the pieces matter.
    let foreign = [&told, &pieces].iter().any(|t| t.foreign.client.is_some() || t.foreign.server.is_some());
    let tls_lost = told.tls.as_ref().is_some_and(|tls| is_lost(tls));
    let left = |t: &Protocols| {
        // Behind a header of PROXY that is wrong, and in a tunnel, a packet may begin with anything.
        let wrong = t.proxy.as_ref().is_some_and(|header| header.fault.is_some());
        let tunnel = |http: &http1::Transcript| http.upgraded.is_some();
        wrong || t.http.as_ref().is_some_and(|http| is_unmarked(http) || tunnel(http))
    };
    let left = tls_lost || [&told, &pieces].iter().any(|t| left(t));
    if !foreign && !left {
        let (pieces, told) = (shown(&pieces), shown(&told));
        let differs = pieces.lines().zip(told.lines()).find(|(a, b)| a != b);
        assert!(pieces == told, "in pieces: {differs:?}");
    }
}
