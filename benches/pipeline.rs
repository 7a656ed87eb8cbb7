//! Where the time goes: reading, decoding, and the whole way to verdicts, in bytes per second.
//!
//! `cargo bench` runs it over the captures of the repository, repeated with other client ports until the input is
//! large enough to time: many short connections, half of them failing.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark stops where it fails")]

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use why502::analysis::{Options, run};
use why502::diagnosis::Diagnosis;
use why502::observation::Connection;
use why502::report::{Capture, Renderer, Summary};
use why502::source::Source;
use why502::{ip, link};

/// Bytes of input to time.
const INPUT: usize = 32 << 20;

/// All classic pcap files under `captures/`, one after the other, again and again.
static CAPTURE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut files = Vec::new();
    gather(&root, &mut files);
    files.sort();
    let files: Vec<_> = files.iter().map(|f| fs::read(f).unwrap()).collect();
    let mut all = files[0][..24].to_vec();
    for round in 0.. {
        for file in &files {
            records(&file[24..], round, &mut all);
        }
        if all.len() >= INPUT {
            break;
        }
    }
    all
});

fn gather(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            gather(&path, files);
        } else if path.file_name().is_some_and(|n| n == "capture.pcap") {
            files.push(path);
        }
    }
}

/// Copies records, in each round ten minutes later than in the one before, so that connections do not mix.
fn records(mut bytes: &[u8], round: u32, out: &mut Vec<u8>) {
    while let Some(header) = bytes.first_chunk::<16>() {
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        let len = 16 + number(8) as usize;
        out.extend((number(0) + round * 600).to_le_bytes());
        out.extend(&bytes[4..len]);
        bytes = &bytes[len..];
    }
}

fn source() -> Source {
    Source::from_reader(Box::new(Cursor::new(CAPTURE.as_slice())), "bench").unwrap()
}

fn main() {
    divan::main();
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(CAPTURE.len())).bench(|| {
        let mut source = source();
        let mut packets = 0u64;
        while let Some(packet) = source.next_packet() {
            packets += u64::from(packet.original_len > 0);
        }
        packets
    });
}

#[divan::bench]
fn read_and_decode(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(CAPTURE.len())).bench(|| {
        let mut source = source();
        let mut payload = 0u64;
        while let Some(packet) = source.next_packet() {
            if let link::Decoded::Ip(frame) = link::decode(packet.link_type, packet.bytes, packet.original_len)
                && let ip::Decoded::Tcp(segment) = ip::decode(frame)
            {
                payload += u64::from(segment.payload_len);
            }
        }
        payload
    });
}

#[divan::bench]
fn to_verdicts(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::new(CAPTURE.len())).bench(|| {
        run(vec![("bench".into(), source())], &Options::default(), &mut Nothing, |_, _| {}).unwrap().counts.failed
    });
}

/// A report that nobody reads.
struct Nothing;

impl Renderer for Nothing {
    fn connection(&mut self, _: &Connection, _: &Diagnosis) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
