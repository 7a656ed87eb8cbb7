//! Connections that worked, and what they tell of those that did not.

use std::collections::BTreeMap;

use crate::base::{Endpoint, FrameRef};
use crate::diagnosis::{Delivery, delivery};
use crate::observation::{Connection, Role};

use super::{Accepted, SecondLook};

/// Servers and names that are told apart.
const MAX_NAMES: usize = 10_000;
/// As many names of one server are looked at to find one that its certificate has.
const MAX_LOOKED: usize = 64;

/// The first connection of each kind that worked.
#[derive(Debug, Default)]
pub(super) struct Works {
    /// By server and name asked for, in lower case.
    named: BTreeMap<(Endpoint, String), Named>,
    /// By server and whether it began with a PROXY protocol header.
    introduced: BTreeMap<(Endpoint, bool), FrameRef>,
}

/// Connections with one name that worked.
#[derive(Debug)]
struct Named {
    /// The first.
    first: FrameRef,
    /// The first of the edge's: others may go on after a certificate that the edge refuses.
    of_edge: Option<FrameRef>,
}

impl Works {
    /// Remembers a connection that worked.
    pub(super) fn note(&mut self, c: &Connection) {
        if self.introduced.len() < MAX_NAMES && c.tcp.first_data.server.is_some() {
            self.introduced.entry((c.server, c.proxy_protocol.is_some())).or_insert(c.first);
        }
        if let Some(sni) = c.sni()
            && self.named.len() < MAX_NAMES
            && delivery(c) == Delivery::Complete
            && c.edge_went_on().is_some()
        {
            let new = || Named { first: c.first, of_edge: None };
            let named = self.named.entry((c.server, same(sni))).or_insert_with(new);
            if c.role == Role::Edge {
                named.of_edge.get_or_insert(c.first);
            }
        }
    }

    /// What works elsewhere that makes a finding of this connection more probable.
    pub(super) fn elsewhere(&self, c: &Connection, look: SecondLook) -> Option<String> {
        let (what, worked) = match look {
            SecondLook::None
            | SecondLook::RecurringWait
            | SecondLook::FailedBehind
            | SecondLook::TurnedByOtherName(_) => return None,
            SecondLook::SameNameWorks => ("a connection with the same name works in this capture", self.same_name(c)),
            SecondLook::OtherNameWorks => {
                let other = self.other_name(c).filter(|_| self.same_name(c).is_none())?;
                return Some(format!("with \"{}\" a connection works (from frame {})", other.name, other.from.frame));
            }
            SecondLook::WorksWithoutHeader => {
                let worked = self.introduced.get(&(c.server, false));
                ("a connection without a PROXY header works on this port", worked)
            }
            SecondLook::WorksWithHeader => {
                let worked = self.introduced.get(&(c.server, true));
                ("a connection that begins with a PROXY header works here", worked)
            }
        };
        Some(format!("{what} (from frame {})", worked?.frame))
    }

    /// What works elsewhere that makes a finding of this connection less probable.
    pub(super) fn in_spite_of(&self, c: &Connection, look: SecondLook) -> Option<String> {
        let (what, worked) = match look {
            SecondLook::WorksWithoutHeader => {
                let worked = self.introduced.get(&(c.server, true));
                ("a connection that begins with a PROXY header works here", worked)
            }
            SecondLook::OtherNameWorks => ("a connection with the same name works here", self.same_name(c)),
            _ => return None,
        };
        Some(format!("against it: {what} (from frame {})", worked?.frame))
    }

    /// A connection to the same server with the same name.
    pub(super) fn same_name(&self, c: &Connection) -> Option<&FrameRef> {
        self.named.get(&(c.server, same(c.sni()?))).map(|named| &named.first)
    }

    /// A name that the edge asks this server for with success, other than this one: one that the certificate has, where that is
    /// seen, else the first of the alphabet.
    pub(super) fn other_name(&self, c: &Connection) -> Option<Accepted<'_>> {
        let asked = same(c.sni()?);
        let of_server =
            self.named.range((c.server, String::new())..).take_while(|((server, _), _)| *server == c.server);
        let of_edge = of_server.filter_map(|((_, name), named)| Some((name, named.of_edge?)));
        let others = of_edge.filter(|(name, _)| **name != asked).take(MAX_LOOKED);
        let leaf = c.origin_certificates().next().and_then(|leaf| leaf.summary().ok());
        let has = |name: &String| leaf.is_some_and(|leaf| leaf.names.iter().any(|n| n.eq_ignore_ascii_case(name)));
        let (name, from) = others.min_by_key(|(name, _)| !has(name))?;
        Some(Accepted { name, from })
    }
}

/// A name as names are compared: without regard to case and a last dot.
fn same(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
