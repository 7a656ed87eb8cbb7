//! What stands between a text and the page.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::base::escape;

/// Makes text of whatever a template is filled in with: markup becomes references to characters, and what could move a
/// cursor, reorder or hide text is shown by its number. What was escaped for people before stays as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Safe;

impl Escaper for Safe {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&#34;")?,
                '\'' => out.write_str("&#39;")?,
                ' '..='~' => out.write_char(c)?,
                other => out.write_str(&escape(other.encode_utf8(&mut [0; 4])))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        for (text, written) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload='x' &", "&#34; onload=&#39;x&#39; &amp;"),
            ("\x1b[31m\u{202e}gro\n", "\\x1b[31m\\u{202e}gro\\n"),
            ("caf\u{e9} \\x1b", "caf\u{e9} \\x1b"),
        ] {
            let mut out = String::new();
            Safe.write_escaped_str(&mut out, text).unwrap();
            assert_eq!(out, written);
            let mut again = String::new();
            Safe.write_escaped_str(&mut again, &crate::base::escape("\x1b\u{202e}")).unwrap();
            assert_eq!(again, "\\x1b\\u{202e}");
        }
    }
}
