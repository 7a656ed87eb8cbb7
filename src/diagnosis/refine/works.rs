//! Connections that worked, and what they tell of those that did not.

use std::collections::BTreeMap;

use crate::base::{Endpoint, FrameRef};
use crate::diagnosis::{Delivery, delivery};
use crate::observation::Connection;

use super::SecondLook;

/// Servers and names that are told apart.
const MAX_NAMES: usize = 10_000;

/// The first connection of each kind that worked.
#[derive(Debug, Default)]
pub(super) struct Works {
    /// By server and name asked for.
    named: BTreeMap<(Endpoint, String), FrameRef>,
    /// By server and whether it began with a PROXY protocol header.
    introduced: BTreeMap<(Endpoint, bool), FrameRef>,
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
        {
            self.named.entry((c.server, sni.to_owned())).or_insert(c.first);
        }
    }

    /// What works elsewhere that makes a finding of this connection more probable.
    pub(super) fn elsewhere(&self, c: &Connection, look: SecondLook) -> Option<String> {
        let (what, worked) = match look {
            SecondLook::None | SecondLook::RecurringWait | SecondLook::FailedBehind => return None,
            SecondLook::SameNameWorks => {
                let worked = self.named.get(&(c.server, c.sni()?.to_owned()));
                ("a connection with the same name works in this capture", worked)
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
        let worked = self.introduced.get(&(c.server, true)).filter(|_| look == SecondLook::WorksWithoutHeader)?;
        Some(format!(
            "against it: a connection that begins with a PROXY header works here (from frame {})",
            worked.frame
        ))
    }
}
