//! A connection with all that the page shows of it.

use crate::base::{FrameRef, Side, Timestamp};
use crate::diagnosis::{Diagnosis, Finding, Stage};
use crate::observation::Connection;
use crate::report::example::Example;
use crate::report::groups::{Rank, Ranked};

use super::chain::Chain;
use super::hello::Hello;
use super::rich::{Line, dump};

/// Places shown at which bytes are wrong, of one connection.
const MAX_EXCERPTS: usize = 3;

/// One connection.
#[derive(Debug)]
pub(in crate::report) struct Shown {
    pub(super) told: Example,
    /// When it began.
    pub(super) began: String,
    pub(super) chain: Option<Chain>,
    pub(super) hello: Option<Hello>,
    /// It failed in the handshake: chain and hello may be why.
    pub(super) in_handshake: bool,
    pub(super) excerpts: Vec<Excerpt>,
}

/// Bytes that are wrong.
#[derive(Debug)]
pub(super) struct Excerpt {
    pub(super) what: String,
    pub(super) frame: u64,
    pub(super) lines: Vec<Line>,
}

impl Ranked for Shown {
    type Rank = Rank;

    fn rank(&self) -> Rank {
        self.told.rank()
    }
}

impl Shown {
    /// Of what tables tell.
    #[cfg(feature = "parquet")]
    pub(in crate::report) fn told(told: Example, first: Timestamp, in_handshake: bool) -> Shown {
        Shown { told, began: began(first), chain: None, hello: None, in_handshake, excerpts: Vec::new() }
    }

    pub(super) fn of(c: &Connection, d: &Diagnosis) -> Shown {
        let finding = d.verdict.cause.and(d.findings.first()).map(|(_, f)| f);
        Shown {
            told: Example::of(c, d),
            began: began(c.first.time),
            chain: Chain::of(c),
            hello: Hello::of(c),
            in_handshake: d.verdict.stage() == Some(Stage::Tls),
            excerpts: finding.map(|f| excerpts(c, f)).unwrap_or_default(),
        }
    }
}

/// `2026-01-02 03:04:05.678901 UTC`.
fn began(time: Timestamp) -> String {
    let text = time.to_string().replace('T', " ");
    format!("{} UTC", text.get(..26).unwrap_or(&text))
}

/// The bytes at the packets that a finding cites.
fn excerpts(c: &Connection, finding: &Finding) -> Vec<Excerpt> {
    let mut found = Vec::new();
    let mut add = |what: String, frame: FrameRef, bytes: &[u8], offset: u64| {
        let cited = frame == finding.at || finding.evidence.iter().any(|e| e.frame == frame);
        if cited && !bytes.is_empty() && found.len() < MAX_EXCERPTS {
            found.push(Excerpt { what, frame: frame.frame, lines: dump(bytes, offset) });
        }
    };
    for e in c.http.iter().flat_map(|http| &http.exchanges) {
        let own = e.response.iter().flat_map(|r| r.faults());
        for f in own.chain(e.interim.fault.as_deref()) {
            add(format!("{}, at byte {} of the message", f.kind, f.offset), f.frame, &f.excerpt, f.offset);
        }
    }
    for u in c.http.iter().flat_map(|http| &http.unsolicited) {
        add(u.kind().to_string(), u.frame, &u.excerpt, u.offset);
    }
    for side in [Side::Client, Side::Server] {
        if let Some(f) = c.http2.as_ref().and_then(|http| http.fault[side].as_ref()) {
            add(f.kind.to_string(), f.frame, &f.excerpt, f.offset);
        }
        if let Some(f) = &c.foreign[side] {
            add("neither TLS nor HTTP".to_owned(), f.frame, &f.bytes, 0);
        }
    }
    if let Some(f) = c.tls.as_ref().and_then(|tls| tls.fault.as_ref()) {
        add(f.kind.to_string(), f.frame, &f.excerpt, f.offset);
    }
    found
}
