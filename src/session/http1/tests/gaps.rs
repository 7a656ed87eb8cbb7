//! Bytes that are not in the capture: what is certain stays, nothing is invented.

use super::Event::{C, Ends, LostC, LostS, S};
use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn gaps() {
    let get = "GET / HTTP/1.1 NoBody 0";
    let long = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc";
    let fine = format!("{get} | 200 OK Length(2) 2");
    check(&[
        // Inside a body that is counted.
        (&[C(GET), S(long), LostS(4), S(b"hi"), C(GET), S(OK)], &format!("{get} | 200 OK Length(9) 9 gaps\n{fine}")),
        (&[C(GET), S(long), LostS(6), C(GET), S(OK)], &format!("{get} | 200 OK Length(9) 9 gaps\n{fine}")),
        (&[C(GET), S(chunks), LostS(6), S(b"\r\n0\r\n\r\n")], &format!("{get} | 200 OK Chunked 9 gaps")),
        (
            &[C(GET), S(chunks), LostS(6), LostS(2), S(b"0\r\n\r\n"), C(GET), S(OK)],
            &format!("{get} | 200 OK Chunked 9 cut gaps\n{fine}\nserver lost"),
        ),
        (
            &[C(GET), S(b"HTTP/1.0 200 OK\r\n\r\nab"), LostS(7), Ends(End::Fin)],
            &format!("{get} | 200 OK UntilClose 9 gaps"),
        ),
        // Beyond its end.
        (
            &[C(GET), S(long), LostS(50), S(b"zzz"), C(GET), S(OK)],
            &format!("{get} | 200 OK Length(9) 9 gaps\n{fine}\nserver lost"),
        ),
        // Inside a head.
        (
            &[C(GET), S(b"HTTP/1.1 503 Service Una"), LostS(300), S(b"body"), C(GET), S(OK)],
            &format!("{get} | 503  Unknown 0 cut gaps\n{fine}\nserver lost"),
        ),
        (
            &[C(GET), S(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Le"), LostS(9), S(b"\r\n\r\nok")],
            &format!("{get} | 200 OK Unknown 0 cut gaps\nserver lost"),
        ),
        (
            &[C(b"GET /long/pa"), LostC(90), S(OK), C(GET), S(OK)],
            &format!("GET /long/pa...  Unknown 0 cut gaps | 200 OK Length(2) 2\n{fine}\nclient lost"),
        ),
        (
            &[C(b"GET /x HTTP/1.1\r\nHost"), LostC(90), S(OK), C(GET), S(OK)],
            &format!("GET /x HTTP/1.1 Unknown 0 cut gaps | 200 OK Length(2) 2\n{fine}\nclient lost"),
        ),
        // Between messages: the request, or the response, may be in it.
        (&[LostC(40), S(OK), C(GET), S(OK)], &format!("? | 200 OK Length(2) 2\n{fine}\nclient lost")),
        (&[C(GET), LostS(40), C(GET), S(OK)], &format!("{get} | -\n{fine}\nserver lost")),
        (&[C(GET), LostS(40), S(b"rest of it"), Ends(End::Fin)], &format!("{get} | -\nserver lost")),
        // What looks like a head where none can be is not taken for one.
        (
            &[C(GET), S(b"HTTP/1.1 200 OK\r\nX"), LostS(40), S(OK)],
            &format!("{get} | 200 OK Unknown 0 cut gaps\nserver lost"),
        ),
        (
            &[C(GET), S(b"HTTP/1.1 100 Continue\r\n"), LostS(2), S(OK)],
            &format!("{get} | 100 | 200 OK Length(2) 2\nserver lost"),
        ),
    ]);
}

/// Thirty bytes of each segment, as a snap length of 96 leaves them.
#[test]
fn snapped() {
    let t = transcript(
        Observer::new,
        &[
            C(b"POST /api/orders/4711 HTTP/1.1"),
            LostC(400),
            S(b"HTTP/1.1 201 Created\r\nServer: "),
            LostS(1_000),
            S(b"{\"id\": 4711, \"positions\": [1, "),
            LostS(1_418),
            C(b"GET /api/orders/4711?expand=po"),
            LostC(400),
            S(b"HTTP/1.1 503 Service Unavailab"),
            LostS(200),
        ],
    );
    assert_eq!(
        words(&t),
        "POST /api/orders/4711  Unknown 0 cut gaps | 201 Created Unknown 0 cut gaps\n\
         GET /api/orders/4711?expand=po...  Unknown 0 cut gaps | 503  Unknown 0 cut gaps\nclient lost\nserver lost"
    );
}

#[test]
fn mid_stream() {
    let t = transcript(Observer::mid_stream, &[S(b"tail of a body"), S(OK), C(GET), S(OK), S(OK)]);
    assert!(t.mid_stream);
    assert_eq!(
        words(&t),
        "? | 200 OK Length(2) 2\nGET / HTTP/1.1 NoBody 0 | 200 OK Length(2) 2\nunsolicited 200 OK Length(2) 2 at 94 in 5"
    );
    let head_only = b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n";
    // The answer to a HEAD that was not seen: known by the next one, where that begins a segment.
    let mut observer = Observer::mid_stream();
    play(&mut observer, &[S(head_only), S(head_only), S(b"x")], &|_, bytes| vec![bytes.to_vec()]);
    let t = observer.finish();
    assert_eq!(words(&t), "? | 200 OK Length(90) 0 cut\n? | 200 OK Length(90) 1 cut");
}
