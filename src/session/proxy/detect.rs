//! Is this a PROXY protocol header?

/// The first bytes of version 2.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The first bytes of version 1: the protocol behind the first word keeps a request with the method `PROXY` apart.
const LINES: [&[u8]; 2] = [b"PROXY TCP", b"PROXY UNKNOWN"];

/// What the first bytes of a direction are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// A header begins here.
    Yes,
    /// Something else.
    No,
    /// Too few bytes to tell; those that are there do not speak against it.
    NeedMore,
}

/// First bytes of a direction (there may be few): does a header begin here?
#[must_use]
#[inline]
pub fn detect(first_bytes: &[u8]) -> Detection {
    match first_bytes.first() {
        Some(b'P' | b'\r') => compare(first_bytes),
        Some(_) => Detection::No,
        None => Detection::NeedMore,
    }
}

fn compare(bytes: &[u8]) -> Detection {
    let known = [LINES[0], LINES[1], SIGNATURE];
    let possible = known.iter().filter(|known| bytes.iter().zip(**known).all(|(a, b)| a == b));
    match possible.map(|known| known.len()).min() {
        None => Detection::No,
        Some(len) if bytes.len() < len => Detection::NeedMore,
        Some(_) => Detection::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        use Detection::{NeedMore, No, Yes};
        for (bytes, detection) in [
            (&b""[..], NeedMore),
            (b"P", NeedMore),
            (b"PO", No),
            (b"PROXY ", NeedMore),
            (b"PROXY TC", NeedMore),
            (b"PROXY TCP4 1", Yes),
            (b"PROXY UNKNOW", NeedMore),
            (b"PROXY UNKNOWN\r\n", Yes),
            (b"PROXY / HTTP/1.1\r\n", No),
            (b"PROXY\r\n", No),
            (b"proxy TCP4 ", No),
            (b"\r\n", NeedMore),
            (b"\r\nGET", No),
            (b"\r\n\r\n\0\r\nQUIT", NeedMore),
            (b"\r\n\r\n\0\r\nQUIT\n", Yes),
            (b"\x16\x03\x01", No),
        ] {
            assert_eq!(detect(bytes), detection, "{}", bytes.escape_ascii());
        }
    }
}
