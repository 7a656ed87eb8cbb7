//! Version 1: `PROXY TCP4 198.51.100.7 10.0.0.5 40112 443`, and CRLF (section 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::Endpoint;

use super::header::{Fault, Header, Transport};

/// The longest line, with its CRLF.
pub(super) const MAX_LINE: usize = 107;

/// Reads a line, with its end, into a header.
pub(super) fn read(line: &[u8], header: &mut Header) {
    let ended = line.strip_suffix(b"\r\n");
    let text = ended.and_then(|line| line.strip_prefix(b"PROXY ")).and_then(|line| std::str::from_utf8(line).ok());
    // What follows UNKNOWN is to be passed over.
    if text.is_some_and(|text| text == "UNKNOWN" || text.starts_with("UNKNOWN ")) {
        return;
    }
    match text.and_then(addresses) {
        Some((transport, source, destination)) => {
            header.transport = transport;
            (header.source, header.destination) = (Some(source), Some(destination));
        }
        None => header.fault = Some(Fault::Line),
    }
}

fn addresses(text: &str) -> Option<(Transport, Endpoint, Endpoint)> {
    let mut words = text.split(' ');
    let transport = match words.next()? {
        "TCP4" => Transport::Tcp4,
        "TCP6" => Transport::Tcp6,
        _ => return None,
    };
    let (source, destination) = (address(transport, words.next()?)?, address(transport, words.next()?)?);
    let (from, to) = (port(words.next()?)?, port(words.next()?)?);
    let ended = words.next().is_none();
    ended.then_some((transport, Endpoint { ip: source, port: from }, Endpoint { ip: destination, port: to }))
}

fn address(transport: Transport, word: &str) -> Option<IpAddr> {
    match transport {
        Transport::Tcp4 => word.parse().map(|ip: Ipv4Addr| ip.into()).ok(),
        _ => word.parse().map(|ip: Ipv6Addr| ip.into()).ok(),
    }
}

/// Decimal digits alone: no sign.
fn port(word: &str) -> Option<u16> {
    word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}
