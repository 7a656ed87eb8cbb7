//! Sentences with code in them, pages of the catalogue, and bytes.

use crate::base::escape;
use crate::diagnosis::Cause;
use crate::report::explain::{Block, blocks};
use crate::report::layout::shorten;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) text: String,
    /// It stands between backticks.
    pub(super) code: bool,
}

/// A sentence whose backticks mean code.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let pieces: Vec<_> = text.split('`').collect();
    // A backtick without its partner is a backtick.
    if pieces.len().is_multiple_of(2) {
        return vec![Span { text: text.to_owned(), code: false }];
    }
    let pieces = pieces.into_iter().enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(i, piece)| Span { text: piece.to_owned(), code: !i.is_multiple_of(2) }).collect()
}

/// At most so many columns of a text from the wire, made harmless.
pub(super) fn short(text: &str, columns: usize) -> String {
    shorten(&escape(text), columns).into_owned()
}

/// A part of a page of the catalogue.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) heading: &'static str,
    pub(super) parts: Vec<Part>,
}

/// What stands in it.
#[derive(Debug)]
pub(super) enum Part {
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
    Verbatim(String),
}

/// The page of a cause without its title.
pub(super) fn article(cause: &'static Cause) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for block in blocks(cause.page) {
        if let Block::Heading(heading) = block {
            sections.push(Section { heading, parts: Vec::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        match (block, section.parts.last_mut()) {
            (Block::Point(text), Some(Part::List(points))) => points.push(spans(&text)),
            (Block::Point(text), _) => section.parts.push(Part::List(vec![spans(&text)])),
            (Block::Verbatim(line), Some(Part::Verbatim(lines))) => {
                lines.push('\n');
                lines.push_str(line);
            }
            (Block::Verbatim(line), _) => section.parts.push(Part::Verbatim(line.to_owned())),
            (Block::Paragraph(text), _) => section.parts.push(Part::Paragraph(spans(&text))),
            (Block::Gap | Block::Heading(_), _) => {}
        }
    }
    sections
}

/// Sixteen bytes: where, in hexadecimal, and as text.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) hex: String,
    pub(super) text: String,
}

/// Bytes as a dump.
pub(super) fn dump(bytes: &[u8], offset: u64) -> Vec<Line> {
    let line = |(chunk, at): (&[u8], u64)| Line {
        at: format!("{at:06x}"),
        hex: chunk.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "),
        text: chunk.iter().map(|&b| if (0x20..0x7f).contains(&b) { char::from(b) } else { '\u{b7}' }).collect(),
    };
    bytes.chunks(16).zip((offset..).step_by(16)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::CATALOGUE;

    #[test]
    fn backticks_mean_code_where_they_come_in_pairs() {
        let told = |text| spans(text).into_iter().map(|s| (s.text, s.code)).collect::<Vec<_>>();
        assert_eq!(told("use `a`."), [("use ".into(), false), ("a".into(), true), (".".into(), false)]);
        assert_eq!(told("`a"), [("`a".to_owned(), false)]);
    }

    #[test]
    fn every_page_is_taken_apart() {
        for cause in CATALOGUE.iter() {
            let page = article(cause);
            assert_eq!(page.len(), 7, "{}", cause.id());
            assert!(page.iter().all(|s| !s.parts.is_empty()), "{}", cause.id());
        }
    }

    #[test]
    fn a_dump_shows_where_and_what() {
        let lines = dump(b"0123456789abcdefXY\x00", 32);
        assert_eq!((lines.len(), lines[1].at.as_str(), lines[1].hex.as_str()), (2, "000030", "58 59 00"));
        assert_eq!(lines[1].text, "XY\u{b7}");
    }
}
