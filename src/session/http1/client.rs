//! The edge's direction: requests.

use super::body::Body;
use super::detect::{Detection, MAX_METHOD, detect, method};
use super::fault::{Fault, extend_excerpt};
use super::framing::Framing;
use super::line::{Line, LineBuffer};
use super::observer::Inner;
use super::reader::{Message, Reader, Sink, State, Stop};
use super::transcript::Foreign;
use super::{MAX_EXCERPT, Request};
use crate::base::FrameRef;

impl Inner {
    #[inline(never)]
    pub(super) fn client_data<'a>(&mut self, mut bytes: &'a [u8], frame: FrameRef) -> &'a [u8] {
        let mut begins = self.client.arrive(bytes.len(), frame);
        let mut lines = std::mem::take(&mut self.client.lines);
        while !bytes.is_empty() {
            match self.client.state {
                State::Start => self.start_request(&mut bytes, frame),
                State::StartLine => self.request_line(&mut lines, &mut bytes, frame),
                State::Fields => self.request_fields(&mut lines, &mut bytes, frame),
                State::Body(_) => self.request_body(&mut lines, &mut bytes, frame),
                State::Adrift => self.find_request(&mut lines, &mut bytes, frame, begins),
                State::Tunnel => break,
            }
            begins = self.client.head_expected();
        }
        if begins {
            self.client.expect_head();
        }
        self.client.lines = lines;
        bytes
    }

    /// Empty lines before a request are passed over (RFC 9112 section 2.2).
    fn start_request(&mut self, bytes: &mut &[u8], frame: FrameRef) {
        skip_empty_lines(bytes);
        if !bytes.is_empty() {
            self.client.begin(frame, 0, bytes.len());
            self.begun = false;
        }
    }

    fn request_line(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let first = self.client.first_or(frame);
        if lines.begins()
            && let Some(request) = self.client.count(bytes, |bytes| Request::at_once(bytes, first))
        {
            return self.open_request(request, frame);
        }
        self.odd_request_line(lines, bytes, frame);
    }

    #[cold]
    fn odd_request_line(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        if lines.partial_len() <= MAX_METHOD as u64 && joined(lines, bytes, |b| method(b).is_none()) {
            return self.not_a_request(lines, bytes, frame);
        }
        let Some(line) = self.client.count(bytes, |bytes| lines.read(bytes)) else { return };
        match Request::read(&line, self.client.first_or(frame), frame) {
            Some(request) => self.open_request(request, frame),
            None => self.foreign_line(&line, frame),
        }
    }

    fn open_request(&mut self, mut request: Request, frame: FrameRef) {
        request.head_bytes(self.client.offset, frame);
        self.client.state = State::Fields;
        if std::mem::take(&mut self.begun) {
            match self.pending.back_mut() {
                Some(exchange) => {
                    self.asked += request.target.len();
                    exchange.request = Some(request);
                }
                None => self.client.drift(Sink::Nothing),
            }
            return;
        }
        self.forget_unreadable_answers();
        self.open(Some(request));
    }

    /// A client that asks again has its answer, though we could not read it to its end.
    fn forget_unreadable_answers(&mut self) {
        if !matches!(self.server.state, State::Adrift) {
            return;
        }
        while self.pending.front().is_some_and(|e| e.lost.server || e.response.is_some()) {
            self.close_front();
        }
    }

    fn request_fields(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let Some(request) = self.pending.back_mut().and_then(|e| e.request.as_mut()) else {
            return self.client.drift(Sink::Nothing);
        };
        if !self.client.read_fields(lines, bytes, frame, request) {
            return;
        }
        request.end_head(&self.client, frame);
        match (Body::new(request.framing()), request.framing()) {
            (Some(body), _) => self.client.state = State::Body(body),
            (None, Framing::Unknown) => {
                self.client.drift(Sink::Nothing);
                self.client.expect_head();
            }
            (None, _) => self.end_request(),
        }
    }

    fn request_body(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let State::Body(mut body) = std::mem::take(&mut self.client.state) else { return };
        let Some(request) = self.pending.back_mut().and_then(|e| e.request.as_mut()) else {
            return self.client.drift(Sink::Nothing);
        };
        match self.client.read_body(&mut body, lines, bytes, frame, request) {
            Stop::More => self.client.state = State::Body(body),
            Stop::End => self.end_request(),
            Stop::Broken => lines.clear(),
        }
    }

    fn end_request(&mut self) {
        self.client.state = State::Start;
        let Some(exchange) = self.pending.back_mut() else { return };
        if let Some(request) = &mut exchange.request {
            request.complete = true;
        }
        if self.pending.len() == 1 && exchange_is_answered(self.pending.front()) {
            self.close_front();
        }
    }

    fn find_request(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef, begins: bool) {
        let probing = lines.partial_len() > 0;
        if probing || begins {
            let found =
                if starts_with_line_end(bytes) && !probing { Detection::No } else { joined(lines, bytes, detect) };
            match found {
                Detection::Request => {
                    let first = if probing { self.client.first_or(frame) } else { frame };
                    self.client.begin(first, lines.partial_len(), bytes.len());
                    self.begun = false;
                    return;
                }
                Detection::NeedMore => {
                    self.client.first = if probing { self.client.first } else { Some(frame) };
                    // No line ends here, or it would have been recognised.
                    let _ = lines.read(bytes);
                    return;
                }
                Detection::Response | Detection::No if probing => {
                    self.client_astray(lines.partial());
                    lines.clear();
                    return;
                }
                Detection::Response | Detection::No => {}
            }
        }
        self.client_astray(bytes);
        *bytes = &[];
    }

    /// Bytes that belong to nothing we could name.
    fn client_astray(&mut self, bytes: &[u8]) {
        match self.client.sink {
            Sink::Nothing => {}
            Sink::Foreign => {
                if let Some(foreign) = &mut self.not_http.client {
                    extend_excerpt(&mut foreign.excerpt, bytes);
                }
            }
            Sink::Fault(kind) => {
                let request = self.pending.back_mut().and_then(|e| e.request.as_mut());
                if let Some(fault) = request.and_then(|r| r.recorded(kind)) {
                    fault.extend(bytes);
                }
            }
        }
    }

    fn not_a_request(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let start = lines.partial().to_vec();
        lines.clear();
        self.client_foreign(&start, frame);
        self.client_astray(bytes);
        *bytes = &[];
    }

    fn foreign_line(&mut self, line: &Line<'_>, frame: FrameRef) {
        self.client_foreign(line.text, frame);
        self.client_astray(if line.bare_lf { b"\n" } else { b"\r\n" });
    }

    fn client_foreign(&mut self, bytes: &[u8], frame: FrameRef) {
        let (frame, offset) = (self.client.first_or(frame), self.client.start);
        let known = self.not_http.client.is_some();
        if !known {
            let excerpt = bytes.get(..MAX_EXCERPT).unwrap_or(bytes).to_vec();
            self.not_http.client = Some(Foreign { frame, offset, excerpt });
        }
        self.client.drift(if known { Sink::Nothing } else { Sink::Foreign });
    }

    pub(super) fn client_gap(&mut self, len: u64, frame: FrameRef) {
        self.client.miss(len);
        self.salvage_request();
        match std::mem::take(&mut self.client.state) {
            State::Tunnel => self.client.state = State::Tunnel,
            State::Body(mut body) => {
                let counted = body.skip(len);
                self.client.offset += counted;
                if let Some(request) = self.pending.back_mut().and_then(|e| e.request.as_mut()) {
                    request.unseen(counted, frame);
                }
                let over = body.is_over();
                self.client.state = State::Body(body);
                if over {
                    self.end_request();
                }
                if counted < len {
                    self.lose_client(over);
                }
            }
            State::Start => self.lose_client(true),
            State::StartLine | State::Fields | State::Adrift => self.lose_client(false),
        }
    }

    fn lose_client(&mut self, between: bool) {
        self.client.lost = true;
        self.client.drift(Sink::Nothing);
        if let Some(exchange) = self.pending.back_mut().filter(|_| !between)
            && let Some(request) = exchange.request.as_mut().filter(|r| !r.complete)
        {
            request.gaps = true;
            exchange.lost.client = true;
        }
    }

    /// Takes what is certain of a request line that is not whole.
    pub(super) fn salvage_request(&mut self) {
        if !matches!(self.client.state, State::StartLine) || self.begun || self.client.lines.partial_len() == 0 {
            return;
        }
        let Some(first) = self.client.first else { return };
        let Some(mut request) = Request::partial(self.client.lines.partial(), first) else { return };
        request.head_bytes(self.client.offset, first);
        self.forget_unreadable_answers();
        self.open(Some(request));
        self.begun = true;
    }

    /// Whether requests may have been sent that we do not know of.
    pub(super) fn requests_may_be_missing(&self) -> bool {
        self.client.lost || matches!(self.client.state, State::Adrift) || self.client.lines.partial_len() > 0
    }
}

impl Request {
    /// The head is whole.
    fn end_head(&mut self, reader: &Reader, frame: FrameRef) {
        self.end_head_in(frame, reader.declared.framing(false));
        self.wants_close = self.connection.wants_close(self.is_http10());
        if !reader.declared.is_plain(self.is_http10()) {
            self.end_odd_head(reader, frame);
        }
    }

    #[inline(never)]
    fn end_odd_head(&mut self, reader: &Reader, frame: FrameRef) {
        for (kind, at) in reader.declared.complaints(self.is_http10()) {
            self.record(Fault::new(kind, frame, at, &[]));
        }
    }
}

fn exchange_is_answered(exchange: Option<&super::Exchange>) -> bool {
    exchange.and_then(|e| e.response.as_ref()).is_some_and(|r| r.complete)
}

pub(super) fn skip_empty_lines(bytes: &mut &[u8]) -> usize {
    let n = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    *bytes = bytes.get(n..).unwrap_or_default();
    n
}

pub(super) fn starts_with_line_end(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\r' | b'\n', ..])
}

/// Asks `question` of what the line buffer holds and `bytes` together.
pub(super) fn joined<T>(lines: &LineBuffer, bytes: &[u8], question: impl Fn(&[u8]) -> T) -> T {
    if lines.partial_len() == 0 {
        return question(bytes);
    }
    let mut all = lines.partial().to_vec();
    all.extend_from_slice(bytes);
    question(&all)
}
