//! Records opened with secrets from a key log.
//!
//! ```text
//! hellos (randoms, version, suite) + secrets -> suite, derive -> open, one for each side -> what lies within
//! ```
//!
//! Invariant: what comes out is authentic, byte for byte. A side of which one record cannot be opened (a wrong secret,
//! a hole, a renegotiation) is not opened any more, and [`Decryption::is_whole`] says so.

mod derive;
mod open;
mod suite;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use super::extension::number::ENCRYPT_THEN_MAC;
use super::keylog::{Keys, Label, Secret};
use super::record::{ContentType, RecordHeader};
use super::transcript::Transcript;
use crate::base::{PerSide, Side};
use derive::{expand_label, next_secret, prf};
use open::{Material, Opener};
use suite::Suite;

/// TLS 1.3.
const TLS13: u16 = 0x0304;

/// Bytes of a buffer that a connection keeps between two records.
const KEPT_BUFFER: usize = 1024;

/// One side's way from clear to opened or given up.
#[derive(Default)]
enum Direction {
    /// Nothing that is encrypted has come.
    #[default]
    Clear,
    Open(Box<Opened>),
    /// A record could not be opened, or may not be: none after it can.
    Stopped,
}

struct Opened {
    opener: Opener,
    /// The secret of the application data in use, for the next one (TLS 1.3).
    secret: Option<Secret>,
}

/// Opens the records of both sides of a connection.
pub(super) struct Decryption {
    keys: Keys,
    directions: PerSide<Direction>,
    /// The record of each side that is not whole yet.
    partial: PerSide<Vec<u8>>,
    opened: bool,
}

/// Shows nothing of what it knows.
impl std::fmt::Debug for Decryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decryption")
    }
}

impl Decryption {
    pub(super) fn new(keys: Keys) -> Decryption {
        Decryption { keys, directions: PerSide::default(), partial: PerSide::default(), opened: false }
    }

    /// Whether records were opened, and every one that was seen.
    pub(super) fn is_whole(&self) -> bool {
        let stopped = |side: Side| matches!(self.directions[side], Direction::Stopped);
        self.opened && !stopped(Side::Client) && !stopped(Side::Server)
    }

    /// Whether a record that begins now, and is encrypted, is to be [collected](Self::collect).
    pub(super) fn wants(&mut self, from: Side, header: RecordHeader, t: &Transcript) -> bool {
        if matches!(self.directions[from], Direction::Clear) {
            self.directions[from] =
                self.begin(from, t).map_or(Direction::Stopped, |opened| Direction::Open(Box::new(opened)));
        }
        // In TLS 1.3 all that is encrypted is of one type; and an empty record is never encrypted.
        let expected = !t.is_tls13() || header.content_type == ContentType::APPLICATION_DATA;
        if !expected || header.len == 0 {
            self.stop(from);
        }
        matches!(self.directions[from], Direction::Open(_))
    }

    /// From here on nothing of this side can be opened.
    pub(super) fn stop(&mut self, from: Side) {
        self.directions[from] = Direction::Stopped;
        self.partial[from] = Vec::new();
    }

    /// Keeps bytes of a record; it is no longer than a record can be.
    pub(super) fn collect(&mut self, from: Side, bytes: &[u8]) {
        self.partial[from].extend_from_slice(bytes);
    }

    /// The record that was collected; its buffer is to be [given back](Self::give_back).
    pub(super) fn take(&mut self, from: Side) -> Vec<u8> {
        std::mem::take(&mut self.partial[from])
    }

    /// The buffer, to be used again unless it is a large one: most connections are at rest.
    pub(super) fn give_back(&mut self, from: Side, mut buffer: Vec<u8>) {
        buffer.clear();
        buffer.shrink_to(KEPT_BUFFER);
        self.partial[from] = buffer;
    }

    /// Opens a record in place: what it carries, and the bytes of that.
    pub(super) fn open<'r>(
        &mut self,
        from: Side,
        header: RecordHeader,
        record: &'r mut [u8],
    ) -> Option<(ContentType, &'r [u8])> {
        let found = match &mut self.directions[from] {
            Direction::Open(opened) => opened.opener.open(header, record),
            Direction::Clear | Direction::Stopped => None,
        };
        match found {
            Some(_) => self.opened = true,
            None => self.stop(from),
        }
        found
    }

    /// After a Finished of TLS 1.3: application data has keys of its own.
    pub(super) fn finished(&mut self, from: Side, t: &Transcript) {
        if !matches!(&self.directions[from], Direction::Open(opened) if opened.secret.is_none()) {
            return;
        }
        let label = match from {
            Side::Client => Label::ClientApplication,
            Side::Server => Label::ServerApplication,
        };
        self.directions[from] =
            self.traffic(label, t).map_or(Direction::Stopped, |opened| Direction::Open(Box::new(opened)));
    }

    /// After a KeyUpdate.
    pub(super) fn update(&mut self, from: Side, t: &Transcript) {
        let Direction::Open(opened) = &self.directions[from] else { return };
        let next = opened.secret.as_ref().and_then(|secret| {
            let suite = Suite::of(t.server_hello.as_ref()?.cipher, TLS13)?;
            Opened::under(suite, next_secret(suite.hash, secret)?)
        });
        self.directions[from] = next.map_or(Direction::Stopped, |opened| Direction::Open(Box::new(opened)));
    }

    /// What the first encrypted record of a side is opened with.
    fn begin(&self, from: Side, t: &Transcript) -> Option<Opened> {
        let hello = t.server_hello.as_ref()?;
        if hello.version == TLS13 {
            // Early data would have to be opened, too: whatever else the client asks for comes after it.
            let early_data = from == Side::Client && t.client_hello.as_ref()?.early_data;
            let label = match from {
                Side::Client => Label::ClientHandshake,
                Side::Server => Label::ServerHandshake,
            };
            let mut opened = self.traffic(label, t).filter(|_| !early_data)?;
            opened.secret = None;
            return Some(opened);
        }
        let known = matches!(hello.version, 0x0301..=0x0303) && hello.compression == 0;
        if known { self.key_block(from, t) } else { None }
    }

    /// Keys from a traffic secret (RFC 8446 section 7.3).
    fn traffic(&self, label: Label, t: &Transcript) -> Option<Opened> {
        let suite = Suite::of(t.server_hello.as_ref()?.cipher, TLS13)?;
        Opened::under(suite, self.keys.find(&t.client_hello.as_ref()?.random, label)?)
    }

    /// Keys from the master secret (RFC 5246 section 6.3).
    fn key_block(&self, from: Side, t: &Transcript) -> Option<Opened> {
        let (client, server) = (t.client_hello.as_ref()?, t.server_hello.as_ref()?);
        let suite = Suite::of(server.cipher, server.version)?;
        let master = self.keys.find(&client.random, Label::Master)?;
        let protection = suite.protection;
        let lengths = [protection.mac_len(), protection.key_len(), protection.fixed_iv_len()];
        let mut block = Zeroizing::new(vec![0; 2 * lengths.iter().sum::<usize>()]);
        let seed = [server.random, client.random].concat();
        prf(suite.hash, &master, b"key expansion", &seed, &mut block)?;
        // Of each kind the client's comes first.
        let mut rest = block.as_slice();
        let mut next = |len: usize| {
            let (client, more) = rest.split_at_checked(len)?;
            let (server, more) = more.split_at_checked(len)?;
            rest = more;
            Some(if from == Side::Client { client } else { server })
        };
        let [mac_len, key_len, iv_len] = lengths;
        let (mac_key, key, iv) = (next(mac_len)?, next(key_len)?, next(iv_len)?);
        let encrypt_then_mac = server.extensions.contains(&ENCRYPT_THEN_MAC);
        let version = server.version;
        let opener = Opener::new(&Material { protection, version, key, iv, mac_key, encrypt_then_mac })?;
        Some(Opened { opener, secret: None })
    }
}

impl Opened {
    fn under(suite: Suite, secret: Secret) -> Option<Opened> {
        let mut key = Zeroizing::new(vec![0; suite.protection.key_len()]);
        let mut iv = Zeroizing::new([0; 12]);
        expand_label(suite.hash, &secret, "key", &mut key)?;
        expand_label(suite.hash, &secret, "iv", iv.as_mut_slice())?;
        let material = Material {
            protection: suite.protection,
            version: TLS13,
            key: &key,
            iv: iv.as_slice(),
            mac_key: &[],
            encrypt_then_mac: false,
        };
        Some(Opened { opener: Opener::new(&material)?, secret: Some(secret) })
    }
}
