//! A connection kept to be shown: its texts, not its data.

use std::cmp::Reverse;

use super::facts::title;
use super::groups::{Rank, Ranked};
use super::layout::shorten;
use super::probe_command::probe_command;
use super::timeline::Timeline;
use super::{steps, wireshark};
use crate::base::{CaptureIndex, Endpoint, FrameRef, Side, escape};
use crate::diagnosis::{Confidence, Diagnosis, Inner, Limit, Tie};
use crate::observation::{Connection, tls};

/// Characters of a message from a cause; real ones have some 200.
const MAX_MESSAGE: usize = 1_000;

/// Further findings on the same connection that are told.
const MAX_OTHERS: usize = 3;

/// What is told of one connection.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) id: u64,
    pub(super) confidence: Option<Confidence>,
    pub(super) message: String,
    /// Whether a finding speaks; a verdict's reason is said for all of its connections at once.
    pub(super) says_something: bool,
    pub(super) fix: Vec<String>,
    pub(super) ruled_out: Vec<(&'static str, String)>,
    pub(super) filter: String,
    /// The capture that the filter is for, where it names frames.
    pub(super) filter_capture: Option<CaptureIndex>,
    pub(super) title: String,
    pub(super) server: Endpoint,
    pub(super) frames: (FrameRef, FrameRef),
    /// What failed behind it.
    pub(super) behind: Vec<String>,
    pub(super) also: Vec<String>,
    pub(super) limits: Vec<String>,
    pub(super) timeline: Timeline,
    pub(super) times: String,
    /// The command that asks the origin the same.
    pub(super) probe: Option<String>,
    /// Why a key log does not open it.
    pub(super) keys: Option<String>,
}

impl Example {
    /// What explains this connection; where no finding does, the reason of its verdict.
    pub(super) fn of(c: &Connection, d: &Diagnosis) -> Example {
        let finding = d.verdict.cause.and(d.findings.first()).map(|(_, f)| f);
        let message = finding.map(|f| &*f.message).or(d.verdict.reason.as_deref()).unwrap_or_default();
        // What a limit of the capture is, is said with what it blocks.
        let others = d.findings.iter().skip(usize::from(finding.is_some())).filter(|(_, f)| f.blocks.is_none());
        let frames = finding.map(|f| wireshark::Frames::of(f, c.first.capture()));
        let filter = frames.map_or_else(|| wireshark::Conversation::of(c).to_string(), |frames| frames.to_string());
        Example {
            id: c.id,
            confidence: d.verdict.confidence,
            message: bounded(message),
            says_something: finding.is_some(),
            fix: finding.map(|f| f.fix.iter().map(|s| bounded(s)).collect()).unwrap_or_default(),
            ruled_out: finding.map(ruled_out).unwrap_or_default(),
            filter,
            filter_capture: frames.map(|frames| frames.capture()),
            title: title(c),
            server: c.server,
            frames: (c.first, c.last),
            behind: finding.iter().flat_map(|f| &f.inner).map(behind).collect(),
            also: others
                .take(MAX_OTHERS)
                .map(|(cause, f)| format!("{} ({}): {}", cause.id(), f.confidence, bounded(&f.message)))
                .collect(),
            limits: told_limits(d),
            timeline: Timeline::of(c, finding),
            times: steps::decisive(c, finding),
            probe: probe_command(c, d),
            keys: c.tls.as_ref().filter(|tls| !has_left(tls)).and_then(|tls| tls.not_opened_in_words()),
        }
    }
}

impl Ranked for Example {
    type Rank = Rank;

    fn rank(&self) -> Rank {
        (Reverse(self.confidence), self.id)
    }
}

/// Whether the client left before it had anything to encrypt: what the server still said nobody else has keys for.
fn has_left(tls: &tls::Transcript) -> bool {
    tls.not_opened.as_ref().is_some_and(|shut| shut.partly && shut.from == Side::Server)
        && tls.encrypted.client.last.is_none()
}

/// What failed on a connection behind this one, and where to read on.
fn behind(inner: &Inner) -> String {
    let tie = match inner.tie {
        Tie::Request => "of the same request",
        Tie::Time => "tied to it by nothing but the time",
    };
    let (id, cause) = (inner.connection, inner.cause.id());
    format!("connection {id}, {tie}: {} ({}; why502 explain {cause})", bounded(&inner.message), inner.confidence)
}

/// The limits that apply, where the verdict itself is not one of them.
fn told_limits(d: &Diagnosis) -> Vec<String> {
    let others = d.verdict.limits.iter().filter(|l| d.verdict.cause.is_none_or(|cause| cause.id() != l.limit));
    others.map(told_limit).collect()
}

/// `capture.mid-stream: does not show what the handshake settled`.
pub(super) fn told_limit(l: &Limit) -> String {
    format!("{}: does not show {}", l.limit, bounded(&l.blocks))
}

fn ruled_out(f: &crate::diagnosis::Finding) -> Vec<(&'static str, String)> {
    f.ruled_out.iter().map(|r| (r.cause, bounded(&r.why))).collect()
}

/// A text with values from the wire: escaped, and not endless.
pub(super) fn bounded(text: &str) -> String {
    shorten(&escape(text), MAX_MESSAGE).into_owned()
}
