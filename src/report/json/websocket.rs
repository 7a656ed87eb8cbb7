//! A WebSocket.

use serde::Serialize;

use super::shown::{Sides, number};
use crate::base::{FrameRef, PerSide};
use crate::observation::websocket::{self, Transcript};

#[derive(Serialize)]
pub(super) struct WebSocket {
    frames: Sides<u64>,
    last: Sides<Option<u64>>,
    close: Sides<Option<Close>>,
    lost: Sides<Option<u64>>,
}

/// A Close frame.
#[derive(Serialize)]
struct Close {
    frame: u64,
    code: Option<u16>,
}

impl WebSocket {
    pub(super) fn of(seen: &Transcript) -> WebSocket {
        let frames = |of: PerSide<Option<FrameRef>>| PerSide { client: number(of.client), server: number(of.server) };
        let close = |close: websocket::Close| Close { frame: close.frame.frame, code: close.code };
        WebSocket {
            frames: seen.frames.into(),
            last: frames(seen.last).into(),
            close: Sides::from(PerSide { client: seen.close.client.map(close), server: seen.close.server.map(close) }),
            lost: frames(seen.lost).into(),
        }
    }
}
