//! What a header says.

use std::fmt;

use crate::base::{Endpoint, FrameRef};

use super::tlv::Extras;

/// For whom a header speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Command {
    /// For the sender itself: a health check, in most cases (version 2 only).
    Local,
    /// For somebody else.
    #[default]
    Proxy,
}

/// Over what the sender was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// It does not say (`UNKNOWN`, `AF_UNSPEC`).
    #[default]
    Unspecified,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
    /// A Unix stream socket.
    UnixStream,
    /// A Unix datagram socket.
    UnixDatagram,
}

/// Why a header is not as the specification wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Version 1: the line is not `PROXY TCP4|TCP6 ADDRESS ADDRESS PORT PORT`, with single spaces.
    Line,
    /// Version 1: no end of the line within its 107 bytes.
    Endless,
    /// Version 2: this version is in it.
    Version(u8),
    /// Version 2: this command is unknown.
    Command(u8),
    /// Version 2: this pair of address family and protocol is unknown.
    Family(u8),
    /// Version 2: its length leaves no room for the addresses.
    Addresses,
    /// Version 2: a field behind the addresses does not fit into the header.
    Field,
    /// Version 2: the checksum is wrong.
    Checksum,
}

/// One header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The packet with its first byte.
    pub frame: FrameRef,
    /// The packet with its last byte, as far as it was seen.
    pub last_frame: FrameRef,
    /// 1 or 2.
    pub version: u8,
    /// For whom it speaks.
    pub command: Command,
    /// Over what the sender was reached.
    pub transport: Transport,
    /// The client for whom it speaks.
    pub source: Option<Endpoint>,
    /// What that client had connected to.
    pub destination: Option<Endpoint>,
    /// Its length in bytes.
    pub len: u64,
    /// Whether all of it came, and is in the capture.
    pub whole: bool,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// What version 2 says beyond addresses.
    pub extras: Extras,
    /// Another header behind it: two senders in a row.
    pub second: Option<FrameRef>,
}

impl Command {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Command::Local => "local",
            Command::Proxy => "proxy",
        }
    }
}

impl Transport {
    /// The name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Unspecified => "unspecified",
            Transport::Tcp4 => "tcp4",
            Transport::Tcp6 => "tcp6",
            Transport::Udp4 => "udp4",
            Transport::Udp6 => "udp6",
            Transport::UnixStream => "unix-stream",
            Transport::UnixDatagram => "unix-datagram",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Line => f.write_str("the line is malformed"),
            Fault::Endless => f.write_str("the line does not end within 107 bytes"),
            Fault::Version(n) => write!(f, "version {n} is unknown"),
            Fault::Command(n) => write!(f, "command {n} is unknown"),
            Fault::Family(n) => write!(f, "address family and protocol {n:#04x} are unknown"),
            Fault::Addresses => f.write_str("it is too short for its addresses"),
            Fault::Field => f.write_str("a field does not fit into it"),
            Fault::Checksum => f.write_str("its checksum is wrong"),
        }
    }
}

/// `PROXY v2 header: 198.51.100.7:40112 to 10.0.0.5:443`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PROXY v{} header", self.version)?;
        match (self.command, self.source, self.destination) {
            (Command::Local, ..) => f.write_str(": LOCAL")?,
            (_, Some(source), Some(destination)) => write!(f, ": {source} to {destination}")?,
            _ => write!(f, ": {}", self.transport.as_str())?,
        }
        match self.fault {
            Some(fault) => write!(f, ", but {fault}"),
            None => Ok(()),
        }
    }
}
