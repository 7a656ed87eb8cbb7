//! WebSocket (RFC 6455): the frames that follow a 101, as far as they tell how the conversation ended.
//!
//! Invariant: no byte of a payload is kept but a Close's status code; the memory is the same for every connection.

mod observer;
mod reader;

pub use observer::Observer;

use crate::base::{FrameRef, PerSide};

/// What was seen of the frames of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// Frames of each side, whole or not.
    pub frames: PerSide<u64>,
    /// The packet with the first byte of this side.
    pub first: PerSide<Option<FrameRef>>,
    /// The packet with the last byte of this side.
    pub last: PerSide<Option<FrameRef>>,
    /// The first Close of this side.
    pub close: PerSide<Option<Close>>,
    /// Where this side's frames cannot be told apart any more: bytes are missing, or are no frame.
    pub lost: PerSide<Option<FrameRef>>,
}

/// A Close frame (RFC 6455 section 5.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The packet in which it begins.
    pub frame: FrameRef,
    /// Its status code, where it has one (RFC 6455 section 7.4).
    pub code: Option<u16>,
}
