//! An edge without TLS.

use super::{Ending, socket};
use crate::lab::Lab;
use anyhow::Result;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// A connection in clear text.
pub(crate) struct Plain {
    stream: TcpStream,
}

impl Plain {
    /// Connects, and notes what the edge is.
    pub(crate) fn connect(lab: &mut Lab, port: u16) -> Result<Plain> {
        lab.note_edge("plain TCP socket, requests as CloudFront sends them");
        Ok(Plain { stream: socket::connect(lab, port)? })
    }

    /// Sends bytes: a request, or anything else.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// How long a read may take before it gives up with nothing.
    pub(crate) fn patience(&mut self, limit: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(limit))?)
    }

    /// Reads once; nothing is an end, a reset, or patience run out.
    pub(crate) fn read_some(&mut self) -> Result<Vec<u8>> {
        socket::read_some(&mut self.stream)
    }

    /// Ends the connection.
    pub(crate) fn end(mut self, ending: Ending) -> Result<()> {
        match ending {
            Ending::Drop => Ok(()),
            Ending::Reset => socket::reset(&self.stream),
            Ending::Fin | Ending::CloseNotify => socket::half_close(&mut self.stream),
        }
    }
}

impl AsRef<TcpStream> for Plain {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}
