//! HTTP/2, watched from outside (RFC 9113, RFC 7541).
//!
//! An [`Observer`] is given the bytes of both directions as they come, in pieces of any size, and says at the end, in a
//! [`Transcript`], which streams there were: what was asked, what was answered, with which trailers, who reset what and
//! with which error code, what each side settled, and the first thing that is wrong with each direction and each
//! message. It judges nothing.
//!
//! Frames of DATA are counted, not kept. Header blocks are decompressed, because every later one depends on them; the
//! decoder is our own: the ones to be had hand out each block as a list, so that a kilobyte may become megabytes.
//!
//! A hole in a direction is stepped over where it lies within the payload of one DATA frame, whose length is known. In
//! any other place the next frame cannot be found again, or the table of header fields is not known any more: what comes
//! after is said to be unknown.
//!
//! Invariant: the transcript does not depend on how the stream was cut into pieces, and no byte that is not in the
//! capture is ever assumed.

mod code;
mod detect;
mod fault;
mod field;
mod frame;
mod half;
mod hpack;
mod log;
mod message;
mod observer;
mod receive;
mod section;
mod settings;
mod streams;
mod transcript;

#[cfg(test)]
mod tests;

pub use code::ErrorCode;
pub use detect::{Detection, PREFACE, detect};
pub use fault::{Fault, FaultKind, MAX_EXCERPT, Scope};
pub use field::{FieldDefect, MAX_VALUE};
pub use frame::Kind;
pub use half::{MAX_BLOCK, MAX_CONTROL};
pub use hpack::{Defect, MAX_TABLE};
pub(crate) use hpack::{Spelt, Strings, recode};
pub use log::{MAX_FIRST, MAX_LAST, MAX_NOTABLE, MAX_SLOW};
pub use observer::Observer;
pub use section::MAX_PATH;
pub use settings::Settings;
pub use streams::{MAX_HELD, MAX_OPEN};
pub use transcript::{
    Exchange, GoAway, MAX_BODY_EXCERPT, MAX_GOAWAYS, MAX_INTERIM, Request, Reset, Response, SLOW, Trailers, Transcript,
    Unlisted,
};
