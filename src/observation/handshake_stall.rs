//! A handshake that stopped half-way, with the origin's part missing.
//!
//! ```text
//! edge:    ClientHello           [2nd ClientHello]                        key exchange, Finished
//! origin:      [HelloRetryRequest]             ServerHello ... flight                    Finished
//!                                 | ServerHello |    Flight    |                        | Finished |
//! ```
//! Below the line is what the origin owes. What the edge owes is not looked at here: an edge that does not go on after a
//! whole flight refuses it. In TLS 1.3 the origin owes nothing after its flight, and the end of that cannot be seen: only
//! a flight that has not begun, a record that is not whole, and a rest that comes too late show that it was missing.

use crate::base::{FrameRef, Micros, Side, Timestamp};
use crate::session::tls::{Alert, EncryptedRecord, RecordHeader, Transcript};

use super::Connection;

/// The part of the handshake that the origin owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// A ServerHello, after the edge's answer to its HelloRetryRequest.
    ServerHello,
    /// The rest of its flight.
    Flight,
    /// Its Finished, after that of the edge (up to TLS 1.2).
    Finished,
}

/// A handshake that the origin left half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeStall {
    /// What is missing.
    pub owed: Owed,
    /// The last that was heard of the handshake.
    pub since: FrameRef,
    /// Where the edge gave up: its farewell, or its end of the connection. `None` while nobody has.
    pub until: Option<FrameRef>,
}

impl Connection {
    /// The part of the handshake for which the edge waited when it gave up, or still waits.
    #[must_use]
    pub fn handshake_stall(&self) -> Option<HandshakeStall> {
        let begins = self.hello_begins()?;
        let tls = self.whole_tls().filter(|tls| tls.fault.is_none())?;
        let Leave { at: until, farewell } = self.left(tls)?;
        let before = |frame: FrameRef| until.is_none_or(|end| frame < end);
        let owed = owed_at(self, tls, &before)?;
        let arrived =
            |side: Side, but: u64| self.tcp.unacknowledged(side) <= but || self.tcp.odd.retransmissions[side] == 0;
        // What did not get through is another story, and so is an edge that takes no more.
        if !arrived(Side::Client, farewell) || !arrived(Side::Server, 0) || self.tcp.odd.zero_windows.client > 0 {
            return None;
        }
        let last = self.closer().map_or(self.tcp.streams.last_data, |end| end.last_data);
        let spoken = [last.server, tls.second_client_hello, tls.encrypted.client.first_handshake];
        let since = spoken.into_iter().flatten().filter(|&frame| before(frame)).max()?;
        (since > begins).then_some(HandshakeStall { owed, since, until })
    }

    /// How the edge left, if anybody did. `None` where it was not the edge, or it named a reason.
    fn left(&self, tls: &Transcript) -> Option<Leave> {
        let end = self.closer();
        if end.is_some_and(|end| end.side == Side::Server || self.certain_end().is_none()) {
            return None;
        }
        let alert = tls.alerts.iter().find(|a| a.ends_handshake());
        let Some(alert) = alert.filter(|a| end.is_none_or(|end| a.frame <= end.frame)) else {
            return Some(Leave { at: end.map(|end| end.frame), farewell: 0 });
        };
        let hidden = tls.encrypted.client.last.filter(|_| alert.encrypted).map(|record| record.len);
        let farewell = RecordHeader::LEN as u64 + u64::from(hidden.unwrap_or(2));
        (alert.from == Side::Client && is_farewell(alert)).then_some(Leave { at: Some(alert.frame), farewell })
    }
}

/// How the edge left.
struct Leave {
    /// Where, if it has.
    at: Option<FrameRef>,
    /// Bytes of its alert, which the origin need not have acknowledged any more.
    farewell: u64,
}

/// Whether an alert says no more than that its sender leaves: close_notify, user_canceled, or one that is encrypted.
fn is_farewell(alert: &Alert) -> bool {
    const USER_CANCELED: u8 = 90;
    alert.is_hidden() || alert.is_close_notify() || alert.description == Some(USER_CANCELED)
}

/// What the origin owed when only what `before` admits had been said.
fn owed_at(c: &Connection, tls: &Transcript, before: &dyn Fn(FrameRef) -> bool) -> Option<Owed> {
    let said = |frame: Option<FrameRef>| frame.filter(|&frame| before(frame));
    if tls.server_hello.as_ref().and_then(|hello| said(Some(hello.frame))).is_none() {
        if said(tls.hello_retry_request).is_some() {
            return said(tls.second_client_hello).map(|_| Owed::ServerHello);
        }
        let only_began = said(tls.records.server.first).is_some() && tls.encrypted.server.last.is_none();
        return only_began.then_some(Owed::Flight);
    }
    if tls.is_tls13() {
        let rest =
            |r: &EncryptedRecord| !r.complete || (!before(r.frame) && Some(r.frame) != tls.tls13.alert_sized.server);
        let server = &tls.encrypted.server;
        let half = server.last.is_none() || server.first.iter().any(rest);
        return (half && said(c.edge_went_on()).is_none()).then_some(Owed::Flight);
    }
    if said(tls.encrypted.server.first_handshake).is_some() {
        return None;
    }
    match said(tls.server_hello_done()) {
        Some(_) => said(tls.encrypted.client.first_handshake).map(|_| Owed::Finished),
        None => Some(Owed::Flight),
    }
}

impl HandshakeStall {
    /// How long the edge waited, or has waited until `now`.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Micros {
        self.until.map_or_else(|| now.since(self.since.time), |end| end.since(self.since))
    }
}
