//! What the kernel says of a socket that the socket itself does not.

use std::fs;
use std::net::{IpAddr, TcpStream};

/// Bytes that came and were not read; a close turns them into a RST.
pub(super) fn unread(stream: &TcpStream) -> usize {
    let _ = stream.set_nonblocking(true);
    let waiting = stream.peek(&mut [0; 1]).unwrap_or_default();
    let _ = stream.set_nonblocking(false);
    waiting
}

/// Whether the other side's kernel has acknowledged everything. Where that cannot be told it is taken to have.
pub(super) fn is_acknowledged(stream: &TcpStream) -> bool {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return true };
    let table = if local.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let Ok(text) = fs::read_to_string(table) else { return true };
    let (ours, theirs) = (shown(local.ip(), local.port()), shown(peer.ip(), peer.port()));
    text.lines().find_map(|line| queued(line, &ours, &theirs)).is_none_or(|bytes| bytes == 0)
}

/// The bytes of the send queue in a line of that table, if it is about this connection.
fn queued(line: &str, ours: &str, theirs: &str) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, peer, _state) = (fields.next()?, fields.next()?, fields.next()?);
    let (sending, _) = fields.next()?.split_once(':')?;
    (local == ours && peer == theirs).then(|| u64::from_str_radix(sending, 16).ok())?
}

/// An end as that table shows it: words of the address in the order of this machine's bytes.
fn shown(ip: IpAddr, port: u16) -> String {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = octets.chunks(4).filter_map(|word| word.try_into().ok()).map(u32::from_ne_bytes);
    words.map(|word| format!("{word:08X}")).collect::<String>() + &format!(":{port:04X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = "   0: 0100007F:9C40 0100007F:01BB 01 0000002A:00000000 01:00000014 00000000     0        0 1 2 0";
        let end = |port| shown(IpAddr::from([127, 0, 0, 1]), port);
        if cfg!(target_endian = "little") {
            assert_eq!(queued(line, &end(40_000), &end(443)), Some(42));
            assert_eq!(queued(line, &end(40_001), &end(443)), None);
        }
    }
}
