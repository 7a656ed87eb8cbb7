//! Connections that worked, and what they tell of those that did not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::HashMap;

use crate::base::{Endpoint, FrameRef};
use crate::observation::{ChainReport, Connection, EdgeKind, Role};

use super::{Accepted, SecondLook};

/// Servers and names that are told apart.
const MAX_NAMES: usize = 10_000;
/// Peers of all names together that are told apart.
const MAX_PEERS: usize = 10_000;
/// As many names of one server are looked at to find one that its certificate has.
const MAX_LOOKED: usize = 64;

/// The first connection of each kind that worked.
#[derive(Debug, Default)]
pub(super) struct Works {
    servers: HashMap<Endpoint, Server>,
    /// Entries of all [`Server::plain`] and [`Server::introduced`].
    answered: usize,
    /// Entries of all [`Server::named`].
    names: usize,
    /// Entries of all [`Named::accepted`].
    peers: usize,
}

/// Connections to one server that worked.
#[derive(Debug, Default)]
struct Server {
    /// One that began without a PROXY protocol header.
    plain: Option<FrameRef>,
    /// One that began with it.
    introduced: Option<FrameRef>,
    /// By name asked for, in lower case.
    named: BTreeMap<Box<str>, Named>,
}

/// Connections with one name that worked.
#[derive(Debug)]
struct Named {
    /// The first.
    first: FrameRef,
    /// The first of the edge's: others may go on after a certificate that the edge refuses.
    of_edge: Option<FrameRef>,
    /// What each peer accepted first.
    accepted: HashMap<Peer, Accepts>,
}

/// Who judges certificates: the edges of CloudFront all do it alike.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Peer {
    CloudFront,
    Address(IpAddr),
}

/// A connection on which certificates were accepted.
#[derive(Debug)]
struct Accepts {
    /// Its first packet.
    from: FrameRef,
    shown: Shown,
}

/// What an origin shows, and what is to be said of it at that time.
#[derive(Debug, PartialEq)]
enum Shown {
    /// The certificates.
    Chain(Vec<Arc<[u8]>>, Option<Arc<ChainReport>>),
    /// They are behind keys.
    Hidden,
}

impl Works {
    /// Remembers a connection that worked.
    pub(super) fn note(&mut self, c: &Connection) {
        let answered = self.answered < MAX_NAMES && c.tcp.streams.first_data.server.is_some();
        let name = c.sni().filter(|_| self.names < MAX_NAMES && c.edge_went_on().is_some());
        if !answered && name.is_none() {
            return;
        }
        let server = self.servers.entry(c.server).or_default();
        if answered {
            let first = if c.proxy_protocol.is_some() { &mut server.introduced } else { &mut server.plain };
            self.answered += usize::from(first.is_none());
            first.get_or_insert(c.first);
        }
        let Some(name) = name.map(same) else { return };
        let named = match server.named.get_mut(&*name) {
            Some(known) => known,
            None => {
                self.names += 1;
                server.named.entry(name.into()).or_insert_with(|| Named::of(c))
            }
        };
        if c.role == Role::Edge {
            named.of_edge.get_or_insert(c.first);
        }
        if let Entry::Vacant(entry) = named.accepted.entry(Peer::of(c))
            && self.peers < MAX_PEERS
            && let Some(shown) = Shown::of(c)
        {
            entry.insert(Accepts { from: c.first, shown });
            self.peers += 1;
        }
    }

    /// What works at the server of a connection, whether that has a PROXY header or not.
    fn introduced(&self, c: &Connection, header: bool) -> Option<&FrameRef> {
        let server = self.servers.get(&c.server)?;
        if header { server.introduced.as_ref() } else { server.plain.as_ref() }
    }

    /// What works with the name that a connection asks for, at the same server.
    fn named(&self, c: &Connection) -> Option<&Named> {
        self.servers.get(&c.server)?.named.get(&*same(c.sni()?))
    }

    /// What works elsewhere that makes a finding of this connection more probable.
    pub(super) fn elsewhere(&self, c: &Connection, look: SecondLook) -> Option<String> {
        let (what, worked) = match look {
            SecondLook::None
            | SecondLook::RecurringWait
            | SecondLook::FailedBehind
            | SecondLook::SamePeerAccepts
            | SecondLook::TurnedByOtherName(_) => return None,
            SecondLook::SameNameWorks if self.same_peer(c).is_some() => return None,
            SecondLook::SameNameWorks => ("a connection with the same name works in this capture", self.same_name(c)),
            SecondLook::OtherNameWorks => {
                let other = self.other_name(c).filter(|_| self.same_name(c).is_none())?;
                return Some(format!("with \"{}\" a connection works (from frame {})", other.name, other.from.named()));
            }
            SecondLook::WorksWithoutHeader => {
                let worked = self.introduced(c, false);
                ("a connection without a PROXY header works on this port", worked)
            }
            SecondLook::WorksWithHeader => {
                let worked = self.introduced(c, true);
                ("a connection that begins with a PROXY header works here", worked)
            }
        };
        Some(format!("{what} (from frame {})", worked?.named()))
    }

    /// What works elsewhere that makes a finding of this connection less probable.
    pub(super) fn in_spite_of(&self, c: &Connection, look: SecondLook) -> Option<String> {
        let (what, worked) = match look {
            SecondLook::WorksWithoutHeader => {
                let worked = self.introduced(c, true);
                ("a connection that begins with a PROXY header works here", worked)
            }
            SecondLook::OtherNameWorks => ("a connection with the same name works here", self.same_name(c)),
            SecondLook::SameNameWorks => {
                ("the same peer accepts what is shown for this name on another connection", self.same_peer(c))
            }
            SecondLook::SamePeerAccepts | SecondLook::TurnedByOtherName(_) => {
                ("the same peer accepts the same certificate on another connection", self.same_peer(c))
            }
            SecondLook::None | SecondLook::RecurringWait | SecondLook::FailedBehind | SecondLook::WorksWithHeader => {
                return None;
            }
        };
        Some(format!("against it: {what} (from frame {})", worked?.named()))
    }

    /// A connection to the same server with the same name.
    pub(super) fn same_name(&self, c: &Connection) -> Option<&FrameRef> {
        self.named(c).map(|named| &named.first)
    }

    /// A connection on which the same peer accepted what the same server showed it for the same name, and of which the same
    /// was to be said at its time, where this time it left without a word. What keys hide both times is taken for the same.
    fn same_peer(&self, c: &Connection) -> Option<&FrameRef> {
        let tls = c.tls.as_ref()?;
        if !tls.alerts.is_empty() || tls.tls13.alert_sized.client.is_some() {
            return None;
        }
        let accepted = self.named(c)?.accepted.get(&Peer::of(c))?;
        (Shown::of(c)? == accepted.shown).then_some(&accepted.from)
    }

    /// A name that the edge asks this server for with success, other than this one: one that the certificate has, where that is
    /// seen, else the first of the alphabet.
    pub(super) fn other_name(&self, c: &Connection) -> Option<Accepted<'_>> {
        let asked = same(c.sni()?);
        let of_server = &self.servers.get(&c.server)?.named;
        let of_edge = of_server.iter().filter_map(|(name, named)| Some((name, named.of_edge?)));
        let others = of_edge.filter(|(name, _)| ***name != *asked).take(MAX_LOOKED);
        let leaf = c.origin_certificates().next().and_then(|leaf| leaf.summary().ok());
        let has = |name: &str| leaf.is_some_and(|leaf| leaf.names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        let (name, from) = others.min_by_key(|(name, _)| !has(name))?;
        Some(Accepted { name, from })
    }
}

impl Named {
    fn of(c: &Connection) -> Named {
        Named { first: c.first, of_edge: None, accepted: HashMap::default() }
    }
}

impl Peer {
    fn of(c: &Connection) -> Peer {
        match c.edge.kind {
            EdgeKind::CloudFront => Peer::CloudFront,
            EdgeKind::Private | EdgeKind::Other | EdgeKind::Probe => Peer::Address(c.client.ip),
        }
    }
}

impl Shown {
    /// None where nothing is shown, because the handshake is an abbreviated one or came to nothing.
    fn of(c: &Connection) -> Option<Shown> {
        let tls = c.tls.as_ref().filter(|tls| tls.resumed() == Some(false))?;
        let chain: Vec<_> = c.origin_certificates().map(|certificate| Arc::clone(&certificate.der)).collect();
        match chain.is_empty() {
            true => tls.is_tls13().then_some(Shown::Hidden),
            false => Some(Shown::Chain(chain, c.chain.as_ref().map(|chain| Arc::clone(&chain.report)))),
        }
    }
}

/// A name as names are compared: without regard to case and a last dot.
fn same(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|b| b.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}
