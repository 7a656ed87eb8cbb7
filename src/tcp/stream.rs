//! What the TCP stage hands on.

use crate::base::{FrameRef, Side};

/// Why bytes of a stream are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The receiver acknowledged them, so they were on the wire: the capture missed them.
    NotCaptured,
    /// Nobody acknowledged them: lost on the way, or sent after the capture looked away.
    NotAcknowledged,
    /// The snap length cut the packet that carried them.
    CutShort,
}

/// How a side ended its half of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// FIN: everything before it was delivered to the peer's TCP or will be.
    Fin,
    /// RST: both directions are over at once.
    Rst,
}

/// Receives the bytes of one connection.
pub trait Stream {
    /// The next bytes of `from`'s stream, and the frame that carried them.
    fn data(&mut self, from: Side, bytes: &[u8], frame: FrameRef);
    /// The next `len` bytes of `from`'s stream are missing; `frame` is where that was noticed.
    fn gap(&mut self, from: Side, len: u64, why: Missing, frame: FrameRef);
    /// `from` sends no more.
    fn end(&mut self, from: Side, how: End, frame: FrameRef);
}
