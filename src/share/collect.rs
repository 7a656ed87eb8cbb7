//! The second pass: the packets of the connections that are wanted, and the plans of what is written of them.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::analysis::{Failure, Options, Replayed, replay};
use crate::base::{Endpoint, FrameRef, Micros, PerSide, Side, Timestamp};
use crate::flow::FlowKey;
use crate::source::Source;
use crate::tcp::Tracker;

use super::gather::Told;
use super::packet;
use super::plan::{Plan, Planner, Rules};
use super::removed::Removed;

/// Packets of one shared capture: where each is written from takes 100 MB.
const MAX_PACKETS: usize = 1_000_000;

/// Memory of all plans and headers, in bytes.
const MAX_HELD: usize = 512 << 20;

/// Where no packet is written for longer than this, although there were some, one that says nothing is: a capture that
/// stood still is another thing, and whatever waits ends by the packets of others.
const SILENCE: Micros = Micros::from_secs(60);

/// A packet to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// The packet that it is made of.
    pub(super) frame: FrameRef,
    /// Which of the connections; none, where it only says that the capture went on.
    pub(super) connection: Option<u32>,
    side: Side,
    /// Where its headers are.
    head: usize,
    head_len: u16,
    ip: u16,
    damaged: bool,
    /// It is complete without any payload, checksum included.
    ready: bool,
    /// Offset of the payload, where it has a place in the stream.
    offset: Option<i64>,
    captured: u32,
    payload: u32,
}

/// Packets and plans.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) records: Vec<Record>,
    heads: Vec<u8>,
    plans: Vec<Option<PerSide<Plan>>>,
    /// Connections that are not written, and why.
    pub(super) left_out: BTreeMap<u32, &'static str>,
}

/// A connection on its way through the second pass.
struct Wanted<'r> {
    number: u32,
    first: u64,
    last: u64,
    client: Endpoint,
    tracker: Tracker,
    planner: Planner<'r>,
    latest: Option<FrameRef>,
}

/// Why a connection is left out for which there is no room.
const NO_ROOM: &str = "there is no room for all of its packets";

impl Store {
    /// Reads the captures again.
    pub(super) fn collect(
        sources: Vec<(String, Source)>,
        options: &Options,
        told: &[Told],
        rules: &Rules,
        removed: &mut Removed,
    ) -> Result<Store, Failure> {
        let mut wanted: HashMap<FlowKey, Vec<Wanted<'_>>, RandomState> = HashMap::default();
        for (number, told) in (0..).zip(told) {
            let (first, last) = (told.first.order(), told.last.order());
            let of_both = Wanted {
                number,
                first,
                last,
                client: told.client,
                tracker: Tracker::default(),
                planner: Planner::new(rules),
                latest: None,
            };
            wanted.entry(FlowKey::new(told.client, told.server)).or_default().push(of_both);
        }
        let mut store = Store { plans: told.iter().map(|_| None).collect(), ..Store::default() };
        let (mut latest, mut written) = (None, Timestamp(i64::MIN));
        replay(sources, options, |frame, replayed| {
            let ends = match &replayed {
                Replayed::Tcp(segment, _) => Some((segment.source, segment.destination)),
                Replayed::Icmp(error) => Some(error.about),
                Replayed::Other => None,
            };
            let own = ends.and_then(|(a, b)| wanted.get_mut(&FlowKey::new(a, b)));
            let own = own.and_then(|all| all.iter_mut().find(|w| (w.first..=w.last).contains(&frame.order())));
            let before = store.records.len();
            if let Some(wanted) = own {
                store.take(wanted, frame, &replayed, rules, removed);
            }
            if store.records.len() > before || frame.time.since(written) > SILENCE {
                if store.records.len() == before && before > 0 {
                    store.silent(frame);
                }
                written = frame.time;
            }
            latest = Some(frame);
        })?;
        // Whatever came after the last packet of these connections, the capture watched so long.
        if let Some(latest) = latest.filter(|latest| store.records.last().is_some_and(|r| r.frame != *latest)) {
            store.silent(latest);
        }
        for mut wanted in wanted.into_values().flatten() {
            if let Some(latest) = wanted.latest {
                wanted.tracker.finish(latest, &mut wanted.planner);
            }
            removed.take(wanted.number, &mut wanted.planner);
            match wanted.planner.finish() {
                Ok(plan) => {
                    if let Some(place) = store.plans.get_mut(wanted.number as usize) {
                        *place = Some(plan);
                    }
                }
                Err(why) => {
                    store.left_out.entry(wanted.number).or_insert(why);
                }
            }
        }
        Ok(store)
    }

    /// Memory that it takes, in bytes.
    fn held(&self) -> usize {
        self.heads.len() + self.records.len() * size_of::<Record>()
    }

    fn take(
        &mut self,
        wanted: &mut Wanted<'_>,
        frame: FrameRef,
        what: &Replayed<'_>,
        rules: &Rules,
        removed: &mut Removed,
    ) {
        let full = self.records.len() >= MAX_PACKETS || self.held() + removed.planned > MAX_HELD;
        if full {
            self.left_out.insert(wanted.number, NO_ROOM);
        }
        if self.left_out.contains_key(&wanted.number) {
            return;
        }
        let addresses = &rules.addresses;
        match what {
            Replayed::Tcp(segment, whole) => {
                let side = if segment.source == wanted.client { Side::Client } else { Side::Server };
                let held = wanted.planner.held();
                wanted.tracker.segment(side, segment, frame, &mut wanted.planner);
                removed.planned += wanted.planner.held().saturating_sub(held);
                removed.take(wanted.number, &mut wanted.planner);
                wanted.latest = Some(frame);
                let head = packet::segment(segment, *whole, addresses);
                let seq = if segment.flags.syn() { segment.seq.plus(1) } else { segment.seq };
                let offset = wanted.tracker.offset(side, seq);
                let record = Record {
                    connection: Some(wanted.number),
                    side,
                    ip: head.ip as u16,
                    damaged: head.damaged,
                    ready: false,
                    offset,
                    captured: segment.payload.len().min(segment.payload_len as usize) as u32,
                    payload: segment.payload_len,
                    ..self.head(frame, &head.bytes)
                };
                self.records.push(record);
            }
            Replayed::Icmp(error) => {
                let bytes = packet::icmp(error, addresses);
                let record = Record { connection: Some(wanted.number), ..self.head(frame, &bytes) };
                self.records.push(record);
            }
            Replayed::Other => {}
        }
    }

    /// Adds a packet that says nothing.
    fn silent(&mut self, frame: FrameRef) {
        if self.records.len() < 2 * MAX_PACKETS {
            let record = self.head(frame, &packet::nothing());
            self.records.push(record);
        }
    }

    /// A record with these headers and nothing behind them.
    fn head(&mut self, frame: FrameRef, bytes: &[u8]) -> Record {
        let head = self.heads.len();
        self.heads.extend_from_slice(bytes);
        Record {
            frame,
            connection: None,
            side: Side::Client,
            head,
            head_len: bytes.len() as u16,
            ip: 0,
            damaged: false,
            ready: true,
            offset: None,
            captured: 0,
            payload: 0,
        }
    }

    /// The plans of the connections that are written, each with the number of its own.
    pub(super) fn plans(&self) -> impl Iterator<Item = (u32, &Plan)> {
        let planned = (0..).zip(&self.plans).filter_map(|(number, plans)| Some((number, plans.as_ref()?)));
        let written = planned.filter(|(number, _)| !self.left_out.contains_key(number));
        written.flat_map(|(number, plans)| [(number, &plans.client), (number, &plans.server)])
    }

    /// Whether a connection is written.
    pub(super) fn writes(&self, number: u32) -> bool {
        let planned = self.plans.get(number as usize).is_some_and(Option::is_some);
        planned && !self.left_out.contains_key(&number)
    }

    /// Whether a packet is written.
    pub(super) fn has(&self, record: &Record) -> bool {
        record.connection.is_none_or(|number| !self.left_out.contains_key(&number))
    }

    /// The bytes of a packet, and how many they were on the wire.
    pub(super) fn packet(&self, record: &Record) -> (Vec<u8>, u32) {
        let head = self.heads.get(record.head..record.head + usize::from(record.head_len)).unwrap_or_default();
        let mut bytes = head.to_vec();
        if record.ready {
            let len = bytes.len() as u32;
            return (bytes, len);
        }
        let plans = record.connection.and_then(|number| self.plans.get(number as usize)).and_then(Option::as_ref);
        match plans {
            Some(plans) => plans[record.side].write(record.offset, record.captured as usize, &mut bytes),
            None => bytes.resize(bytes.len() + record.captured as usize, b'x'),
        }
        // The header says how long it is; less of it may have been captured.
        let words = head.get(usize::from(record.ip) + 12).map_or(5, |byte| byte >> 4);
        let original = u32::from(record.ip) + u32::from(words) * 4 + record.payload;
        packet::fill_in(&mut bytes, usize::from(record.ip), record.captured == record.payload, record.damaged);
        (bytes, original)
    }
}
