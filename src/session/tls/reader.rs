//! The records of one side, from bytes in stream order.

use super::alert::Alert;
use super::fault::{Fault, FaultKind};
use super::handshake::{Assembler, is_whole_messages};
use super::record::{ContentType, Filled, MAX_RECORD, PartialHeader, RecordHeader, starts_record};
use super::ssl2;
use super::transcript::Transcript;
use crate::base::{FrameRef, Side};

/// Where a reader is.
///
/// ```text
///                    handshake in clear      its last byte
///          +------------------------------> Handshake ---------------+
///          |  alert or CCS, <= 2 bytes                               |
///          +------------------------------> Small -------------------+
///          |  anything else                                          v
/// Header --+------------------------------> Skip ---------------> Header
///    |     |  SSLv2 hello, first of all                              ^
///    |     +------------------------------> Ssl2 --------------------+
///    |  no header                                                    | a packet that begins with a record
///    +-----> Closed            hole beyond the record -----------> Lost
/// ```
#[derive(Debug)]
enum Stage {
    /// Before a record, or within its header.
    Header(PartialHeader),
    /// Within a record of handshake messages in clear, before which `listed` messages were in the transcript.
    Handshake { header: RecordHeader, left: u16, listed: usize },
    /// Within an alert or ChangeCipherSpec in clear.
    Small { header: RecordHeader, bytes: [u8; SMALL], have: u8 },
    /// Within a record that is stepped over; the bytes left are counted by the observer.
    Skip(Skipped),
    /// Within an SSLv2 hello.
    Ssl2 { bytes: Vec<u8>, len: u16, first_frame: FrameRef },
    /// After a hole: where the next record begins is not known.
    Lost,
    /// After bytes that are no TLS: nothing more is read.
    Closed,
}

/// The longest record that is kept whole before it is read: an alert has two bytes.
const SMALL: usize = 2;

/// What the end of a skipped record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// Nothing: a heartbeat, early data, or what cannot be told.
    Unknown,
    /// An encrypted record is complete.
    Encrypted,
    /// An encrypted alert is complete.
    Alert,
}

/// Cuts the stream of one side into records and hands each to the transcript.
#[derive(Debug)]
pub(super) struct Reader {
    stage: Stage,
    assembler: Assembler,
    /// Stream offset of the next byte; while skipping, of the first after the record.
    at: u64,
    /// Whether a hole may have hidden a change of keys, so that handshake records need not be in clear.
    uncertain: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            stage: Stage::Header(PartialHeader::default()),
            assembler: Assembler::default(),
            at: 0,
            uncertain: false,
        }
    }
}

/// What a reader needs to know about the bytes in its hands.
struct Context<'a> {
    from: Side,
    frame: FrameRef,
    transcript: &'a mut Transcript,
    skip: &'a mut u32,
}

impl Context<'_> {
    fn fault(&mut self, offset: u64, kind: FaultKind) {
        self.transcript.fault(Fault { frame: self.frame, from: self.from, offset, kind });
    }
}

impl Reader {
    /// Takes the next bytes. `skip` is what is left of an encrypted record.
    pub(super) fn data(
        &mut self,
        skip: &mut u32,
        from: Side,
        mut bytes: &[u8],
        frame: FrameRef,
        transcript: &mut Transcript,
    ) {
        if matches!(self.stage, Stage::Lost) {
            if !starts_record(bytes) {
                self.at += bytes.len() as u64;
                return;
            }
            self.stage = Stage::Header(PartialHeader::default());
            self.uncertain = true;
            self.assembler.reset();
        }
        let mut cx = Context { from, frame, transcript, skip };
        while !bytes.is_empty() {
            match &self.stage {
                Stage::Header(_) => self.header(&mut bytes, &mut cx),
                Stage::Handshake { .. } => self.handshake(&mut bytes, &mut cx),
                Stage::Small { .. } => self.small(&mut bytes, &mut cx),
                Stage::Skip(what) => {
                    let what = *what;
                    self.skip(&mut bytes, what, &mut cx);
                }
                Stage::Ssl2 { .. } => self.ssl2(&mut bytes, &mut cx),
                Stage::Lost | Stage::Closed => return,
            }
        }
    }

    /// Steps over `len` bytes that were not captured.
    pub(super) fn gap(&mut self, skip: &mut u32, from: Side, len: u64, frame: FrameRef, transcript: &mut Transcript) {
        let mut cx = Context { from, frame, transcript, skip };
        match &mut self.stage {
            Stage::Closed => {}
            Stage::Lost => self.at += len,
            Stage::Skip(what) if len <= u64::from(*cx.skip) => {
                let what = *what;
                *cx.skip -= u32::try_from(len).unwrap_or(0);
                cx.transcript.encrypted[from].missing += len;
                if *cx.skip == 0 {
                    self.end_skip(what, &mut cx);
                }
            }
            Stage::Handshake { left, .. } if len <= u64::from(*left) => {
                *left -= u16::try_from(len).unwrap_or(0);
                let is_over = *left == 0;
                self.at += len;
                self.cut(len, &mut cx);
                if is_over {
                    self.next_record();
                }
            }
            _ => {
                self.at += len;
                if *cx.skip > 0 {
                    // `at` was already beyond the record.
                    cx.transcript.encrypted[from].missing += u64::from(*cx.skip);
                    self.at -= u64::from(*cx.skip);
                    *cx.skip = 0;
                }
                self.cut(len, &mut cx);
                self.stage = Stage::Lost;
            }
        }
    }

    /// A hole in what is, or may be, in clear.
    fn cut(&mut self, len: u64, cx: &mut Context<'_>) {
        cx.transcript.lost[cx.from] = true;
        if let Some(kind) = self.assembler.gap(len) {
            cx.transcript.cut_message[cx.from].get_or_insert((cx.frame, kind));
        }
    }

    fn next_record(&mut self) {
        self.stage = Stage::Header(PartialHeader::default());
        if self.assembler.is_lost() {
            // What began within the hole may go on in the next record.
            self.uncertain = true;
            self.assembler.reset();
        }
    }

    fn header(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Header(partial) = &mut self.stage else { return };
        let before = bytes.len();
        let filled = partial.fill(bytes);
        let start = self.at;
        let is_first = cx.transcript.records[cx.from].count == 0 && !self.uncertain;
        self.at += (before - bytes.len()) as u64;
        match filled {
            Filled::Partial => {
                let may_go_on = partial.is_possible() || (is_first && partial.may_be_ssl2());
                if !may_go_on {
                    self.close(start, FaultKind::NotARecord, cx);
                }
            }
            Filled::Whole(raw) => {
                let start = self.at - RecordHeader::LEN as u64;
                self.whole_header(raw, start, is_first, bytes, cx);
            }
        }
    }

    fn whole_header(
        &mut self,
        raw: [u8; RecordHeader::LEN],
        start: u64,
        is_first: bool,
        bytes: &[u8],
        cx: &mut Context<'_>,
    ) {
        let header = RecordHeader::from_bytes(raw);
        if is_first && !header.content_type.is_known() && self.begin_ssl2(raw, start, cx) {
            return;
        }
        if !header.content_type.is_known() || header.version >> 8 != 3 {
            return self.close(start, FaultKind::NotARecord, cx);
        }
        if header.len > MAX_RECORD {
            return self.close(start, FaultKind::RecordTooLong { len: header.len }, cx);
        }
        cx.transcript.count_record(cx.from, cx.frame);
        self.begin(header, bytes, cx);
    }

    /// Gives up at bytes that are no record: for good, or until the next one where a hole may be to blame.
    fn close(&mut self, offset: u64, kind: FaultKind, cx: &mut Context<'_>) {
        self.stage = if self.uncertain { Stage::Lost } else { Stage::Closed };
        if !self.uncertain {
            cx.fault(offset, kind);
        }
    }

    /// Decides what to do with a record. `ahead` is what has come of it, and of what follows.
    fn begin(&mut self, header: RecordHeader, ahead: &[u8], cx: &mut Context<'_>) {
        let is_small = usize::from(header.len) <= SMALL && header.len > 0;
        match header.content_type {
            ContentType::HANDSHAKE if self.is_clear(header, ahead, cx) => {
                let listed = cx.transcript.messages.len();
                self.stage = Stage::Handshake { header, left: header.len, listed };
                if header.len == 0 {
                    self.next_record();
                }
            }
            // Encrypted records of these types have at least a tag or a MAC.
            ContentType::ALERT if usize::from(header.len) == SMALL => self.stage = small(header),
            ContentType::CHANGE_CIPHER_SPEC if is_small => self.stage = small(header),
            ContentType::HANDSHAKE if self.uncertain && !self.keys_changed(cx) => {
                self.begin_skip(header, Skipped::Unknown, cx);
            }
            ContentType::HANDSHAKE | ContentType::APPLICATION_DATA => {
                self.begin_skip(header, Skipped::Encrypted, cx);
            }
            ContentType::ALERT => self.begin_skip(header, Skipped::Alert, cx),
            _ => self.begin_skip(header, Skipped::Unknown, cx),
        }
    }

    /// Whether what this side sends is encrypted since its ChangeCipherSpec, which in TLS 1.3 means nothing.
    fn keys_changed(&self, cx: &Context<'_>) -> bool {
        cx.transcript.change_cipher_spec[cx.from].is_some() && !cx.transcript.is_tls13()
    }

    /// Whether a record of type handshake is in clear. Where that is not certain, its contents must prove it.
    fn is_clear(&self, header: RecordHeader, ahead: &[u8], cx: &Context<'_>) -> bool {
        // A second ClientHello comes after a ChangeCipherSpec, where the server's half was not captured.
        let unclear_version = self.keys_changed(cx) && cx.from == Side::Client && !cx.transcript.version_is_known();
        if self.uncertain || unclear_version {
            return header.len > 0 && ahead.get(..usize::from(header.len)).is_some_and(is_whole_messages);
        }
        !self.keys_changed(cx)
    }

    fn begin_skip(&mut self, header: RecordHeader, what: Skipped, cx: &mut Context<'_>) {
        if what != Skipped::Unknown {
            cx.transcript.encrypted_begins(cx.from, header, cx.frame);
        }
        self.stage = Stage::Skip(what);
        self.at += u64::from(header.len);
        *cx.skip = u32::from(header.len);
        if header.len == 0 {
            self.end_skip(what, cx);
        }
    }

    fn skip(&mut self, bytes: &mut &[u8], what: Skipped, cx: &mut Context<'_>) {
        let n = bytes.len().min(*cx.skip as usize);
        *bytes = bytes.get(n..).unwrap_or_default();
        *cx.skip -= u32::try_from(n).unwrap_or(*cx.skip);
        if *cx.skip == 0 {
            self.end_skip(what, cx);
        }
    }

    fn end_skip(&mut self, what: Skipped, cx: &mut Context<'_>) {
        if what != Skipped::Unknown {
            cx.transcript.encrypted[cx.from].end(cx.frame);
        }
        if what == Skipped::Alert {
            cx.transcript.alert(Alert::hidden(cx.frame, cx.from));
        }
        self.next_record();
    }

    fn handshake(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Handshake { header, left, listed } = &mut self.stage else { return };
        let (chunk, rest) = bytes.split_at(bytes.len().min(usize::from(*left)));
        *bytes = rest;
        let (from, version, transcript) = (cx.from, header.version, &mut *cx.transcript);
        let fed = self.assembler.feed(chunk, cx.frame, self.at, &mut |message| {
            transcript.handshake_message(from, message, version);
        });
        if let Err((kind, offset)) = fed {
            cx.fault(offset, kind);
        }
        self.at += chunk.len() as u64;
        *left -= u16::try_from(chunk.len()).unwrap_or(*left);
        if *left == 0 {
            // Nobody can act on a message before its record is whole.
            cx.transcript.complete_with(from, *listed, cx.frame);
            self.next_record();
        }
    }

    fn small(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Small { header, bytes: kept, have } = &mut self.stage else { return };
        while u16::from(*have) < header.len
            && let Some((byte, rest)) = bytes.split_first()
        {
            if let Some(slot) = kept.get_mut(usize::from(*have)) {
                *slot = *byte;
            }
            *have += 1;
            *bytes = rest;
            self.at += 1;
        }
        if u16::from(*have) < header.len {
            return;
        }
        let ([level, description], content_type) = (*kept, header.content_type);
        match content_type {
            ContentType::ALERT if self.keys_hide_alert(level, cx) => {
                cx.transcript.alert(Alert::hidden(cx.frame, cx.from));
            }
            ContentType::ALERT => cx.transcript.alert(Alert::clear(cx.frame, cx.from, level, description)),
            _ => {
                cx.transcript.change_cipher_spec[cx.from].get_or_insert(cx.frame);
                self.assembler.reset();
            }
        }
        self.next_record();
    }

    /// Two bytes after a change of keys are an alert in clear all the same where they look like one: no suite
    /// protects a record without adding to it.
    fn keys_hide_alert(&self, level: u8, cx: &Context<'_>) -> bool {
        self.keys_changed(cx) && !matches!(level, Alert::WARNING | Alert::FATAL)
    }

    /// Whether the first bytes of all are an SSLv2 hello, which is then begun.
    fn begin_ssl2(&mut self, raw: [u8; RecordHeader::LEN], start: u64, cx: &mut Context<'_>) -> bool {
        let [high, low, message_type, ..] = raw;
        let detected = matches!(ssl2::detect(&raw), super::Detection::Yes(_) | super::Detection::NeedMore);
        if !detected {
            return false;
        }
        cx.transcript.count_record(cx.from, cx.frame);
        if cx.from == Side::Server || !ssl2::is_client_hello(message_type) {
            self.close(start, FaultKind::Ssl2, cx);
            return true;
        }
        let bytes = raw.get(ssl2::LENGTH_LEN..).unwrap_or_default().to_vec();
        self.stage = Stage::Ssl2 { bytes, len: ssl2::message_len([high, low]), first_frame: cx.frame };
        true
    }

    fn ssl2(&mut self, input: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Ssl2 { bytes, len, first_frame } = &mut self.stage else { return };
        let missing = usize::from(*len).saturating_sub(bytes.len());
        let (chunk, rest) = input.split_at(input.len().min(missing));
        bytes.extend_from_slice(chunk);
        *input = rest;
        self.at += chunk.len() as u64;
        if chunk.len() < missing {
            return;
        }
        let start = self.at - u64::from(*len) - ssl2::LENGTH_LEN as u64;
        match ssl2::read_client_hello(bytes, cx.frame, *first_frame) {
            Ok(hello) => cx.transcript.client_hello(hello),
            Err(short) => {
                let message = super::HandshakeType::CLIENT_HELLO;
                cx.fault(start, FaultKind::MalformedHandshake { message, short });
            }
        }
        self.next_record();
    }
}

fn small(header: RecordHeader) -> Stage {
    Stage::Small { header, bytes: [0; SMALL], have: 0 }
}
