//! Everything has a bound.

use super::Event::{C, S};
use super::*;

const ROUNDS: usize = 2_000;
const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

fn feed(events: &[Event<'_>]) -> Transcript {
    let mut observer = Observer::new();
    play(&mut observer, events, &|_, b| vec![b.to_vec()]);
    observer.finish()
}

#[test]
fn an_idle_observer_is_small() {
    assert_eq!(size_of::<Observer>(), size_of::<usize>());
    assert_eq!(Observer::new().finish(), Transcript::default());
}

/// Hundreds of them are kept of each connection while it is open.
#[test]
fn what_is_kept_of_an_exchange_is_small() {
    assert!(size_of::<Exchange>() <= 512, "{}", size_of::<Exchange>());
}

#[test]
fn of_many_exchanges_the_notable_stay() {
    let mut observer = Observer::new();
    for n in 0..2_000 {
        let status = if n % 100 == 50 { "502 Bad Gateway" } else { "200 OK" };
        observer.data(Side::Client, GET, frame(n));
        observer.data(Side::Server, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes(), frame(n));
    }
    let t = observer.finish();
    assert_eq!((t.total, t.exchanges.len()), (2_000, MAX_FIRST + MAX_LAST + 18));
    assert!(t.exchanges.iter().is_sorted_by_key(|e| e.index));
    assert_eq!(t.exchanges.iter().filter(|e| e.response.as_ref().unwrap().status == 502).count(), 20);
}

#[test]
fn a_head_may_be_of_any_size() {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for n in 0..5_000 {
        answer.extend_from_slice(format!("X-{n}: {n}\r\n").as_bytes());
    }
    answer.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    let t = feed(&[C(GET), S(&answer), C(GET)]);
    let response = t.exchanges.first().unwrap().response.as_ref().unwrap();
    assert_eq!(response.header_bytes, answer.len() as u64);
    assert!(response.complete);
    let fault = response.extra.fault.as_ref().unwrap();
    assert_eq!((fault.kind, fault.offset), (FaultKind::HeadersTooLarge, EDGE_HEAD_LIMIT));
    // A single line does it as well, before its end is seen.
    let t = feed(&[C(GET), S(b"HTTP/1.1 200 OK\r\nX: "), S(&[b'x'; 40_000])]);
    assert_eq!(t.exchanges.first().unwrap().response.as_ref().unwrap().extra.fault.as_ref().unwrap().frame, frame(3));
}

#[test]
fn a_target_is_cut() {
    let ask = [b"GET /", &[b'a'; 20_000][..], b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
    for cut in [ask.len(), 1, 7_000] {
        let mut observer = Observer::new();
        ask.chunks(cut).for_each(|b| {
            observer.data(Side::Client, b, frame(1));
        });
        let t = observer.finish();
        let request = t.exchanges.first().unwrap().request.as_ref().unwrap();
        assert_eq!((request.target.len(), request.target_truncated), (MAX_TARGET, true));
        assert_eq!((request.host.as_deref(), request.complete), (Some("h"), true));
    }
}

#[test]
fn unanswered_requests_are_bounded() {
    let mut observer = Observer::new();
    for n in 0..MAX_PENDING + 200 {
        observer.data(Side::Client, GET, frame(n));
    }
    assert_eq!(observer.awaiting(), MAX_PENDING);
    let t = observer.finish();
    assert_eq!(t.total, MAX_PENDING as u64 + 200);
    assert!(t.exchanges.len() <= MAX_FIRST + MAX_LAST + MAX_NOTABLE);
}

#[test]
fn no_bytes_can_break_it() {
    // A small generator is enough: the words of the protocol in any order, cut anywhere.
    let words: [&[u8]; 18] = [
        b"HTTP/1.1 ",
        b"200 OK",
        b"\r\n",
        b"\n",
        b"\r",
        b"GET ",
        b"/ ",
        b"Content-Length: ",
        b"5",
        b"0",
        b":",
        b" ",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n\r\n",
        b"100",
        b"101 ",
        b"\x00",
        b"fffffffffffffff",
    ];
    let mut seed = 7_u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for round in 0..3_000 {
        let new = if round % 3 == 0 { Observer::mid_stream } else { Observer::new };
        let mut observer = new();
        for n in 0..60 {
            let side = if next(2) == 0 { Side::Client } else { Side::Server };
            match next(20) {
                0 => observer.gap(side, next(9) as u64, frame(n)),
                1 => observer.end(side, frame(n), if next(2) == 0 { End::Fin } else { End::Rst }),
                2 => {
                    observer.data(Side::Client, GET, frame(n));
                }
                3 => {
                    observer.data(Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", frame(n));
                }
                _ => {
                    observer.data(side, words[next(words.len())], frame(n / 3));
                }
            }
        }
        let _ = observer.finish();
    }
}

#[test]
fn cuts_do_not_matter_in_nonsense_either() {
    let words: [&[u8]; 18] = [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 ",
        b"HTT",
        b"200 OK",
        b"\r\n",
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"Content-Length: 5\r\n\r\n",
        b"Content-Length: 0\r\n\r\n",
        b"hello",
        b"x",
        b":",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"\x15\x03",
    ];
    let mut seed = 11_u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for _ in 0..ROUNDS {
        let pieces: Vec<(usize, Vec<u8>)> = (0..8)
            .map(|_| (next(9), (0..=next(6)).flat_map(|_| words[next(words.len())].iter().copied()).collect()))
            .collect();
        let events: Vec<Event<'_>> = pieces
            .iter()
            .map(|(kind, bytes)| match kind {
                0 => Event::LostS(3),
                1 => Event::LostC(3),
                2..5 => C(bytes),
                _ => S(bytes),
            })
            .collect();
        // What a segment begins with must be there to be recognised: the first piece is not shorter than `HTTP/1.`.
        let read = |size: usize| {
            let mut observer = Observer::new();
            let cut = |_: usize, b: &[u8]| {
                let (first, rest) = b.split_at(b.len().min(7));
                [first].into_iter().chain(rest.chunks(size)).map(<[u8]>::to_vec).collect()
            };
            play(&mut observer, &events, &cut);
            observer.finish()
        };
        let whole = read(usize::MAX);
        for size in [1, 3, 10] {
            assert_eq!(super::words(&read(size)), super::words(&whole), "in pieces of {size}");
            assert_eq!(read(size), whole);
        }
    }
}

/// A head that httparse takes as well-formed is read without fault, and to the same words.
#[test]
fn httparse_agrees() {
    let heads: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/plain\r\nLocation: /x\r\n\r\n",
        b"HTTP/1.0 404 Not Found\r\nServer:\tApache/2.4.71 (Debian) \r\n\r\n",
        b"HTTP/1.1 599 \r\n\r\n",
        b"HTTP/1.1 200\r\nX-!#$%&'*+-.^_`|~: y\r\n\r\n",
        b"HTTP/1.1 302 caf\xc3\xa9\r\nServer: a\xff\r\n\r\n",
    ];
    for head in heads {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut theirs = httparse::Response::new(&mut fields);
        assert!(theirs.parse(head).unwrap().is_complete());
        let t = feed(&[C(GET), S(head)]);
        let ours = t.exchanges.first().unwrap().response.as_ref().unwrap();
        assert_eq!((Some(ours.status), &ours.extra.fault, ours.head_complete), (theirs.code, &None, true));
        let server = theirs.headers.iter().find(|h| h.name == "Server").map(|h| String::from_utf8_lossy(h.value));
        assert_eq!(ours.server.as_deref(), server.as_deref().map(str::trim));
    }
}

/// A connection keeps more than a hundred exchanges: those that are as most are have room for nothing else.
#[test]
fn an_ordinary_exchange_takes_little() {
    assert!(size_of::<Exchange>() <= 256, "{}", size_of::<Exchange>());
    let ask = b"GET /a HTTP/1.1\r\nHost: a.example\r\nX-Amz-Cf-Id: a==\r\n\r\n";
    let answer =
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let t = feed(&[C(ask), S(answer), C(ask), S(answer)]);
    let texts: Vec<_> = t
        .exchanges
        .iter()
        .flat_map(|e| [e.request.as_ref().unwrap().host.as_deref(), e.response.as_ref().unwrap().server.as_deref()])
        .flatten()
        .collect();
    assert_eq!(texts, ["a.example", "nginx", "a.example", "nginx"]);
    assert!(std::ptr::eq(texts[0], texts[2]) && std::ptr::eq(texts[1], texts[3]));
    for e in &t.exchanges {
        let (mut request, mut response) = (e.request.clone().unwrap(), e.response.clone().unwrap());
        assert!(request.extra.written().is_none() && response.extra.written().is_none());
        assert_eq!((request.method(), request.version(), request.framing()), ("GET", "HTTP/1.1", Framing::NoBody));
        assert_eq!((response.reason(), response.content_encoding()), ("OK", Some("gzip")));
        assert_eq!((response.transfer_encoding(), response.content_length()), (Some("chunked"), None));
    }
}

/// What few messages have is told as well as what most have.
#[test]
fn an_unusual_message_loses_nothing() {
    let ask = b"BREW /a HTTP/1.7\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    let answer =
        b"HTTP/1.0 418 Tea\r\nContent-Encoding: snappy\r\nContent-Length: 7\r\nTransfer-Encoding: Chunked\r\n\r\n";
    let t = feed(&[C(&ask[..30]), C(&ask[30..]), C(b"abc"), S(&answer[..30]), S(&answer[30..]), S(b"0\r\n\r\n")]);
    let e = t.exchanges.first().unwrap();
    let (q, r) = (e.request.as_ref().unwrap(), e.response.as_ref().unwrap());
    assert_eq!((q.method(), q.version(), q.framing(), q.extra.body_bytes), ("BREW", "HTTP/1.7", Framing::Length(3), 3));
    assert_eq!((q.frame, q.head_frame(), q.last_frame()), (frame(1), Some(frame(2)), frame(3)));
    assert_eq!((r.reason(), r.version(), r.content_encoding()), ("Tea", "HTTP/1.0", Some("snappy")));
    assert_eq!((r.framing, r.content_length(), r.transfer_encoding()), (Framing::Chunked, Some(7), Some("Chunked")));
    assert_eq!((r.frame, r.head_frame(), r.last_frame), (frame(4), Some(frame(5)), frame(6)));
    // To HEAD no body is sent, whatever the head says of it.
    let t = feed(&[C(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), S(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]);
    let response = t.exchanges.first().unwrap().response.as_ref().unwrap();
    assert_eq!((response.framing, response.content_length(), response.complete), (Framing::NoBody, Some(9), true));
}

/// What stands for bytes that are no text is longer than they: the next message does not keep as much by sending that.
#[test]
fn what_is_shared_is_no_longer_than_what_is_kept() {
    let ask = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let answer = |server: &[u8]| [b"HTTP/1.1 204 No Content\r\nServer: ", server, b"\r\n\r\n"].concat();
    let raw = vec![0xff; MAX_VALUE];
    let (first, second) = (answer(&raw), answer(String::from_utf8_lossy(&raw).as_bytes()));
    let t = feed(&[C(ask), S(&first), C(ask), S(&second)]);
    let lens: Vec<_> =
        t.exchanges.iter().map(|e| e.response.as_ref().unwrap().server.as_ref().unwrap().len()).collect();
    assert_eq!(lens, [3 * MAX_VALUE, MAX_VALUE / 3 * 3]);
}
