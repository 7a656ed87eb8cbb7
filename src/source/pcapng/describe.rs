//! What a capture says of its interfaces, for whoever writes another one from it.

use super::block::{Block, Kind, SECTION_HEADER};
use super::clock::Clock;
use super::options::{self, Options};
use crate::base::Timestamp;
use crate::source::buffer::Buffer;
use crate::source::fields::{ByteOrder, Fields};
use crate::source::{LinkType, MAX_INTERFACES, decompressed, write};
use std::io::{self, Read};

/// One interface, and what its statistics said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// As it was described.
    pub interface: write::Interface,
    /// When its statistics were written.
    pub time: Option<Timestamp>,
    /// Option codes of the statistics, and their numbers: packets received, dropped and so on.
    pub counts: Vec<(u16, u64)>,
}

/// All interfaces of a capture, over all of its sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// In the order in which they are described.
    pub interfaces: Vec<About>,
    /// Of each frame that was asked for, its interface.
    pub of_frame: Vec<u32>,
}

/// `isb_ifrecv`, `isb_ifdrop`, `isb_filteraccept`, `isb_osdrop`, `isb_usrdeliv`.
const COUNTS: std::ops::RangeInclusive<u16> = 4..=8;

/// Reads what a capture says of its interfaces, and to which of them these frames belong, which are in ascending order.
/// A capture is read as far as it can be.
///
/// # Errors
/// What `read` said at its beginning.
pub fn describe(read: Box<dyn Read + Send>, frames: &[u64]) -> io::Result<Described> {
    let (_, read) = decompressed(read)?;
    let mut buffer = Buffer::new(read);
    let magic = buffer.fill(24).ok().and_then(|head| head.first_chunk::<24>()).copied();
    let Some(head) = magic else { return Ok(Described::default()) };
    let mut described = Described::default();
    match head.first_chunk::<4>().map(|m| u32::from_be_bytes(*m)) {
        Some(SECTION_HEADER) => blocks(&mut buffer, frames, &mut described),
        Some(magic) => {
            described.interfaces.push(About::new(classic(magic, &head)));
            described.of_frame = vec![0; frames.len()];
        }
        None => {}
    }
    Ok(described)
}

/// The interface of a classic capture.
fn classic(magic: u32, head: &[u8; 24]) -> write::Interface {
    let (order, swapped) = match magic {
        0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 => (ByteOrder::Big, magic),
        _ => (ByteOrder::Little, magic.swap_bytes()),
    };
    let mut fields = Fields::new(head, order);
    let (_, _, snap_length, link_type) = (fields.u64(), fields.u64(), fields.u32(), fields.u32());
    let link_type = LinkType((link_type.unwrap_or_default() & 0xffff) as u16);
    let resolution = if swapped == 0xa1b2_3c4d { 9 } else { 6 };
    let snap_length = snap_length.unwrap_or_default();
    write::Interface { snap_length, resolution, ..write::Interface::of(link_type) }
}

impl About {
    fn new(interface: write::Interface) -> About {
        About { interface, time: None, counts: Vec::new() }
    }
}

fn blocks(buffer: &mut Buffer, frames: &[u64], described: &mut Described) {
    let mut order = ByteOrder::Little;
    let (mut frame, mut section, mut clocks) = (0, 0, Vec::new());
    let mut wanted = frames.iter().peekable();
    while let Ok(Some(block)) = Block::next(buffer, &mut order, frame + 1) {
        let mut body = block.body(buffer, order);
        match block.kind {
            Kind::Section => section = described.interfaces.len(),
            Kind::Interface if described.interfaces.len() < MAX_INTERFACES => {
                let Some((about, clock)) = interface(body) else { return };
                clocks.push(clock);
                described.interfaces.push(about);
            }
            Kind::Statistics => {
                let number = section + body.u32().map_or(usize::MAX / 2, |n| n as usize);
                if let (Some(about), Some(clock)) = (described.interfaces.get_mut(number), clocks.get(number)) {
                    statistics(body, about, clock);
                }
            }
            Kind::Enhanced | Kind::Simple | Kind::Obsolete => {
                frame += 1;
                if wanted.next_if_eq(&&frame).is_some() {
                    let number = match block.kind {
                        Kind::Enhanced => body.u32().unwrap_or_default() as usize,
                        Kind::Obsolete => usize::from(body.u16().unwrap_or_default()),
                        _ => 0,
                    };
                    described.of_frame.push(u32::try_from(section + number).unwrap_or_default());
                }
            }
            Kind::NumberedOnly => frame += 1,
            Kind::Interface | Kind::Secrets | Kind::Skipped => {}
        }
    }
}

fn interface(mut body: Fields<'_>) -> Option<(About, Clock)> {
    let (link_type, _reserved, snap_length) = (body.u16()?, body.u16()?, body.u32()?);
    let mut clock = Clock::default();
    let mut told = write::Interface { snap_length, resolution: 6, ..write::Interface::of(LinkType(link_type)) };
    for (code, mut value) in Options::new(body) {
        match code {
            options::NAME => told.name = Some(String::from_utf8_lossy(value.rest()).into_owned()),
            options::TIME_RESOLUTION => {
                clock.resolution(value.rest());
                // What is no power of ten, or finer, is written in nanoseconds.
                told.resolution = value.rest().first().copied().filter(|digits| *digits <= 9).unwrap_or(9);
            }
            options::TIME_OFFSET => clock.offset(value.u64()),
            _ => {}
        }
    }
    Some((About::new(told), clock))
}

fn statistics(mut body: Fields<'_>, about: &mut About, clock: &Clock) {
    let Some(ticks) = body.ticks() else { return };
    about.time = Some(clock.time(ticks));
    about.counts.clear();
    for (code, mut value) in Options::new(body).filter(|(code, _)| COUNTS.contains(code)) {
        about.counts.extend(value.u64().map(|count| (code, count)));
    }
}
