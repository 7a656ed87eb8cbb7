//! What the origin sends that is not the response that is due: too much, unasked, or not HTTP.

use super::client::joined;
use super::detect::begins_with;
use super::fault::{Fault, FaultKind, extend_excerpt};
use super::framing::Framing;
use super::line::LineBuffer;
use super::observer::{Inner, Target};
use super::reader::{Message, Sink};
use super::server::current;
use super::transcript::{Foreign, MAX_UNSOLICITED, Unsolicited};
use super::{MAX_EXCERPT, Response};
use crate::base::FrameRef;

impl Inner {
    /// A response should begin, and something else does: `start`, and what is left of `bytes`.
    pub(super) fn no_status_line(&mut self, start: &[u8], bytes: &mut &[u8], frame: FrameRef) {
        let first = self.server.first_or(frame);
        let offset = self.server.start;
        self.withdraw_unasked();
        let glued = self.last.as_ref().and_then(|e| e.response.as_ref()).is_some_and(|r| r.last_frame == first);
        if self.target == Target::Front && !(glued && self.ended_at.is_some()) {
            self.garbage_response(start, offset, first);
        } else if self.total == 0 {
            match &mut self.not_http.server {
                Some(foreign) => extend_excerpt(&mut foreign.excerpt, start),
                None => self.server_foreign(start, offset, first),
            }
            self.server.drift(Sink::Foreign);
        } else {
            self.excess(start, offset, first);
            self.stray_since = Some(first);
            self.server.drift(Sink::Foreign);
        }
        self.server_astray(bytes, 0, frame);
        *bytes = &[];
    }

    fn garbage_response(&mut self, start: &[u8], offset: u64, first: FrameRef) {
        let mut response = Response::new(first);
        response.record(Fault::new(FaultKind::NoStatusLine, first, 0, start));
        response.content(start, first);
        self.target = Target::Front;
        self.put(response);
        self.server_foreign(start, offset, first);
        self.server.drift(Sink::Fault(FaultKind::NoStatusLine));
    }

    fn server_foreign(&mut self, start: &[u8], offset: u64, frame: FrameRef) {
        if self.not_http.server.is_none() {
            let excerpt = start.get(..MAX_EXCERPT).unwrap_or(start).to_vec();
            self.not_http.server = Some(Foreign { frame, offset, excerpt });
        }
    }

    /// Bytes that belong to no response: `offset` is theirs in the stream.
    pub(super) fn excess(&mut self, bytes: &[u8], offset: u64, frame: FrameRef) {
        if let Some(known) = self.unsolicited.last_mut()
            && known.response.is_none()
            && known.offset + known.len == offset
        {
            known.len += bytes.len() as u64;
            extend_excerpt(&mut known.excerpt, bytes);
        } else {
            let excerpt = bytes.get(..MAX_EXCERPT).unwrap_or(bytes).to_vec();
            self.file(Unsolicited { frame, offset, len: bytes.len() as u64, excerpt, response: None });
        }
        let Some(at) = self.ended_at else { return };
        let answered = self.pending.front_mut().filter(|e| e.response.as_ref().is_some_and(|r| r.complete));
        let Some(response) = answered.or(self.last.as_deref_mut()).and_then(|e| e.response.as_mut()) else { return };
        let kind = match response.framing {
            Framing::NoBody => FaultKind::BodyNotAllowed,
            _ => FaultKind::ExcessBytes,
        };
        if let Some(fault) = response.recorded(kind) {
            return fault.extend(bytes);
        }
        response.record(Fault::new(kind, frame, at, bytes));
    }

    /// Looks for the next response at the beginning of a segment.
    pub(super) fn find_response(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef, begins: bool) {
        let probing = lines.partial_len() > 0;
        if probing || begins {
            match joined(lines, bytes, |b| begins_with(b, b"HTTP/1.")) {
                Some(true) if self.may_answer() => {
                    let first = if probing { self.server.first_or(frame) } else { frame };
                    return self.begin_response(first, lines.partial_len(), bytes.len());
                }
                None => {
                    self.server.first = if probing { self.server.first } else { Some(frame) };
                    // The prefix has no line end.
                    let _ = lines.read(bytes);
                    return;
                }
                Some(_) if probing => {
                    self.server_astray(lines.partial(), bytes.len(), frame);
                    return lines.clear();
                }
                Some(_) => {}
            }
        }
        self.server_astray(bytes, 0, frame);
        *bytes = &[];
    }

    /// Whether a head that is found while adrift can answer anything; makes room for it.
    fn may_answer(&mut self) -> bool {
        if let Some(exchange) = self.pending.front_mut() {
            exchange.settle_interim();
        }
        let front_is_hit = self.pending.front().is_some_and(|e| e.response.is_some() || e.lost.server);
        if front_is_hit && self.pending.len() > 1 {
            self.close_front();
            return true;
        }
        let answered = self.pending.front().is_some_and(|e| e.response.is_some());
        if answered && self.requests_may_be_missing() {
            self.close_front();
            return true;
        }
        !answered
    }

    /// Bytes that belong to nothing we could name; `ahead` more have come after them.
    fn server_astray(&mut self, bytes: &[u8], ahead: usize, frame: FrameRef) {
        let offset = self.server.stream.saturating_sub((bytes.len() + ahead) as u64);
        match self.server.sink {
            Sink::Nothing => {}
            Sink::Foreign if self.is_garbage_for_an_answer(frame) && !bytes.is_empty() => {
                (self.server.first, self.server.start) = (Some(frame), offset);
                self.garbage_response(bytes, offset, frame);
            }
            Sink::Foreign if self.total == 0 => {
                if let Some(foreign) = &mut self.not_http.server {
                    extend_excerpt(&mut foreign.excerpt, bytes);
                }
            }
            Sink::Foreign => self.excess(bytes, offset, frame),
            Sink::Fault(kind) => {
                let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) else { return };
                if let Some(fault) = response.recorded(kind) {
                    fault.extend(bytes);
                }
                if kind == FaultKind::NoStatusLine {
                    response.content(bytes, frame);
                    let start = self.server.start;
                    if let Some(foreign) = self.not_http.server.as_mut().filter(|f| f.offset == start) {
                        extend_excerpt(&mut foreign.excerpt, bytes);
                    }
                }
            }
        }
    }

    /// Bytes that go on with too long a response, in the frame in which it ended, answer nothing.
    fn is_garbage_for_an_answer(&self, frame: FrameRef) -> bool {
        let asked = self.pending.front().is_some_and(|e| e.request.is_some() && e.response.is_none());
        asked && self.stray_since != Some(frame)
    }

    /// An exchange that was opened for a response without request is none if what comes is no response.
    fn withdraw_unasked(&mut self) {
        let empty = |e: &super::Exchange| e.request.is_none() && e.interim.total == 0;
        if self.target == Target::Front && self.pending.front().is_some_and(empty) && self.pending.len() == 1 {
            self.pending.clear();
            self.total -= 1;
            self.begun = false;
            self.target = Target::Orphan;
        }
    }

    /// Files a response that no request asked for.
    pub(super) fn close_orphan(&mut self) {
        let Some(response) = self.orphan.take() else { return };
        self.ended_at = None;
        self.target = Target::Front;
        let len = self.server.offset;
        let offset = self.server.start;
        let frame = response.frame;
        self.file(Unsolicited { frame, offset, len, excerpt: Vec::new(), response: Some(response) });
    }

    fn file(&mut self, unsolicited: Unsolicited) {
        self.unsolicited_total += 1;
        if self.unsolicited.len() < MAX_UNSOLICITED {
            self.kept += unsolicited.response.as_ref().map_or(0, |response| size_of::<Response>() + response.held());
            self.unsolicited.push(unsolicited);
        }
    }
}
