//! What a connection shows at first sight: most connections are in order, and show nothing that a cause could be about.

use super::Connection;

/// Something that shows on a connection, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Either side spoke TLS.
    Tls,
    /// Either side spoke HTTP/2 that could be read.
    Http2,
    /// Something is wrong, or odd, with a response of HTTP/1, or with an exchange as a whole.
    ResponseFault,
    /// A response, of any version of HTTP, has a status of 400 or more.
    ErrorStatus,
    /// A request of HTTP/1 was owed a response, or the rest of one, when the connection ended.
    Unserved,
    /// The connection became a WebSocket, or a request asked for one.
    WebSocket,
}

/// Which signs a connection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs(u8);

impl Signs {
    /// Looks for all of them.
    #[must_use]
    pub fn of(c: &Connection) -> Signs {
        let mut signs = Signs(0);
        signs.note(Sign::Tls, c.tls.is_some());
        signs.note(Sign::Unserved, c.unanswered().is_some() || c.unfinished().is_some());
        signs.note(Sign::WebSocket, c.websocket.is_some());
        for exchange in c.http.iter().flat_map(|http| &http.exchanges) {
            let response = exchange.response.as_ref();
            let faulty = response.is_some_and(|r| r.faults().next().is_some());
            signs.note(Sign::ResponseFault, faulty || exchange.fault.is_some());
            signs.note(Sign::ErrorStatus, response.is_some_and(|r| r.status >= 400));
            let asked = exchange.request.as_ref();
            signs.note(Sign::WebSocket, asked.is_some_and(|r| r.extra.websocket.is_some() || r.asks_for_websocket()));
        }
        if let Some(http) = &c.http2 {
            let error = |e: &super::http2::Exchange| e.response.as_ref().is_some_and(|r| r.status >= 400);
            signs.note(Sign::Http2, true);
            signs.note(Sign::ErrorStatus, http.exchanges.iter().any(error));
        }
        signs
    }

    fn note(&mut self, sign: Sign, shows: bool) {
        self.0 |= u8::from(shows) << sign as u8;
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn show(self, sign: Sign) -> bool {
        self.0 >> sign as u8 & 1 == 1
    }
}
