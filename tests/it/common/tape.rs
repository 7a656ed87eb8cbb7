//! The captures packet by packet, to be changed as the field changes them.

/// Length of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;

/// LINKTYPE_LINUX_SLL2, of captures on every interface.
const COOKED: u32 = 276;

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// A packet of a capture.
#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) micros: u64,
    pub(crate) wire: u32,
    pub(crate) bytes: Vec<u8>,
}

/// All packets of a capture.
pub(crate) type Tape = Vec<Packet>;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The packets of a classic pcap file in host order.
pub(crate) fn read(pcap: &[u8]) -> Tape {
    let (mut tape, mut at) = (Vec::new(), 24);
    while at + 16 <= pcap.len() {
        let len = u32_at(pcap, at + 8) as usize;
        let mut bytes = pcap[at + 16..at + 16 + len].to_vec();
        let mut wire = u32_at(pcap, at + 12);
        if u32_at(pcap, 20) == COOKED {
            // Into Ethernet, which all that follows is about: the EtherType stands first there, and IP after 20 bytes.
            let head = [&[0; 12], &bytes[..2]].concat();
            bytes.splice(..20, head);
            wire -= 6;
        }
        let micros = u64::from(u32_at(pcap, at)) * 1_000_000 + u64::from(u32_at(pcap, at + 4));
        tape.push(Packet { micros, wire, bytes });
        at += 16 + len;
    }
    tape
}

/// A classic pcap file of Ethernet packets.
pub(crate) fn write(tape: &[Packet]) -> Vec<u8> {
    let mut pcap = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        pcap.extend(word.to_le_bytes());
    }
    for p in tape {
        for word in [(p.micros / 1_000_000) as u32, (p.micros % 1_000_000) as u32, p.bytes.len() as u32, p.wire] {
            pcap.extend(word.to_le_bytes());
        }
        pcap.extend(&p.bytes);
    }
    pcap
}

impl Packet {
    pub(crate) fn is_v6(&self) -> bool {
        self.bytes[12..14] == [0x86, 0xdd]
    }

    pub(crate) fn tcp(&self) -> usize {
        if self.is_v6() { ETHERNET + 40 } else { ETHERNET + usize::from(self.bytes[ETHERNET] & 15) * 4 }
    }

    pub(crate) fn is_tcp(&self) -> bool {
        let protocol = if self.is_v6() { self.bytes[ETHERNET + 6] } else { self.bytes[ETHERNET + 9] };
        (self.is_v6() || self.bytes[12..14] == [8, 0]) && protocol == 6
    }

    /// With other ports.
    /// Where the ports are: of a segment, or of the one that an ICMP error quotes.
    fn numbers(&self) -> usize {
        match (self.is_tcp(), self.is_v6()) {
            (true, _) => self.tcp(),
            (false, true) => self.tcp() + 8 + 40,
            (false, false) => self.tcp() + 8 + 20,
        }
    }

    pub(crate) fn ports(&self) -> (u16, u16) {
        let at = self.numbers();
        (
            u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]),
            u16::from_be_bytes([self.bytes[at + 2], self.bytes[at + 3]]),
        )
    }

    fn set_ports(&mut self, (from, to): (u16, u16)) {
        let at = self.numbers();
        self.bytes[at..at + 2].copy_from_slice(&from.to_be_bytes());
        self.bytes[at + 2..at + 4].copy_from_slice(&to.to_be_bytes());
    }

    pub(crate) fn flags(&self) -> u8 {
        self.bytes[self.tcp() + 13]
    }

    /// Length of the payload, by what was captured.
    pub(crate) fn payload(&self) -> usize {
        let total = usize::from(u16::from_be_bytes([self.bytes[16], self.bytes[17]]));
        let end = if self.is_v6() || total == 0 { self.bytes.len() } else { ETHERNET + total };
        end.min(self.bytes.len()) - self.tcp() - usize::from(self.bytes[self.tcp() + 12] >> 4) * 4
    }

    /// The two segments that this one becomes on its way, without the link's padding.
    pub(crate) fn split(&self) -> [Packet; 2] {
        let (payload, tcp) = (self.payload(), self.tcp());
        let head = tcp + usize::from(self.bytes[tcp + 12] >> 4) * 4;
        let half = payload / 2;
        let part = |range: std::ops::Range<usize>| {
            let mut bytes = self.bytes[..head].to_vec();
            let seq = u32::from_be_bytes(bytes[tcp + 4..tcp + 8].try_into().unwrap()).wrapping_add(range.start as u32);
            bytes[tcp + 4..tcp + 8].copy_from_slice(&seq.to_be_bytes());
            bytes.extend(&self.bytes[head + range.start..head + range.end]);
            let (at, len) = if self.is_v6() { (ETHERNET + 4, bytes.len() - tcp) } else { (16, bytes.len() - ETHERNET) };
            bytes[at..at + 2].copy_from_slice(&(len as u16).to_be_bytes());
            Packet { micros: self.micros, wire: bytes.len() as u32, bytes }
        };
        let (mut first, mut last) = (part(0..half), part(half..payload));
        first.bytes[tcp + 13] &= !(FIN | PSH);
        if !self.is_v6() {
            last.bytes[ETHERNET + 5] ^= 1;
        }
        [first, last]
    }

    /// From the origin, whose ports are the lower ones.
    pub(crate) fn is_origins(&self) -> bool {
        let (from, to) = self.ports();
        from < to
    }
}

/// The same, so many seconds later.
pub(crate) fn later(tape: &[Packet], seconds: u64) -> Tape {
    tape.iter().cloned().map(|p| Packet { micros: p.micros + seconds * 1_000_000, ..p }).collect()
}

pub(crate) fn ports(tape: &[Packet], new: impl Fn(u16) -> u16) -> Tape {
    let mut tape = tape.to_vec();
    for p in &mut tape {
        let (from, to) = p.ports();
        p.set_ports((new(from), new(to)));
    }
    tape
}

/// In IPv6, between IPv4-mapped addresses.
pub(crate) fn mapped(tape: &[Packet]) -> Tape {
    let mut tape = tape.to_vec();
    for p in tape.iter_mut().filter(|p| p.is_tcp() && !p.is_v6()) {
        let tcp = p.tcp();
        let total = usize::from(u16::from_be_bytes([p.bytes[16], p.bytes[17]]));
        let payload = if total == 0 { p.bytes.len() - tcp } else { total - (tcp - ETHERNET) };
        let mut bytes = p.bytes[..12].to_vec();
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        bytes.extend((payload as u16).to_be_bytes());
        bytes.extend([6, 64]);
        for at in [26, 30] {
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
            bytes.extend(&p.bytes[at..at + 4]);
        }
        bytes.extend(&p.bytes[tcp..]);
        p.wire = p.wire + (bytes.len() as u32) - (p.bytes.len() as u32);
        p.bytes = bytes;
    }
    tape
}

/// Cut by a snap length.
pub(crate) fn snapped(tape: &[Packet], len: usize) -> Tape {
    let mut tape = tape.to_vec();
    tape.iter_mut().for_each(|p| p.bytes.truncate(len));
    tape
}

/// Without those TCP packets that are not to be kept.
pub(crate) fn filtered(tape: &[Packet], keep: impl Fn(usize, &Packet) -> bool) -> Tape {
    tape.iter().enumerate().filter(|(i, p)| !p.is_tcp() || keep(*i, p)).map(|(_, p)| p.clone()).collect()
}

/// Swaps packet `i` with the next one; the times stay in order, or go with the packets.
pub(crate) fn swapped(tape: &[Packet], i: usize, with_time: bool) -> Tape {
    let mut tape = tape.to_vec();
    tape.swap(i, i + 1);
    if !with_time {
        let (a, b) = (tape[i].micros, tape[i + 1].micros);
        (tape[i].micros, tape[i + 1].micros) = (b, a);
    }
    tape
}

/// Packet `i` once more: captured twice, or sent again under another IP identification.
pub(crate) fn doubled(tape: &[Packet], i: usize, after: u64, sent_again: bool) -> Tape {
    let mut tape = tape.to_vec();
    let mut copy = tape[i].clone();
    copy.micros += after;
    if sent_again && copy.is_tcp() && !copy.is_v6() {
        copy.bytes[ETHERNET + 4] ^= 0x55;
    }
    let at = tape.iter().position(|p| p.micros > copy.micros).unwrap_or(tape.len()).max(i + 1);
    tape.insert(at, copy);
    tape
}

/// The same connections again, on the same four-tuples, with other initial sequence numbers.
pub(crate) fn twice(tape: &[Packet], seconds: u64) -> Tape {
    let length = (tape[tape.len() - 1].micros - tape[0].micros) / 1_000_000 + 1;
    let mut again = later(tape, length + seconds);
    for p in again.iter_mut().filter(|p| p.is_tcp()) {
        let (at, origins, acknowledges) = (p.tcp(), p.is_origins(), p.flags() & ACK != 0);
        for (field, own) in [(4, true), (8, false)] {
            if own || acknowledges {
                let number = &mut p.bytes[at + field..at + field + 4];
                let shift = if origins == own { 0x4455_0000_u32 } else { 0x0123_4567 };
                let was = u32::from_be_bytes(number.try_into().unwrap());
                number.copy_from_slice(&was.wrapping_add(shift).to_be_bytes());
            }
        }
    }
    [tape.to_vec(), again].concat()
}
