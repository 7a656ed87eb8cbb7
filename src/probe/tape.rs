//! What went over sockets, as packets: TCP/IP is made around the real bytes.
//!
//! Invariant: payloads, their order and their times are those of the socket; sequence numbers, windows and
//! acknowledgments that nobody showed are made up, and the report calls the capture synthetic.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::Timestamp;
use crate::ip::{checksum, checksum_between};
use crate::source::{LinkType, Packet, Secrets, write};

/// The most bytes of packets kept of one question: a larger response is not read to its end.
pub const MAX_TAPE: usize = 32 << 20;

/// Payload of one made packet: what fits into an Ethernet frame.
const SEGMENT: usize = 1_400;

const TCP: u8 = 6;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// For experiments within one site (IEEE 802, local experimental ethertype 1): what stands in such a frame is a remark.
const REMARK: [u8; 2] = [0x88, 0xb5];

/// Packets as they are made.
#[derive(Debug, Default)]
pub struct Tape {
    frames: Vec<(Timestamp, Vec<u8>)>,
    secrets: Vec<u8>,
    bytes: usize,
    last: Timestamp,
}

/// One connection on a tape.
#[derive(Debug)]
pub(super) struct Track {
    client: SocketAddr,
    server: SocketAddr,
    /// The next byte of each side.
    next: (u32, u32),
    /// What the server has acknowledged.
    acknowledged: u32,
}

impl Tape {
    /// Whether no more is to be read.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= MAX_TAPE
    }

    /// Secrets of TLS, as lines of a key log.
    pub(super) fn learn(&mut self, log: &[u8]) {
        self.secrets.extend(log);
    }

    /// A remark, which no protocol is: it shows that time passed.
    pub(super) fn remark(&mut self, text: &str) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        frame.extend(REMARK);
        frame.extend(text.as_bytes());
        frame.resize(frame.len().max(60), 0);
        let time = self.now();
        self.push(time, frame);
    }

    /// All of it, as pcapng.
    ///
    /// # Errors
    /// What the output said.
    pub fn write(tapes: &[&Tape], out: &mut impl io::Write) -> io::Result<()> {
        write::begin(out, &[LinkType::ETHERNET])?;
        for tape in tapes {
            if !tape.secrets.is_empty() {
                write::secrets(out, Secrets::TLS_KEY_LOG, &tape.secrets)?;
            }
            for (time, bytes) in &tape.frames {
                let original_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let packet = Packet { frame: 0, time: *time, link_type: LinkType::ETHERNET, bytes, original_len };
                write::packet(out, 0, &packet)?;
            }
        }
        Ok(())
    }

    /// The time, later than that of every packet.
    pub(super) fn now(&mut self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last = Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX).max(self.last.0 + 1_000));
        self.last
    }

    fn push(&mut self, time: Timestamp, frame: Vec<u8>) {
        self.bytes += frame.len();
        self.frames.push((time, frame));
    }
}

impl Track {
    /// A connection that was asked for at this time. `client` may be what is guessed.
    pub(super) fn ask(tape: &mut Tape, client: SocketAddr, server: SocketAddr, begun: Timestamp) -> Track {
        let begin = u32::from(client.port()).wrapping_mul(0x9e37_79b1);
        let mut track = Track { client, server, next: (begin, !begin), acknowledged: begin };
        tape.push(begun, frame(client, server, (begin, 0), SYN, &[]));
        track.next.0 = begin.wrapping_add(1);
        track
    }

    /// It was accepted.
    pub(super) fn accepted(&mut self, tape: &mut Tape) {
        self.acknowledged = self.next.0;
        self.server_says(tape, SYN | ACK, &[]);
        self.client_says(tape, ACK, &[]);
    }

    /// It was refused by a RST.
    pub(super) fn refused(&mut self, tape: &mut Tape) {
        self.acknowledged = self.next.0;
        self.server_says(tape, RST | ACK, &[]);
    }

    /// The client sent bytes.
    pub(super) fn sent(&mut self, tape: &mut Tape, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            self.client_says(tape, PSH | ACK, segment);
        }
    }

    /// The server has acknowledged everything.
    pub(super) fn acknowledged(&mut self, tape: &mut Tape) {
        if self.acknowledged != self.next.0 {
            self.acknowledged = self.next.0;
            self.server_says(tape, ACK, &[]);
        }
    }

    /// The server sent bytes: whoever answers has read what it was sent.
    pub(super) fn received(&mut self, tape: &mut Tape, bytes: &[u8]) {
        self.acknowledged = self.next.0;
        for segment in bytes.chunks(SEGMENT) {
            self.server_says(tape, PSH | ACK, segment);
        }
        self.client_says(tape, ACK, &[]);
    }

    pub(super) fn client_ends(&mut self, tape: &mut Tape) {
        self.client_says(tape, FIN | ACK, &[]);
    }

    pub(super) fn client_resets(&mut self, tape: &mut Tape) {
        self.client_says(tape, RST | ACK, &[]);
    }

    pub(super) fn server_ends(&mut self, tape: &mut Tape) {
        self.acknowledged(tape);
        self.server_says(tape, FIN | ACK, &[]);
        self.client_says(tape, ACK, &[]);
    }

    pub(super) fn server_resets(&mut self, tape: &mut Tape) {
        self.server_says(tape, RST | ACK, &[]);
    }

    fn client_says(&mut self, tape: &mut Tape, flags: u8, payload: &[u8]) {
        let ack = if flags & ACK == 0 { 0 } else { self.next.1 };
        let (seq, time) = (self.next.0, tape.now());
        tape.push(time, frame(self.client, self.server, (seq, ack), flags, payload));
        self.next.0 = seq.wrapping_add(length(flags, payload));
    }

    fn server_says(&mut self, tape: &mut Tape, flags: u8, payload: &[u8]) {
        let (seq, time) = (self.next.1, tape.now());
        tape.push(time, frame(self.server, self.client, (seq, self.acknowledged), flags, payload));
        self.next.1 = seq.wrapping_add(length(flags, payload));
    }
}

/// What a segment takes of the sequence space.
fn length(flags: u8, payload: &[u8]) -> u32 {
    u32::from(flags & (SYN | FIN) != 0).wrapping_add(u32::try_from(payload.len()).unwrap_or_default())
}

/// A frame of Ethernet with all that is in it.
fn frame(from: SocketAddr, to: SocketAddr, (seq, ack): (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    /// A maximum segment size, as only a SYN says it.
    const OPTIONS: [u8; 4] = [2, 4, 0x05, 0xb4];
    let options: &[u8] = if flags & SYN == 0 { &[] } else { &OPTIONS };
    let words = u8::try_from(5 + options.len() / 4).unwrap_or(5);
    let mut tcp = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    tcp.extend([words << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(options);
    tcp.extend(payload);
    let size = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
    let sum = checksum_between(from.ip(), to.ip(), TCP, &tcp).to_be_bytes();
    tcp.splice(16..18, sum);
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            frame.extend([8, 0]);
            let mut ip = vec![0x45, 0];
            ip.extend((size + 20).to_be_bytes());
            ip.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
            ip.extend(from.octets());
            ip.extend(to.octets());
            let sum = checksum(&ip).to_be_bytes();
            ip.splice(10..12, sum);
            frame.extend(&ip);
        }
        (from, to) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(size.to_be_bytes());
            frame.extend([TCP, 64]);
            frame.extend(v6(from));
            frame.extend(v6(to));
        }
    }
    frame.extend(tcp);
    frame
}

fn v6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
