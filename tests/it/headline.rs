//! The headline where one fault shows in different pictures (contract, ruling 13).

use std::fs;

use crate::common::packets::Capture;
use crate::common::{analyse, root};
use why502::causes::{FAMILIES, by_id};

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

fn headline(capture: Capture) -> String {
    analyse(&capture.bytes()).unwrap().1.headline
}

/// A connection whose SYN nobody answers.
fn unanswered(capture: Capture) -> Capture {
    capture.next().edge(SYN, b"").later(4)
}

/// A request that is acknowledged and never answered.
fn unread(capture: Capture) -> Capture {
    capture.next().open().edge(ACK, GET).origin(ACK, b"").later(5).edge(RST | ACK, b"")
}

#[test]
fn every_picture_is_a_cause() {
    for family in FAMILIES.iter() {
        let fault = by_id(family.pictures[0].cause).unwrap();
        assert!(
            fault.family.is_some_and(|own| std::ptr::eq(own, *family)),
            "{}: not its own first picture",
            fault.id()
        );
        for cause in family.pictures.iter().map(|p| p.cause).chain(family.shown_by.iter().flatten().copied()) {
            assert!(by_id(cause).is_some(), "{}: {cause} is no cause", fault.id());
            assert!(family.pictures.iter().any(|p| p.cause == cause), "{}: {cause} is no picture", fault.id());
        }
    }
}

#[test]
fn pictures_of_one_fault_are_told_as_one() {
    let told = headline(unread(unanswered(unanswered(Capture::new()))));
    assert_eq!(
        told,
        "3 of 3 connections failed; all of them at 10.0.0.5:80 may point to one fault, an accept queue that is full \
         because the program does not accept (tcp.accept-queue-overflow): SYN never answered (2), acknowledged and never \
         answered (1)."
    );
}

#[test]
fn what_need_not_be_one_fault_is_told_apart() {
    let healthy = |c: Capture| c.next().healthy();
    let table = [
        ("one picture only", unanswered(healthy(unanswered(Capture::new())))),
        ("an hour between them", unread(unanswered(Capture::new()).later(3_600))),
        ("two servers", unread(unanswered(Capture::new()).server([10, 0, 0, 6]))),
    ];
    for (what, capture) in table {
        let told = headline(capture);
        assert!(!told.contains("one fault"), "{what}: {told}");
    }
}

#[test]
fn other_failures_are_counted_beside_it() {
    let refused = unread(unanswered(Capture::new())).next().refused();
    let told = headline(refused);
    assert!(told.starts_with("3 of 3 connections failed; 2 of them at 10.0.0.5:80 may point to one fault"), "{told}");
    assert!(told.ends_with("; also 1 tcp.port-closed."), "{told}");
    let first = unread(unread(unanswered(Capture::new())));
    let second = unread(unanswered(first.server([10, 0, 0, 6])));
    let told = headline(second);
    assert!(told.contains("3 of them at 10.0.0.5:80 may point to one fault"), "{told}");
    assert!(told.ends_with("; also 2 that may point to tcp.accept-queue-overflow at 10.0.0.6:80."), "{told}");
}

#[test]
fn a_real_queue_shows_its_four_pictures() {
    let capture = root().join("tcp/accept-queue-overflow/gunicorn-many-connections/capture.pcap");
    let told = analyse(&fs::read(capture).unwrap()).unwrap().1.headline;
    let pictures =
        ["data never acknowledged (", "SYN never answered (8)", "reset when established (", "never answered ("];
    for picture in pictures {
        assert!(told.contains(picture), "{picture}: {told}");
    }
    assert!(told.starts_with("29 of 29 connections failed; all of them at 10.0.0.5:80 point to one fault"), "{told}");
}
