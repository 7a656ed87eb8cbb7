//! Small captures made by hand, where a test needs bytes that no real server sends.

use std::collections::HashMap;

/// An address and a port.
pub(crate) type End = ([u8; 4], u16);

/// CloudFront's end.
const EDGE: End = ([130, 176, 1, 2], 40_112);
/// The origin's end.
const ORIGIN: End = ([10, 0, 0, 5], 80);

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// The header of a pcap file of raw IP packets.
pub(crate) fn header() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144u32.to_le_bytes());
    file.extend(101u32.to_le_bytes());
    file
}

/// A capture in the making: one connection, or several in turn, a millisecond between packets.
pub(crate) struct Capture {
    file: Vec<u8>,
    packets: u32,
    ends: (End, End),
    edge: u32,
    origin: u32,
    /// The next sequence numbers of the other connections.
    others: HashMap<(End, End), (u32, u32)>,
}

impl Capture {
    /// With nothing but its header.
    pub(crate) fn new() -> Capture {
        Capture { file: header(), packets: 0, ends: (EDGE, ORIGIN), edge: 1_000, origin: 9_000, others: HashMap::new() }
    }

    /// Begins another connection.
    pub(crate) fn next(self) -> Capture {
        let ((ip, port), origin) = self.ends;
        self.between((ip, port + 1), origin)
    }

    /// Goes on with the connection between these ends.
    pub(crate) fn between(mut self, client: End, server: End) -> Capture {
        self.others.insert(self.ends, (self.edge, self.origin));
        self.ends = (client, server);
        (self.edge, self.origin) = self.others.remove(&self.ends).unwrap_or((1_000, 9_000));
        self
    }

    /// Goes on at another origin.
    pub(crate) fn server(self, ip: [u8; 4]) -> Capture {
        let (edge, (_, port)) = self.ends;
        self.between(edge, (ip, port))
    }

    /// Lets so many seconds pass.
    pub(crate) fn later(mut self, seconds: u32) -> Capture {
        self.packets += seconds * 1_000;
        self
    }

    /// The handshake of TCP.
    pub(crate) fn open(self) -> Capture {
        self.edge(SYN, b"").origin(SYN | ACK, b"").edge(ACK, b"")
    }

    /// A request and its answer.
    pub(crate) fn exchange(self, request: &[u8], response: &[u8]) -> Capture {
        self.edge(ACK, request).origin(ACK, response)
    }

    /// FIN from both sides.
    pub(crate) fn close(self) -> Capture {
        self.edge(FIN | ACK, b"").origin(FIN | ACK, b"").edge(ACK, b"")
    }

    /// A connection that is refused.
    pub(crate) fn refused(self) -> Capture {
        self.edge(SYN, b"").origin(RST | ACK, b"")
    }

    /// A connection on which all is well.
    pub(crate) fn healthy(self) -> Capture {
        let (get, ok) =
            (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        self.open().exchange(get, ok).close()
    }

    pub(crate) fn edge(mut self, flags: u8, data: &[u8]) -> Capture {
        let (edge, origin) = self.ends;
        self.packet(edge, origin, (self.edge, self.origin), flags, data);
        self.edge += data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self
    }

    /// The edge's last bytes once more, a second later each time.
    pub(crate) fn edge_repeats(mut self, times: u32, data: &[u8]) -> Capture {
        for _ in 0..times {
            self = self.later(1);
            self.edge -= data.len() as u32;
            self = self.edge(ACK, data);
        }
        self
    }

    pub(crate) fn origin(mut self, flags: u8, data: &[u8]) -> Capture {
        let (edge, origin) = self.ends;
        self.packet(origin, edge, (self.origin, self.edge), flags, data);
        self.origin += data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self
    }

    /// Bytes of the origin's in packets that each begin so many bytes after the first, in this order.
    pub(crate) fn origin_in_parts(mut self, flags: u8, parts: &[(usize, &[u8])], len: usize) -> Capture {
        let (edge, origin) = self.ends;
        for (at, data) in parts {
            self.packet(origin, edge, (self.origin + *at as u32, self.edge), flags, data);
        }
        self.origin += len as u32;
        self
    }

    /// A packet of the origin's that it sends before it has got the edge's last bytes.
    pub(crate) fn origin_without(mut self, unread: &[u8], flags: u8) -> Capture {
        self.edge -= unread.len() as u32;
        let mut crossed = self.origin(flags, b"");
        crossed.edge += unread.len() as u32;
        crossed
    }

    /// A packet of the origin's that never arrives, sent so many times, a second apart.
    pub(crate) fn lost(mut self, data: &[u8], times: u32) -> Capture {
        let (edge, origin) = self.ends;
        for _ in 0..times {
            self.packet(origin, edge, (self.origin, self.edge), ACK, data);
            self = self.later(1);
        }
        self
    }

    /// The edge sends bytes that the capture misses.
    pub(crate) fn missed(mut self, len: u32) -> Capture {
        self.edge += len;
        self
    }

    /// The edge's first packet, sent again.
    pub(crate) fn again(mut self, flags: u8) -> Capture {
        let (edge, origin) = self.ends;
        self.packet(edge, origin, (1_000, 0), flags, b"");
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.file
    }

    fn packet(&mut self, from: ([u8; 4], u16), to: ([u8; 4], u16), (seq, ack): (u32, u32), flags: u8, data: &[u8]) {
        let mut p = vec![0x45, 0];
        p.extend((40 + data.len() as u16).to_be_bytes());
        p.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        p.extend(from.0);
        p.extend(to.0);
        p.extend(from.1.to_be_bytes());
        p.extend(to.1.to_be_bytes());
        p.extend(seq.to_be_bytes());
        p.extend(if flags & ACK == 0 { 0 } else { ack }.to_be_bytes());
        p.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        p.extend(data);
        self.file.extend((1_800_000_000 + self.packets / 1_000).to_le_bytes());
        self.file.extend((self.packets % 1_000 * 1_000).to_le_bytes());
        self.file.extend((p.len() as u32).to_le_bytes());
        self.file.extend((p.len() as u32).to_le_bytes());
        self.file.extend(p);
        self.packets += 1;
    }
}
