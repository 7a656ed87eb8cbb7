//! What header blocks and the ends of streams make of messages (RFC 9113 section 8.1).

use super::fault::{Fault, FaultKind};
use super::hpack::Failure;
use super::observer::Observer;
use super::receive::Block;
use super::section::{Role, Section};
use super::streams::{MAX_HELD, Open, Streams};
use super::transcript::{MAX_INTERIM, Request, Response, Trailers};
use crate::base::{FrameRef, Side};

impl Observer {
    /// A whole header block.
    pub(super) fn block(&mut self, from: Side, block: &Block, bytes: &[u8], frame: FrameRef) {
        let role = self.role(from, block);
        let section = self.read(from, block, bytes, role, frame);
        let stream = block.promised.unwrap_or(block.stream);
        let room = MAX_HELD.saturating_sub(self.streams.held);
        let full = section.as_ref().is_some_and(|section| section.held() > room);
        let Some(open) = self.opened_by(from, stream, block.promised.is_some()) else { return };
        if section.is_none() || full {
            open.exchange.lost[from] = true;
        }
        let mut section = section.unwrap_or_default();
        if full {
            section = section.without_texts();
        }
        let before = open.exchange.held();
        match role {
            Role::Request => request(open, block, &section, frame),
            Role::Response => response(open, block, &section, frame),
            Role::Trailers => trailers(open, from, &section, frame),
        }
        let (held, unread) = (open.exchange.held(), open.exchange.lost[from]);
        self.streams.held = (self.streams.held + held).saturating_sub(before);
        self.direction(from).full |= full;
        let in_body = role == Role::Trailers && !block.ends_stream;
        let early_end = role == Role::Response && block.ends_stream && section.status.is_some_and(|s| s < 200);
        let mut fault = section.defect(role).map(FaultKind::Field);
        fault = fault.or(in_body.then_some(FaultKind::HeadersInBody));
        fault = fault.or(early_end.then_some(FaultKind::InterimEndsStream));
        if role == Role::Request && block.promised.is_none() {
            note_caller(&mut self.streams, &section, block.since, unread);
        }
        if let Some(kind) = fault.filter(|_| !unread) {
            self.message_fault(from, stream, kind, frame);
        }
        if block.ends_stream {
            self.end_stream(from, stream, frame);
        }
    }

    /// What a block is the head of.
    fn role(&mut self, from: Side, block: &Block) -> Role {
        if block.promised.is_some() {
            return Role::Request;
        }
        let opened = self.streams.opened;
        let exchange = self.streams.get(block.stream).map(|open| &open.exchange);
        match from {
            Side::Client if exchange.is_some_and(|e| e.request.is_some()) => Role::Trailers,
            Side::Client if block.stream <= opened => Role::Trailers,
            Side::Client => Role::Request,
            Side::Server if exchange.is_some_and(|e| e.response.is_some()) => Role::Trailers,
            Side::Server => Role::Response,
        }
    }

    /// Decompresses a block; `None` where that cannot be done.
    fn read(&mut self, from: Side, block: &Block, bytes: &[u8], role: Role, frame: FrameRef) -> Option<Section> {
        let direction = self.direction(from);
        let too_long = bytes.len() as u64 != block.len;
        if direction.unread || too_long {
            direction.unread = true;
            return None;
        }
        let mut section = Section::default();
        match direction.decoder.decode(bytes, &mut |field| section.take(field, role)) {
            Ok(()) => Some(section),
            Err(failure) => {
                direction.unread = true;
                if let Failure::Wrong(defect) = failure {
                    self.fault(from, FaultKind::Compression(defect), block.stream, bytes, frame);
                }
                None
            }
        }
    }

    /// The stream of a block: one that is open, or one that it opens. `None` for one that is over.
    fn opened_by(&mut self, from: Side, stream: u32, promised: bool) -> Option<&mut Open> {
        if stream == 0 {
            return None;
        }
        let odd = !stream.is_multiple_of(2);
        let is_open = self.streams.get(stream).is_some();
        let begins = match from {
            Side::Client => odd && stream > self.streams.opened,
            // The request may be on its way through a hole that is not closed yet.
            Side::Server => promised || (odd && stream > self.streams.opened),
        };
        if !is_open && !begins {
            return None;
        }
        if from == Side::Client && odd {
            self.streams.opened = self.streams.opened.max(stream);
        }
        let lost = self.client.lost;
        let open = self.streams.open(stream);
        if promised {
            (open.exchange.pushed, open.ended.client) = (true, true);
        }
        open.exchange.lost.client |= lost && !is_open;
        Some(open)
    }

    /// Notes the first thing that is wrong with a message.
    pub(super) fn message_fault(&mut self, from: Side, stream: u32, kind: FaultKind, frame: FrameRef) {
        let offset = self.direction(from).half.began_at;
        if let Some(open) = self.streams.get(stream)
            && open.exchange.fault[from].is_none()
        {
            open.exchange.fault[from] = Some(Fault::new(kind, frame, stream, offset, &[]));
        }
    }

    /// END_STREAM.
    pub(super) fn end_stream(&mut self, from: Side, stream: u32, frame: FrameRef) {
        let Some(open) = self.streams.get(stream) else { return };
        open.ended[from] = true;
        let mut sent = None;
        match (from, &mut open.exchange.request, &mut open.exchange.response) {
            (Side::Client, Some(request), _) => {
                (request.complete, request.last_frame) = (true, frame);
                sent = Some(request.body_bytes);
            }
            (Side::Server, _, Some(response)) => {
                (response.complete, response.last_frame) = (true, frame);
                sent = Some(response.body_bytes);
            }
            _ => {}
        }
        let said = open.length[from].filter(|_| !open.exchange.lost[from]);
        if let Some((said, sent)) = said.zip(sent).filter(|(said, sent)| said != sent) {
            self.message_fault(from, stream, FaultKind::ContentLength { said, sent }, frame);
        }
        self.streams.close_if_over(stream, &self.settings);
    }
}

fn request(open: &mut Open, block: &Block, section: &Section, frame: FrameRef) {
    open.length.client = section.content_length;
    let section = section.clone();
    open.exchange.request = Some(Request {
        head_frame: Some(frame),
        last_frame: frame,
        method: section.method.unwrap_or_default(),
        path: section.path.unwrap_or_default(),
        path_truncated: section.path_truncated,
        authority: section.authority.or(section.host),
        content_type: section.content_type,
        cf_id: section.cf_id,
        header_bytes: block.len,
        complete: block.promised.is_some(),
        ..Request::new(block.since)
    });
}

fn response(open: &mut Open, block: &Block, section: &Section, frame: FrameRef) {
    let status = section.status.unwrap_or_default();
    if (100..200).contains(&status) {
        open.exchange.interim_total += 1;
        if open.exchange.interim.len() < MAX_INTERIM {
            open.exchange.interim.push((status, block.since));
        }
        return;
    }
    let method = open.exchange.request.as_ref().map(|r| r.method.as_str());
    // An answer to HEAD has the length that one to GET would have: where the head of the request was lost, it may be one.
    let has_body = !matches!(status, 204 | 304) && method.is_some_and(|method| !matches!(method, "" | "HEAD"));
    open.length.server = section.content_length.filter(|_| has_body);
    let section = section.clone();
    let only_head = block.ends_stream && section.grpc_status.is_some();
    let (grpc_status, grpc_message) = (section.grpc_status, section.grpc_message);
    open.exchange.response = Some(Response {
        head_frame: Some(frame),
        last_frame: frame,
        status,
        content_type: section.content_type,
        content_length: section.content_length,
        server: section.server,
        via: section.via,
        header_bytes: block.len,
        trailers: only_head.then_some(Trailers { frame, grpc_status, grpc_message }),
        ..Response::new(block.since)
    });
}

fn trailers(open: &mut Open, from: Side, section: &Section, frame: FrameRef) {
    open.touch(from, frame);
    if let (Side::Server, Some(response)) = (from, &mut open.exchange.response) {
        let (grpc_status, grpc_message) = (section.grpc_status, section.grpc_message.clone());
        response.trailers.get_or_insert(Trailers { frame, grpc_status, grpc_message });
    }
}

/// Who asks.
fn note_caller(streams: &mut Streams, section: &Section, frame: FrameRef, unread: bool) {
    let probe = section.cf_id.as_deref().is_some_and(|id| id.starts_with(crate::base::PROBE_ID));
    let cloudfront = !probe && (section.cf_id.is_some() || section.via_cloudfront || section.from_cloudfront);
    streams.probe = streams.probe.or(probe.then_some(frame));
    streams.via_cloudfront = streams.via_cloudfront.or(cloudfront.then_some(frame));
    streams.health_check = streams.health_check.or(section.health_check.then_some(frame));
    streams.visited |= !section.health_check || unread;
}
