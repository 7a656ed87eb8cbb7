//! What the tests of this module share: frames, builders, and recordings of real handshakes.

use crate::base::{FrameRef, Side, Timestamp};

/// Frame `n` of capture 0.
pub(super) fn frame(n: u64) -> FrameRef {
    FrameRef::new(n, n, Timestamp(i64::try_from(n).unwrap() * 1_000_000), 0)
}

/// A record.
pub(super) fn record(content_type: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[content_type, 3, 3], &len[..], payload].concat()
}

/// A handshake message.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// The body of a ClientHello without session id; no block of extensions where there are none.
pub(super) fn client_hello_body(version: u16, ciphers: &[u16], extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(2 * ciphers.len()).unwrap().to_be_bytes());
    body.extend(ciphers.iter().flat_map(|c| c.to_be_bytes()));
    body.extend([1, 0]);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    body
}

/// The body of a ServerHello without session id and extensions.
pub(super) fn server_hello_body(version: u16, cipher: u16) -> Vec<u8> {
    [&version.to_be_bytes()[..], &[9; 32], &[0], &cipher.to_be_bytes(), &[0]].concat()
}

/// A recorded connection: what each side sent, in order of arrival.
pub(super) type Recording = Vec<(Side, Vec<u8>)>;

/// Reads a recording: lines of `C hex` and `S hex`; `#` begins a comment.
pub(super) fn recording(text: &str) -> Recording {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (side, digits) = line.split_at(2);
            let nibble = |c: char| u8::try_from(c.to_digit(16).unwrap()).unwrap();
            let nibbles: Vec<u8> = digits.chars().map(nibble).collect();
            let bytes = nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            (if side == "C " { Side::Client } else { Side::Server }, bytes)
        })
        .collect()
}
