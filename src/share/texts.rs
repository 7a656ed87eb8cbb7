//! Texts that the program makes of what it found, searched piece by piece.
//!
//! What stands between the pieces, and the names of members in JSON, is the program's own, whatever the capture: nobody can
//! hide a file by sending what it is made up of. A piece in which something stands that was removed is blanked, all of it,
//! as of a long value only the beginning is known.

use std::ops::Range;

use super::plan::BLANK;

/// How a text is made up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Each line is a piece.
    Lines,
    /// Each string that is no name is one. Numbers were counted or measured.
    Json,
    /// Text between tags, and values of attributes, in double quotes.
    Page,
}

/// Blanks the pieces in which something stands that was removed; how many.
pub(super) fn blank(text: &mut [u8], form: Form, is_said: impl Fn(&[u8]) -> bool) -> usize {
    let pieces = match form {
        Form::Lines => lines(text),
        Form::Json => strings(text),
        Form::Page => page(text),
    };
    let mut blanked = 0;
    for piece in pieces {
        if let Some(piece) = text.get_mut(piece).filter(|piece| is_said(piece)) {
            piece.iter_mut().filter(|byte| !byte.is_ascii_whitespace()).for_each(|byte| *byte = BLANK);
            blanked += 1;
        }
    }
    blanked
}

/// Where a text stands first, from a place on; else the end.
fn find(text: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    memchr::memmem::find(rest, what).map_or(text.len(), |at| from + at)
}

fn lines(text: &[u8]) -> Vec<Range<usize>> {
    let (mut lines, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end = find(text, at, b"\n");
        lines.push(at..end);
        at = end + 1;
    }
    lines
}

fn strings(text: &[u8]) -> Vec<Range<usize>> {
    let (mut strings, mut begun, mut escaped) = (Vec::new(), None, false);
    for (at, byte) in text.iter().enumerate() {
        match (begun, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => {
                begun = None;
                if text.get(at + 1) != Some(&b':') {
                    strings.push(from..at);
                }
            }
            (None, b'"') => begun = Some(at + 1),
            _ => {}
        }
    }
    strings
}

fn page(text: &[u8]) -> Vec<Range<usize>> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let tag = find(text, at, b"<");
        pieces.push(at..tag);
        let rest = text.get(tag..).unwrap_or_default();
        if rest.starts_with(b"<style") || rest.starts_with(b"<script") {
            // Its own, and known by its hash.
            at = find(text, tag + 1, b"</");
            continue;
        }
        at = tag + 1;
        while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'>', rest)) {
            at += next + 1;
            if text.get(at - 1) == Some(&b'>') {
                break;
            }
            let end = find(text, at, b"\"");
            pieces.push(at..end);
            at = end + 1;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str, form: Form, said: &str) -> (String, usize) {
        let mut bytes = text.as_bytes().to_vec();
        let count = blank(&mut bytes, form, |piece| memchr::memmem::find(piece, said.as_bytes()).is_some());
        (String::from_utf8(bytes).unwrap(), count)
    }

    #[test]
    fn a_piece_is_blanked_and_what_it_is_made_up_of_stays() {
        for (form, text, said, left, count) in [
            (Form::Lines, "one two\nthree", "two", "xxx xxx\nthree", 1),
            (Form::Lines, "one\ntwo", "e\nt", "one\ntwo", 0),
            (
                Form::Json,
                r#"{"name":"a name\"","name2":["caf\u00e9 name",1]}"#,
                "name",
                r#"{"name":"x xxxxxx","name2":["xxxxxxxxx xxxx",1]}"#,
                2,
            ),
            (Form::Json, r#"{"a":"b","c":1}"#, r#"","c"#, r#"{"a":"b","c":1}"#, 0),
            (Form::Json, r#""a\\","secret"#, "secret", r#""a\\","secret"#, 0),
            (Form::Page, r#"<td class="td">td &amp; 1</td>td"#, "td", r#"<td class="xx">xx xxxxx x</td>xx"#, 3),
            (Form::Page, r#"<script>"a" < b</script><p>a"#, "a", r#"<script>"a" < b</script><p>x"#, 1),
            (Form::Page, r#"a<b title="a"#, "a", r#"x<b title="x"#, 2),
            // No tag, as it has no end.
            (Form::Page, "<a", "a", "<x", 1),
        ] {
            assert_eq!(blanked(text, form, said), (left.to_owned(), count), "{text}");
        }
    }
}
