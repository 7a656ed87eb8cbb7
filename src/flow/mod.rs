//! Which connection a segment belongs to, and when a connection is over.
//!
//! Invariant: work per packet is one hash and one comparison; the table never holds more than its bound, and
//! connections leave it in the order of their deadlines, whatever the hash.

mod community_id;
mod deadlines;
mod index;
mod key;
mod pieces;
mod table;

pub use community_id::community_id;
pub use key::FlowKey;
pub use table::{Leaving, Left, Slot, Table};
