//! What a connection shows at first sight: most connections are in order, and show nothing that a cause could be about.
//!
//! A sign is cheap to see and says no more than that a cause may apply: a few of them show on connections in order, too.

use crate::base::{FrameRef, Side};

use super::{Connection, http1, http2, tls};

/// Something that shows on a connection, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Only one direction was captured, or not the beginning.
    Partial,
    /// Nothing has ended it.
    Open,
    /// The server sent no packet.
    Unheard,
    /// An ICMP error came about a packet of either side.
    Rejected,
    /// The server sent packets, and no byte before the end.
    Silence,
    /// The server sent no byte before the end, although the client had sent some.
    NoReply,
    /// Bytes are missing, cut off, or were never acknowledged.
    Loss,
    /// The client began with a PROXY protocol header.
    ProxyHeader,
    /// A side spoke none of the protocols that are read.
    Foreign,
    /// There is TLS, and not all of its handshake came before the end.
    HalfHandshake,
    /// There is an alert of TLS that is not hidden, or comes no later than the end of the handshake.
    Alert,
    /// There are bytes within TLS that cannot be read.
    TlsFault,
    /// The client had no certificate for a server that asked for one, or so it seems.
    EmptyCertificate,
    /// Something is wrong with the certificates that the server showed.
    ChainFault,
    /// Inside of TLS a request was owed a response when the connection ended, or came after that.
    HiddenRequest,
    /// Keys show HTTP/1 inside of TLS, or one side spoke the one and the other side the other.
    HttpAndTls,
    /// Something is wrong, or odd, with a response of HTTP/1, or with an exchange as a whole.
    ResponseFault,
    /// A response, of any version of HTTP, has a status of 400 or more.
    ErrorStatus,
    /// A request of HTTP/1 has no response, or one that was not whole when the connection ended.
    Unserved,
    /// A response of HTTP/1 answers no request.
    Unasked,
    /// A response of HTTP/1 has a Content-Encoding.
    Coded,
    /// A response of HTTP/1 has a Content-Range.
    Ranged,
    /// The connection became a WebSocket, or a request asked for one.
    WebSocket,
    /// Either side spoke HTTP/2 that could be read.
    Http2,
}

impl Sign {
    /// How many there are.
    pub const COUNT: usize = Sign::Http2 as usize + 1;
}

/// Which signs a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs(u32);

impl Signs {
    /// Looks for all of them.
    #[must_use]
    pub fn of(c: &Connection) -> Signs {
        let mut signs = Signs(0);
        signs.of_tcp(c);
        signs.note(Sign::ProxyHeader, c.proxy_protocol.is_some());
        signs.note(Sign::Foreign, c.foreign.client.is_some() || c.foreign.server.is_some());
        signs.note(Sign::WebSocket, c.websocket.is_some());
        if let Some(tls) = &c.tls {
            signs.of_tls(c, tls);
        }
        if let Some(http) = &c.http {
            signs.note(Sign::HttpAndTls, c.tls.is_some());
            signs.note(Sign::Unasked, !http.unsolicited.is_empty());
            http.exchanges.iter().for_each(|exchange| signs.of_http1(c, exchange));
        }
        if let Some(http) = &c.http2 {
            let error = |e: &http2::Exchange| e.response.as_ref().is_some_and(|r| r.status >= 400);
            signs.note(Sign::Http2, true);
            signs.note(Sign::ErrorStatus, http.exchanges.iter().any(error));
        }
        signs
    }

    fn of_tcp(&mut self, c: &Connection) {
        let odd = &*c.tcp.odd;
        let lossy = |side: Side| !c.tcp.is_whole(side) || odd.longest_sack[side] > 0 || c.tcp.stall(side).is_some();
        self.note(Sign::Partial, !c.has_beginning() || c.is_one_sided());
        self.note(Sign::Open, c.closer().is_none());
        let heard = c.tcp.heard(Side::Server);
        let silence = c.first_answer().is_none() || c.tcp.streams.stream_bytes.server == 0;
        self.note(Sign::Unheard, !heard);
        self.note(Sign::Rejected, odd.icmp.total > 0);
        self.note(Sign::Silence, silence && heard);
        self.note(Sign::NoReply, silence && c.tcp.streams.first_data.client.is_some());
        self.note(Sign::Loss, lossy(Side::Client) || lossy(Side::Server));
    }

    fn of_tls(&mut self, c: &Connection, tls: &tls::Transcript) {
        let end = c.closer().map(|end| end.frame);
        let in_time = |frame: Option<FrameRef>| frame.is_some_and(|frame| end.is_none_or(|end| frame < end));
        let done = tls.handshake_done();
        let told = |alert: &tls::Alert| !alert.is_hidden() || done.is_none_or(|done| alert.frame <= done);
        let empty = tls.empty_certificate.client.or(tls.tls13.empty_certificate);
        self.note(Sign::HalfHandshake, !in_time(done) || !in_time(c.edge_went_on()));
        self.note(Sign::Alert, tls.alerts.iter().any(told));
        self.note(Sign::TlsFault, tls.fault.is_some());
        self.note(Sign::EmptyCertificate, empty.is_some());
        self.note(Sign::ChainFault, c.chain.as_ref().is_some_and(|chain| !chain.report.faults.is_empty()));
        self.note(Sign::HiddenRequest, c.unanswered_encrypted().is_some() || c.overtaken_encrypted().is_some());
    }

    fn of_http1(&mut self, c: &Connection, exchange: &http1::Exchange) {
        self.note(Sign::ResponseFault, exchange.interim.fault.is_some());
        if let Some(request) = &exchange.request {
            self.note(Sign::WebSocket, request.extra.websocket.is_some() || request.asks_for_websocket());
        }
        let Some(response) = &exchange.response else {
            self.note(Sign::Unserved, exchange.request.is_some());
            return;
        };
        let after = |end: Option<FrameRef>| end.is_some_and(|end| response.frame.max(response.last_frame) > end);
        let late = after(c.closer().map(|end| end.frame)) || after(c.tcp.end.rst.client);
        self.note(Sign::Unserved, !response.complete || late);
        self.note(Sign::Unasked, exchange.request.is_none());
        self.note(Sign::ResponseFault, response.faults().next().is_some());
        self.note(Sign::ErrorStatus, response.status >= 400);
        self.note(Sign::Coded, response.content_encoding().is_some());
        self.note(Sign::Ranged, response.extra.content_range.is_some());
    }

    fn note(&mut self, sign: Sign, shows: bool) {
        self.0 |= u32::from(shows) << sign as u32;
    }

    /// The positions of all that show.
    pub fn shown(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let next = (rest != 0).then(|| rest.trailing_zeros() as usize);
            rest &= rest.wrapping_sub(1);
            next
        })
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn show(self, sign: Sign) -> bool {
        self.0 >> sign as u32 & 1 == 1
    }

    /// Whether any of these is among them.
    #[must_use]
    pub fn show_any(self, signs: &[Sign]) -> bool {
        signs.iter().any(|sign| self.show(*sign))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_has_its_place() {
        let mut signs = Signs(0);
        signs.note(Sign::Http2, true);
        signs.note(Sign::Partial, false);
        assert!(signs.show(Sign::Http2) && !signs.show(Sign::Partial));
        assert!(signs.show_any(&[Sign::Partial, Sign::Http2]) && !signs.show_any(&[]));
        signs.note(Sign::Open, true);
        assert_eq!(signs.shown().collect::<Vec<_>>(), [Sign::Open as usize, Sign::Http2 as usize]);
        assert!(Sign::COUNT <= u32::BITS as usize);
    }
}
