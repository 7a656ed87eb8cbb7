//! The PROXY protocol: addresses are mapped, what else it tells is blanked.

use std::net::IpAddr;

use super::side::Out;
use super::{BLANK, Rules, shape};

/// The longest line of version 1.
const LINE: usize = 107;
/// Bytes of version 2 in front of the addresses.
const FIXED: usize = 16;
/// Fields of version 2: what is offered in TLS stays, and so do the checksum and what is nothing.
const ALPN: u8 = 1;
const CRC32C: u8 = 3;
const NOTHING: u8 = 4;
const TLS: u8 = 0x20;

/// Bytes of the header that begins so, once it is all there.
pub(super) fn length(held: &[u8]) -> Option<usize> {
    if held.starts_with(b"\r") {
        let len = held.get(FIXED - 2..FIXED)?.first_chunk::<2>().copied().map(u16::from_be_bytes)?;
        return Some(FIXED + usize::from(len)).filter(|len| held.len() >= *len);
    }
    let line = held.iter().position(|b| *b == b'\n').map(|at| at + 1);
    line.or_else(|| (held.len() >= LINE).then_some(held.len()))
}

/// Writes a whole header.
pub(super) fn write(header: &[u8], out: &mut Out, rules: &Rules) {
    let written = if header.starts_with(b"\r") { binary(header, rules) } else { line(header, rules) };
    out.text(&written);
}

fn line(header: &[u8], rules: &Rules) -> Vec<u8> {
    let mut written = Vec::with_capacity(header.len());
    for (n, word) in header.split_inclusive(|b| *b == b' ').enumerate() {
        let text = word.trim_ascii();
        let ip = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
        let known = n < 2 && (text == b"PROXY" || text.starts_with(b"TCP") || text == b"UNKNOWN");
        let port = text.len() <= 5 && text.iter().all(u8::is_ascii_digit);
        let mapped = ip.map(|ip| rules.text_of(ip, text.len()));
        match mapped {
            Some(Some(mapped)) => {
                written.extend(mapped.bytes());
                written.extend_from_slice(word.get(text.len()..).unwrap_or_default());
            }
            // An address that stays is CloudFront's.
            Some(None) => written.extend_from_slice(word),
            None if known || port => written.extend_from_slice(word),
            None => written.extend(word.iter().map(|b| shape(*b))),
        }
    }
    written
}

fn binary(header: &[u8], rules: &Rules) -> Vec<u8> {
    let mut written = header.to_vec();
    let wide = match header.get(FIXED - 3).copied().unwrap_or_default() {
        0x11 | 0x12 => 4,
        0x21 | 0x22 => 16,
        0x31 | 0x32 => 108,
        _ => 0,
    };
    for n in 0..2 {
        let at = FIXED + n * wide;
        let Some(place) = written.get_mut(at..at + wide) else { break };
        match wide {
            4 => place.copy_from_slice(&rules.addresses.octets(place)),
            16 => place.copy_from_slice(&rules.addresses.octets(place)),
            _ => place.fill(BLANK),
        }
    }
    let begin = FIXED + 2 * wide + if wide == 4 || wide == 16 { 4 } else { 0 };
    let right = checksum(header, begin).is_some_and(|(at, sum)| field(header, at) == Some(sum));
    blank(&mut written, begin, header.len());
    if right && let Some((at, sum)) = checksum(&written, begin) {
        for (place, byte) in written.iter_mut().skip(at).zip(sum.to_be_bytes()) {
            *place = byte;
        }
    }
    written
}

fn field(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.first_chunk::<4>().copied().map(u32::from_be_bytes)
}

/// Blanks the values of fields between two places.
fn blank(bytes: &mut [u8], begin: usize, end: usize) {
    let mut at = begin;
    while let Some((kind, len)) = head(bytes, at).filter(|_| at < end) {
        let value = at + 3..(at + 3 + len).min(end);
        match kind {
            ALPN | CRC32C | NOTHING => {}
            // Flags and a result, then fields of its own.
            TLS => blank(bytes, (at + 8).min(value.end), value.end),
            _ => bytes.get_mut(value).into_iter().for_each(|value| value.fill(BLANK)),
        }
        at += 3 + len;
    }
}

fn head(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let [kind, high, low] = *bytes.get(at..at + 3)?.first_chunk::<3>()?;
    Some((kind, usize::from(u16::from_be_bytes([high, low]))))
}

/// Where the checksum stands, and which one is right.
fn checksum(header: &[u8], begin: usize) -> Option<(usize, u32)> {
    let mut at = begin;
    while let Some((kind, len)) = head(header, at) {
        if kind == CRC32C && len == 4 {
            let (before, rest) = header.split_at_checked(at + 3)?;
            return Some((at + 3, crate::session::proxy::crc32c(&[before, &[0; 4], rest.get(4..)?])));
        }
        at += 3 + len;
    }
    None
}
