use super::*;
use crate::base::{FrameRef, Timestamp};

/// `198.51.100.7:40112` to `10.0.0.5:443`, as the fixed part of version 2 has it.
const TCP4: &[u8] = &[198, 51, 100, 7, 10, 0, 0, 5, 0x9c, 0xb0, 1, 0xbb];

fn frame(number: u64) -> FrameRef {
    FrameRef::new(number, number, Timestamp(0), 0)
}

/// A header of version 2 with this byte of version and command, this of family and protocol, and this behind.
fn v2(what: u8, family: u8, rest: &[&[u8]]) -> Vec<u8> {
    let rest = rest.concat();
    let [a, b] = (rest.len() as u16).to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[what, family, a, b], &rest].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let [a, b] = (value.len() as u16).to_be_bytes();
    [&[kind, a, b], value].concat()
}

/// Reads a stream, cut into pieces of `size`; gives the header, and what was left of the stream.
fn read(stream: &[u8], size: usize) -> (Header, Vec<u8>) {
    let mut observer = Observer::default();
    observer.begin(frame(1));
    let mut left = Vec::new();
    for (piece, number) in stream.chunks(size).zip(1..) {
        let taken = if observer.is_reading() { observer.data(piece, frame(number)) } else { 0 };
        left.extend_from_slice(&piece[taken..]);
    }
    (observer.finish().unwrap(), left)
}

/// Reads it in pieces of every size, behind which something else follows, and takes for an error what depends on them.
fn read_all_ways(header: &[u8]) -> Header {
    let stream = [header, b"\x16\x03\x01 and more"].concat();
    let (expected, left) = read(&stream, stream.len());
    assert_eq!(left, b"\x16\x03\x01 and more", "{}", header.escape_ascii());
    assert_eq!(expected.len, header.len() as u64);
    for size in 1..stream.len() {
        let (mut read, left) = read(&stream, size);
        assert_eq!(read.last_frame.frame, (header.len() as u64).div_ceil(size as u64), "{size}");
        read.last_frame = expected.last_frame;
        assert_eq!((&read, left.len()), (&expected, stream.len() - header.len()), "pieces of {size}");
    }
    expected
}

fn ends(header: &Header) -> Option<(String, String)> {
    header.source.zip(header.destination).map(|(from, to)| (from.to_string(), to.to_string()))
}

#[test]
fn version_1() {
    use Transport::{Tcp4, Tcp6, Unspecified};
    let (from, to) = ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::5");
    let longest = format!("PROXY TCP6 {from} {from} 65535 65535\r\n");
    let six = format!("PROXY TCP6 {from} {to} 1 65535\r\n");
    assert_eq!(longest.len(), 104);
    for (line, transport, source, fault) in [
        ("PROXY TCP4 198.51.100.7 10.0.0.5 40112 443\r\n", Tcp4, Some("198.51.100.7:40112"), None),
        (&six, Tcp6, Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1"), None),
        (&longest, Tcp6, Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"), None),
        ("PROXY UNKNOWN\r\n", Unspecified, None, None),
        ("PROXY UNKNOWN whatever it likes\r\n", Unspecified, None, None),
        ("PROXY UNKNOWNS\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.7 10.0.0.5 40112 443\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4  198.51.100.7 10.0.0.5 40112 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.7 10.0.0.5 40112\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.7 10.0.0.5 40112 443 1\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.777 10.0.0.5 40112 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.7 10.0.0.5 65536 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 198.51.100.7 10.0.0.5 +1 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP4 ::1 ::1 1 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP6 198.51.100.7 10.0.0.5 1 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP5 198.51.100.7 10.0.0.5 1 443\r\n", Unspecified, None, Some(Fault::Line)),
        ("PROXY TCP\r\n", Unspecified, None, Some(Fault::Line)),
    ] {
        let header = read_all_ways(line.as_bytes());
        assert_eq!((header.version, header.whole, header.fault), (1, true, fault), "{line}");
        assert_eq!((header.transport, header.command), (transport, Command::Proxy), "{line}");
        assert_eq!(ends(&header).map(|(from, _)| from).as_deref(), source, "{line}");
    }
}

#[test]
fn version_2() {
    use Transport::{Tcp4, Tcp6, Udp4, UnixStream, Unspecified};
    let four = Some("198.51.100.7:40112 10.0.0.5:443".to_owned());
    let six = [&[0x20; 16][..], &[0x30; 16], &[0, 1, 0, 2]].concat();
    let in_six =
        Some("[2020:2020:2020:2020:2020:2020:2020:2020]:1 [3030:3030:3030:3030:3030:3030:3030:3030]:2".to_owned());
    for (bytes, command, transport, expected, fault) in [
        (v2(0x21, 0x11, &[TCP4]), Command::Proxy, Tcp4, four.clone(), None),
        (v2(0x21, 0x12, &[TCP4]), Command::Proxy, Udp4, four.clone(), None),
        (v2(0x21, 0x21, &[&six]), Command::Proxy, Tcp6, in_six, None),
        (v2(0x21, 0x31, &[&[b'/'; 216]]), Command::Proxy, UnixStream, None, None),
        (v2(0x21, 0x00, &[]), Command::Proxy, Unspecified, None, None),
        (v2(0x20, 0x00, &[]), Command::Local, Unspecified, None, None),
        // What comes with LOCAL is to be passed over, whatever it is.
        (v2(0x20, 0x11, &[TCP4]), Command::Local, Unspecified, None, None),
        (v2(0x20, 0x11, &[&[1, 2]]), Command::Local, Unspecified, None, None),
        (v2(0x20, 0x77, &[&[1, 2]]), Command::Local, Unspecified, None, None),
        (v2(0x31, 0x11, &[TCP4]), Command::Proxy, Unspecified, None, Some(Fault::Version(3))),
        (v2(0x2f, 0x11, &[TCP4]), Command::Proxy, Unspecified, None, Some(Fault::Command(15))),
        (v2(0x21, 0x13, &[TCP4]), Command::Proxy, Unspecified, None, Some(Fault::Family(0x13))),
        (v2(0x21, 0x11, &[&[1; 11]]), Command::Proxy, Tcp4, None, Some(Fault::Addresses)),
        (v2(0x21, 0x11, &[TCP4, &[4]]), Command::Proxy, Tcp4, four.clone(), Some(Fault::Field)),
        (v2(0x21, 0x11, &[TCP4, &[4, 0, 9, 1]]), Command::Proxy, Tcp4, four, Some(Fault::Field)),
    ] {
        let header = read_all_ways(&bytes);
        let shown = bytes.escape_ascii();
        assert_eq!((header.version, header.whole, header.fault), (2, true, fault), "{shown}");
        assert_eq!((header.command, header.transport), (command, transport), "{shown}");
        assert_eq!(ends(&header).map(|(from, to)| format!("{from} {to}")), expected, "{shown}");
    }
}

#[test]
fn fields_of_version_2() {
    let tls =
        [&[1, 0, 0, 0, 0][..], &field(0x21, b"TLSv1.3"), &field(0x22, b"a client"), &field(0x23, b"AES")].concat();
    let fields = [
        field(0x01, b"h2"),
        field(0x02, b"origin.example.com"),
        field(0x04, &[0; 5]),
        field(0x05, b"id"),
        field(0x20, &tls),
        field(0xea, b"\x01vpce-1"),
        field(0xe0, b"somebody's own"),
    ];
    let header = read_all_ways(&v2(0x21, 0x11, &[TCP4, &fields.concat()]));
    let extras = &header.extras;
    assert_eq!(header.fault, None);
    assert_eq!((extras.alpn.as_deref(), extras.authority.as_deref()), (Some("h2"), Some("origin.example.com")));
    assert_eq!((extras.unique_id.as_deref(), extras.vpc_endpoint.as_deref()), (Some(&b"id"[..]), Some("vpce-1")));
    let tls = extras.tls.as_ref().unwrap();
    assert_eq!((tls.used, tls.version.as_deref(), tls.cipher.as_deref()), (true, Some("TLSv1.3"), Some("AES")));
    assert_eq!(tls.common_name.as_deref(), Some("a client"));
    assert!(!extras.checksum);
}

#[test]
fn a_checksum_is_checked() {
    let mut bytes = v2(0x21, 0x11, &[TCP4, &field(0x03, &[0; 4]), &field(0x04, &[7; 3])]);
    let right = crc32c::crc32c(&[&bytes]).to_be_bytes();
    bytes[31..35].copy_from_slice(&right);
    let header = read_all_ways(&bytes);
    assert_eq!((header.fault, header.extras.checksum), (None, true));
    for at in [16, 27, 31, 40] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(read_all_ways(&changed).fault, Some(Fault::Checksum), "byte {at}");
    }
}

#[test]
fn a_header_that_does_not_end() {
    let line = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
    let mut observer = Observer::default();
    observer.begin(frame(1));
    assert_eq!(observer.data(&line, frame(1)), 107);
    assert!(observer.is_lost() && !observer.is_reading());
    let header = observer.finish().unwrap();
    assert_eq!((header.fault, header.whole), (Some(Fault::Endless), false));
    // The end of the connection in the middle of it is no fault of its form.
    for bytes in [&b"PROXY TCP4 198.51"[..], &v2(0x21, 0x11, &[TCP4])[..20]] {
        let (header, left) = read(bytes, 5);
        assert_eq!((header.whole, header.fault, header.source, left.len()), (false, None, None, 0));
    }
}

#[test]
fn missing_bytes_are_not_guessed() {
    let long = v2(0x21, 0x11, &[TCP4, &field(0x04, &[0; 100])]);
    // Bytes that are there, then missing ones; how many of these lie beyond, and whether the source is known.
    for (there, missing, beyond, known) in [
        (28, 103, 0, true),
        (30, 200, 99, true),
        (20, 111, 0, false),
        (20, 200, 89, false),
        // The length is missing, too.
        (14, 10, 10, false),
    ] {
        let mut observer = Observer::default();
        observer.begin(frame(1));
        assert_eq!(observer.data(&long[..there], frame(1)), there);
        assert_eq!(observer.gap(missing), beyond, "{there} {missing}");
        assert!(!observer.is_reading(), "{there} {missing}");
        let header = observer.finish().unwrap();
        assert_eq!((header.whole, header.fault, header.source.is_some()), (false, None, known), "{there} {missing}");
    }
    // A gap within; what comes after it is counted, and not read.
    let mut observer = Observer::default();
    observer.begin(frame(1));
    observer.data(&long[..28], frame(1));
    assert_eq!((observer.gap(3), observer.is_reading()), (0, true));
    assert_eq!(observer.data(&[0xff; 200], frame(2)), 100);
    let header = observer.finish().unwrap();
    assert_eq!((header.len, header.whole, header.fault), (131, false, None));
}

#[test]
fn a_long_header_is_stepped_over() {
    let long = v2(0x21, 0x11, &[TCP4, &field(0xe0, &[1; 60_000])]);
    let (header, left) = read(&[&long[..], b"GET"].concat(), 1_460);
    assert_eq!((header.len, header.whole, header.fault, left.len()), (long.len() as u64, true, None, 3));
    assert!(header.source.is_some());
}

#[test]
fn the_first_header_counts() {
    let mut observer = Observer::default();
    for number in 1..=4 {
        assert!(!observer.is_enough());
        observer.begin(frame(number));
        observer.data(&v2(0x20 | u8::from(number == 1), 0x11, &[TCP4]), frame(number));
    }
    assert!(observer.is_enough());
    let header = observer.finish().unwrap();
    assert_eq!((header.frame.frame, header.command), (1, Command::Proxy));
    assert_eq!(header.second.map(|second| second.frame), Some(2));
}
