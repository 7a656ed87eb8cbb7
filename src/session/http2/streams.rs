//! Streams that are open (RFC 9113 section 5.1).
//!
//! ```text
//! not seen -> open -> half closed -> closed: handed out
//!               |  END_STREAM  |  END_STREAM of the other side, or RST_STREAM of either
//! ```

use super::log::Log;
use super::settings::{FIRST_WINDOW, Settings};
use super::transcript::Exchange;
use crate::base::{FrameRef, PerSide, Side};
use std::collections::BTreeMap;

/// Streams that are watched at the same time. Servers allow 100 to 256; of a client that opens more, the oldest are
/// counted as not known.
pub const MAX_OPEN: usize = 1_024;

/// Bytes of names and values kept of the open and the listed exchanges of a connection. A field of a table may be named
/// by one byte as often as there are streams.
pub const MAX_HELD: usize = 512 * 1024;

/// A stream that is not over.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) exchange: Exchange,
    /// Bytes under flow control that this side sent, padding and all.
    pub(super) sent: PerSide<u64>,
    /// Bytes that its peer allowed this side beyond the first window.
    pub(super) granted: PerSide<u64>,
    /// This side will send no more.
    pub(super) ended: PerSide<bool>,
    /// What Content-Length says of this side's message, where that counts.
    pub(super) length: PerSide<Option<u64>>,
}

/// All of them, and those that are over.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    open: BTreeMap<u32, Open>,
    /// The highest stream that the client opened.
    pub(super) opened: u32,
    log: Log,
    /// Bytes of names and values in all of these.
    pub(super) held: usize,
    pub(super) total: u64,
    pub(super) overflowed: u64,
    pub(super) via_cloudfront: Option<FrameRef>,
    pub(super) probe: Option<FrameRef>,
    pub(super) health_check: Option<FrameRef>,
    /// A request of somebody else than a health checker was seen.
    pub(super) visited: bool,
}

impl Streams {
    /// Memory that all of these take, about so many bytes.
    pub(super) fn memory(&self) -> usize {
        self.held + self.open.len() * size_of::<Open>() + self.log.len() * size_of::<Exchange>()
    }

    /// One that is open.
    pub(super) fn get(&mut self, stream: u32) -> Option<&mut Open> {
        self.open.get_mut(&stream)
    }

    /// One that is open, or a new one.
    pub(super) fn open(&mut self, stream: u32) -> &mut Open {
        if !self.open.contains_key(&stream) {
            if self.open.len() >= MAX_OPEN
                && let Some((_, mut oldest)) = self.open.pop_first()
            {
                oldest.exchange.lost = PerSide { client: true, server: true };
                self.end(oldest.exchange);
                self.overflowed += 1;
            }
            self.total += 1;
        }
        let index = self.total.saturating_sub(1);
        self.open.entry(stream).or_insert_with(|| Open::new(Exchange::new(index, stream)))
    }

    /// A stream that is open, or one that ended not long ago: who refuses a message may do so after its end.
    pub(super) fn any(&mut self, stream: u32) -> Option<&mut Exchange> {
        match self.open.get_mut(&stream) {
            Some(open) => Some(&mut open.exchange),
            None => self.log.ended(stream),
        }
    }

    /// Hands out a stream that both sides have ended, or either has reset.
    pub(super) fn close_if_over(&mut self, stream: u32, settings: &PerSide<Settings>) {
        let Some(open) = self.open.get(&stream) else { return };
        let reset = open.exchange.reset.client.is_some() || open.exchange.reset.server.is_some();
        if (open.ended.client && open.ended.server) || reset {
            self.close(stream, settings);
        }
    }

    fn close(&mut self, stream: u32, settings: &PerSide<Settings>) {
        let Some(mut open) = self.open.remove(&stream) else { return };
        for side in [Side::Client, Side::Server] {
            open.exchange.window[side] = open.window(side, settings);
        }
        self.end(open.exchange);
    }

    fn end(&mut self, exchange: Exchange) {
        if let Some(counted) = self.log.push(exchange) {
            self.held = self.held.saturating_sub(counted.held());
        }
    }

    /// Something of a side is missing: of every stream on which it has not ended, it may be missing there.
    pub(super) fn lose(&mut self, side: Side) {
        for open in self.open.values_mut().filter(|open| !open.ended[side]) {
            open.exchange.lost[side] = true;
        }
    }

    /// All that were kept.
    pub(super) fn finish(mut self, settings: &PerSide<Settings>) -> Log {
        while let Some(stream) = self.open.keys().next().copied() {
            self.close(stream, settings);
        }
        self.log
    }
}

impl Open {
    fn new(exchange: Exchange) -> Open {
        Open {
            exchange,
            sent: PerSide::default(),
            granted: PerSide::default(),
            ended: PerSide::default(),
            length: PerSide::default(),
        }
    }

    /// What this side may still send on the stream.
    fn window(&self, side: Side, settings: &PerSide<Settings>) -> i64 {
        let first = settings[side.peer()].window();
        window(first, self.granted[side], self.sent[side])
    }

    /// The last byte of this side's message so far.
    pub(super) fn touch(&mut self, side: Side, frame: FrameRef) {
        match side {
            Side::Client => self.exchange.request.iter_mut().for_each(|r| r.last_frame = frame),
            Side::Server => self.exchange.response.iter_mut().for_each(|r| r.last_frame = frame),
        }
    }
}

/// What is left of a window.
pub(super) fn window(first: u32, granted: u64, sent: u64) -> i64 {
    let granted = u64::from(first).saturating_add(granted);
    i64::try_from(granted).unwrap_or(i64::MAX).saturating_sub_unsigned(sent)
}

/// What is left of the window of a connection (RFC 9113 section 6.9.2).
pub(super) fn connection_window(granted: u64, sent: u64) -> i64 {
    window(FIRST_WINDOW, granted, sent)
}
