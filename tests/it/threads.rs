//! What comes out does not depend on how many threads work at it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::common::packets::Capture as Packets;
use crate::common::{cases, tape};
use why502::analysis::{Failure, Options, run};
use why502::diagnosis::Diagnosis;
use why502::observation::Connection;
use why502::report::{Capture, Json, NdJson, Renderer, Summary};
use why502::source::{Again, Source};

/// Every capture of the repository: as files, which several threads can read, or as what comes through a pipe.
fn all(piped: bool) -> Vec<(String, Source)> {
    cases().into_iter().map(|case| (case.name, source(&case.path, piped))).collect()
}

fn source(path: &Path, piped: bool) -> Source {
    if piped {
        Source::from_reader(Box::new(File::open(path).unwrap()), "-").unwrap()
    } else {
        Source::open(path).unwrap()
    }
}

#[test]
fn however_many_threads_say_the_same_of_every_capture() {
    for case in cases() {
        let said = |threads, piped| {
            let sources = vec![("capture".to_owned(), source(&case.path, piped))];
            let options = Options { threads, ..case.with_keys() };
            let mut out = Vec::new();
            run(sources, &options, &mut Json::new(&mut out), |_, _| {}).unwrap();
            out
        };
        let one = said(1, false);
        for (threads, piped) in [(2, false), (3, false), (4, false), (9, false), (3, true)] {
            assert!(one == said(threads, piped), "{} by {threads} threads", case.name);
        }
    }
}

#[test]
fn however_many_threads_say_the_same_of_all_together() {
    let said = |threads, piped| {
        let mut out = Vec::new();
        let options = Options { threads, ..Options::default() };
        run(all(piped), &options, &mut NdJson::new(&mut out, false), |_, _| {}).unwrap();
        out
    };
    let one = said(1, false);
    assert!(one.iter().filter(|&&b| b == b'\n').count() > 500);
    for (threads, piped) in [(2, false), (5, false), (3, true)] {
        assert!(one == said(threads, piped), "by {threads} threads");
    }
}

/// The first packet of a connection from one of 2^18 clients.
fn syn(n: u32, micros: u64) -> tape::Packet {
    let client = [130, 176 + (n >> 16) as u8, (n >> 8) as u8, n as u8];
    let syn = Packets::new().between((client, 40_000), ([10, 0, 0, 5], 443)).edge(2, b"").bytes();
    let bytes = [&[2; 12][..], &[8, 0], &syn[40..]].concat();
    tape::Packet { micros, wire: bytes.len() as u32, bytes }
}

/// Every classic capture several times over, at hosts of its own each time, so that thousands of connections are open beside
/// each other: more than a shard may have, where `crowded`. Before them, `bulk` has large packets.
fn large(bulk: bool, crowded: bool) -> Vec<u8> {
    const BEGIN: u64 = 1_800_000_000_000_000;
    let mut all = Vec::new();
    for (i, case) in (0..).zip(cases()) {
        let bytes = fs::read(&case.path).unwrap();
        let link = bytes.get(20..24).map(|link| u32::from_le_bytes(link.try_into().unwrap()));
        if !bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) || link != Some(1) {
            continue;
        }
        let packets = tape::read(&bytes);
        let first = packets.first().map_or(0, |p| p.micros);
        for round in 0..3 {
            all.extend(packets.iter().cloned().map(|mut p| {
                p.micros = BEGIN + p.micros.saturating_sub(first).min(600_000_000) + 7_000 * i + 900_000 * round;
                // Whose addresses are the host's own: behind the headers of IPv4.
                for at in [26, 30] {
                    if p.bytes.get(12..14) == Some(&[8, 0]) && p.bytes.get(at) == Some(&10) {
                        p.bytes[at + 1] ^= 16 * round as u8;
                    }
                }
                p
            }));
        }
    }
    if crowded {
        for n in 0..12_000_u32 {
            all.push(syn(n, BEGIN + 1_000_000 + u64::from(n) * 50));
        }
    }
    all.sort_by_key(|p| p.micros);
    if bulk {
        let body = vec![b'x'; 1_400];
        let mut transfer = Packets::new().open().edge(16, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        transfer = transfer.origin(16, b"HTTP/1.1 200 OK\r\nContent-Length: 5600000\r\n\r\n");
        for _ in 0..4_000 {
            transfer = transfer.origin(16, &body);
        }
        let transfer = tape::read(&transfer.close().bytes()).into_iter().map(|p| {
            let bytes = [&[2; 12][..], &[8, 0], &p.bytes].concat();
            tape::Packet { micros: p.micros - 10_000_000, wire: bytes.len() as u32, bytes }
        });
        all.splice(..0, transfer);
    }
    tape::write(&all)
}

/// Batches, shards that are full, and reading ahead are met by large captures alone.
#[test]
fn however_many_threads_say_the_same_of_a_large_capture() {
    for (name, bulk, crowded) in [("small packets", false, true), ("large packets", true, false)] {
        let bytes = large(bulk, crowded);
        assert!(bytes.len() > 1 << 20, "{name}: {}", bytes.len());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("threads-{bulk}.pcap"));
        fs::write(&path, bytes).unwrap();
        let said = |threads, piped| {
            let sources = vec![("capture".to_owned(), source(&path, piped))];
            // An eighth of it for each shard.
            let options = Options { threads, max_connections: 8_192, ..Options::default() };
            let mut out = Vec::new();
            run(sources, &options, &mut Json::new(&mut out), |_, _| {}).unwrap();
            out
        };
        let one = said(1, false);
        let text = String::from_utf8_lossy(&one);
        assert_eq!(text.contains("\"kind\":\"connections-evicted\""), crowded, "{name}");
        assert!(text.matches("\"community_id\"").count() > 1_000, "{name}");
        for (threads, piped) in [(2, false), (3, false), (8, false), (1, true), (2, true), (3, true)] {
            assert!(one == said(threads, piped), "{name} by {threads} threads, piped: {piped}");
        }
        fs::remove_file(path).unwrap();
    }
}

/// What is said of such a capture, by one reader or by as many as there are threads; it `ends` there.
fn said_of(bytes: &Arc<[u8]>, ends: Option<usize>, options: &Options) -> String {
    let bytes = Arc::clone(bytes);
    let again: Again = Arc::new(move || {
        let whole = io::Cursor::new(Arc::clone(&bytes));
        match ends {
            Some(at) => Box::new(whole.take(at as u64).chain(Fails)),
            None => Box::new(whole),
        }
    });
    let sources = vec![("capture".to_owned(), Source::from_readers(again, "capture").unwrap())];
    let mut out = Vec::new();
    run(sources, options, &mut Json::new(&mut out), |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

struct Fails;

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn an_input_that_fails_midway_is_told_alike() {
    let bytes: Arc<[u8]> = large(false, false).into();
    let said = |threads| said_of(&bytes, Some(bytes.len() / 2), &Options { threads, ..Options::default() });
    let one = said(1);
    assert!(one.contains("the disk is gone") && one.matches("\"community_id\"").count() > 300);
    for threads in [2, 3, 4] {
        assert!(one == said(threads), "by {threads} threads");
    }
}

/// Who has nothing to tell for long stops nobody, and what cannot be told yet is taken all the same.
#[test]
fn threads_whose_connections_do_not_end_stop_nobody() {
    let flood: Vec<_> = (0..60_000).map(|n| syn(n, u64::from(n) * 50)).collect();
    let one = Packets::new().open().edge(16, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let one = tape::read(&one.origin(16, b"HTTP/1.1 204 No Content\r\n\r\n").close().bytes());
    // The same ends each time, so that one thread has all of them; the client begins with another number.
    let again = (0..8_000_u32).flat_map(|round| {
        one.iter().map(|p| (p, &one[0])).map(move |(p, syn)| {
            let mut bytes = [&[2; 12][..], &[8, 0], &p.bytes].concat();
            let at = if bytes[34..36] == syn.bytes[20..22] { 38 } else { 42 };
            let number = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()).wrapping_add(round << 18);
            bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
            tape::Packet { micros: p.micros + u64::from(round) * 1_000_000, wire: bytes.len() as u32, bytes }
        })
    });
    for (name, packets, connections) in [("flood", flood, 60_000), ("one pair of ends", again.collect(), 8_000)] {
        let bytes: Arc<[u8]> = tape::write(&packets).into();
        for max_connections in [1_000, 131_072] {
            let said = |threads| said_of(&bytes, None, &Options { threads, max_connections, ..Options::default() });
            let one = said(1);
            assert_eq!(one.matches("\"community_id\"").count(), connections, "{name}");
            for threads in [2, 3, 4] {
                assert!(one == said(threads), "{name} by {threads} threads");
            }
        }
    }
}

/// Fails at the first connection.
struct Full;

impl Renderer for Full {
    fn connection(&mut self, _: &Connection, _: &Diagnosis) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn wants_first_verdicts(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_ends_it_and_is_told() {
    for (threads, piped) in [(1, false), (2, false), (3, false), (4, false), (3, true)] {
        let options = Options { threads, ..Options::default() };
        let failed = run(all(piped), &options, &mut Full, |_, _| {});
        let told = matches!(&failed, Err(Failure::Output(error)) if error.kind() == io::ErrorKind::StorageFull);
        assert!(told, "{threads}: {:?}", failed.err());
    }
}
