//! Both directions together.

use super::fault::{Fault, FaultKind};
use super::half::{Half, Piece};
use super::hpack::Decoder;
use super::receive::Block;
use super::settings::{FIRST_FRAME_SIZE, Settings};
use super::streams::{Streams, connection_window};
use super::transcript::{GoAway, Transcript};
use crate::base::{FrameRef, PerSide, Side};

/// Reads both directions of one connection as they come, and remembers exchanges.
///
/// Invariant: it stores no byte of DATA but the beginning of an error's; its memory does not grow with the length of the
/// connection.
#[derive(Debug, Clone)]
pub struct Observer {
    pub(super) client: Direction,
    pub(super) server: Direction,
    pub(super) streams: Streams,
    pub(super) preface: Option<FrameRef>,
    pub(super) goaways: Vec<GoAway>,
    pub(super) goaways_total: u64,
    pub(super) settings: PerSide<Settings>,
    /// The largest frame that this side ever took.
    pub(super) takes: PerSide<u32>,
}

/// What is known of one direction.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub(super) half: Half,
    pub(super) decoder: Decoder,
    /// A header block that goes on in the next frame.
    pub(super) block: Option<Block>,
    /// Padding of the DATA frame that is being read: `None` before its length is known.
    pub(super) padding: Option<u32>,
    /// Bytes of that frame so far, beside the length of the padding.
    pub(super) content: u32,
    pub(super) settings_frame: Option<FrameRef>,
    pub(super) fault: Option<Fault>,
    pub(super) unread: bool,
    /// There was no room for names and values of a message.
    pub(super) full: bool,
    pub(super) lost: bool,
    /// Bytes of DATA, padding and all.
    pub(super) sent: u64,
    /// Bytes that the peer allowed beyond the first window.
    pub(super) granted: u64,
}

impl Default for Observer {
    fn default() -> Self {
        Observer::new()
    }
}

impl Observer {
    /// For a connection that speaks HTTP/2 from its first byte.
    #[must_use]
    pub fn new() -> Observer {
        Observer {
            client: Direction::new(true),
            server: Direction::new(false),
            streams: Streams::default(),
            preface: None,
            goaways: Vec::new(),
            goaways_total: 0,
            settings: PerSide::default(),
            takes: PerSide { client: FIRST_FRAME_SIZE, server: FIRST_FRAME_SIZE },
        }
    }

    /// The next bytes of a direction, in the order of the stream.
    #[inline(never)]
    pub fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef) {
        let mut rest = bytes;
        while let Some(piece) = self.direction(from).half.next(&mut rest, frame) {
            match piece {
                Piece::Preface => self.preface = Some(frame),
                Piece::Head(header) => self.head(from, header, frame),
                Piece::Part(header, part, ends) => self.part(from, header, part, ends, frame),
                Piece::Whole(header, payload) => {
                    self.whole(from, header, &payload, frame);
                    self.direction(from).half.give_back(payload);
                }
                Piece::NoPreface => self.fault(from, FaultKind::NoSettings, 0, rest, frame),
            }
        }
    }

    /// The next `len` bytes of a direction are not in the capture; the stream goes on after them.
    pub fn gap(&mut self, from: Side, len: u64, frame: FrameRef) {
        if len == 0 {
            return;
        }
        match self.direction(from).half.gap(len) {
            Some((header, len, ends)) => self.missing_part(from, header, len, ends, frame),
            None => self.lose(from),
        }
    }

    /// Memory that exchanges, tables and parts of blocks take, about so many bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        let of = |direction: &Direction| {
            direction.decoder.held() + direction.block.as_ref().map_or(0, |block| block.bytes.len())
        };
        self.streams.memory() + of(&self.client) + of(&self.server)
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self) -> Transcript {
        let Observer { client, server, streams, settings, .. } = self;
        let (total, overflowed) = (streams.total, streams.overflowed);
        let (via_cloudfront, visited) = (streams.via_cloudfront, streams.visited);
        let probe = streams.probe;
        let health_check = streams.health_check.filter(|_| !visited);
        let (exchanges, unlisted) = streams.finish(&settings).into_exchanges();
        Transcript {
            exchanges,
            total,
            unlisted,
            preface: self.preface,
            settings_frame: PerSide { client: client.settings_frame, server: server.settings_frame },
            settings,
            frames: PerSide { client: client.half.frames, server: server.half.frames },
            goaways: self.goaways,
            goaways_total: self.goaways_total,
            lost: PerSide { client: client.lost, server: server.lost },
            unread: PerSide { client: client.unread || client.full, server: server.unread || server.full },
            overflowed,
            window: PerSide {
                client: connection_window(client.granted, client.sent),
                server: connection_window(server.granted, server.sent),
            },
            fault: PerSide { client: client.fault, server: server.fault },
            via_cloudfront,
            probe,
            health_check,
        }
    }

    pub(super) fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Nothing is known of what this side sends from here on.
    fn lose(&mut self, from: Side) {
        let direction = self.direction(from);
        direction.half.lose();
        (direction.lost, direction.block) = (true, None);
        self.streams.lose(from);
    }

    /// Notes the first thing that is wrong with the frames of a direction.
    pub(super) fn fault(&mut self, from: Side, kind: FaultKind, stream: u32, bytes: &[u8], frame: FrameRef) {
        let direction = self.direction(from);
        if direction.fault.is_none() {
            let offset = direction.half.began_at;
            direction.fault = Some(Fault::new(kind, frame, stream, offset, bytes));
        }
    }
}

impl Direction {
    fn new(has_preface: bool) -> Direction {
        Direction {
            half: Half::new(has_preface),
            decoder: Decoder::new(),
            block: None,
            padding: None,
            content: 0,
            settings_frame: None,
            fault: None,
            unread: false,
            full: false,
            lost: false,
            sent: 0,
            granted: 0,
        }
    }
}
