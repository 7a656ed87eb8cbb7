//! A request inside TLS that got no answer: told from the records alone, without keys.
//!
//! Up to TLS 1.2 the type of a record says what it is. In TLS 1.3 a session ticket looks like a response: what the
//! origin sends after the client's Finished is taken for tickets only where it comes before the request, or where it
//! is two records of one length, as OpenSSL sends them. Where neither holds nothing is said.

use crate::base::{FrameRef, Micros, Side};
use crate::session::tls::{EncryptedRecord, Transcript};
use crate::tcp::Closer;

use super::{Connection, encrypted};

/// Between two requests on one connection lies at least this long a silence; what follows a response sooner may be
/// the rest of an upload that the response has refused.
const NEXT_REQUEST: Micros = Micros::from_secs(1);

/// Session tickets that OpenSSL sends after a full handshake, all of one length.
const TICKETS: usize = 2;

/// Application data that went in, with none that came out, when the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiddenRequest {
    /// The first record that is known to be part of it.
    pub sent: FrameRef,
    /// The last record of it.
    pub last: FrameRef,
    /// What ended the connection.
    pub end: Closer,
    /// An earlier request on this connection was answered: where its last record is.
    pub answered_before: Option<FrameRef>,
    /// The types of the records leave no doubt; else it is their number and length that tell.
    pub by_type: bool,
}

impl HiddenRequest {
    /// How long the origin was silent before the connection ended.
    #[must_use]
    pub fn wait(&self) -> Micros {
        self.end.frame.since(self.last)
    }

    /// Whether what ended the connection acknowledges no byte of the request: its sender had not received it.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.end.side == Side::Server && self.end.unread && self.end.last_data.client == Some(self.sent)
    }
}

impl Connection {
    /// The request inside of TLS that was without any answer when the connection ended.
    #[must_use]
    pub fn unanswered_encrypted(&self) -> Option<HiddenRequest> {
        let end = self.certain_end()?;
        let tls = self.tls.as_ref().filter(|tls| tls.fault.is_none() && !self.shows_http())?;
        let found = if tls.is_tls13() { hidden(tls, end) } else { typed(tls, end) }?;
        // HTTP/2 sends much that is no request and gets no answer.
        let is_request = found.answered_before.is_none() || !encrypted::may_be_http2(tls);
        (is_request && found.last < end.frame && self.whole_tls().is_some()).then_some(found)
    }

    /// Whether the edge had said before this packet that it leaves: by a close_notify, or by a record of its length.
    #[must_use]
    pub fn edge_bade_farewell(&self, before: FrameRef) -> bool {
        self.tls.as_ref().is_some_and(|tls| {
            let told = tls.alerts.iter().filter(|alert| alert.from == Side::Client).map(|alert| alert.frame);
            told.chain(tls.tls13.alert_sized.client).any(|frame| frame < before)
        })
    }

    /// The request inside of TLS that came when the origin had already closed a connection that had been idle for long.
    #[must_use]
    pub fn overtaken_encrypted(&self) -> Option<HiddenRequest> {
        let end = self.closed_by(Side::Server)?;
        let tls = self.tls.as_ref().filter(|tls| tls.fault.is_none())?;
        // In TLS 1.3 a close_notify has the type of a request.
        let last = tls.encrypted.client.last_application.filter(|_| tls.tls13.alert_sized.client.is_none())?;
        if last <= end.frame || self.shows_http() || !self.sees_all() {
            return None;
        }
        let answer = last_answer(tls)?;
        let is_request = !encrypted::may_be_http2(tls);
        // What comes soon may be the rest of an upload.
        let idle = end.frame.since(answer) >= NEXT_REQUEST;
        let request = HiddenRequest { sent: last, last, end, answered_before: Some(answer), by_type: !tls.is_tls13() };
        (is_request && idle).then_some(request)
    }
}

/// The origin's last record that is no alert, where that can be told.
pub(super) fn last_answer(tls: &Transcript) -> Option<FrameRef> {
    let server = &tls.encrypted.server;
    tls.handshake_done()?;
    if !tls.is_tls13() || tls.tls13.alert_sized.server.is_none() {
        return server.last_application;
    }
    let listed = server.application == server.first.len() as u64;
    server.first.iter().rev().nth(1).map(|r| r.frame).filter(|_| listed)
}

/// Up to TLS 1.2.
fn typed(tls: &Transcript, end: Closer) -> Option<HiddenRequest> {
    tls.handshake_done()?;
    let (client, server) = (&tls.encrypted.client, &tls.encrypted.server);
    let (first, last) = (client.first_application?, client.last_application?);
    let answered_before = server.last_application;
    let sent = match answered_before {
        None => first,
        Some(answer) => next_request(answer, last)?,
    };
    Some(HiddenRequest { sent, last, end, answered_before, by_type: true })
}

/// A record of the client's so long after the last answer that it belongs to another request.
fn next_request(answer: FrameRef, last: FrameRef) -> Option<FrameRef> {
    (last > answer && last.since(answer) >= NEXT_REQUEST).then_some(last)
}

/// TLS 1.3, where everything has the same type.
fn hidden(tls: &Transcript, end: Closer) -> Option<HiddenRequest> {
    let marks = &tls.tls13;
    // A certificate was asked for and not given: what follows is about that, and not about a request.
    if marks.empty_certificate.is_some() {
        return None;
    }
    let (finished, sent) = (marks.client_finished?, marks.client_application?);
    let last = encrypted::asked(tls).unwrap_or(sent);
    let request = HiddenRequest { sent, last, end, answered_before: None, by_type: false };
    if marks.server_application.is_none() || (!marks.told && only_tickets(tls, finished)) {
        return Some(request);
    }
    let answer = tls.encrypted.server.last_application.filter(|_| marks.alert_sized.server.is_none())?;
    let sent = next_request(answer, last)?;
    Some(HiddenRequest { sent, answered_before: Some(answer), ..request })
}

/// Whether all that the origin sent after the client's Finished is its tickets, and perhaps an alert.
fn only_tickets(tls: &Transcript, finished: FrameRef) -> bool {
    let server = &tls.encrypted.server;
    let listed = server.application == server.first.len() as u64;
    let is_alert = |r: &&EncryptedRecord| {
        let last = server.last.is_some_and(|l| l.frame == r.frame && l.len == r.len);
        tls.tls13.alert_sized.server.is_some() && last
    };
    let mut after = server.first.iter().filter(|r| r.frame > finished).filter(|r| !is_alert(r)).map(|r| r.len);
    let Some(first) = after.next() else { return false };
    let (tickets, alike) = after.fold((1, true), |(n, alike), len| (n + 1, alike && len == first));
    listed && tickets == TICKETS && alike
}
