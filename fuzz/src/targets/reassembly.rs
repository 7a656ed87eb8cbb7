//! Reassembly as operations against a plain model: both streams are known, every byte tells where it belongs.

use std::net::{IpAddr, Ipv4Addr};

use why502::base::{Endpoint, FrameRef, PerSide, SeqNumber, Side, Timestamp};
use why502::ip::{TcpFlags, TcpOptions, TcpSegment};
use why502::link::Encapsulation;
use why502::tcp::{End, Missing, Stream, Tracker};

use super::in_proportion;

/// Bytes of a stream that the model follows.
const STREAM: usize = 1 << 16;

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// The byte at this place of a side's stream.
fn byte(side: Side, at: usize) -> u8 {
    let salt = if side == Side::Client { 7 } else { 101 };
    (at.wrapping_mul(31).wrapping_add(at >> 8).wrapping_add(salt) % 251) as u8
}

/// What came out of one side.
#[derive(Default)]
struct Got {
    /// For each byte so far whether it was there.
    bytes: Vec<bool>,
    ended: bool,
}

#[derive(Default)]
struct Out(PerSide<Got>);

impl Stream for Out {
    fn data(&mut self, from: Side, bytes: &[u8], _: FrameRef) {
        let got = &mut self.0[from];
        assert!(!got.ended, "nothing comes after the end");
        for &b in bytes {
            assert_eq!(b, byte(from, got.bytes.len()), "each byte in its place");
            got.bytes.push(true);
        }
    }

    fn gap(&mut self, from: Side, len: u64, _: Missing, _: FrameRef) {
        let got = &mut self.0[from];
        assert!(len > 0 && len <= STREAM as u64, "a hole is within what was sent");
        let end = got.bytes.len() + len as usize;
        got.bytes.resize(end, false);
    }

    fn end(&mut self, from: Side, how: End, _: FrameRef) {
        assert!(how == End::Fin && !self.0[from].ended, "there is one end");
        self.0[from].ended = true;
    }
}

/// What one side has sent, and what of it has come.
#[derive(Default)]
struct Sent {
    len: usize,
    came: Vec<bool>,
    lost: Vec<(usize, usize)>,
    fin: bool,
    isn: u32,
}

impl Sent {
    fn contiguous(&self) -> usize {
        self.came.iter().position(|came| !came).unwrap_or(self.came.len())
    }

    fn mark(&mut self, from: usize, to: usize) {
        self.came.resize(self.came.len().max(self.len), false);
        self.came[from..to].fill(true);
    }
}

struct Play {
    tracker: Tracker,
    out: Out,
    sent: PerSide<Sent>,
    now: i64,
    number: u64,
}

impl Play {
    fn packet(&mut self, side: Side, flags: u8, seq: u32, (from, to): (usize, usize)) {
        self.number += 1;
        self.now += 20_000;
        let payload: Vec<u8> = (from..to).map(|at| byte(side, at)).collect();
        let end = |side| match side {
            Side::Client => Endpoint { ip: IpAddr::V4(Ipv4Addr::new(130, 176, 1, 2)), port: 40_000 },
            Side::Server => Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5)), port: 80 },
        };
        let other = &self.sent[side.peer()];
        let known = if other.fin && other.contiguous() >= other.len { 2 } else { 1 };
        let ack = other.isn.wrapping_add(known).wrapping_add(other.contiguous() as u32);
        let segment = TcpSegment {
            source: end(side),
            destination: end(side.peer()),
            seq: SeqNumber(seq),
            ack: SeqNumber(if flags & ACK == 0 { 0 } else { ack }),
            flags: TcpFlags(flags),
            window: 64_000,
            options: TcpOptions::default(),
            option_bytes: &[],
            payload: &payload,
            payload_len: payload.len() as u32,
            ip_id: Some(self.number as u16),
            ttl: 64,
            encapsulation: Encapsulation::default(),
        };
        let frame = FrameRef::new(self.number, self.number, Timestamp(self.now * 1_000), 0);
        self.tracker.segment(side, &segment, frame, &mut self.out);
    }

    fn data(&mut self, side: Side, from: usize, to: usize) {
        let sent = &mut self.sent[side];
        sent.mark(from, to);
        let seq = sent.isn.wrapping_add(1).wrapping_add(from as u32);
        let last = if sent.fin && to == sent.len { FIN } else { 0 };
        self.packet(side, ACK | last, seq, (from, to));
    }
}

pub(super) fn run(bytes: &[u8]) {
    let Some((&[a, b, c, d], ops)) = bytes.split_first_chunk::<4>() else { return };
    in_proportion(bytes.len() * 40, || play(u32::from_be_bytes([a, b, c, d]), ops));
}

fn play(isn: u32, ops: &[u8]) {
    let mut play =
        Play { tracker: Tracker::default(), out: Out::default(), sent: PerSide::default(), now: 0, number: 0 };
    play.sent.client.isn = isn;
    play.sent.server.isn = isn.rotate_left(16) ^ 0x5555_5555;
    let (client, server) = (isn, play.sent.server.isn);
    play.packet(Side::Client, SYN, client, (0, 0));
    play.packet(Side::Server, SYN | ACK, server, (0, 0));
    play.packet(Side::Client, ACK, client.wrapping_add(1), (0, 0));
    for op in ops.chunks_exact(3).take(2_000) {
        let side = if op[0] & 0x80 == 0 { Side::Client } else { Side::Server };
        let (x, y) = (usize::from(op[1]), usize::from(op[2]));
        let sent = &mut play.sent[side];
        let next = sent.len;
        match op[0] & 7 {
            // The next bytes come, or are lost on the way.
            kind @ 0..=2 if !sent.fin && next + x + y < STREAM => {
                sent.len += x + y;
                if kind < 2 {
                    play.data(side, next, next + x + y);
                } else {
                    sent.came.resize(sent.len, false);
                    sent.lost.push((next, next + x + y));
                }
            }
            // What was lost is sent again.
            3 | 4 if !sent.lost.is_empty() => {
                let (from, to) = sent.lost.remove(x % sent.lost.len());
                play.data(side, from, to);
            }
            // Any of what was sent is sent again, cut anywhere.
            5 if next > 0 => {
                let from = (x << 8 | y) % next;
                let to = (from + 1 + x * 8).min(next);
                play.data(side, from, to);
            }
            // A pure acknowledgement.
            6 => {
                let seq = sent.isn.wrapping_add(1).wrapping_add(next as u32).wrapping_add(u32::from(sent.fin));
                play.packet(side, ACK, seq, (0, 0));
            }
            7 if x < 16 && !sent.fin => {
                sent.fin = true;
                play.data(side, next, next);
            }
            7 => play.now += i64::try_from(x * y).unwrap_or(0) * 100,
            _ => {}
        }
    }
    settle(play);
}

/// What came out is what came in.
fn settle(play: Play) {
    let Play { mut tracker, mut out, sent, now, number } = play;
    assert!(tracker.held() <= 2 * ((1 << 20) + 512 * 64), "docs/limits.md");
    let last = FrameRef::new(number + 1, number + 1, Timestamp((now + 1) * 1_000), 0);
    tracker.finish(last, &mut out);
    for side in [Side::Client, Side::Server] {
        let (sent, got) = (&sent[side], &out.0[side]);
        let reached = sent.came.iter().rposition(|came| *came).map_or(0, |at| at + 1);
        assert!(got.bytes.len() >= reached && got.bytes.len() <= sent.len, "{side}: all that came, and no more");
        if !tracker.summary.odd.reassembly_limit_reached {
            for (at, came) in sent.came.iter().enumerate().take(got.bytes.len()) {
                assert_eq!(got.bytes[at], *came, "{side} at {at}: a byte comes out if it came in");
            }
        }
        assert_eq!(got.ended, sent.fin, "{side}: the end");
    }
}
