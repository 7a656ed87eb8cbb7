//! Attempts at one request, and responses that were long in coming: what the summary says of them.

use crate::common::packets::Capture;
use crate::common::{Ear, analyse, analyse_case, cases};
use why502::report::{Retried, Summary};

const FIN_ACK: u8 = 17;

fn get(id: &str) -> Vec<u8> {
    format!("GET /cart?user=7 HTTP/1.1\r\nHost: a.example\r\nX-Amz-Cf-Id: {id}\r\n\r\n").into_bytes()
}

/// A connection whose only request is never answered.
fn fails(capture: Capture, id: &str) -> Capture {
    let asked = capture.open().edge(24, &get(id)).origin(16, b"");
    asked.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"").next()
}

/// One whose request gets this status.
fn answers(capture: Capture, id: &str, status: u16) -> Capture {
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
    let told = capture.open().exchange(&get(id), answer.as_bytes()).edge(16, b"");
    told.edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(16, b"").next()
}

fn summary(capture: Capture) -> Summary {
    let (_, summary): (Ear, Summary) = analyse(&capture.bytes()).unwrap();
    summary
}

#[test]
fn attempts_at_one_request_are_joined() {
    let new = Capture::new;
    // A response that breaks off, and is whole: an attempt that failed as well.
    let cut = |capture: Capture, id: &str| {
        let told = capture.open().exchange(&get(id), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").edge(16, b"");
        told.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"").next()
    };
    let elsewhere = |capture: Capture| capture.server([10, 0, 0, 6]);
    for (what, capture, failed, tried_again, answered) in [
        ("cut at the second attempt", cut(fails(new(), "a"), "a"), 1, 1, 0),
        ("answered by another server", answers(elsewhere(fails(new(), "a")), "a", 200), 1, 0, 0),
        ("once", fails(new(), "a"), 1, 0, 0),
        ("three times in vain", fails(fails(fails(new(), "a"), "a"), "a"), 1, 1, 0),
        ("answered at the second attempt", answers(fails(new(), "a"), "a", 200), 1, 1, 1),
        ("answered before, which is another attempt", fails(answers(new(), "a", 200), "a"), 1, 0, 0),
        ("an error at the second attempt", answers(fails(new(), "a"), "a", 503), 1, 1, 0),
        ("another request was answered", answers(fails(new(), "a"), "b", 200), 1, 0, 0),
        ("two of three", answers(answers(fails(fails(fails(new(), "a"), "b"), "c"), "b", 404), "c", 200), 3, 2, 2),
    ] {
        let told = summary(capture).retried;
        assert_eq!(told, Retried { failed, tried_again, answered }, "{what}");
        let saw_none = told.in_words().is_some_and(|words| words.contains("saw no error"));
        assert_eq!(saw_none, answered > 0, "{what}");
    }
}

#[test]
fn an_answer_counts_on_a_connection_that_fails_later() {
    let good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let again = fails(Capture::new(), "a").open().exchange(&get("a"), good).edge(24, &get("b")).origin(16, b"");
    let told = summary(again.origin(FIN_ACK, b"").edge(FIN_ACK, b"").origin(16, b"")).retried;
    assert_eq!(told, Retried { failed: 2, tried_again: 1, answered: 1 });
}

#[test]
fn attempts_are_joined_in_whatever_order_they_are_told() {
    // Beside many that are open, one whose last FIN was not acknowledged is waited for longer than one that was closed in
    // order after it.
    let others = |capture, count| (0..count).fold(capture, |capture: Capture, _| capture.open().next());
    let crowd = || others(Capture::new(), 2_000);
    let lingers = |capture: Capture| {
        let asked = capture.open().edge(24, &get("a")).origin(16, b"");
        asked.origin(FIN_ACK, b"").edge(FIN_ACK, b"").next()
    };
    // Packets are a millisecond apart: these come between the two.
    let end = |capture: Capture| summary(others(capture, 40).later(1).open());
    let told = end(answers(lingers(crowd()), "a", 200));
    assert_eq!(told.retried, Retried { failed: 1, tried_again: 1, answered: 1 });
    let told = end(fails(lingers(crowd()), "a"));
    assert_eq!(told.retried, Retried { failed: 1, tried_again: 1, answered: 0 });
    assert!(told.headline.contains("one was a repeated attempt at the same request"), "{}", told.headline);
    let told = end(lingers(answers(crowd(), "a", 200)));
    assert_eq!(told.retried, Retried { failed: 1, tried_again: 0, answered: 0 });
}

#[test]
fn the_headline_counts_attempts_as_the_note_does() {
    let new = Capture::new;
    let elsewhere = |capture: Capture| capture.server([10, 0, 0, 6]);
    for (what, capture, said) in [
        ("once each", fails(fails(new(), "a"), "b"), ""),
        ("twice", fails(fails(new(), "a"), "a"), "; one was a repeated attempt at the same request"),
        ("three times", fails(fails(fails(new(), "a"), "a"), "a"), "; 2 were repeated attempts at the same request"),
        // Captured before and after its destination was changed: one attempt, seen twice.
        ("at another server", fails(elsewhere(fails(new(), "a")), "a"), ""),
    ] {
        let told = summary(capture);
        let headline = told.headline;
        assert!(headline.contains(said) && headline.contains("repeated") != said.is_empty(), "{what}: {headline}");
        assert_eq!(told.retried.in_words().is_some(), !said.is_empty(), "{what}");
    }
}

#[test]
fn slow_targets_are_named_without_their_queries() {
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let slow = |capture: Capture, seconds| {
        let told = capture.open().edge(24, &get("a")).origin(16, b"").later(seconds).origin(24, ok).edge(16, b"");
        told.edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(16, b"").next()
    };
    let told = summary(answers(slow(slow(Capture::new(), 4), 9), "b", 200)).slow_targets;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].target.as_str(), told[0].responses, told[0].unanswered), ("GET /cart", 2, 0));
    assert_eq!((told[0].slowest.0 / 1_000_000, told[0].example.0), (9, 2));
}

#[test]
fn an_upload_is_not_the_applications_time() {
    let ask = b"POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nab";
    let sent = Capture::new().open().edge(24, ask).origin(16, b"").later(9).edge(24, b"cd");
    let told = sent.origin(24, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").edge(16, b"");
    assert!(summary(told.edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(16, b"")).slow_targets.is_empty());
}

#[test]
fn what_is_missing_was_not_waited_for() {
    // The rest of the request may have come just before the response.
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let asked = Capture::new().open().edge(24, &get("a")).missed(100).later(9).origin(24, ok).edge(16, b"");
    let told = summary(asked.edge(FIN_ACK, b"").origin(FIN_ACK, b"").edge(16, b"")).slow_targets;
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_response_that_never_came_is_slow() {
    let case = cases().into_iter().find(|c| c.cause.as_deref() == Some("http.response-timeout")).unwrap();
    let told = analyse_case(&case).unwrap().1.slow_targets;
    assert_eq!((told.len(), told[0].unanswered), (1, 1), "{}: {told:?}", case.name);
}
