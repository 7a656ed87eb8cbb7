//! Packets in the order of their times, where a file has them in another.
//!
//! Several queues or CPUs that feed one capture, and merged files, leave packets a little out of order. Those that lie
//! in the read buffer together are put in order by moving what is known of them, not the packets.

use super::{Info, LinkType, ProblemKind, Record};
use crate::base::{Micros, Timestamp};
use std::ops::Range;

/// Packets looked at ahead: as many as fit into the read buffer.
const MAX_AHEAD: usize = 16_384;

/// Packets of one clock are less far apart where they are out of order; a clock that is set back is set further.
const STEP: Micros = Micros::from_millis(100);

/// Where several queues feed a capture, fewer than one packet in so many comes too early.
const DISORDERED: usize = 8;

/// The same where the packets do not lie in the buffer together, so that less is known of them.
const FAR_STEP: Micros = Micros::from_secs(10);

/// A packet in the buffer: its record, with its place in fewer bytes and a time in any case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) time: Timestamp,
    pub(super) frame: u64,
    start: u32,
    len: u32,
    pub(super) original_len: u32,
    pub(super) link_type: LinkType,
}

impl Entry {
    /// Of this record. The buffer never grows to where its places do not fit.
    #[inline]
    fn of(record: &Record, time: Timestamp) -> Self {
        let &Record { frame, link_type, ref span, original_len, .. } = record;
        Self { time, frame, start: span.start as u32, len: span.len() as u32, original_len, link_type }
    }

    /// Where the packet lies in the buffer.
    #[inline]
    pub(super) const fn span(&self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// The packets that lie in the buffer, and how the file was ordered so far.
pub(super) struct Window {
    entries: Vec<Entry>,
    /// The next one to be delivered.
    next: usize,
    /// The time of the one before; of a new window, the latest time since the clock was set back.
    newest: Timestamp,
    /// The latest time of the windows before, since the clock was set back.
    latest: Timestamp,
    disordered: bool,
    noticed: Noticed,
}

/// How the file was ordered.
#[derive(Default)]
struct Noticed {
    /// Packets that come before an earlier one, and the first such frame.
    displaced: u64,
    first_displaced: u64,
    /// How many of them came too late to be put in order.
    late: u64,
    /// How often the clock was set back, the first frame after it, and by how much then.
    steps: u64,
    first_step: Option<(u64, Micros)>,
}

/// No time is earlier.
const BEFORE_ALL: Timestamp = Timestamp(i64::MIN);

impl Default for Window {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            next: 0,
            newest: BEFORE_ALL,
            latest: BEFORE_ALL,
            disordered: false,
            noticed: Noticed::default(),
        }
    }
}

impl Window {
    /// Whether all were delivered.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.entries.len()
    }

    /// Whether no more are to be looked at.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_AHEAD
    }

    /// The time of the next one.
    #[inline]
    pub(super) fn first_time(&self) -> Option<Timestamp> {
        self.entries.get(self.next).map(|entry| entry.time)
    }

    /// The next one.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = *self.entries.get(self.next)?;
        self.next += 1;
        Some(entry)
    }

    /// Forgets what was delivered.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.next = 0;
    }

    /// Adds the next record of the file, which was captured at `time`.
    #[inline]
    pub(super) fn push(&mut self, record: &Record, time: Timestamp) {
        self.disordered |= time < self.newest;
        self.newest = time;
        self.entries.push(Entry::of(record, time));
    }

    /// Puts what was added in order.
    #[inline]
    pub(super) fn sort(&mut self) {
        if std::mem::take(&mut self.disordered) {
            self.put_in_order();
        } else if let Some(last) = self.entries.last() {
            self.latest = last.time;
        }
        self.newest = self.latest;
    }

    #[cold]
    fn put_in_order(&mut self) {
        let step = step(&self.entries);
        let mut entries = std::mem::take(&mut self.entries);
        let (before, after) = entries.split_at_mut(step.unwrap_or(0));
        if let (Some(last), Some(first)) = (before.last(), after.first()) {
            let (frame, by) = (first.frame, last.time.since(first.time));
            self.part(before);
            self.stepped(frame, by);
        }
        self.part(after);
        self.entries = entries;
    }

    /// Puts packets of one count of the clock in order.
    fn part(&mut self, entries: &mut [Entry]) {
        let end = entries.iter().map(|e| e.time).max().unwrap_or_default();
        if let Some(first) = entries.first()
            && self.latest.since(end) > FAR_STEP
        {
            self.stepped(first.frame, self.latest.since(first.time));
        }
        let (before, mut latest) = (self.latest, self.latest);
        let noticed = &mut self.noticed;
        for entry in entries.iter() {
            let time = entry.time;
            if time < latest {
                noticed.displaced += 1;
                noticed.late += u64::from(time < before);
                if noticed.first_displaced == 0 {
                    noticed.first_displaced = entry.frame;
                }
            }
            latest = latest.max(time);
        }
        self.latest = latest;
        entries.sort_by_key(|e| e.time);
    }

    fn stepped(&mut self, frame: u64, by: Micros) {
        self.noticed.steps += 1;
        self.noticed.first_step.get_or_insert((frame, by));
        self.latest = BEFORE_ALL;
    }

    /// Says at the end how the file was ordered.
    pub(super) fn tell(&self, info: &mut Info) {
        let Noticed { displaced, first_displaced, late, steps, first_step } = self.noticed;
        if displaced > 0 {
            let done = match late {
                0 => "all were put in the order of their times".to_owned(),
                n => format!("{n} came too late to be put in order; sort the file with `reordercap`"),
            };
            info.note(ProblemKind::OutOfOrderFrames, displaced, || {
                format!("packets that come after later ones, the first in frame {first_displaced}; {done}")
            });
        }
        if let Some((frame, by)) = first_step {
            info.note(ProblemKind::ClockStepped, steps, || {
                format!("frame {frame}: the clock was set back by {by}; what lasted across this cannot be told")
            });
        }
    }
}

/// Where in the window the clock was set back, if it was: at the one place at which the times go back by much, if all that
/// comes after it is earlier than all before it. Few packets in a random order may look so too, but hardly by that much.
fn step(entries: &[Entry]) -> Option<usize> {
    let (mut descents, mut far, mut place) = (0, 0, 0);
    for (i, pair) in entries.windows(2).enumerate() {
        let [one, two] = pair else { continue };
        if two.time < one.time {
            descents += 1;
            if one.time.since(two.time) > STEP {
                far += 1;
                place = i + 1;
            }
        }
    }
    let (before, after) = entries.split_at_checked(place).filter(|_| far == 1)?;
    let apart = before.iter().map(|e| e.time).min()?.since(after.iter().map(|e| e.time).max()?);
    let many = entries.len() >= 2 * DISORDERED && descents * DISORDERED <= entries.len();
    let step = apart > FAR_STEP && descents == 1 || apart > Micros(0) && many;
    step.then_some(place)
}
