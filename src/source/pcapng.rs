//! The pcapng format (draft-ietf-opsawg-pcapng): a sequence of blocks.
//!
//! ```text
//! section header -> interface descriptions -> packets (enhanced, simple, obsolete), statistics, secrets
//!      ^ a new section forgets the interfaces and may turn the byte order round
//! ```

mod block;
mod clock;
pub(super) mod describe;
mod options;

pub(super) use block::{SECTION_HEADER, SECTION_LEN, Section, padded};

use std::collections::BTreeSet;

use super::buffer::Buffer;
use super::fields::{ByteOrder, Fields};
use super::{Info, LinkType, MAX_INTERFACES, MAX_PACKET, Problem, ProblemKind, Record, Stop};
use block::{Block, Kind};
use clock::Clock;
use options::Options;

/// Interfaces that are named because they dropped packets; the count is of all.
const MAX_TOLD: usize = 4;

/// What to do about a damaged block.
const DAMAGED: &str = "all before it was read; the file is damaged from here on: copy it again in binary mode";

/// One interface of the section at hand.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link_type: LinkType,
    /// In bytes; 0: unlimited.
    snap_length: u32,
    clock: Clock,
    /// Packets dropped: the sum of what packet blocks say.
    counted_drops: u64,
    /// Packets dropped: what the last statistics say.
    reported: Drops,
}

/// Packets dropped at one interface, by its statistics.
#[derive(Debug, Clone, Copy, Default)]
struct Drops {
    /// By the interface, before the system had them.
    interface: u64,
    /// By the system: its buffer was full.
    system: u64,
}

/// Reads the blocks.
pub(super) struct Reader {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Records so far, as Wireshark numbers them.
    frame: u64,
    /// Packets dropped in the sections before this one.
    earlier_drops: u64,
    /// The sum over the interfaces of this one.
    drops: u128,
    /// Those of them that dropped any.
    lossy: BTreeSet<usize>,
}

/// The fixed fields of a packet block.
struct PacketFields<'a> {
    interface: usize,
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// The block from the packet's first byte on.
    rest: Fields<'a>,
    /// Packets dropped since the one before.
    drops: u64,
}

impl Interface {
    /// Packets dropped. Statistics and packet blocks count the same ones.
    fn drops(&self) -> u64 {
        self.counted_drops.max(self.reported.interface.saturating_add(self.reported.system))
    }
}

impl Reader {
    pub(super) const fn new(order: ByteOrder) -> Self {
        Self { order, interfaces: Vec::new(), frame: 0, earlier_drops: 0, drops: 0, lossy: BTreeSet::new() }
    }

    /// The next packet, or the end of the file.
    pub(super) fn next(&mut self, buffer: &mut Buffer, info: &mut Info) -> Result<Option<Record>, Stop> {
        loop {
            let Some(block) = Block::next(buffer, &mut self.order, self.frame + 1)? else { return Ok(None) };
            let body = block.body(buffer, self.order);
            let done = match block.kind {
                Kind::Enhanced | Kind::Simple | Kind::Obsolete => {
                    return Ok(Some(self.packet(&block, body, info)?));
                }
                Kind::Section => {
                    self.section(info);
                    Some(())
                }
                Kind::Interface => self.interface(&block, body, info)?,
                Kind::Statistics => self.statistics(body, info),
                Kind::Secrets => secrets(body, info),
                Kind::NumberedOnly => {
                    self.frame += 1;
                    Some(())
                }
                Kind::Skipped => Some(()),
            };
            done.ok_or_else(|| self.damaged(&block, "a block too short for its fields"))?;
        }
    }

    fn packet(&mut self, block: &Block, body: Fields<'_>, info: &mut Info) -> Result<Record, Problem> {
        let frame = self.frame + 1;
        let fields = match block.kind {
            Kind::Simple => self.simple(body),
            Kind::Obsolete => obsolete(body),
            _ => enhanced(body),
        };
        let Some(PacketFields { interface, ticks, captured, original, mut rest, drops }) = fields else {
            return Err(self.damaged(block, "a packet block too short for its fields"));
        };
        let Some(known) = self.interfaces.get_mut(interface) else {
            let what = format_args!("a packet of interface {interface}, which the section does not describe");
            return Err(Problem::at(ProblemKind::UnknownInterface, frame, block.offset, what, DAMAGED));
        };
        let room = rest.rest().len();
        if captured > MAX_PACKET || rest.bytes(captured as usize).is_none() {
            let what = format_args!("a packet of {captured} bytes in a block that has room for {room}");
            return Err(Problem::at(ProblemKind::ImpossibleLength, frame, block.offset, what, DAMAGED));
        }
        let record = Record {
            frame,
            time: ticks.map(|ticks| known.clock.time(ticks)),
            link_type: known.link_type,
            span: block.span_of(room, captured as usize),
            original_len: original.max(captured),
        };
        self.frame = frame;
        let drops = drops + if block.kind == Kind::Enhanced { drops_since(rest, captured) } else { 0 };
        if drops > 0 {
            self.lose(interface, |known| known.counted_drops = known.counted_drops.saturating_add(drops));
            info.dropped(self.drops(), "");
        }
        Ok(record)
    }

    /// A simple packet block belongs to interface 0 and does not say how much of it was captured.
    fn simple<'a>(&self, mut body: Fields<'a>) -> Option<PacketFields<'a>> {
        let original = body.u32()?;
        let room = u32::try_from(body.rest().len()).ok()?;
        let limit = match self.interfaces.first() {
            Some(first) if first.snap_length > 0 => first.snap_length,
            _ => u32::MAX,
        };
        // Without a limit a length beyond the block is damage; with one it is a packet cut short.
        let captured = if limit == u32::MAX { original } else { original.min(limit).min(room) };
        Some(PacketFields { interface: 0, ticks: None, captured, original, rest: body, drops: 0 })
    }

    /// Forgets the interfaces of the section before.
    fn section(&mut self, info: &mut Info) {
        self.earlier_drops = self.drops();
        self.interfaces.clear();
        self.drops = 0;
        self.lossy.clear();
        info.dropped(self.earlier_drops, "");
    }

    fn interface(&mut self, block: &Block, mut body: Fields<'_>, info: &mut Info) -> Result<Option<()>, Problem> {
        if self.interfaces.len() >= MAX_INTERFACES {
            let what = format_args!("more than {MAX_INTERFACES} interfaces in one section");
            return Err(Problem::at(ProblemKind::TooManyInterfaces, self.frame + 1, block.offset, what, DAMAGED));
        }
        let (Some(link_type), Some(_reserved), Some(snap_length)) = (body.u16(), body.u16(), body.u32()) else {
            return Ok(None);
        };
        let mut clock = Clock::default();
        let mut options = Options::new(body);
        for (code, mut value) in options.by_ref() {
            match code {
                options::TIME_RESOLUTION => clock.resolution(value.rest()),
                options::TIME_OFFSET => clock.offset(value.u64()),
                _ => {}
            }
        }
        if options.is_damaged() {
            return Err(self.damaged(block, "an interface description whose options run over its end"));
        }
        let link_type = LinkType(link_type);
        info.interface(link_type, snap_length);
        self.interfaces.push(Interface { link_type, snap_length, clock, counted_drops: 0, reported: Drops::default() });
        Ok(Some(()))
    }

    /// Statistics count from the start of the capture, so the last ones of an interface stand.
    fn statistics(&mut self, mut body: Fields<'_>, info: &mut Info) -> Option<()> {
        let interface = body.u32()? as usize;
        body.ticks()?;
        let mut reported = Drops::default();
        for (code, mut value) in Options::new(body) {
            match code {
                options::DROPPED_BY_INTERFACE => reported.interface = value.u64().unwrap_or_default(),
                options::DROPPED_BY_SYSTEM => reported.system = value.u64().unwrap_or_default(),
                _ => {}
            }
        }
        self.lose(interface, |known| known.reported = reported);
        info.dropped(self.drops(), &self.told_drops());
        Some(())
    }

    /// Changes what is known of the drops of an interface.
    fn lose(&mut self, interface: usize, change: impl FnOnce(&mut Interface)) {
        let Some(known) = self.interfaces.get_mut(interface) else { return };
        let before = known.drops();
        change(known);
        let now = known.drops();
        self.drops = self.drops.saturating_sub(before.into()).saturating_add(now.into());
        if now > 0 {
            self.lossy.insert(interface);
        } else {
            self.lossy.remove(&interface);
        }
    }

    /// All packets known to have been dropped.
    fn drops(&self) -> u64 {
        self.earlier_drops.saturating_add(u64::try_from(self.drops).unwrap_or(u64::MAX))
    }

    /// Where they were dropped, and by whom, as far as the section at hand says it.
    fn told_drops(&self) -> String {
        let lossy = self.lossy.iter().filter_map(|n| Some((*n, self.interfaces.get(*n)?)));
        let told = |(n, interface): (usize, &Interface)| {
            let Drops { interface: card, system } = interface.reported;
            let rest = interface.drops().saturating_sub(card.saturating_add(system));
            let by = [(card, "by the interface"), (system, "by the kernel"), (rest, "by one of them")];
            let by = by.iter().filter(|(count, _)| *count > 0).map(|(count, whom)| format!("{count} {whom}"));
            format!("interface {n}: {}", by.collect::<Vec<_>>().join(" and "))
        };
        lossy.take(MAX_TOLD).map(told).collect::<Vec<_>>().join(", ")
    }

    #[cold]
    fn damaged(&self, block: &Block, what: &str) -> Problem {
        Problem::at(ProblemKind::DamagedBlock, self.frame + 1, block.offset, what, DAMAGED)
    }
}

fn enhanced(mut body: Fields<'_>) -> Option<PacketFields<'_>> {
    let (interface, ticks) = (body.u32()? as usize, Some(body.ticks()?));
    let (captured, original) = (body.u32()?, body.u32()?);
    Some(PacketFields { interface, ticks, captured, original, rest: body, drops: 0 })
}

fn obsolete(mut body: Fields<'_>) -> Option<PacketFields<'_>> {
    let (interface, drops) = (usize::from(body.u16()?), body.u16()?);
    let ticks = Some(body.ticks()?);
    let (captured, original) = (body.u32()?, body.u32()?);
    // 0xffff: not known.
    let drops = if drops == u16::MAX { 0 } else { u64::from(drops) };
    Some(PacketFields { interface, ticks, captured, original, rest: body, drops })
}

/// The drop count among the options behind an enhanced packet's data of `captured` bytes, most often none.
fn drops_since(mut rest: Fields<'_>, captured: u32) -> u64 {
    let padding = (4 - captured as usize % 4) % 4;
    if rest.bytes(padding).is_none() || rest.rest().is_empty() {
        return 0;
    }
    Options::new(rest)
        .find(|(code, _)| *code == options::DROPPED_SINCE)
        .and_then(|(_, mut value)| value.u64())
        .unwrap_or_default()
}

fn secrets(mut body: Fields<'_>, info: &mut Info) -> Option<()> {
    let (kind, len) = (body.u32()?, body.u32()?);
    info.keep(kind, body.bytes(len as usize)?);
    Some(())
}
