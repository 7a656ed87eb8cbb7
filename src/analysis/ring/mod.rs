//! The last packets of watched interfaces, in files that take turns; and of them those of connections that failed, which
//! nobody knew to be worth keeping when they came.
//!
//! Invariant: the files that are kept have no more bytes than was asked for, and the oldest go first. What is only to be
//! searched has no name: nothing of it is left behind, whatever ends the program.

mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;
use rustix::fs::OFlags;
use std::hash::BuildHasher as _;

use crate::base::{Endpoint, Timestamp};
use crate::diagnosis::Cause;
use crate::flow::FlowKey;
use crate::ip;
use crate::link;
use crate::observation::Connection;
use crate::source::{LinkType, Packet, write};
use segment::Segment;

/// Files that take turns: the oldest sixteenth of all packets is lost at once.
const FILES: u64 = 16;

/// The most connections that are open and of which something was saved; of further ones what comes later is not.
const MAX_SAVED: usize = 10_000;

/// Connections saved in a second: what is looked for is looked for in all that is kept, and packets do not wait. Of a
/// fault that hits more, these are examples enough.
const MAX_SAVES: u32 = 20;

/// Files that are kept, beside what their bytes say.
const MAX_FILES: usize = 10_000;

/// What the names of all files begin with.
const PREFIX: &str = "why502-";

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The last packets.
    All,
    /// Of the last packets, those of connections that fail.
    Failing,
}

/// The last packets.
pub struct Ring {
    dir: PathBuf,
    size: u64,
    keep: Keep,
    /// The oldest first.
    segments: VecDeque<Segment>,
    /// How many there ever were.
    begun: u64,
    /// What the packets of each interface begin with.
    interfaces: Vec<LinkType>,
    /// Files with a name, the oldest first, and their bytes.
    named: VecDeque<(PathBuf, u64)>,
    /// Open connections of which packets up to this time were saved, and where.
    saved: BTreeMap<u64, (PathBuf, Timestamp)>,
    /// Connections saved in this second of the clock.
    saves: (i64, u32),
    not_saved: u64,
}

impl Ring {
    /// Begins for these interfaces, in a directory in which other runs may have left theirs: those count, too.
    ///
    /// # Errors
    /// Where the directory cannot be written.
    pub fn begin(dir: &Path, (size, keep): (u64, Keep), interfaces: Vec<LinkType>) -> io::Result<Ring> {
        let mut named = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let about = entry.metadata()?;
            if name.starts_with(PREFIX) && name.ends_with(".pcapng") && about.is_file() {
                named.push((about.modified()?, entry.path(), about.len()));
            }
        }
        named.sort();
        let named = named.into_iter().map(|(_, path, bytes)| (path, bytes)).collect();
        let mut ring = Ring {
            dir: dir.to_owned(),
            size,
            keep,
            segments: VecDeque::new(),
            begun: 0,
            interfaces,
            named,
            saved: BTreeMap::new(),
            saves: (0, 0),
            not_saved: 0,
        };
        match keep {
            Keep::Failing => ring.turn(Timestamp::default())?,
            // A file begins with its first packet; whether one can is to be known now.
            Keep::All => {
                create(&ring.unnamed())?;
                fs::remove_file(ring.unnamed())?;
            }
        }
        Ok(ring)
    }

    /// Keeps a packet of the interface of this number.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep(&mut self, interface: usize, packet: &Packet<'_>) -> io::Result<()> {
        let full = |segment: &Segment| segment.is_full(self.size / FILES);
        if self.segments.back().is_none_or(full) {
            self.turn(packet.time)?;
        }
        let hash = if self.keep == Keep::Failing { between(packet).map_or(0, |(a, b)| hash(a, b)) } else { 0 };
        match self.segments.back_mut() {
            Some(segment) => segment.push(interface, packet, hash),
            None => Ok(()),
        }
    }

    /// Begins another file, and lets go of the oldest where they are too many.
    fn turn(&mut self, time: Timestamp) -> io::Result<()> {
        self.begun += 1;
        if self.keep == Keep::All {
            if let Some(mut full) = self.segments.pop_back() {
                self.named.push_back((full.path().to_owned(), full.end()?));
            }
            self.forget(self.size / FILES)?;
        }
        while self.segments.len() as u64 >= FILES {
            self.segments.pop_front();
        }
        let path = match self.keep {
            Keep::All => self.dir.join(format!("{PREFIX}ring-{}-{:06}.pcapng", compact(time), self.begun)),
            Keep::Failing => self.unnamed(),
        };
        let segment = Segment::begin(path.clone(), &self.interfaces, self.keep == Keep::Failing)?;
        if self.keep == Keep::Failing {
            // It stays readable to who has it open.
            fs::remove_file(&path)?;
        }
        self.segments.push_back(segment);
        Ok(())
    }

    /// Where a file is made that loses its name at once.
    fn unnamed(&self) -> PathBuf {
        self.dir.join(format!("{PREFIX}{}.part", std::process::id()))
    }

    /// Failed connections that were not saved, as too many failed at once.
    #[must_use]
    pub fn not_saved(&self) -> u64 {
        self.not_saved
    }

    /// Whether there is time for one more in this second.
    fn has_time(&mut self, now: Timestamp) -> bool {
        let second = now.0.div_euclid(1_000_000_000);
        self.saves = if self.saves.0 == second { (second, self.saves.1 + 1) } else { (second, 1) };
        self.saves.1 <= MAX_SAVES
    }

    /// Removes the oldest files until there is room for so many bytes.
    fn forget(&mut self, room: u64) -> io::Result<()> {
        let mut bytes: u64 = self.named.iter().map(|(_, bytes)| bytes).sum();
        while bytes + room > self.size || self.named.len() >= MAX_FILES {
            let Some((path, oldest)) = self.named.pop_front() else { break };
            bytes -= oldest;
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// Saves the packets of a connection that failed; of one that was saved before, those that came since.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn save(&mut self, c: &Connection, cause: &Cause) -> io::Result<()> {
        if self.keep == Keep::All {
            return Ok(());
        }
        let over = c.ended != crate::observation::Ended::CaptureEnd;
        let known = if over { self.saved.remove(&c.id) } else { self.saved.get(&c.id).cloned() };
        let (path, from) = match known {
            Some((path, upto)) => (path, Timestamp(upto.0 + 1)),
            None if !over && self.saved.len() >= MAX_SAVED => return Ok(()),
            None => {
                let name = format!("{PREFIX}{}-{}-{}.pcapng", compact(c.first.time), c.id, cause.id());
                (self.dir.join(name), c.first.time)
            }
        };
        if from > c.last.time {
            return Ok(());
        }
        if !self.has_time(c.watched_until) {
            self.not_saved += u64::from(over);
            return Ok(());
        }
        let mut packets = Vec::new();
        let wanted = hash(c.client, c.server);
        for segment in &mut self.segments {
            segment.find(wanted, (from, c.last.time), &mut packets)?;
        }
        self.append(&path, &packets)?;
        if !over {
            self.saved.insert(c.id, (path, c.last.time));
        }
        Ok(())
    }

    fn append(&mut self, path: &Path, packets: &[u8]) -> io::Result<()> {
        self.forget(packets.len() as u64)?;
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_follow()).open(path)?;
        if file.metadata()?.len() == 0 {
            let mut head = Vec::new();
            write::begin(&mut head, &self.interfaces)?;
            file.write_all(&head)?;
        }
        file.write_all(packets)?;
        let bytes = file.metadata()?.len();
        self.named.retain(|(known, _)| known != path);
        self.named.push_back((path.to_owned(), bytes));
        Ok(())
    }
}

/// A new file that nobody else may read: packets hold cookies.
fn create(path: &Path) -> io::Result<File> {
    // What a process of this number left behind goes; what somebody else puts there is not written to.
    let _ = fs::remove_file(path);
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// A link that somebody else laid is not followed.
fn no_follow() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

/// Whose packet it is: also an error about one.
fn between(packet: &Packet<'_>) -> Option<(Endpoint, Endpoint)> {
    let link::Decoded::Ip(whole) = link::decode(packet.link_type, packet.bytes, packet.original_len) else {
        return None;
    };
    match ip::decode(whole) {
        ip::Decoded::Tcp(segment) => Some((segment.source, segment.destination)),
        ip::Decoded::Icmp(error) => Some(error.about),
        _ => None,
    }
}

/// Two connections with one hash are told apart by the time, most often; else a file has packets too many.
fn hash(one: Endpoint, other: Endpoint) -> u64 {
    FixedState::default().hash_one(FlowKey::new(one, other))
}

/// `20261128T141107Z`.
fn compact(time: Timestamp) -> String {
    let text = time.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    seconds.chars().filter(char::is_ascii_alphanumeric).chain(['Z']).collect()
}
