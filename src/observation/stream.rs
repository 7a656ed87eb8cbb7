//! Streams of HTTP/2 in the light of how they, and their connection, ended: which response was owed, and who stopped it.
//!
//! ```text
//! HEADERS ........ HEADERS ............. END_STREAM
//!    |   unanswered   |     unfinished       |   delivered
//!    +--- end here ---+------ end here ------+--- end here ---
//! ```
//! "End" is RST_STREAM, or the FIN or RST of the connection. Where bytes of the origin are missing that may decide, there
//! is no answer.

use crate::base::{FrameRef, Micros, Side};
use crate::session::http2::{ErrorCode, Exchange, Fault, GoAway, Request, Response, Transcript};
use crate::tcp::{Closer, End};

use super::Connection;

/// A request to which the response was not whole when something ended it.
#[derive(Debug, Clone, Copy)]
pub struct OwedStream<'c> {
    /// The exchange.
    pub exchange: &'c Exchange,
    /// Its request.
    pub request: &'c Request,
    /// What there was of the response.
    pub response: Option<&'c Response>,
    /// What ended it.
    pub end: StreamEnd,
}

/// What ended a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamEnd {
    /// Who.
    pub side: Side,
    /// Where.
    pub frame: FrameRef,
    /// How.
    pub how: HowEnded,
}

/// How a stream was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowEnded {
    /// RST_STREAM, with its error code.
    Reset(ErrorCode),
    /// FIN or RST of the connection.
    Connection(End),
}

/// What the edge did about something that the origin sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It refused it, with this error code.
    Refused(FrameRef, ErrorCode),
    /// It ended the connection.
    Closed(FrameRef),
    /// It took every response.
    WentOn,
    /// Neither is seen.
    Unknown,
}

impl OwedStream<'_> {
    /// The last thing that either side said on the stream before its end.
    #[must_use]
    pub fn last_word(&self) -> FrameRef {
        let interim = self.exchange.interim.iter().map(|(_, frame)| *frame).max();
        let response = self.response.map(|r| r.last_frame);
        let said = [Some(self.request.last_frame), interim, response].into_iter().flatten();
        said.filter(|frame| *frame <= self.end.frame).max().unwrap_or(self.request.frame)
    }

    /// How long it was silent before its end.
    #[must_use]
    pub fn wait(&self) -> Micros {
        self.end.frame.since(self.last_word())
    }
}

impl Connection {
    /// The streams on which a response, or the rest of one, was owed when something ended them.
    pub fn owed_streams(&self) -> impl Iterator<Item = OwedStream<'_>> {
        let http = self.http2.as_deref().filter(|http| !http.lost.server);
        let end = self.certain_end();
        http.into_iter().flat_map(|http| &http.exchanges).filter_map(move |e| owed(e, end))
    }

    /// The GOAWAY of the origin, and the first stream that it leaves without a response.
    #[must_use]
    pub fn goaway_while_owed(&self) -> Option<(&GoAway, &Exchange, &Request)> {
        let http = self.http2.as_deref().filter(|http| !http.lost.server)?;
        http.goaways.iter().filter(|goaway| goaway.from == Side::Server).find_map(|goaway| {
            let left = http.exchanges.iter().find_map(|e| Some((e, left_by(e, goaway)?)))?;
            Some((goaway, left.0, left.1))
        })
    }

    /// What the edge did about a fault of the origin's.
    #[must_use]
    pub fn reaction_to(&self, http: &Transcript, fault: &Fault) -> Reaction {
        let after = |frame: FrameRef| frame >= fault.frame;
        let goaway =
            http.goaways.iter().find(|g| g.from == Side::Client && g.code != ErrorCode::NO_ERROR && after(g.frame));
        let own = http.exchanges.iter().filter(|e| e.stream == fault.stream || fault.stream == 0);
        let reset = own.filter_map(|e| e.reset.client).find(|r| r.code != ErrorCode::CANCEL && after(r.frame));
        let refused = goaway.map(|g| (g.frame, g.code)).or(reset.map(|r| (r.frame, r.code)));
        if let Some((frame, code)) = refused {
            return Reaction::Refused(frame, code);
        }
        let whole = |e: &Exchange| e.is_whole(Side::Server) && e.reset.client.is_none();
        let mut exchanges = http.exchanges.iter();
        match self.closed_by(Side::Client).map(|end| end.frame).filter(|frame| after(*frame)) {
            _ if http.total > 0 && exchanges.all(whole) => Reaction::WentOn,
            Some(frame) => Reaction::Closed(frame),
            None => Reaction::Unknown,
        }
    }
}

fn owed(exchange: &Exchange, end: Option<Closer>) -> Option<OwedStream<'_>> {
    let request = exchange.request.as_ref().filter(|_| !exchange.pushed && !exchange.lost.server)?;
    if exchange.is_whole(Side::Server) {
        return None;
    }
    let resets = [Side::Client, Side::Server].map(|side| Some((side, exchange.reset[side]?)));
    let first = resets.into_iter().flatten().min_by_key(|(_, reset)| reset.frame);
    let reset = first.map(|(side, r)| StreamEnd { side, frame: r.frame, how: HowEnded::Reset(r.code) });
    let closed = end.map(|c| StreamEnd { side: c.side, frame: c.frame, how: HowEnded::Connection(c.how) });
    let end = reset.or(closed).filter(|end| request.frame < end.frame)?;
    let response = exchange.response.as_ref().filter(|r| r.frame < end.frame);
    Some(OwedStream { exchange, request, response, end })
}

/// The request that this GOAWAY leaves without a response: any where it tells of an error, else one that it does not
/// promise to answer.
fn left_by<'c>(exchange: &'c Exchange, goaway: &GoAway) -> Option<&'c Request> {
    let request = exchange.request.as_ref().filter(|_| !exchange.pushed && !exchange.lost.server)?;
    let touched = goaway.code == ErrorCode::NO_ERROR && exchange.stream <= goaway.last_stream;
    let resets = [exchange.reset.client, exchange.reset.server];
    let before = resets.into_iter().flatten().any(|reset| reset.frame < goaway.frame);
    (!touched && !before && !exchange.is_whole(Side::Server)).then_some(request)
}
