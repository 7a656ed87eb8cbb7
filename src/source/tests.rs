//! Captures built byte by byte, and every way of damaging them.

use super::*;
use std::io::{Cursor, Read, Write as _};

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
struct Writer(bool);

impl Writer {
    const LITTLE: Writer = Writer(false);
    const BIG: Writer = Writer(true);

    fn u16(self, n: u16) -> Vec<u8> {
        if self.0 { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    fn u32(self, n: u32) -> Vec<u8> {
        if self.0 { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    fn u64(self, n: u64) -> Vec<u8> {
        if self.0 { n.to_be_bytes().to_vec() } else { n.to_le_bytes().to_vec() }
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|&n| self.u32(n)).collect()
    }

    fn pcap(self, magic: u32, snap: u32, link: u32) -> Vec<u8> {
        [self.u32(magic), self.u16(2), self.u16(4), self.words(&[0, 0, snap, link])].concat()
    }

    fn record(self, time: (u32, u32), original: u32, data: &[u8]) -> Vec<u8> {
        [self.words(&[time.0, time.1, data.len() as u32, original]), data.to_vec()].concat()
    }

    fn block(self, block_type: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let len = self.u32(body.len() as u32 + 12);
        [self.u32(block_type), len.clone(), body, len].concat()
    }

    fn section(self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[self.u32(0x1a2b_3c4d), self.u16(1), self.u16(0), self.u64(u64::MAX)].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut padded = value.to_vec();
        padded.resize(value.len().next_multiple_of(4), 0);
        [self.u16(code), self.u16(value.len() as u16), padded].concat()
    }

    fn interface(self, link: u16, snap: u32, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(1, &[self.u16(link), self.u16(0), self.u32(snap), options.concat()].concat())
    }

    fn enhanced(self, interface: u32, ticks: u64, original: u32, data: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let mut padded = data.to_vec();
        padded.resize(data.len().next_multiple_of(4), 0);
        let fixed = [interface, (ticks >> 32) as u32, ticks as u32, data.len() as u32, original];
        self.block(6, &[self.words(&fixed), padded, options.concat()].concat())
    }
}

fn open(bytes: Vec<u8>) -> Result<Source, OpenError> {
    Source::from_reader(Box::new(Cursor::new(bytes)), "test")
}

/// Frame number, time in nanoseconds, link type, captured bytes and original length of every packet.
type Row = (u64, i64, u16, Vec<u8>, u32);

fn rows(source: &mut Source) -> Vec<Row> {
    let mut rows = Vec::new();
    while let Some(p) = source.next_packet() {
        rows.push((p.frame, p.time.0, p.link_type.0, p.bytes.to_vec(), p.original_len));
    }
    rows
}

fn read(bytes: Vec<u8>) -> (Vec<Row>, Info) {
    let mut source = open(bytes).unwrap();
    (rows(&mut source), source.info().clone())
}

fn kinds(info: &Info) -> Vec<(ProblemKind, u64)> {
    info.problems.iter().map(|problem| (problem.kind, problem.count)).collect()
}

#[test]
fn every_variant_of_pcap_gives_the_same_packets() {
    for w in [Writer::LITTLE, Writer::BIG] {
        for (magic, unit, extra) in [(0xa1b2_c3d4, 1000, 0), (0xa1b2_3c4d, 1, 0), (0xa1b2_cd34, 1000, 8)] {
            let mut file = w.pcap(magic, 96, 0xf400_0001);
            for (seconds, data) in [(1, &b"abc"[..]), (2, b""), (3, b"defgh")] {
                file.extend(w.words(&[seconds, 5, data.len() as u32, 7]));
                file.extend(vec![0xee; extra]);
                file.extend(data);
            }
            let at = |seconds: i64| seconds * 1_000_000_000 + 5 * unit;
            let (rows, info) = read(file.clone());
            assert_eq!(
                rows,
                [(1, at(1), 1, b"abc".to_vec(), 7), (2, at(2), 1, vec![], 7), (3, at(3), 1, b"defgh".to_vec(), 7)]
            );
            assert_eq!((info.first_time, info.last_time), (Some(Timestamp(at(1))), Some(Timestamp(at(3)))));
            assert_eq!((info.snap_length, info.bytes), (Some(96), file.len() as u64));
            assert_eq!(kinds(&info), [(ProblemKind::FrameTruncated, 3)]);
            assert_eq!(info.link_types, [LinkType::ETHERNET]);
        }
    }
}

/// Two sections of different byte order, two interfaces of different clocks, every kind of packet block.
fn pcapng() -> Vec<u8> {
    let (w, v) = (Writer::LITTLE, Writer::BIG);
    [
        w.section(),
        w.interface(1, 4, &[w.option(9, &[9]), w.option(14, &w.u64(10)), w.option(0, &[])]),
        w.interface(113, 0, &[w.option(2, b"eth0")]),
        w.enhanced(0, 1, 3, b"abc", &[]),
        w.block(0xbad, b"pen!"),
        w.enhanced(1, 11_000_000, 2, b"de", &[w.option(4, &w.u64(3)), w.option(0, &[])]),
        w.block(3, &[w.u32(9), b"fghi".to_vec()].concat()),
        w.block(10, &[w.words(&[0x544c_534b, 5]), b"keys!".to_vec()].concat()),
        w.block(5, &[w.words(&[1, 0, 0]), w.option(5, &w.u64(4)), w.option(7, &w.u64(5))].concat()),
        w.block(0x77, b"unknown"),
        v.section(),
        v.interface(101, 0, &[]),
        v.block(2, &[v.u16(0), v.u16(1), v.words(&[0, 12_000_000, 1, 1]), b"j".to_vec()].concat()),
        v.enhanced(0, 13_000_000, 1, b"k", &[]),
    ]
    .concat()
}

#[test]
fn sections_interfaces_and_blocks_of_pcapng() {
    let (rows, info) = read(pcapng());
    assert_eq!(
        rows,
        [
            (1, 10_000_000_001, 1, b"abc".to_vec(), 3),
            (3, 11_000_000_000, 113, b"de".to_vec(), 2),
            (4, 11_000_000_000, 1, b"fghi".to_vec(), 9),
            (5, 12_000_000_000, 101, b"j".to_vec(), 1),
            (6, 13_000_000_000, 101, b"k".to_vec(), 1),
        ]
    );
    assert_eq!(info.link_types, [LinkType::ETHERNET, LinkType::LINUX_SLL, LinkType::RAW]);
    let problems = [(ProblemKind::FramesDropped, 10), (ProblemKind::NoTimestamps, 1), (ProblemKind::FrameTruncated, 1)];
    assert_eq!(kinds(&info), problems);
    assert_eq!((info.secrets[0].kind, &info.secrets[0].data[..]), (0x544c_534b, &b"keys!"[..]));
    assert!(!format!("{info:?}").contains("keys!") && !format!("{:?}", info.secrets).contains("107"));
}

#[test]
fn a_file_cut_anywhere_gives_what_came_before() {
    let w = Writer::LITTLE;
    let pcap =
        [w.pcap(0xa1b2_c3d4, 0, 1), w.record((1, 0), 3, b"abc"), w.record((2, 0), 0, b""), w.record((3, 0), 2, b"de")]
            .concat();
    for file in [pcap, pcapng()] {
        let (whole, _) = read(file.clone());
        for len in 0..file.len() {
            let Ok(mut source) = open(file[..len].to_vec()) else { continue };
            let got = rows(&mut source);
            assert!(whole.starts_with(&got), "{len}");
            let cut = source.info().problems.iter().find(|p| p.kind == ProblemKind::FileTruncated);
            // Where a record ends, a shorter file is a whole one.
            assert!(cut.is_some() || source.info().bytes == len as u64, "{len}");
            assert!(got.len() < whole.len() || len > file.len() - 20);
        }
    }
}

#[test]
fn a_damaged_byte_never_panics() {
    let file = pcapng();
    for at in 0..file.len() {
        for value in [0, 1, 0x7f, 0xff, file[at] ^ 0x80] {
            let mut damaged = file.clone();
            damaged[at] = value;
            if let Ok(mut source) = open(damaged) {
                rows(&mut source);
            }
        }
    }
}

#[test]
fn impossible_lengths_stop_the_reading_and_are_told() {
    let w = Writer::LITTLE;
    let pcap = |len| [w.pcap(0xa1b2_c3d4, 0, 1), w.record((1, 0), 1, b"a"), w.words(&[2, 0, len, 9])].concat();
    let ng = |tail: Vec<u8>| [w.section(), w.interface(1, 0, &[]), w.enhanced(0, 1, 1, b"a", &[]), tail].concat();
    let mut unequal = w.enhanced(0, 1, 1, b"a", &[]);
    *unequal.last_mut().unwrap() = 9;
    for (file, kind) in [
        (pcap(MAX_PACKET + 1), ProblemKind::ImpossibleLength),
        (pcap(u32::MAX), ProblemKind::ImpossibleLength),
        (pcap(MAX_PACKET), ProblemKind::FileTruncated),
        (ng(w.words(&[6, 8, 8])), ProblemKind::ImpossibleLength),
        (ng(w.words(&[0x77, MAX_BLOCK + 4, 0])), ProblemKind::ImpossibleLength),
        (ng(w.words(&[6, MAX_BLOCK, 0])), ProblemKind::FileTruncated),
        (ng(w.block(6, &w.words(&[0, 0, 0, 5, 5, 0]))), ProblemKind::ImpossibleLength),
        (ng(w.block(6, &w.words(&[0, 0, 0]))), ProblemKind::DamagedBlock),
        (ng(w.enhanced(7, 1, 1, b"a", &[])), ProblemKind::UnknownInterface),
        (ng(unequal), ProblemKind::DamagedBlock),
        (ng(w.block(1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 99, 0])), ProblemKind::DamagedBlock),
        (ng(w.block(0x0a0d_0d0a, &w.words(&[0x1a2b_3c4d, 2, 0, 0]))), ProblemKind::UnknownBlockVersion),
        (ng(w.block(0x0a0d_0d0a, &w.words(&[5, 1, 0, 0]))), ProblemKind::DamagedBlock),
    ] {
        let (rows, info) = read(file);
        assert_eq!((rows.len(), kinds(&info)), (1, vec![(kind, 1)]));
        assert!(info.problems[0].detail.starts_with("frame 2, byte "), "{}", info.problems[0].detail);
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let w = Writer::LITTLE;
    let section = |bytes: &[u32]| w.block(0x0a0d_0d0a, &w.words(bytes));
    for (file, text) in [
        (vec![], "test: is empty"),
        (vec![0xd4, 0xc3], "is not a pcap or pcapng capture"),
        (w.pcap(0xa1b2_c3d4, 0, 1)[..23].to_vec(), "ends within its header (23 of 24 bytes)"),
        (w.section()[..20].to_vec(), "ends within its header (20 of 28 bytes)"),
        ([w.u32(0xa1b2_c3d4), vec![9, 0, 4, 0], vec![0; 16]].concat(), "version 9.4"),
        (section(&[0x1a2b_3c4d, 2, 0, 0]), "version 2.0"),
        (section(&[7, 1, 0, 0]), "damaged pcapng header"),
        (b"snoop\0\0\0more".to_vec(), "snoop capture"),
        (b"12:00:00.123456 IP a > b\n".to_vec(), "text that tcpdump prints"),
        (vec![0x1f, 0x8b, 8, 0, 0], "damaged gzip data"),
    ] {
        let error = open(file).err().unwrap().to_string();
        assert!(error.contains(text) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_header_without_packets_is_a_problem_and_no_error() {
    for file in [Writer::BIG.pcap(0xa1b2_c3d4, 0, 1), Writer::BIG.section()] {
        let (rows, info) = read(file);
        assert_eq!((rows.len(), kinds(&info)), (0, vec![(ProblemKind::NoPackets, 1)]));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A skippable frame, of both formats that have them.
fn skippable(len: u32) -> Vec<u8> {
    [Writer::LITTLE.words(&[0x184d_2a53, len]), vec![7; len as usize]].concat()
}

/// A way to compress.
type Compress = fn(&[u8]) -> Vec<u8>;

#[test]
fn compression_is_known_by_its_content_and_has_many_frames() {
    let file = pcapng();
    let (whole, _) = read(file.clone());
    let formats: [(&str, Compress, Vec<u8>); 3] =
        [("gzip", gzip, vec![]), ("zstd", zstd, skippable(9)), ("lz4", lz4, skippable(100_000))];
    for (name, compress, between) in formats {
        let parts = [compress(&file[..100]), compress(b""), between, compress(&file[100..])].concat();
        let (rows, info) = read(parts.clone());
        assert_eq!((rows, info.compression, info.bytes), (whole.clone(), Some(name), file.len() as u64));
        // What comes before an end or a damage is kept, and that is said.
        for len in 80..parts.len() {
            let Ok(mut source) = open(parts[..len].to_vec()) else { continue };
            let got = super::tests::rows(&mut source);
            let cut = source.info().problems.iter().any(|p| p.kind == ProblemKind::FileTruncated);
            assert!(whole.starts_with(&got) && (cut || got.len() < whole.len()), "{name} {len}");
        }
        let mut damaged = parts.clone();
        let at = damaged.len() - if name == "gzip" { 6 } else { 2 };
        damaged[at] ^= 1;
        let (rows, info) = read(damaged);
        assert!(rows.len() == whole.len(), "{name}: only the checksum is wrong");
        assert!(kinds(&info).contains(&(ProblemKind::CompressionDamaged, 1)), "{name} {info:?}");
        let (rows, info) = read([&parts[..], b"behind it"].concat());
        assert!(rows == whole && name == "gzip" || kinds(&info).contains(&(ProblemKind::CompressionDamaged, 1)));
        for other in [gzip, zstd, lz4] {
            let error = open(compress(&other(&file))).err().unwrap().to_string();
            assert!(error.contains("compressed twice"), "{name}: {error}");
        }
        assert!(open(compress(b"")).err().unwrap().to_string().contains("is empty"), "{name}");
    }
}

#[test]
fn a_damaged_byte_of_a_compressed_file_never_panics() {
    for file in [zstd(&pcapng().repeat(3)), lz4(&pcapng().repeat(3)), skippable(3)] {
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0xff, file[at] ^ 0x80] {
                let mut damaged = file.clone();
                damaged[at] = value;
                if let Ok(mut source) = open(damaged) {
                    rows(&mut source);
                }
            }
        }
    }
}

#[test]
fn of_a_zstd_frame_cut_short_every_whole_block_is_kept() {
    let w = Writer::LITTLE;
    // Bytes that do not compress, so that the file is cut between packets that were written.
    let mut seed = 1_u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let mut file = w.pcap(0xa1b2_c3d4, 0, 1);
    for second in 0..1_000 {
        let data: Vec<u8> = (0..1_000).map(|_| noise()).collect();
        file.extend(w.record((second, 0), 1_000, &data));
    }
    let whole = zstd(&file);
    let (rows, info) = read(whole[..whole.len() * 3 / 4].to_vec());
    // The decoder's window is larger than this file; a block has 128 KiB.
    assert!(rows.len() > 600, "{}", rows.len());
    assert_eq!(kinds(&info), [(ProblemKind::FileTruncated, 1)]);
}

#[test]
fn a_window_beyond_the_limit_is_refused_by_its_header() {
    // Frame header descriptor: neither checksum nor content size; window descriptor: 2^41 bytes, and 2^28.
    for window in [31 << 3, 18 << 3] {
        let error = open([&[0x28, 0xb5, 0x2f, 0xfd, 0, window][..], &[0; 9]].concat()).err().unwrap().to_string();
        assert!(error.contains("--long=31") && !error.contains('\n'), "{error}");
    }
}

/// Gives one byte a time, and waits in between as far as the reader can see.
struct Trickle(Cursor<Vec<u8>>);
impl Read for Trickle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(&mut buf[..1])
    }
}

#[test]
fn a_pipe_that_gives_one_byte_a_time_gives_the_same() {
    let (whole, _) = read(pcapng());
    let mut source = Source::from_reader(Box::new(Trickle(Cursor::new(pcapng()))), "pipe").unwrap();
    assert_eq!(rows(&mut source), whole);
}

#[test]
fn secrets_and_interfaces_are_bounded() {
    let w = Writer::LITTLE;
    let secret = w.block(10, &[w.words(&[1, 1 << 20]), vec![7; 1 << 20]].concat());
    let (_, info) = read([w.section(), secret.repeat(17)].concat());
    assert!(info.secrets.len() == 15 && kinds(&info).contains(&(ProblemKind::SecretsNotKept, 2)));
    let (_, info) = read([w.section(), w.interface(1, 0, &[]).repeat(MAX_INTERFACES + 1)].concat());
    assert!(kinds(&info).contains(&(ProblemKind::TooManyInterfaces, 1)));
}

#[test]
fn a_twin_reads_the_same_from_the_beginning() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/healthy/bare-lf/capture.pcap");
    for rests in [false, true] {
        let mut source = Source::open(&path).unwrap();
        if rests {
            source.rest();
        } else {
            source.next_packet().unwrap();
        }
        let mut twin = source.twin().unwrap();
        let (of_twin, rest) = (rows(&mut twin), rows(&mut source));
        let first = usize::from(!rests);
        assert_eq!(of_twin.get(first..).unwrap(), rest, "rests: {rests}");
        assert!(of_twin.len() > 5);
    }
    assert!(open(gzip(&std::fs::read(&path).unwrap())).unwrap().twin().is_none());
}
