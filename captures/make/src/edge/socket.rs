//! TCP connections of the edge.

use crate::lab::Lab;
use anyhow::{Context as _, Result};
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// The longest that an edge waits in a read before it counts as given up.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// The most that an edge reads of an answer.
const ANSWER_LIMIT: usize = 1 << 20;

/// Connects to the origin.
pub(crate) fn connect(lab: &Lab, port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(lab.target(port)).context("the edge cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ_LIMIT))?;
    Ok(stream)
}

/// Reads once; an end, a reset or a timeout is an empty answer.
pub(crate) fn read_some(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    match stream.read(&mut buffer) {
        Ok(length) => {
            buffer.truncate(length);
            Ok(buffer)
        }
        Err(error) if is_end(error.kind()) => Ok(Vec::new()),
        Err(error) => Err(error).context("the edge cannot read"),
    }
}

/// Reads until the origin closes, resets, or is silent for the socket's read timeout.
pub(crate) fn read_all(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < ANSWER_LIMIT {
        let some = read_some(stream)?;
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    Ok(all)
}

/// Makes the close that follows a RST.
pub(super) fn reset(stream: &TcpStream) -> Result<()> {
    Ok(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?)
}

/// `shutdown(SHUT_WR)`, then reads what still comes, until the origin closes too.
pub(super) fn half_close(stream: &mut TcpStream) -> Result<()> {
    // The origin may have reset the connection by now.
    let _ = stream.shutdown(Shutdown::Write);
    read_all(stream).map(drop)
}

fn is_end(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, TimedOut, UnexpectedEof, WouldBlock};
    matches!(kind, BrokenPipe | ConnectionReset | NotConnected | TimedOut | UnexpectedEof | WouldBlock)
}
