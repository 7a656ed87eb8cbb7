//! The PROXY protocol: a header with which a load balancer begins a connection, to tell for whom it speaks.
//!
//! Version 1 is a line of text, version 2 is binary (HAProxy project, "The PROXY protocol Versions 1 & 2",
//! sections 2.1 and 2.2). What follows the header is the connection as it would be without it.
//!
//! Invariant: a header takes its own bytes and no other; a header that is malformed or cut is told, never guessed.

mod crc32c;
mod detect;
mod header;
mod observer;
mod reader;
mod tlv;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

pub(crate) use crc32c::crc32c;
pub use detect::{Detection, detect};
pub use header::{Command, Fault, Header, Transport};
pub use observer::Observer;
pub use tlv::{Encryption, Extras};
