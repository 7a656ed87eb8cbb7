//! Readers of capture files: every packet once, as it is in the file, in whatever pieces the file comes.

use std::io::{Cursor, Read};

use why502::source::{MAX_PACKET, Source, decompressed};

use super::{Drip, in_proportion};

/// A packet: its number, time, link type, length on the wire, bytes.
type Told = (u64, i64, u16, u32, Vec<u8>);

/// Packets and problems of what is a capture.
fn told(read: Box<dyn Read + Send>) -> Option<(Vec<Told>, Vec<String>)> {
    let mut source = Source::from_reader(read, "fuzz").ok()?;
    let mut packets = Vec::new();
    while let Some(packet) = source.next_packet() {
        packets.push((packet.frame, packet.time.0, packet.link_type.0, packet.original_len, packet.bytes.to_vec()));
    }
    assert!(source.next_packet().is_none(), "the end stays the end");
    // Those of one read are put in order of time: where reads end may change which come first.
    packets.sort_by_key(|told| told.0);
    assert_eq!(source.info().frames, packets.len() as u64);
    let problems = source.info().problems.iter().map(|p| format!("{:?} {}", p.kind, p.count));
    let by_order = |told: &String| told.starts_with("OutOfOrder") || told.starts_with("ClockStepped");
    let problems = problems.filter(|told| !by_order(told)).collect();
    Some((packets, problems))
}

fn whole(bytes: &[u8], record: usize) {
    let Some((packets, problems)) = in_proportion(bytes.len(), || told(Box::new(Cursor::new(bytes.to_vec())))) else {
        return;
    };
    // Blocks that are no packets may have numbers as well.
    assert!(packets.is_sorted_by(|one, next| one.0 < next.0), "each has its number");
    assert!(packets.iter().all(|told| told.0 > 0 && told.4.len() <= MAX_PACKET as usize));
    let carried: usize = packets.iter().map(|told| told.4.len() + record).sum();
    assert!(carried <= bytes.len(), "no byte is told twice");
    for most in [1, 61] {
        let pieces = told(Box::new(Drip::new(bytes, most))).expect("it is a capture still");
        assert_eq!(pieces.1, problems, "in pieces of {most}");
        assert!(pieces.0 == packets, "in pieces of {most}");
    }
}

/// A pcap file, whatever its first bytes were.
pub(super) fn pcap(bytes: &[u8]) {
    const MAGIC: [[u8; 4]; 6] = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x34, 0xcd, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xcd, 0x34],
    ];
    let mut file = bytes.to_vec();
    if file.len() >= 4 && !MAGIC.iter().any(|magic| file.starts_with(magic)) {
        let magic = MAGIC[usize::from(file[0]) % MAGIC.len()];
        file[..4].copy_from_slice(&magic);
    }
    whole(&file, 16);
}

/// A pcapng file, whatever its first bytes were.
pub(super) fn pcapng(bytes: &[u8]) {
    let mut file = bytes.to_vec();
    if file.len() >= 4 {
        file[..4].copy_from_slice(&[0x0a, 0x0d, 0x0d, 0x0a]);
    }
    // The smallest record is a block of packets without a header of its own: type, two lengths, length on the wire.
    whole(&file, 16);
}

/// Bytes taken of what is decompressed: one of them may stand for a thousand.
const ENOUGH: u64 = 1 << 20;

/// What may be compressed: the same bytes and the same error at the same place, in whatever pieces it comes.
pub(super) fn compressed(bytes: &[u8]) {
    let inflate = |read: Box<dyn Read + Send>| {
        let (format, read) = decompressed(read).expect("memory can be read");
        let mut out = Vec::new();
        let error = read.take(ENOUGH).read_to_end(&mut out).err().map(|e| e.kind());
        (format, out, error)
    };
    let whole = in_proportion(bytes.len() + ENOUGH as usize / 8, || inflate(Box::new(Cursor::new(bytes.to_vec()))));
    assert!(whole.1.len() as u64 <= ENOUGH);
    if whole.0.is_none() {
        assert_eq!(whole.1, bytes.get(..ENOUGH as usize).unwrap_or(bytes));
    }
    let pieces = inflate(Box::new(Drip::new(bytes, 61)));
    assert_eq!((pieces.0, pieces.2), (whole.0, whole.2));
    // Of what lies right before a damage, more or less may still come out.
    let less = pieces.1.len().min(whole.1.len());
    assert!(pieces.1[..less] == whole.1[..less]);
    assert!(whole.2.is_some() || pieces.1.len() == whole.1.len());
}
