//! Records opened with secrets from a key log.
//!
//! ```text
//! hellos (randoms, version, suite) + secrets -> suite, derive -> open, one for each side -> what lies within
//! ```
//!
//! Invariant: what comes out is authentic, byte for byte. A side of which one record cannot be opened (a wrong secret,
//! a hole, a renegotiation) is not opened any more, and [`Decryption::is_whole`] says so.
//!
//! Early data (RFC 8446 section 2.3) is held until the server says whether it takes it. What it refuses was never said:
//! the client says it again, and the records are stepped over as the server does it, until one opens.

mod derive;
mod open;
mod suite;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use super::extension::number::ENCRYPT_THEN_MAC;
use super::keylog::{Keys, Label, Secret};
use super::not_opened::{NotOpened, WhyNot};
use super::record::{ContentType, RecordHeader};
use super::transcript::Transcript;
use crate::base::{FrameRef, PerSide, Side};
use derive::{expand_label, next_secret, prf};
use open::{Material, Opener};
use suite::Suite;

/// TLS 1.3.
const TLS13: u16 = 0x0304;

/// Bytes of a buffer that a connection keeps between two records.
const KEPT_BUFFER: usize = 1024;

/// Early data that is held until the server takes or refuses it, with what each record takes; servers take 16 KiB unless
/// told otherwise.
const MAX_EARLY_DATA: usize = 64 * 1024;

/// A record of early data.
type Early = (Vec<u8>, FrameRef);

/// One side's way from clear to opened or given up.
#[derive(Clone, Default)]
enum Direction {
    /// Nothing that is encrypted has come.
    #[default]
    Clear,
    Open(Box<Opened>),
    /// The handshake of TLS 1.3 is over. The keys of what comes next are asked for when it comes: a program whose
    /// handshake has failed has never written them.
    Finished,
    /// Early data could not be opened, since this frame. That matters only if the server takes it.
    EarlyShut(FrameRef),
    /// A record could not be opened, or may not be: none after it can.
    Stopped,
}

#[derive(Clone)]
struct Opened {
    opener: Opener,
    phase: Phase,
    /// The secret of the application data in use, for the next one (TLS 1.3).
    secret: Option<Secret>,
}

/// What a side's keys are for.
#[derive(Clone)]
enum Phase {
    /// Early data. Before the ServerHello the suite may be another with a secret of the same length.
    Early(Option<Box<Opener>>),
    /// What comes next may still be early data that the server has refused.
    AfterRefusal,
    /// The handshake of TLS 1.3.
    Handshake,
    /// All else.
    Data,
}

/// Opens the records of both sides of a connection.
#[derive(Clone)]
pub(super) struct Decryption {
    keys: Keys,
    directions: PerSide<Direction>,
    /// The record of each side that is not whole yet.
    partial: PerSide<Vec<u8>>,
    opened: bool,
    not_opened: Option<NotOpened>,
    /// Early data, and the frame that completes each record.
    held: Vec<Early>,
    held_bytes: usize,
}

/// Shows nothing of what it knows.
impl std::fmt::Debug for Decryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decryption")
    }
}

impl Decryption {
    pub(super) fn new(keys: Keys) -> Decryption {
        Decryption {
            keys,
            directions: PerSide::default(),
            partial: PerSide::default(),
            opened: false,
            not_opened: None,
            held: Vec::new(),
            held_bytes: 0,
        }
    }

    /// Memory that early data takes until it is known whether it counts, in bytes: asked for with each packet.
    pub(super) fn held(&self) -> usize {
        if self.held.is_empty() { 0 } else { self.held_bytes }
    }

    /// Whether records were opened, and every one that was seen.
    pub(super) fn is_whole(&self) -> bool {
        let early_shut = matches!(self.directions.client, Direction::EarlyShut(_));
        let stopped = self.has_stopped(Side::Client) || self.has_stopped(Side::Server);
        self.opened && !early_shut && !self.is_after_refusal() && !stopped
    }

    /// Whether nothing more of this side can be opened.
    pub(super) fn has_stopped(&self, from: Side) -> bool {
        matches!(self.directions[from], Direction::Stopped)
    }

    /// Whether of what the client sent after early data that was refused nothing could be opened.
    fn is_after_refusal(&self) -> bool {
        matches!(&self.directions.client, Direction::Open(opened) if matches!(opened.phase, Phase::AfterRefusal))
    }

    /// What was not opened, and why; nothing where there are no keys at all.
    pub(super) fn not_opened(&self, t: &Transcript) -> Option<NotOpened> {
        if self.keys.is_empty() || self.is_whole() {
            return None;
        }
        self.not_opened.or_else(|| {
            let last = |from: Side| t.encrypted[from].last.map(|record| (from, record.frame));
            let (from, frame) = last(Side::Client).or_else(|| last(Side::Server))?;
            let shut = self.is_after_refusal() || matches!(self.directions.client, Direction::EarlyShut(_));
            let why = if shut { WhyNot::NotAuthentic } else { WhyNot::HelloMissing };
            Some(NotOpened { from, frame, why, partly: self.opened })
        })
    }

    /// Whether a record that begins now, and is encrypted, is to be [collected](Self::collect).
    pub(super) fn wants(&mut self, from: Side, header: RecordHeader, t: &Transcript, frame: FrameRef) -> bool {
        match self.directions[from] {
            Direction::Clear => {
                let begun = self.begin(from, t);
                self.turn(from, begun, frame);
            }
            Direction::Finished => {
                let label = match from {
                    Side::Client => Label::ClientApplication,
                    Side::Server => Label::ServerApplication,
                };
                let next = self.traffic(label, Phase::Data, t);
                self.turn(from, next, frame);
            }
            Direction::EarlyShut(shut) if t.early_data_accepted == Some(true) => {
                self.stop(from, WhyNot::NotAuthentic, shut);
            }
            Direction::Open(_) | Direction::EarlyShut(_) | Direction::Stopped => {}
        }
        // In TLS 1.3 all that is encrypted is of one type; and an empty record is never encrypted.
        let expected = !t.is_tls13() || header.content_type == ContentType::APPLICATION_DATA;
        if !expected || header.len == 0 {
            self.stop(from, WhyNot::OutOfPlace, frame);
        }
        matches!(self.directions[from], Direction::Open(_))
    }

    /// The same before the ServerHello, where only early data is encrypted.
    pub(super) fn wants_early(&mut self, from: Side, header: RecordHeader, t: &Transcript) -> bool {
        let offered = t.client_hello.as_ref().is_some_and(|hello| hello.early_data);
        if from == Side::Server || !offered || header.content_type != ContentType::APPLICATION_DATA {
            return false;
        }
        if matches!(self.directions.client, Direction::Clear)
            && let Ok(opened) = self.early(t)
        {
            self.directions.client = Direction::Open(Box::new(opened));
        }
        matches!(self.directions.client, Direction::Open(_))
    }

    /// From here on nothing of this side can be opened.
    pub(super) fn stop(&mut self, from: Side, why: WhyNot, frame: FrameRef) {
        if !self.has_stopped(from) {
            self.not_opened.get_or_insert(NotOpened { from, frame, why, partly: self.opened });
        }
        self.directions[from] = Direction::Stopped;
        self.partial[from] = Vec::new();
    }

    /// From here on this side is opened with other keys, or not at all.
    fn turn(&mut self, from: Side, to: Result<Opened, WhyNot>, frame: FrameRef) {
        match to {
            Ok(opened) => self.directions[from] = Direction::Open(Box::new(opened)),
            Err(why) => self.stop(from, why, frame),
        }
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
        frame: FrameRef,
    ) -> Option<(ContentType, &'r [u8])> {
        let Direction::Open(opened) = &mut self.directions[from] else { return None };
        match &mut opened.phase {
            Phase::AfterRefusal if !opened.opener.can_open(header, record) => return None,
            Phase::AfterRefusal => opened.phase = Phase::Handshake,
            Phase::Early(other) => {
                if let Some(other) = other.take()
                    && !opened.opener.can_open(header, record)
                {
                    opened.opener = *other;
                }
            }
            Phase::Handshake | Phase::Data => {}
        }
        let is_early = matches!(opened.phase, Phase::Early(_));
        let found = opened.opener.open(header, record);
        match found {
            Some(_) => self.opened = true,
            None if is_early => self.directions[from] = Direction::EarlyShut(frame),
            None => self.stop(from, WhyNot::NotAuthentic, frame),
        }
        found
    }

    /// Keeps early data back while nobody knows whether the server takes it, and says so.
    pub(super) fn hold(&mut self, from: Side, bytes: &[u8], t: &Transcript, frame: FrameRef) -> bool {
        let is_early =
            matches!(&self.directions[from], Direction::Open(opened) if matches!(opened.phase, Phase::Early(_)));
        if !is_early || t.early_data_accepted == Some(true) {
            return false;
        }
        self.held_bytes += bytes.len() + size_of::<Early>();
        if self.held_bytes > MAX_EARLY_DATA {
            self.held.clear();
            self.stop(from, WhyNot::TooMuchEarlyData, frame);
        } else {
            self.held.push((bytes.to_vec(), frame));
        }
        true
    }

    /// Early data that the server takes, once it says so. Where it refuses it, the handshake goes on at once.
    pub(super) fn release(&mut self, t: &Transcript) -> Vec<Early> {
        let Some(accepted) = t.early_data_accepted else { return Vec::new() };
        let held = std::mem::take(&mut self.held);
        if accepted {
            return held;
        }
        let is_early = match &self.directions.client {
            Direction::Open(opened) => matches!(opened.phase, Phase::Early(_)),
            Direction::EarlyShut(_) => true,
            Direction::Clear | Direction::Finished | Direction::Stopped => false,
        };
        if is_early {
            self.directions.client = Direction::Clear;
        }
        Vec::new()
    }

    /// After EndOfEarlyData the client goes on with the handshake.
    pub(super) fn end_of_early_data(&mut self, from: Side, t: &Transcript, frame: FrameRef) {
        if matches!(&self.directions[from], Direction::Open(opened) if matches!(opened.phase, Phase::Early(_))) {
            let next = self.traffic(Label::ClientHandshake, Phase::Handshake, t);
            self.turn(from, next, frame);
        }
    }

    /// After a Finished of TLS 1.3: application data has keys of its own.
    pub(super) fn finished(&mut self, from: Side) {
        if matches!(&self.directions[from], Direction::Open(opened) if matches!(opened.phase, Phase::Handshake)) {
            self.directions[from] = Direction::Finished;
        }
    }

    /// After a KeyUpdate.
    pub(super) fn update(&mut self, from: Side, t: &Transcript, frame: FrameRef) {
        let Direction::Open(opened) = &self.directions[from] else { return };
        let next = opened.secret.as_ref().and_then(|secret| {
            let suite = Suite::of(t.server_hello.as_ref()?.cipher, TLS13)?;
            Opened::under(suite, next_secret(suite.hash, secret)?, Phase::Data)
        });
        self.turn(from, next.ok_or(WhyNot::OutOfPlace), frame);
    }

    /// What the first encrypted record of a side is opened with.
    #[inline(never)]
    fn begin(&self, from: Side, t: &Transcript) -> Result<Opened, WhyNot> {
        let (Some(client), Some(server)) = (&t.client_hello, &t.server_hello) else {
            return Err(WhyNot::HelloMissing);
        };
        if server.version != TLS13 {
            let known = matches!(server.version, 0x0301..=0x0303) && server.compression == 0;
            return if known { self.key_block(from, t) } else { Err(WhyNot::Version) };
        }
        match (from, t.early_data_accepted) {
            (Side::Server, _) => self.traffic(Label::ServerHandshake, Phase::Handshake, t),
            (Side::Client, Some(false)) if client.early_data => {
                self.traffic(Label::ClientHandshake, Phase::AfterRefusal, t)
            }
            // Whatever else the client says comes after it.
            (Side::Client, _) if client.early_data => self.early(t),
            (Side::Client, _) => self.traffic(Label::ClientHandshake, Phase::Handshake, t),
        }
    }

    /// Keys from a traffic secret (RFC 8446 section 7.3).
    #[inline(never)]
    fn traffic(&self, label: Label, phase: Phase, t: &Transcript) -> Result<Opened, WhyNot> {
        let suite = t.server_hello.as_ref().and_then(|hello| Suite::of(hello.cipher, TLS13)).ok_or(WhyNot::Suite)?;
        Opened::under(suite, self.secret(label, t)?, phase).ok_or(WhyNot::NoSecret(label.name()))
    }

    fn secret(&self, label: Label, t: &Transcript) -> Result<Secret, WhyNot> {
        let client = t.client_hello.as_ref().ok_or(WhyNot::HelloMissing)?;
        self.keys.find(&client.random, label).ok_or(WhyNot::NoSecret(label.name()))
    }

    /// Keys of early data. Its suite is the one that the ServerHello will choose (RFC 8446 section 4.2.10), and until
    /// then one of those that have a secret of this length.
    fn early(&self, t: &Transcript) -> Result<Opened, WhyNot> {
        let secret = self.secret(Label::ClientEarly, t)?;
        if t.server_hello.is_some() {
            return self.traffic(Label::ClientEarly, Phase::Early(None), t);
        }
        let suites = t.client_hello.iter().flat_map(|hello| &hello.ciphers).filter_map(|&code| Suite::of(code, TLS13));
        let mut fitting = suites.filter(|suite| suite.hash.len() == secret.len());
        let first = fitting.next().ok_or(WhyNot::Suite)?;
        let other = fitting.next().and_then(|suite| Opened::under(suite, secret.clone(), Phase::Data));
        let phase = Phase::Early(other.map(|opened| Box::new(opened.opener)));
        Opened::under(first, secret, phase).ok_or(WhyNot::Suite)
    }

    /// Keys from the master secret (RFC 5246 section 6.3).
    fn key_block(&self, from: Side, t: &Transcript) -> Result<Opened, WhyNot> {
        let server = t.server_hello.as_ref().ok_or(WhyNot::HelloMissing)?;
        let suite = Suite::of(server.cipher, server.version).ok_or(WhyNot::Suite)?;
        let master = self.secret(Label::Master, t)?;
        let opener = Self::expanded(suite, &master, from, t).ok_or(WhyNot::Suite)?;
        Ok(Opened { opener, secret: None, phase: Phase::Data })
    }

    fn expanded(suite: Suite, master: &Secret, from: Side, t: &Transcript) -> Option<Opener> {
        let (client, server) = (t.client_hello.as_ref()?, t.server_hello.as_ref()?);
        let protection = suite.protection;
        let lengths = [protection.mac_len(), protection.key_len(), protection.fixed_iv_len()];
        let mut block = Zeroizing::new(vec![0; 2 * lengths.iter().sum::<usize>()]);
        let seed = [server.random, client.random].concat();
        prf(suite.hash, master, b"key expansion", &seed, &mut block)?;
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
        Opener::new(&Material { protection, version, key, iv, mac_key, encrypt_then_mac })
    }
}

impl Opened {
    fn under(suite: Suite, secret: Secret, phase: Phase) -> Option<Opened> {
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
        Some(Opened { opener: Opener::new(&material)?, secret: Some(secret), phase })
    }
}
