//! Lines for a terminal: wrapped at 80 columns, coloured only where that was asked for.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// Columns of every line, except where one word is longer.
pub const WIDTH: usize = 80;

/// What a piece of text is, for its colour. Nothing depends on the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Bad,
    Unsure,
    Good,
    Quiet,
}

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    /// `text` in the colour of `tone`.
    pub(super) fn text<T: fmt::Display>(self, tone: Tone, text: T) -> Painted<T> {
        let style = match tone {
            _ if !self.0 => Style::new(),
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Unsure => AnsiColor::Yellow.on_default().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Quiet => Style::new().dimmed(),
        };
        Painted { style, text }
    }
}

/// Text in a colour.
pub(super) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}

/// Breaks `text` into lines of at most `width` columns, at spaces; a word that is longer is cut. A no-break space
/// holds words together and is written as a space.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = broken(text, width);
    for line in lines.iter_mut().filter(|l| l.contains('\u{a0}')) {
        *line = line.replace('\u{a0}', " ");
    }
    lines
}

fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut len) = (String::new(), 0);
    for word in text.split([' ', '\n']).filter(|w| !w.is_empty()) {
        let mut rest = word;
        loop {
            let room = width.saturating_sub(if len == 0 { 0 } else { len + 1 });
            let columns = rest.chars().count();
            if columns <= room {
                if len > 0 {
                    line.push(' ');
                    len += 1;
                }
                line.push_str(rest);
                len += columns;
                break;
            }
            if len > 0 {
                lines.push(std::mem::take(&mut line));
                len = 0;
                continue;
            }
            let cut = rest.char_indices().nth(width.max(1)).map_or(rest.len(), |(i, _)| i);
            let (head, tail) = rest.split_at_checked(cut).unwrap_or((rest, ""));
            lines.push(head.to_owned());
            rest = tail;
        }
    }
    if len > 0 {
        lines.push(line);
    }
    lines
}

/// Writes `text` wrapped: `first` before its first line, and as many spaces before the others.
pub(super) fn paragraph(out: &mut dyn Write, first: &str, text: &str) -> io::Result<()> {
    let indent = first.chars().count();
    let mut lead = first;
    for line in wrap(text, WIDTH.saturating_sub(indent)) {
        writeln!(out, "{lead}{}{line}", if lead.is_empty() { " ".repeat(indent) } else { String::new() })?;
        lead = "";
    }
    Ok(())
}

/// `n` with its noun: `1 connection`, `2 connections`.
pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", digits(n), if n == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub(super) fn digits(n: u64) -> String {
    let mut digits = n.to_string();
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    digits
}

/// At most `max` columns of `text`, the rest replaced by `…`.
pub(super) fn shorten(text: &str, max: usize) -> std::borrow::Cow<'_, str> {
    // No character is shorter than a byte.
    let past = if text.len() > max { text.char_indices().nth(max) } else { None };
    match past {
        None => text.into(),
        Some(_) => {
            let kept: String = text.chars().take(max.saturating_sub(1)).collect();
            format!("{kept}\u{2026}").into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_where_they_fit() {
        for (text, width, lines) in [
            ("one two three", 7, &["one two", "three"][..]),
            ("  spaces\n collapse ", 20, &["spaces collapse"]),
            ("abcdefghij k", 4, &["abcd", "efgh", "ij k"]),
            ("a abcdefgh", 4, &["a", "abcd", "efgh"]),
            ("at 10\u{a0}to\u{a0}12", 10, &["at", "10 to 12"]),
            ("", 10, &[]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text:?}");
        }
    }

    #[test]
    fn paragraphs_hang() {
        let mut out = Vec::new();
        paragraph(&mut out, "  1. ", &"word ".repeat(20)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("  1. word ") && text.contains("\n     word"), "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1, "packet"), "1 packet");
        assert_eq!(count(1_234_567, "packet"), "1,234,567 packets");
        assert_eq!(shorten("abcdef", 4), "abc\u{2026}");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
