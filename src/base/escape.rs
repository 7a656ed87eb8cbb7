//! Bytes from the wire, made harmless for a terminal, a log or a page.

use std::borrow::Cow;
use std::fmt;

/// Displays text with everything escaped that could move a cursor, hide text or end a line.
///
/// Printable Unicode stays as it is; control characters, bidirectional overrides and other invisible format
/// characters become `\x1b` or `\u{202e}`; a backslash is doubled, so that the result can be read back.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

/// Escapes `text` as [`Escaped`] does, without copying where nothing needs it.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    // Nearly all text is this: all of it is looked at, as that can be done many bytes at a time.
    let plain = text.bytes().fold(true, |plain, b| plain & matches!(b, b' '..=b'~') & (b != b'\\'));
    if !plain && text.chars().any(must_escape) {
        return Cow::Owned(Escaped(text).to_string());
    }
    Cow::Borrowed(text)
}

/// Escapes bytes of unknown encoding: what is UTF-8 as [`escape`] does, every other byte as `\xNN`.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Control characters, and the invisible characters that reorder or hide text (Unicode TR36, TR39).
fn must_escape(c: char) -> bool {
    c.is_control()
        || c == '\\'
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if must_escape(c) && (c as u32) < 0x100 => write!(f, "\\x{:02x}", c as u32)?,
                c if must_escape(c) => write!(f, "\\u{{{:x}}}", c as u32)?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_become_text() {
        assert_eq!(escape("origin.example.com"), "origin.example.com");
        assert_eq!(escape("a\x1b[31mb\r\n"), "a\\x1b[31mb\\r\\n");
        assert_eq!(escape("\u{202e}gro\\"), "\\u{202e}gro\\\\");
        assert_eq!(escape("caf\u{e9}"), "caf\u{e9}");
        assert_eq!(escape_bytes(b"\xff\x00ok"), "\\xff\\x00ok");
    }
}
