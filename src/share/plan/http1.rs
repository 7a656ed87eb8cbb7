//! HTTP/1: lines stay as far as `field` says, bodies do not.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest as _, Sha1};

use super::field::{self, Fate};
use super::side::Out;
use super::{BLANK, Rules, foreign, phrases, shape};
use crate::session::http1::{Declared, Detection, EXCERPT_FROM_STATUS, Framing, MAX_BODY_EXCERPT, MAX_LINE, detect};

/// Requests whose responses are to come; of further ones it is not known what was asked.
const MAX_ASKED: usize = 1_024;

/// First bytes of a body by which a coding is known.
const MAGIC: usize = 4;

/// Pieces noted of one body as removed.
const NOTED: u32 = 4;

/// Stands behind the key in what is hashed (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a request asked, as far as the end of its response depends on it.
#[derive(Debug, Clone, Default)]
struct Asked {
    head: bool,
    connect: bool,
    websocket: bool,
    key: Option<Vec<u8>>,
}

/// Requests that wait for a response.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    pending: VecDeque<Asked>,
    /// The connection is something else from here on, a WebSocket or not.
    became: Option<bool>,
    left: bool,
}

impl Exchanges {
    /// Says once that the connection became something else, a WebSocket or not.
    pub(super) fn became(&mut self) -> Option<bool> {
        let told = self.became.filter(|_| !self.left);
        self.left |= told.is_some();
        told
    }
}

/// Where a direction is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Fields,
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    Lost,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Message {
    at: At,
    /// A line that has not ended.
    line: Vec<u8>,
    /// It is longer than what is kept of one.
    overlong: bool,
    declared: Declared,
    /// What became of the field before.
    before: Fate,
    /// Whether that was a Content-Length or a Transfer-Encoding.
    folding: Option<bool>,
    asked: Asked,
    /// Whether a request was known for the response in hand.
    known: bool,
    status: u16,
    coded: bool,
    upgrade: bool,
    accept: Option<(usize, Vec<u8>)>,
    body: Start,
    noted: u32,
    bytes: u64,
    strange: usize,
}

/// The first bytes of a body, and where they are written.
#[derive(Debug, Default)]
struct Start {
    raw: Vec<u8>,
    places: Vec<usize>,
}

impl Message {
    /// Takes bytes of requests. Says how many of them belong to what comes after HTTP.
    pub(super) fn request(&mut self, bytes: &[u8], out: &mut Out, rules: &Rules, exchanges: &mut Exchanges) -> usize {
        if self.at == At::Lost && detect(bytes) == Detection::Request {
            self.at = At::Start;
        }
        self.read(bytes, out, rules, exchanges, true)
    }

    /// Takes bytes of responses. Says how many of them belong to what comes after HTTP.
    pub(super) fn response(&mut self, bytes: &[u8], out: &mut Out, rules: &Rules, exchanges: &mut Exchanges) -> usize {
        let head = bytes.starts_with(b"HTTP/1.") || self.at == At::Lost && bytes.starts_with(b"HTTP/");
        let next = match self.at {
            At::Lost => true,
            At::UntilClose => !exchanges.pending.is_empty() || !self.known && self.bytes == 0,
            At::Length(_) | At::ChunkSize => !self.known && self.bytes == 0,
            _ => false,
        };
        if head && next {
            self.end_body(out);
            self.at = At::Start;
        }
        self.read(bytes, out, rules, exchanges, false)
    }

    fn read(&mut self, bytes: &[u8], out: &mut Out, rules: &Rules, exchanges: &mut Exchanges, asks: bool) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            if exchanges.became.is_some() {
                return rest.len();
            }
            rest = match self.at {
                At::Start => self.start(rest, out, rules, exchanges, asks),
                At::Fields | At::Trailers => self.fields(rest, out, rules, exchanges, asks),
                At::Length(left) => {
                    let (left, rest) = self.content(left, rest, out);
                    self.at = At::Length(left);
                    if left == 0 {
                        self.end_body(out);
                    }
                    rest
                }
                At::UntilClose => self.content(u64::MAX, rest, out).1,
                At::ChunkSize => self.chunk_size(rest, out),
                At::ChunkData(left) => {
                    let (left, rest) = self.content(left, rest, out);
                    self.at = if left == 0 { At::ChunkEnd } else { At::ChunkData(left) };
                    rest
                }
                At::ChunkEnd => self.chunk_end(rest, out),
                At::Lost => {
                    self.lost(rest, out);
                    &[]
                }
            };
        }
        0
    }

    /// Bytes that are no HTTP.
    fn lost(&mut self, bytes: &[u8], out: &mut Out) {
        self.at = At::Lost;
        foreign(bytes, self.strange, out);
        self.strange += bytes.len();
    }

    /// Takes bytes up to the end of a line; gives it without its LF once it is whole.
    fn whole_line<'b>(&mut self, bytes: &'b [u8], out: &mut Out, rules: &Rules) -> (Option<Vec<u8>>, &'b [u8]) {
        let end = bytes.iter().position(|b| *b == b'\n');
        let (piece, rest) = bytes.split_at_checked(end.map_or(bytes.len(), |at| at + 1)).unwrap_or((bytes, &[]));
        if self.overlong {
            out.removed(piece);
            let line = piece.strip_suffix(b"\n").unwrap_or(piece);
            let cr = usize::from(end.is_some() && line.ends_with(b"\r"));
            out.fill(BLANK, (line.len() - cr) as u64);
            out.text(piece.get(line.len() - cr..).unwrap_or_default());
            if end.is_some() {
                self.overlong = false;
                return (Some(Vec::new()), rest);
            }
            return (None, rest);
        }
        self.line.extend_from_slice(piece);
        if end.is_some() {
            return (Some(std::mem::take(&mut self.line)), rest);
        }
        if self.line.len() > MAX_LINE && matches!(self.at, At::Fields | At::Trailers) {
            let line = std::mem::take(&mut self.line);
            let (written, fate) = field::line(&line, self.before, out, rules);
            self.before = fate;
            out.text(&written);
            self.overlong = true;
        }
        (None, rest)
    }

    fn start<'b>(
        &mut self,
        bytes: &'b [u8],
        out: &mut Out,
        rules: &Rules,
        exchanges: &mut Exchanges,
        asks: bool,
    ) -> &'b [u8] {
        if self.line.is_empty() {
            let n = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            if n > 0 {
                out.text(bytes.get(..n).unwrap_or_default());
                return bytes.get(n..).unwrap_or_default();
            }
        }
        let (line, rest) = self.whole_line(bytes, out, rules);
        let so_far = line.as_deref().unwrap_or(&self.line);
        let other = asks && line.is_some() && detect(so_far) != Detection::Request;
        if other || !may_begin(so_far, asks, line.is_some()) || so_far.len() > 4 * MAX_LINE {
            let mut held = line.unwrap_or_else(|| std::mem::take(&mut self.line));
            held.extend_from_slice(rest);
            self.lost(&held, out);
            return &[];
        }
        let Some(line) = line else { return rest };
        *self = Message::default();
        let (text, end) = split_end(&line);
        let written = match asks {
            true => {
                let method = text.split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default();
                self.asked = Asked { head: method == b"HEAD", connect: method == b"CONNECT", ..Asked::default() };
                field::request_line(text, out, rules)
            }
            false => {
                self.known = !exchanges.pending.is_empty();
                self.asked = exchanges.pending.front().cloned().unwrap_or_default();
                self.status = status(text);
                field::status_line(text, out)
            }
        };
        out.text(&written);
        out.text(end);
        self.at = At::Fields;
        rest
    }

    fn fields<'b>(
        &mut self,
        bytes: &'b [u8],
        out: &mut Out,
        rules: &Rules,
        exchanges: &mut Exchanges,
        asks: bool,
    ) -> &'b [u8] {
        let was_long = self.overlong;
        let (line, rest) = self.whole_line(bytes, out, rules);
        let Some(line) = line else { return rest };
        if was_long {
            return rest;
        }
        let (text, end) = split_end(&line);
        if text.is_empty() {
            out.text(end);
            match self.at {
                At::Trailers => self.at = At::Start,
                _ if asks => self.asked(exchanges),
                _ => self.answered(out, exchanges),
            }
            return rest;
        }
        let (written, fate) = field::line(text, self.before, out, rules);
        self.before = fate;
        let place = out.text(&written);
        out.text(end);
        if self.at == At::Fields {
            self.note(text, place, asks);
        }
        rest
    }

    /// Notes what a field says about the end of the message, and about an upgrade.
    fn note(&mut self, text: &[u8], place: usize, asks: bool) {
        let colon = text.iter().position(|b| *b == b':');
        let (name, raw) = match colon.and_then(|at| text.split_at_checked(at)) {
            _ if matches!(text.first(), Some(b' ' | b'\t')) => {
                if let Some(coding) = self.folding {
                    self.declared.fold(text.trim_ascii(), coding);
                }
                return;
            }
            Some((name, raw)) => (name.trim_ascii(), raw.get(1..).unwrap_or_default()),
            None => return,
        };
        let value = raw.trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let has = |word: &[u8]| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        self.folding = None;
        if is("content-length") {
            self.declared.length(value, 0);
            self.folding = Some(false);
        } else if is("transfer-encoding") {
            self.declared.coding(value, 0);
            self.folding = Some(true);
        } else if is("content-encoding") {
            self.coded = true;
        } else if is("upgrade") {
            self.upgrade |= has(b"websocket");
            self.asked.websocket |= asks && has(b"websocket");
        } else if is("sec-websocket-key") && asks {
            self.asked.key.get_or_insert_with(|| value.to_vec());
        } else if is("sec-websocket-accept") && !asks {
            let lead = raw.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.accept.get_or_insert((place + text.len() - raw.len() + lead, value.to_vec()));
        }
    }

    /// The head of a request is over.
    fn asked(&mut self, exchanges: &mut Exchanges) {
        if exchanges.pending.len() < MAX_ASKED {
            exchanges.pending.push_back(self.asked.clone());
        }
        self.status = 0;
        self.begin_body(self.declared.framing(false));
    }

    /// The head of a response is over.
    fn answered(&mut self, out: &mut Out, exchanges: &mut Exchanges) {
        if (100..200).contains(&self.status) && self.status != 101 {
            self.at = At::Start;
            return;
        }
        exchanges.pending.pop_front();
        if self.known && (self.status == 101 || self.asked.connect && (200..300).contains(&self.status)) {
            self.answer_key(out);
            exchanges.became = Some(self.status == 101 && self.upgrade && self.asked.websocket);
            self.at = At::Start;
            return;
        }
        let bodiless = self.asked.head || matches!(self.status, 100..200 | 204 | 304);
        self.begin_body(if bodiless { Framing::NoBody } else { self.declared.framing(true) });
    }

    /// The right answer to the key stays the right one to the blanked key.
    fn answer_key(&self, out: &mut Out) {
        let answer = |key: &[u8]| BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
        let (Some(key), Some((place, accept))) = (&self.asked.key, &self.accept) else { return };
        if answer(key).as_bytes() == accept.as_slice() {
            let blanked: Vec<u8> = key.iter().map(|_| BLANK).collect();
            for (n, byte) in answer(&blanked).bytes().enumerate() {
                out.patch(place + n, byte);
            }
        }
    }

    fn begin_body(&mut self, framing: Framing) {
        self.body = Start::default();
        (self.noted, self.bytes) = (0, 0);
        self.at = match framing {
            Framing::Length(0) | Framing::NoBody | Framing::Upgrade => At::Start,
            Framing::Length(n) => At::Length(n),
            Framing::Chunked => At::ChunkSize,
            Framing::UntilClose => At::UntilClose,
            Framing::Unknown => At::Lost,
        };
    }

    /// Takes at most so many bytes of content; says how many are left.
    fn content<'b>(&mut self, left: u64, bytes: &'b [u8], out: &mut Out) -> (u64, &'b [u8]) {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let (content, rest) = bytes.split_at_checked(n).unwrap_or((bytes, &[]));
        self.bytes += n as u64;
        let most = match (self.status >= EXCERPT_FROM_STATUS, self.coded) {
            (true, _) => MAX_BODY_EXCERPT,
            (false, true) => MAGIC,
            (false, false) => 0,
        };
        let first = most.saturating_sub(self.body.raw.len()).min(n);
        let (first, later) = content.split_at_checked(first).unwrap_or((content, &[]));
        if !first.is_empty() {
            let place = out.text(&vec![BLANK; first.len()]);
            self.body.places.extend(place..place + first.len());
            self.body.raw.extend_from_slice(first);
            if self.body.raw.len() == most {
                self.settle_start(out);
            }
        }
        if !later.is_empty() {
            if self.noted < NOTED {
                self.noted += 1;
                out.removed(later);
            }
            out.fill(BLANK, later.len() as u64);
        }
        (left - n as u64, rest)
    }

    fn end_body(&mut self, out: &mut Out) {
        self.settle_start(out);
        self.at = At::Start;
        self.strange = 0;
    }

    /// Of the first bytes of a body those stay that tell the coding, or whose page an error is.
    fn settle_start(&mut self, out: &mut Out) {
        let Start { raw, places } = std::mem::take(&mut self.body);
        let mut kept = if self.status >= EXCERPT_FROM_STATUS { phrases::places(&raw) } else { vec![false; raw.len()] };
        phrases::note(&raw, &kept, out);
        let mut instead = BLANK;
        if self.coded {
            kept.iter_mut().take(magic(&raw)).for_each(|place| *place = true);
            // A byte that begins no block of deflate stays one that does not.
            let reserved = raw.first().is_some_and(|first| first >> 1 & 3 == 3);
            instead = if reserved && magic(&raw) == 0 { b'.' } else { BLANK };
        }
        for (n, ((byte, place), kept)) in raw.iter().zip(&places).zip(&kept).enumerate() {
            match kept {
                true => out.patch(*place, *byte),
                false if n == 0 => out.patch(*place, instead),
                false => {}
            }
        }
        for (part, kept) in raw.chunks(16).zip(kept.chunks(16)).filter(|(part, _)| part.len() == 16).take(4) {
            if !kept.contains(&true) {
                out.removed(part);
            }
        }
    }

    fn chunk_size<'b>(&mut self, bytes: &'b [u8], out: &mut Out) -> &'b [u8] {
        let end = bytes.iter().position(|b| *b == b'\n');
        let (piece, rest) = bytes.split_at_checked(end.map_or(bytes.len(), |at| at + 1)).unwrap_or((bytes, &[]));
        self.line.extend_from_slice(piece);
        if !self.line.first().is_some_and(u8::is_ascii_hexdigit) || self.line.len() > MAX_LINE {
            let held = std::mem::take(&mut self.line);
            self.end_body(out);
            self.lost(&held, out);
            self.lost(rest, out);
            return &[];
        }
        if end.is_none() {
            return rest;
        }
        let line = std::mem::take(&mut self.line);
        let (text, end) = split_end(&line);
        let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (size, extension) = text.split_at_checked(digits).unwrap_or((text, &[]));
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        let space = extension.iter().take_while(|b| blank(b)).count();
        let proper = extension.get(space).is_none_or(|b| *b == b';');
        let number = std::str::from_utf8(size).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match number.filter(|_| proper) {
            Some(_) => drop(out.text(size)),
            // A number that is none may be part of anything.
            None => out.fill(b'f', digits as u64),
        }
        let shown = |(at, b): (usize, &u8)| if at < space || b";=".contains(b) { *b } else { shape(*b) };
        out.removed(extension);
        out.text(&extension.iter().enumerate().map(shown).collect::<Vec<u8>>());
        out.text(end);
        self.at = match number.filter(|_| proper) {
            Some(0) => {
                self.settle_start(out);
                (self.before, self.folding) = (Fate::Blanked, None);
                At::Trailers
            }
            Some(size) => At::ChunkData(size),
            None => {
                self.end_body(out);
                At::Lost
            }
        };
        rest
    }

    fn chunk_end<'b>(&mut self, bytes: &'b [u8], out: &mut Out) -> &'b [u8] {
        let end = match bytes {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            // The LF comes with the next bytes.
            [b'\r'] => {
                out.text(bytes);
                return &[];
            }
            _ => {
                self.end_body(out);
                self.lost(bytes, out);
                return &[];
            }
        };
        let (end, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        out.text(end);
        self.at = At::ChunkSize;
        rest
    }

    /// What is held back is all that there is of it.
    pub(super) fn settle(&mut self, out: &mut Out, rules: &Rules) {
        self.settle_start(out);
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        let (text, end) = split_end(&line);
        let written = match self.at {
            At::Fields | At::Trailers => field::line(text, self.before, out, rules).0,
            At::Start if text.starts_with(b"HTTP") || b"HTTP/".starts_with(text) => field::status_line(text, out),
            At::Start => field::request_line(text, out, rules),
            _ => text.iter().map(|b| if b.is_ascii_hexdigit() { b'f' } else { shape(*b) }).collect(),
        };
        out.text(&written);
        out.text(end);
    }

    /// A hole.
    pub(super) fn gap(&mut self, len: u64, out: &mut Out, rules: &Rules) {
        self.settle(out, rules);
        out.fill(BLANK, len);
        self.bytes += len;
        let over = |left: u64| left.checked_sub(len);
        self.at = match self.at {
            At::UntilClose => At::UntilClose,
            At::Length(left) => match over(left) {
                Some(0) => At::Start,
                Some(left) => At::Length(left),
                None => At::Lost,
            },
            At::ChunkData(left) => match over(left) {
                Some(0) => At::ChunkEnd,
                Some(left) => At::ChunkData(left),
                None => At::Lost,
            },
            _ => At::Lost,
        };
        self.strange = 0;
        self.overlong = false;
    }
}

/// A line and its end.
fn split_end(line: &[u8]) -> (&[u8], &[u8]) {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = if text.len() < line.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    line.split_at_checked(text.len()).unwrap_or((line, &[]))
}

/// Whether a message may begin so.
fn may_begin(line: &[u8], asks: bool, whole: bool) -> bool {
    if asks {
        let method = line.iter().take_while(|b| b.is_ascii_graphic()).count();
        let behind = line.get(method);
        let fits = (1..=40).contains(&method)
            && line.iter().take(method).all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
        return fits && behind.is_none_or(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    }
    let n = line.len().min(4);
    let same = line.get(..n).zip(b"HTTP".get(..n)).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
    same && (n == 4 || !whole)
}

fn status(line: &[u8]) -> u16 {
    let mut words = line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty());
    let code = words.nth(1).and_then(|code| std::str::from_utf8(code).ok());
    code.filter(|code| code.len() == 3).and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// How many first bytes of a body tell its coding: gzip, zlib, Zstandard.
fn magic(raw: &[u8]) -> usize {
    match *raw {
        [0x1f, 0x8b, ..] => 2,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => 4,
        [a, b, ..] if a & 0x0f == 8 && (u16::from(a) << 8 | u16::from(b)).is_multiple_of(31) => 2,
        _ => 0,
    }
}
