//! JSON that a terminal can show.

use std::io::{self, Write};

use serde_json::ser::Formatter;

use crate::base::escape;

/// Compact JSON in which also those characters are written as `\uXXXX` that JSON allows as they are and that could
/// move a cursor or hide text: DEL, the C1 controls, bidirectional overrides. Whoever reads it gets the same text.
pub(super) struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| b.is_ascii() && b != 0x7f) {
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

#[cfg(test)]
mod tests {
    use serde::Serialize as _;

    use super::*;

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
