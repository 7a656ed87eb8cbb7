//! The capture that is written: blocks of pcapng, made one after the other whenever they are read.
//!
//! Nothing of it is kept: it is read to be judged, to be looked over, and to be written, and is the same each time.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crate::base::Timestamp;
use crate::source::{Described, LinkType, Packet, write};

use super::collect::{Record, Store};

/// Option codes of statistics that say when they end, in the units of the interface; the times of others mean nothing.
#[derive(Debug)]
struct Interface {
    about: write::Interface,
    time: Option<Timestamp>,
    counts: Vec<(u16, u64)>,
}

/// What is written.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) store: Store,
    interfaces: Vec<Interface>,
    /// The interface of each record.
    of_record: Vec<u32>,
    /// Records that are written, in order: their frames are numbered from 1.
    written: Vec<usize>,
    pub(super) section: String,
    /// By record.
    pub(super) comments: BTreeMap<usize, Vec<String>>,
}

impl Document {
    /// Of packets, and of what the captures say of their interfaces, one after the other.
    pub(super) fn new(store: Store, described: &[Described], frames: &[Vec<u64>]) -> Document {
        let mut interfaces = Vec::new();
        let mut begins = Vec::new();
        for described in described {
            begins.push(interfaces.len() as u32);
            for about in &described.interfaces {
                // What was around the IP packet is not written.
                let raw = write::Interface { link_type: LinkType::RAW, ..about.interface.clone() };
                interfaces.push(Interface { about: raw, time: about.time, counts: about.counts.clone() });
            }
        }
        if interfaces.is_empty() {
            let about = write::Interface::of(LinkType::RAW);
            interfaces.push(Interface { about, time: None, counts: Vec::new() });
        }
        let of_record = store.records.iter().map(|record| {
            let capture = usize::from(record.frame.capture());
            let own = frames.get(capture).and_then(|frames| frames.binary_search(&record.frame.frame).ok());
            let number = own.and_then(|at| described.get(capture)?.of_frame.get(at).copied()).unwrap_or_default();
            let number = begins.get(capture).copied().unwrap_or_default() + number;
            if (number as usize) < interfaces.len() { number } else { 0 }
        });
        let of_record = of_record.collect();
        let mut document = Document { store, interfaces, of_record, ..Document::default() };
        document.settle();
        document
    }

    /// Numbers the packets that are written.
    pub(super) fn settle(&mut self) {
        let store = &self.store;
        let written = store.records.iter().enumerate().filter(|(_, record)| store.has(record));
        self.written = written.map(|(n, _)| n).collect();
    }

    /// All bytes that are written of connections, each time with the number of its own: plans and packets. A packet of no
    /// connection is the same in every capture.
    pub(super) fn each_written(&self, mut each: impl FnMut(u32, &[u8])) {
        self.store.plans().for_each(|(number, plan)| each(number, plan.words()));
        for record in self.store.records.iter().filter(|record| self.store.has(record)) {
            if let Some(number) = record.connection {
                each(number, &self.store.packet(record).0);
            }
        }
    }

    /// The name of each interface.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.interfaces.iter().map(|interface| interface.about.name.as_deref())
    }

    /// Takes the names of these interfaces.
    pub(super) fn without_names(&mut self, numbers: &[usize]) {
        for number in numbers {
            if let Some(interface) = self.interfaces.get_mut(*number) {
                interface.about.name = None;
            }
        }
    }

    /// The record of a frame, counted from 1.
    pub(super) fn record(&self, frame: u64) -> Option<(usize, &Record)> {
        let at = usize::try_from(frame).ok()?.checked_sub(1)?;
        let at = *self.written.get(at)?;
        self.store.records.get(at).map(|record| (at, record))
    }

    /// Packets that are written.
    pub(super) fn packets(&self) -> usize {
        self.written.len()
    }

    /// The record made of a packet of a capture, for one connection.
    pub(super) fn made_of(&self, order: u64) -> Option<usize> {
        let at = self.store.records.partition_point(|record| record.frame.order() < order);
        self.store.records.get(at).filter(|record| record.frame.order() == order && self.store.has(record)).map(|_| at)
    }

    /// The `n`th block, or what is written at once: the beginning, each packet, the end.
    pub(super) fn block(&self, n: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let done = match n.checked_sub(1) {
            None => self.begin(&mut out),
            Some(at) if at < self.written.len() => self.packet(*self.written.get(at)?, &mut out),
            Some(at) if at == self.written.len() => self.end(&mut out),
            Some(_) => return None,
        };
        // Writing to memory cannot fail, and no packet is too long.
        done.ok().map(|()| out)
    }

    fn begin(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write::section(out, Some(&self.section))?;
        self.interfaces.iter().try_for_each(|interface| write::interface(out, &interface.about).map(drop))
    }

    fn packet(&self, at: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(record) = self.store.records.get(at) else { return Ok(()) };
        let number = self.of_record.get(at).copied().unwrap_or_default();
        let Some(interface) = self.interfaces.get(number as usize) else { return Ok(()) };
        let (bytes, original_len) = self.store.packet(record);
        let (frame, time, link_type) = (record.frame.frame, record.frame.time, interface.about.link_type);
        let packet = Packet { frame, time, link_type, bytes: &bytes, original_len };
        let comments = self.comments.get(&at).map_or(&[][..], Vec::as_slice);
        write::told_packet(out, number, &interface.about, &packet, comments).map(drop)
    }

    fn end(&self, out: &mut Vec<u8>) -> io::Result<()> {
        for (number, Interface { about, time, counts }) in (0..).zip(&self.interfaces) {
            if let Some(time) = time {
                write::statistics(out, number, about, *time, counts)?;
            }
        }
        Ok(())
    }
}

/// Reads a document.
pub(super) struct Reading {
    document: Arc<Document>,
    next: usize,
    block: Vec<u8>,
    read: usize,
}

impl Reading {
    pub(super) fn new(document: Arc<Document>) -> Reading {
        Reading { document, next: 0, block: Vec::new(), read: 0 }
    }
}

impl Read for Reading {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.read == self.block.len() {
            let Some(block) = self.document.block(self.next) else { return Ok(0) };
            (self.block, self.read) = (block, 0);
            self.next += 1;
        }
        let rest = self.block.get(self.read..).unwrap_or_default();
        let n = rest.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.read += n;
        Ok(n)
    }
}
