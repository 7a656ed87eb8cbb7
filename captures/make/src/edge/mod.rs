//! The edge: the TCP client that connects to the origin.

mod request;
mod socket;

pub(crate) mod gnutls;
pub(crate) mod header;
pub(crate) mod http;
pub(crate) mod java;
pub(crate) mod node;
pub(crate) mod openssl;
pub(crate) mod plain;
pub(crate) mod record;
pub(crate) mod s2n;
pub(crate) mod s_client;

pub(crate) use request::Request;

/// How an edge ends a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Closes the socket as it is: a RST if anything lies unread in it, else a FIN.
    Drop,
    /// Closes the socket by a RST, whatever lies in it.
    Reset,
    /// `shutdown(SHUT_WR)`, then reads what still comes.
    Fin,
    /// The ending of TLS: `close_notify`, after the delay that the library asks for, then as [`Ending::Fin`].
    CloseNotify,
}
