//! A PROXY protocol header, in the light of what came after it: did the origin take it, or choke on it?
//!
//! ```text
//! edge:    header    ClientHello or request
//! origin:         |                         |
//!            on the header alone       on both
//! ```
//! Order is order in the capture. Where bytes that would decide are not in the capture, there is no answer.

use crate::base::{FrameRef, Micros, Side};
use crate::session::proxy::Header;
use crate::tcp::Closer;

use super::Connection;

/// A program that gives up what it reads, rather than wait or work, does so within this time.
const AT_ONCE: Micros = Micros::from_millis(100);

impl Connection {
    /// The header with which the connection began, where every byte of both sides is at hand.
    #[must_use]
    pub fn introduction(&self) -> Option<&Header> {
        self.proxy_protocol.as_deref().filter(|header| header.whole && self.sees_all())
    }

    /// Whether the client sent nothing but a PROXY protocol header, and the server not a byte.
    #[must_use]
    pub fn is_only_introduced(&self) -> bool {
        let header = self.proxy_protocol.as_ref().filter(|header| header.whole && header.second.is_none());
        header.is_some_and(|header| header.len == self.tcp.streams.stream_bytes.client)
            && self.tcp.streams.stream_bytes.server == 0
    }

    /// Whether bytes that begin in this frame are the first of the client's, but for a header.
    #[must_use]
    pub fn comes_first(&self, frame: FrameRef) -> bool {
        let after_header = self.proxy_protocol.as_ref().is_some_and(|h| h.whole && h.last_frame <= frame);
        after_header || self.tcp.streams.first_data.client.is_none_or(|data| data >= frame)
    }

    /// Where the origin hung up without a byte, as soon as it had read what began in `asked`.
    #[must_use]
    pub fn hung_up_on(&self, asked: FrameRef) -> Option<Closer> {
        let end = self
            .closed_by(Side::Server)
            .filter(|_| self.counts_all() && self.tcp.streams.first_data.server.is_none())?;
        (asked < end.frame && end.frame.since(asked) <= AT_ONCE).then_some(end)
    }
}
