//! What each frame says (RFC 9113 section 6).

use super::ErrorCode;
use super::fault::FaultKind;
use super::field::text;
use super::frame::{Header, Kind, number};
use super::half::MAX_BLOCK;
use super::observer::Observer;
use super::transcript::{EXCERPT_FROM_STATUS, GoAway, MAX_BODY_EXCERPT, MAX_GOAWAYS, Reset};
use crate::base::{FrameRef, Side};

/// Bytes of the text of a GOAWAY that are kept.
const DEBUG: usize = 256;

/// A header block that is not whole yet.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) stream: u32,
    /// The stream that a PUSH_PROMISE opens.
    pub(super) promised: Option<u32>,
    pub(super) ends_stream: bool,
    /// The first byte of its first frame.
    pub(super) since: FrameRef,
    /// Its bytes so far, unless they are too many.
    pub(super) bytes: Vec<u8>,
    /// How many there are.
    pub(super) len: u64,
}

impl Observer {
    /// The head of a frame.
    pub(super) fn head(&mut self, from: Side, header: Header, frame: FrameRef) {
        let takes = self.takes[from.peer()];
        let direction = self.direction(from);
        (direction.padding, direction.content) = ((!header.has(Header::PADDED)).then_some(0), 0);
        let first = direction.half.frames == 1;
        let in_block = direction.block.as_ref().map(|block| block.stream);
        if let Some(kind) = misplaced(header, from, first, in_block) {
            let bytes = self.direction(from).half.head_bytes();
            self.fault(from, kind, header.stream, &bytes, frame);
            let direction = self.direction(from);
            match kind {
                // What begins with something else is no HTTP/2.
                FaultKind::NoSettings => return direction.half.lose(),
                // Of the block nothing was read, and later ones depend on it.
                FaultKind::Interrupted { .. } => (direction.block, direction.unread) = (None, true),
                _ => {}
            }
        }
        if header.len > takes && !self.direction(from.peer()).lost {
            let kind = FaultKind::FrameTooLarge { kind: header.kind, len: header.len, limit: takes };
            self.fault(from, kind, header.stream, &[], frame);
        }
        if header.kind == Kind::DATA
            && let Some(open) = self.streams.get(header.stream)
        {
            open.touch(from, frame);
        }
    }

    /// Bytes of the payload of DATA, or of a frame of an unknown type, which is passed over (RFC 9113 section 4.1).
    pub(super) fn part(&mut self, from: Side, header: Header, part: &[u8], ends: bool, frame: FrameRef) {
        if header.kind != Kind::DATA {
            return;
        }
        let direction = self.direction(from);
        direction.sent += part.len() as u64;
        let mut content = part;
        if direction.padding.is_none()
            && let Some((padding, rest)) = part.split_first()
        {
            direction.padding = Some(u32::from(*padding));
            content = rest;
        }
        let padding = direction.padding.unwrap_or_default();
        let length = header.len.saturating_sub(u32::from(header.has(Header::PADDED)));
        let before = direction.content;
        direction.content += content.len() as u32;
        let room = length.saturating_sub(padding).saturating_sub(before) as usize;
        let content = content.get(..room).unwrap_or(content);
        if ends && (padding > length || (header.has(Header::PADDED) && header.len == 0)) {
            self.fault(from, FaultKind::Padding, header.stream, &[], frame);
        }
        self.body(from, header, (part.len() as u32, content.len() as u32), content, frame);
        self.end_of_data(from, header, ends, frame);
    }

    /// Bytes of DATA that are not in the capture.
    pub(super) fn missing_part(&mut self, from: Side, header: Header, len: u32, ends: bool, frame: FrameRef) {
        if header.kind != Kind::DATA {
            return;
        }
        self.direction(from).sent += u64::from(len);
        if let Some(open) = self.streams.get(header.stream)
            && header.has(Header::PADDED)
        {
            // How much of it is padding is not known.
            open.exchange.lost[from] = true;
        }
        self.body(from, header, (len, len), &[], frame);
        self.end_of_data(from, header, ends, frame);
    }

    /// Counts DATA: all of it, and without padding.
    fn body(&mut self, from: Side, header: Header, (all, content): (u32, u32), excerpt: &[u8], frame: FrameRef) {
        let Some(open) = self.streams.get(header.stream) else { return };
        open.sent[from] += u64::from(all);
        open.touch(from, frame);
        match (from, &mut open.exchange.request, &mut open.exchange.response) {
            (Side::Client, Some(request), _) => request.body_bytes += u64::from(content),
            (Side::Server, _, Some(response)) => {
                // An excerpt with a hole in it would be another text.
                if response.status >= EXCERPT_FROM_STATUS && response.body_excerpt.len() as u64 == response.body_bytes {
                    let room = MAX_BODY_EXCERPT.saturating_sub(response.body_excerpt.len());
                    response.body_excerpt.extend_from_slice(excerpt.get(..room).unwrap_or(excerpt));
                }
                response.body_bytes += u64::from(content);
            }
            _ if !open.exchange.lost[from] => {
                self.message_fault(from, header.stream, FaultKind::DataBeforeHeaders, frame)
            }
            _ => {}
        }
    }

    fn end_of_data(&mut self, from: Side, header: Header, ends: bool, frame: FrameRef) {
        if ends && header.has(Header::END_STREAM) {
            self.end_stream(from, header.stream, frame);
        }
    }

    /// A frame with its whole payload.
    pub(super) fn whole(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) {
        let fault = match header.kind {
            Kind::HEADERS | Kind::PUSH_PROMISE => self.begin_block(from, header, payload, frame),
            Kind::CONTINUATION => self.continue_block(from, header, payload, frame),
            Kind::SETTINGS => self.settled(from, header, payload, frame),
            Kind::RST_STREAM => self.reset(from, header, payload, frame),
            Kind::GOAWAY => self.goaway(from, header, payload, frame),
            Kind::WINDOW_UPDATE => self.window_update(from, header, payload),
            Kind::PING => (header.len != 8).then_some(length(header)),
            Kind::PRIORITY => (header.len != 5).then_some(length(header)),
            _ => None,
        };
        if let Some(kind) = fault {
            self.fault(from, kind, header.stream, payload, frame);
        }
    }

    fn begin_block(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) -> Option<FaultKind> {
        let since = self.direction(from).half.since.unwrap_or(frame);
        let cut = payload.len() as u64 != u64::from(header.len);
        let fragment = if cut { Some((&[][..], None)) } else { fragment(header, payload) };
        let Some((fragment, promised)) = fragment else { return Some(FaultKind::Padding) };
        let pushes = self.settings.client.enable_push != Some(false);
        let ends_stream = header.kind == Kind::HEADERS && header.has(Header::END_STREAM);
        let len = if cut { u64::from(header.len) } else { fragment.len() as u64 };
        let block = Block { stream: header.stream, promised, ends_stream, since, bytes: Vec::new(), len };
        if header.has(Header::END_HEADERS) {
            self.block(from, &block, fragment, frame);
        } else {
            self.direction(from).block = Some(Block { bytes: fragment.to_vec(), ..block });
        }
        let push = header.kind == Kind::PUSH_PROMISE && (from == Side::Client || !pushes);
        push.then_some(FaultKind::PushNotAllowed)
    }

    fn continue_block(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) -> Option<FaultKind> {
        // One that continues nothing was told by its head.
        let mut block = self.direction(from).block.take()?;
        block.len += u64::from(header.len);
        if block.len <= MAX_BLOCK as u64 {
            block.bytes.extend_from_slice(payload);
        } else {
            block.bytes = Vec::new();
        }
        if header.has(Header::END_HEADERS) {
            let bytes = std::mem::take(&mut block.bytes);
            self.block(from, &block, &bytes, frame);
        } else {
            self.direction(from).block = Some(block);
        }
        None
    }

    fn settled(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) -> Option<FaultKind> {
        let acknowledges = header.has(Header::ACK);
        if header.stream != 0 || !header.len.is_multiple_of(6) || (acknowledges && header.len > 0) {
            return Some(FaultKind::SettingsMalformed);
        }
        if acknowledges {
            return None;
        }
        let direction = self.direction(from);
        direction.settings_frame = direction.settings_frame.or(Some(frame));
        let mut fault = None;
        for entry in payload.as_chunks::<6>().0 {
            let [a, b, value @ ..] = *entry;
            let (id, value) = (u16::from_be_bytes([a, b]), u32::from_be_bytes(value));
            fault = fault.or(self.settings[from].set(id, value, from == Side::Server).err());
        }
        let settings = self.settings[from];
        self.takes[from] = self.takes[from].max(settings.max_frame_size.unwrap_or_default());
        self.direction(from.peer()).decoder.allow(settings.header_table_size.unwrap_or_default());
        // More than is kept: what it allows is not known.
        if payload.len() as u64 != u64::from(header.len) {
            self.direction(from.peer()).unread = true;
        }
        fault
    }

    fn reset(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) -> Option<FaultKind> {
        let Some(code) = number(payload).filter(|_| header.len == 4) else { return Some(length(header)) };
        if let Some(exchange) = self.streams.any(header.stream) {
            exchange.reset[from] = exchange.reset[from].or(Some(Reset { frame, code: ErrorCode(code) }));
        }
        self.streams.close_if_over(header.stream, &self.settings);
        None
    }

    fn goaway(&mut self, from: Side, header: Header, payload: &[u8], frame: FrameRef) -> Option<FaultKind> {
        let numbers = payload.split_at_checked(8);
        let Some((numbers, debug)) = numbers else { return Some(length(header)) };
        let (last_stream, code) = (number(numbers)?, number(numbers.get(4..)?)?);
        self.goaways_total += 1;
        if self.goaways.len() < MAX_GOAWAYS {
            let last_stream = last_stream & 0x7fff_ffff;
            let debug = text(debug, DEBUG);
            self.goaways.push(GoAway { frame, from, last_stream, code: ErrorCode(code), debug });
        }
        None
    }

    /// The peer may send more.
    fn window_update(&mut self, from: Side, header: Header, payload: &[u8]) -> Option<FaultKind> {
        let Some(by) = number(payload).filter(|_| header.len == 4) else { return Some(length(header)) };
        let by = u64::from(by & 0x7fff_ffff);
        if by == 0 {
            return Some(FaultKind::WindowIncrementZero);
        }
        let to = from.peer();
        if header.stream == 0 {
            let granted = &mut self.direction(to).granted;
            *granted = granted.saturating_add(by);
        } else if let Some(open) = self.streams.get(header.stream) {
            open.granted[to] = open.granted[to].saturating_add(by);
        }
        None
    }
}

fn length(header: Header) -> FaultKind {
    FaultKind::FrameLength { kind: header.kind, len: header.len }
}

/// What is wrong with the place of a frame.
fn misplaced(header: Header, from: Side, first: bool, in_block: Option<u32>) -> Option<FaultKind> {
    let Header { kind, stream, .. } = header;
    if first && (kind != Kind::SETTINGS || stream != 0) {
        return Some(FaultKind::NoSettings);
    }
    let continues = kind == Kind::CONTINUATION;
    if in_block.is_some_and(|block| !continues || block != stream) || (continues && in_block.is_none()) {
        return Some(FaultKind::Interrupted { kind });
    }
    let of_connection = matches!(kind, Kind::PING | Kind::GOAWAY);
    let of_stream = matches!(kind, Kind::DATA | Kind::HEADERS | Kind::PRIORITY | Kind::RST_STREAM | Kind::PUSH_PROMISE);
    let even = stream != 0 && stream.is_multiple_of(2) && kind == Kind::HEADERS && from == Side::Client;
    let wrong = (of_connection && stream != 0) || (of_stream && stream == 0) || even;
    wrong.then_some(FaultKind::FrameStream { kind, stream })
}

/// The part of the header block in a HEADERS or PUSH_PROMISE, and the stream that is promised.
fn fragment(header: Header, payload: &[u8]) -> Option<(&[u8], Option<u32>)> {
    let mut rest = payload;
    if header.has(Header::PADDED) {
        let (padding, others) = rest.split_first()?;
        rest = others.get(..others.len().checked_sub(usize::from(*padding))?)?;
    }
    if header.kind == Kind::PUSH_PROMISE {
        let promised = number(rest)?;
        return Some((rest.get(4..)?, Some(promised & 0x7fff_ffff)));
    }
    if header.has(Header::PRIORITY) {
        rest = rest.get(5..)?;
    }
    Some((rest, None))
}
