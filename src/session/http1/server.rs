//! The origin's direction: responses.

use super::body::{Body, Chunk};
use super::client::{joined, skip_empty_lines};
use super::detect::begins_with;
use super::fault::{Fault, FaultKind};
use super::framing::Framing;
use super::line::LineBuffer;
use super::observer::{Inner, Target};
use super::pending::Pending;
use super::reader::{Message, Reader, Sink, State, Stop};
use super::{EDGE_HEAD_LIMIT, Response};
use crate::base::FrameRef;

impl Inner {
    #[inline(never)]
    pub(super) fn server_data<'a>(&mut self, mut bytes: &'a [u8], frame: FrameRef) -> &'a [u8] {
        let mut begins = self.server.arrive(bytes.len(), frame);
        let mut lines = std::mem::take(&mut self.server.lines);
        if begins && self.is_next_response(bytes) {
            self.server.drift(Sink::Nothing);
        }
        while !bytes.is_empty() {
            match self.server.state {
                State::Start => self.start_response(&mut bytes, frame),
                State::StartLine => self.status_line(&mut lines, &mut bytes, frame),
                State::Fields => self.response_fields(&mut lines, &mut bytes, frame),
                State::Body(_) => self.response_body(&mut lines, &mut bytes, frame),
                State::Adrift => self.find_response(&mut lines, &mut bytes, frame, begins),
                State::Tunnel => break,
            }
            begins = false;
        }
        self.server.lines = lines;
        bytes
    }

    /// The middle of a body of known length, or of a chunk, which most bytes are: a compare and a subtract.
    pub(super) fn count_body(&mut self, bytes: &[u8], frame: FrameRef) -> bool {
        let State::Body(Body::Length(left) | Body::Chunked(Chunk::Data(left))) = &mut self.server.state else {
            return false;
        };
        let len = bytes.len() as u64;
        match current(self.target, &mut self.pending, &mut self.orphan) {
            Some(response) if len < *left && response.body_bytes > 0 => {
                *left -= len;
                response.content(bytes, frame);
                self.server.offset += len;
                self.server.arrive(bytes.len(), frame);
                true
            }
            _ => false,
        }
    }

    /// Whether a body that has no end of its own, or need not be there, ends because a response begins.
    fn is_next_response(&self, bytes: &[u8]) -> bool {
        let State::Body(body) = &self.server.state else { return false };
        let unasked = self.pending.front().is_some_and(|e| {
            e.request.is_none() && e.response.as_ref().is_some_and(|r| r.body_bytes == 0 && r.head_complete)
        });
        let open_ended = matches!(body, Body::UntilClose) && self.pending.len() > 1;
        (unasked || open_ended) && self.target == Target::Front && bytes.starts_with(b"HTTP/1.")
    }

    fn start_response(&mut self, bytes: &mut &[u8], frame: FrameRef) {
        let due = self.response_is_due();
        let all = *bytes;
        let empty = skip_empty_lines(bytes);
        if empty > 0 && due {
            self.server.empty_line = true;
        } else if empty > 0 {
            let offset = self.server.stream - all.len() as u64;
            self.excess(all.get(..empty).unwrap_or_default(), offset, frame);
        }
        if !bytes.is_empty() {
            self.begin_response(frame, 0, bytes.len());
        }
    }

    pub(super) fn begin_response(&mut self, frame: FrameRef, read: u64, ahead: usize) {
        self.target = if self.response_is_due() { Target::Front } else { Target::Orphan };
        self.server.begin(frame, read, ahead);
    }

    /// Whether some request waits for a response; one that we could not read may.
    fn response_is_due(&mut self) -> bool {
        if self.pending.is_empty() {
            self.salvage_request();
        }
        if self.pending.is_empty() && (self.overflowed > 0 || self.requests_may_be_missing()) {
            self.begun = !self.client.lines.partial().is_empty() && matches!(self.client.state, State::StartLine);
            self.open(None);
        }
        self.pending.front().is_some_and(|e| e.response.is_none())
    }

    fn status_line(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let first = self.server.first_or(frame);
        if lines.begins()
            && let Some(response) = self.server.count(bytes, |bytes| Response::at_once(bytes, first))
        {
            return self.begin_head(response, frame);
        }
        self.odd_status_line(lines, bytes, frame);
    }

    #[cold]
    fn odd_status_line(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        if lines.partial_len() < 4 && joined(lines, bytes, |b| begins_with(b, b"HTTP")) == Some(false) {
            let start = lines.partial().to_vec();
            lines.clear();
            return self.no_status_line(&start, bytes, frame);
        }
        let Some(line) = self.server.count(bytes, |bytes| lines.read(bytes)) else { return };
        if line.text.len() < 4 {
            let start = line.text.to_vec();
            return self.no_status_line(&start, bytes, frame);
        }
        let response = Response::read(&line, self.server.first_or(frame), frame);
        self.begin_head(response, frame);
    }

    fn begin_head(&mut self, mut response: Response, frame: FrameRef) {
        response.head_bytes(self.server.offset, frame);
        if std::mem::take(&mut self.server.empty_line) {
            let first = self.server.first_or(frame);
            response.record(Fault::new(FaultKind::LeadingEmptyLine, first, 0, &[]));
        }
        self.server.state = State::Fields;
        self.put(response);
    }

    pub(super) fn put(&mut self, response: Response) {
        match (self.target, self.pending.front_mut()) {
            (Target::Front, Some(exchange)) => exchange.response = Some(response),
            _ => {
                self.target = Target::Orphan;
                self.orphan = Some(Box::new(response));
            }
        }
    }

    fn response_fields(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) else {
            return self.server.drift(Sink::Nothing);
        };
        let was_within = response.header_bytes <= EDGE_HEAD_LIMIT;
        let whole = self.server.read_fields(lines, bytes, frame, response);
        if was_within && response.header_bytes > EDGE_HEAD_LIMIT {
            response.record(Fault::new(FaultKind::HeadersTooLarge, frame, EDGE_HEAD_LIMIT, &[]));
        }
        if whole {
            response.end_head(&self.server, frame);
            self.after_head(frame);
        }
    }

    /// What follows a head: nothing, a body, the final response, or another protocol (RFC 9112 section 6.3).
    fn after_head(&mut self, frame: FrameRef) {
        let request = self.pending.front().filter(|_| self.target == Target::Front).and_then(|e| e.request.as_ref());
        let method = request.map_or("", |r| r.method());
        let (head, connect) = (method == "HEAD", method == "CONNECT");
        let asked = request.is_none_or(|r| r.extra.upgrade.is_some());
        let offered = request.filter(|r| r.asks_for_websocket()).map(|r| r.extra.websocket.clone().unwrap_or_default());
        let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) else { return };
        // Of several protocols that are offered the server chooses one.
        let offered = offered.filter(|_| response.status == 101 && response.extra.websocket);
        let status = response.status;
        if response.is_interim() && self.target == Target::Front {
            self.server.state = State::Start;
            if let Some(exchange) = self.pending.front_mut() {
                exchange.settle_interim();
            }
            return;
        }
        let granted = connect && (200..300).contains(&status);
        if self.target == Target::Front && (status == 101 || granted) {
            response.set_framing(Framing::Upgrade, &self.server.declared);
            if status == 101 && !asked {
                response.record(Fault::new(FaultKind::UnexpectedUpgrade, frame, 0, &[]));
            }
            let accept = response.extra.websocket_accept.as_deref();
            if offered.as_ref().is_some_and(|offered| !offered.is_answered_by(accept)) {
                let excerpt = accept.unwrap_or_default().as_bytes().to_vec();
                response.record(Fault::new(FaultKind::WebSocketAccept, frame, 0, &excerpt));
            }
            self.websocket = offered.is_some();
            self.end_response();
            return self.become_tunnel(frame);
        }
        let framing = match status {
            100..200 | 204 | 304 => Framing::NoBody,
            _ if head => Framing::NoBody,
            _ => self.server.declared.framing(true),
        };
        response.set_framing(framing, &self.server.declared);
        match Body::new(response.framing) {
            Some(body) => self.server.state = State::Body(body),
            None => self.end_response(),
        }
    }

    fn response_body(&mut self, lines: &mut LineBuffer, bytes: &mut &[u8], frame: FrameRef) {
        let State::Body(mut body) = std::mem::take(&mut self.server.state) else { return };
        let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) else {
            return self.server.drift(Sink::Nothing);
        };
        match self.server.read_body(&mut body, lines, bytes, frame, response) {
            Stop::More => self.server.state = State::Body(body),
            Stop::End => self.end_response(),
            Stop::Broken => lines.clear(),
        }
    }

    fn end_response(&mut self) {
        self.server.state = State::Start;
        if let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) {
            response.complete = true;
        }
        if self.target == Target::Orphan {
            self.close_orphan();
            return;
        }
        self.ended_at = Some(self.server.offset);
        let asked = self.pending.front().is_some_and(|e| match &e.request {
            Some(request) => request.complete || e.lost.client,
            None => !self.begun || self.pending.len() > 1,
        });
        if asked {
            self.close_front();
        }
    }

    /// A FIN completes a body that lasts until the close.
    pub(super) fn server_fin(&mut self, _frame: FrameRef) {
        if matches!(self.server.state, State::Body(Body::UntilClose)) {
            self.end_response();
        }
    }

    pub(super) fn server_gap(&mut self, len: u64, frame: FrameRef) {
        self.server.miss(len);
        self.salvage_response();
        match std::mem::take(&mut self.server.state) {
            State::Tunnel => self.server.state = State::Tunnel,
            State::Body(mut body) => {
                let counted = body.skip(len);
                self.server.offset += counted;
                if let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) {
                    response.unseen(counted, frame);
                }
                let over = body.is_over();
                self.server.state = State::Body(body);
                if over {
                    self.end_response();
                }
                if counted < len {
                    self.lose_server();
                }
            }
            _ => self.lose_server(),
        }
    }

    fn lose_server(&mut self) {
        self.server.lost = true;
        self.server.drift(Sink::Nothing);
        if let Some(exchange) = self.pending.front_mut()
            && exchange.response.as_ref().is_none_or(|r| !r.complete)
        {
            exchange.lost.server = true;
        }
        if let Some(response) = current(self.target, &mut self.pending, &mut self.orphan) {
            response.gaps |= !response.complete;
        }
        self.close_orphan();
    }

    /// Takes what is certain of a status line that is not whole.
    pub(super) fn salvage_response(&mut self) {
        if !matches!(self.server.state, State::StartLine) || self.server.lines.partial_len() == 0 {
            return;
        }
        let Some(first) = self.server.first else { return };
        let mut response = Response::partial(self.server.lines.partial(), first);
        response.head_bytes(self.server.offset, first);
        self.put(response);
    }
}

impl Response {
    /// The head is whole.
    fn end_head(&mut self, reader: &Reader, frame: FrameRef) {
        self.end_head_in(frame);
        self.wants_close = self.connection.wants_close(self.is_http10());
        if !reader.declared.is_plain(self.is_http10()) {
            self.end_odd_head(reader, frame);
        }
    }

    #[inline(never)]
    fn end_odd_head(&mut self, reader: &Reader, frame: FrameRef) {
        for (kind, at) in reader.declared.complaints(self.is_http10()) {
            let values = self.odd_values(reader, kind);
            self.record(Fault::new(kind, frame, at, values.as_bytes()));
        }
    }

    fn odd_values(&self, reader: &Reader, kind: FaultKind) -> String {
        match kind {
            FaultKind::TransferEncodingUnsupported => {
                reader.declared.transfer_encoding().unwrap_or_default().into_owned()
            }
            _ => reader.declared.odd_lengths().unwrap_or_default(),
        }
    }
}

/// The response that is being read.
pub(super) fn current<'a>(
    target: Target,
    pending: &'a mut Pending,
    orphan: &'a mut Option<Box<Response>>,
) -> Option<&'a mut Response> {
    match target {
        Target::Front => pending.front_mut()?.response.as_mut(),
        Target::Orphan => orphan.as_deref_mut(),
    }
}
