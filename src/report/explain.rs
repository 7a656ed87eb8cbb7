//! Pages of the catalogue for a terminal.

use std::io::{self, Write};

use super::layout::{Paint, Tone, paragraph, wrap};
use crate::diagnosis::{Cause, Stage};

/// Identifiers suggested where one is not known.
const MAX_SUGGESTIONS: usize = 3;

/// Writes the page of one cause.
///
/// # Errors
/// What the output said.
pub fn page(out: &mut dyn Write, cause: &Cause, colour: bool) -> io::Result<()> {
    let paint = Paint(colour);
    writeln!(out, "{}", paint.text(Tone::Strong, cause.id()))?;
    for block in blocks(cause.page) {
        match block {
            Block::Heading(heading) => writeln!(out, "{}", paint.text(Tone::Strong, heading))?,
            Block::Paragraph(text) => paragraph(out, "  ", &text)?,
            Block::Point(text) => paragraph(out, "  - ", &text)?,
            Block::Verbatim(line) => writeln!(out, "      {line}")?,
            Block::Gap => writeln!(out)?,
        }
    }
    Ok(())
}

/// What a page is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block<'p> {
    Heading(&'p str),
    Paragraph(String),
    /// One point of a list.
    Point(String),
    /// One line that stands as it is.
    Verbatim(&'p str),
    Gap,
}

/// Takes a page of the catalogue apart.
pub(super) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut text = String::new();
    let mut verbatim = false;
    for line in page.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            flush(&mut blocks, &mut text);
            verbatim = !verbatim;
        } else if verbatim {
            blocks.push(Block::Verbatim(line));
        } else if let Some(heading) = trimmed.strip_prefix("# ") {
            flush(&mut blocks, &mut text);
            blocks.push(Block::Heading(heading));
        } else if trimmed.is_empty() {
            flush(&mut blocks, &mut text);
            blocks.push(Block::Gap);
        } else {
            if trimmed.starts_with("- ") {
                flush(&mut blocks, &mut text);
            }
            text.push_str(trimmed);
            text.push(' ');
        }
    }
    flush(&mut blocks, &mut text);
    blocks
}

/// Ends the paragraph, or the point of a list, that was gathered so far.
fn flush(blocks: &mut Vec<Block<'_>>, text: &mut String) {
    let text = std::mem::take(text);
    match text.trim_end() {
        "" => {}
        gathered => blocks.push(match gathered.strip_prefix("- ") {
            Some(point) => Block::Point(point.to_owned()),
            None => Block::Paragraph(gathered.to_owned()),
        }),
    }
}

/// Writes the catalogue: identifiers with their titles, by area.
///
/// # Errors
/// What the output said.
pub fn list<'c>(out: &mut dyn Write, causes: impl IntoIterator<Item = &'c Cause>, colour: bool) -> io::Result<()> {
    let paint = Paint(colour);
    let mut area = None;
    for cause in causes {
        let stage = cause.stage();
        if area != Some(stage) {
            let gap = if area.is_some() { "\n" } else { "" };
            writeln!(out, "{gap}{}", paint.text(Tone::Strong, format_args!("{}: {}", stage.as_str(), about(stage))))?;
            area = Some(stage);
        }
        writeln!(out, "  {}", cause.id())?;
        for line in wrap(cause.title(), super::WIDTH - 6) {
            writeln!(out, "      {line}")?;
        }
    }
    Ok(())
}

/// What an area is about.
fn about(stage: Stage) -> &'static str {
    match stage {
        Stage::Capture => "the capture itself limits what can be said",
        Stage::Dns => "the name of the origin",
        Stage::Tcp => "no usable connection",
        Stage::Tls => "the handshake",
        Stage::Http => "the exchange",
        Stage::Http2 => "HTTP/2",
        Stage::App => "a valid response that is itself the error",
    }
}

/// The identifiers nearest to what was typed.
#[must_use]
pub fn nearest<'c>(typed: &str, causes: impl IntoIterator<Item = &'c Cause>) -> Vec<&'c str> {
    let typed: Vec<char> = typed.to_ascii_lowercase().replace('_', "-").chars().take(64).collect();
    let text: String = typed.iter().collect();
    let rate = |id: &str| {
        let slug = id.split_once('.').map_or(id, |(_, slug)| slug);
        let spelt = distance(&typed, id).min(distance(&typed, slug));
        if !text.is_empty() && id.contains(&text) { spelt.min(1) } else { spelt }
    };
    let mut rated: Vec<_> = causes.into_iter().map(|c| (rate(c.id()), c.id())).collect();
    rated.sort_by_key(|&(distance, _)| distance);
    // Where more than half of it is different it is another word.
    let near = rated.into_iter().filter(|&(distance, _)| distance <= typed.len() / 2);
    near.take(MAX_SUGGESTIONS).map(|(_, id)| id).collect()
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (ca, up) in a.iter().zip(row.iter_mut().skip(1)) {
            let cost = diagonal + usize::from(*ca != cb);
            diagonal = *up;
            left = cost.min(left + 1).min(*up + 1);
            *up = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::{CATALOGUE, by_id};

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let nearest = |typed| nearest(typed, CATALOGUE.iter().copied());
        assert_eq!(nearest("tcp.port-close").first(), Some(&"tcp.port-closed"));
        assert_eq!(nearest("syn_unanswered").first(), Some(&"tcp.syn-unanswered"));
        assert_eq!(nearest("unanswered").first(), Some(&"tcp.syn-unanswered"));
        assert!(nearest("").len() <= MAX_SUGGESTIONS && nearest("foo").is_empty());
        assert_eq!(distance(&['k', 'i', 't'], "sit"), 1);
    }

    #[test]
    fn a_page_fits_a_terminal() {
        for cause in CATALOGUE.iter() {
            let mut out = Vec::new();
            page(&mut out, cause, false).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with(cause.id()) && text.contains("\nReferences\n"), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= super::super::WIDTH, "{line}");
            }
        }
        assert!(by_id("tcp.port-closed").is_some());
    }
}
