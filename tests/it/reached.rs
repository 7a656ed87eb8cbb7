//! The first table of `docs/limits.md` is true: each limit in it is reached by bytes made for it, and the report then says
//! what the page says that it does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use why502::analysis::{Options, run_with_logs};
use why502::correlate::Log;
use why502::report::Json;
use why502::session::tls::Keys;
use why502::source::Source;

use crate::common::packets::{self, Capture};
use crate::{common, limits};

const ACK: u8 = 16;
const SYN: u8 = 2;
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// A limit, and what is said where it is reached.
type Reached = (&'static str, fn() -> String);

/// What each limit is reached by, and what is said then.
const REACHED: &[Reached] = &[
    ("analysis::MAX_CONNECTIONS", connections),
    ("tcp::pending::MAX_PENDING_BYTES", || out_of_order(60_000, 20)),
    ("tcp::pending::MAX_PENDING_SEGMENTS", || out_of_order(1, 600)),
    ("analysis::engine::MAX_HELD_BYTES", held_bytes),
    ("analysis::engine::MAX_KEPT_BYTES", kept_bytes),
    ("ip::defrag::MAX_DATAGRAMS", datagrams),
    ("ip::defrag::partial::MAX_PIECES", pieces),
    ("link::encapsulation::MAX_ENCAPSULATION", nesting),
    ("ip::extension::MAX_EXTENSIONS", extensions),
    ("observation::hosts::MAX_HOSTS", hosts),
    ("session::http1::line::MAX_LINE", header),
    ("session::http2::half::MAX_BLOCK", header_block),
    ("session::http1::transcript::MAX_FIRST", exchanges),
    ("session::proxy::v1::MAX_LINE", proxy_line),
    ("session::tls::certificate::MAX_CERTIFICATES", || certificates(40)),
    ("session::tls::handshake::MAX_MESSAGE", || certificates(900)),
    ("session::tls::record::MAX_RECORD", record),
    ("session::tls::keylog::MAX_SECRETS", secrets),
    ("session::tls::keylog::MAX_LINE", || key_log(&[b"CLIENT_RANDOM ".as_slice(), &[b'a'; 512], b"\n"].concat()[..])),
    ("source::compression::ratio::MAX_RATIO", bomb),
    ("source::compression::zstd::MAX_WINDOW", window),
    ("source::MAX_PACKET", packet),
    ("source::MAX_BLOCK", block),
    ("source::MAX_INTERFACES", || analysed(&[section(), interface().repeat(16_385)].concat())),
    ("source::MAX_SECRETS_BYTES", embedded_secrets),
    ("correlate::lines::MAX_LINE", || with_log(&[ROW, &"x".repeat(262_145), "\n"].concat())),
    ("correlate::fields::MAX_FIELDS", || with_log(&["#Fields:", &" date".repeat(257), "\n"].concat())),
    ("observation::trust::store::MAX_ANCHORS", anchors),
];

/// A row of the page: its constant, its default, and the words that it promises.
struct Row {
    constant: String,
    default: String,
    option: String,
    says: Vec<String>,
}

/// The rows of the first table: limit, default, option, what the report says, constant.
fn rows() -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, default, option, says, constant] = cells[..] else { return None };
        let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let constant = quoted(constant).pop()?;
        Some(Row { constant, default: default.to_owned(), option: option.to_owned(), says: quoted(says) })
    };
    let page = limits::page();
    let table = page.lines().skip_while(|line| !line.starts_with("| limit |")).skip(2);
    table.take_while(|line| line.starts_with('|')).filter_map(row).collect()
}

#[test]
fn every_limit_says_what_the_page_says_that_it_does() {
    let (rows, reached) = (rows(), REACHED.iter().copied().collect::<BTreeMap<_, _>>());
    let told: BTreeSet<_> = rows.iter().map(|row| row.constant.as_str()).collect();
    assert_eq!(told, reached.keys().copied().collect(), "the page against what is tried here");
    let mut wrong = Vec::new();
    for row in &rows {
        let said = reached[row.constant.as_str()]();
        assert!(!row.says.is_empty(), "{}", row.constant);
        for words in &row.says {
            // What differs from one report to the next is `…` on the page.
            let mut rest = said.as_str();
            let found = words.split('…').all(|part| match rest.split_once(part) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            });
            if !found {
                wrong.push(format!("{}: not {words:?} but {:.1500}", row.constant, said));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_defaults_are_those_of_the_code() {
    let code = limits::in_code();
    for row in rows() {
        let value = limits::evaluated(&code[&row.constant]);
        let told: String = row.default.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        let unit = row.default[told.len()..].trim_start();
        let scale = if unit.starts_with("MiB") {
            1 << 20
        } else if unit.starts_with("KiB") {
            1 << 10
        } else {
            1
        };
        let told: u64 = told.replace(',', "").parse().unwrap_or_else(|_| panic!("{}: {}", row.constant, row.default));
        assert_eq!(told * scale, value, "{}", row.constant);
        let option = row.option.trim_matches('`');
        assert!(option == "none" || help().contains(option), "{}: {option}", row.constant);
    }
}

fn help() -> String {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_why502")).args(["analyze", "--help"]).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// What the JSON report says of this capture.
fn analysed(bytes: &[u8]) -> String {
    analysed_by(bytes, Vec::new(), &Options::default())
}

fn analysed_by(bytes: &[u8], logs: Vec<Log>, options: &Options) -> String {
    let source = match Source::from_reader(Box::new(Cursor::new(bytes.to_vec())), "memory") {
        Ok(source) => source,
        Err(refused) => return refused.to_string(),
    };
    let mut out = Vec::new();
    run_with_logs(vec![("memory".into(), source)], logs, options, &mut Json::new(&mut out), |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

/// A capture of raw IP packets.
fn of_packets(packets: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut file = packets::header();
    for packet in packets {
        let len = (packet.len() as u32).to_le_bytes();
        file.extend([&1_800_000_000_u32.to_le_bytes()[..], &[0; 4], &len, &len, &packet].concat());
    }
    analysed(&file)
}

fn connections() -> String {
    let mut capture = Capture::new();
    for i in 0..200_u16 {
        capture = capture.between(([130, 176, 1, 2], 40_000 + i), ([10, 0, 0, 5], 443)).edge(SYN, b"");
    }
    analysed_by(&capture.bytes(), Vec::new(), &Options { max_connections: 100, ..Options::default() })
}

/// An answer of which every other piece has not come.
fn out_of_order(len: usize, pieces: usize) -> String {
    let piece = vec![b'x'; len];
    let parts: Vec<(usize, &[u8])> = (0..pieces).map(|i| (1 + 2 * len * i, piece.as_slice())).collect();
    analysed(&Capture::new().open().edge(ACK, GET).origin_in_parts(ACK, &parts, 0).bytes())
}

/// As much out of order as one connection may have, of more connections than may together.
fn held_bytes() -> String {
    let piece = vec![b'x'; 60_000];
    let parts: Vec<(usize, &[u8])> = (0..17).map(|i| (1 + 60_000 * i, piece.as_slice())).collect();
    let mut capture = Capture::new();
    for _ in 0..10 {
        capture = capture.next().open().edge(ACK, GET).origin_in_parts(ACK, &parts, 0);
    }
    // So few that they are in one shard.
    analysed_by(&capture.bytes(), Vec::new(), &Options { max_connections: 1_000, ..Options::default() })
}

/// More requests than are answered, on more connections than can keep so many.
fn kept_bytes() -> String {
    let asked = b"GET / HTTP/1.1\r\n\r\n".repeat(50);
    let mut capture = Capture::new();
    for _ in 0..1_150 {
        capture = (0..20).fold(capture.next().open(), |capture, _| capture.edge(ACK, &asked));
    }
    // So few that they are in one shard.
    analysed_by(&capture.bytes(), Vec::new(), &Options { max_connections: 2_000, ..Options::default() })
}

/// A piece of a packet, at eight times `at`.
fn fragment(id: u16, at: u16, more: bool, bytes: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + bytes.len() as u16).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend((at | if more { 0x2000 } else { 0 }).to_be_bytes());
    packet.extend([64, 6, 0, 0, 130, 176, 1, 2, 10, 0, 0, 5]);
    packet.extend(bytes);
    packet
}

/// The first packet is given up for later ones, so that its last piece comes in vain: each fragment counts.
fn datagrams() -> String {
    let first = (0..=1_024_u16).map(|id| fragment(id, 0, true, &[7; 8]));
    let told = of_packets(first.chain([fragment(0, 1, false, &[7; 12])]));
    assert!(told.contains("\"count\":1026"), "{told}");
    told
}

/// A packet that would be whole if it had fewer pieces.
fn pieces() -> String {
    let told = of_packets((0..200_u16).map(|at| fragment(1, at, at < 199, &[7; 8])));
    assert!(told.contains("\"count\":200"), "{told}");
    told
}

/// Tags of virtual networks within each other.
fn nesting() -> String {
    let mut frame = vec![2; 12];
    frame.extend([0x81, 0, 0, 1].repeat(9));
    frame.extend([8, 0, 0x45, 0]);
    let mut header = packets::header();
    header[20] = 1;
    let len = (frame.len() as u32).to_le_bytes();
    analysed(&[&header[..], &1_800_000_000_u32.to_le_bytes(), &[0; 4], &len, &len, &frame].concat())
}

/// An IPv6 packet with eleven headers of options.
fn extensions() -> String {
    let options = [60, 0, 1, 4, 0, 0, 0, 0].repeat(11);
    let mut packet = vec![0x60, 0, 0, 0, 0, options.len() as u8, 60, 64];
    packet.extend([0x20; 32]);
    packet.extend(options);
    of_packets([packet])
}

fn hosts() -> String {
    let mut capture = Capture::new();
    for i in 0..1_100_u16 {
        capture = capture.between(([130, 176, 1, 2], 40_000), ([10, 0, (i >> 8) as u8, i as u8], 443)).edge(SYN, b"");
    }
    analysed(&capture.bytes())
}

fn header() -> String {
    let head = [b"HTTP/1.1 200 OK\r\nX-Long: ".as_slice(), &[b'x'; 40_000], b"\r\nContent-Length: 0\r\n\r\n"].concat();
    let mut capture = Capture::new().open().edge(ACK, GET);
    for piece in head.chunks(1_400) {
        capture = capture.origin(ACK, piece);
    }
    analysed(&capture.close().bytes())
}

/// A header block of HTTP/2 that goes on for longer than it may.
fn header_block() -> String {
    let frame = |kind: u8, flags: u8, stream: u8, bytes: &[u8]| {
        let [_, a, b, c] = (bytes.len() as u32).to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, stream], bytes].concat()
    };
    let preface =
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, b""), &frame(1, 5, 1, b"\x82\x86\x84")];
    let mut capture = Capture::new().open().edge(ACK, &preface.concat()).origin(ACK, &frame(4, 0, 0, b""));
    capture = capture.origin(ACK, &frame(1, 0, 1, &[0x88]));
    for _ in 0..5 {
        capture = capture.origin(ACK, &frame(9, 0, 1, &[0; 16_000]));
    }
    analysed(&capture.origin(ACK, &frame(9, 4, 1, b"")).close().bytes())
}

fn exchanges() -> String {
    let mut capture = Capture::new().open();
    for _ in 0..200 {
        capture = capture.exchange(GET, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    let told = analysed(&capture.close().bytes());
    let document: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(document["connections"][0]["http"].as_array().map(Vec::len), Some(128), "{told}");
    told
}

fn proxy_line() -> String {
    let line = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
    analysed(&Capture::new().open().edge(ACK, &line).origin(ACK | 1, b"").close().bytes())
}

fn hello() -> Vec<u8> {
    let body = [&[3, 3][..], &[9; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
}

/// A thousand certificates of this size.
fn certificates(size: usize) -> String {
    let long = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    let message = |kind: u8, body: &[u8]| [&[kind][..], &long(body.len()), body].concat();
    let list = [long(size), vec![0x30; size]].concat().repeat(1_000);
    let flight = [
        message(2, &[&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0]].concat()),
        message(11, &[long(list.len()), list].concat()),
    ]
    .concat();
    let record = |piece: &[u8]| [&[22, 3, 3][..], &(piece.len() as u16).to_be_bytes(), piece].concat();
    let flight: Vec<u8> = flight.chunks(16_000).flat_map(record).collect();
    let mut capture = Capture::new().open().edge(ACK, &hello());
    for piece in flight.chunks(1_400) {
        capture = capture.origin(ACK, piece);
    }
    analysed(&capture.close().bytes())
}

fn record() -> String {
    let record = [22, 3, 3, 0x48, 1, 2, 0, 0];
    analysed(&Capture::new().open().edge(ACK, &hello()).origin(ACK, &record).close().bytes())
}

fn key_log(log: impl Read) -> String {
    Keys::default().read(log).unwrap().problem().unwrap()
}

/// A key log of one secret after the other.
struct Secrets {
    left: u32,
    line: Cursor<String>,
}

impl Read for Secrets {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.line.position() == self.line.get_ref().len() as u64 && self.left > 0 {
            self.left -= 1;
            self.line = Cursor::new(format!("CLIENT_RANDOM {:064x} {:096x}\n", self.left, 0));
        }
        self.line.read(buf)
    }
}

fn secrets() -> String {
    key_log(std::io::BufReader::new(Secrets { left: (1 << 20) + 7, line: Cursor::default() }))
}

fn bomb() -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&Capture::new().refused().bytes()).unwrap();
    let len = (200_u32 << 10).to_le_bytes();
    let zeros = [&1_800_000_000_u32.to_le_bytes()[..], &[0; 4], &len, &len, &vec![0; 200 << 10]].concat();
    for _ in 0..600 {
        gzip.write_all(&zeros).unwrap();
    }
    analysed(&gzip.finish().unwrap())
}

/// The header of a frame of Zstandard that wants a window of 256 MiB.
fn window() -> String {
    analysed(&[&[0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3][..], &[0; 9]].concat())
}

fn packet() -> String {
    let mut file = Capture::new().refused().bytes();
    file.extend([[0; 4], [0; 4], 262_145_u32.to_le_bytes(), 262_145_u32.to_le_bytes()].concat());
    analysed(&file)
}

fn of_block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = (12 + body.len() as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &len, body, &len].concat()
}

fn section() -> Vec<u8> {
    of_block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat())
}

fn interface() -> Vec<u8> {
    of_block(1, &[101, 0, 0, 0, 0, 0, 4, 0])
}

fn block() -> String {
    let long = [&6_u32.to_le_bytes()[..], &((16_u32 << 20) + 4).to_le_bytes(), &[0; 8]].concat();
    analysed(&[section(), interface(), long].concat())
}

fn embedded_secrets() -> String {
    let text = vec![b'#'; 9 << 20];
    let body = [&0x544c_534b_u32.to_le_bytes()[..], &(text.len() as u32).to_le_bytes(), &text].concat();
    analysed(&[section(), interface(), of_block(10, &body).repeat(2)].concat())
}

const ROW: &str = "192.0.2.1 - - [15/Jan/2027:08:00:00 +0000] \"GET /a HTTP/1.1\" 502 157 \"-\" \"curl/8\"\n";

/// What is said of a capture with this access log, or why the log is refused.
fn with_log(log: &str) -> String {
    match Log::open(Box::new(Cursor::new(log.to_owned().into_bytes())), "access.log", None) {
        Ok(log) => analysed_by(&Capture::new().refused().bytes(), vec![log], &Options::default()),
        Err(refused) => refused,
    }
}

fn anchors() -> String {
    let pem = common::cases().into_iter().find_map(|case| case.trust).unwrap();
    let pem = std::fs::read_to_string(pem).unwrap();
    Options::default().trust.add_pem(pem.repeat(4_097).as_bytes()).unwrap_err().to_string()
}
