//! What is known of all connections together: whom they met, and how many there were.
//!
//! It is kept by whoever sees all of them, in the order of the capture: the engine that follows them all, or the one who
//! gathers what several engines follow.

use std::collections::BTreeMap;

use crate::base::{CaptureIndex, Endpoint, FrameRef};
use crate::ip::TcpSegment;
use crate::observation::{Connection, Hosts, Prefixes, Role};
use crate::session::tls;

/// What was noticed beside the connections.
#[derive(Debug, Clone, Default)]
pub struct Noticed {
    /// What belongs to one capture.
    pub captures: BTreeMap<CaptureIndex, NoticedIn>,
    /// Fragments of IP packets that could not be put together.
    pub fragments: u64,
    /// Fragments that said something else than earlier ones about the same bytes.
    pub conflicting_fragments: u64,
    /// Connections that were put away because the table was full.
    pub evicted: u64,
    /// Connections that were put away because what all of them had said took too much memory.
    pub relieved: u64,
    /// TCP connections.
    pub connections: u64,
    /// TLS connections that keys opened, or began to open.
    pub opened: u64,
    /// Those of which they opened nothing.
    pub not_opened: u64,
    /// Why, of the first of those.
    pub first_not_opened: Option<String>,
    /// Connections whose server could not be remembered for one.
    pub hosts_limited: u64,
}

/// What was noticed in one capture; a connection counts for the capture that its first packet is in.
#[derive(Debug, Clone, Default)]
pub struct NoticedIn {
    /// Packets that could not be decoded down to a segment, by damage or because the format is not known.
    pub undecodable: u64,
    /// The first of them, and why.
    pub first_undecodable: Option<(u64, String)>,
    /// Connections of which reassembly reached its bound.
    pub reassembly_limited: u64,
    /// Packets captured more than once.
    pub duplicates: u64,
    /// Connections of which only one direction was captured.
    pub one_sided: u64,
}

/// A connection as its first packet shows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::analysis) struct Opened {
    /// Position of that packet among all.
    pub order: u64,
    /// The ends as guessed.
    pub client: Endpoint,
    /// The other one.
    pub server: Endpoint,
    /// It has SYN: the guess is none.
    pub by_syn: bool,
}

impl Opened {
    /// By its first packet.
    pub(in crate::analysis) fn by(segment: &TcpSegment<'_>, frame: FrameRef) -> Opened {
        let flags = segment.flags;
        let sender_is_client = match (flags.syn(), flags.ack()) {
            (true, false) => true,
            (true, true) => false,
            // The lower port is taken for the server's until the protocol tells.
            (false, _) => segment.source.port >= segment.destination.port,
        };
        let (client, server) = if sender_is_client {
            (segment.source, segment.destination)
        } else {
            (segment.destination, segment.source)
        };
        Opened { order: frame.order(), client, server, by_syn: flags.syn() }
    }
}

/// The book of them.
#[derive(Debug)]
pub(in crate::analysis) struct Register<'o> {
    prefixes: &'o Prefixes,
    hosts: Hosts,
    pub(in crate::analysis) noticed: Noticed,
}

impl<'o> Register<'o> {
    pub(in crate::analysis) fn new(prefixes: &'o Prefixes) -> Register<'o> {
        Register { prefixes, hosts: Hosts::default(), noticed: Noticed::default() }
    }

    /// Enters the next connection; gives its number, from 1.
    pub(in crate::analysis) fn open(&mut self, opened: &Opened) -> u64 {
        self.hosts.meet(opened.client, opened.server, opened.by_syn, self.prefixes);
        self.noticed.connections += 1;
        self.noticed.connections
    }

    /// Says whose a connection is, by what is known now.
    pub(in crate::analysis) fn assign(&self, c: &mut Connection) {
        c.role = Role::of(c.client, c.server, c.edge, c.callers, &self.hosts);
    }

    /// Closes the entry of one that is over.
    pub(in crate::analysis) fn close(&mut self, c: &mut Connection) {
        self.assign(c);
        if let Some(tls) = &c.tls {
            self.keys_of(tls);
        }
        let duplicates = u64::from(c.tcp.odd.duplicates.client) + u64::from(c.tcp.odd.duplicates.server);
        let (one_sided, limited) = (c.is_one_sided(), c.tcp.odd.reassembly_limit_reached);
        if duplicates > 0 || one_sided || limited {
            let noticed = self.noticed.captures.entry(c.first.capture()).or_default();
            noticed.duplicates += duplicates;
            noticed.one_sided += u64::from(one_sided);
            noticed.reassembly_limited += u64::from(limited);
        }
    }

    /// All that was noticed.
    pub(in crate::analysis) fn finish(mut self) -> Noticed {
        self.noticed.hosts_limited = self.hosts.not_remembered();
        self.noticed
    }

    /// Counts what the keys were good for.
    fn keys_of(&mut self, tls: &tls::Transcript) {
        match &tls.not_opened {
            Some(shut) if !shut.partly => {
                self.noticed.not_opened += 1;
                if self.noticed.first_not_opened.is_none() {
                    self.noticed.first_not_opened = tls.not_opened_in_words();
                }
            }
            Some(_) => self.noticed.opened += 1,
            None => self.noticed.opened += u64::from(tls.decrypted),
        }
    }
}

impl Noticed {
    /// Adds what an engine noticed of packets, of whose connections another one keeps the register.
    pub(in crate::analysis) fn add_packets(&mut self, other: Noticed) {
        for (capture, theirs) in other.captures {
            let ours = self.captures.entry(capture).or_default();
            ours.undecodable += theirs.undecodable;
            ours.first_undecodable = ours.first_undecodable.take().or(theirs.first_undecodable);
        }
        self.fragments += other.fragments;
        self.conflicting_fragments += other.conflicting_fragments;
        self.evicted += other.evicted;
        self.relieved += other.relieved;
    }
}
