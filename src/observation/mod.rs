//! What was seen of one connection, and where.
//!
//! Invariant: everything here is a fact with a frame. Nothing is judged, and nothing is taken from outside the
//! connection but the addresses of CloudFront.

mod connection;
mod edge;
pub mod encrypted;
mod exchange;
mod handshake;
mod hidden_exchange;
mod prefixes;
mod proxied;

pub use connection::{Connection, Ended, Orientation};
pub use edge::{Callers, Edge, EdgeEvidence, EdgeKind, Role};
pub use exchange::{Unanswered, Unfinished};
pub use hidden_exchange::HiddenRequest;
pub use prefixes::{Prefixes, SNAPSHOT_DATE};

pub use crate::session::{Foreign, http1, proxy, tls};
pub use crate::tcp::{Closer, End, Summary as Tcp};
