//! A capture of one connection, from what its sides say.

use why502::base::Side;

use super::ops::{Op, ops};

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// Bytes of one segment.
const SEGMENT: usize = 1_400;

/// A pcap file of raw IP packets, in the making.
struct Tape {
    file: Vec<u8>,
    packets: u32,
    next: [u32; 2],
}

impl Tape {
    fn put(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let (own, other) = if side == Side::Client { (0, 1) } else { (1, 0) };
        let ends = [([130, 176, 1, 2], 40_112_u16), ([10, 0, 0, 5], 443_u16)];
        let total = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
        self.packets += 1;
        for word in
            [1_780_000_000 + self.packets / 1_000, self.packets % 1_000 * 1_000, u32::from(total), u32::from(total)]
        {
            self.file.extend(word.to_le_bytes());
        }
        self.file.extend([0x45, 0]);
        self.file.extend(total.to_be_bytes());
        self.file.extend((self.packets as u16).to_be_bytes());
        self.file.extend([0, 0, 64, 6, 0, 0]);
        self.file.extend(ends[own].0);
        self.file.extend(ends[other].0);
        self.file.extend(ends[own].1.to_be_bytes());
        self.file.extend(ends[other].1.to_be_bytes());
        self.file.extend(self.next[own].to_be_bytes());
        self.file.extend(if flags & ACK == 0 { 0 } else { self.next[other] }.to_be_bytes());
        self.file.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.file.extend(payload);
        let more = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[own] = self.next[own].wrapping_add(more);
    }
}

/// What the sides say in `bytes`, in segments of at most `most` bytes.
#[must_use]
pub fn tape(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 101] {
        file.extend(word.to_le_bytes());
    }
    let mut tape = Tape { file, packets: 0, next: [1_000, 9_000] };
    tape.put(Side::Client, SYN, b"");
    tape.put(Side::Server, SYN | ACK, b"");
    tape.put(Side::Client, ACK, b"");
    for op in ops(bytes) {
        match op {
            Op::Data(side, data, _) => data.chunks(most.clamp(1, SEGMENT)).for_each(|piece| tape.put(side, ACK, piece)),
            Op::Gap(side, len, _) => {
                let own = usize::from(side == Side::Server);
                tape.next[own] = tape.next[own].wrapping_add(len as u32);
            }
        }
    }
    tape.put(Side::Server, ACK | FIN, b"");
    tape.put(Side::Client, ACK | FIN, b"");
    tape.put(Side::Server, ACK, b"");
    tape.file
}
