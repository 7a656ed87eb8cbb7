//! Bytes where TLS was due, and are none.

use crate::base::{FrameRef, Side};
use crate::session::tls::{Detection, Fault, FaultKind, Transcript, detect};

use super::Connection;

/// What the origin said in place of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTls<'c> {
    /// The packet with the first of its bytes.
    pub frame: FrameRef,
    /// The first of its bytes.
    pub bytes: &'c [u8],
}

/// Bytes in the middle of TLS that are none, or that no end can read.
#[derive(Debug, Clone, Copy)]
pub struct Malformed<'c> {
    /// What and where.
    pub fault: &'c Fault,
    /// Where the handshake was finished, if it was before them.
    pub finished: Option<FrameRef>,
    /// What the other end did about it: its alert or the end of the connection.
    pub reaction: Option<FrameRef>,
    /// The capture has other bytes at the same place: an end may have taken either.
    pub contested: bool,
}

impl Connection {
    /// The origin's first bytes, where the edge began TLS and no TLS record begins with them: an answer to the
    /// ClientHello, or the greeting of a server that speaks first.
    #[must_use]
    pub fn answer_not_tls(&self) -> Option<NotTls<'_>> {
        self.hello_begins()?;
        let tls = self.tls_from_start().filter(|tls| tls.records.server.count == 0)?;
        let answered = tls.fault.as_ref().filter(|f| f.from == Side::Server && f.kind == FaultKind::NotARecord);
        let answered = answered.map(|f| NotTls { frame: f.frame, bytes: &f.excerpt });
        // An edge that speaks something else before TLS has agreed on it with the origin (STARTTLS).
        let greeted = || self.foreign.server.as_ref().filter(|_| self.foreign.client.is_none());
        let greeting = || greeted().map(|f| NotTls { frame: f.frame, bytes: &f.bytes });
        let answer = answered.or_else(greeting).filter(|answer| detect(answer.bytes) == Detection::No)?;
        self.before_end(answer.frame).then_some(answer)
    }

    /// The first bytes within TLS that are no record, or a message that cannot be read, before anybody had ended TLS.
    #[must_use]
    pub fn malformed(&self) -> Option<Malformed<'_>> {
        let tls = self.whole_tls().filter(|_| self.began_with_tls())?;
        // Ends that agree on SSL 2.0 may be content with it; this reader is not.
        let fault = tls.fault.as_ref().filter(|f| self.before_end(f.frame) && f.kind != FaultKind::Ssl2)?;
        // After a farewell a connection may go on without TLS.
        let hidden = [tls.tls13.alert_sized.client, tls.tls13.alert_sized.server];
        let farewells = tls.alerts.iter().filter(|a| a.ends_handshake()).map(|a| a.frame);
        let said_farewell = farewells.chain(hidden.into_iter().flatten()).any(|frame| frame <= fault.frame);
        let spoke_tls = tls.records[fault.from].count > 0 || fault.kind != FaultKind::NotARecord;
        let reaction = self.reaction(tls, fault);
        // A message may be odd to this reader and good to the other end: then that goes on.
        let matters = closes(fault.kind) || (reaction.is_some() && !self.went_on_after(tls, fault));
        let finished = tls.handshake_done().filter(|&done| done <= fault.frame);
        let contested = self.tcp.odd.conflicting_overlaps[fault.from] > 0;
        let found = Malformed { fault, finished, reaction, contested };
        (spoke_tls && matters && !said_farewell).then_some(found)
    }

    /// Whether the client's first bytes were TLS.
    fn began_with_tls(&self) -> bool {
        let first = self.tls.as_ref().and_then(|tls| tls.records.client.first);
        first.is_some() && self.foreign.client.is_none() && self.foreign.server.is_none() && !self.shows_http()
    }

    /// Whether the handshake went on after a message that this reader cannot read.
    fn went_on_after(&self, tls: &Transcript, fault: &Fault) -> bool {
        match fault.from {
            Side::Client => tls.server_hello.is_some(),
            Side::Server => self.edge_went_on().is_some_and(|frame| frame >= fault.frame),
        }
    }

    fn reaction(&self, tls: &Transcript, fault: &Fault) -> Option<FrameRef> {
        let after = |frame: FrameRef| frame >= fault.frame;
        let peer = fault.from.peer();
        let alert = tls.alerts.iter().find(|a| a.from == peer && a.ends_handshake()).map(|a| a.frame);
        let end = self.certain_end().map(|end| end.frame);
        [alert, tls.tls13.alert_sized[peer], end].into_iter().flatten().filter(|&frame| after(frame)).min()
    }
}

/// Whether no end can find the next record after such a fault.
fn closes(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::NotARecord | FaultKind::RecordTooLong { .. })
}
