//! Words that every stage speaks: who, when, which frame, which byte.
//!
//! Invariant: this module imports nothing else of the crate, allocates nothing on the path of a packet, and
//! has no opinion about any protocol.

mod cursor;
mod endpoint;
mod escape;
mod frame;
mod histogram;
mod lossy;
mod seldom;
mod sequence;
mod side;
mod time;

pub use cursor::{Cursor, Short};
pub use endpoint::{Endpoint, Reach};
pub use escape::{Escaped, escape, escape_bytes};
pub use frame::{CaptureIndex, FrameRef, Named};
pub use histogram::{ERROR_PERCENT, Histogram};
pub use lossy::lossy;
pub use seldom::{Blank, Seldom};
pub use sequence::SeqNumber;
pub use side::{PerSide, Side};
pub use time::{Micros, Timestamp};

/// What `X-Amz-Cf-Id` begins with in the requests of `why502 probe`: they look like CloudFront's and are not.
pub const PROBE_ID: &str = "why502-probe-";
