//! The wiring: the only place that knows every stage.
//!
//! Invariant: packets go through once, in order; a connection leaves when it is over and is judged then; what is
//! held to the end of the capture is only what the second step may still change, up to a bound.

mod apart;
mod attempt;
mod clock;
mod coverage;
mod desk;
mod engine;
mod filter;
#[cfg(feature = "pcap")]
mod live;
mod open;
mod picture;
mod problems;
mod replay;
#[cfg(feature = "pcap")]
mod ring;
mod run;
mod selection;
mod why;

pub use desk::Listener;
pub use engine::{Engine, Noticed, NoticedIn, Swept};
#[cfg(feature = "pcap")]
pub use live::{Ended, Status, Until, Watcher, live};
pub use picture::picture;
pub use replay::{Replayed, replay};
#[cfg(feature = "pcap")]
pub use ring::{Keep, Ring};
pub use run::{Failure, run, run_with_logs};
pub use selection::{Moment, Selection, peer};
pub use why::why;

use std::sync::Arc;

use crate::diagnosis::refine::Learned;
use crate::observation::{Prefixes, Trust};
use crate::report::Probed;
use crate::session::tls::Keys;

/// Open connections kept at once, by default. So many half-open ones, as in a SYN flood over IPv4, take some 25 MiB.
pub const MAX_CONNECTIONS: usize = 131_072;

/// So many connections are many. With 160 that are kept alive an analysis takes 22 MiB, and 25 by the huge page; at 1,024
/// huge pages come too late to gain anything on two threads: so a number between.
pub const MANY: u64 = 256;

/// What an analysis goes by.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses are CloudFront's.
    pub prefixes: Prefixes,
    /// What certificates are judged by.
    pub trust: Trust,
    /// Origin ports to look at; empty: all.
    pub ports: Vec<u16>,
    /// A pcap-filter expression, run over frames as captured.
    pub filter: Option<String>,
    /// Secrets to open TLS with; a capture may bring more.
    pub keys: Keys,
    /// Which connections are told and counted.
    pub selection: Selection,
    /// Open connections kept at once.
    pub max_connections: usize,
    /// Count connections of every role alike.
    pub all_roles: bool,
    /// Threads that the work is shared out to, the caller's among them: they share the connections, or where that does not
    /// pay one reads ahead, and with more than two the verdicts have their own. What comes out does not depend on it.
    pub threads: usize,
    /// Leave the secrets alone that a capture brings.
    pub without_secrets: bool,
    /// What a probe found beside the connections, where the capture is its own.
    pub probed: Option<Arc<Probed>>,
    /// What probes were told of certificates that TLS 1.3 hides.
    pub learned: Arc<[Learned]>,
    /// What is called when connections turn out to be [`MANY`], by each thread that follows so many: whoever has given the
    /// memory may give it otherwise.
    pub on_many: Option<fn()>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            prefixes: Prefixes::default(),
            trust: Trust::default(),
            ports: Vec::new(),
            filter: None,
            keys: Keys::default(),
            selection: Selection::default(),
            max_connections: MAX_CONNECTIONS,
            all_roles: false,
            threads: 1,
            without_secrets: false,
            probed: None,
            learned: Arc::default(),
            on_many: None,
        }
    }
}
