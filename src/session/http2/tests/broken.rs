//! Frames and messages of a server that are wrong, each with its clause, at every split point.

use super::{FaultKind, PREFACE, Scope, asked, block, frame, read};

/// What is wrong with these bytes of a server, and what that ends.
fn fault(server: &[u8], size: usize) -> Option<FaultKind> {
    let told = read(&asked(), server, size);
    let of_message = told.exchanges.iter().find_map(|e| e.fault.server.as_ref());
    told.fault.server.as_ref().or(of_message).map(|fault| fault.kind)
}

/// A name, what the server sends, and what is wrong with it, with the section that says so.
type Row = (&'static str, Vec<u8>, Option<(Scope, &'static str)>);

#[test]
fn what_a_server_must_not_send() {
    use Scope::{Compression, Frame, Message, Settings};
    let settings = frame(4, 0, 0, &[]);
    let ok = frame(1, 4, 1, &block(&[(":status", "200")]));
    let head = |fields: &[(&str, &str)], flags| frame(1, flags, 1, &block(fields));
    let after = |bytes: Vec<u8>| [settings.clone(), bytes].concat();
    let in_body = |bytes: Vec<u8>| [settings.clone(), ok.clone(), bytes].concat();
    let ok_length = head(&[(":status", "200"), ("content-length", "10")], 4);
    let table: Vec<Row> = vec![
        ("in order", in_body(frame(0, 1, 1, b"x")), None),
        ("nothing in DATA", in_body(frame(0, 1, 1, b"")), None),
        ("an unknown type", after(frame(0xbe, 0xff, 7, b"x")), None),
        ("an unknown setting", frame(4, 0, 0, &[0xff, 0, 0, 0, 0, 1]), None),
        ("an unknown flag", after(frame(6, 0xfe, 0, &[0; 8])), None),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Some((Settings, "3.4"))),
        ("the preface of a client", PREFACE.to_vec(), Some((Settings, "3.4"))),
        ("PING first", frame(6, 0, 0, &[0; 8]), Some((Settings, "3.4"))),
        ("five bytes of SETTINGS", frame(4, 0, 0, &[0; 5]), Some((Settings, "6.5"))),
        ("acknowledged with an entry", after(frame(4, 1, 0, &[0; 6])), Some((Settings, "6.5"))),
        ("push by a server", frame(4, 0, 0, &[0, 2, 0, 0, 0, 1]), Some((Settings, "6.5.2"))),
        ("push of 2", frame(4, 0, 0, &[0, 2, 0, 0, 0, 2]), Some((Settings, "6.5.2"))),
        ("a window of 2^31", frame(4, 0, 0, &[0, 4, 0x80, 0, 0, 0]), Some((Settings, "6.5.2"))),
        ("frames of 16,383", frame(4, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]), Some((Settings, "6.5.2"))),
        ("frames of 2^24", frame(4, 0, 0, &[0, 5, 1, 0, 0, 0]), Some((Settings, "6.5.2"))),
        ("DATA too large", in_body(frame(0, 1, 1, &[0; 16_385])), Some((Frame, "4.2"))),
        ("PING of 7", after(frame(6, 0, 0, &[0; 7])), Some((Frame, "6"))),
        ("PING on a stream", after(frame(6, 0, 1, &[0; 8])), Some((Frame, "6"))),
        ("RST_STREAM of 3", after(frame(3, 0, 1, &[0; 3])), Some((Frame, "6"))),
        ("RST_STREAM of nothing", after(frame(3, 0, 0, &[0; 4])), Some((Frame, "6"))),
        ("GOAWAY of 7", after(frame(7, 0, 0, &[0; 7])), Some((Frame, "6"))),
        ("GOAWAY on a stream", after(frame(7, 0, 1, &[0; 8])), Some((Frame, "6"))),
        ("PRIORITY of 4", after(frame(2, 0, 1, &[0; 4])), Some((Frame, "6"))),
        ("WINDOW_UPDATE of 5", after(frame(8, 0, 0, &[0, 0, 0, 1, 1])), Some((Frame, "6"))),
        ("WINDOW_UPDATE by 0", after(frame(8, 0, 0, &[0; 4])), Some((Frame, "6.9"))),
        ("HEADERS on no stream", after(frame(1, 5, 0, &block(&[(":status", "200")]))), Some((Frame, "6"))),
        ("DATA on no stream", after(frame(0, 0, 0, b"x")), Some((Frame, "6"))),
        ("padding beyond HEADERS", after(frame(1, 0xd, 1, &[9, 0])), Some((Frame, "6.1"))),
        ("padding beyond DATA", in_body(frame(0, 9, 1, &[9, 0])), Some((Frame, "6.1"))),
        ("no length of the padding", in_body(frame(0, 9, 1, &[])), Some((Frame, "6.1"))),
        ("CONTINUATION of nothing", after(frame(9, 4, 1, &[])), Some((Frame, "6.10"))),
        ("PING in a block", after([frame(1, 0, 1, &[]), frame(6, 0, 0, &[0; 8])].concat()), Some((Frame, "6.10"))),
        (
            "another stream in a block",
            after([frame(1, 0, 1, &[]), frame(9, 4, 3, &[])].concat()),
            Some((Frame, "6.10")),
        ),
        ("no such entry", after(frame(1, 5, 1, &[0xff, 0x80, 1])), Some((Compression, "2.3.3"))),
        ("half a field", after(frame(1, 5, 1, &[0x88, 0x40, 3, b'a'])), Some((Compression, "4.3"))),
        ("no status", after(head(&[("server", "x")], 5)), Some((Message, "8.3.2"))),
        ("a status of HTTP/1", after(head(&[(":status", "101")], 4)), Some((Message, "8.3.2"))),
        ("Connection", after(head(&[(":status", "200"), ("connection", "close")], 5)), Some((Message, "8.2.2"))),
        ("upper case", after(head(&[(":status", "200"), ("Server", "x")], 5)), Some((Message, "8.2.1"))),
        ("a line end", after(head(&[(":status", "200"), ("a", "b\r\nc")], 5)), Some((Message, "8.2.1"))),
        ("too little", after([ok_length.clone(), frame(0, 1, 1, b"x")].concat()), Some((Message, "8.1.1"))),
        ("too much", after([ok_length, frame(0, 1, 1, &[0; 11])].concat()), Some((Message, "8.1.1"))),
        ("DATA before the head", after(frame(0, 0, 1, b"x")), Some((Message, "8.1"))),
        ("two heads", in_body(head(&[(":status", "200")], 4)), Some((Message, "8.3"))),
        ("a status in trailers", in_body(head(&[(":status", "200")], 5)), Some((Message, "8.3"))),
        ("an interim response at the end", after(head(&[(":status", "103")], 5)), Some((Message, "8.1"))),
    ];
    for (name, server, expected) in table {
        let whole = fault(&server, usize::MAX);
        let told = whole.map(|kind| (kind.scope(), kind.clause().rsplit(' ').next().unwrap()));
        assert_eq!(told, expected, "{name}: {whole:?}");
        for size in (1..40).filter(|size| *size < server.len()) {
            assert_eq!(fault(&server, size), whole, "{name}, in pieces of {size}");
        }
    }
}

#[test]
fn answers_without_a_body_may_have_a_length() {
    let settings = frame(4, 0, 0, &[]);
    let not_modified = frame(1, 5, 1, &block(&[(":status", "304"), ("content-length", "10")]));
    assert_eq!(fault(&[settings, not_modified].concat(), usize::MAX), None);
}

#[test]
fn an_answer_to_a_request_that_was_lost_may_be_one_to_head() {
    let answer = frame(1, 5, 1, &block(&[(":status", "200"), ("content-length", "10")]));
    let server = [frame(4, 0, 0, &[]), answer].concat();
    // A block that names what a table of which the beginning is not there would have, and one that is cut off by a hole.
    let unknown = [PREFACE, &frame(4, 0, 0, &[]), &frame(1, 5, 1, &[0xbe, 0x86, 0x84])].concat();
    let told = read(&unknown, &server, usize::MAX);
    let exchange = &told.exchanges[0];
    assert!(exchange.request.as_ref().unwrap().method.is_empty() && exchange.lost.client);
    assert_eq!(exchange.fault.server, None);
    assert_eq!(read(&[], &server, usize::MAX).exchanges[0].fault.server, None);
    // To a request that is known, it is wrong.
    assert_eq!(fault(&server, usize::MAX), Some(FaultKind::ContentLength { said: 10, sent: 0 }));
}
