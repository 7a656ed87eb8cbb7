//! temporary
#![allow(missing_docs)]
use crate::base::*;
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpFlags(pub u16);
impl TcpFlags {
    pub fn fin(self) -> bool { self.0 & 1 != 0 }
    pub fn syn(self) -> bool { self.0 & 2 != 0 }
    pub fn rst(self) -> bool { self.0 & 4 != 0 }
    pub fn psh(self) -> bool { self.0 & 8 != 0 }
    pub fn ack(self) -> bool { self.0 & 16 != 0 }
    pub fn urg(self) -> bool { self.0 & 32 != 0 }
}
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpOptions { pub mss: Option<u16>, pub window_scale: Option<u8> }
#[derive(Debug, Clone, Copy)]
pub struct TcpSegment<'a> {
    pub source: Endpoint,
    pub destination: Endpoint,
    pub seq: SeqNumber,
    pub ack: SeqNumber,
    pub flags: TcpFlags,
    pub window: u16,
    pub options: TcpOptions,
    pub payload: &'a [u8],
    pub payload_len: u32,
    pub ip_id: Option<u16>,
    pub ttl: u8,
}
