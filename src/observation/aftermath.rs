//! What the edge did after a response that is not as it should be: the only thing that tells whether it took it.
//!
//! ```text
//! response .... fault .... | next request            went on
//!                          | silence ... FIN          closed idle
//!                          | FIN or RST soon          left
//!                          | the origin ends it       not shown
//! ```

use crate::base::{FrameRef, Micros, Side};
use crate::session::http1::Exchange;
use crate::tcp::End;

use super::{Connection, EdgeKind};

/// A connection that has been silent for this long is closed because it is idle: no keep-alive timeout is shorter.
const IDLE: Micros = Micros::from_millis(950);

/// What the edge did after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// It asked again on the same connection: here.
    WentOn(FrameRef),
    /// It took all of the response and closed here, when the connection had been idle.
    ClosedIdle(FrameRef),
    /// It ended the connection here, before that.
    Left(FrameRef),
    /// The origin ended the connection, or announced that it ends, so that the edge had no choice; or the
    /// edge is a probe.
    NotShown,
    /// The end is not in the capture.
    NotCaptured,
}

impl Connection {
    /// What the edge did after what was wrong in `fault`, a frame of this exchange's response.
    #[must_use]
    pub fn aftermath(&self, exchange: &Exchange, fault: FrameRef) -> Aftermath {
        // A probe does not do what CloudFront would: nobody knows what that is.
        if self.edge.kind == EdgeKind::Probe {
            return Aftermath::NotShown;
        }
        let response = exchange.response.as_ref();
        let since = response.map_or(fault, |r| r.last_frame.max(fault));
        let spoke = self.websocket.as_deref().and_then(|socket| socket.first.client);
        if let Some(next) = self.next_request(exchange, since).or(spoke) {
            return Aftermath::WentOn(next);
        }
        let complete = response.is_some_and(|r| r.complete);
        let wants_close = response.is_some_and(|r| r.wants_close);
        let Some(end) = self.certain_end() else { return Aftermath::NotCaptured };
        let reset = self.tcp.end.rst.client.filter(|rst| *rst > fault && !complete);
        match (end.side, end.how) {
            (Side::Server, _) => reset.map_or(Aftermath::NotShown, Aftermath::Left),
            // It closed its half when it had asked, and went on listening.
            (Side::Client, End::Fin) if end.frame < fault => reset.map_or(Aftermath::NotShown, Aftermath::Left),
            (Side::Client, _) if complete && end.frame.since(since) >= IDLE => Aftermath::ClosedIdle(end.frame),
            (Side::Client, End::Fin) if complete && wants_close => Aftermath::NotShown,
            (Side::Client, _) => Aftermath::Left(end.frame),
        }
    }

    /// The first request that was sent when the edge could know of `since`: what was on its way already proves nothing.
    fn next_request(&self, exchange: &Exchange, since: FrameRef) -> Option<FrameRef> {
        let half = self.tcp.handshake_rtt().map_or(Micros(0), |rtt| Micros(rtt.0 / 2));
        let later = self.http.as_ref()?.exchanges.iter().filter(|e| e.index > exchange.index);
        let mut asked = later.filter_map(|e| e.request.as_ref()).map(|r| r.frame);
        asked.find(|frame| *frame > since && frame.since(since) >= half)
    }
}
