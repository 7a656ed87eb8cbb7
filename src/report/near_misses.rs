//! Certificates that are in order, and will not be or need not be as they are: one line for all connections that show
//! the same.

use std::collections::BTreeMap;

use crate::base::{Endpoint, Timestamp};
use crate::observation::{self, Connection, tls::Summary};

/// Near misses told of; a host has a handful of certificates.
const MAX_NEAR_MISSES: usize = 32;

const DAY: i64 = 86_400_000_000;

/// A near miss of one server.
#[derive(Debug, Clone)]
pub struct NearMiss {
    /// Where the certificate was shown.
    pub server: Endpoint,
    /// Its name in reports.
    pub name: &'static str,
    /// What, when, and what to do.
    pub message: String,
    /// Connections that show it.
    pub connections: u64,
}

/// Server, name asked for, certificate, and what of it.
type Key = (Endpoint, Option<Box<str>>, usize, &'static str);

/// The near misses of the connections so far.
#[derive(Debug, Default)]
pub(super) struct NearMisses {
    seen: BTreeMap<Key, NearMiss>,
    unlisted: u64,
}

impl NearMisses {
    /// Notes those of one connection.
    pub(super) fn add(&mut self, c: &Connection) {
        let Some(chain) = c.chain.as_ref().filter(|chain| !chain.report.near_misses.is_empty()) else { return };
        for &miss in &chain.report.near_misses {
            let key = (c.server, c.sni().map(Into::into), miss.certificate(), miss.as_str());
            if let Some(known) = self.seen.get_mut(&key) {
                known.connections += 1;
            } else if self.seen.len() >= MAX_NEAR_MISSES {
                self.unlisted += 1;
            } else if let Some(message) = message(c, miss, chain.at) {
                let (server, name) = (c.server, miss.as_str());
                self.seen.insert(key, NearMiss { server, name, message, connections: 1 });
            }
        }
    }

    pub(super) fn absorb(&mut self, other: NearMisses) {
        self.unlisted += other.unlisted;
        for (key, theirs) in other.seen {
            if let Some(ours) = self.seen.get_mut(&key) {
                ours.connections += theirs.connections;
            } else if self.seen.len() >= MAX_NEAR_MISSES {
                self.unlisted += theirs.connections;
            } else {
                self.seen.insert(key, theirs);
            }
        }
    }

    /// All that are told of, and how often there were others.
    pub(super) fn into_list(self) -> (Vec<NearMiss>, u64) {
        (self.seen.into_values().collect(), self.unlisted)
    }
}

fn message(c: &Connection, miss: observation::NearMiss, at: Timestamp) -> Option<String> {
    let certificate = c.origin_certificates().nth(miss.certificate())?.summary().ok()?;
    let shown = format!("{}{}", c.server, c.sni().map(|name| format!(" for \"{name}\"")).unwrap_or_default());
    let which = which(miss.certificate(), certificate);
    Some(match miss {
        observation::NearMiss::ExpiresSoon { .. } => {
            let left = certificate.not_after.since(at).0 / DAY;
            let when = certificate.not_after.to_the_minute();
            format!("{shown}: {which} expires on {when}, {left} days after this. Renew it, and reload the server.")
        }
        observation::NearMiss::RootSent { .. } => {
            format!("{shown}: {which} is the root, which a verifier has or does not trust. It need not be sent.")
        }
        observation::NearMiss::Unrelated { .. } => {
            format!("{shown}: {which} issued none of the others that are sent. Look for a wrong chain file.")
        }
        observation::NearMiss::UnlistedKey => {
            let key = &certificate.key;
            format!(
                "{shown}: {which} has a key ({key}) that AWS does not list for CloudFront's own certificates (RSA up to \
                 4096, EC P-256); for origins nothing is documented. It is a possible reason, should it be refused."
            )
        }
    })
}

fn which(certificate: usize, summary: &Summary) -> String {
    match certificate {
        0 => "its certificate".to_owned(),
        i => format!("certificate {} of its chain (\"{}\")", i + 1, summary.subject),
    }
}
