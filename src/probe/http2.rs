//! One call of gRPC, by HTTP/2, as CloudFront makes it to an origin whose behaviour allows gRPC.

use std::time::Duration;

use super::line::{Came, Line};
use super::request::headers;
use super::tape::Tape;

/// The most bytes of frames that are read.
const MAX_READ: usize = 1 << 20;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Makes an empty call on a connection that is open, and reads until its stream ends. Whether it did.
pub(super) fn call(line: &mut Line, tape: &mut Tape, host: &str, path: &str, limit: Duration) -> bool {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut out, SETTINGS, 0, 0, &[]);
    frame(&mut out, HEADERS, END_HEADERS, 1, &block(host, path));
    // A message of no bytes, not compressed.
    frame(&mut out, DATA, END_STREAM, 1, &[0; 5]);
    line.send(tape, &out);
    let (mut unread, mut total) = (Vec::new(), 0);
    loop {
        while let Some((kind, flags, stream, payload)) = next(&mut unread) {
            match kind {
                SETTINGS if flags & ACK == 0 => answer(line, tape, SETTINGS, &[]),
                PING if flags & ACK == 0 => answer(line, tape, PING, &payload),
                GOAWAY | RST_STREAM => return false,
                DATA | HEADERS if stream == 1 && flags & END_STREAM != 0 => return true,
                _ => {}
            }
        }
        match line.receive(tape, limit) {
            Came::Bytes(bytes) if total < MAX_READ => {
                total += bytes.len();
                unread.extend(bytes);
            }
            _ => return false,
        }
    }
}

fn answer(line: &mut Line, tape: &mut Tape, kind: u8, payload: &[u8]) {
    let mut out = Vec::new();
    frame(&mut out, kind, ACK, 0, payload);
    line.send(tape, &out);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    out.extend(length.iter().skip(1));
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// Takes a whole frame away.
fn next(unread: &mut Vec<u8>) -> Option<(u8, u8, u32, Vec<u8>)> {
    let &[a, b, c, kind, flags, s1, s2, s3, s4] = unread.first_chunk::<9>()?;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    if unread.len() < 9 + length {
        return None;
    }
    let payload = unread.drain(..9 + length).skip(9).collect();
    Some((kind, flags, u32::from_be_bytes([s1 & 0x7f, s2, s3, s4]), payload))
}

/// The header block: literals without indexing and without Huffman's code (RFC 7541 section 6.2.2).
fn block(host: &str, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    let pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", host), (":path", path)];
    for (name, value) in pseudo {
        literal(&mut block, name, value);
    }
    literal(&mut block, "content-type", "application/grpc");
    literal(&mut block, "te", "trailers");
    for (name, value) in headers() {
        literal(&mut block, &name.to_ascii_lowercase(), &value);
    }
    block
}

fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    block.push(0);
    string(block, name.as_bytes());
    string(block, value.as_bytes());
}

/// A length with a prefix of seven bits (RFC 7541 section 5.1), and the bytes.
fn string(block: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    match u8::try_from(length) {
        Ok(short) if short < 127 => block.push(short),
        _ => {
            block.push(127);
            let mut rest = length - 127;
            while rest >= 128 {
                block.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            block.push(rest as u8);
        }
    }
    block.extend(bytes);
}
