//! Rows of errors on a host with more requests than are compared with one row.

use std::net::IpAddr;

use crate::base::{Endpoint, Micros, Timestamp};
use crate::diagnosis::Outcome;
use crate::observation::Role;

use super::row::{Row, Vantage};
use super::seen::{Kind, Seen, Verdict, Watched, path_number};
use super::{Answer, Gathered, Known, join};

/// More than are looked at.
const MANY: i64 = 5_000;

/// What is said of rows that were not all compared.
const TOO_MANY: &str = "these are more rows and requests than could be compared with each other";

/// Milliseconds after the time of the rows.
fn at(ms: i64) -> Timestamp {
    Timestamp(0).plus(Micros::from_millis(1_000_000 + ms))
}

/// An exchange in order of these milliseconds.
fn exchange(target: &str, (start, end): (i64, i64)) -> Seen {
    let here = |last: u8, port| Endpoint { ip: IpAddr::from([10, 0, 0, last]), port };
    Seen {
        kind: Kind::Exchange,
        connection: 0,
        exchange: None,
        capture: 0,
        frames: (1, 2),
        start: at(start),
        end: at(end),
        client: here(1, 40_000),
        server: here(5, 80),
        role: Role::Edge,
        id: None,
        method: "GET".into(),
        target: target.into(),
        status: 200,
        verdict: Verdict { outcome: Outcome::Ok, cause: None, confidence: None },
        path: path_number(target),
    }
}

/// The same with an error.
fn failure(target: &str, times: (i64, i64)) -> Seen {
    Seen { status: 502, ..exchange(target, times) }
}

/// So many in the two minutes before the rows, one after the other, and long over.
fn before(seen: impl Fn(i64) -> Seen) -> Vec<Seen> {
    let each = |i| {
        let (start, seen) = (i * 15 - 100_000, seen(i));
        Seen { start: at(start), end: at(start + 10), ..seen }
    };
    (0..MANY).map(each).collect()
}

/// A row of CloudFront's, of a request that ended then and took so long.
fn row(target: &str, (time, taken): (i64, i64)) -> Row {
    let row = Row::new(at(time), Micros::from_millis(1), 502);
    Row { method: "GET".into(), target: target.into(), taken: Some(Micros::from_millis(taken)), ..row }
}

/// Each answer in a word, by the order of the rows, with the connection of the first exchange.
fn answers(seen: Vec<Seen>, mut rows: Vec<Row>) -> Vec<String> {
    let mut watched = Watched::default();
    watched.seen = seen;
    for (line, row) in (1..).zip(&mut rows) {
        row.line = line;
    }
    let known = Known { spans: vec![(at(-500_000), at(500_000))], incomplete: false };
    let mut told = join(watched, Gathered { rows, ..Gathered::default() }, &known).rows;
    told.sort_by_key(|answered| answered.row.line);
    let word = |answer: Answer| match answer {
        Answer::Joined(joined) => format!("joined {}", joined.seen[0].connection),
        Answer::NeverReached(_) => "never".to_owned(),
        Answer::NotCovered => "not covered".to_owned(),
        Answer::Undecided(why, connections) if connections.is_empty() => why,
        Answer::Undecided(..) => "dark".to_owned(),
    };
    told.into_iter().map(|answered| word(answered.answer)).collect()
}

#[test]
fn requests_that_cannot_be_the_one_of_a_row_do_not_crowd_it_out() {
    let never = || vec![row("/never", (0, 0))];
    assert_eq!(answers(before(|i| exchange(&format!("/{i}"), (0, 0))), never()), ["never"], "other paths");
    let post = |_| Seen { method: "POST".into(), ..exchange("/never", (0, 0)) };
    assert_eq!(answers(before(post), vec![row("/never", (0, 200_000))]), ["never"], "another method");
    assert_eq!(answers(before(|_| exchange("/never", (0, 0))), never()), ["never"], "all over before");
    // Where rows are known by their identifiers, whatever has another one is another request.
    let named = |id: &str, row: Row| Row { id: Some(id.into()), ..row };
    let mut seen = before(|i| Seen { id: Some(i.to_string().into()), ..exchange("/never", (0, 0)) });
    seen.push(Seen { id: Some("a".into()), connection: 7, ..failure("/x", (-5, 0)) });
    let rows = vec![named("a", row("/x", (0, 5))), named("b", row("/never", (0, 200_000)))];
    assert_eq!(answers(seen, rows), ["joined 7", "never"], "other identifiers");
}

#[test]
fn connections_that_cannot_be_read_hide_only_what_may_be_theirs() {
    let hidden = |times| Seen { kind: Kind::Hidden, status: 0, method: "".into(), path: 0, ..exchange("", times) };
    let short = before(|_| hidden((0, 0)));
    let edge = exchange("/x", (-99_000, -98_000));
    for (role, expected) in [(Role::Edge, "dark"), (Role::Other, "never")] {
        let mut seen = short.clone();
        seen.extend([Seen { role, ..hidden((-110_000, 100_000)) }, edge.clone()]);
        assert_eq!(answers(seen, vec![row("/never", (0, 0))]), [expected], "{role:?}");
    }
    // Of those that have nothing to do with the edge, any number may be open.
    let mut open: Vec<Seen> = (0..MANY).map(|i| Seen { role: Role::Other, ..hidden((i - 90_000, 100_000)) }).collect();
    open.push(edge);
    assert_eq!(answers(open, vec![row("/never", (0, 0))]), ["never"]);
}

#[test]
fn the_nearest_requests_are_looked_at_and_a_row_in_none_of_them_is_undecided() {
    let near = ["more requests were under way then than are compared with one row, and it is in none of those"];
    // Answers that came after the row was written are none of its own.
    let late = (0..MANY).map(|i| exchange("/a", (i / 5 - 1_000, 100_000)));
    assert_eq!(answers(late.collect(), vec![row("/a", (0, 0))]), near);
    // Of what was under way with it, only what failed may be shared.
    let shared = || (0..MANY).map(|i| Seen { id: Some("c".into()), ..failure("/a", (i - 50_000, -10_000)) });
    let named = |id: &str, row: Row| Row { id: Some(id.into()), ..row };
    let rows = vec![named("a", row("/x", (0, 5))), named("b", row("/a", (-20_000, 5_000)))];
    let seen = |other: Seen| shared().chain([other]).collect();
    let x = Seen { id: Some("a".into()), connection: 7, ..failure("/x", (-5, 0)) };
    assert_eq!(answers(seen(x), rows), ["joined 7", near[0]]);
    // The web server's own row says when its request came or when it was over.
    let long = (0..MANY).map(|i| exchange("/a", (i - 50_000, 100_000)));
    let seen = long.chain([Seen { connection: 7, ..failure("/a", (-20, -1)) }]).collect();
    assert_eq!(answers(seen, vec![Row { vantage: Vantage::Host, ..row("/a", (0, 19)) }]), ["joined 7"]);
    // Whatever the edge puts before the path.
    let behind = (0..MANY).map(|i| exchange(&format!("/{i}/a"), (i / 5 - 50_000, 100_000)));
    let seen = behind.chain([Seen { connection: 7, ..failure("/v1/a", (-48_900, -1)) }]).collect();
    assert_eq!(answers(seen, vec![row("/a", (0, 48_900))]), ["joined 7"]);
}

#[test]
fn rows_that_were_not_weighed_are_undecided_and_those_that_were_are_not() {
    let mut seen: Vec<Seen> = (0..3_840).map(|i| failure("/v1/cart", (i / 1_000, 1_000))).collect();
    seen.push(Seen { connection: 7, ..failure("/one", (-1_500, -1_400)) });
    seen.push(failure("/late", (-10_000, 5_000)));
    // Two rows that only one exchange fits, of which the other was not under way with it.
    let mut rows = vec![row("/one", (0, 0)), row("/one", (100, 0))];
    rows.extend((0..300).map(|_| row("/cart", (0, 0))));
    // Of these, the second one began after the exchange had: it may only share it.
    rows.extend([row("/late", (5_000, 15_000)), row("/late", (5_000, 3_000)), row("/never", (0, 0))]);
    let told = answers(seen, rows);
    assert_eq!(told[..2], ["joined 7", "never"]);
    assert_eq!(told[302..], [TOO_MANY, TOO_MANY, "never"]);
}

#[test]
fn rows_of_which_too_much_was_to_be_looked_at_are_undecided() {
    let late = (0..MANY).map(|i| exchange("/a", (i / 5 - 1_000, 100_000)));
    let told = answers(late.collect(), vec![row("/a", (0, 0)); 9_000]);
    assert!(told.len() == 9_000 && told.iter().all(|told| told == TOO_MANY), "{:?}", told.first());
}
