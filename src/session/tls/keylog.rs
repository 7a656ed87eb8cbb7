//! Secrets from NSS key logs: the SSLKEYLOGFILE format (draft-ietf-tls-keylogfile).
//!
//! Invariant: secrets are wiped when they are dropped, and no way leads from them to anything that is printed.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

/// The most secrets kept: TLS 1.3 has four for each connection, TLS 1.2 has one. So many take some 150 MB.
const MAX_SECRETS: usize = 1 << 20;

/// The longest line of a key log that is read, in bytes; the longest that there is has 230.
const MAX_LINE: usize = 512;

/// How much of a log is read at once.
const CHUNK: usize = 64 * 1024;

/// The random of a ClientHello, by which a log names connections.
pub(super) type Random = [u8; 32];

/// A secret of TLS: 32 or 48 bytes.
pub(super) type Secret = Zeroizing<Box<[u8]>>;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    /// The master secret, up to TLS 1.2.
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientApplication,
    ServerApplication,
}

impl Label {
    /// Those that are of no use here (exporters, what is still to come) have no label.
    fn of(name: &[u8]) -> Option<Label> {
        Some(match name {
            b"CLIENT_RANDOM" => Self::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Self::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Self::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Self::ServerHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Self::ClientApplication,
            b"SERVER_TRAFFIC_SECRET_0" => Self::ServerApplication,
            _ => return None,
        })
    }

    /// The name in a log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Master => "CLIENT_RANDOM",
            Self::ClientEarly => "CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshake => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshake => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientApplication => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerApplication => "SERVER_TRAFFIC_SECRET_0",
        }
    }

    /// A master secret has 48 bytes (RFC 5246 section 8.1), a traffic secret those of a hash (RFC 8446 section 7.1).
    const fn admits(self, len: usize) -> bool {
        len == 48 || (len == 32 && !matches!(self, Self::Master))
    }
}

type Secrets = HashMap<(Random, Label), Secret>;

/// All secrets at hand. Clones share them, so that a capture may bring some while it is being read.
#[derive(Clone, Default)]
pub struct Keys(Arc<RwLock<Kept>>);

/// What is kept of them.
#[derive(Clone, Default)]
struct Kept {
    secrets: Secrets,
    /// Where older ones make room: those before `secrets`.
    older: Option<Secrets>,
}

impl Kept {
    fn has(&self, key: &(Random, Label)) -> bool {
        self.secrets.contains_key(key) || self.older.as_ref().is_some_and(|older| older.contains_key(key))
    }

    fn len(&self) -> usize {
        self.secrets.len() + self.older.as_ref().map_or(0, HashMap::len)
    }

    /// Takes a secret; says whether there was room.
    fn insert(&mut self, key: (Random, Label), secret: Secret) -> bool {
        if self.has(&key) {
            return true;
        }
        match &mut self.older {
            Some(older) if self.secrets.len() >= MAX_SECRETS / 2 => *older = std::mem::take(&mut self.secrets),
            None if self.secrets.len() >= MAX_SECRETS => return false,
            _ => {}
        }
        self.secrets.insert(key, secret);
        true
    }
}

/// Says how many, and nothing else.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys {{ {} secrets }}", self.len())
    }
}

/// What became of a key log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogRead {
    /// Secrets that can be used.
    pub secrets: u64,
    /// Lines that are none of a key log.
    pub damaged: u64,
    /// The first of them, counted from 1.
    pub first_damaged: Option<u64>,
    /// Secrets beyond what is kept.
    pub not_kept: u64,
}

impl LogRead {
    /// What is wrong with the log, in one sentence without its name.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let rest = if self.secrets == 0 { "and there is no secret to use" } else { "the rest is used" };
        match (self.first_damaged, self.damaged, self.not_kept) {
            (Some(line), 1, _) => Some(format!("line {line} is none of a key log; {rest}")),
            (Some(line), n, _) => Some(format!("{n} lines are none of a key log, the first is line {line}; {rest}")),
            (None, _, 0) if self.secrets == 0 => Some("no secret is in it".to_owned()),
            (None, _, 0) => None,
            (None, _, n) => Some(format!("{n} secrets are too many ({MAX_SECRETS} are kept); leave out older lines")),
        }
    }
}

impl Keys {
    /// Takes the secrets of a key log; damaged lines cost themselves alone.
    ///
    /// # Errors
    /// Where the log cannot be read to its end; what came before is kept.
    pub fn read(&self, mut log: impl Read) -> io::Result<LogRead> {
        let mut lines = Lines {
            keys: self,
            line: Zeroizing::new(Vec::with_capacity(MAX_LINE)),
            number: 1,
            read: LogRead::default(),
        };
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            let n = match log.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            lines.push(chunk.get(..n).unwrap_or_default());
        }
        lines.end();
        Ok(lines.read)
    }

    /// Begins to forget the older half of the secrets where there is no room for new ones: for logs that grow for days.
    pub fn make_room(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).older.get_or_insert_default();
    }

    /// The same secrets, from now on apart: what is learnt here is not known there.
    #[must_use]
    pub fn fork(&self) -> Keys {
        Keys(Arc::new(RwLock::new(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())))
    }

    /// How many secrets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn find(&self, client: &Random, label: Label) -> Option<Secret> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = (*client, label);
        kept.secrets.get(&key).or_else(|| kept.older.as_ref()?.get(&key)).cloned()
    }

    /// Says whether there was room.
    fn insert(&self, client: Random, label: Label, secret: Secret) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert((client, label), secret)
    }
}

/// Cuts a log into lines.
struct Lines<'k> {
    keys: &'k Keys,
    /// The line in hand, as far as it is kept: one byte more than the longest marks it as too long.
    line: Zeroizing<Vec<u8>>,
    number: u64,
    read: LogRead,
}

impl Lines<'_> {
    fn push(&mut self, mut bytes: &[u8]) {
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            let (head, rest) = bytes.split_at(at);
            self.keep(head);
            self.end();
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep(bytes);
    }

    /// Never beyond the capacity of the line: growing would leave a copy behind.
    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.line.len().min(MAX_LINE);
        self.line.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn end(&mut self) {
        let too_long = self.line.len() == MAX_LINE;
        match line(&self.line).filter(|_| !too_long) {
            Some(Line::Secret(client, label, secret)) => {
                let kept = self.keys.insert(client, label, secret);
                self.read.secrets += u64::from(kept);
                self.read.not_kept += u64::from(!kept);
            }
            Some(Line::Other) => {}
            None => {
                self.read.damaged += 1;
                self.read.first_damaged.get_or_insert(self.number);
            }
        }
        self.line.clear();
        self.number += 1;
    }
}

/// What a line says.
enum Line {
    Secret(Random, Label, Secret),
    /// Nothing, a comment, or a secret of another kind.
    Other,
}

/// Reads `LABEL CLIENT_RANDOM SECRET`; `None` for what is no line of a key log.
fn line(bytes: &[u8]) -> Option<Line> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii();
    if bytes.first().is_none_or(|&first| first == b'#') {
        return Some(Line::Other);
    }
    let mut fields = bytes.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (name, random, secret) = (fields.next()?, fields.next()?, fields.next()?);
    let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    if fields.next().is_some() || !name.iter().all(is_name) {
        return None;
    }
    let Some(label) = Label::of(name) else { return Some(Line::Other) };
    let random = digits(random)?.first_chunk().copied().filter(|_| random.len() == 64)?;
    let secret = digits(secret).filter(|secret| label.admits(secret.len()))?;
    Some(Line::Secret(random, label, secret))
}

/// Bytes from hexadecimal digits.
fn digits(text: &[u8]) -> Option<Secret> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = Zeroizing::new(vec![0; text.len() / 2].into_boxed_slice());
    for (byte, pair) in bytes.iter_mut().zip(text.chunks(2)) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    text.len().is_multiple_of(2).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(byte: u8, len: usize) -> String {
        format!("{byte:02x}").repeat(len)
    }

    fn read(log: &[u8]) -> (Keys, LogRead) {
        let keys = Keys::default();
        // Byte by byte, as a pipe may bring it.
        let read = keys
            .read(log.chunks(1).fold(Box::new(io::empty()) as Box<dyn Read>, |all, c| Box::new(all.chain(c))))
            .unwrap();
        (keys, read)
    }

    #[test]
    fn lines_are_read_or_said_to_be_damaged() {
        let (random, master, traffic) = (hex(1, 32), hex(2, 48), hex(3, 32));
        for (line, secrets, damaged) in [
            (format!("CLIENT_RANDOM {random} {master}\n"), 1, 0),
            (format!("CLIENT_RANDOM {random} {master}"), 1, 0),
            (format!("\u{feff}CLIENT_RANDOM {random} {master}\r\n"), 1, 0),
            (format!("CLIENT_RANDOM {} {}\n", random.to_uppercase(), master.to_uppercase()), 1, 0),
            (format!("CLIENT_RANDOM {random} {master}\nCLIENT_RANDOM {random} {master}\n"), 2, 0),
            (format!("SERVER_TRAFFIC_SECRET_0 {random} {traffic}\n"), 1, 0),
            (format!("SERVER_TRAFFIC_SECRET_0 {random} {master}\n"), 1, 0),
            ("# comment\n\n   \r\n".to_owned(), 0, 0),
            (format!("EXPORTER_SECRET {random} {traffic}\n"), 0, 0),
            (format!("SOMETHING_NEW_7 {random} 00\n"), 0, 0),
            (format!("CLIENT_RANDOM {random} {traffic}\n"), 0, 1),
            (format!("CLIENT_RANDOM {random} {master}00\n"), 0, 1),
            (format!("CLIENT_RANDOM {}0 {master}\n", &random[..62]), 0, 1),
            (format!("CLIENT_RANDOM {}zz {master}\n", &random[..62]), 0, 1),
            (format!("CLIENT_RANDOM {random}\n"), 0, 1),
            (format!("CLIENT_RANDOM {random} {master} more\n"), 0, 1),
            (format!("CLIENT_RAN\nCLIENT_RANDOM {random} {master}\n"), 1, 1),
            (format!("CLIENT_RANDOM {random} {}\n", hex(2, 4_000)), 0, 1),
            ("\u{0}\u{1}\u{2}".to_owned(), 0, 1),
        ] {
            let got = read(line.as_bytes()).1;
            assert_eq!((got.secrets, got.damaged), (secrets, damaged), "{line:?}");
        }
    }

    #[test]
    fn older_secrets_make_room_where_that_is_asked_for() {
        let secret = || Secret::new(vec![0; 32].into_boxed_slice());
        let random = |n: u32| {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&n.to_be_bytes());
            random
        };
        let many = MAX_SECRETS as u32 + 10;
        for (makes_room, first, last) in [(false, true, false), (true, false, true)] {
            let keys = Keys::default();
            if makes_room {
                keys.make_room();
            }
            for n in 0..many {
                keys.insert(random(n), Label::ClientHandshake, secret());
            }
            assert!(keys.len() <= MAX_SECRETS && keys.len() > MAX_SECRETS / 2);
            let has = |n| keys.find(&random(n), Label::ClientHandshake).is_some();
            assert_eq!((has(0), has(many - 1)), (first, last));
        }
    }

    #[test]
    fn secrets_are_found_by_random_and_label_and_never_printed() {
        let (keys, read) = read(format!("oops\nCLIENT_RANDOM {} {}\n", hex(1, 32), hex(0xab, 48)).as_bytes());
        assert_eq!(keys.find(&[1; 32], Label::Master).as_deref(), Some(&vec![0xab; 48].into_boxed_slice()));
        assert!(keys.find(&[2; 32], Label::Master).is_none() && keys.find(&[1; 32], Label::ClientHandshake).is_none());
        assert_eq!(format!("{keys:?}"), "Keys { 1 secrets }");
        assert_eq!(read.problem().unwrap(), "line 1 is none of a key log; the rest is used");
    }
}
