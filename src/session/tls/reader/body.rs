//! What is done with the contents of a record.

use super::super::alert::Alert;
use super::super::fault::FaultKind;
use super::super::handshake::{HandshakeType, is_whole_messages};
use super::super::record::{ContentType, RecordHeader};
use super::super::{Detection, EncryptedRecord, ssl2};
use super::{Context, Reader, SMALL, Skipped, Stage};
use crate::base::Side;

impl Reader {
    /// Decides what to do with a record. `bytes` is what has come of it, and of what follows.
    pub(super) fn begin(&mut self, header: RecordHeader, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let is_small = usize::from(header.len) <= SMALL && header.len > 0;
        match header.content_type {
            ContentType::HANDSHAKE if self.is_clear(header, bytes, cx) => {
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
                self.begin_skip(header, Skipped::Unknown, bytes, cx);
            }
            ContentType::HANDSHAKE | ContentType::APPLICATION_DATA if cx.transcript.expects_early_data(cx.from) => {
                cx.transcript.encrypted.client.early_data += 1;
                self.begin_skip(header, Skipped::Unknown, bytes, cx);
            }
            ContentType::HANDSHAKE | ContentType::APPLICATION_DATA => {
                self.begin_skip(header, Skipped::Encrypted, bytes, cx);
            }
            ContentType::ALERT => self.begin_skip(header, Skipped::Alert, bytes, cx),
            _ => self.begin_skip(header, Skipped::Unknown, bytes, cx),
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

    fn begin_skip(&mut self, header: RecordHeader, what: Skipped, bytes: &mut &[u8], cx: &mut Context<'_>) {
        if self.is_sealed(header, what, cx) {
            return self.begin_sealed(header, what, cx);
        }
        let rest = bytes.get(usize::from(header.len)..);
        if what != Skipped::Unknown {
            cx.transcript.encrypted[cx.from].begin(EncryptedRecord::new(header, cx.frame, rest.is_some()));
            cx.transcript.mark_by_length(cx.from, header, cx.frame);
        }
        self.at += u64::from(header.len);
        if let Some(rest) = rest {
            // All of it is here, as it is mostly.
            *bytes = rest;
            return self.skipped(what, cx);
        }
        self.stage = Stage::Skip(what);
        *cx.skip = u32::from(header.len);
    }

    pub(super) fn skip(&mut self, bytes: &mut &[u8], what: Skipped, cx: &mut Context<'_>) {
        let n = bytes.len().min(*cx.skip as usize);
        *bytes = bytes.get(n..).unwrap_or_default();
        *cx.skip -= u32::try_from(n).unwrap_or(*cx.skip);
        if *cx.skip == 0 {
            self.end_skip(what, cx);
        }
    }

    pub(super) fn end_skip(&mut self, what: Skipped, cx: &mut Context<'_>) {
        if what != Skipped::Unknown {
            cx.transcript.encrypted[cx.from].end(cx.frame);
        }
        self.skipped(what, cx);
    }

    fn skipped(&mut self, what: Skipped, cx: &mut Context<'_>) {
        if what == Skipped::Alert {
            cx.transcript.alert(Alert::hidden(cx.frame, cx.from));
        }
        self.next_record();
    }

    #[inline(never)]
    pub(super) fn handshake(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Handshake { header, left, listed } = &mut self.stage else { return };
        let (chunk, rest) = bytes.split_at(bytes.len().min(usize::from(*left)));
        *bytes = rest;
        let (from, version, transcript) = (cx.from, header.version, &mut *cx.transcript);
        let fed = self.assembler.feed(chunk, cx.frame, self.at, &mut |message| {
            transcript.handshake_message(from, message, version);
        });
        if let Err((kind, (offset, start))) = fed {
            cx.fault(offset, kind, &start);
        }
        self.at += chunk.len() as u64;
        *left -= u16::try_from(chunk.len()).unwrap_or(*left);
        if *left == 0 {
            // Nobody can act on a message before its record is whole.
            cx.transcript.complete_with(from, *listed, cx.frame);
            self.end_cut(cx);
            self.next_record();
        }
    }

    #[inline(never)]
    pub(super) fn small(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
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
    #[cold]
    pub(super) fn begin_ssl2(&mut self, raw: [u8; RecordHeader::LEN], start: u64, cx: &mut Context<'_>) -> bool {
        let [high, low, message_type, ..] = raw;
        let detected = matches!(ssl2::detect(&raw), Detection::Yes(_) | Detection::NeedMore);
        if !detected {
            return false;
        }
        cx.transcript.count_record(cx.from, cx.frame);
        if cx.from == Side::Server || !ssl2::is_client_hello(message_type) {
            self.close(start, FaultKind::Ssl2, &raw, cx);
            return true;
        }
        let bytes = raw.get(ssl2::LENGTH_LEN..).unwrap_or_default().to_vec();
        self.stage = Stage::Ssl2 { bytes, len: ssl2::message_len([high, low]), first_frame: cx.frame };
        true
    }

    #[cold]
    pub(super) fn ssl2(&mut self, input: &mut &[u8], cx: &mut Context<'_>) {
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
                let message = HandshakeType::CLIENT_HELLO;
                cx.fault(start, FaultKind::MalformedHandshake { message, short }, bytes);
            }
        }
        self.next_record();
    }
}

fn small(header: RecordHeader) -> Stage {
    Stage::Small { header, bytes: [0; SMALL], have: 0 }
}
