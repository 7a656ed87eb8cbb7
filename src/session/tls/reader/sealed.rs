//! Records that keys open.

use super::super::handshake::HandshakeType;
use super::super::record::{ContentType, RecordHeader};
use super::super::tls13::Content;
use super::{Context, Reader, Skipped, Stage};

impl Reader {
    /// Whether a record that begins now is to be opened.
    pub(super) fn is_sealed(&self, header: RecordHeader, what: Skipped, cx: &mut Context<'_>) -> bool {
        let Some(decryption) = cx.decryption else { return false };
        // Early data, which goes before the ServerHello, says nothing about the records after it.
        if cx.transcript.server_hello.is_none() {
            return false;
        }
        if what == Skipped::Unknown || self.uncertain {
            // It has a number, too, or new keys follow.
            decryption.stop(cx.from);
            return false;
        }
        decryption.wants(cx.from, header, cx.transcript)
    }

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
        let found = decryption.open(cx.from, header, &mut record);
        let content = found.map(|(content_type, plain)| self.inside(content_type, plain, cx));
        if let Some(decryption) = cx.decryption {
            decryption.give_back(cx.from, record);
        }
        match content {
            Some(content) if cx.transcript.is_tls13() => cx.transcript.tls13.told(cx.from, content, begun),
            Some(_) => {}
            None => cx.transcript.mark_by_length(cx.from, header, begun),
        }
        let is_hidden_alert = what == Skipped::Alert && content.is_none();
        self.end_skip(if is_hidden_alert { Skipped::Alert } else { Skipped::Encrypted }, cx);
    }

    /// What lies in a record goes to those that read it in clear.
    fn inside(&mut self, content_type: ContentType, plain: &[u8], cx: &mut Context<'_>) -> Content {
        let mut content = Content { content_type, finished: false, empty_certificate: false };
        match content_type {
            ContentType::APPLICATION_DATA => cx.inside.data(cx.from, plain, cx.frame),
            ContentType::ALERT => cx.transcript.inner_alert(cx.from, plain, cx.frame),
            ContentType::HANDSHAKE if cx.transcript.is_tls13() => self.inner_handshake(plain, &mut content, cx),
            _ => {}
        }
        content
    }

    fn inner_handshake(&mut self, plain: &[u8], content: &mut Content, cx: &mut Context<'_>) {
        let (from, transcript) = (cx.from, &mut *cx.transcript);
        let mut updated = false;
        let had_none = transcript.empty_certificate[from].is_some();
        let fed = self.assembler.feed(plain, cx.frame, self.at, &mut |message| {
            content.finished |= message.kind == HandshakeType::FINISHED;
            updated |= message.kind == HandshakeType::KEY_UPDATE;
            transcript.inner_message(from, message);
        });
        content.empty_certificate = !had_none && transcript.empty_certificate[from].is_some();
        let Some(decryption) = cx.decryption else { return };
        if fed.is_err() {
            decryption.stop(from);
        }
        if content.finished {
            decryption.finished(from, cx.transcript);
        }
        if updated {
            decryption.update(from, cx.transcript);
        }
    }

    /// A hole within a record that was to be opened makes it one that is stepped over; after any hole the numbers of
    /// records are not known, and the side is not opened any more.
    pub(super) fn unseal(&mut self, cx: &mut Context<'_>) {
        let Some(decryption) = cx.decryption else { return };
        decryption.stop(cx.from);
        if let Stage::Sealed { header, what, left, begun } = self.stage {
            cx.transcript.mark_by_length(cx.from, header, begun);
            self.at += u64::from(left);
            *cx.skip = u32::from(left);
            self.stage = Stage::Skip(what);
        }
    }
}
