//! Records that keys open.

use super::super::handshake::HandshakeType;
use super::super::record::{ContentType, RecordHeader};
use super::super::tls13::Content;
use super::super::{Alert, EncryptedRecord, WhyNot};
use super::{Context, Reader, Skipped, Stage};
use crate::base::Side;

impl Reader {
    /// Whether a record that begins now is to be opened. Where no key is at hand, a side is given up at its first one.
    pub(super) fn is_sealed(&self, header: RecordHeader, what: Skipped, cx: &mut Context<'_>) -> bool {
        let may_be = cx.decryption.as_ref().is_some_and(|decryption| !decryption.has_stopped(cx.from));
        may_be && self.is_wanted(header, what, cx)
    }

    #[inline(never)]
    fn is_wanted(&self, header: RecordHeader, what: Skipped, cx: &mut Context<'_>) -> bool {
        let Some(decryption) = cx.decryption else { return false };
        if cx.transcript.server_hello.is_none() {
            // Only early data goes before the ServerHello.
            return !self.uncertain && decryption.wants_early(cx.from, header, cx.transcript);
        }
        if what == Skipped::Unknown || self.uncertain {
            // It has a number, too, or new keys follow.
            decryption.stop(cx.from, if self.uncertain { WhyNot::Gap } else { WhyNot::OutOfPlace }, cx.frame);
            return false;
        }
        decryption.wants(cx.from, header, cx.transcript, cx.frame)
    }

    #[inline(never)]
    pub(super) fn begin_sealed(&mut self, header: RecordHeader, what: Skipped, cx: &mut Context<'_>) {
        if what != Skipped::Unknown {
            cx.transcript.encrypted[cx.from].begin(EncryptedRecord::new(header, cx.frame, false));
        }
        self.stage = Stage::Sealed { header, what, left: header.len, begun: cx.frame };
    }

    #[inline(never)]
    pub(super) fn sealed(&mut self, bytes: &mut &[u8], cx: &mut Context<'_>) {
        let Stage::Sealed { header, what, left, begun } = &mut self.stage else { return };
        let (chunk, rest) = bytes.split_at(bytes.len().min(usize::from(*left)));
        *bytes = rest;
        self.at += chunk.len() as u64;
        *left -= u16::try_from(chunk.len()).unwrap_or(*left);
        let Some(decryption) = cx.decryption else { return };
        decryption.collect(cx.from, chunk);
        if *left > 0 {
            return;
        }
        let (header, what, begun) = (*header, *what, *begun);
        let mut record = decryption.take(cx.from);
        let found = decryption.open(cx.from, header, &mut record, cx.frame);
        let content = found.map(|(content_type, plain)| self.inside(content_type, plain, cx));
        if let Some(decryption) = cx.decryption {
            decryption.give_back(cx.from, record);
        }
        match content {
            Some(content) if cx.transcript.is_tls13() => cx.transcript.tls13.told(cx.from, content, begun),
            Some(_) => {}
            None => cx.transcript.mark_by_length(cx.from, header, begun),
        }
        let is_told = what == Skipped::Alert && content.is_some();
        self.end_skip(if is_told { Skipped::Encrypted } else { what }, cx);
    }

    /// What lies in a record goes to those that read it in clear.
    fn inside(&mut self, content_type: ContentType, plain: &[u8], cx: &mut Context<'_>) -> Content {
        let mut content = Content { content_type, finished: false, empty_certificate: false };
        match content_type {
            ContentType::APPLICATION_DATA => {
                let held = cx.decryption.as_mut().is_some_and(|d| d.hold(cx.from, plain, cx.transcript, cx.frame));
                if !held {
                    cx.inside.data(cx.from, plain, cx.frame);
                }
            }
            ContentType::ALERT => {
                cx.transcript.inner_alert(cx.from, plain, cx.frame);
                if let [_, Alert::CLOSE_NOTIFY] = plain {
                    cx.inside.closed(cx.from, cx.frame);
                }
            }
            ContentType::HANDSHAKE if cx.transcript.is_tls13() => self.inner_handshake(plain, &mut content, cx),
            _ => {}
        }
        content
    }

    fn inner_handshake(&mut self, plain: &[u8], content: &mut Content, cx: &mut Context<'_>) {
        let (from, transcript) = (cx.from, &mut *cx.transcript);
        let (mut updated, mut early_data_is_over) = (false, false);
        let had_none = transcript.empty_certificate[from].is_some();
        let fed = self.assembler.feed(plain, cx.frame, self.at, &mut |message| {
            content.finished |= message.kind == HandshakeType::FINISHED;
            updated |= message.kind == HandshakeType::KEY_UPDATE;
            early_data_is_over |= message.kind == HandshakeType::END_OF_EARLY_DATA;
            transcript.inner_message(from, message);
        });
        content.empty_certificate = !had_none && transcript.empty_certificate[from].is_some();
        let Some(decryption) = cx.decryption else { return };
        if fed.is_err() {
            decryption.stop(from, WhyNot::OutOfPlace, cx.frame);
        }
        if early_data_is_over {
            decryption.end_of_early_data(from, cx.transcript, cx.frame);
        }
        for (bytes, frame) in decryption.release(cx.transcript) {
            cx.inside.data(Side::Client, &bytes, frame);
        }
        if content.finished {
            decryption.finished(from);
        }
        if updated {
            decryption.update(from, cx.transcript, cx.frame);
        }
    }

    /// A hole within a record that was to be opened makes it one that is stepped over; after any hole the numbers of
    /// records are not known, and the side is not opened any more.
    pub(super) fn unseal(&mut self, cx: &mut Context<'_>) {
        let Some(decryption) = cx.decryption else { return };
        decryption.stop(cx.from, WhyNot::Gap, cx.frame);
        if let Stage::Sealed { header, what, left, begun } = self.stage {
            cx.transcript.mark_by_length(cx.from, header, begun);
            self.at += u64::from(left);
            *cx.skip = u32::from(left);
            self.stage = Stage::Skip(what);
        }
    }
}
