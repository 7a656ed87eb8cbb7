//! JSON that a terminal can show.

use std::io::{self, Write};

use serde_json::ser::Formatter;

use crate::base::escape;

/// Compact JSON in which also those characters are written as `\uXXXX` that JSON allows as they are and that could
/// move a cursor or hide text: DEL, the C1 controls, bidirectional overrides. Whoever reads it gets the same text.
pub(super) struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain(fragment.as_bytes()) {
            return out.write_all(fragment.as_bytes());
        }
        let mut utf8 = [0; 4];
        for c in fragment.chars() {
            let text = &*c.encode_utf8(&mut utf8);
            if c.is_ascii() && c != '\x7f' || escape(text) == text {
                out.write_all(text.as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether all is ASCII without DEL. Most is, and every name and every value comes by here: eight bytes at once.
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, rest) = bytes.as_chunks();
    // One more makes of DEL a byte with the highest bit; a carry comes only from a byte that has it already.
    let plain = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        (word | word.wrapping_add(ONES)) & HIGHEST == 0
    };
    words.iter().all(plain) && rest.iter().all(|byte| *byte < 0x7f)
}

#[cfg(test)]
mod tests {
    use serde::Serialize as _;

    use super::*;

    #[test]
    fn every_byte_is_looked_at() {
        for at in 0..20 {
            for byte in 0..=u8::MAX {
                let mut bytes = [b'~'; 20];
                bytes[at] = byte;
                assert_eq!(is_plain(&bytes), byte < 0x7f, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_reads_back() {
        for text in ["plain \"q\" \\ \n", "caf\u{e9}", "\x7f\u{9b}31m", "\u{202e}gro", "\u{e0041}"] {
            let mut out = Vec::new();
            text.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Safe)).unwrap();
            let json = String::from_utf8(out).unwrap();
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            assert!(!json.contains(['\x7f', '\u{9b}', '\u{202e}', '\u{e0041}']), "{json}");
        }
    }
}
