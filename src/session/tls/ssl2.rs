//! The SSLv2-compatible ClientHello, the oldest way to begin TLS (RFC 5246 appendix E.2).
//!
//! ```text
//! 0x80 | length high, length low, 1, version (2), cipher specs (2), session id (2), challenge (2), specs of 3 bytes ...
//! ```

use super::client_hello::{ClientHello, MAX_LISTED};
use super::detect::{Detection, Sender};
use crate::base::{Cursor, FrameRef, Short};

/// Bytes of the length in front of an SSLv2 message.
pub(super) const LENGTH_LEN: usize = 2;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;
/// Type, version and three lengths.
const HELLO_MIN: u16 = 9;

/// As [`super::detect`], for SSLv2 hellos alone.
pub(super) fn detect(bytes: &[u8]) -> Detection {
    if let [high, low, ..] = *bytes
        && message_len([high, low]) < HELLO_MIN
    {
        return Detection::No;
    }
    let is_server = bytes.get(LENGTH_LEN) == Some(&SERVER_HELLO);
    // SSL 2.0 itself or a later version in its clothes; from a server: session hit or not, X.509 or nothing, 2.0.
    let expected: &[fn(u8) -> bool] = match is_server {
        false => &[|b| b & 0x80 != 0, |_| true, |b| b == CLIENT_HELLO, |b| b == 0 || b == 3, |b| b <= 4],
        true => &[|b| b & 0x80 != 0, |_| true, |_| true, |b| b <= 1, |b| b <= 1, |b| b == 0, |b| b == 2],
    };
    if !bytes.iter().zip(expected).all(|(&byte, fits)| fits(byte)) {
        Detection::No
    } else if bytes.len() < expected.len() {
        Detection::NeedMore
    } else {
        Detection::Yes(if is_server { Sender::Server } else { Sender::Client })
    }
}

/// Length of the message behind the two bytes at its front.
pub(super) const fn message_len([high, low]: [u8; LENGTH_LEN]) -> u16 {
    u16::from_be_bytes([high & 0x7f, low])
}

/// Whether the type byte of an SSLv2 message says ClientHello.
pub(super) const fn is_client_hello(message_type: u8) -> bool {
    message_type == CLIENT_HELLO
}

/// Reads a ClientHello, without the length in front.
pub(super) fn read_client_hello(body: &[u8], frame: FrameRef, first_frame: FrameRef) -> Result<ClientHello, Short> {
    let mut c = Cursor::new(body);
    c.u8()?;
    let version = c.u16()?;
    let (specs_len, session_id_len, challenge_len) = (c.u16()?, c.u16()?, c.u16()?);
    let mut specs = c.sub(usize::from(specs_len))?;
    c.take(usize::from(session_id_len))?;
    c.take(usize::from(challenge_len))?;
    let mut hello = ClientHello::empty(frame, first_frame);
    hello.ssl2 = true;
    hello.legacy_version = version;
    hello.record_version = version;
    hello.session_id_len = u8::try_from(session_id_len).unwrap_or(u8::MAX);
    while let Ok(spec) = specs.u24() {
        if hello.ciphers.len() == MAX_LISTED {
            hello.shortened = true;
            break;
        }
        // Specs above two bytes are SSL 2.0's own.
        hello.ciphers.extend(u16::try_from(spec).ok());
    }
    Ok(hello)
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    #[test]
    fn only_the_suites_that_tls_knows_are_kept() {
        let mut body = vec![1, 3, 1, 0, 9, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80, 0, 0, 0xff];
        body.extend([7; 16]);
        let hello = read_client_hello(&body, frame(2), frame(1)).unwrap();
        assert_eq!((hello.legacy_version, hello.ciphers.as_slice()), (0x0301, &[0x002f, 0x00ff][..]));
        assert!(hello.ssl2);
        assert_eq!(hello.ja3(), None);
        body.pop();
        assert_eq!(read_client_hello(&body, frame(2), frame(1)).unwrap_err().available, 15);
    }
}
