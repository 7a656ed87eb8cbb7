//! What was seen of one connection, and where.
//!
//! Invariant: everything here is a fact with a frame. Nothing is judged, and nothing is taken from outside the
//! connection but the addresses of CloudFront and of this host, and what certificates are judged by.

mod aftermath;
mod connection;
mod edge;
pub mod encrypted;
mod exchange;
mod exchanged;
mod first_bytes;
mod handshake;
mod handshake_stall;
mod hidden_exchange;
mod hosts;
mod not_tls;
mod prefixes;
mod profiles;
mod proxied;
mod sign;
mod stream;
mod timing;
mod trust;

pub use aftermath::Aftermath;
pub use connection::{Connection, Ended, Orientation};
pub use edge::{Callers, Edge, EdgeEvidence, EdgeKind, Role};
pub use exchange::{Unanswered, Unfinished};
pub use exchanged::{Answer, Asked, Exchanged};
pub use first_bytes::protocol;
pub use handshake_stall::{HandshakeStall, Owed};
pub use hidden_exchange::HiddenRequest;
pub use hosts::Hosts;
pub use not_tls::{Malformed, NotTls};
pub use prefixes::{Prefixes, SNAPSHOT_DATE};
pub use profiles::Profile;
pub use sign::{Sign, Signs};
pub use stream::{HowEnded, OwedStream, Reaction, StreamEnd};
pub use timing::{Step, Timings};
pub use trust::{Chain, ChainFault, ChainReport, Invalid, Judge, NearMiss, NoAnchor, StapleFault, Trust};

pub use crate::ip::IcmpKind;
pub use crate::session::{Foreign, http1, http2, proxy, tls, websocket};
pub use crate::tcp::{Closer, End, Icmp, Stall, Summary as Tcp};
