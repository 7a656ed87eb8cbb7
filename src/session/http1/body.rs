//! Bodies: counted, never read. A chunked one is read only between its chunks (RFC 9112 section 7.1).
//!
//! ```text
//!         size line            data, all of it      CR         LF
//!  Size ------------> Data(n) ----------------> DataCr ----> DataLf ----> Size
//!    |  size 0                                    (LF alone is noted, and read on)
//!    +--------------> Trailers --- empty line ---> done
//! ```

use super::fault::{ChunkDefect, FaultKind};
use super::field::{Field, is_blank};
use super::framing::Framing;
use super::line::{Line, LineBuffer};

/// What is left of a body.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Whatever comes.
    UntilClose,
}

/// Where in a chunked body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size,
    Data(u64),
    DataCr,
    DataLf,
    Trailers,
}

/// What the next bytes of a chunked body are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Framing; nothing to tell.
    Framing,
    /// Content.
    Content(&'a [u8]),
    /// The body is whole.
    End,
    /// Something is wrong `back` bytes before the end of what was read; the body can be read on.
    Odd { kind: FaultKind, back: u64, excerpt: Vec<u8> },
    /// From `back` bytes before the end of what was read nothing can be told any more.
    Broken { defect: ChunkDefect, back: u64, excerpt: Vec<u8> },
}

impl Body {
    /// The body that `framing` announces; `None` where there is nothing to read or no way to read it.
    pub(super) fn new(framing: Framing) -> Option<Self> {
        match framing {
            Framing::Length(0) | Framing::NoBody | Framing::Unknown | Framing::Upgrade => None,
            Framing::Length(n) => Some(Self::Length(n)),
            Framing::Chunked => Some(Self::Chunked(Chunk::Size)),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    /// Whether the last byte has been read.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Steps over as many of `len` unseen bytes as certainly belong to the body's content.
    pub(super) fn skip(&mut self, len: u64) -> u64 {
        let left = match self {
            Self::UntilClose => return len,
            Self::Length(left) | Self::Chunked(Chunk::Data(left)) => left,
            Self::Chunked(_) => return 0,
        };
        let n = len.min(*left);
        *left -= n;
        if matches!(self, Self::Chunked(Chunk::Data(0))) {
            *self = Self::Chunked(Chunk::DataCr);
        }
        n
    }
}

impl Chunk {
    /// Reads a piece of `bytes`, which moves past it. `bytes` is not empty.
    pub(super) fn read<'a>(&mut self, lines: &mut LineBuffer, bytes: &mut &'a [u8]) -> Step<'a> {
        match self {
            Self::Size => self.size(lines, bytes),
            Self::Data(left) => {
                let content = take(left, bytes);
                if *left == 0 {
                    *self = Self::DataCr;
                }
                Step::Content(content)
            }
            Self::DataCr | Self::DataLf => self.data_end(bytes),
            Self::Trailers => lines.read(bytes).map_or(Step::Framing, |line| trailer(&line)),
        }
    }

    fn size<'a>(&mut self, lines: &mut LineBuffer, bytes: &mut &'a [u8]) -> Step<'a> {
        let broken = |defect, back, excerpt: &[u8]| Step::Broken { defect, back, excerpt: excerpt.to_vec() };
        let begins = lines.partial_len() > 0 || bytes.first().is_some_and(u8::is_ascii_hexdigit);
        if !begins {
            return broken(ChunkDefect::Size, 0, &[]);
        }
        let Some(line) = lines.read(bytes) else { return Step::Framing };
        if line.cut {
            return broken(ChunkDefect::AfterSize, line.wire, line.text);
        }
        match chunk_size(line.text) {
            Ok(0) => *self = Self::Trailers,
            Ok(size) => *self = Self::Data(size),
            Err(defect) => return broken(defect, line.wire, line.text),
        }
        if line.bare_lf { bare_lf(line.wire, line.text) } else { Step::Framing }
    }

    fn data_end<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        let [first, rest @ ..] = *bytes else { return Step::Framing };
        match (*self, first) {
            (Self::DataCr, b'\r') => *self = Self::DataLf,
            (_, b'\n') => {
                let odd = *self == Self::DataCr;
                (*self, *bytes) = (Self::Size, rest);
                return if odd { bare_lf(1, b"\n") } else { Step::Framing };
            }
            _ => return Step::Broken { defect: ChunkDefect::NoCrLf, back: 0, excerpt: Vec::new() },
        }
        *bytes = rest;
        Step::Framing
    }
}

fn bare_lf(back: u64, excerpt: &[u8]) -> Step<'static> {
    Step::Odd { kind: FaultKind::MalformedChunk(ChunkDefect::BareLf), back, excerpt: excerpt.to_vec() }
}

fn trailer(line: &Line<'_>) -> Step<'static> {
    if line.text.is_empty() {
        return Step::End;
    }
    match Field::read(line.text).1 {
        None => Step::Framing,
        Some((defect, at)) => Step::Odd {
            kind: FaultKind::MalformedHeader(defect),
            back: line.wire.saturating_sub(at as u64),
            excerpt: line.text.to_vec(),
        },
    }
}

/// `1*HEXDIG`, white space that some servers pad it with, and an extension after `;`.
fn chunk_size(line: &[u8]) -> Result<u64, ChunkDefect> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (digits, rest) = line.split_at_checked(digits).unwrap_or_default();
    if digits.is_empty() {
        return Err(ChunkDefect::Size);
    }
    match rest.iter().find(|b| !is_blank(**b)) {
        None | Some(b';') => {}
        Some(_) => return Err(ChunkDefect::AfterSize),
    }
    digits.iter().try_fold(0_u64, |n, &b| {
        let digit = char::from(b).to_digit(16).ok_or(ChunkDefect::Size)?;
        Ok(n.checked_mul(16).ok_or(ChunkDefect::SizeTooLarge)? + u64::from(digit))
    })
}

/// As many of `bytes` as are `left`.
#[inline]
pub(super) fn take<'a>(left: &mut u64, bytes: &mut &'a [u8]) -> &'a [u8] {
    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    let (content, rest) = bytes.split_at_checked(n).unwrap_or_default();
    *left -= content.len() as u64;
    *bytes = rest;
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes() {
        for (line, size) in [
            ("0", Ok(0)),
            ("1a", Ok(26)),
            ("FFFFFFFFFFFFFFFF", Ok(u64::MAX)),
            ("00000000000000000001", Ok(1)),
            ("10000000000000000", Err(ChunkDefect::SizeTooLarge)),
            ("5  ", Ok(5)),
            ("5;name=\"va;lue\"", Ok(5)),
            ("5 ; x", Ok(5)),
            ("", Err(ChunkDefect::Size)),
            ("0x5", Err(ChunkDefect::AfterSize)),
            ("5 5", Err(ChunkDefect::AfterSize)),
            ("-5", Err(ChunkDefect::Size)),
        ] {
            assert_eq!(chunk_size(line.as_bytes()), size, "{line:?}");
        }
    }
}
