//! A file line by line, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a line. A URL of CloudFront has at most 8,192, its headers together 20,480, and encoding makes three of one.
const MAX_LINE: usize = 256 * 1024;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// The lines of a file.
pub(super) struct Lines {
    read: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
}

/// One line.
pub(super) enum Line<'l> {
    /// Without its end.
    Whole(u64, &'l [u8]),
    /// More than [`MAX_LINE`] bytes; it was stepped over.
    TooLong(u64),
}

impl Lines {
    pub(super) fn new(read: Box<dyn Read + Send>) -> Lines {
        Lines { read: BufReader::with_capacity(CHUNK, read), line: Vec::new(), number: 0 }
    }

    /// The next line; `None` at the end. What stands before a damage and has no end is no line.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut any, mut too_long) = (false, false);
        loop {
            let ahead = match self.read.fill_buf() {
                Ok(ahead) => ahead,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = memchr::memchr(b'\n', ahead);
            let part = ahead.get(..end.unwrap_or(ahead.len())).unwrap_or_default();
            any |= !ahead.is_empty();
            if self.line.len() + part.len() > MAX_LINE {
                too_long = true;
            } else {
                self.line.extend_from_slice(part);
            }
            let (taken, last) = (part.len() + usize::from(end.is_some()), end.is_some() || ahead.is_empty());
            self.read.consume(taken);
            if last {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if too_long {
            return Ok(Some(Line::TooLong(self.number)));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some(Line::Whole(self.number, line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_end_and_are_bounded() {
        let text = [b"one\r\n\ntwo\n".to_vec(), vec![b'x'; MAX_LINE + 1], b"\nlast".to_vec()].concat();
        let mut lines = Lines::new(Box::new(io::Cursor::new(text)));
        let mut told = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            told.push(match line {
                Line::Whole(n, text) => (n, String::from_utf8_lossy(text).into_owned()),
                Line::TooLong(n) => (n, "too long".to_owned()),
            });
        }
        let expected = [(1, "one"), (2, ""), (3, "two"), (4, "too long"), (5, "last")];
        assert_eq!(told, expected.map(|(n, text)| (n, text.to_owned())));
    }
}
