//! One TCP connection: its bytes in order, what is missing of them, and how it began and ended.
//!
//! Invariant: bytes are handed on once, in the order of the sequence space, borrowed from the packet; only what
//! came too early is copied, up to a bound. What a segment *means* for TLS or HTTP is not known here.

mod copies;
mod half;
mod history;
mod icmp;
mod loss;
mod pending;
mod state;
mod stream;
mod summary;
#[cfg(test)]
mod tests;
mod tracker;

pub use history::History;
pub use icmp::{Icmp, IcmpErrors};
pub use loss::Stall;
pub use state::ConnState;
pub use stream::{End, Missing, Stream};
pub use summary::{Closer, Ending, Oddities, Streams, Summary};
pub use tracker::{ATTEMPT_IDLE, Tracker, is_new_connection};
