//! Lines out of a stream that comes in pieces.

use memchr::memchr;

/// Bytes of one line that are read; of a longer one the rest is counted and skipped. Twice CloudFront's longest
/// URL, so that no start line it can send or accept is lost, and no header that is looked at here comes near it.
pub const MAX_LINE: usize = 16_384;

/// A buffer that a long line has left behind is given back above this size: there are many connections.
const KEPT_CAPACITY: usize = 1_024;

/// A line without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Its bytes, at most [`MAX_LINE`].
    pub(super) text: &'a [u8],
    /// How many bytes it took, with its end.
    pub(super) wire: u64,
    /// It ended in LF alone.
    pub(super) bare_lf: bool,
    /// It was longer than `text`.
    pub(super) cut: bool,
}

/// The part of a line that has come so far. A line that lies whole in one piece is never copied.
#[derive(Debug, Clone, Default)]
pub(super) struct LineBuffer {
    kept: Vec<u8>,
    seen: u64,
    last: u8,
    done: bool,
}

impl LineBuffer {
    /// Whether the next byte begins a line. Of the one before nothing is kept.
    #[inline]
    pub(super) fn begins(&mut self) -> bool {
        if self.done {
            self.clear();
        }
        self.seen == 0
    }

    /// The next line of `bytes`, which moves past it; `None` where its end has not come yet.
    pub(super) fn read<'l, 's: 'l>(&'l mut self, bytes: &mut &'s [u8]) -> Option<Line<'l>> {
        if self.done {
            self.clear();
        }
        let Some((piece, rest)) = memchr(b'\n', bytes).and_then(|at| bytes.split_at_checked(at)) else {
            self.push(bytes);
            *bytes = &[];
            return None;
        };
        *bytes = rest.get(1..).unwrap_or_default();
        if self.seen == 0 {
            return Some(line(limited(piece), piece.len() as u64 + 1, piece.last().copied()));
        }
        self.push(piece);
        self.done = true;
        Some(line(&self.kept, self.seen + 1, Some(self.last)))
    }

    /// What has come of the line that is not yet whole, at most [`MAX_LINE`] bytes of it.
    pub(super) fn partial(&self) -> &[u8] {
        if self.done { &[] } else { &self.kept }
    }

    /// How much has come of it.
    pub(super) fn partial_len(&self) -> u64 {
        if self.done { 0 } else { self.seen }
    }

    pub(super) fn clear(&mut self) {
        if self.kept.capacity() > KEPT_CAPACITY {
            self.kept = Vec::new();
        }
        self.kept.clear();
        (self.seen, self.done) = (0, false);
    }

    fn push(&mut self, piece: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(piece.get(..room).unwrap_or(piece));
        self.seen += piece.len() as u64;
        self.last = piece.last().copied().unwrap_or(self.last);
    }
}

fn limited(piece: &[u8]) -> &[u8] {
    piece.get(..MAX_LINE).unwrap_or(piece)
}

/// `text` still has its CR, if there was one; `last` is the last byte before LF.
fn line(text: &[u8], wire: u64, last: Option<u8>) -> Line<'_> {
    let cut = (text.len() as u64) < wire - 1;
    let bare_lf = last != Some(b'\r');
    let text = if cut || bare_lf { text } else { text.get(..text.len() - 1).unwrap_or_default() };
    Line { text, wire, bare_lf, cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let stream = b"one\r\n\r\ntwo\nthr\ree\r\nrest";
        for step in 1..=stream.len() {
            let mut buffer = LineBuffer::default();
            let mut got = Vec::new();
            for mut piece in stream.chunks(step) {
                while let Some(l) = buffer.read(&mut piece) {
                    got.push((l.text.to_vec(), l.wire, l.bare_lf));
                }
            }
            let want = [("one", 5, false), ("", 2, false), ("two", 4, true), ("thr\ree", 8, false)]
                .map(|(t, n, lf)| (t.as_bytes().to_vec(), n, lf));
            assert_eq!(got, want, "in steps of {step}");
            assert_eq!((buffer.partial(), buffer.partial_len()), (&b"rest"[..], 4));
        }
    }

    #[test]
    fn a_long_line_is_counted_and_its_beginning_kept() {
        let mut stream = vec![b'x'; MAX_LINE + 100];
        stream.extend_from_slice(b"\r\nnext\r\n");
        for step in [1, 1_000, stream.len()] {
            let mut buffer = LineBuffer::default();
            let mut got = Vec::new();
            for mut piece in stream.chunks(step) {
                while let Some(l) = buffer.read(&mut piece) {
                    got.push((l.text.len(), l.wire, l.cut, l.bare_lf));
                }
            }
            assert_eq!(got, [(MAX_LINE, MAX_LINE as u64 + 102, true, false), (4, 6, false, false)]);
        }
    }
}
