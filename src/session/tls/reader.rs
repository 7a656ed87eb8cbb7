//! The records of one side, from bytes in stream order.

mod body;
mod sealed;

use super::decrypt::Decryption;
use super::fault::{Fault, FaultKind};
use super::handshake::Assembler;
use super::observer::Inside;
use super::record::{Filled, PartialHeader, RecordHeader, starts_record};
use super::transcript::{CutMessage, Transcript};
use crate::base::{FrameRef, Side};

/// Where a reader is.
///
/// ```text
///                    handshake in clear      its last byte
///          +------------------------------> Handshake ---------------+
///          |  alert or CCS, <= 2 bytes                               |
///          +------------------------------> Small -------------------+
///          |  encrypted, and keys are at hand                         |
///          +------------------------------> Sealed ------------------+
///          |  anything else                                          v
/// Header --+------------------------------> Skip ---------------> Header
///    |     |  SSLv2 hello, first of all                              ^
///    |     +------------------------------> Ssl2 --------------------+
///    |  no header                                                    | a packet that begins with a record
///    +-----> Closed            hole beyond the record -----------> Lost
/// ```
#[derive(Debug, Clone)]
enum Stage {
    /// Before a record, or within its header.
    Header(PartialHeader),
    /// Within a record of handshake messages in clear, before which `listed` messages were in the transcript.
    Handshake { header: RecordHeader, left: u16, listed: usize },
    /// Within an alert or ChangeCipherSpec in clear.
    Small { header: RecordHeader, bytes: [u8; SMALL], have: u8 },
    /// Within a record that is collected to be opened; `begun` has its header.
    Sealed { header: RecordHeader, what: Skipped, left: u16, begun: FrameRef },
    /// Within a record that is stepped over; the bytes left are counted by the observer.
    Skip(Skipped),
    /// Within an SSLv2 hello.
    Ssl2 { bytes: Vec<u8>, len: u16, first_frame: FrameRef },
    /// After a hole: where the next record begins is not known.
    Lost,
    /// After bytes that are no TLS: nothing more is read, but for what completes the excerpt of the fault.
    Closed { excerpt_goes_on: bool },
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
#[derive(Debug, Clone)]
pub(super) struct Reader {
    stage: Stage,
    assembler: Assembler,
    /// Stream offset of the next byte; while skipping, of the first after the record.
    at: u64,
    /// Whether a hole may have hidden a change of keys, so that handshake records need not be in clear.
    uncertain: bool,
}

impl Reader {
    /// Bytes that are kept of a message.
    pub(super) fn held(&self) -> usize {
        self.assembler.held()
    }
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

/// What a reader needs to know about the bytes in its hands, and what it works on beside its own state.
pub(super) struct Context<'a> {
    pub(super) from: Side,
    pub(super) frame: FrameRef,
    pub(super) transcript: &'a mut Transcript,
    /// What is left of an encrypted record.
    pub(super) skip: &'a mut u32,
    pub(super) decryption: &'a mut Option<Decryption>,
    pub(super) inside: &'a mut dyn Inside,
}

impl Context<'_> {
    /// Something is wrong at `offset`, where the stream goes on with `start`. Says whether it is the first such thing.
    fn fault(&mut self, offset: u64, kind: FaultKind, start: &[u8]) -> bool {
        self.transcript.fault(Fault::new(self.frame, self.from, offset, kind, start))
    }
}

impl Reader {
    /// Takes the next bytes.
    pub(super) fn data(&mut self, mut bytes: &[u8], cx: &mut Context<'_>) {
        if matches!(self.stage, Stage::Lost) {
            if !starts_record(bytes) {
                self.at += bytes.len() as u64;
                return;
            }
            self.stage = Stage::Header(PartialHeader::default());
            self.uncertain = true;
            self.assembler.reset();
        }
        while !bytes.is_empty() {
            match &self.stage {
                Stage::Header(_) => self.header(&mut bytes, cx),
                Stage::Handshake { .. } => self.handshake(&mut bytes, cx),
                Stage::Small { .. } => self.small(&mut bytes, cx),
                Stage::Sealed { .. } => self.sealed(&mut bytes, cx),
                Stage::Skip(what) => {
                    let what = *what;
                    self.skip(&mut bytes, what, cx);
                }
                Stage::Ssl2 { .. } => self.ssl2(&mut bytes, cx),
                Stage::Closed { excerpt_goes_on: true } => {
                    if let Some(fault) = &mut cx.transcript.fault {
                        fault.extend(bytes);
                    }
                    return;
                }
                Stage::Lost | Stage::Closed { .. } => return,
            }
        }
    }

    /// Steps over `len` bytes that were not captured.
    pub(super) fn gap(&mut self, len: u64, cx: &mut Context<'_>) {
        self.unseal(cx);
        match &mut self.stage {
            Stage::Closed { excerpt_goes_on } => *excerpt_goes_on = false,
            Stage::Lost => self.at = self.at.saturating_add(len),
            Stage::Skip(what) if len <= u64::from(*cx.skip) => {
                let what = *what;
                *cx.skip -= u32::try_from(len).unwrap_or(0);
                cx.transcript.encrypted[cx.from].missing += len;
                if *cx.skip == 0 {
                    self.end_skip(what, cx);
                }
            }
            Stage::Handshake { left, .. } => {
                let within = u16::try_from(len).unwrap_or(u16::MAX).min(*left);
                *left -= within;
                let (is_over, within) = (*left == 0, u64::from(within));
                self.at = self.at.saturating_add(within);
                self.cut(within, cx);
                if is_over {
                    self.end_cut(cx);
                    self.next_record();
                }
                if len > within {
                    self.lose(len - within, cx);
                }
            }
            _ => self.lose(len, cx),
        }
    }

    /// A hole that goes beyond the record: where the next one begins is not known any more.
    #[cold]
    fn lose(&mut self, len: u64, cx: &mut Context<'_>) {
        self.at = self.at.saturating_add(len);
        if *cx.skip > 0 {
            // `at` was already beyond the record.
            cx.transcript.encrypted[cx.from].missing += u64::from(*cx.skip);
            self.at -= u64::from(*cx.skip);
            *cx.skip = 0;
        }
        self.cut(len, cx);
        self.stage = Stage::Lost;
    }

    /// A hole in what is, or may be, in clear.
    fn cut(&mut self, len: u64, cx: &mut Context<'_>) {
        cx.transcript.lost[cx.from] = true;
        if let Some(kind) = self.assembler.gap(len) {
            let cut = CutMessage { frame: cx.frame, kind, ended: None };
            cx.transcript.cut_message[cx.from].get_or_insert(cut);
        }
    }

    /// A record is over, and with it a message that a hole cut, unless that goes on in the next one.
    fn end_cut(&self, cx: &mut Context<'_>) {
        if let Some(cut) = cx.transcript.cut_message.written().and_then(|cut| cut[cx.from].as_mut())
            && self.assembler.is_between()
        {
            cut.ended.get_or_insert(cx.frame);
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
        self.at += (before - bytes.len()) as u64;
        match filled {
            Filled::Whole(raw) => self.whole_header(raw, bytes, cx),
            Filled::Partial => self.partial_header(cx),
        }
    }

    /// Whether no record of this side was seen, nor can have been.
    fn is_first(&self, cx: &Context<'_>) -> bool {
        cx.transcript.records[cx.from].count == 0 && !self.uncertain
    }

    #[cold]
    fn partial_header(&mut self, cx: &mut Context<'_>) {
        let Stage::Header(so_far) = self.stage else { return };
        let may_go_on = so_far.is_possible() || (self.is_first(cx) && so_far.may_be_ssl2());
        if !may_go_on {
            let start = self.at - so_far.bytes().len() as u64;
            self.close(start, FaultKind::NotARecord, so_far.bytes(), cx);
        }
    }

    fn whole_header(&mut self, raw: [u8; RecordHeader::LEN], bytes: &mut &[u8], cx: &mut Context<'_>) {
        let header = RecordHeader::from_bytes(raw);
        if !header.is_possible() {
            return self.impossible_header(raw, cx);
        }
        cx.transcript.count_record(cx.from, cx.frame);
        self.begin(header, bytes, cx);
    }

    #[cold]
    fn impossible_header(&mut self, raw: [u8; RecordHeader::LEN], cx: &mut Context<'_>) {
        let header = RecordHeader::from_bytes(raw);
        let start = self.at - RecordHeader::LEN as u64;
        let is_known = header.content_type.is_known();
        if !is_known && self.is_first(cx) && self.begin_ssl2(raw, start, cx) {
            return;
        }
        let kind = if is_known && header.version >> 8 == 3 {
            FaultKind::RecordTooLong { len: header.len }
        } else {
            FaultKind::NotARecord
        };
        self.close(start, kind, &raw, cx);
    }

    /// Gives up at bytes that are no record: for good, or until the next one where a hole may be to blame. The first of
    /// them are `start`.
    #[cold]
    fn close(&mut self, offset: u64, kind: FaultKind, start: &[u8], cx: &mut Context<'_>) {
        self.stage =
            if self.uncertain { Stage::Lost } else { Stage::Closed { excerpt_goes_on: cx.fault(offset, kind, start) } };
    }
}
