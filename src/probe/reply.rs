//! Reading a response as it comes, as far as is needed to know where it ends. What is wrong with it is the analysis's
//! to say.

use std::time::Duration;

use super::line::{Came, Line};
use super::tape::Tape;

/// The longest head that is waited for: twice what CloudFront accepts.
const MAX_HEAD: usize = 64 * 1024;

/// How a wait for a response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is complete, and the connection goes on.
    Complete,
    /// It is complete because the origin ended the connection, or it is said that it will.
    Closed,
    /// The origin ended the connection before that.
    CutShort,
    /// The origin reset it.
    Reset,
    /// Nothing came for as long as the edge waits.
    Silence,
    /// Where it ends cannot be told.
    Broken(String),
}

/// What came.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: Option<u16>,
    pub(super) head: Vec<u8>,
    /// Bytes of the body as framed.
    pub(super) body: usize,
    pub(super) ending: Ending,
}

/// Where a body ends.
enum Body {
    Length(usize),
    Chunks(Chunks),
    Close,
}

/// Waits for one response to a request.
pub(super) fn read(line: &mut Line, tape: &mut Tape, to_head: bool, limit: Duration) -> Reply {
    let mut reader = Reader { line, tape, limit, unread: Vec::new() };
    let mut reply = Reply { status: None, head: Vec::new(), body: 0, ending: Ending::Complete };
    reply.ending = match reader.reply(&mut reply, to_head) {
        Ok(ending) | Err(ending) => ending,
    };
    reply
}

struct Reader<'l> {
    line: &'l mut Line,
    tape: &'l mut Tape,
    limit: Duration,
    unread: Vec<u8>,
}

impl Reader<'_> {
    fn reply(&mut self, reply: &mut Reply, to_head: bool) -> Result<Ending, Ending> {
        loop {
            let head = self.head(reply)?;
            let Some(status) = status_of(&head) else {
                return Err(Ending::Broken("what came is no status line of HTTP/1".to_owned()));
            };
            reply.status = Some(status);
            // Further answers come to the same request (RFC 9110 section 15.2).
            if !(100..200).contains(&status) || status == 101 {
                let closes = field(&head, "connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
                let old = head.starts_with(b"HTTP/1.0") && field(&head, "connection").is_none();
                reply.head = head;
                let bodiless = to_head || matches!(status, 101 | 204 | 304);
                let done = if bodiless { Ending::Complete } else { self.body(reply)? };
                return Ok(if closes || old { Ending::Closed } else { done });
            }
        }
    }

    fn head(&mut self, reply: &mut Reply) -> Result<Vec<u8>, Ending> {
        loop {
            let end = find(&self.unread, b"\r\n\r\n").map(|at| at + 4);
            if let Some(end) = end.or_else(|| find(&self.unread, b"\n\n").map(|at| at + 2)) {
                return Ok(self.unread.drain(..end).collect());
            }
            let begun = self.unread.get(..5.min(self.unread.len())).unwrap_or_default();
            if !b"HTTP/".starts_with(begun) {
                return Err(Ending::Broken("what came is no status line of HTTP/1".to_owned()));
            }
            if self.unread.len() > MAX_HEAD {
                return Err(Ending::Broken(format!("the head has more than {MAX_HEAD} bytes")));
            }
            if let Err(ending) = self.more() {
                reply.head = std::mem::take(&mut self.unread);
                return Err(ending);
            }
        }
    }

    fn body(&mut self, reply: &mut Reply) -> Result<Ending, Ending> {
        let framing = match (field(&reply.head, "transfer-encoding"), field(&reply.head, "content-length")) {
            (Some(v), _) if v.to_ascii_lowercase().ends_with("chunked") => Body::Chunks(Chunks::default()),
            (Some(_), _) => Body::Close,
            (None, Some(length)) => match length.parse() {
                Ok(length) => Body::Length(length),
                Err(_) => return Err(Ending::Broken(format!("Content-Length: {length} is no length"))),
            },
            (None, None) => Body::Close,
        };
        match framing {
            Body::Length(length) => {
                while reply.body < length {
                    self.drain(reply)?;
                }
                Ok(Ending::Complete)
            }
            Body::Close => loop {
                match self.drain(reply) {
                    Err(Ending::CutShort) => return Ok(Ending::Closed),
                    other => other?,
                }
            },
            Body::Chunks(mut chunks) => loop {
                reply.body += self.unread.len();
                if chunks.take(&self.unread).map_err(Ending::Broken)? {
                    return Ok(Ending::Complete);
                }
                self.unread.clear();
                self.more()?;
            },
        }
    }

    /// Counts what is there as body, and waits for more where nothing is.
    fn drain(&mut self, reply: &mut Reply) -> Result<(), Ending> {
        if self.unread.is_empty() {
            self.more()?;
        }
        reply.body += self.unread.len();
        self.unread.clear();
        Ok(())
    }

    fn more(&mut self) -> Result<(), Ending> {
        if self.tape.is_full() {
            return Err(Ending::Broken("it is larger than a probe reads".to_owned()));
        }
        match self.line.receive(self.tape, self.limit) {
            Came::Bytes(bytes) => {
                self.unread.extend(bytes);
                Ok(())
            }
            Came::End => Err(Ending::CutShort),
            Came::Reset => Err(Ending::Reset),
            Came::Silence => Err(Ending::Silence),
            Came::Broken(why) => Err(Ending::Broken(why)),
        }
    }
}

/// Follows chunks (RFC 9112 section 7.1).
#[derive(Default)]
struct Chunks {
    line: Vec<u8>,
    /// Bytes of the chunk still to come, with the line end after it.
    rest: usize,
    trailers: bool,
}

impl Chunks {
    /// The longest line of a size or a trailer.
    const MAX_LINE: usize = 16 * 1024;

    /// Whether these bytes bring the last.
    fn take(&mut self, mut bytes: &[u8]) -> Result<bool, String> {
        while let Some((&first, after)) = bytes.split_first() {
            if self.rest > 0 {
                let n = self.rest.min(bytes.len());
                self.rest -= n;
                bytes = bytes.get(n..).unwrap_or_default();
                continue;
            }
            bytes = after;
            if first != b'\n' {
                self.line.push(first);
                if self.line.len() > Self::MAX_LINE {
                    return Err("a line of the chunks does not end".to_owned());
                }
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim().to_owned();
            if self.trailers {
                if line.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            let size = line.split(';').next().unwrap_or_default().trim();
            match usize::from_str_radix(size, 16) {
                Ok(0) => self.trailers = true,
                Ok(size) => self.rest = size.saturating_add(2),
                Err(_) => return Err("the size of a chunk is no number".to_owned()),
            }
        }
        Ok(false)
    }
}

/// The value of a header in a head.
pub(super) fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = String::from_utf8_lossy(head.get(..head.len().min(64))?).into_owned();
    let mut words = line.split([' ', '\r', '\n']);
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok().filter(|status| (100..1000).contains(status))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_where_they_end_however_they_are_cut() {
        let whole = b"5;x=y\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
        for size in 1..whole.len() {
            let mut chunks = Chunks::default();
            let parts: Vec<_> = whole.chunks(size).map(|part| chunks.take(part)).collect();
            assert_eq!(parts.last(), Some(&Ok(true)), "{size}");
            assert_eq!(parts.iter().filter(|p| **p == Ok(true)).count(), 1, "{size}");
        }
        assert!(Chunks::default().take(b"5\r\nhello\r\nxyz\r\n").is_err());
    }

    #[test]
    fn a_head_is_read() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer:  x \r\n\r\n";
        assert_eq!(status_of(head), Some(200));
        assert_eq!(field(head, "server").as_deref(), Some("x"));
        assert_eq!(status_of(b"HTTP/1.1 2000 OK\r\n"), None);
        assert_eq!(status_of(b"ICY 200 OK\r\n"), None);
    }
}
