//! HTTP/1.0 and 1.1, watched from outside (RFC 9110, RFC 9112).
//!
//! An [`Observer`] is given the bytes of both directions as they come, in pieces of any size, and says at the end,
//! in a [`Transcript`], which exchanges there were: what was asked, what was answered, whether both were whole,
//! and the first thing that is wrong with each. It judges nothing.
//!
//! Heads are read line by line (`line`), not by a parser of whole heads: a line that lies in one piece is
//! read where it lies; a head of any size and any number of fields takes the memory of one line; what came before
//! a gap stays known; and each fault has its exact place. `body` counts bodies and reads only between chunks.
//!
//! Invariant: the transcript does not depend on how the stream was cut into pieces, and no byte that is not in
//! the capture is ever assumed.

mod body;
mod client;
mod detect;
mod exchanges;
mod fault;
mod field;
mod framing;
mod line;
mod log;
mod observer;
mod pending;
mod reader;
mod request;
mod response;
mod scan;
mod server;
mod stray;
mod transcript;
mod upgrade;

#[cfg(test)]
mod tests;

pub use detect::{Detection, detect};
pub use exchanges::{Exchanges, Iter};
pub use fault::{ChunkDefect, Fault, FaultKind, HeaderDefect, MAX_EXCERPT, MAX_NOTES};
pub use field::{MAX_VALUE, Shared};
pub(crate) use framing::Declared;
pub use framing::Framing;
pub use line::MAX_LINE;
pub use observer::{End, MAX_PENDING, Observer};
pub use request::{MAX_TARGET, Request, UserAgent};
pub use response::{BODY_START, EXCERPT_FROM_STATUS, MAX_BODY_EXCERPT, MAX_REASON, Response};
pub use transcript::{
    CloudFrontHeader, CloudFrontMark, Connection, Exchange, Foreign, Interim, MAX_FIRST, MAX_INTERIM, MAX_LAST,
    MAX_NOTABLE, MAX_SLOW, MAX_UNSOLICITED, SLOW, Transcript, Unlisted, Unsolicited,
};
pub use upgrade::WebSocket;

/// The largest response head, status line and all, that CloudFront accepts, in bytes (its quota on header size).
pub const EDGE_HEAD_LIMIT: u64 = 32_768;
