//! One connection, told segment by segment.

use super::*;
use crate::base::{Endpoint, FrameRef, SeqNumber, Side, Timestamp};
use crate::ip::{IcmpError, IcmpKind, TcpFlags, TcpOptions, TcpSegment};
use crate::link::Encapsulation;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// What came out: bytes as text, holes as `<3 NotCaptured>`, ends as `.` and `!`.
#[derive(Default)]
struct Heard {
    client: String,
    server: String,
}

impl Heard {
    fn of(&mut self, side: Side) -> &mut String {
        if side == Side::Client { &mut self.client } else { &mut self.server }
    }
}

impl Stream for Heard {
    fn data(&mut self, from: Side, bytes: &[u8], _: FrameRef) {
        self.of(from).push_str(std::str::from_utf8(bytes).unwrap());
    }

    fn gap(&mut self, from: Side, len: u64, why: Missing, _: FrameRef) {
        self.of(from).push_str(&format!("<{len} {why:?}>"));
    }

    fn end(&mut self, from: Side, how: End, _: FrameRef) {
        self.of(from).push(if how == End::Fin { '.' } else { '!' });
    }
}

/// A segment: who, flags, sequence and acknowledgement relative to the side's initial number, payload, bytes on the wire.
#[derive(Debug, Clone, Copy)]
struct Told(Side, u8, i64, i64, &'static str, u32);

use Side::{Client as C, Server as S};

const fn told(side: Side, flags: u8, seq: i64, ack: i64, payload: &'static str) -> Told {
    Told(side, flags, seq, ack, payload, payload.len() as u32)
}

/// SYN, SYN-ACK, ACK.
const OPEN: [Told; 3] = [told(C, SYN, 0, 0, ""), told(S, SYN | ACK, 0, 1, ""), told(C, ACK, 1, 1, "")];

/// Initial numbers such that both streams wrap within the first bytes.
const ISN: (u32, u32) = (u32::MAX - 3, u32::MAX - 1);

/// Plays the segments a millisecond apart.
fn play(segments: &[Told]) -> (Summary, Heard) {
    play_every(1, segments)
}

/// Plays with so many milliseconds between the segments.
fn play_every(millis: i64, segments: &[Told]) -> (Summary, Heard) {
    let mut tracker = Tracker::default();
    let mut heard = Heard::default();
    let mut last = frame(0);
    for (n, told) in (0..).zip(segments) {
        last = frame(n);
        last.time = frame(n * millis).time;
        tracker.segment(told.0, &segment(told, n as u16), last, &mut heard);
    }
    tracker.finish(last, &mut heard);
    (*tracker.summary, heard)
}

fn frame(n: i64) -> FrameRef {
    FrameRef::new(n as u64, n as u64 + 1, Timestamp(n * 1_000_000), 0)
}

fn segment<'a>(&Told(side, flags, seq, ack, payload, len): &Told, n: u16) -> TcpSegment<'a> {
    let end = |port| Endpoint { ip: [10, 0, 0, 1].into(), port };
    let ((source, own), (destination, other)) = match side {
        C => ((end(40_000), ISN.0), (end(443), ISN.1)),
        S => ((end(443), ISN.1), (end(40_000), ISN.0)),
    };
    TcpSegment {
        source,
        destination,
        seq: SeqNumber(own.wrapping_add(seq as u32)),
        ack: SeqNumber(if flags & ACK > 0 { other.wrapping_add(ack as u32) } else { 0 }),
        flags: TcpFlags(flags),
        window: 1_000,
        option_bytes: &[],
        options: TcpOptions::default(),
        payload: payload.as_bytes(),
        payload_len: len,
        ip_id: Some(n + 1),
        ttl: 64,
        encapsulation: Encapsulation::default(),
    }
}

#[test]
fn bytes_come_out_once_and_in_order() {
    // After the three opening segments: what is played, and what is heard of the client.
    let cases: [(&str, &[Told], &str); 13] = [
        ("in order", &[told(C, ACK, 1, 1, "abc"), told(C, ACK, 4, 1, "def")], "abcdef"),
        ("reordered", &[told(C, ACK, 4, 1, "def"), told(C, ACK, 1, 1, "abc")], "abcdef"),
        ("sent again", &[told(C, ACK, 1, 1, "abc"), told(C, ACK, 1, 1, "abc")], "abc"),
        ("sent again with more", &[told(C, ACK, 1, 1, "abc"), told(C, ACK, 2, 1, "bcdef")], "abcdef"),
        ("first copy wins", &[told(C, ACK, 3, 1, "cd"), told(C, ACK, 1, 1, "abXY")], "abXY"),
        ("FIN", &[told(C, ACK | FIN, 1, 1, "abc")], "abc."),
        ("FIN before its data", &[told(C, ACK | FIN, 4, 1, "def"), told(C, ACK, 1, 1, "abc")], "abcdef."),
        ("RST", &[told(C, ACK, 1, 1, "abc"), told(C, RST, 4, 0, "")], "abc!"),
        (
            "a hole that was acknowledged",
            &[told(C, ACK, 1, 1, "abc"), told(S, ACK, 1, 7, ""), told(C, ACK, 7, 1, "ghi")],
            "abc<3 NotCaptured>ghi",
        ),
        ("a hole that was not", &[told(C, ACK, 4, 1, "def")], "<3 NotAcknowledged>def"),
        ("cut by the snap length", &[Told(C, ACK, 1, 1, "abc", 5), told(C, ACK, 6, 1, "f")], "abc<2 CutShort>f"),
        ("nothing after an acknowledged byte", &[told(S, ACK, 1, 4, "")], "<3 NotCaptured>"),
        ("a byte from far away", &[told(C, ACK, 1, 1, "a"), told(C, ACK, 0x5000_0000, 1, "x")], "a"),
    ];
    for (name, segments, expected) in cases {
        let (_, heard) = play(&[&OPEN, segments].concat());
        assert_eq!(heard.client, expected, "{name}");
    }
}

#[test]
fn every_order_of_the_segments_gives_the_same_stream() {
    let data =
        [told(C, ACK, 1, 1, "ab"), told(C, ACK, 3, 1, "cde"), told(C, ACK, 6, 1, "f"), told(C, ACK | FIN, 7, 1, "g")];
    for order in 0..24 {
        let mut left = data.to_vec();
        let mut n = order;
        let shuffled: Vec<_> = (1..=4)
            .rev()
            .map(|of| {
                let i = n % of;
                n /= of;
                left.remove(i)
            })
            .collect();
        let (summary, heard) = play(&[&OPEN, &shuffled[..]].concat());
        assert_eq!((heard.client.as_str(), summary.odd.not_acknowledged.client), ("abcdefg.", 0), "order {order}");
    }
}

#[test]
fn the_account_of_a_connection_adds_up() {
    let probe = told(S, ACK, 3, 4, "");
    let all = [
        told(C, ACK, 1, 1, "abc"),
        told(S, ACK, 1, 4, "xyz"),
        told(C, ACK, 4, 4, ""),
        probe,
        told(C, ACK, 1, 4, "abc"),
        told(S, ACK | FIN, 4, 4, ""),
        told(C, ACK | FIN, 4, 5, ""),
    ];
    let (s, heard) = play(&[&OPEN[..], &all].concat());
    assert_eq!((heard.client.as_str(), heard.server.as_str()), ("abc.", "xyz."));
    assert_eq!((s.streams.stream_bytes.client, s.streams.stream_bytes.server), (3, 3));
    assert_eq!((s.streams.acknowledged.client, s.streams.acknowledged.server), (3, 3));
    assert_eq!((s.odd.keep_alives.server, s.odd.retransmissions.client), (1, 1));
    assert_eq!((s.odd.not_captured.client, s.odd.not_captured.server), (0, 0));
    assert_eq!(s.end.closer.map(|c| (c.side, c.how)), Some((S, End::Fin)));
    assert_eq!((s.state.to_string(), s.history.to_string()), ("SF".to_owned(), "ShADdaTfF".to_owned()));
    assert_eq!(s.handshake_rtt().map(|rtt| rtt.0), Some(2_000));
}

#[test]
fn a_stall_is_what_was_sent_again_and_never_acknowledged() {
    let small = [told(S, ACK, 1, 1, "ab"), told(C, ACK, 1, 3, "")];
    let (large, again) = (told(S, ACK, 3, 1, "cdefgh"), told(S, ACK, 3, 1, "cdef"));
    let asked = told(C, ACK, 1, 3, "");
    // What follows the small packet; then how often the large one was sent again, its length, how often it was asked for.
    let cases: [(&[Told], _); 6] = [
        (&[large], None),
        (&[large, asked], None),
        (&[large, large, again], Some((2, 4, 0))),
        (&[large, asked, large, asked, told(C, ACK | FIN, 1, 3, "")], Some((1, 6, 1))),
        (&[large, large, told(C, ACK, 1, 9, "")], None),
        // Something else is sent again: the last packet, to see whether anything arrives.
        (&[large, told(S, ACK, 9, 1, "i"), told(S, ACK, 9, 1, "i")], None),
    ];
    for (after, expected) in cases {
        let (s, _) = play_every(200, &[&OPEN[..], &small, after].concat());
        assert_eq!(s.stall(S).map(|stall| (stall.times, stall.len, stall.asked)), expected, "{after:?}");
        let delivered = s.streams.acknowledged.server == 8;
        assert_eq!(s.streams.largest_acknowledged.server, if delivered { 6 } else { 2 }, "{after:?}");
        assert_eq!(s.streams.last_progress.server.map(|f| f.frame), Some(if delivered { 8 } else { 5 }));
    }
}

#[test]
fn an_icmp_error_is_believed_where_it_quotes_what_is_under_way() {
    let half_open = &OPEN[..2];
    let sent = [&OPEN[..], &[told(S, ACK, 1, 1, "abc"), told(C, ACK, 1, 3, "")]].concat();
    // What came before; whose packet is quoted, and the number of its first byte.
    for (before, about, seq, believed) in [
        (&OPEN[..1], C, 0, true),
        (&OPEN[..1], C, 1, true),
        (&OPEN[..1], C, 7, false),
        (&OPEN[..1], S, 0, false),
        (half_open, C, 0, false),
        (half_open, S, 0, true),
        (&OPEN, S, 0, false),
        (&sent, S, 1, false),
        (&sent, S, 3, true),
        (&sent, S, 4, true),
        (&sent, S, 5, false),
    ] {
        let mut tracker = Tracker::default();
        for (n, told) in (0..).zip(before) {
            tracker.segment(told.0, &segment(told, n as u16), frame(n), &mut Heard::default());
        }
        let quoted = segment(&told(about, ACK, seq, 0, ""), 0);
        let error = IcmpError {
            sender: [10, 0, 0, 9].into(),
            about: (quoted.source, quoted.destination),
            seq: quoted.seq,
            kind: IcmpKind::PortUnreachable,
            icmp_type: 3,
            code: 3,
            mtu: None,
        };
        assert_eq!(tracker.icmp(about, &error, frame(9)), believed, "{before:?} {about} {seq}");
        for n in 0..100 {
            tracker.icmp(about, &error, frame(10 + n));
        }
        tracker.finish(frame(9), &mut Heard::default());
        let icmp = &tracker.summary.odd.icmp;
        let expected = if believed { (16, 101) } else { (0, 0) };
        assert_eq!((icmp.about(about).count(), icmp.total), expected, "{before:?} {about} {seq}");
    }
}

#[test]
fn a_reset_without_effect_does_not_close() {
    let all = [told(C, ACK, 1, 1, "ab"), told(C, RST, 3, 0, ""), told(C, ACK, 3, 1, "cd")];
    let (s, heard) = play(&[&OPEN[..], &all].concat());
    assert_eq!(heard.client, "ab!cd");
    assert!(s.end.rst.client.is_some() && s.end.closer.is_none());
}

#[test]
fn a_syn_with_another_number_opens_another_connection() {
    let mut tracker = Tracker::default();
    let mut heard = Heard::default();
    for (n, told) in (0..).zip(&OPEN) {
        tracker.segment(told.0, &segment(told, n as u16), frame(n), &mut heard);
    }
    for (told, is_new) in [
        (told(C, SYN, 0, 0, ""), false),
        (told(C, SYN, 77, 0, ""), true),
        (told(C, ACK, 1, 1, ""), false),
        (told(S, SYN | ACK, 99, 1, ""), false),
    ] {
        assert_eq!(is_new_connection(&tracker, told.0, &segment(&told, 9)), is_new);
    }
}

#[test]
fn short_memory_gives_up_holes() {
    let mut tracker = Tracker::default();
    let mut heard = Heard::default();
    let ahead = [told(C, ACK, 4, 1, "def"), told(C, ACK, 10, 1, "jkl")];
    for (n, told) in (0..).zip(OPEN.iter().chain(&ahead)) {
        tracker.segment(told.0, &segment(told, n as u16), frame(n), &mut heard);
    }
    assert!(tracker.held() > 6);
    tracker.make_room(frame(9), &mut heard);
    assert_eq!((tracker.held(), heard.client.as_str()), (0, "<3 NotAcknowledged>def<3 NotAcknowledged>jkl"));
    tracker.finish(frame(9), &mut heard);
    assert!(tracker.summary.odd.reassembly_limit_reached);
}

#[test]
fn a_refusal_is_told_by_its_numbers() {
    // The server's stream begins two below 0, so that relative number 2 is the number 0 on the wire.
    for (rst, refuses) in [
        (told(S, RST | ACK, 2, 1, ""), true),
        (told(S, RST | ACK, 1, 1, ""), false),
        (told(S, RST, 2, 0, ""), false),
        (told(C, RST | ACK, 2, 1, ""), false),
    ] {
        let (summary, _) = play(&[OPEN[0], rst]);
        assert_eq!(summary.end.refusal.is_some(), refuses);
    }
}
