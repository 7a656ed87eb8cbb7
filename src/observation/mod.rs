//! What was seen of one connection, and where.
//!
//! Invariant: everything here is a fact with a frame. Nothing is judged, and nothing is taken from outside the
//! connection but the addresses of CloudFront.

mod connection;
mod edge;
mod encrypted;
mod exchange;
mod prefixes;
mod progress;

pub use connection::{Connection, Ended, Orientation};
pub use edge::{Edge, EdgeEvidence, EdgeKind, Role};
pub use encrypted::EncryptedRequest;
pub use exchange::{Unanswered, Unfinished};
pub use prefixes::{Prefixes, SNAPSHOT_DATE, SNAPSHOT_SOURCE};
pub use progress::Sent;

pub use crate::session::{Foreign, http1, tls};
pub use crate::tcp::{Closer, End, Summary as Tcp};
