//! What fuzzing begins with: for each target what the captures hold of its kind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use why502::base::{FrameRef, Side};
use why502::ip::{Decoded as Ip, TcpSegment, decode as ip};
use why502::link::{Decoded as Link, decode as link};
use why502::session::tls::Observer;
use why502::source::{Source, write};
use why502::tcp::{End, Missing, Stream, Tracker};

use super::targets::ops::{LONGEST, head};

/// The largest file that is taken as it is.
const LARGEST: usize = 48 * 1024;

/// Packets taken of one capture for `link` and `ip`.
const PACKETS: usize = 6;

/// Inputs by target.
pub type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// What every nth of the files under these directories gives.
#[must_use]
pub fn seeds(dirs: &[&Path], every: usize) -> Seeds {
    let mut seeds = Seeds::new();
    for dir in dirs {
        for path in files(dir).into_iter().step_by(every.max(1)) {
            if let Ok(bytes) = fs::read(&path) {
                of_file(&path, &bytes, &mut seeds);
            }
        }
    }
    made(&mut seeds);
    seeds.entry("link").or_default().extend(links());
    for found in seeds.values_mut() {
        found.sort();
        found.dedup();
    }
    seeds
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let (mut dirs, mut found) = (vec![dir.to_owned()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn of_file(path: &Path, bytes: &[u8], seeds: &mut Seeds) {
    let mut put = |name, bytes: Vec<u8>| {
        if bytes.len() <= LARGEST {
            seeds.entry(name).or_default().push(bytes);
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name == "keys.log" {
        put("keylog", bytes.to_vec());
    } else if name.contains(".log") || name.contains(".tsv") || name.contains(".json") {
        of_log(&name, bytes, &mut put);
    } else if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        put("compressed", bytes.to_vec());
    } else if name.contains(".pcap") {
        let pcapng = bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
        put(if pcapng { "pcapng" } else { "pcap" }, bytes.to_vec());
        put("pipeline", bytes.to_vec());
        of_capture(path, bytes, &mut put);
    }
}

fn of_log(name: &str, bytes: &[u8], put: &mut impl FnMut(&'static str, Vec<u8>)) {
    let mut text = Vec::new();
    if name.ends_with(".gz") {
        let _ = flate2::read::MultiGzDecoder::new(bytes).take(LARGEST as u64 * 8).read_to_end(&mut text);
        put("compressed", bytes.to_vec());
    } else {
        text = bytes.to_vec();
    }
    let target = match &text {
        t if t.starts_with(b"#") => "log_w3c",
        t if t.starts_with(b"{\"") => "log_json",
        _ if name.contains("real-time") => "log_real_time",
        t if t.starts_with(b"http") || t.starts_with(b"h2") => "log_alb",
        _ => "log_combined",
    };
    // Some lines are as good as all.
    let lines = text.split_inclusive(|b| *b == b'\n').take(12).collect::<Vec<_>>().concat();
    put(target, lines);
}

fn of_capture(path: &Path, bytes: &[u8], put: &mut impl FnMut(&'static str, Vec<u8>)) {
    let Ok(mut source) = Source::from_reader(Box::new(std::io::Cursor::new(bytes.to_vec())), "seed") else { return };
    let mut flows: BTreeMap<_, (Tracker, Said, u64)> = BTreeMap::new();
    let mut packets = Vec::new();
    let mut last = None;
    while let Some(packet) = source.next_packet() {
        let frame = FrameRef::new(packet.frame, packet.frame, packet.time, 0);
        last = Some(frame);
        if packet.frame <= PACKETS as u64 {
            let mut seed = packet.link_type.0.to_be_bytes().to_vec();
            seed.extend([0, 0]);
            seed.extend(packet.bytes);
            put("link", seed);
        }
        let Link::Ip(found) = link(packet.link_type, packet.bytes, packet.original_len) else { continue };
        if packets.len() < 2_000 {
            let len = u16::try_from(found.bytes.len()).unwrap_or(u16::MAX);
            packets.extend(len.to_be_bytes());
            packets.extend(found.bytes.iter().take(usize::from(len)));
        }
        let Ip::Tcp(segment) = ip(found) else { continue };
        follow(&mut flows, &segment, frame);
    }
    put("ip", packets);
    if bytes.len() < LARGEST / 4 {
        put("pcapng", pcapng(bytes));
    }
    let keys = fs::read(path.with_file_name("keys.log")).ok();
    for (_, (mut tracker, mut said, _)) in flows {
        if let Some(last) = last {
            tracker.finish(last, &mut said);
        }
        of_connection(&said, keys.as_deref(), put);
    }
}

/// The same packets in the other format.
fn pcapng(bytes: &[u8]) -> Vec<u8> {
    let Ok(mut source) = Source::from_reader(Box::new(std::io::Cursor::new(bytes.to_vec())), "seed") else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut begun = false;
    while let Some(packet) = source.next_packet() {
        if !begun {
            let _ = write::begin(&mut out, &[packet.link_type]);
            let _ = write::secrets(&mut out, 0x544c_534b, b"CLIENT_RANDOM 00 00\n");
            begun = true;
        }
        let _ = write::packet(&mut out, 0, &packet);
    }
    out
}

type Ends = (std::net::IpAddr, u16, std::net::IpAddr, u16);

fn follow(flows: &mut BTreeMap<Ends, (Tracker, Said, u64)>, segment: &TcpSegment<'_>, frame: FrameRef) {
    let (a, b) = (segment.source, segment.destination);
    let there = flows.contains_key(&(a.ip, a.port, b.ip, b.port));
    let back = flows.contains_key(&(b.ip, b.port, a.ip, a.port));
    let answers = segment.flags.syn() && segment.flags.ack();
    let from_client = there || !(back || answers);
    let key = if from_client { (a.ip, a.port, b.ip, b.port) } else { (b.ip, b.port, a.ip, a.port) };
    let (tracker, said, _) = flows.entry(key).or_default();
    tracker.segment(if from_client { Side::Client } else { Side::Server }, segment, frame, said);
}

/// What both sides said, as an input.
#[derive(Default)]
struct Said {
    ops: Vec<u8>,
    client: Vec<u8>,
    server: Vec<u8>,
    tls: Observer,
}

impl Stream for Said {
    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        self.tls.data(from, bytes, frame);
        if self.ops.len() > LARGEST / 4 {
            return;
        }
        for piece in bytes.chunks(LONGEST) {
            self.ops.extend(head(from, false, piece.len()));
            self.ops.extend(piece);
        }
        let kept = if from == Side::Client { &mut self.client } else { &mut self.server };
        kept.extend(bytes);
    }

    fn gap(&mut self, from: Side, len: u64, _: Missing, _: FrameRef) {
        self.ops.extend(head(from, true, usize::try_from(len).unwrap_or(usize::MAX).min(LONGEST)));
    }

    fn end(&mut self, _: Side, _: End, _: FrameRef) {}
}

fn of_connection(said: &Said, keys: Option<&[u8]>, put: &mut impl FnMut(&'static str, Vec<u8>)) {
    if said.ops.is_empty() {
        return;
    }
    put("session", said.ops.clone());
    put("connection", said.ops.clone());
    let first = if said.client.is_empty() { &said.server } else { &said.client };
    match first.as_slice() {
        [22 | 128, ..] => {
            put("tls", said.ops.clone());
            if let Some(keys) = keys.filter(|keys| keys.len() < 8_000) {
                let mut seed = u16::try_from(keys.len()).unwrap_or(0).to_be_bytes().to_vec();
                seed.extend(keys);
                seed.extend(&said.ops);
                put("decrypt", seed);
            }
        }
        f if f.starts_with(b"PROXY") || f.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => {
            put("proxy", f.get(..256).unwrap_or(f).to_vec());
        }
        f if f.starts_with(b"PRI ") => put("http2", said.ops.clone()),
        _ => put("http1", said.ops.clone()),
    }
    let tls = said.tls.transcript();
    let mut list = Vec::new();
    for certificate in tls.certificates.iter().filter(|c| c.from == Side::Server) {
        list.extend(u16::try_from(certificate.der.len()).unwrap_or(0).to_be_bytes());
        list.extend(certificate.der.iter());
    }
    if !list.is_empty() {
        put("certificates", list);
    }
}

/// What no capture holds.
fn made(seeds: &mut Seeds) {
    let mut put = |name, bytes: Vec<u8>| seeds.entry(name).or_default().push(bytes);
    for text in [&b"#Fields: date time\n"[..], b"hello hello hello hello"] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let _ = gzip.write_all(text);
        put("compressed", gzip.finish().unwrap_or_default());
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        let _ = lz4.write_all(text);
        put("compressed", lz4.finish().unwrap_or_default());
    }
    let w3c = "#Version: 1.0\n#Fields: date time sc-status cs-method cs-uri-stem x-edge-request-id time-taken\n";
    let row = "2026-09-01\t12:00:00\t502\tGET\t/a%20b\tid\t0.2\n";
    put("log_w3c", [w3c, row].concat().into_bytes());
    put("log_real_time", b"1756728000.123\t192.0.2.1\t0.1\t502\tGET\t/\tid\t0.2\tOriginConnectError\n".to_vec());
    put(
        "log_alb",
        b"192.0.2.1:40000 10.0.0.5:80 0.001 0.002 0.000 502 502 100 200 \"GET https://a.example:443/ HTTP/1.1\"\n"
            .to_vec(),
    );
    put("fragments", vec![4, 0, 3, 10, 20, 40, 60]);
    put("fragments", vec![1, 200, 2, 5, 9]);
    // Bytes come, are lost, come again, in order and not.
    put("tcp", b"\xff\xff\xff\xf0\x00\x64\x00\x02\x20\x20\x80\x40\x40\x00\x10\x10\x03\x00\x00\x05\x00\x10\x07\x00\x00\x87\x00\x00".to_vec());
    put("tcp", b"\x00\x00\x00\x00\x82\xff\xff\x82\xff\x10\x80\x10\x20\x83\x01\x00\x06\x00\x00\x07\xff\xff\x83\x00\x00\x87\x00\x00".to_vec());
    put("websocket", b"\x00\x08\x81\x82\x01\x02\x03\x04ab\x80\x04\x88\x02\x03\xe8".to_vec());
    put("proxy", b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\nGET".to_vec());
    put("proxy", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x01\xbb".to_vec());
    put("http2", {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84";
        [&head(Side::Client, false, preface.len())[..], preface, &head(Side::Server, false, 9), b"\0\0\0\x04\0\0\0\0\0"]
            .concat()
    });
    put(
        "log_combined",
        b"192.0.2.1 - - [01/Sep/2026:12:00:00 +0000] \"GET /a?b HTTP/1.1\" 502 157 \"-\" \"curl/8\"\n".to_vec(),
    );
}

/// What no capture was taken on: a packet behind the headers of each further link, and of each encapsulation on Ethernet.
fn links() -> impl Iterator<Item = Vec<u8>> {
    const ETHERNET: u16 = 1;
    const MACS: &[u8] = &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    const SNAP: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let data = [&[0x88, 1, 0, 0][..], &[0; 22]].concat();
    let packet = b"\x45\0\0\x14\0\x01\0\0\x40\x06\0\0\xc0\0\x02\x01\xc6\x33\x64\x01";
    [
        (ETHERNET, [MACS, &[0x81, 0, 0x60, 100, 8, 0]].concat()),
        (ETHERNET, [MACS, &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0]].concat()),
        (ETHERNET, [MACS, &[0x88, 0x47, 0, 1, 0, 9, 0, 2, 1, 9]].concat()),
        (ETHERNET, [MACS, &[0x88, 0x47, 0, 1, 1, 9, 0, 0, 0, 0], MACS, &[8, 0]].concat()),
        (ETHERNET, [MACS, &[0x88, 0x64, 0x11, 0, 0, 5, 0, 22, 0, 0x21]].concat()),
        (ETHERNET, [MACS, &[0, 28], SNAP].concat()),
        (7, vec![1, 2, 0xf0]),
        (9, vec![0xff, 3, 0, 0x21]),
        (50, vec![0x21]),
        (51, vec![0x11, 0, 0, 5, 0, 22, 0, 0x21]),
        (104, vec![15, 0, 8, 0]),
        (105, [&data[..], SNAP].concat()),
        (108, vec![0, 0, 0, 2]),
        (127, [&[0, 0, 8, 0, 0, 0, 0, 0][..], &data, SNAP].concat()),
        (192, [&[0, 0, 8, 0, 1, 0, 0, 0][..], MACS, &[8, 0]].concat()),
        (239, vec![2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 8, 0, 9, 0]),
    ]
    .into_iter()
    .map(|(link_type, headers)| [&link_type.to_be_bytes()[..], &[0, 0], &headers, packet].concat())
}
