//! One direction of the connection: where in which message it is.
//!
//! ```text
//!  Start --> StartLine --> Fields --> Body --> Start
//!    |           |           |          |
//!    +-----------+-----------+----------+--> Adrift --- a segment begins with a head ---> StartLine
//!            (bytes missing, or not understood)
//!  any --- 101, CONNECT granted ---> Tunnel
//! ```

use super::body::{Body, Chunk, Step, take};
use super::fault::{Fault, FaultKind};
use super::field::{Field, Shared};
use super::framing::Declared;
use super::line::LineBuffer;
use crate::base::FrameRef;

/// What the reader tells a message while it reads it.
pub(super) trait Message {
    /// A field of the head; `repeated` is the value that one message after another has.
    fn field(&mut self, field: &Field<'_>, repeated: &mut Option<Shared>);
    /// Something wrong.
    fn record(&mut self, fault: Fault);
    /// The fault or note of this kind, if one was recorded.
    fn recorded(&mut self, kind: FaultKind) -> Option<&mut Fault>;
    /// The head has so many bytes up to now.
    fn head_bytes(&mut self, bytes: u64, frame: FrameRef);
    /// Content.
    fn content(&mut self, bytes: &[u8], frame: FrameRef);
    /// Bytes that are not in the capture; so many of them are content.
    fn unseen(&mut self, content: u64, frame: FrameRef);
    /// Bytes that are part of the message but not content.
    fn touched(&mut self, frame: FrameRef);
}

/// Where one direction stands.
#[derive(Debug, Clone, Default)]
pub(super) enum State {
    /// Between two messages.
    #[default]
    Start,
    /// Before the end of the first line.
    StartLine,
    /// In the head, after the first line.
    Fields,
    /// In the body.
    Body(Body),
    /// Where the next message begins is not known; the line buffer holds what may be its first bytes.
    Adrift,
    /// Not HTTP/1 any more.
    Tunnel,
}

/// What becomes of bytes that are read while adrift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sink {
    /// They are only counted.
    #[default]
    Nothing,
    /// They show what the fault of this kind, in the open message, is about.
    Fault(FaultKind),
    /// They belong to no message.
    Foreign,
}

/// How reading a body came to a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// More is to come.
    More,
    /// It is whole.
    End,
    /// It cannot be read on.
    Broken,
}

#[derive(Debug, Clone, Copy, Default)]
enum Foldable {
    #[default]
    Other,
    Length,
    Coding,
}

/// One direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    pub(super) state: State,
    pub(super) lines: LineBuffer,
    /// Bytes of the current message that were read.
    pub(super) offset: u64,
    /// Bytes of the direction, seen or known to be missing.
    pub(super) stream: u64,
    /// Where in the direction the current message begins.
    pub(super) start: u64,
    /// The frame of the current message's first byte.
    pub(super) first: Option<FrameRef>,
    pub(super) declared: Declared,
    pub(super) sink: Sink,
    /// Bytes are missing where they matter.
    pub(super) lost: bool,
    /// An empty line came before the current message.
    pub(super) empty_line: bool,
    /// The Host or the Server of the latest message that had one: one after another has the same.
    repeated: Option<Shared>,
    latest: Option<FrameRef>,
    after_gap: bool,
    folding: Foldable,
    bare_lf: bool,
}

impl Reader {
    /// Bytes have come; whether a segment begins with them.
    pub(super) fn arrive(&mut self, len: usize, frame: FrameRef) -> bool {
        let begins = std::mem::take(&mut self.after_gap) || self.latest != Some(frame);
        self.latest = Some(frame);
        self.stream += len as u64;
        begins
    }

    /// The next byte is as good a place for a head as the beginning of a segment.
    pub(super) fn expect_head(&mut self) {
        self.after_gap = true;
    }

    /// Whether [`Self::expect_head`] was just said.
    pub(super) fn head_expected(&mut self) -> bool {
        std::mem::take(&mut self.after_gap)
    }

    /// Bytes are missing.
    pub(super) fn miss(&mut self, len: u64) {
        self.stream += len;
        self.after_gap = true;
    }

    /// A message begins in `frame`; `read` bytes of it are in the line buffer, `ahead` more have come behind them.
    pub(super) fn begin(&mut self, frame: FrameRef, read: u64, ahead: usize) {
        self.state = State::StartLine;
        self.first = Some(frame);
        self.offset = read;
        self.start = self.stream.saturating_sub(read + ahead as u64);
        self.declared = Declared::default();
        (self.sink, self.folding, self.bare_lf) = (Sink::Nothing, Foldable::Other, false);
    }

    /// From here on the next message is looked for at the beginnings of segments.
    pub(super) fn drift(&mut self, sink: Sink) {
        self.state = State::Adrift;
        self.sink = sink;
        self.lines.clear();
    }

    /// The frame of the current message's first byte, or `frame` if none has begun.
    pub(super) fn first_or(&self, frame: FrameRef) -> FrameRef {
        self.first.unwrap_or(frame)
    }

    /// What `read` makes of `bytes`; those that it moves past belong to the current message.
    #[inline]
    pub(super) fn count<'b, T>(&mut self, bytes: &mut &'b [u8], read: impl FnOnce(&mut &'b [u8]) -> T) -> T {
        let before = bytes.len();
        let made = read(bytes);
        self.offset += (before - bytes.len()) as u64;
        made
    }

    /// Reads field lines into `message`; whether the empty line that ends the head was reached.
    pub(super) fn read_fields(
        &mut self,
        lines: &mut LineBuffer,
        bytes: &mut &[u8],
        frame: FrameRef,
        message: &mut dyn Message,
    ) -> bool {
        let is_whole = self.read_lines(lines, bytes, frame, message);
        message.head_bytes(self.offset, frame);
        is_whole
    }

    fn read_lines(
        &mut self,
        lines: &mut LineBuffer,
        bytes: &mut &[u8],
        frame: FrameRef,
        message: &mut dyn Message,
    ) -> bool {
        loop {
            if lines.begins() {
                let end = self.offset + bytes.len() as u64;
                while let Some(field) = Field::at_once(bytes) {
                    let at = std::mem::replace(&mut self.offset, end - bytes.len() as u64);
                    self.declare(&field, at);
                    message.field(&field, &mut self.repeated);
                }
                if let Some(rest) = bytes.strip_prefix(b"\r\n") {
                    self.offset += 2;
                    *bytes = rest;
                    return true;
                }
            }
            if let Some(is_whole) = self.read_line(lines, bytes, frame, message) {
                return is_whole;
            }
        }
    }

    /// Reads a line of which the beginning came before, the end has not come, or anything is odd: whether the head is
    /// whole, where that can be told.
    #[cold]
    fn read_line(
        &mut self,
        lines: &mut LineBuffer,
        bytes: &mut &[u8],
        frame: FrameRef,
        message: &mut dyn Message,
    ) -> Option<bool> {
        let Some(line) = self.count(bytes, |bytes| lines.read(bytes)) else { return Some(false) };
        let at = self.offset - line.wire;
        if line.bare_lf && !self.bare_lf {
            self.bare_lf = true;
            message.record(Fault::new(FaultKind::BareLf, frame, at, line.text));
        }
        if line.text.is_empty() {
            return Some(true);
        }
        let (field, defect) = Field::read(line.text);
        if let Some((defect, within)) = defect {
            let kind = FaultKind::MalformedHeader(defect);
            message.record(Fault::new(kind, frame, at + within as u64, line.text));
        }
        self.declare(&field, at);
        message.field(&field, &mut self.repeated);
        None
    }

    #[inline(always)]
    fn declare(&mut self, field: &Field<'_>, at: u64) {
        let value = field.value;
        match field.name.len() {
            0 => match self.folding {
                Foldable::Other => {}
                Foldable::Length => self.declared.fold(value, false),
                Foldable::Coding => self.declared.fold(value, true),
            },
            14 if field.is(b"content-length") => {
                self.declared.length(value, at);
                self.folding = Foldable::Length;
            }
            17 if field.is(b"transfer-encoding") => {
                self.declared.coding(value, at);
                self.folding = Foldable::Coding;
            }
            _ => self.folding = Foldable::Other,
        }
    }

    /// Reads what there is of `body` into `message`.
    pub(super) fn read_body<M: Message>(
        &mut self,
        body: &mut Body,
        lines: &mut LineBuffer,
        bytes: &mut &[u8],
        frame: FrameRef,
        message: &mut M,
    ) -> Stop {
        let content = match body {
            Body::Length(left) => take(left, bytes),
            Body::UntilClose => std::mem::take(bytes),
            Body::Chunked(chunk) => return self.read_chunks(chunk, lines, bytes, frame, message),
        };
        self.offset += content.len() as u64;
        message.content(content, frame);
        if body.is_over() { Stop::End } else { Stop::More }
    }

    fn read_chunks(
        &mut self,
        chunk: &mut Chunk,
        lines: &mut LineBuffer,
        bytes: &mut &[u8],
        frame: FrameRef,
        message: &mut dyn Message,
    ) -> Stop {
        while !bytes.is_empty() {
            match self.count(bytes, |bytes| chunk.read(lines, bytes)) {
                Step::Framing => message.touched(frame),
                Step::Content(content) => message.content(content, frame),
                Step::End => {
                    message.touched(frame);
                    return Stop::End;
                }
                Step::Odd { kind, back, excerpt } => {
                    message.touched(frame);
                    message.record(Fault::new(kind, frame, self.offset - back, &excerpt));
                }
                Step::Broken { defect, back, excerpt } => {
                    if back > 0 {
                        message.touched(frame);
                    }
                    let kind = FaultKind::MalformedChunk(defect);
                    message.record(Fault::new(kind, frame, self.offset - back, &excerpt));
                    self.drift(if excerpt.is_empty() { Sink::Fault(kind) } else { Sink::Nothing });
                    return Stop::Broken;
                }
            }
        }
        Stop::More
    }
}
