//! Captures that are not to be trusted in everything: copies, drops, clocks that are set, damaged checksums, one side.
//!
//! What cannot hide the cause changes nothing; what can is said with the verdict.

use std::fs;

use crate::common::packets::Capture;
use crate::common::tape::{ACK, ETHERNET, Packet, SYN, Tape, filtered, mapped, read, snapped, write};
use crate::common::{Case, Told, analyse, cases};
use why502::causes::by_id;
use why502::diagnosis::{Confidence, Outcome, RestsOn};

fn tape_of(case: &Case) -> Tape {
    read(&fs::read(&case.path).unwrap())
}

fn told(tape: &[Packet]) -> Vec<Told> {
    analyse(&write(tape)).unwrap().0.connections
}

/// Every TCP packet once more, so many microseconds later.
fn copied(tape: &[Packet], after: u64, copy: impl Fn(&Packet) -> Vec<Packet>) -> Tape {
    let later = |c: Packet| Packet { micros: c.micros + after, ..c };
    let copies = tape.iter().filter(|p| p.is_tcp()).flat_map(copy).map(later);
    let mut all: Tape = tape.iter().cloned().chain(copies).collect();
    all.sort_by_key(|p| p.micros);
    all
}

/// As another port of a switch shows it: other addresses, a tag, one hop further.
fn routed(p: &Packet) -> Vec<Packet> {
    let mut p = p.clone();
    let hops = ETHERNET + if p.is_v6() { 7 } else { 8 };
    p.bytes[hops] -= 1;
    p.bytes[..12].rotate_left(3);
    p.bytes.splice(12..12, [0x81, 0, 0, 100]);
    p.wire += 4;
    vec![p]
}

/// As a card shows it that cuts segments up, or that has its checksums filled in.
fn cut_up(p: &Packet) -> Vec<Packet> {
    let mut p = p.clone();
    let checksum = p.tcp() + 16;
    p.bytes[checksum] ^= 0x5a;
    if p.payload() < 2 || p.bytes.len() < p.wire as usize { vec![p] } else { p.split().to_vec() }
}

#[test]
fn a_capture_that_has_every_packet_twice_tells_the_same() {
    let mut wrong = Vec::new();
    for case in cases() {
        let tape = tape_of(&case);
        for (how, tape) in [("IPv4", tape.clone()), ("IPv6", mapped(&tape))] {
            let before = told(&tape);
            let same = |p: &Packet| vec![p.clone()];
            for (what, twice) in [
                ("at once", copied(&tape, 0, same)),
                ("20 us later", copied(&tape, 20, same)),
                ("100 us later", copied(&tape, 100, same)),
                ("by another port", copied(&tape, 80, routed)),
                ("cut up", copied(&tape, 50, cut_up)),
            ] {
                let after = told(&twice);
                // Halves of what lies beyond a hole fill nothing, and are not told from what comes late.
                let troubles = |[again, late, shut]: [u32; 3]| [again, if what == "cut up" { 0 } else { late }, shut];
                let gist = |told: &[Told]| -> Vec<_> {
                    told.iter().map(|t| (t.outcome, t.findings.clone(), t.confidence, troubles(t.troubles))).collect()
                };
                if gist(&before) != gist(&after) {
                    wrong.push(format!("{}, {how} {what}:\n  {:?}\n  {:?}", case.name, gist(&before), gist(&after)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "copies change what is told:\n{}", wrong.join("\n"));
}

#[test]
fn copies_are_counted_and_packets_sent_again_are_not_copies() {
    let get = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let once = read(&Capture::new().open().edge(ACK, get).bytes());
    for (after, is_copy) in [(0, true), (900, true), (1_900, true), (2_100, false), (200_000, false)] {
        let mut twice = once.clone();
        let mut copy = once[3].clone();
        copy.micros += after;
        twice.push(copy);
        let (ear, _) = analyse(&write_raw(&twice)).unwrap();
        let problems: Vec<_> = ear.captures[0].problems.iter().map(|p| (&*p.kind, p.count)).collect();
        let sent_again = ear.connections[0].troubles[0];
        let expected = if is_copy { (vec![("duplicate-frames", 1)], 0) } else { (vec![], 1) };
        assert_eq!((problems, sent_again), expected, "{after} us later, no identification, no timestamp");
    }
}

/// A capture of raw IP.
fn write_raw(tape: &[Packet]) -> Vec<u8> {
    let mut pcap = write(tape);
    pcap[20] = 101;
    pcap
}

/// A pcapng file of one Ethernet interface, with what its statistics say: dropped by the interface, by the kernel.
fn pcapng(tape: &[Packet], (interface, kernel): (u64, u64)) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let len = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, &body, &len].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let mut file = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    file.extend(block(1, &words(&[1, 262_144])));
    for p in tape {
        let head = words(&[0, (p.micros >> 32) as u32, p.micros as u32, p.bytes.len() as u32, p.wire]);
        file.extend(block(6, &[&head[..], &p.bytes].concat()));
    }
    let option = |code: u16, value: u64| [&code.to_le_bytes()[..], &[8, 0], &value.to_le_bytes()].concat();
    let statistics = [words(&[0, 0, 0]), option(5, interface), option(7, kernel), words(&[0])].concat();
    file.extend(block(5, &statistics));
    file
}

#[test]
fn no_silence_is_certain_where_packets_were_dropped() {
    let mut silences = 0;
    for case in cases() {
        let tape = tape_of(&case);
        let before = analyse(&pcapng(&tape, (0, 0))).unwrap().0.connections;
        let (ear, _) = analyse(&pcapng(&tape, (3, 117))).unwrap();
        let dropped = &ear.captures[0].info.problems[..];
        let detail = dropped.iter().find(|p| p.kind.as_str() == "frames-dropped").map(|p| (p.count, p.detail.clone()));
        let (count, detail) = detail.unwrap();
        assert_eq!(count, 120);
        assert!(detail.contains("interface 0: 3 by the interface and 117 by the kernel"), "{detail}");
        for (before, after) in before.iter().zip(&ear.connections) {
            let silent = after.cause.and_then(by_id).is_some_and(|c| matches!(c.rests_on, RestsOn::Silence(_)));
            if silent && after.confidence == Some(Confidence::Likely) && before.confidence == Some(Confidence::Certain)
            {
                silences += 1;
                assert!(after.message.contains("lost 120 packets"), "{}", after.message);
                let limit = after.limits.iter().find(|(limit, _)| *limit == "frames-dropped").unwrap();
                assert!(limit.1.starts_with("whether "), "{}", limit.1);
            } else {
                assert_eq!(
                    (before.outcome, before.cause, before.confidence),
                    (after.outcome, after.cause, after.confidence)
                );
            }
            assert!(!silent || after.confidence != Some(Confidence::Certain), "{}: {after:?}", case.name);
        }
    }
    assert!(silences > 0, "some capture has a silence that is certain");
}

#[test]
fn no_silence_is_certain_where_the_capture_lacks_what_was_acknowledged() {
    let syn = |c: Capture| c.next().edge(SYN, b"");
    // A connection of which a packet is missing, beside one whose SYN is never answered.
    let holes = Capture::new().open().missed(30).origin(ACK, b"").edge(ACK, b"").later(1);
    let whole = Capture::new().open().edge(ACK, b"").later(1);
    for (capture, expected) in [(holes, Confidence::Likely), (whole, Confidence::Certain)] {
        let bytes = syn(capture).later(1).again(SYN).later(4).again(SYN).bytes();
        let told = analyse(&bytes).unwrap().0.connections;
        let silent = told.iter().find(|t| t.cause == Some("tcp.syn-unanswered")).unwrap();
        assert_eq!(silent.confidence, Some(expected), "{silent:?}");
    }
}

/// The clock is set before packet `i`.
fn set(tape: &[Packet], i: usize, seconds: i64) -> Tape {
    let shift = |(k, p): (usize, &Packet)| {
        let micros = if k < i { p.micros } else { p.micros.saturating_add_signed(seconds * 1_000_000) };
        Packet { micros, ..p.clone() }
    };
    tape.iter().enumerate().map(shift).collect()
}

#[test]
fn no_failure_rests_on_a_clock_that_was_set() {
    let mut wrong = Vec::new();
    for case in cases() {
        let tape = tape_of(&case);
        // What a duration explained stands for itself without it.
        let found = told(&tape).into_iter().flat_map(|t| t.findings);
        let before: Vec<_> = found.flat_map(|id| [&[id], by_id(id).unwrap().supersedes].concat()).collect();
        for i in (1..tape.len()).take(60) {
            for seconds in [-86_400, -3_600, -30, 3_600, 86_400] {
                for t in told(&set(&tape, i, seconds)) {
                    let crossed = (t.frames.0..t.frames.1).contains(&(i as u64));
                    let timed = t.cause.and_then(by_id).is_some_and(|c| c.rests_on != RestsOn::Bytes);
                    let known = t.cause.is_some_and(|cause| before.contains(&cause));
                    let failed = t.outcome == Outcome::Failed;
                    if failed && (!known || (crossed && timed)) {
                        wrong.push(format!("{}, {seconds} s before {}: {t:?}", case.name, i + 1));
                    }
                    let said = t.limits.iter().any(|(limit, _)| *limit == "clock-stepped");
                    assert!(said || !(crossed && timed), "{}: {t:?}", case.name);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the clock makes failures:\n{}", wrong.join("\n"));
}

#[test]
fn a_clock_that_jumps_ends_no_connection() {
    let get = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let hours = 5 * 3_600;
    for (what, capture) in [
        (
            "an attempt",
            Capture::new().edge(SYN, b"").later(hours).origin(SYN | ACK, b"").edge(ACK, b"").exchange(get, ok).close(),
        ),
        ("a request", Capture::new().open().edge(ACK, get).later(hours).origin(ACK, ok).close()),
        (
            "a response",
            Capture::new().open().edge(ACK, get).origin(ACK, &ok[..20]).later(hours).origin(ACK, &ok[20..]).close(),
        ),
    ] {
        let told = analyse(&capture.bytes()).unwrap().0.connections;
        let gist: Vec<_> = told.iter().map(|t| (t.outcome, t.cause)).collect();
        assert_eq!(gist, [(Outcome::Ok, None)], "{what}");
    }
}

#[test]
fn checksums_decide_nothing() {
    for case in cases() {
        let tape = tape_of(&case);
        let mut damaged = tape.clone();
        for p in damaged.iter_mut().filter(|p| p.is_tcp() && p.is_origins()) {
            let checksum = p.tcp() + 16;
            p.bytes[checksum] ^= 0x5a;
            if !p.is_v6() {
                p.bytes[ETHERNET + 10] ^= 0x5a;
            }
        }
        let gist = |t: Vec<Told>| t.into_iter().map(|t| (t.outcome, t.findings, t.confidence)).collect::<Vec<_>>();
        assert_eq!(gist(told(&tape)), gist(told(&damaged)), "{}", case.name);
    }
}

#[test]
fn a_damaged_syn_is_named() {
    let mut named = 0;
    for case in cases().iter().filter(|c| c.cause.as_deref() == Some("tcp.syn-unanswered")) {
        let mut tape = tape_of(case);
        assert!(!told(&tape)[0].message.contains("checksum"), "{}", case.name);
        for p in tape.iter_mut().filter(|p| p.is_tcp()) {
            let checksum = p.tcp() + 16;
            p.bytes[checksum] ^= 0x5a;
        }
        for t in told(&tape).iter().filter(|t| t.cause == Some("tcp.syn-unanswered")) {
            assert!(t.message.contains("checksum is wrong"), "{}", t.message);
            assert_eq!(t.confidence, Some(Confidence::Likely));
            named += 1;
        }
    }
    assert!(named > 0);
}

#[test]
fn headers_alone_tell_what_tcp_did() {
    // What a SYN over IPv6 has with all its options.
    // An edge that breaks off in the middle of its message is told by what the message says.
    for case in cases().iter().filter(|c| c.name.starts_with("tcp/") && !c.name.starts_with("tcp/edge-reset")) {
        // An ICMPv6 error quotes the ports beyond the first 96 bytes.
        let quoted_late = case.name.starts_with("tcp/icmp-rejected") && case.name.ends_with("ipv6");
        for len in [96, 128].into_iter().filter(|&len| len > 96 || !quoted_late) {
            let cause = case.cause.as_deref().unwrap();
            let told = told(&snapped(&tape_of(case), len));
            assert!(told.iter().any(|t| t.findings.contains(&cause)), "{} at {len}: {told:?}", case.name);
        }
    }
}

#[test]
fn one_direction_is_never_in_order() {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|c| c.cause.is_some()) {
        let tape = tape_of(case);
        for origins in [true, false] {
            let told = told(&filtered(&tape, |_, p| p.is_origins() == origins));
            // What the host sent cannot be missed where it may have sent nothing; but then that is said.
            let said = |t: &Told| t.limits.iter().any(|(limit, _)| *limit == "capture.one-sided");
            let deaf =
                |t: &Told| t.cause == Some("tcp.syn-unanswered") && said(t) && t.confidence < Some(Confidence::Certain);
            let other = |t: &Told| t.cause != case.cause.as_deref() && !case.also.contains(t.cause.unwrap());
            let bad = |t: &&Told| t.outcome == Outcome::Failed && other(t) && !deaf(t);
            for t in told.iter().filter(bad) {
                wrong.push(format!("{}, origin's {origins}: {t:?}", case.name));
            }
            if !told.is_empty() && told.iter().all(|t| t.outcome == Outcome::Ok) {
                wrong.push(format!("{}, origin's {origins}: all is well", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "one direction tells another story:\n{}", wrong.join("\n"));
}

#[test]
fn limits_say_what_they_block() {
    let get = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let bad = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno";
    let whole = Capture::new().open().exchange(get, bad).close().bytes();
    let tape = read(&whole);
    for (limit, blocks, from) in [
        ("capture.mid-stream", "what was asked and answered before that", 3),
        ("capture.one-sided", "what the edge said, and which end failed", 99),
    ] {
        let kept: Tape = match from {
            99 => tape.iter().filter(|p| p.bytes[12] == 10).cloned().collect(),
            _ => tape[from..].to_vec(),
        };
        let told = analyse(&write_raw(&kept)).unwrap().0.connections;
        assert!(told[0].limits.contains(&(limit, blocks.to_owned())), "{:?}", told[0]);
    }
    assert_eq!(analyse(&whole).unwrap().0.connections[0].limits, []);
}
